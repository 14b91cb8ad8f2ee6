from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monkeyvl import drawing
from monkeyvl.answers import Answer, Region
from monkeyvl.cropping import crop_plan
from monkeyvl.drawing import COLORS, PAPER, draw_answer, draw_crop_plan, draw_regions
from monkeyvl.images import open_image

GROUND = (90, 140, 90)
RealData = Path(__file__).resolve().parent.parent.parent / "shared" / "realdata"


def blank(size: tuple[int, int]) -> Image.Image:
    return Image.new("RGB", size, GROUND)


def amount(image: Image.Image, color: tuple[int, int, int]) -> int:
    return int((np.asarray(image) == color).all(axis=-1).sum())


def places(image: Image.Image, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """The rectangle around all pixels of `color`."""
    ys, xs = np.nonzero((np.asarray(image) == color).all(axis=-1))
    return int(xs.min()), int(ys.min()), int(xs.max()), int(ys.max())


def words(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every line of text that is written from now on."""
    seen: list[str] = []
    write = drawing.Type.write

    def spy(self: drawing.Type, draw: object, corner: object, text: str, color: object) -> None:
        seen.append(text)
        write(self, draw, corner, text, color)  # type: ignore[arg-type]

    monkeypatch.setattr(drawing.Type, "write", spy)
    return seen


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """WCAG 2 contrast ratio."""

    def luminance(color: tuple[int, int, int]) -> float:
        parts = [value / 255 for value in color]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_letters_stand_out() -> None:
    for color in (*COLORS, drawing.INK, drawing.FAINT):
        assert contrast(color, PAPER) >= 4.5  # WCAG's bar for text


def test_box_with_label(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = words(monkeypatch)
    image = blank((1000, 800))
    out = draw_regions(image, [Region("Total", box=(400, 300, 600, 350))])
    assert seen == ["Total"]
    assert out.size == (1000, 800)
    x0, y0, x1, y1 = places(out, COLORS[0])
    assert (x0, x1) == (398, 602)
    assert y1 == 352
    assert 250 < y0 < 290  # the label stands above the box
    assert out.getpixel((500, 325)) == GROUND  # what the box holds stays readable
    assert np.array_equal(np.asarray(image), np.asarray(blank((1000, 800))))


def test_quad_and_point() -> None:
    quad = Region("", quad=((200, 200), (500, 250), (480, 400), (180, 350)))
    out = draw_regions(blank((1000, 800)), [quad, Region("", point=(800, 600))])
    x0, y0, x1, y1 = places(out, COLORS[0])
    assert max(abs(x0 - 180), abs(y0 - 200), abs(x1 - 500), abs(y1 - 400)) <= 4
    x0, y0, x1, y1 = places(out, COLORS[1])
    assert abs((x0 + x1) / 2 - 800) <= 1
    assert abs((y0 + y1) / 2 - 600) <= 1
    assert x1 - x0 >= 16


@pytest.mark.parametrize("size", [(4, 4), (24, 16), (300, 8), (8, 300), (1000, 700), (6000, 2000)])
@pytest.mark.parametrize(
    "place", [(0.0, 0.0, 0.2, 0.2), (0.8, 0.8, 1.0, 1.0), (0.0, 0.0, 1.0, 1.0), (-3, -3, 9, 9)]
)
def test_any_size_and_any_place(
    size: tuple[int, int], place: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = words(monkeypatch)
    x0, y0, x1, y1 = (value * size[i % 2] for i, value in enumerate(place))
    out = draw_regions(blank(size), [Region("Read me", box=(x0, y0, x1, y1))])
    assert seen[-1] == "Read me"
    assert 900 <= max(out.size) <= 4500
    assert amount(out, COLORS[0]) > 200  # the label's ground is there


def test_label_is_kept_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    corners: list[tuple[int, int, int, int]] = []
    badge = drawing._badge

    def spy(
        draw: object, type_: drawing.Type, corner: tuple[int, int], lines: list[str], color: object
    ) -> None:
        width, height = type_.badge_size(lines)
        corners.append((*corner, corner[0] + width, corner[1] + height))
        badge(draw, type_, corner, lines, color)  # type: ignore[arg-type]

    monkeypatch.setattr(drawing, "_badge", spy)
    text = "a label of some length"
    for x, y in ((0, 0), (950, 0), (0, 750), (950, 750), (500, 0), (0, 400)):
        draw_regions(blank((1000, 800)), [Region(text, box=(x, y, x + 50, y + 50))])
        draw_regions(blank((1000, 800)), [Region(text, point=(x, y))])
    assert len(corners) == 12
    for x0, y0, x1, y1 in corners:
        assert 0 <= x0 < x1 <= 1000
        assert 0 <= y0 < y1 <= 800


def test_labels_do_not_cover_each_other_or_regions() -> None:
    boxes = [(100.0, 100.0 + 60 * i, 300.0, 125.0 + 60 * i) for i in range(8)]
    picture = drawing._Picture(
        blank((1000, 800)), [Region(f"entry {i}", box=box) for i, box in enumerate(boxes)]
    )
    picture.drawn()
    taken = np.asarray(picture.taken)
    for x0, y0, x1, y1 in boxes:
        assert (taken[int(y0) : int(y1), int(x0) : int(x1)] == drawing._REGION).all()
    width, height = picture.type.badge_size(["entry 0"])
    assert (taken == drawing._LABEL).sum() == 8 * width * height


def test_a_large_region_holds_its_label_and_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = words(monkeypatch)
    inner = Region("inner", box=(400, 300, 500, 320))
    out = draw_regions(blank((1000, 800)), [Region("outer", box=(0, 0, 1000, 800)), inner])
    assert seen == ["outer", "inner"]
    assert out.size == (1000, 800)


def test_crowded_regions_get_numbers_and_a_legend(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = words(monkeypatch)
    rows = [Region(f"row {i}", box=(10, 20 + 28 * i, 990, 45 + 28 * i)) for i in range(30)]
    beside = draw_regions(blank((1000, 900)), rows)
    assert beside.width > 1000
    assert {f"row {i}" for i in range(30)} <= set(seen)
    assert seen.count("30") == 2  # at the region and in the legend
    rows = [Region(row.text, box=(10, row.box[1], 1590, row.box[3])) for row in rows if row.box]
    below = draw_regions(blank((1600, 900)), rows)
    assert below.width == 1600
    assert below.height > 900


def test_long_texts_go_into_the_legend(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = words(monkeypatch)
    text = "a long sentence that no label can hold " * 8
    draw_regions(blank((1000, 900)), [Region(text, box=(100, 100, 300, 200)), Region("", box=(5, 5, 50, 50))])
    assert " ".join(line for line in seen if "sentence" in line or "label" in line).count("sentence") == 8
    assert "(no text)" in seen


def test_a_page_of_words_is_drawn_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = words(monkeypatch)
    regions = [
        Region(f"word{x}-{y}", box=(10 + 95 * x, 10 + 30 * y, 90 + 95 * x, 26 + 30 * y))
        for y in range(20)
        for x in range(10)
    ]
    out = draw_regions(blank((1000, 700)), regions)
    assert out.width == 1500  # enlarged so that the words are 24 pixels high
    assert out.height == 2 * 1050
    assert sorted(seen) == sorted(region.text for region in regions)


def test_regions_without_a_place_are_left_out() -> None:
    assert draw_regions(blank((1000, 800)), [Region("nowhere")]).tobytes() == blank((1000, 800)).tobytes()


def test_other_modes_are_drawn() -> None:
    assert draw_regions(Image.new("L", (900, 900)), [Region("a", point=(450, 450))]).mode == "RGB"


def test_answer_has_a_caption(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = words(monkeypatch)
    answer = Answer("12.50\nand more", (Region("12.50", box=(10, 100, 90, 140)),))
    out = draw_answer(blank((1000, 800)), "What is the total?", answer)
    assert seen == ["12.50", "What is the total?", "12.50", "and more"]
    assert out.width == 1000
    assert out.height > 850
    assert amount(out.crop((0, 810, 1000, out.height)), PAPER) > 50_000
    seen.clear()
    narrow = draw_answer(blank((20, 900)), "Where? " * 40, Answer(""))
    assert narrow.width >= 400
    assert seen[-1] == "(no text)"
    assert " ".join(seen[:-1]) == ("Where? " * 40).strip()


@pytest.mark.parametrize("size", [(600, 900), (1024, 768), (130, 38), (4, 4), (3, 5000), (5000, 3)])
@pytest.mark.parametrize("cropping", ["paper", "demo", "eval-vqa:ChartQA"])
def test_crop_plan(size: tuple[int, int], cropping: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = words(monkeypatch)
    plan = crop_plan(size, cropping)
    out = draw_crop_plan(blank(size), plan)
    for layer, (columns, rows) in (("detail", plan.detail), ("adaptive", plan.adaptive), ("global", (1, 1))):
        tiles = plan.tiles[layer]
        wanted = f"{layer}: {columns} x {rows}, {tiles or 'no'} {'tile' if tiles == 1 else 'tiles'}"
        assert wanted in seen
    assert f"{size[0]} x {size[1]} pixels: {plan.num_tiles} tiles of 448 x 448" in seen
    numbers = [
        int(number) for text in seen if text[0].isdigit() and "x" not in text for number in text.split(",")
    ]
    assert sorted(numbers) == list(range(1, plan.num_tiles + 1))
    assert all(amount(out, color) > 150 for color in COLORS[:3])
    assert max(out.size) < 3300


def test_crop_plan_lines_are_where_the_tiles_meet() -> None:
    plan = crop_plan((800, 800), "vlmevalkit:OCRBench")
    out = draw_crop_plan(blank((800, 800)), plan)
    red = (np.asarray(out) == COLORS[0]).all(axis=-1)
    columns = np.flatnonzero(red.sum(axis=0) > 600)
    starts = [int(x) for i, x in enumerate(columns) if i == 0 or x - columns[i - 1] > 6]
    assert plan.detail == (3, 3)
    assert np.diff(starts).tolist() == pytest.approx([800 / 3] * 3, abs=4)


@pytest.mark.skipif(not RealData.is_dir(), reason="real images are not shipped")
@pytest.mark.parametrize("name", ["sroie", "screenagent", "icdar2015", "pageocr"])
def test_real_images(name: str) -> None:
    path = sorted(path for path in (RealData / name / "dev" / "images").iterdir() if path.suffix == ".jpg")[0]
    image = open_image(path)
    region = Region("here", box=(image.width / 4, image.height / 4, image.width / 2, image.height / 3))
    assert max(draw_answer(image, "Where?", Answer("here", (region,))).size) >= 900
    assert max(draw_crop_plan(image, crop_plan(image.size)).size) >= 700
