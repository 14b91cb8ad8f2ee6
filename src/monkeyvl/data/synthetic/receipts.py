"""Till receipts: many layouts, printed by worn thermal and needle printers, handled, then scanned."""

from __future__ import annotations

import random
from dataclasses import replace

from PIL import Image

from monkeyvl.data.synthetic import ornaments, receipts_content
from monkeyvl.data.synthetic.canvas import Canvas, Sample
from monkeyvl.data.synthetic.degrade import finish
from monkeyvl.data.synthetic.fonts import choose_face, load_font
from monkeyvl.data.synthetic.layout import Cell, Pen, Row, centred
from monkeyvl.data.synthetic.receipts_content import Item, Receipt
from monkeyvl.data.synthetic.tasks_documents import Page

QUESTIONS = {
    "total": ("How much is the total?", "What is the total amount on this receipt?", "What was paid in all?"),
    "date": (
        "When was this receipt printed?",
        "What is the date on this receipt?",
        "Which date is on the receipt?",
    ),
    "company": (
        "What is the name of the shop?",
        "What is the name of the company that issued this receipt?",
        "Which company is this?",
    ),
    "address": (
        "Where is the shop?",
        "What is the address of the shop?",
        "What is the address of the company that issued this receipt?",
    ),
    "tax": ("How much is the tax?", "How much tax was paid?"),
    "subtotal": ("How much is the subtotal?", "What is the sum before tax?"),
    "cash": ("How much cash was paid?", "How much was handed over?"),
    "change": ("How much change was given?",),
    "time": ("At what time was it printed?", "What is the time on the receipt?"),
    "phone": ("What is the phone number?", "Which number can be called?"),
    "number": ("What is the receipt number?", "What is the invoice number?"),
    "cashier": ("Who was the cashier?",),
    "discount": ("How much is the discount?",),
    "total quantity": ("How many pieces were bought in all?", "How many were bought altogether?"),
}  # fmt: skip


def make_receipt(
    rng: random.Random,
    width: int = 600,
    most_rows: int | None = None,
    font_px: tuple[int, int] = (9, 34),
    strength: float = 0.5,
    longest: int = 1200,
    amount: float = 0.5,
    places: bool = True,
) -> Sample:
    """A receipt on a picture `width` pixels wide, as high as its rows need; letters `font_px` high.

    `amount` 0..1 says how much is printed, `most_rows` replaces it by about that many rows. `longest` is the
    length of the longest reading answer in characters, `places` adds questions with coordinates.
    """
    rows = most_rows or round(8 + 44 * amount * rng.uniform(0.5, 1.3))
    content = receipts_content.make_content(rng, rows)
    letters = content.text()
    kind = rng.random()
    if kind < 0.5:
        face = choose_face(rng, letters, "mono", regular=rng.random() < 0.7)
    elif kind < 0.8:
        face = choose_face(rng, letters, "sans", regular=rng.random() < 0.8)
    elif kind < 0.92:
        face = choose_face(rng, letters, "condensed", regular=rng.random() < 0.7)
    else:
        face = choose_face(rng, letters, "serif")
    low, high = font_px
    # On a whole page of a scanner the receipt is a small strip.
    share = rng.uniform(0.4, 0.65) if width >= 560 and low <= 12 and rng.random() < 0.15 else 1.0
    paper = width * share
    room = paper * (1 - 2 * rng.uniform(0.03, 0.1))
    columns = rng.randint(26, 46)
    advance = load_font(face, 64).getlength("0") / 64
    tall = rng.uniform(0.6, 0.9) if rng.random() < 0.4 else 1.0
    # Long receipts are printed small rather than ending up on a picture of any height.
    px = max(low, min(high, round(room / columns / advance / tall), round(2.2 * width / (1.4 * rows))))
    canvas = _printed(rng, content, face, px, round(room), tall, low)
    canvas = _on_paper(rng, canvas, width, share, px)
    page = Page("receipt", canvas, content.fields, content.structure(), _caption(content), QUESTIONS,
                receipts_content.questions(rng, content))  # fmt: skip
    finish(canvas, rng, "thermal" if share == 1 else "scan", strength)
    return page.sample(rng, longest, places)


def _caption(content: Receipt) -> str:
    count = len(content.items)
    goods = "1 item" if count == 1 else f"{count} items"
    return (
        f"A receipt of {content.company} dated {content.date} for {goods}, total {content.fields['total']}."
    )


