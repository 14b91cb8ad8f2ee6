"""Contracts, orders and bills of television stations for political advertising."""

from __future__ import annotations

import random
from typing import Any

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
from monkeyvl.data.synthetic.contracts_content import (
    Spot,
    advertiser,
    make_spots,
    questions,
    sortable,
    station_name,
)
from monkeyvl.data.synthetic.layout import Cell, Pen, Row
from monkeyvl.data.synthetic.pages import Sheet, handle, send
from monkeyvl.data.synthetic.tasks_documents import Page

TITLES = ("CONTRACT", "ORDER", "INVOICE", "CONTRACT", "Sales Order", "Contract Agreement", "AGREEMENT",
          "Proposal",
          "OFFICIAL INVOICE", "CONFIRMATION")  # fmt: skip
QUESTIONS = {
    "contract number": (
        "What is the contract (order/invoice) number on this document?",
        "Which number does the contract have?",
        "What is the order number?",
        "What is the invoice number?",
    ),
    "advertiser": ("Who is the advertiser?", "Who advertises?", "Which campaign is this for?"),
    "gross amount": (
        "What is the gross (total) amount?",
        "How much is it in all?",
        "What is the total amount?",
    ),
    "flight start": (
        "What is the start date of the flight (air dates)?",
        "When does the flight start?",
        "What is flight from?",
    ),
    "flight end": (
        "What is the end date of the flight (air dates)?",
        "When does the flight end?",
        "What is flight to?",
    ),
    "agency": ("Which agency placed it?",),
    "station": ("Which station is it?",),
    "net amount": ("What is due after commission?",),
}
# What a form calls the chief fields.
LABELS = {
    "contract number": ("Contract #", "Order #", "Contract / Revision", "Order / Rev:", "Invoice #",
                        "Contract No.", "Invoice Number", "Order Number", "Contract", "Inv #"),
    "advertiser": ("Advertiser", "Advertiser", "Advertiser Name", "Client", "Sponsor"),
    "flight": ("Flight Dates", "Contract Dates", "Flight", "Air Dates", "Period", "Schedule Dates",
               "Order Flight"),
    "product": ("Product", "Product Desc", "Product 1", "Campaign"),
    "estimate": ("Estimate", "Estimate #", "Est. No", "Estimate Number"),
    "account executive": ("Account Executive", "Primary AE", "Salesperson", "AE"),
    "station": ("Property", "Station", "Market"),
}  # fmt: skip
OTHERS = (("Billing Cycle", ("EOM/EOC", "Weekly", "EOM")), ("Calendar", ("Broadcast", "Calendar")),
          ("Cash/Trade", ("Cash", "Trade")), ("Sales Region", ("National", "Local", "Regional")),
          ("Order Type", ("NORMAL", "GENERAL", "Political")), ("Demographic", ("Adults 35+", "A18+", "HH",
                                                                               "A25-54", "W50+")),
          ("Agency Code", ("",)), ("Special Handling", ("",)), ("Deal #", ("",)), ("Terms", ("Net 30", "CIA",
                                                                                             "Net 15")),
          ("Agency Ref", ("",)), ("Revision", ("0", "1", "2")), ("Page", ("1 of 1", "1 of 2",
                                                                          "1 of 3")))  # fmt: skip


# Dates and numbers that are not the flight's nor the contract's.
PRINTED = ("Print Date", "Invoice Date", "Inv Date", "Original Date / Revision", "Order Date", "Due Date")
NUMBERS = (
    "Alt Order #",
    "Account #",
    "Station ID",
    "Advertiser Code",
    "Agency Code",
    "Product Code",
    "E-Order",
)
# What stands small at the foot of a page.
TERMS = (
    "{name} keeps no record of what is aired before the date above unless a copy is asked for in writing.",
    "Line codes: N = new, C = changed, X = cancelled.",
    "Sums are due within {n} days. {name} may stop the spots of an order that is not paid.",
    "Makegoods run within {n} days in programs of like worth unless the agency says no.",
    "No spot is sold on the ground of race, belief or birth; both sides agree to that.",
    "The agency answers for what its advertiser owes. Rates hold for {n} days from the order's date.",
)


