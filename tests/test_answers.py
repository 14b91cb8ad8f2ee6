from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monkeyvl.answers import (
    Answer,
    Region,
    format_box,
    format_point,
    format_quad,
    from_thousandths,
    parse_answer,
    replace_view,
    to_thousandths,
)
from monkeyvl.errors import UsageError

SIZE = (2000, 500)  # a thousandth is 2 pixels wide and half a pixel high
THOUSANDTHS = st.integers(0, 1000)
SIZES = st.tuples(st.integers(1, 100_000), st.integers(1, 100_000))
STYLES = st.sampled_from(["pairs", "tokens", "brackets"])
Style = Literal["pairs", "tokens", "brackets"]


def parsed(raw: str) -> tuple[str, list[tuple[str, tuple[float, ...]]]]:
    text, regions = parse_answer(raw, SIZE)
    return text, [
        (region.text, region.box or sum(region.quad or (), ()) or region.point or ()) for region in regions
    ]


# ---- the forms that the models write


def test_monkeys_form() -> None:
    assert parsed("<ref>This</ref><box>(10,20),(30,40)</box>is") == ("This is", [("This", (20, 10, 60, 20))])


def test_internvls_form() -> None:
    assert parsed("<ref>the dog</ref><box>[[10, 20, 30, 40]]</box>") == (
        "the dog",
        [("the dog", (20, 10, 60, 20))],
    )
    assert parsed("<ref>dogs</ref><box>[[1,2,3,4], [5,6,7,8]]</box>")[1] == [
        ("dogs", (2, 1, 6, 2)),
        ("dogs", (10, 3, 14, 4)),
    ]


def test_coordinate_tokens() -> None:
    raw = "<ref>TOTAL</ref><box><c12><c34><c560><c1000></box><ref>5.20</ref><point><c0><c500></point>"
    assert parsed(raw) == ("TOTAL\n5.20", [("TOTAL", (24, 17, 1120, 500)), ("5.20", (0, 250))])
    # As a tokenizer may write them.
    assert parsed("<box> <c12> <c34> <c560> <c780> </box>")[1] == [("", (24, 17, 1120, 390))]


def test_quads_and_points() -> None:
    raw = "<ref>SALE</ref><quad>(10,20),(30,20),(30,40),(10,42)</quad>"
    text, (region,) = parse_answer(raw, SIZE)
    assert (text, region.box, region.point) == ("SALE", None, None)
    assert region.quad == ((20, 10), (60, 10), (60, 20), (20, 21))
    assert region.bounds == (20, 10, 60, 21)
    text, (region,) = parse_answer("<point>(922,580)</point>", SIZE)
    assert (text, region.point, region.bounds) == ("", (1844, 290), (1844, 290, 1844, 290))


def test_several_positions_share_the_text_before_them() -> None:
    one, two = ("sign", (2, 1, 6, 2)), ("sign", (10, 3, 14, 4))
    for between in ("", ", ", " ", "\n", ";"):
        raw = f"<ref>sign</ref><box>(1,2),(3,4)</box>{between}<box>(5,6),(7,8)</box>"
        assert parsed(raw)[1] == [one, two]
    assert parsed("sign <box>(1,2),(3,4)</box><box>(5,6),(7,8)</box>") == ("sign", [one, two])


def test_boxes_without_ref_take_the_words_before_them() -> None:
    assert parsed("12.50<box>(1,2),(3,4)</box>") == ("12.50", [("12.50", (2, 1, 6, 2))])
    assert parsed("<box>(1,2),(3,4)</box>") == ("", [("", (2, 1, 6, 2))])
    raw = "Date: 3 May<box>(1,2),(3,4)</box>\nTotal: 9<box>(5,6),(7,8)</box>."
    assert parsed(raw) == (
        "Date: 3 May\nTotal: 9.",
        [("Date: 3 May", (2, 1, 6, 2)), ("Total: 9", (10, 3, 14, 4))],
    )
    # A ref waits for its position, whatever stands between.
    assert parsed("<ref>Exit</ref> is here: <box>(1,2),(3,4)</box>")[1] == [("Exit", (2, 1, 6, 2))]


