"""What a till prints: a shop, goods whose prices add up, a total, how it was paid."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from monkeyvl.data.synthetic import words_places as places
from monkeyvl.data.synthetic.canvas import Exchange

TITLES = ("TAX INVOICE", "RECEIPT", "Tax Invoice", "CASH BILL", "SALES RECEIPT", "Cash Receipt", "INVOICE",
          "-RECEIPT-", "* TAX INVOICE *", "SIMPLIFIED TAX INVOICE", "OFFICIAL RECEIPT",
          "GUEST CHECK")  # fmt: skip
FOOTERS = (
    "THANK YOU", "THANK YOU!", "Thank you", "*** THANK YOU ***", "SEE YOU SOON", "HAVE A NICE DAY",
    "WELCOME BACK SOON",
    "Many thanks for your visit", "Goods once sold cannot be returned", "No refund without receipt",
    "Keep this slip for exchange", "Swaps for {n} days, slip needed", "Prices include {tax}",
    "Customer copy", "You were served by {name}", "Tell us what you think: {mail}",
    "Open daily {n}am to {n}pm",
    "Exchanges: {n} days", "E. & O. E.", "Vielen Dank", "Merci de votre visite",
    "Join our club and save {n}%", "Approved {code}", "Ref {code}",
)  # fmt: skip
# What only receipts with room for it say besides.
MORE_FOOTERS = (
    "TERIMA KASIH", "JUMPA LAGI", "*** CUSTOMER COPY ***", "Please check your change",
    "What was sold stays sold", "This is a computer printed bill",
    "Exchange within {n} days with this bill and the goods in their wrapping", "Follow us: {mail}",
    "All prices include {tax} where due", "Feedback: {mail}", "Points earned: {n}", "Queue no. {n}",
    "Warranty: {n} months", "Password: {code}",
)  # fmt: skip
# From so many rows a receipt has what long ones have: sums by tax code, counts, a register number.
LONG = 16


@dataclass(frozen=True)
class Item:
    """One position: its name, how many at what price, and the amount."""

    name: str
    quantity: int
    price: float
    code: str = ""

    @property
    def amount(self) -> float:
        return round(self.quantity * self.price, 2)


@dataclass
class Receipt:
    """Everything on a receipt, as printed; `sums` are the rows below the goods: (field, label, value)."""

    where: places.Country
    company: str
    items: list[Item]
    currency: str
    date: str
    title: str = ""
    address: list[str] = field(default_factory=list)
    contact: list[tuple[str, str, str]] = field(default_factory=list)
    info: list[tuple[str, str, str]] = field(default_factory=list)
    time: str = ""
    sums: list[tuple[str, str, str]] = field(default_factory=list)
    footers: list[str] = field(default_factory=list)
    counts: list[tuple[str, str, str]] = field(default_factory=list)
    summary: list[tuple[str, ...]] = field(default_factory=list)
    taxed: tuple[str, float] | None = None  # the name and the rate of the tax among the sums

    def money(self, value: float) -> str:
        return places.amount(value, self.where.comma)

    @property
    def fields(self) -> dict[str, str]:
        """The values that are asked for by name."""
        found = {"company": self.company, "date": self.date}
        if self.address:
            found["address"] = " ".join(self.address)
        if self.time:
            found["time"] = self.time
        rows = (*self.contact, *self.info, *self.sums, *self.counts)
        found |= {name: value for name, _, value in rows if name}
        return found

    def structure(self) -> dict[str, Any]:
        items = [
            {"name": item.name, "quantity": item.quantity, "price": self.money(item.amount)}
            for item in self.items
        ]
        return {"fields": self.fields, "items": items}

    def text(self) -> str:
        """All letters that are printed, for the choice of a face."""
        rows = [label + value for _, label, value in (*self.contact, *self.info, *self.sums, *self.counts)]
        rows += ["".join(row) for row in self.summary]
        items = [item.name for item in self.items]
        parts = (
            self.company,
            self.currency,
            self.date,
            self.title,
            *self.address,
            *rows,
            *self.footers,
            *items,
        )
        return "".join((*parts, "0123456789:#@%*()[]/.,xX&+-"))


def make_content(rng: random.Random, most_rows: int) -> Receipt:
    """A receipt of at most about `most_rows` rows; the shop, the date and the total are always there."""
    where = places.country(rng)
    style = rng.choice(("upper", "upper", "title", "as is"))

    def say(text: str) -> str:
        return text.upper() if style == "upper" else text.title() if style == "title" else text

    room = most_rows - 3
    goods = max(1, min(rng.randint(1, max(1, min(14, room // 2))), room))
    items = _goods(rng, goods, say)
    room -= goods
    company = places.firm(rng, where)
    receipt = Receipt(
        where,
        company.upper() if rng.random() < 0.6 else company,
        items,
        rng.choice(("", *where.currencies)),
        places.written_date(places.day(rng), rng.choice(where.dates)),
    )
    if room > 2 and rng.random() < 0.85:
        lines = places.address(rng, where)
        receipt.address = [line.upper() for line in lines] if rng.random() < 0.5 else lines
        room -= len(lines)
    if room > 2 and rng.random() < 0.6:
        label = rng.choice(("TEL", "Tel", "Phone", "TEL NO.", "Ph")) + rng.choice((": ", ":", " : ", " "))
        receipt.contact.append(("phone", label, places.phone(rng, where)))
        room -= 1
    if room > 2 and rng.random() < 0.5:
        label = rng.choice(
            (f"{where.taxes[0]} REG NO", f"{where.taxes[0]} ID", "Reg", f"({where.taxes[0]} No")
        )
        value = places.digits(rng, rng.choice(("############", "######-@", "@@#########", "###### - @")))
        receipt.contact.append(("tax number", f"{label}{rng.choice((': ', ' : ', ' '))}", value))
        room -= 1
    if room > 2 and rng.random() < 0.5:
        receipt.title = rng.choice(TITLES)
        room -= 1
    if rng.random() < 0.6:
        receipt.time = _time(rng)
    room -= _information(rng, receipt, room, say)
    room -= _sums(rng, receipt, room, say)
    footers = rng.sample(FOOTERS, rng.choice((0, 0, 1, 1, 2, 3, 4)))
    if most_rows >= LONG:
        room -= _long_parts(rng, receipt, say)
        footers += rng.sample(MORE_FOOTERS, rng.choice((0, 1, 2, 4)))
    for footer in footers:
        if room <= 1:
            break
        footer = footer.format(
            n=rng.randint(2, 30),
            tax=where.taxes[0],
            name=places.person(rng),
            mail=places.email(rng, receipt.company),
            code=places.document_number(rng),
        )
        receipt.footers.append(say(footer))
        room -= 1
    return receipt


def _goods(rng: random.Random, count: int, say: Any) -> list[Item]:
    coded, often = rng.random() < 0.4, rng.random() < 0.5
    pattern = rng.choice(("#####", "#############", "@###", "####-##", "########"))
    items: dict[str, Item] = {}
    while len(items) < count:
        name = say(places.item(rng))
        quantity = rng.choice((1, 1, 2, 3, rng.randint(2, 24))) if often else 1
        price = rng.uniform(0.2, 12) if rng.random() < 0.6 else rng.uniform(1, 160)
        price = round(price * 10) / 10 if rng.random() < 0.4 else price
        price = rng.uniform(200, 4000) if rng.random() < 0.03 else price
        items[name] = Item(name, quantity, round(price, 2), places.digits(rng, pattern) if coded else "")
    return list(items.values())


def _time(rng: random.Random) -> str:
    hour, minute, second = rng.randint(0, 23), rng.randint(0, 59), rng.randint(0, 59)
    return rng.choice(
        (
            f"{hour:02d}:{minute:02d}",
            f"{hour:02d}:{minute:02d}:{second:02d}",
            f"{hour % 12 or 12}:{minute:02d}{rng.choice((' ', ''))}{rng.choice(('AM', 'PM', 'am', 'pm'))}",
            f"{hour % 12 or 12:02d}:{minute:02d}:{second:02d} {rng.choice(('AM', 'PM'))}",
        )
    )


def _information(rng: random.Random, receipt: Receipt, room: int, say: Any) -> int:
    """Numbers and names above the goods; returns the rows taken."""
    possible = [
        ("number", rng.choice(("RECEIPT #", "INV #", "Bill #", "Receipt #", "Inv", "Doc #", "Slip", "Trx",
                               "Chk #",
                               "Ref")), places.document_number(rng)),
        ("cashier", rng.choice(("CASHIER", "Cashier", "STAFF", "Served by", "Operator")),
         rng.choice((places.person(rng), f"{rng.randint(1, 99):02d}"))),
        ("table", rng.choice(("TABLE", "Table No")), str(rng.randint(1, 88))),
        ("member", rng.choice(("MEMBER", "Card No")), places.digits(rng, "##########")),
        ("terminal", rng.choice(("POS", "TERMINAL", "Till", "Counter")),
         places.digits(rng, rng.choice(("##", "@##", "####")))),
    ]  # fmt: skip
    taken = 0
    for number, row in enumerate(possible):
        if room - taken > 3 and rng.random() < (0.75 if number == 0 else 0.3):
            name, label, value = row
            receipt.info.append((name, say(label) if rng.random() < 0.5 else label, value))
            taken += 1
    rng.shuffle(receipt.info)
    return taken


def _sums(rng: random.Random, receipt: Receipt, room: int, say: Any) -> int:
    """The rows from the subtotal to the change; returns the rows taken beside the total."""
    where, money = receipt.where, receipt.money
    subtotal = round(sum(item.amount for item in receipt.items), 2)
    total, rows, taken = subtotal, [], 0
    tax_name, rate = rng.choice(where.taxes), rng.choice(where.rates)
    if room > 2 and rng.random() < 0.5:
        label = rng.choice(
            ("SUBTOTAL", "Sub Total", "Sub-total", "Total Sales", "Net Amount", "Total excl. tax")
        )
        rows.append(("subtotal", say(label), money(subtotal)))
        tax = round(subtotal * rate, 2)
        receipt.taxed = (tax_name, rate)
        label = rng.choice(
            (tax_name, f"{tax_name} {rate * 100:g}%", f"{tax_name} ({rate * 100:g}%)", f"Total {tax_name}")
        )
        rows.append(("tax", say(label), money(tax)))
        total = round(subtotal + tax, 2)
        taken += 2
        if room - taken > 1 and rng.random() < 0.25:
            cut = round(total * rng.choice((0.05, 0.1, 0.15)), 2)
            rows.append(("discount", say("Discount"), "-" + money(cut)))
            total = round(total - cut, 2)
            taken += 1
    if room - taken > 1 and where.code == "MY" and rng.random() < 0.4:
        rounded = round(round(total * 20) / 20, 2)
        sign = "-" if rounded < total else ""
        rows.append(
            (
                "rounding",
                say(rng.choice(("Rounding", "Round Adj", "Rounding Adj"))),
                sign + money(abs(rounded - total)),
            )
        )
        total = rounded
        taken += 1
    label = rng.choice(("TOTAL", "TOTAL", "Total", "GRAND TOTAL", "Grand Total", "AMOUNT DUE", "TOTAL AMOUNT",
                        "NETT TOTAL", "Total Payable", "Balance Due", "NET TOTAL",
                        "Total to Pay", "Total Due"))  # fmt: skip
    rows.append(("total", label, money(total)))
    if room - taken > 2 and rng.random() < 0.6:
        step = rng.choice((1, 5, 10, 50))
        paid = total if rng.random() < 0.25 else float(-(-int(total + 1) // step) * step)
        rows.append(("cash", say(rng.choice(("CASH", "Cash", "Cash Paid", "CASH TENDERED"))), money(paid)))
        rows.append(("change", say(rng.choice(("CHANGE", "Change", "Change Due"))), money(paid - total)))
        taken += 2
    elif room - taken > 1 and rng.random() < 0.5:
        rows.append(("card", say(rng.choice(("VISA", "MASTERCARD", "Card", "DEBIT"))), money(total)))
        taken += 1
    receipt.sums = rows
    return taken


def _long_parts(rng: random.Random, receipt: Receipt, say: Any) -> int:
    """What long receipts have besides; returns the rows taken."""
    where, money = receipt.where, receipt.money
    taken = 0
    if rng.random() < (0.6 if where.code == "MY" else 0.15):
        number = places.digits(rng, rng.choice(("######-@", "#######-@", "@@#######-@", "##########")))
        label, value = rng.choice((("", f"({number})"), ("Co. Reg No. : ", number), ("Company No ", number)))
        receipt.contact.insert(0, ("registration number", label, value))
        taken += 1
    if rng.random() < 0.4:
        units = str(sum(item.quantity for item in receipt.items))
        label = rng.choice(("Total Qty", "Total Quantity", "Qty(s)", "Pieces", "Units"))
        receipt.counts.append(("total quantity", say(label), units))
        if rng.random() < 0.6:
            label = rng.choice(("Item(s)", "No. of Items", "Lines", "Items"))
            receipt.counts.insert(0, ("items", say(label), str(len(receipt.items))))
        taken += len(receipt.counts)
    values = {name: value for name, _, value in receipt.sums}
    if rng.random() < (0.6 if where.code == "MY" else 0.25):
        # Net and tax once more, by the code of the tax: its total is not what was paid.
        tax_name, rate = receipt.taxed or (rng.choice(where.taxes), rng.choice(where.rates))
        whole = round(sum(item.amount for item in receipt.items), 2)
        net = whole if "tax" in values else round(whole / (1 + rate), 2)
        tax = values.get("tax", money(whole - net))
        code = rng.choice(("SR", "S", "SR @", "Z", "A", "T1", tax_name))
        unit = f"({receipt.currency.strip()})" if receipt.currency else ""
        head = rng.choice((f"{tax_name} Analysis", f"{tax_name} by Code", "Rate"))
        receipt.summary = [
            (head, f"Net{unit}", f"{tax_name}{unit}"),
            (f"{code} {rate * 100:g}%", money(net), tax),
        ]  # fmt: skip
        if rng.random() < 0.4:
            receipt.summary.append(("Total", money(net), tax))
        taken += len(receipt.summary)
    at = next(number for number, row in enumerate(receipt.sums) if row[0] == "total")
    if "rounding" in values and rng.random() < 0.7:
        # The total before it was rounded.
        label = rng.choice(("Total Unrounded", "Sum", "Total Before Rounding"))
        total = sum(item.amount for item in receipt.items)
        if "tax" not in values:
            receipt.sums.insert(at - 1, ("", say(label), money(total)))
            at += 1
            taken += 1
    if rng.random() < 0.4:
        tax_name, rate = receipt.taxed or (where.taxes[0], where.rates[0])
        label = rng.choice(
            ("Sum Incl. {tax}", "TOTAL INCLUSIVE", "Total plus {tax}", "ROUNDED TOTAL",
             "Total (Inclusive {tax})", "Net Total Rounded", "Total Amt Payable", "Total Amount Payable",
             "Final Total", "Nett Amount", "Total at {rate}%", "Total After Adj.")
        ).format(tax=tax_name, rate=f"{rate * 100:g}")  # fmt: skip
        receipt.sums[at] = ("total", label, receipt.sums[at][2])
    return taken


def questions(rng: random.Random, receipt: Receipt, counted: bool = True) -> list[Exchange]:
    """What only a list of goods lets ask: prices, quantities (where `counted`), counts, comparisons.

    Of goods that were bought several times the sum is asked for, not the price.
    """
    items, money = receipt.items, receipt.money
    one = rng.choice(items)
    single = (f"What is the price of {one.name}?", f"How much is {one.name}?", f"What does {one.name} cost?")
    several = (
        f"What does {one.name} cost in all?",
        f"How much was paid for {one.name} in all?",
        f"What is the sum for {one.name}?",
    )
    found = [
        Exchange(rng.choice(single if one.quantity == 1 else several), money(one.amount)),
        Exchange(rng.choice(("How many different items are listed?",
                             "How many positions does the receipt have?",
                             "How many different goods were bought?")), str(len(items))),
    ]  # fmt: skip
    if counted and any(item.quantity > 1 for item in items):
        found.append(Exchange(f"How many {one.name} were bought?", str(one.quantity)))
    amounts = sorted(items, key=lambda item: item.amount)
    if len(items) > 1 and amounts[-1].amount > amounts[-2].amount:
        wording: tuple[str, ...] = (
            "Which item is the most expensive?",
            "Which item costs most?",
            "What was the dearest item?",
        )
        if amounts[-1].price < max(item.price for item in items):
            wording = (
                "Which item has the largest amount?",
                "For which item was most paid in all?",
                "On which item was most spent?",
            )
        found.append(Exchange(rng.choice(wording), amounts[-1].name))
    if len(items) > 1 and amounts[0].amount < amounts[1].amount:
        wording = ("Which item is the cheapest?", "Which item costs least?")
        if amounts[0].price > min(item.price for item in items):
            wording = ("Which item has the smallest amount?", "On which item was least spent?")
        found.append(Exchange(rng.choice(wording), amounts[0].name))
    if len(items) > 1:
        left, right = rng.sample(items, 2)
        if left.amount != right.amount:
            dearer, other = (left, right) if left.amount > right.amount else (right, left)
            said = "yes" if dearer is left else "no"
            if dearer.price > other.price:
                found.append(Exchange(f"Which costs more, {left.name} or {right.name}?", dearer.name))
                found.append(Exchange(f"Does {left.name} cost more than {right.name}?", said))
            else:
                asked = f"For which was more paid in all, {left.name} or {right.name}?"
                found.append(Exchange(asked, dearer.name))
                found.append(Exchange(f"Was more paid for {left.name} than for {right.name}?", said))
    names = {name for name, _, _ in receipt.sums}
    if names & {"cash", "card"}:
        found.append(Exchange("Was it paid in cash?", "yes" if "cash" in names else "no"))
    return found
