"""Office forms: keys with typed or written values on lines and in boxes, check boxes, signatures."""

from __future__ import annotations

import random
import string
from collections.abc import Collection

from monkeyvl.data.synthetic import ornaments, words_lists, words_places, words_text
from monkeyvl.data.synthetic.blocks import (
    Column,
    Pair,
    below,
    pairs_block,
    pick_ruling,
    pick_style,
    table_block,
)
from monkeyvl.data.synthetic.canvas import Exchange, Sample
from monkeyvl.data.synthetic.fonts import Group, choose_face, covers
from monkeyvl.data.synthetic.layout import Cell, Pen, Row
from monkeyvl.data.synthetic.pages import Sheet, handle, send
from monkeyvl.data.synthetic.tasks_documents import Page
from monkeyvl.prompts import prompt

# Keys by the sort of their values.
KEYS = {
    "person": ("Name", "Submitted by", "Requested by", "Prepared by", "Supervisor", "Contact", "Attention",
               "Originator", "To",
               "From", "cc", "Manager", "Investigator", "Approved by", "Applicant", "Full name",
               "Written by", "Reviewed by"),
    "date": ("Date", "Start date", "Date received", "Completion date", "Date of birth", "Effective date",
             "Ship date", "Due",
             "Meeting date", "Expiry", "Date submitted", "Period ending"),
    "money": ("Amount", "Total cost", "Budget", "Estimated cost", "Balance", "Unit price", "Fee", "Value",
              "Deposit"),
    "number": ("No.", "Project No.", "Account No.", "Job number", "Sample No.", "Code", "Lot", "File No.",
               "Order No.", "ID",
               "Authorization No.", "Batch", "Serial number", "Reg. No.", "Page", "Extension", "Room"),
    "firm": ("Company", "Supplier", "Manufacturer", "Customer", "Agency", "Vendor", "Employer",
             "Publication", "Account"),
    "phone": ("Phone", "Fax", "Telephone", "Fax number", "Tel. No."),
    "place": ("Address", "Location", "City", "Office", "Division", "Region", "Ship to"),
    "words": ("Subject", "Title", "Description", "Product", "Brand", "Purpose", "Project", "Material",
              "Remarks", "Type", "Item",
              "Department", "Reason", "Event", "Objective", "Status", "Source", "Use", "Comments"),
    "measure": ("Weight", "Length", "Quantity", "Size", "Volume", "Temperature", "Width", "Diameter",
                "Moisture", "Rate"),
}  # fmt: skip
SECTIONS = ("General", "Applicant", "Details", "Order", "Specifications", "Approvals", "For office use",
            "Requirements", "Budget",
            "Distribution", "Shipping", "History", "Results", "Part A", "Part B", "Section 1",
            "Section 2")  # fmt: skip
BOXES = ("Yes", "No", "Urgent", "Routine", "New", "Renewal", "Full time", "Part time", "Male", "Female",
         "Approved", "Rejected",
         "Partial", "Complete", "Mail", "Fax", "Cash", "Credit", "Single", "Married", "Attached",
         "Other")  # fmt: skip
FIELD = (
    'What is the value of the form field "{key}"?',
    'What is filled in at "{key}"?',
    'What stands beside "{key}"?',
    'What does the field "{key}" say?',
)


