"""Till receipts: a shop, goods with prices that add up, a total, a date; printed in one mono or sans font."""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import ImageFont

from monkeyvl.data.synthetic import words
from monkeyvl.data.synthetic.canvas import Canvas, Exchange, Sample
from monkeyvl.data.synthetic.degrade import degrade
from monkeyvl.data.synthetic.fonts import find_fonts, load_font
from monkeyvl.data.synthetic.tasks import reading_exchanges

TOTAL_LABELS = ("TOTAL", "TOTAL", "TOTAL", "GRAND TOTAL", "AMOUNT DUE", "TOTAL AMOUNT", "NETT TOTAL")
QUESTIONS = {
    "total": ("What is the total?", "How much is the total?", "What is the total amount?", "Total?"),
    "date": ("What is the date?", "When was this receipt printed?", "Which date is on the receipt?", "Date?"),
    "company": (
        "What is the company?",
        "What is the name of the shop?",
        "Which company is this?",
        "Company?",
    ),
    "tax": ("What is the tax?", "How much is the tax?"),
    "subtotal": ("What is the subtotal?", "How much is the subtotal?"),
    "cash": ("What is the cash?", "How much cash was paid?"),
    "change": ("What is the change?", "How much change was given?"),
    "time": ("What is the time?", "At what time was it printed?"),
    "phone": ("What is the phone number?", "What is the phone?"),
    "number": ("What is the receipt number?", "What is the invoice number?"),
    "address": ("What is the address?", "Where is the shop?"),
}


@dataclass(frozen=True)
class Row:
    """One printed row: a left and a right part, or one part alone, centred or not."""

    left: str
    right: str = ""
    centred: bool = False
    large: bool = False
    rule: bool = False


def _content(rng: random.Random, most_rows: int) -> tuple[list[Row], dict[str, str], list[tuple[str, str]]]:
    """Rows, the named fields, and the goods with their prices as printed."""
    style = rng.choice(("upper", "upper", "title"))

    def say(text: str) -> str:
        return words.cased(text, style)

    currency = rng.choice(("", "", "", "$", "£", "€", "RM ", "USD "))
    goods = rng.sample(words.GOODS, rng.randint(1, max(1, min(6, most_rows - 4))))
    prices = [words.price(rng) for _ in goods]
    subtotal = round(sum(prices), 2)
    tax = round(subtotal * rng.choice((0.05, 0.06, 0.07, 0.1, 0.2)), 2) if rng.random() < 0.5 else 0.0
    total = round(subtotal + tax, 2)
    fields = {"company": say(words.company(rng)), "date": words.date(rng), "total": words.money(total)}
    head = [Row(fields["company"], centred=True, large=rng.random() < 0.3)]
    room = most_rows - len(goods) - 3
    if room > 2 and rng.random() < 0.5:
        street, town = words.address(rng)
        fields["address"] = f"{say(street)} {say(town)}"
        head += [Row(say(street), centred=True), Row(say(town), centred=True)]
        room -= 2
    if room > 0 and rng.random() < 0.4:
        fields["phone"] = words.phone(rng)
        head.append(Row(say("TEL") + rng.choice((": ", " ", ":")) + fields["phone"], centred=True))
        room -= 1
    label = rng.choice(("", "", say("DATE") + rng.choice((":", " :", ""))))
    dated = [Row(label, fields["date"])] if label else [Row(fields["date"])]
    if not label and rng.random() < 0.4:
        fields["time"] = words.time_of_day(rng)
        dated = [Row(fields["date"], fields["time"])]
    if room > 0 and rng.random() < 0.4:
        fields["number"] = words.code(rng)
        dated.append(
            Row(
                say(rng.choice(("RECEIPT", "INVOICE", "NO", "BILL NO"))) + rng.choice((":", " #", "")),
                fields["number"],
            )
        )
        room -= 1
    bill = [Row(say(name), words.money(cost)) for name, cost in zip(goods, prices, strict=True)]
    tail = []
    if tax and room > 1:
        fields["subtotal"], fields["tax"] = words.money(subtotal), words.money(tax)
        tail += [
            Row(say("SUBTOTAL"), words.money(subtotal)),
            Row(say(rng.choice(("TAX", "GST", "VAT"))), words.money(tax)),
        ]
        room -= 2
    elif tax:
        total = subtotal
        fields["total"] = words.money(total)
    tail.append(
        Row(
            say(rng.choice(TOTAL_LABELS)) + rng.choice(("", "", ":")),
            currency + fields["total"],
            large=rng.random() < 0.3,
        )
    )
    if room > 1 and rng.random() < 0.5:
        paid = round(total + rng.choice((0.0, 1.0, 5.0, 10.0, 0.5)), 2)
        fields["cash"], fields["change"] = words.money(paid), words.money(paid - total)
        tail += [Row(say("CASH"), fields["cash"]), Row(say("CHANGE"), fields["change"])]
        room -= 2
    thanks = [Row(say(rng.choice(("THANK YOU", "THANK YOU COME AGAIN", "HAVE A NICE DAY"))), centred=True)]
    foot = thanks if room > 0 and rng.random() < 0.5 else []
    ruled = [Row("", rule=True)] if rng.random() < 0.4 else []
    rows = (
        head + dated + ruled + bill + ruled + tail + foot
        if rng.random() < 0.75
        else head + ruled + bill + ruled + tail + dated + foot
    )
    return rows, fields, [(row.left, row.right) for row in bill]


