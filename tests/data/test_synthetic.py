"""Made documents: deterministic, inside the page, and their answers really printed on them."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import ImageChops

from monkeyvl.data.synthetic import KINDS, make_sample
from monkeyvl.data.synthetic.canvas import Canvas, Line
from monkeyvl.data.synthetic.degrade import degrade
from monkeyvl.data.synthetic.fonts import BUNDLED, find_fonts, load_font
from monkeyvl.data.synthetic.tasks import rows_of_text
from monkeyvl.errors import UsageError


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_sample(kind: str) -> None:
    one, other = (make_sample(kind, random.Random("seed")) for _ in range(2))
    assert one.exchanges == other.exchanges
    assert one.characters == other.characters
    assert ImageChops.difference(one.image, other.image).getbbox() is None
    assert make_sample(kind, random.Random("another")).exchanges != one.exchanges


@pytest.mark.parametrize("kind", KINDS)
def test_everything_stands_on_the_page(kind: str) -> None:
    for number in range(20):
        sample = make_sample(kind, random.Random(f"{kind}{number}"))
        width, height = sample.image.size
        for line in sample.lines:
            x0, y0, x1, y1 = line.box
            assert -1 <= x0 < x1 <= width + 1, line
            assert -1 <= y0 < y1 <= height + line.box[3] - line.box[1], line
        assert sorted("".join(c for c, *_ in sample.characters)) == sorted(
            "".join(line.text.replace(" ", "") for line in sample.lines)
        )
        assert sample.exchanges


def test_character_centres_are_inside_their_lines_in_order() -> None:
    canvas = Canvas(400, 60)
    line = canvas.write(10, 10, "Wi 4.0", load_font(str(BUNDLED), 30))
    centres = [x for _, x, _, _ in canvas.characters]
    assert [c for c, *_ in canvas.characters] == list("Wi4.0")
    assert centres == sorted(centres)
    assert line.box[0] < centres[0] < centres[-1] < line.box[2]
    # The ink of the first letter is really around its centre.
    columns = np.where(np.asarray(canvas.image).min(axis=0) < 128)[0]
    assert columns.min() < centres[0] < columns.min() + 40


def test_receipt_fields_are_printed_and_add_up() -> None:
    for number in range(30):
        sample = make_sample("receipt", random.Random(number))
        printed = " ".join(line.text for line in sample.lines)
        for name, value in sample.fields.items():
            assert value in printed, (name, value, printed)
        fields = sample.fields
        if "subtotal" in fields:
            assert round(float(fields["subtotal"]) + float(fields["tax"]), 2) == float(fields["total"])
        if "change" in fields:
            assert round(float(fields["cash"]) - float(fields["total"]), 2) == float(fields["change"])
        answers = {one.answer for one in sample.exchanges}
        assert set(fields.values()) <= answers


def test_rows_join_what_stands_side_by_side() -> None:
    lines = [Line("B", (50, 1, 60, 11)), Line("C", (0, 30, 10, 40)), Line("A", (0, 0, 10, 10))]
    assert rows_of_text(lines) == ["A B", "C"]


def test_degrading_keeps_size_and_strength_zero_keeps_edges() -> None:
    page = make_sample("lines", random.Random(1), strength=0.0).image
    worn = degrade(page, random.Random(2), 1.0)
    assert worn.size == page.size
    assert ImageChops.difference(worn, page).getbbox() is not None


def test_fonts_are_always_found(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    find_fonts.cache_clear()
    monkeypatch.setenv("MONKEYVL_FONTS", str(tmp_path))
    assert find_fonts() == (str(BUNDLED),)
    find_fonts.cache_clear()


def test_bad_requests() -> None:
    with pytest.raises(UsageError, match="known kinds are"):
        make_sample("poem", random.Random(1))
    with pytest.raises(UsageError, match="colour"):
        make_sample("lines", random.Random(1), colour="red")
