"""Invoices of firms in five countries: sender, customer, numbers, positions, sums, bank."""

from __future__ import annotations

import random

from monkeyvl.data.synthetic import ornaments, words_places
from monkeyvl.data.synthetic.blocks import (
    Column,
    Pair,
    below,
    pairs_block,
    pick_ruling,
    pick_style,
    table_block,
)
from monkeyvl.data.synthetic.canvas import Sample
from monkeyvl.data.synthetic.layout import Cell, Pen, Row
from monkeyvl.data.synthetic.pages import Sheet, handle, send
from monkeyvl.data.synthetic.receipts_content import Item, Receipt, questions
from monkeyvl.data.synthetic.tasks_documents import Page

TITLES = {
    "DE": ("RECHNUNG", "Rechnung"),
    "FR": ("FACTURE", "Facture"),
}
ENGLISH = ("INVOICE", "Invoice", "COMMERCIAL INVOICE", "Sales Invoice", "STATEMENT", "BILL")
QUESTIONS = {
    "total": ("How much has to be paid?", "What is the total amount?", "What is the amount due?"),
    "number": ("What is the invoice number?", "Which number does the invoice have?"),
    "date": ("When was the invoice issued?", "What is the invoice date?"),
    "due date": ("When is it due?", "Until when has it to be paid?"),
    "company": ("Who issued the invoice?", "Who is the seller?", "Which company is this from?"),
    "customer": ("Who is billed?", "Who is the customer?", "Who has to pay?"),
    "tax": ("How much is the tax?",),
    "subtotal": ("How much is it before tax?",),
    "company address": ("What is the address of the seller?", "Where is the seller?"),
    "order number": ("Which order does it refer to?",),
    "account": ("To which account is it paid?",),
}


QUANTITY = ("Qty", "Quantity", "Units")


def make_invoice(
    rng: random.Random,
    width: int = 990,
    font_px: tuple[int, int] = (11, 16),
    strength: float = 0.5,
    longest: int = 1200,
    amount: float = 0.5,
    places: bool = True,
) -> Sample:
    """An invoice `width` pixels wide with letters `font_px` high.

    `amount` 0..1 says how many positions and details it has; `longest` and `places` choose among the tasks.
    """
    sheet = Sheet(rng, width, font_px, ("sans", "sans", "serif", "condensed", "mono"))
    where = words_places.country(rng)
    items = _items(rng, round(1 + 16 * amount * rng.uniform(0.2, 1)))
    currency = rng.choice(where.currencies)
    day = words_places.day(rng)
    content = Receipt(where, words_places.firm(rng, where), items, currency, "")
    content.date = words_places.written_date(day, pattern := rng.choice(where.dates))
    content.address = words_places.address(rng, where)
    # The customer's address is there, too.
    fields = {"company": content.company, "date": content.date, "company address": " ".join(content.address)}
    pairs = _details(rng, where, amount, pattern, day, fields)
    customer = [words_places.firm(rng, where) if rng.random() < 0.7 else words_places.person(rng)]
    customer += words_places.address(rng, where) if rng.random() < 0.4 + 0.6 * amount else []
    fields["customer"] = customer[0]
    _head(rng, sheet, content, pairs, customer)
    pen = sheet.pen
    pen.y += pen.px
    heads = _table(rng, pen, content, sheet.shade)
    _sums(rng, sheet, content, fields)
    _foot(rng, pen, amount, fields)
    canvas = sheet.close(1.414)
    handle(canvas, rng, pen.px, 0.06)
    caption = f"An invoice of {content.company} to {fields['customer']}, total {fields['total']}."
    structure = {**content.structure(), "fields": fields}
    counted = not heads.isdisjoint(QUANTITY)
    page = Page("invoice", canvas, fields, structure, caption, QUESTIONS, questions(rng, content, counted))
    send(canvas, rng, strength, 0.12)
    return page.sample(rng, longest, places)