def make_form(
    rng: random.Random,
    width: int = 780,
    font_px: tuple[int, int] = (10, 15),
    strength: float = 0.6,
    longest: int = 1200,
    amount: float = 0.5,
    places: bool = True,
) -> Sample:
    """A form `width` pixels wide with letters `font_px` high.

    `amount` 0..1 says how many fields it has; `longest` and `places` choose among the tasks.
    """
    groups: tuple[Group, ...] = ("mono", "mono", "sans", "serif", "condensed")
    sheet = Sheet(rng, width, font_px, groups)
    pen = sheet.pen
    pairs = _pairs(rng, max(2, round(3 + 42 * amount * rng.uniform(0.3, 1.1))))
    # Values are typed with another machine than the form was printed with, or written by hand.
    filled = pen.face
    if rng.random() < 0.6:
        typed = "".join(pair.value for pair in pairs) + string.ascii_letters + string.digits
        hand: tuple[Group, ...] = rng.choice((("mono",), ("mono",), ("hand",)))
        filled = choose_face(rng, typed, *hand)
    boxes: dict[str, bool] = {}
    comments: dict[str, str] = {}
    title = _title(rng)
    _head(rng, pen, title)
    _body(rng, sheet, pairs, filled, boxes, comments, amount)
    signed = _signatures(rng, pen, amount, {pair.key.lower() for pair in pairs})
    canvas = sheet.close(1.29)
    scribbled = handle(canvas, rng, pen.px, 0.12)
    fields = {pair.key: pair.value for pair in pairs if pair.value} | comments
    structure = {"title": title, "pairs": [[key, value] for key, value in fields.items()]}
    caption = f'A form "{title}" with {len(fields)} fields filled in.'
    wordings = dict.fromkeys(fields, FIELD)
    page = Page(
        "form",
        canvas,
        fields,
        structure,
        caption,
        wordings,
        _questions(rng, boxes, pairs, title, None if scribbled and not signed else signed),
    )
    send(canvas, rng, strength, 0.04)
    return page.sample(rng, longest, places)


def value_of(rng: random.Random, sort: str) -> str:
    """Something that is filled in for a key of that sort."""
    where = words_places.country(rng)
    if sort == "person":
        return words_places.person(rng)
    if sort == "date":
        pattern = rng.choice((*where.dates, "Month d, yyyy", "m/d/yy"))
        return words_places.written_date(words_places.day(rng), pattern)
    if sort == "money":
        money = words_places.amount(rng.uniform(1, 90000))
        return rng.choice(("$", "$ ", "", "£")) + (money if rng.random() < 0.6 else money[:-3])
    if sort == "number":
        return words_places.document_number(rng) if rng.random() < 0.7 else words_places.digits(rng, "###")
    if sort == "firm":
        return words_places.firm(rng, where)
    if sort == "phone":
        return words_places.phone(rng, where)
    if sort == "place":
        return rng.choice((words_lists.TOWNS[where.code][0], " ".join(words_places.address(rng, where)),
                           rng.choice(words_lists.TOWNS[where.code])))  # fmt: skip
    if sort == "measure":
        unit = rng.choice((" mm", " kg", "%", " mg", " lbs.", "", f" x {rng.randint(2, 90)}"))
        return f"{rng.uniform(0.1, 990):.{rng.randint(0, 2)}f}{unit}"
    kind = rng.random()
    if kind < 0.3:
        return words_text.title(rng)
    if kind < 0.5:
        return f"{words_places.nonsense(rng)} {rng.choice(words_lists.NOUNS)}"
    return " ".join(rng.choice(words_lists.NOUNS) for _ in range(rng.randint(1, 3))).capitalize()


def _pairs(rng: random.Random, count: int) -> list[Pair]:
    case = rng.choice((str.upper, str.title, str))
    pairs: dict[str, Pair] = {}
    while len(pairs) < count:
        sort = rng.choice(sorted(KEYS))
        key = rng.choice(KEYS[sort])
        if rng.random() < 0.25:
            key = f"{rng.choice(words_lists.ADJECTIVES + words_lists.NOUNS).capitalize()} {key.lower()}"
        key = case(key)
        value = value_of(rng, sort) if not pairs or rng.random() < 0.88 else ""
        pairs.setdefault(key, Pair(key, value, key if value else ""))
    return list(pairs.values())


def _title(rng: random.Random) -> str:
    noun = rng.choice(
        (
            "Form",
            "Request",
            "Report",
            "Application",
            "Record",
            "Authorization",
            "Survey",
            "Registration",
            "Sheet",
        )
    )
    return rng.choice((str.upper, str.title))(
        f"{rng.choice(words_lists.NOUNS)} {rng.choice(words_lists.NOUNS)} {noun}"
    )