def _printed(
    rng: random.Random, content: Receipt, face: str, px: int, room: int, tall: float, low: int
) -> Canvas:
    """The rows alone, without any margin, as the printer made them; `tall` squeezes the letters."""
    # Needle and cheap thermal printers have few dots a letter: drawn small in two tones, then enlarged.
    dots = 1.0
    if px >= 18 and low <= 18 and rng.random() < 0.25:
        dots = px / rng.uniform(11, 13)
    drawn = max(6, round(px / dots))
    wide = round(room / dots / tall)
    spacing = rng.choice((1.1, 1.2, rng.uniform(1.05, 1.6)))
    blank = Canvas(wide, 8)
    pen = Pen(blank, face, drawn, 0, wide, 0, spacing, 0)
    rows = _rows(rng, content)
    canvas = Canvas(wide, round(pen.height(rows) + drawn * spacing))
    if dots > 1:
        canvas.draw.fontmode = "1"
    pen = Pen(canvas, face, drawn, 0, wide, 0.15 * drawn, spacing, 0)
    pen.rows(rows)
    if dots > 1 or tall < 1:
        smooth = rng.choice((Image.Resampling.BILINEAR, Image.Resampling.NEAREST)) if dots > 1 else None
        size = room, round(canvas.size[1] * dots)
        canvas.resize(*size, Image.Resampling.BICUBIC if smooth is None else smooth)
    return canvas


def _on_paper(rng: random.Random, printed: Canvas, width: int, share: float, px: int) -> Canvas:
    """The printed rows on paper of `share` of the picture's width, with all that is not print."""
    wide, high = printed.size
    head = rng.uniform(0.5, 2.0) * px if rng.random() < 0.5 else rng.uniform(1, 7) * px
    foot = rng.uniform(0.5, 4) * px
    sign = rng.uniform(2, 5) * px if rng.random() < 0.12 else 0.0
    height = round(high + head + foot + sign)
    tone = rng.randint(232, 255)
    canvas = Canvas(width, max(height, round(width * 1.414)) if share < 1 else height, paper=tone)
    spare = canvas.size[1] - height
    x = round((width - wide) / 2) if share == 1 else round(rng.uniform(0.1, 0.9) * (width - wide))
    y = round(head + sign + (spare * rng.uniform(0.02, 0.5) if share < 1 else 0))
    canvas.paste(printed, x, y, printed.image.point([255 - value for value in range(256)]))
    middle = x + wide / 2
    if sign:
        half = sign * rng.uniform(0.4, 1.2)
        ornaments.logo(canvas, rng, (middle - half, y - sign, middle + half, y - 0.3 * px), 0, tone)
    if rng.random() < 0.12:
        place = ornaments.free_place(canvas, rng, wide * 0.6, 2.5 * px)
        if place:
            ornaments.barcode(canvas, rng, place)
    for chance, mark in (
        (0.12, "note"),
        (0.1, "stamp"),
        (0.2, "scribble"),
        (0.12, "holes"),
        (0.06, "circle"),
    ):
        if rng.random() < chance:
            _mark(canvas, rng, mark, px)
    if rng.random() < 0.25:
        ornaments.dark_edges(canvas, rng, width * 0.04)
    return canvas