def _items(rng: random.Random, count: int) -> list[Item]:
    items: dict[str, Item] = {}
    while len(items) < count:
        name = words_places.item(rng)
        name = name.title() if rng.random() < 0.5 else name.capitalize()
        price = round(rng.choice((rng.uniform(1, 60), rng.uniform(20, 900), rng.uniform(100, 5000))), 2)
        code = words_places.digits(rng, rng.choice(("@@-###", "####", "@#####")))
        items[name] = Item(name, rng.choice((1, 1, 2, 5, 10, rng.randint(1, 60))), price, code)
    return list(items.values())


def _details(
    rng: random.Random,
    where: words_places.Country,
    amount: float,
    pattern: str,
    day: tuple[int, int, int],
    fields: dict[str, str],
) -> list[Pair]:
    year, month, number = day
    later = (year + (month == 12), month % 12 + 1, number)
    possible = [
        ("due date", ("Due Date", "Due", "Payable by"), words_places.written_date(later, pattern)),
        (
            "order number",
            ("PO Number", "Order No.", "Your Order", "P.O. #"),
            words_places.document_number(rng),
        ),
        ("customer number", ("Customer No.", "Account", "Client ID"), words_places.digits(rng, "#####")),
        ("contact", ("Contact", "Sales Rep", "Our Contact"), words_places.person(rng)),
        (
            "terms",
            ("Terms", "Payment Terms"),
            rng.choice(("Net 30", "14 days", "30 days net", "Due on receipt")),
        ),
        ("phone", ("Phone", "Tel."), words_places.phone(rng, where)),
    ]
    fields["number"] = words_places.document_number(rng)
    pairs = [
        Pair(rng.choice(("Invoice No.", "Invoice #", "Number", "Invoice Number", "Inv. No")),
             fields["number"], "number"),
        Pair(rng.choice(("Date", "Invoice Date", "Issued", "DATE")), fields["date"], "date"),
    ]  # fmt: skip
    for name, labels, value in possible:
        if rng.random() < 0.15 + 0.6 * amount:
            fields[name] = value
            pairs.append(Pair(rng.choice(labels), value, name))
    if rng.random() < 0.5:
        rng.shuffle(pairs)
    return pairs


def _head(rng: random.Random, sheet: Sheet, content: Receipt, pairs: list[Pair], customer: list[str]) -> None:
    pen = sheet.pen
    titles = TITLES.get(content.where.code, ENGLISH) if rng.random() < 0.6 else ENGLISH
    title = Cell(rng.choice(titles), role="title", bold=True)
    large = rng.choice((1.6, 2.0, 2.6))
    sender = [(content.company, "company"), *((line, "company address") for line in content.address)]
    billed = [(line, "customer" if number == 0 else "") for number, line in enumerate(customer)]
    style, columns = pick_style(rng), 1
    bold, shade = rng.random() < 0.5, rng.choice((None, sheet.shade))
    label = rng.choice(("Bill to:", "Bill To", "Customer:", "Sold to:", "To:", "INVOICE TO"))
    if sheet.narrow() or rng.random() < 0.25:
        pen.row(Row((title,), large))
        _block(pen, sender, True)
        pen.y += 0.5 * pen.px
        columns = 1 if sheet.narrow() else rng.choice((2, 3))
        pairs_block(pen, pairs, style, columns, None, bold, shade)
        pen.row(Row((Cell(label, role="key"),), gap=0.5))
        _block(pen, billed, False)
        return
    middle = pen.x0 + (pen.x1 - pen.x0) * rng.uniform(0.5, 0.62)
    left, right = below(pen, pen.x0, middle - pen.px), below(pen, middle, pen.x1)
    if rng.random() < 0.5:
        side = pen.px * rng.uniform(3, 6)
        ornaments.logo(
            pen.canvas, rng, (left.x0, left.y, left.x0 + side, left.y + side), pen.ink, pen.canvas.paper
        )
        left.y += side + 0.5 * pen.px
    _block(left, sender, True)
    right.row(Row((title,), large))
    if rng.random() < 0.6:
        pairs_block(right, pairs, style, columns, None, bold, shade)
        left.y += pen.px
        left.row(Row((Cell(label, role="key"),)))
        _block(left, billed, rng.random() < 0.3)
    else:
        right.row(Row((Cell(label, role="key"),)))
        _block(right, billed, rng.random() < 0.3)
        pen.y = max(left.y, right.y) + pen.px
        pairs_block(pen, pairs, style, min(len(pairs), rng.choice((2, 3, 4))), None, bold, shade)
        return
    pen.y = max(left.y, right.y)


