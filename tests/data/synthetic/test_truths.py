"""Questions that somebody who sees the picture alone can answer, and in one way only."""

from __future__ import annotations

import random
import re

import numpy as np

from monkeyvl.answers import parse_answer
from monkeyvl.data.synthetic import make_sample
from monkeyvl.data.synthetic.canvas import Line
from monkeyvl.data.synthetic.receipts_content import Item, make_content, questions
from monkeyvl.data.synthetic.screens_parts import Surface, Theme
from monkeyvl.data.synthetic.tasks import unmistakable
from monkeyvl.data.synthetic.text_kit import pick_face


def test_texts_that_stand_inside_others_are_not_looked_for() -> None:
    lines = [
        Line(text, (0, 20.0 * n, 50, 20.0 * n + 10)) for n, text in enumerate(("3", "13.50", "Tea", "Sum"))
    ]
    assert [line.text for line in unmistakable(lines)] == ["13.50", "Tea", "Sum"]


def test_words_of_a_line_are_where_they_are_said_to_be() -> None:
    found = 0
    for number in range(60):
        sample = make_sample("letter", random.Random(number), width=500, amount=0.2)
        whole = {line.text for line in sample.lines}
        for one in sample.exchanges:
            sought = re.fullmatch(r'Where is "(.*)"\?', one.question)
            if not sought or sought[1] in whole:
                continue
            (region,) = parse_answer(one.answer, sample.image.size)[1]
            assert region.bounds
            x0, y0, x1, y1 = region.bounds
            inside = [c for c, x, y, _ in sample.characters if x0 <= x <= x1 and y0 <= y <= y1]
            assert sorted(inside) == sorted(sought[1].replace(" ", ""))
            ink = np.asarray(sample.image.convert("L"))[round(y0) : round(y1), round(x0) : round(x1)]
            assert int(ink.max()) - int(ink.min()) > 40
            found += 1
    assert found > 8


def test_dear_and_cheap_mean_the_same_by_piece_and_in_all() -> None:
    content = make_content(random.Random(1), 12)
    content.items = [Item("NAILS", 20, 1.0), Item("SAW", 1, 9.0), Item("TAPE", 1, 2.0)]
    asked = {one.question for n in range(60) for one in questions(random.Random(n), content)}
    assert not any(
        question.startswith(("Which item is the most", "Which item costs most")) for question in asked
    )
    assert not any("NAILS" in question and "cost more than SAW" in question for question in asked)
    assert "Does SAW cost more than TAPE?" in asked
    assert "What does NAILS cost in all?" in asked
    assert not {"What is the price of NAILS?", "How much is NAILS?"} & asked
    assert "How many NAILS were bought?" in asked
    uncounted = {
        one.question for n in range(60) for one in questions(random.Random(n), content, counted=False)
    }
    assert not any(
        "were bought" in question for question in uncounted - {"How many different goods were bought?"}
    )


def test_what_is_partly_hidden_is_not_counted() -> None:
    rng = random.Random(1)
    white = (255, 255, 255)
    theme = Theme(pick_face(rng, "sans"), 14, white, white, (0, 0, 200), (0, 0, 0), 0)
    screen = Surface(400, 300, theme)
    for y in (10, 60, 110):
        screen.button(20, y, f"Button {y}", width=120)
    screen.check(20, 200, "On", True)
    screen.lay(Surface(300, 60, theme), 0, 0)
    assert screen.cut == set()  # the first button is wholly hidden: there are two
    assert [one.name for one in screen.elements] == ["Button 60", "Button 110", "On"]
    screen.lay(Surface(60, 60, theme), 100, 100)
    assert screen.cut == {"button"}


def test_two_addresses_on_an_invoice_have_two_names() -> None:
    for number in range(20):
        sample = make_sample("invoice", random.Random(number))
        assert "address" not in sample.fields
        assert sample.fields["company address"]


def test_long_receipts_have_other_totals_beside_the_one_that_is_asked_for() -> None:
    found = 0
    for number in range(60):
        sample = make_sample("receipt", random.Random(number))
        said = [line.text for line in sample.lines]
        if any(text.endswith(("Analysis", " by Code", "Rate")) for text in said):
            found += 1
            total = sample.fields["total"]
            assert any(text.endswith(total) for text in said)
    assert found > 10


def test_one_receipt_has_one_rate_of_tax() -> None:
    seen = 0
    for number in range(300):
        content = make_content(random.Random(number), 30)
        values = {name: (label, value) for name, label, value in content.sums}
        if not content.summary or "tax" not in values:
            continue
        label, value = values["tax"]
        code, _, tax = content.summary[1]
        assert tax == value
        printed = re.search(r"([\d.]+)%", label)
        if printed:
            assert code.endswith(f" {printed[1]}%")
            seen += 1
    assert seen > 5
