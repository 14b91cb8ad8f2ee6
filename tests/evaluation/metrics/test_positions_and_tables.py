"""Cases worked out by hand for boxes, clicks, spotted words and tables."""

from __future__ import annotations

import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monkeyvl.errors import UsageError
from monkeyvl.evaluation import metrics
from monkeyvl.evaluation.metrics import Word
from monkeyvl.evaluation.metrics.boxes import shape_overlap
from monkeyvl.evaluation.metrics.tables import Node, tree_distance

BOX = st.tuples(*[st.integers(0, 1000)] * 4)


def test_box_iou_by_hand() -> None:
    assert metrics.box_iou((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7)
    assert metrics.box_iou((0, 0, 2, 2), (2, 0, 4, 2)) == 0.0
    assert metrics.box_iou((2, 2, 0, 0), (0, 0, 2, 2)) == 1.0
    assert metrics.box_iou((1, 1, 1, 9), (1, 1, 1, 9)) == 1.0
    assert metrics.box_iou((1, 1, 1, 9), (1, 1, 1, 8)) == 0.0


@settings(deadline=None, max_examples=100)
@given(BOX, BOX, st.integers(-500, 500), st.integers(1, 5))
def test_box_iou_is_symmetric_bounded_and_does_not_depend_on_place_or_scale(
    a: tuple[int, ...], b: tuple[int, ...], shift: int, scale: int
) -> None:
    value = metrics.box_iou(a, b)
    assert 0.0 <= value <= 1.0
    assert value == metrics.box_iou(b, a)
    moved = [[scale * (number + shift) for number in box] for box in (a, b)]
    assert metrics.box_iou(*moved) == pytest.approx(value)
    assert metrics.box_iou(a, a) == 1.0


@settings(deadline=None, max_examples=60)
@given(BOX, BOX)
def test_boxes_are_polygons_too(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    pytest.importorskip("shapely")
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = a, b
    if ax0 != ax1 and ay0 != ay1 and bx0 != bx1 and by0 != by1:
        corners = [(bx0, by0), (bx1, by0), (bx1, by1), (bx0, by1)]
        assert shape_overlap(corners, a)[0] == pytest.approx(metrics.box_iou(a, b))
        assert shape_overlap(a, corners) == pytest.approx(shape_overlap(a, b))


def test_grounding() -> None:
    true = [(0, 0, 10, 10), (100, 100, 200, 200)]
    assert metrics.iou((100, 100, 200, 150), true) == pytest.approx(0.5)
    assert metrics.iou((100, 100, 200, 150), true, variant="at_0.5") == 1.0
    assert metrics.iou((100, 100, 200, 150), true, variant="at_0.75") == 0.0
    assert metrics.iou(None, true) == 0.0
    assert metrics.point_in_box((10, 5), true) == 1.0
    assert metrics.point_in_box((11, 5), true) == 0.0
    assert metrics.point_in_box((140, 140, 150, 170), true) == 1.0
    assert metrics.point_in_box(None, true) == 0.0
    with pytest.raises(UsageError, match="a box has 4 numbers and a point 2, got 3"):
        metrics.point_in_box((1, 2, 3), true)


def test_clicks() -> None:
    assert metrics.click_distance((130, 140), [(100, 100), (900, 900)]) == pytest.approx(50.0)
    assert metrics.click_accuracy((130, 140), [(100, 100)]) == 1.0
    assert metrics.click_accuracy((131, 140), [(100, 100)]) == 0.0
    assert metrics.click_accuracy((150, 150), [(100, 100)], variant="per_axis") == 1.0
    assert metrics.click_accuracy((150, 151), [(100, 100)], variant="per_axis") == 0.0
    assert metrics.click_accuracy((90, 90, 110, 110), [(100, 100)], limit=0) == 1.0
    assert metrics.click_accuracy(None, [(100, 100)]) == 0.0


def test_polygons() -> None:
    pytest.importorskip("shapely")
    diamond = [(1, 0), (2, 1), (1, 2), (0, 1)]
    inside_union, inside_first = shape_overlap(diamond, (0, 0, 2, 2))
    assert (inside_union, inside_first) == pytest.approx((0.5, 1.0))
    assert metrics.spotting_hmean([[Word("a", diamond)]], [[Word("A", diamond)]], "position") == 1.0
    bow_tie = [(0, 0), (2, 2), (2, 0), (0, 2)]
    assert shape_overlap(bow_tie, (0, 0, 2, 2))[0] == pytest.approx(0.5)


def test_polygons_without_shapely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shapely", None)
    assert shape_overlap((0, 0, 2, 2), (0, 0, 2, 2)) == (1.0, 1.0)
    with pytest.raises(UsageError, match=r"quadrilaterals need shapely: pip install monkeyvl\[eval\]"):
        shape_overlap([(1, 0), (2, 1), (1, 2)], (0, 0, 2, 2))


TRUE_WORDS = [
    Word("EXIT", (0, 0, 100, 50)),
    Word("exit", (500, 0, 600, 50)),
    Word("Door", (200, 200, 300, 250)),
    Word("###", (700, 700, 800, 800)),
    Word("blurred", (0, 700, 100, 800), ignore=True),
]


@pytest.mark.parametrize(
    ("said", "variant", "score"),
    [
        # two of the three, nothing wrong: 2 * 2 / (2 * 2 + 0 + 1)
        (["exit", "door"], "transcription", 4 / 5),
        # one EXIT too many
        (["exit", "Exit", "exit", "door"], "transcription", 6 / 7),
        # a don't-care word does no harm
        (["exit", "Exit", "door", "blurred"], "transcription", 1.0),
        (["nothing"], "transcription", 0.0),
        # words without a place have no position
        (["exit"], "position", 0.0),
    ],
)
def test_spotting_of_texts(said: list[str], variant: str, score: float) -> None:
    assert metrics.spotting_hmean([[Word(text) for text in said]], [TRUE_WORDS], variant) == pytest.approx(
        score
    )


def test_spotting_of_positions() -> None:
    said = [
        Word("exit", (0, 0, 100, 40)),  # right: IoU 0.8
        Word("exit", (550, 0, 650, 50)),  # IoU 1/3: wrong
        Word("dour", (200, 200, 300, 250)),  # place right, text wrong
        Word("junk", (710, 710, 790, 790)),  # in a don't-care region
        Word("junk", (600, 600, 790, 790)),  # only 81/361 of it in that region: wrong
    ]
    hmean = metrics.spotting_hmean
    assert hmean([said], [TRUE_WORDS], "position") == pytest.approx(2 / (2 + 3 + 2))
    assert hmean([said], [TRUE_WORDS], "detection") == pytest.approx(4 / (4 + 2 + 1))
    # an IoU of exactly one half is not enough
    assert hmean([[Word("a", (0, 0, 1, 1))]], [[Word("a", (0, 0, 2, 1))]], "position") == 0.0
    # counts are summed over images
    assert hmean([said, []], [TRUE_WORDS, [Word("a")]], "position") == pytest.approx(2 / (2 + 3 + 3))


def test_spotting_matches_as_many_as_possible() -> None:
    # the first answer fits both, the second only the first true word
    true = [Word("a", (0, 0, 10, 10)), Word("a", (3, 0, 13, 10))]
    said = [Word("a", (1, 0, 11, 10)), Word("a", (-3, 0, 7, 10))]
    assert metrics.spotting_hmean([said], [true], "position") == 1.0
    assert metrics.spotting_hmean([said[::-1]], [true], "position") == 1.0


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("ab#"), BOX), max_size=6), st.randoms(use_true_random=False))
def test_spotting_ignores_the_order_of_words(
    items: list[tuple[str, tuple[int, ...]]], order: random.Random
) -> None:
    words = [Word(text if text != "#" else "###", box) for text, box in items]
    said, true = words[::2] + words[1:2], words[1::2] + words[:1]
    for variant in metrics.METRICS["spotting"].variants:
        score = metrics.spotting_hmean([said], [true], variant)
        assert 0.0 <= score <= 1.0
        mixed = order.sample(said, len(said)), order.sample(true, len(true))
        assert metrics.spotting_hmean([mixed[0]], [mixed[1]], variant) == score