def _block(pen: Pen, lines: list[tuple[str, str]], bold: bool) -> None:
    for number, (text, name) in enumerate(lines):
        inside = ((name, text),) if name else ()
        pen.row(Row((Cell(text, fields=inside),), bold=bold and number == 0))


def _table(rng: random.Random, pen: Pen, content: Receipt, shade: int) -> set[str]:
    """Writes the positions and returns the heads of the columns that had room."""
    items, money = content.items, content.money
    columns = [
        Column(
            rng.choice(("Pos", "No.", "#")), [str(number + 1) for number in range(len(items))], "right", 5
        ),
        Column(rng.choice(("Code", "Item No.", "SKU")), [item.code for item in items], rank=4),
        Column(
            rng.choice(("Description", "Item", "Article", "Goods", "Details")), [item.name for item in items]
        ),
        Column(rng.choice(QUANTITY), [str(item.quantity) for item in items], "right", 1),
        Column(
            rng.choice(("Price", "Unit Price", "Each")), [money(item.price) for item in items], "right", 2
        ),
        Column(
            rng.choice(("Amount", "Total", "Line Total")), [money(item.amount) for item in items], "right"
        ),
    ]
    kept = table_block(
        pen,
        columns[rng.choice((0, 0, 1, 2)) :],
        pick_ruling(rng),
        rng.choice((None, shade)),
        rng.random() < 0.7,
    )
    return {column.head for column in kept}


def _sums(rng: random.Random, sheet: Sheet, content: Receipt, fields: dict[str, str]) -> None:
    pen, where, money = sheet.pen, content.where, content.money
    subtotal = round(sum(item.amount for item in content.items), 2)
    total = subtotal
    rows = []
    if rng.random() < 0.75:
        rate = rng.choice(where.rates)
        tax = round(subtotal * rate, 2)
        total = round(subtotal + tax, 2)
        fields["subtotal"], fields["tax"] = money(subtotal), money(tax)
        name = rng.choice(where.taxes)
        rows = [
            ("subtotal", rng.choice(("Subtotal", "Net", "Net total"))),
            ("tax", f"{name} {rate * 100:g}%"),
        ]
    fields["total"] = money(total)
    rows.append(
        ("total", rng.choice(("Total", "TOTAL", "Amount due", "Grand total", "Balance due", "Total to pay")))
    )
    at = 0.6 if sheet.narrow() else 0.8
    for name, label in rows:
        chief = name == "total"
        shown = (content.currency if chief else "") + fields[name]
        value = Cell(shown, 1.0, "right", ((name, fields[name]),), "value")
        pen.row(Row((Cell(label, at, "right", role="key"), value), bold=chief, gap=0.2 if chief else 0.0))


def _foot(rng: random.Random, pen: Pen, amount: float, fields: dict[str, str]) -> None:
    if rng.random() < amount:
        fields["account"] = words_places.digits(
            rng, rng.choice(("@@## #### #### ####", "##-##-## ########", "##########"))
        )
        pen.row(Row((Cell(f"{rng.choice(('Bank account', 'IBAN', 'Account No.'))}: {fields['account']}",
                          fields=(("account", fields["account"]),)),), gap=1.0))  # fmt: skip
    if rng.random() < amount:
        pen.y += pen.px
        pen.paragraph(
            rng.choice(
                (
                    "Please quote the number above when you pay.",
                    "All goods stay ours until they are paid for in full.",
                    "Questions? Write to us or ring during office hours.",
                    "Interest of 1.5% a month is charged on late payments.",
                )
            ),
            0.9,
        )
    if rng.random() < 0.3 * amount:
        pen.y += 3 * pen.px
        box = (pen.x1 - 14 * pen.px, pen.y - 2.6 * pen.px, pen.x1 - 3 * pen.px, pen.y)
        ornaments.scribble(pen.canvas, rng, box, pen.ink, max(1, pen.px // 8))
        pen.canvas.rule(pen.y, pen.x1 - 15 * pen.px, pen.x1, pen.ink)