def _mark(canvas: Canvas, rng: random.Random, mark: str, px: int) -> None:
    ink = rng.randint(0, 110)
    if mark == "note":
        ornaments.note(canvas, rng, str(rng.randint(10, 9999999)), round(px * rng.uniform(1.2, 1.8)), ink)
    elif mark == "stamp":
        ornaments.stamp(canvas, rng, round(px * rng.uniform(1.3, 2.2)), ink)
    elif mark == "holes":
        ornaments.holes(canvas, rng, round(px * rng.uniform(0.5, 1.1)))
    elif mark == "circle":
        ornaments.circle(canvas, rng, canvas.marks["total"], ink, max(1, px // 10))
    else:
        place = ornaments.free_place(canvas, rng, px * rng.uniform(2, 6), px * rng.uniform(1.2, 3))
        if place:
            ornaments.scribble(canvas, rng, place, ink, max(1, px // rng.randint(7, 16)))


# Rows: head, information, goods, sums, foot; each part in one of several layouts.


def _rows(rng: random.Random, content: Receipt) -> list[Row]:
    rule = rng.choice(("-", "-", "=", "*", ".", "line", "line", "double", "_", "- ", ""))
    ruled = [Row(rule=rule)] if rule else [Row(gap=0.4)]
    parts = [_head(rng, content), _information(rng, content), _goods(rng, content), _sums(rng, content)]
    if content.counts:
        counts = _counts(rng, content)
        parts[2], parts[3] = (
            (parts[2] + counts, parts[3]) if rng.random() < 0.5 else (parts[2], parts[3] + counts)
        )
    if content.summary:
        parts.append(_summary(rng, content))
    if rng.random() < 0.2:
        # Date and number at the end.
        parts = [parts[0], *parts[2:], parts[1]]
    rows: list[Row] = []
    for number, part in enumerate(parts):
        if number and part:
            rows += ruled if rng.random() < 0.8 else [Row(gap=rng.uniform(0.1, 0.8))]
        rows += part
    if content.footers:
        rows += ruled if rng.random() < 0.4 else [Row(gap=rng.uniform(0.3, 1.2))]
        rows += [centred(footer, role="footer") for footer in content.footers]
    return rows


def _head(rng: random.Random, content: Receipt) -> list[Row]:
    large = rng.choice((1.0, 1.0, 1.15, 1.3, 1.5))
    bold = rng.random() < 0.5
    aside = rng.random() < 0.12
    rows = [centred(content.company, ("company", content.company), size=large, bold=bold, role="company")]
    contact = [centred(label + value, (name, value)) for name, label, value in content.contact]
    if content.contact[:1] and content.contact[0][0] == "registration number" and rng.random() < 0.7:
        rows.append(contact.pop(0))
    rows += [centred(line, ("address", line), role="address") for line in content.address] + contact
    if aside:
        rows = [
            Row((Cell(row.cells[0].text, fields=row.cells[0].fields),), row.size, row.bold) for row in rows
        ]
    if content.title:
        title = centred(
            content.title, size=rng.choice((1.0, 1.0, 1.3)), bold=rng.random() < 0.5, role="title"
        )
        rows.append(Row(title.cells, title.size, title.bold, gap=rng.choice((0.0, 0.5, 1.0))))
    return rows


def _information(rng: random.Random, content: Receipt) -> list[Row]:
    colon = rng.choice((": ", ":", " : ", " ", "  "))
    label = rng.choice(("DATE", "Date", "Date", "", ""))
    dated = (label + colon if label else "") + content.date
    fields = [("date", content.date)]
    if content.time and rng.random() < 0.6:
        dated += rng.choice((" ", "  ")) + content.time
        fields.append(("time", content.time))
    entries = [(dated, fields)]
    if content.time and len(fields) == 1:
        entries.append((rng.choice(("TIME", "Time")) + colon + content.time, [("time", content.time)]))
    entries += [(label + colon + value, [(name, value)]) for name, label, value in content.info]
    if rng.random() < 0.5:
        entries = [*entries[1:], entries[0]]
    style = rng.random()
    if style < 0.25:
        # Two beside each other.
        return [
            Row(tuple(Cell(text, 0.0 if side == 0 else 1.0, "left" if side == 0 else "right", tuple(inside))
                      for side, (text, inside) in enumerate(entries[at : at + 2])))
            for at in range(0, len(entries), 2)
        ]  # fmt: skip
    if style < 0.5:
        # Labels in one column, colons below each other, values in another.
        at = rng.uniform(0.3, 0.45)
        rows = []
        for text, inside in entries:
            start = text.find(inside[0][1])
            label = text[:start].rstrip(" :")
            cells = [Cell(label, role="key")] if label else []
            value = (": " if label and ":" in colon else "") + text[start:]
            rows.append(Row((*cells, Cell(value, at if label else 0.0, fields=tuple(inside), role="value"))))
        return rows
    middle = rng.random() < 0.15
    return [
        Row((Cell(text, 0.5 if middle else 0.0, "centre" if middle else "left", tuple(inside)),))
        for text, inside in entries
    ]


def _goods(rng: random.Random, content: Receipt) -> list[Row]:
    style = rng.randrange(5)
    currency = content.currency if rng.random() < 0.25 else ""
    tail = rng.choice(("", "", "", " S", " SR", " T", " Z"))
    headed = rng.random() < (0.8 if style >= 3 else 0.3)
    rows: list[Row] = []
    if headed:
        rows = _table_head(rng, content, style)
    for item in content.items:
        rows += _item(rng, content, item, style, currency, tail)
    return rows


def _table_head(rng: random.Random, content: Receipt, style: int) -> list[Row]:
    name = rng.choice(("ITEM", "Item", "Description", "DESCRIPTION", "Particulars", "Product"))
    money = rng.choice(
        ("AMT", "Sum", "Price") if style == 2 else ("AMOUNT", "Amount", "AMT", "Sum", "Price")
    ) + (f"({content.currency.strip()})" if content.currency and rng.random() < 0.4 else "")
    cells = [Cell(name, 0.0 if style != 2 else 0.15), Cell(money, 1.0, "right")]
    if style == 2:
        cells.insert(0, Cell(rng.choice(("Qty", "QTY"))))
    if style >= 3:
        cells[1:1] = [
            Cell(rng.choice(("QTY", "Qty")), 0.55, "right"),
            Cell(rng.choice(("U.P", "Each", "Unit", "Rate")), 0.76, "right"),
        ]
    below = [Row(rule=rng.choice(("-", "line", "=")))] if rng.random() < 0.6 else []
    return [Row(tuple(cells), bold=rng.random() < 0.3), *below]


def _item(
    rng: random.Random, content: Receipt, item: Item, style: int, currency: str, tail: str
) -> list[Row]:
    money = content.money(item.amount)
    price = Cell(currency + money + tail, 1.0, "right", role="price")
    each = content.money(item.price)
    name = f"{item.code} {item.name}" if item.code and style in (0, 1, 2) else item.name
    if style == 0:
        rows = [Row((Cell(name, role="item"), price))]
        if item.quantity > 1:
            rows.append(Row((Cell(f"{item.quantity} x {each}", 0.06),)))
        return rows
    if style == 1:
        # The name, below it how many at what price.
        count = f"{item.quantity} {rng.choice(('X', 'x', '@'))} {each}"
        return [Row((Cell(name, role="item"),)), Row((Cell(count, 0.72, "right"), price))]
    if style == 2:
        return [Row((Cell(str(item.quantity), 0.0), Cell(name, 0.15, role="item"), price))]
    numbers = (Cell(str(item.quantity), 0.55, "right"), Cell(each, 0.76, "right"), price)
    if style == 3 and len(item.name) <= 12:
        return [Row((Cell(item.name, role="item"), *numbers))]
    first = (Cell(item.code, role="code"),) if item.code else ()
    return [Row((Cell(item.name, role="item"),)), Row((*first, *numbers))]


def _sums(rng: random.Random, content: Receipt) -> list[Row]:
    inner = rng.random() < 0.35
    currency = rng.choice(("", "", content.currency))
    colon = rng.choice(("", "", ":", " :"))
    large, bold = rng.choice((1.0, 1.0, 1.0, 1.2, 1.5)), rng.random() < 0.5
    beside = rng.random() < 0.1
    rows = []
    for name, label, value in content.sums:
        chief = name == "total"
        shown = (currency if currency or not chief else content.currency) + value
        fields = ((name, value),) if name else ()
        cell = Cell(shown, 1.0, "right", fields, "value")
        cells: tuple[Cell, ...] = (Cell(label + colon, role="key"), cell)
        if beside:
            cells = (Cell(f"{label}{colon} {shown}", fields=fields, role="value"),)
        elif inner:
            cells = (Cell(label + colon, 0.68, "right", role="key"), cell)
        rows.append(
            Row(cells, large if chief else 1.0, bold and chief, gap=0.3 if chief and large > 1 else 0.0)
        )
    return rows


def _counts(rng: random.Random, content: Receipt) -> list[Row]:
    """How many items and units there were: beside each other or in two rows."""
    colon = rng.choice((": ", ":", " : "))
    cells = [
        Cell(label + colon + value, fields=((name, value),), role="value")
        for name, label, value in content.counts
    ]
    if len(cells) == 2 and rng.random() < 0.6:
        return [Row((cells[0], replace(cells[1], at=1.0, align="right")))]
    return [Row((cell,)) for cell in cells]


def _summary(rng: random.Random, content: Receipt) -> list[Row]:
    """Net and tax by the code of the tax, in three columns."""
    bold = rng.random() < 0.2
    return [
        Row((Cell(first), Cell(net, 0.72, "right"), Cell(tax, 1.0, "right")), bold=bold and number == 0)
        for number, (first, net, tax) in enumerate(content.summary)
    ]