HTML = (
    "<table><thead><tr><th>a</th><th>b</th></tr></thead>"
    "<tbody><tr><td>1</td><td>2 &amp; <b>3</b></td></tr></tbody></table>"
)
MARKDOWN = "Here it is:\n\n| a | b |\n|---|:-:|\n| 1 | 2 & 3 |\n\nThat is all."


def test_tables_in_html_and_markdown_are_one() -> None:
    assert metrics.teds(MARKDOWN, [HTML]) == 1.0
    assert metrics.teds(MARKDOWN, [HTML], variant="sections") == 1.0
    assert metrics.teds("<tr><td>a<td>b<tr><td>1<td>2 & 3", [HTML]) == 1.0
    assert metrics.teds("<tr><td>a<td>b<tr><td>1<td>2 & 3", [HTML], variant="sections") < 1.0


def test_teds_by_hand() -> None:
    # the trees have 6 nodes below the root
    assert metrics.teds(MARKDOWN.replace("2 & 3", "2 & 4"), [HTML]) == pytest.approx(1 - (1 / 5) / 6)
    assert metrics.teds(MARKDOWN.replace("2 & 3", "xxxxx"), [HTML], variant="structure") == 1.0
    assert metrics.teds("| a | b |", [HTML]) == pytest.approx(1 - 3 / 6)  # a row of two cells is missing
    assert metrics.teds(MARKDOWN + "\n", ["| x |", HTML]) == 1.0
    spanned = "<table><tr><td colspan=2>a</td></tr></table>"
    assert metrics.teds("| a |", [spanned]) == pytest.approx(1 - 1 / 2)
    assert metrics.teds("no table", [HTML]) == 0.0
    assert metrics.teds(HTML, ["no table"]) == 0.0
    assert metrics.teds("", ["no table"]) == 1.0