def test_text_keeps_its_words_apart_and_its_punctuation_close() -> None:
    box = "<box>(1,2),(3,4)</box>"
    assert parsed(f"A{box}B{box}, C {box} D{box}.")[0] == "A B, C D."
    assert parsed(f"<ref>A</ref>{box}<ref>B</ref>{box}<ref>C</ref>{box}")[0] == "A\nB\nC"
    assert parsed(f"see <ref>A</ref>{box} and <ref>B</ref>{box}")[0] == "see A and B"
    assert parsed(f"A{box}\n  B")[0] == "A\n  B"
    assert parsed("  plain text,\n as it is < 5 > 3 <b>\n")[0] == "plain text,\n as it is < 5 > 3 <b>"


def test_corners_are_ordered_and_kept_inside() -> None:
    assert parsed("<box>(30,40),(10,20)</box>")[1] == [("", (20, 10, 60, 20))]
    assert parsed("<box>(-5,20),(1500,99999)</box>")[1] == [("", (0, 10, 2000, 500))]
    assert parsed("<box>(1.5,2),(3,4)</box>")[1] == [("", (3, 1, 6, 2))]
    assert parsed(f"<point>({'9' * 5000},0)</point>")[1] == [("", (2000, 0))]


def test_full_width_punctuation() -> None:
    assert parsed("<ref>合计</ref><box>（10，20），（30，40）</box>") == (
        "合计",
        [("合计", (20, 10, 60, 20))],
    )


def test_image_and_page_are_passed_on() -> None:
    (region,) = parse_answer("<point>(1,2)</point>", SIZE, image=3, page=7)[1]
    assert (region.image, region.page) == (3, 7)


# ---- broken and unfinished markup


@pytest.mark.parametrize(
    ("raw", "text", "count"),
    [
        ("<ref>cut", "cut", 0),
        ("<ref>cut</ref><bo", "cut", 0),
        ("<ref>cut</re", "cut", 0),
        ("<ref>cut</ref><poin", "cut", 0),
        ("<ref>cut</", "cut", 0),
        ("1 <", "1 <", 0),
        ("<box><c1><c2><c3><c4", "", 0),
        ("<ref>cut</ref><box>", "cut", 0),
        ("<ref>cut</ref><box>(1,2),(3", "cut", 0),
        ("<ref>cut</ref><box>(1,2),(3,4", "cut", 0),  # 4 may have been 45
        ("<ref>cut</ref><box>(1,2),(3,4)", "cut", 1),
        ("<ref>cut</ref><box>(1,2),(3,4)</bo", "cut", 1),
        ("<ref>cut</ref><box>1,2,3,4</bo", "cut", 1),
        ("<box><c1><c2><c3>", "", 0),
        ("<box><c1><c2><c3><c4>", "", 1),  # a token is whole or not there
        ("<box>(1,2),(3,4) and 5 more", "and 5 more", 1),
        ("<box>(1,2),(3,4)<box>(5,6),(7,8)</box>", "", 2),
        ("<box>(1,2),(3,4)</ref>", "", 1),
        ("<box>(1,2),(3,4)</quad>", "", 1),
        ("<box>(1,2)</box>", "", 0),
        ("<box></box>", "", 0),
        ("<box>(1,2),(3,4),(5,6)</box>", "", 1),
        ("<quad>(1,2),(3,4)</quad>", "", 0),
        ("</box></ref></point>", "", 0),
        ("<c5>lost<c6>", "lost", 0),
        ("the <box> tag", "the  tag", 0),
        ("<ref>a<ref>b</ref><box>(1,2),(3,4)</box>", "ab", 1),
        ("<ref>a<box>(1,2),(3,4)</box></ref>", "a", 1),
        ("<ref></ref><box>(1,2),(3,4)</box>", "", 1),
        ("", "", 0),
    ],
)
def test_broken_markup(raw: str, text: str, count: int) -> None:
    found, regions = parse_answer(raw, SIZE)
    assert (" ".join(found.split()), len(regions)) == (" ".join(text.split()), count)