def _fitted(path: str, rows: list[Row], room: float, most: int) -> ImageFont.FreeTypeFont:
    """The largest font not above `most` pixels in which every row fits into `room` pixels."""
    probe = load_font(path, 32)
    widest = max(
        probe.getlength(row.left + ("  " + row.right if row.right else "")) * (1.25 if row.large else 1)
        for row in rows
    )
    return load_font(path, max(8, min(most, int(32 * room / widest))))


def make_receipt(
    rng: random.Random,
    width: int = 512,
    most_rows: int = 16,
    font_px: tuple[int, int] = (24, 44),
    strength: float = 0.5,
    longest: int = 0,
) -> Sample:
    """A receipt `width` pixels wide, as high as its rows need; letters at most `font_px` high.

    The exchanges ask for every field and two prices; `longest` > 0 adds the reading tasks of `tasks.py`.
    """
    rows, fields, goods = _content(rng, most_rows)
    margin = width * rng.uniform(0.02, 0.08)
    font = _fitted(rng.choice(find_fonts()), rows, width - 2 * margin, rng.randint(*font_px))
    spacing = font.size * rng.uniform(1.1, 1.55)
    top = margin * rng.uniform(0.5, 2.0)
    height = int(2 * top + spacing * sum(1.3 if row.large else 1 for row in rows))
    canvas = Canvas(width, height, paper=rng.randint(210, 255))
    ink = rng.randint(0, 60)
    y = top
    beside = rng.random() < 0.25  # values right after their labels rather than at the right edge
    for row in rows:
        face = load_font(str(font.path), int(font.size * 1.25)) if row.large else font
        if row.rule:
            canvas.rule(y + spacing / 2, margin, width - margin, ink)
        elif row.centred:
            canvas.write((width - face.getlength(row.left)) / 2, y, row.left, face, ink)
        else:
            canvas.write(margin, y, row.left, face, ink)
            if row.right:
                left_end = margin + face.getlength(row.left + "  ")
                right = width - margin - face.getlength(row.right)
                canvas.write(left_end if beside else max(left_end, right), y, row.right, face, ink)
        y += spacing * (1.3 if row.large else 1)
    exchanges = [Exchange(rng.choice(QUESTIONS[name]), value) for name, value in fields.items()]
    for name, cost in rng.sample(goods, min(2, len(goods))):
        exchanges.append(
            Exchange(rng.choice((f"What is the price of {name}?", f"How much is {name}?")), cost)
        )
    if longest:
        exchanges += reading_exchanges(rng, canvas.lines, (width, height), longest)
    return Sample(degrade(canvas.image, rng, strength), canvas.lines, canvas.characters, exchanges, fields)