def _head(rng: random.Random, pen: Pen, title: str) -> None:
    if rng.random() < 0.3:
        pen.row(Row((Cell(words_places.firm(rng, words_places.country(rng)), 0.5, "centre"),), bold=True))
    if rng.random() < 0.15:
        side = 4 * pen.px
        ornaments.logo(
            pen.canvas, rng, (pen.x0, pen.y, pen.x0 + side, pen.y + side), pen.ink, pen.canvas.paper
        )
        pen.y += side
    at = rng.choice((0.0, 0.5, 0.5, 0.5))
    size = rng.choice((1.0, 1.15, 1.4))
    row = Row((Cell(title, at, "centre" if at else "left", role="title"),), size, rng.random() < 0.7, gap=0.5)
    pen.row(row)
    if rng.random() < 0.3:
        pen.row(Row(rule="line"))
    pen.y += pen.px * rng.uniform(0.3, 1.5)


def _body(
    rng: random.Random,
    sheet: Sheet,
    pairs: list[Pair],
    filled: str,
    boxes: dict[str, bool],
    comments: dict[str, str],
    amount: float,
) -> None:
    pen = sheet.pen
    style, bold = pick_style(rng), rng.random() < 0.4
    # Many forms leave room to write between the rows.
    air = rng.choice((0.15, 0.15, rng.uniform(0.3, 1.6))) if amount > 0.25 else 0.15
    at = 0
    while at < len(pairs):
        part = pairs[at : at + rng.randint(2, 8)]
        at += len(part)
        if rng.random() < 0.35 and amount > 0.25:
            section = rng.choice(SECTIONS)
            pen.row(Row((Cell(section.upper() if bold else section, role="section"),), bold=True, gap=0.4))
            pen.y += 0.25 * pen.px
        if rng.random() < 0.3:
            style = pick_style(rng)
        columns = 1 if sheet.narrow() else rng.choice((1, 1, 2, 2, 3))
        shade = sheet.shade if rng.random() < 0.2 else None
        pairs_block(pen, part, style, min(columns, len(part)), filled, bold, shade, air)
        pen.y += pen.px * (rng.uniform(0.2, 1.0) + air)
        if rng.random() < 0.25 * amount:
            pen.paragraph(words_text.paragraph(rng, rng.randint(1, 3)), rng.choice((0.85, 1.0)))
            pen.y += 0.5 * pen.px
        if rng.random() < 0.25 * amount * 2:
            _check_boxes(rng, pen, boxes, {pair.key.lower().rstrip(".") for pair in pairs})
        if rng.random() < 0.3 * amount and not comments:
            _comment(rng, pen, filled, comments, {pair.key.lower() for pair in pairs})
        if rng.random() < 0.25 * amount and not sheet.narrow():
            _small_table(rng, pen, filled)