def make_contract(
    rng: random.Random,
    width: int = 990,
    font_px: tuple[int, int] = (11, 15),
    strength: float = 0.5,
    longest: int = 1200,
    amount: float = 0.5,
    places: bool = True,
) -> Sample:
    """A contract `width` pixels wide, a quarter more where it is printed across, with letters `font_px` high.

    `amount` 0..1 says how many lines and details it has; `longest` and `places` choose among the tasks.
    """
    # A quarter of them are printed across.
    across = width > 500 and rng.random() < 0.25
    if across:
        width = round(1.29 * width)
    sheet = Sheet(rng, width, font_px, ("sans", "sans", "sans", "condensed", "mono", "serif"))
    station, spots = station_name(rng), make_spots(rng, round(1 + 32 * amount * rng.uniform(0.1, 1.5)))
    gross = round(sum(spot.amount for spot in spots), 2)
    dollars = rng.choice(("${:,.2f}", "${:,.2f}", "{:,.2f}"))
    fields = {
        "contract number": words_places.digits(rng, rng.choice(("######", "#######", "#####", "######-#",
                                                                "########", "@####-#"))),
        "advertiser": advertiser(rng),
        "gross amount": dollars.format(gross),
        "flight start": min(spots, key=lambda one: sortable(one.start)).start,
        "flight end": max(spots, key=lambda one: sortable(one.end)).end,
        "station": station,
    }  # fmt: skip
    if rng.random() < 0.3 + 0.6 * amount:
        fields["agency"] = words_places.firm(rng, words_places.COUNTRIES[2])
    if rng.random() < 0.2 + 0.6 * amount:
        fields["product"] = rng.choice(
            (words_places.nonsense(rng).upper(), f"{words_places.nonsense(rng)} {rng.randint(1, 99)}")
        )
        fields["estimate"] = words_places.digits(rng, "####")
    if rng.random() < 0.2 + 0.6 * amount:
        fields["account executive"] = words_places.person(rng)
    pen = sheet.pen
    _head(rng, sheet, fields)
    if sheet.narrow() or rng.random() < 0.7:
        heads = {column.head for column in _lines(rng, pen, spots, dollars, sheet.shade)}
    else:
        heads = _detailed_lines(rng, pen, spots, dollars)
    _totals(rng, sheet, spots, gross, dollars, fields)
    _end(rng, pen, amount)
    canvas = sheet.close(1 / 1.29 if across else 1.29)
    handle(canvas, rng, pen.px, 0.04)
    lines = [{"program": spot.show, "spots": spot.count, "rate": dollars.format(spot.rate)} for spot in spots]
    structure: dict[str, Any] = {"fields": fields, "items": lines}
    caption = f"A contract of {station} with {fields['advertiser']} over {fields['gross amount']}."
    page = Page(
        "contract", canvas, fields, structure, caption, QUESTIONS, questions(rng, spots, dollars, heads)
    )
    # Most of them come out of the station's system as files and have never been paper.
    send(canvas, rng, strength * rng.choice((0.15, 0.15, 0.3, 1.0)), 0.04)
    return page.sample(rng, longest, places)


def _head(rng: random.Random, sheet: Sheet, fields: dict[str, str]) -> None:
    """The title, the station with its logo, agency and details in one of several arrangements."""
    pen = sheet.pen
    title = rng.choice(TITLES)
    at = rng.choice((0.0, 0.5, 0.5, 1.0))
    side = {0.0: "left", 0.5: "centre", 1.0: "right"}[at]
    size = rng.choice((1.3, 1.6, 2.0))
    cells = [Cell(title, at, side, role="title", bold=True)]  # type: ignore[arg-type]
    pen.row(Row(tuple(cells), size))
    pairs = _details(rng, fields)
    where = words_places.COUNTRIES[2]
    block = [fields["station"], *words_places.address(rng, where), words_places.phone(rng, where)]
    agency = [fields["agency"], *words_places.address(rng, where)] if "agency" in fields else []
    style = pick_style(rng)
    filled = None
    if sheet.narrow():
        _addresses(rng, pen, block, agency, fields, False)
        pairs_block(pen, pairs, style, 1, filled, rng.random() < 0.5)
    elif rng.random() < 0.7:
        # Addresses at the left, details at the right.
        middle = pen.x0 + (pen.x1 - pen.x0) * rng.uniform(0.42, 0.55)
        left, right = below(pen, pen.x0, middle - pen.px), below(pen, middle, pen.x1)
        _addresses(rng, left, block, agency, fields, rng.random() < 0.6)
        pairs_block(
            right,
            pairs,
            style,
            rng.choice((1, 1, 2)),
            filled,
            rng.random() < 0.4,
            rng.choice((None, sheet.shade)),
        )
        pen.y = max(left.y, right.y)
    else:
        _addresses(rng, pen, block, agency, fields, rng.random() < 0.5)
        pairs_block(
            pen,
            pairs,
            style,
            rng.choice((2, 2, 3)),
            filled,
            rng.random() < 0.6,
            rng.choice((None, sheet.shade)),
        )
    pen.y += pen.px