PIECES = st.sampled_from(
    "<ref>|</ref>|<box>|</box>|<quad>|</quad>|<point>|</point>|<c12>|<c1000>|<c|(1,2)|(|)|[[|]]|,| |7|-3.5"
    "|.|<|>|/|a|中|\n|\u2028|\0".split("|")
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join)), SIZES)
def test_any_string_is_parsed(raw: str, size: tuple[int, int]) -> None:
    text, regions = parse_answer(raw, size)
    for markup in ("<ref>", "</ref>", "<c12>", "</point>"):
        assert markup not in text
    for region in regions:
        assert region.bounds is not None
        x0, y0, x1, y1 = region.bounds
        assert 0 <= x0 <= x1 <= size[0]
        assert 0 <= y0 <= y1 <= size[1]
        json.dumps(region.to_dict())


@given(st.text(alphabet=st.characters(exclude_characters="<")))
def test_text_without_markup_stays_as_it_is(raw: str) -> None:
    assert parse_answer(raw, SIZE) == (raw.strip(), ())


@pytest.mark.parametrize(
    "piece",
    [
        *("<box>", "<ref>", "<box>(", "<", "<c1>", "<box>1,2,3,4 ", "<box> ", "(((("),
        *(
            "<box>(1,2),(3,4)</box>",
            "<box>" + " " * 50,
            "<ref>a",
            "1,",
            "\n",
            "<box>,,,",
            "9",
            "<box>-",
            "<box>1.",
            " ",
            "</",
        ),
    ],
)
def test_time_is_linear(piece: str) -> None:
    def seconds(length: int) -> float:
        raw = "<box>" + piece * (length // len(piece))
        start = time.thread_time()
        parse_answer(raw, SIZE)
        return time.thread_time() - start

    # Twenty times the length would take four hundred times as long if it were quadratic.
    long, short = (min(seconds(length) for _ in range(3)) for length in (400_000, 20_000))
    assert long < 100 * max(short, 0.002)


# ---- numbers


def test_thousandths() -> None:
    assert [to_thousandths(x, 200) for x in (0, 0.05, 0.1, 100, 199.95, 200, 300, -7)] == [
        0,
        0,
        1,
        500,
        1000,
        1000,
        1000,
        0,
    ]
    assert from_thousandths(500, 333) == 166.5
    with pytest.raises(UsageError, match="extent 0"):
        to_thousandths(1, 0)


@given(THOUSANDTHS, st.integers(1, 10**6))
def test_thousandths_round_trip(value: int, extent: int) -> None:
    assert to_thousandths(from_thousandths(value, extent), extent) == value


@given(st.lists(THOUSANDTHS, min_size=4, max_size=4), SIZES, STYLES)
def test_box_round_trip(values: list[int], size: tuple[int, int], style: Style) -> None:
    x0, x1 = sorted(values[:2])
    y0, y1 = sorted(values[2:])
    wanted = [x0, y0, x1, y1]
    pixels = [from_thousandths(value, size[i % 2]) for i, value in enumerate(wanted)]
    markup = format_box(pixels, size, style)
    text, (region,) = parse_answer(f"<ref>t</ref>{markup}", size)
    assert (text, region.text) == ("t", "t")
    assert region.box is not None
    assert [to_thousandths(value, size[i % 2]) for i, value in enumerate(region.box)] == wanted
    assert format_box(region.box, size, style) == markup


@given(st.lists(st.tuples(THOUSANDTHS, THOUSANDTHS), min_size=4, max_size=4), SIZES, STYLES)
def test_quad_and_point_round_trip(
    values: list[tuple[int, int]], size: tuple[int, int], style: Style
) -> None:
    points = [(from_thousandths(x, size[0]), from_thousandths(y, size[1])) for x, y in values]
    raw = format_quad(points, size, style) + format_point(points[0], size, style)
    _, (quad, point) = parse_answer(raw, size)
    assert quad.quad == tuple(points)
    assert point.point == points[0]


def test_formats() -> None:
    assert format_box((20, 10, 60, 20), SIZE) == "<box>(10,20),(30,40)</box>"
    assert format_box((20, 10, 60, 20), SIZE, "tokens") == "<box><c10><c20><c30><c40></box>"
    assert format_point((0, 500), SIZE) == "<point>(0,1000)</point>"
    assert format_point((0, 500), SIZE, "tokens") == "<point><c0><c1000></point>"
    quad = ((20, 10), (60, 10), (60, 20), (20, 20))
    assert format_quad(quad, SIZE) == "<quad>(10,20),(30,20),(30,40),(10,40)</quad>"
    with pytest.raises(UsageError, match="a box has 4 values, not 3"):
        format_box((1, 2, 3), SIZE)
    with pytest.raises(UsageError, match="style 'dots'"):
        format_point((1, 2), SIZE, "dots")  # type: ignore[arg-type]


# ---- records


def test_answer_as_json() -> None:
    regions = (
        Region("a", box=(1, 2, 3, 4)),
        Region("b", quad=((1, 2), (3, 2), (3, 4), (1, 4)), page=2),
        Region("c", point=(5, 6), image=1),
    )
    answer = Answer("hello", regions, model="embedded", seconds=1.5, tokens={"prompt": 10, "answer": 3})
    assert json.loads(json.dumps(answer.to_dict())) == {
        "text": "hello",
        "regions": [
            {"text": "a", "box": [1, 2, 3, 4], "image": 0, "page": None},
            {"text": "b", "quad": [[1, 2], [3, 2], [3, 4], [1, 4]], "image": 0, "page": 2},
            {"text": "c", "point": [5, 6], "image": 1, "page": None},
        ],
        "model": "embedded",
        "seconds": 1.5,
        "tokens": {"prompt": 10, "answer": 3},
    }
    assert dataclasses.replace(answer, notes=("reduced",)).to_dict()["notes"] == ["reduced"]


def test_records_are_frozen() -> None:
    for record in (Answer("a"), Region("a")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            record.text = "b"  # type: ignore[misc]
    assert Answer("a").tokens == {}
    assert Region("nowhere").bounds is None


def test_needs_neither_torch_nor_pillow() -> None:
    heavy = {"torch", "PIL", "numpy", "transformers"}
    code = f"import sys, monkeyvl.answers; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_places_of_a_view_come_back_to_the_image() -> None:
    view = (0.25, 0.5, 0.75, 1.0)
    _, regions = parse_answer("<ref>a</ref><box>(0,500),(1000,1000)</box>", (200, 100), view=view)
    assert regions[0].box == (50.0, 75.0, 150.0, 100.0)
    _, regions = parse_answer("<point>(0,1000)</point>", (200, 100), view=(-0.5, 0.0, 1.0, 2.0))
    assert regions[0].point == (0.0, 100.0)  # in the padding: moved to the image's edge


@given(
    st.tuples(st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0.6, 1), st.floats(0.6, 1)),
    st.tuples(st.integers(400, 600), st.integers(400, 600)),
)
def test_a_place_written_for_a_view_means_the_same(
    view: tuple[float, float, float, float], at: tuple[int, int]
) -> None:
    text = f"<ref>a</ref><point><c{at[0]}><c{at[1]}></point>"
    (whole,) = parse_answer(text, (1000, 1000))[1]
    (seen,) = parse_answer(replace_view(text, view), (1000, 1000), view=view)[1]
    assert whole.point
    assert seen.point
    assert all(abs(one - other) <= 0.51 for one, other in zip(whole.point, seen.point, strict=True))


def test_the_axes_start_anew_with_each_place() -> None:
    broken = "<box><c100><c200><c300> <box><c500><c750><c1000><c1000></box>"
    found = replace_view(broken, (0.5, 0.0, 1.0, 1.0))
    assert found == "<box><c0><c200><c0> <box><c0><c750><c1000><c1000></box>"