def test_markdown_cells_may_hold_bars_and_be_empty() -> None:
    table = metrics.parse_table("| a \\| b | |\n|---|---|\n| | d |\n")
    assert table is not None
    assert [[cell.text for cell in row.children] for row in table.children] == [["a | b", ""], ["", "d"]]


def test_a_table_in_a_cell_does_not_end_the_outer_one() -> None:
    table = metrics.parse_table(
        "<table><tr><td>a<table><tr><td>in</td></tr></table></td><td>b</td></tr></table>"
    )
    assert table is not None
    assert [len(row.children) for row in table.children] == [2]


TABLE = st.lists(
    st.lists(st.sampled_from(["", "a", "ab", "x y"]), min_size=1, max_size=3), min_size=1, max_size=3
)


def as_html(rows: list[list[str]]) -> str:
    return (
        "<table>"
        + "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
        + "</table>"
    )


@settings(deadline=None, max_examples=60)
@given(TABLE, TABLE)
def test_teds_is_bounded_and_symmetric(a: list[list[str]], b: list[list[str]]) -> None:
    score = metrics.teds(as_html(a), [as_html(b)])
    assert 0.0 <= score <= 1.0
    assert metrics.teds(as_html(b), [as_html(a)]) == pytest.approx(score)
    assert metrics.teds(as_html(a), [as_html(a)]) == 1.0
    assert metrics.teds(as_html(a), [as_html(b)], variant="structure") >= score - 1e-9
    one, other = metrics.parse_table(as_html(a)), metrics.parse_table(as_html(b))
    assert one is not None
    assert other is not None
    assert tree_distance(one, other) >= abs(one.size() - other.size())


def by_definition(a: tuple[Node, ...], b: tuple[Node, ...]) -> int:
    """Edit distance of two forests by its recursive definition, labels only."""
    if not a or not b:
        return sum(node.size() for node in (*a, *b))
    x, y = a[-1], b[-1]
    return min(
        by_definition((*a[:-1], *x.children), b) + 1,
        by_definition(a, (*b[:-1], *y.children)) + 1,
        by_definition(tuple(x.children), tuple(y.children))
        + by_definition(a[:-1], b[:-1])
        + (x.tag != y.tag),
    )


LEAF = st.sampled_from("ab").map(Node)
TREE = st.recursive(
    LEAF,
    lambda below: st.builds(Node, st.sampled_from("ab"), children=st.lists(below, max_size=3)),
    max_leaves=4,
)


@settings(deadline=None, max_examples=60)
@given(TREE.filter(lambda tree: tree.size() <= 6), TREE.filter(lambda tree: tree.size() <= 6))
def test_tree_distance_is_the_one_of_the_definition(a: Node, b: Node) -> None:
    assert tree_distance(a, b) == by_definition((a,), (b,))