def _addresses(
    rng: random.Random, pen: Pen, block: list[str], agency: list[str], fields: dict[str, str], marked: bool
) -> None:
    bold = rng.random() < 0.5
    x0 = pen.x0
    if marked:
        side = pen.px * rng.uniform(4, 7)
        ornaments.logo(pen.canvas, rng, (x0, pen.y, x0 + side, pen.y + side), pen.ink, pen.canvas.paper)
        pen.x0 += side + pen.px
    top = pen.y
    for number, text in enumerate(block):
        inside = (("station", fields["station"]),) if number == 0 else ()
        pen.row(Row((Cell(text, fields=inside),), bold=bold))
    if marked:
        pen.x0, pen.y = x0, max(pen.y, top + side + 0.5 * pen.px)
    if agency:
        pen.row(
            Row((Cell(rng.choice(("And:", "Agency:", "Bill To:", "Billing Address:")), role="key"),), gap=0.5)
        )
        pen.x0 += rng.choice((0, 3)) * pen.px
        for number, text in enumerate(agency):
            inside = (("agency", fields["agency"]),) if number == 0 else ()
            pen.row(Row((Cell(text, fields=inside),), bold=bold))
        pen.x0 = x0
    pen.y += 0.6 * pen.px


def _details(rng: random.Random, fields: dict[str, str]) -> list[Pair]:
    pairs = [
        Pair(rng.choice(LABELS[name]), fields[name], name)
        for name in ("contract number", "advertiser", "product", "estimate", "account executive")
        if name in fields
    ]
    start, end = fields["flight start"], fields["flight end"]
    if rng.random() < 0.75:
        pairs.append(Pair(rng.choice(LABELS["flight"]), f"{start} - {end}"))
    else:
        pairs += [Pair("Start Date", start, "flight start"), Pair("End Date", end, "flight end")]
    if rng.random() < 0.6:
        year, month, _ = sortable(start)
        pattern = "mm/dd/yy" if year < 100 else "m/d/yyyy"
        for label in rng.sample(PRINTED, rng.randint(1, 2)):
            near = (month - rng.randint(1, 3)) % 12 + 1
            date = words_places.written_date((year, near, rng.randint(1, 28)), pattern)
            pairs.append(Pair(label, f"{date} / {date}" if "/" in label else date))
    for label in rng.sample(NUMBERS, rng.choice((0, 0, 1, 2))):
        pairs.append(Pair(label, words_places.digits(rng, rng.choice(("#####", "########", "@@####")))))
    chief = len(fields)
    for key, values in rng.sample(OTHERS, rng.randint(0, min(8, 2 * chief - 4))):
        pairs.append(Pair(key, rng.choice(values)))
    if rng.random() < 0.5:
        rng.shuffle(pairs)
    return pairs


def _lines(rng: random.Random, pen: Pen, spots: list[Spot], dollars: str, shade: int) -> list[Column]:
    money = [dollars.format(spot.rate) for spot in spots]
    columns = [
        Column(
            rng.choice(("Ln", "Line", "#", "No")),
            [str(number + 1) for number in range(len(spots))],
            "right",
            5,
        ),
        Column(rng.choice(("Start", "Start Date", "From")), [spot.start for spot in spots], rank=3),
        Column(rng.choice(("End", "End Date", "To")), [spot.end for spot in spots], rank=3),
        Column(rng.choice(("Days", "MTWTFSS", "Weekdays")), [spot.days for spot in spots], rank=4),
        Column(rng.choice(("Time", "Start/End Time", "Daypart")), [spot.time for spot in spots], rank=2),
        Column(rng.choice(("Program", "Description", "Inventory Code")), [spot.show for spot in spots]),
        Column(rng.choice(("Len", "Length")), [spot.length for spot in spots], rank=6),
        Column(rng.choice(("Spots", "Qty", "# Spots")), [str(spot.count) for spot in spots], "right", 1),
        Column("Rate", money, "right", 1),
        Column("Amount", [dollars.format(spot.amount) for spot in spots], "right"),
    ]
    if rng.random() < 0.5:
        columns[1], columns[5] = columns[5], columns[1]
    return table_block(pen, columns, pick_ruling(rng), rng.choice((None, shade)), rng.random() < 0.6)