def _check_boxes(rng: random.Random, pen: Pen, boxes: dict[str, bool], taken: Collection[str]) -> None:
    """A row of boxes, some of them ticked; none is called as a field that is `taken`, in lower case."""
    case = rng.choice((str.upper, str))
    side = 0.85 * pen.px
    x = pen.x0
    before = rng.random() < 0.5
    for name in rng.sample([one for one in BOXES if one.lower() not in taken], rng.randint(2, 5)):
        key = case(name)
        long = pen.font().getlength(key)
        if key in boxes or x + long + 2.5 * side > pen.x1:
            continue
        start = x + 1.5 * side if before else x
        left = x if before else x + long + 0.5 * side
        below(pen, start, pen.x1).cell(Cell(key, role="option"), pen.y)
        box = (left, pen.y + 0.25 * pen.px, left + side, pen.y + 0.25 * pen.px + side)
        pen.canvas.draw.rectangle(box, outline=pen.ink)
        boxes[key] = rng.random() < 0.4
        if boxes[key]:
            ornaments.tick(pen.canvas, box, pen.ink, max(1, pen.px // 7), rng.random() < 0.6)
        pen.canvas.marks[f"box {key}"] = box
        x += long + 3.5 * side
    pen.y += 1.5 * pen.px * pen.spacing


def _comment(
    rng: random.Random, pen: Pen, filled: str, comments: dict[str, str], taken: Collection[str]
) -> None:
    """A key with running text below it; no key that is `taken`, in lower case, by another field."""
    keys = ("COMMENTS:", "Remarks:", "REASONS:", "Notes:", "CONCLUSION:", "Instructions:")
    key = rng.choice([key for key in keys if key.rstrip(":").lower() not in taken])
    text = words_text.paragraph(rng, rng.randint(1, 3))
    pen.row(Row((Cell(key, role="key"),)))
    face = filled if all(covers(filled, letter) for letter in set(text) - {" "}) else pen.face
    part = below(pen, pen.x0 + rng.choice((0, 2)) * pen.px, pen.x1, face=face)
    lines = part.paragraph(text, role="value")
    comments[key.rstrip(":")] = " ".join(line.text for line in lines)
    pen.y = part.y + 0.4 * pen.px


def _small_table(rng: random.Random, pen: Pen, filled: str) -> None:
    count = rng.randint(2, 5)
    names = rng.sample(words_lists.NOUNS, count)
    columns = [Column("", [name.capitalize() for name in names])]
    for head in rng.sample(words_lists.NOUNS, rng.randint(2, 4)):
        decimals = rng.randint(0, 2)
        columns.append(
            Column(head.upper(), [f"{rng.uniform(0, 99):.{decimals}f}" for _ in names], "right", 1)
        )
    part = below(pen, pen.x0, pen.x1, face=filled)
    table_block(part, columns, pick_ruling(rng), None, False)
    pen.y = part.y


def _signatures(rng: random.Random, pen: Pen, amount: float, taken: Collection[str]) -> bool:
    if rng.random() > 0.2 + amount * 0.5:
        return False
    for _ in range(rng.randint(1, 3)):
        pen.y += 1.6 * pen.px
        long = min(18 * pen.px, (pen.x1 - pen.x0) * 0.6)
        labels = ("Signature", "Signed", "SUBMITTED BY", "APPROVED BY", "Authorized by")
        label = rng.choice([one for one in labels if one.lower() not in taken])
        start = pen.x0 + pen.font().getlength(label + "  ")
        below(pen, pen.x0, pen.x1).cell(Cell(label, role="key"), pen.y)
        end = min(start + long, pen.x1)
        pen.canvas.rule(pen.y + 1.1 * pen.px, start, end, pen.ink)
        box = (start + pen.px, pen.y - 0.9 * pen.px, start + 0.8 * (end - start), pen.y + 1.3 * pen.px)
        ornaments.scribble(pen.canvas, rng, box, rng.randint(0, 80), max(1, pen.px // 8))
        pen.y += 1.5 * pen.px
    return True


def _questions(
    rng: random.Random, boxes: dict[str, bool], pairs: list[Pair], title: str, signed: bool | None
) -> list[Exchange]:
    """What is asked of forms alone; `signed` is None where nobody could tell."""
    asked = ["What is the title of the form?"]
    if all(pair.key.lower() != "title" for pair in pairs):
        asked.append(prompt("extract", "embedded", key="title"))
    found = [
        Exchange(rng.choice(asked), title),
        Exchange("How many fields are empty?", str(sum(not pair.value for pair in pairs))),
    ]
    if signed is not None:
        asked = ["Is the form signed?", "Is there a signature?"]
        found.append(Exchange(rng.choice(asked), "yes" if signed else "no"))
    if boxes:
        name = rng.choice(sorted(boxes))
        found.append(Exchange(rng.choice((f'Is "{name}" checked?', f'Is the box "{name}" ticked?')),
                              "yes" if boxes[name] else "no"))  # fmt: skip
        ticked = [name for name, on in boxes.items() if on]
        if ticked:
            found.append(Exchange("Which boxes are ticked?", ", ".join(ticked)))
    empty = [pair.key for pair in pairs if not pair.value]
    key = rng.choice(empty) if empty and rng.random() < 0.5 else rng.choice([pair.key for pair in pairs])
    found.append(Exchange(f'Is the field "{key}" filled in?', "no" if key in empty else "yes"))
    return found