def _detailed_lines(rng: random.Random, pen: Pen, spots: list[Spot], dollars: str) -> set[str]:
    """Every line with its weeks below it; returns the heads of the columns."""
    columns = (
        ("Ln", 0.0, "left"), ("Start", 0.05, "left"), ("End", 0.14, "left"),
        (rng.choice(("Program", "Inventory Code", "Description")), 0.24, "left"), ("Time", 0.48, "left"),
        ("Len", 0.72, "right"), (rng.choice(("Spots", "Qty")), 0.8, "right"), ("Rate", 0.9, "right"),
        ("Amount", 1.0, "right"),
    )  # fmt: skip
    bold, ruled = rng.random() < 0.5, rng.choice(("line", "line", ""))
    shown = [Cell(head, at, side, role="head") for head, at, side in columns]  # type: ignore[arg-type]
    pen.row(Row(tuple(shown), bold=bold))
    pen.row(Row(rule="line", bold=True))
    for number, spot in enumerate(spots):
        texts = (str(number + 1), spot.start, spot.end, spot.show, spot.time, spot.length, str(spot.count),
                 dollars.format(spot.rate), dollars.format(spot.amount))  # fmt: skip
        cells = [
            Cell(text, at, side, role="cell")  # type: ignore[arg-type]
            for text, (_, at, side) in zip(texts, columns, strict=True)
        ]
        pen.row(Row(tuple(cells)))
        week = (Cell("Week:", 0.05), Cell(f"{spot.start}-{spot.end}", 0.12), Cell(spot.days, 0.34),
                Cell(f"{spot.count} x {dollars.format(spot.rate)}", 0.48))  # fmt: skip
        pen.row(Row(week, 0.9))
        if ruled:
            pen.row(Row(rule=ruled))
    return {head for head, _, _ in columns}


def _totals(
    rng: random.Random, sheet: Sheet, spots: list[Spot], gross: float, dollars: str, fields: dict[str, str]
) -> None:
    pen = sheet.pen
    count = sum(spot.count for spot in spots)
    label = rng.choice(("Totals", "Gross Amount", "Gross Total", "Total", "Order Total", "Grand Total"))
    counted = rng.random()
    rows = (
        [Row((Cell("Total Spots", 0.78, "right"), Cell(str(count), 1.0, "right")))] if counted < 0.4 else []
    )
    if counted > 0.7:
        # The spots and the sum in one row.
        label = f"{label}: {count}"
    chief = Cell(fields["gross amount"], 1.0, "right", (("gross amount", fields["gross amount"]),), "value")
    rows.append(Row((Cell(label, 0.78, "right", role="key"), chief), bold=rng.random() < 0.5))
    if rng.random() < 0.4:
        cut = round(gross * 0.15, 2)
        fields["commission"], fields["net amount"] = dollars.format(cut), dollars.format(gross - cut)
        for name, text in (
            ("commission", "Agency Commission"),
            ("net amount", rng.choice(("Net Amount", "Net Due"))),
        ):
            value = Cell(fields[name], 1.0, "right", ((name, fields[name]),), "value")
            rows.append(Row((Cell(text, 0.78, "right", role="key"), value)))
    pen.rows(rows)


def _end(rng: random.Random, pen: Pen, amount: float) -> None:
    if rng.random() < amount:
        where = words_places.nonsense(rng)
        said = rng.choice(
            (
                f"{where} does not discriminate in its sales of time. All spots run as ordered.",
                "Times shown were logged by the station. Please report any difference within ten days.",
                f"Advertiser and agency owe the payment to {where} jointly. Late bills bear interest.",
            )
        )
        pen.y += pen.px
        pen.paragraph(said, 0.85)
        for terms in rng.sample(TERMS, rng.choice((0, 0, 2, 3, 4))):
            pen.paragraph(terms.format(name=where, n=rng.randint(10, 90)), 0.8)
    if rng.random() < 0.4 * amount:
        pen.y += 2.5 * pen.px
        long = 14 * pen.px
        pen.canvas.rule(pen.y, pen.x0, pen.x0 + long, pen.ink)
        box = (pen.x0 + pen.px, pen.y - 2.4 * pen.px, pen.x0 + long - pen.px, pen.y - 2)
        ornaments.scribble(pen.canvas, rng, box, pen.ink, max(1, pen.px // 8))
        pen.row(Row((Cell(rng.choice(("Accepted by", "Signature", "For the station"))),)))
