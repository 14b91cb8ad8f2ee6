from __future__ import annotations

import json
import subprocess
import sys
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monkeyvl.cropping import PRESETS, Cropping, crop_plan
from monkeyvl.cropping.candidates import candidates
from monkeyvl.errors import BudgetError, UsageError

SIDES = st.one_of(st.integers(1, 40), st.integers(1, 5000), st.sampled_from([1, 448, 896, 20000]))
BOUNDS = st.tuples(st.integers(1, 26), st.integers(1, 26)).map(lambda pair: (min(pair), max(pair)))


@pytest.fixture(scope="module")
def table(golden):
    return json.loads((golden("minimonkey") / "msac_table.json").read_text())


def test_every_row_of_the_official_table(table):
    assert len(table["rows"]) == 558
    for row in table["rows"]:
        cropping = Cropping(detail=row["detail_minmax"], adaptive=row["adaptive_minmax"])
        plan = crop_plan(row["size"], cropping, tile_size=table["image_size"])
        assert [list(plan.detail), list(plan.adaptive)] == [row["detail_ratio"], row["adaptive_ratio"]], row
        for layer in ("detail", "adaptive"):
            cut = [box for box in row[f"{layer}_boxes"] if box is not None]
            expected = [tuple(box) for box in cut] if len(cut) > 1 else []
            assert plan.boxes[layer] == expected, row
        assert [plan.tiles[layer] for layer in ("adaptive", "detail", "global")] == row["demo_tiles"], row
        assert plan.num_tiles == row["demo_total"]


def test_candidates_stand_in_the_official_order(table):
    assert len(table["candidate_order"]) == 13
    for bounds, order in table["candidate_order"].items():
        fewest, most = (int(number) for number in bounds.split(","))
        assert list(candidates(fewest, most)) == [tuple(grid) for grid in order]


@pytest.mark.skipif(sys.maxsize < 2**32, reason="the official order is that of 64-bit Python")
@pytest.mark.parametrize(
    ("fewest", "most"), [(1, 1), (1, 3), (2, 40), (17, 31), (9, 24), (30, 100), (60, 256)]
)
def test_candidates_equal_a_python_set_for_other_ranges(fewest, most):
    met = {
        (columns, rows)
        for side in range(fewest, most + 1)
        for columns in range(1, side + 1)
        for rows in range(1, min(side, most // columns) + 1)
        if fewest <= columns * rows
    }
    assert list(candidates(fewest, most)) == sorted(met, key=lambda grid: grid[0] * grid[1])


def test_training_rule_leaves_what_the_table_says(table):
    for row in table["rows"]:
        columns, rows = row["detail_ratio"]
        bounds = row["adaptive_minmax"]
        left = [grid for grid in candidates(*bounds) if columns % grid[0] and rows % grid[1]]
        assert len(left) == row["training_rule_candidates_left"]
        cropping = Cropping(detail=row["detail_minmax"], adaptive=(1, 4), rule="either")
        expected = (2, 2) if columns % 2 and rows % 2 else (1, 1)
        assert crop_plan(row["size"], cropping).adaptive == expected


@given(
    st.tuples(SIDES, SIDES),
    BOUNDS,
    BOUNDS,
    st.sampled_from(["both", "either"]),
    st.sampled_from([28, 56, 448]),
)
def test_boxes_tile_each_canvas_and_the_image(size, detail, adaptive, rule, side):
    plan = crop_plan(size, Cropping(detail=detail, adaptive=adaptive, rule=rule), tile_size=side)
    for layer, grid, bounds in (("detail", plan.detail, detail), ("adaptive", plan.adaptive, adaptive)):
        boxes = plan.boxes[layer]
        if grid == (1, 1):
            assert boxes == []
            continue
        assert bounds[0] <= len(boxes) <= bounds[1]
        cells = [(x, y) for y in range(grid[1]) for x in range(grid[0])]
        assert boxes == [(x * side, y * side, (x + 1) * side, (y + 1) * side) for x, y in cells]
        covered = sum(
            (box[2] - box[0]) * (box[3] - box[1]) for name, box in plan.image_boxes() if name == layer
        )
        assert covered == pytest.approx(size[0] * size[1])
    repeats = [plan.detail[axis] % plan.adaptive[axis] == 0 for axis in (0, 1)]
    assert plan.adaptive == (1, 1) or not (all(repeats) if rule == "both" else any(repeats))
    assert plan.layers == ("detail",) * plan.tiles["detail"] + ("adaptive",) * plan.tiles["adaptive"] + (
        "global",
    )
    assert plan.image_boxes()[-1] == ("global", (0, 0, *size))
    assert len(plan.layers) == plan.num_tiles == sum(plan.tiles.values())


@given(st.tuples(SIDES, SIDES), st.sampled_from(sorted(PRESETS)))
def test_every_preset_serves_every_size(size, preset):
    plan = crop_plan(size, preset)
    assert plan.layers[-1] == "global"
    assert plan.tiles["global"] == plan.order.count("global")
    assert plan == crop_plan(size, PRESETS[preset]) == crop_plan(size, preset.upper())


def test_presets_of_the_official_sources():
    bounds = {name: (preset.detail, preset.adaptive, preset.rule) for name, preset in PRESETS.items()}
    assert bounds["paper"] == bounds["demo"] == bounds["vlmevalkit:default"] == ((4, 12), (3, 7), "both")
    assert bounds["training"] == ((1, 8), (1, 4), "either")
    assert bounds["vlmevalkit:OCRBench"] == ((9, 24), (5, 8), "both")
    assert bounds["vlmevalkit:DocVQA"] == bounds["vlmevalkit:TextVQA"] == ((14, 23), (5, 15), "both")
    assert bounds["vlmevalkit:InfoVQA"] == bounds["vlmevalkit:SEED"] == ((15, 23), (3, 5), "both")
    assert bounds["checkpoint-eval:OCRBench"] == ((8, 24), (3, 9), "both")
    assert bounds["checkpoint-eval:DocVQA"] == ((1, 24), (1, 8), "both")
    assert bounds["eval-vqa:ChartQA"] == ((6, 12), (2, 5), "either")
    assert bounds["eval-vqa:DocVQA"] == ((11, 23), (2, 10), "either")
    assert bounds["eval-vqa:default"] == ((12, 23), (3, 7), "either")
    assert PRESETS["demo"].order == ("adaptive", "detail", "global")
    ordinary = [name for name in PRESETS if name != "demo" and not name.startswith(("checkpoint-", "eval-"))]
    assert all(PRESETS[name].order == ("detail", "adaptive", "global") for name in ordinary)


@pytest.mark.parametrize(
    ("preset", "runs"),
    [
        ("paper", ["detail", "adaptive", "global"]),
        ("demo", ["adaptive", "detail", "global"]),
        ("checkpoint-eval:OCRBench", ["detail", "adaptive", "global"]),
        ("eval-vqa:DocVQA", ["detail", "global", "adaptive", "global"]),
    ],
)
def test_token_order_of_the_layers(preset, runs):
    layers = crop_plan((1000, 700), preset).layers
    assert [layer for at, layer in enumerate(layers) if at == 0 or layers[at - 1] != layer] == runs


@pytest.mark.parametrize(
    ("preset", "tokens"), [("training", 3072), ("demo", 5120), ("vlmevalkit:OCRBench", 8448)]
)
def test_largest_token_counts(preset, tokens):
    sizes = [(width, height) for width in range(16, 2000, 32) for height in (64, 128, 448, 777, 1024)]
    assert max(crop_plan(size, preset).num_tiles for size in sizes) * 256 == tokens


@pytest.mark.parametrize("size", [(1, 1), (1, 20000), (20000, 1), (3, 2)])
def test_extreme_sizes(size):
    plan = crop_plan(size)
    expected = {
        (1, 1): ((2, 2), (2, 3)),
        (1, 20000): ((1, 12), (1, 7)),
        (20000, 1): ((12, 1), (7, 1)),
        (3, 2): ((3, 2), (2, 2)),
    }
    assert (plan.detail, plan.adaptive) == expected[size]


def test_layer_of_one_tile_adds_none():
    plan = crop_plan((448, 448), Cropping(detail=(1, 6), adaptive=(1, 1)))
    assert (plan.detail, plan.adaptive, plan.layers) == ((1, 1), (1, 1), ("global",))
    assert plan.boxes == {"detail": [], "adaptive": [], "global": [None]}


def test_a_layer_can_be_left_out():
    plan = crop_plan((1000, 500), "internvl")
    assert plan.tiles == {"detail": 2, "adaptive": 0, "global": 1}
    assert crop_plan((1000, 500), Cropping(detail=None, adaptive=None)).layers == ("global",)


def test_overrun_is_an_error_with_the_numbers():
    cropping = Cropping(detail=(9, 24), adaptive=(5, 8), max_tokens=8192)
    with pytest.raises(BudgetError) as error:
        crop_plan((1584, 1024), cropping)
    assert "1584x1024" in str(error.value)
    assert "33 tiles x 256 tokens = 8448" in str(error.value)
    assert "max_tokens=8192" in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(BudgetError, match="max_tiles=32"):
        crop_plan((1584, 1024), Cropping(detail=(9, 24), adaptive=(5, 8), max_tokens=8192, max_tiles=32))
    assert crop_plan((1584, 1024), Cropping(detail=(9, 24), adaptive=(5, 8), max_tokens=8448)).notes == ()


def test_reduction_is_announced_with_the_numbers():
    cropping = Cropping(detail=(9, 24), adaptive=(5, 8), max_tokens=8192, on_overrun="reduce")
    with pytest.warns(
        UserWarning, match=r"33 tiles x 256 tokens = 8448 .* above max_tokens=8192: reduced to"
    ):
        plan = crop_plan((1584, 1024), cropping)
    assert plan.num_tiles <= 32
    assert len(plan.notes) == 1
    assert "detail 9-24 to 9-" in plan.notes[0]


@given(st.tuples(SIDES, SIDES), BOUNDS, BOUNDS, st.integers(1, 30))
def test_reduction_fits_and_only_happens_when_needed(size, detail, adaptive, most):
    free = crop_plan(size, Cropping(detail=detail, adaptive=adaptive))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bound = Cropping(detail=detail, adaptive=adaptive, max_tiles=most, on_overrun="reduce")
        plan = crop_plan(size, bound)
    assert plan.num_tiles <= most
    assert bool(plan.notes) == (free.num_tiles > most)
    if free.num_tiles <= most:
        assert plan == free


def test_a_budget_below_the_global_views_is_an_error():
    cropping = Cropping(max_tokens=255, on_overrun="reduce")
    with pytest.raises(BudgetError, match="whole image alone are 1 tiles"):
        crop_plan((10, 10), cropping)


def test_tokens_of_a_tile_can_be_given():
    with pytest.raises(BudgetError, match="11 tiles x 4 tokens = 44"):
        crop_plan((640, 420), Cropping(max_tokens=43), tile_size=56, tokens_per_tile=4)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"detail": (12, 4)}, "detail asks for at least 12 and at most 4"),
        ({"detail": (0, 4)}, "detail fewest tiles is 0; .* 1 to 256"),
        ({"detail": (1, 257)}, "detail most tiles is 257; .* 1 to 256"),
        ({"adaptive": (1.5, 3)}, r"adaptive fewest tiles is 1\.5"),
        ({"adaptive": 7}, "adaptive is .fewest, most. tiles, not 7"),
        ({"rule": "none"}, "rule is .* not 'none'"),
        ({"order": ("detail", "global")}, "order has detail and adaptive once"),
        ({"order": ("detail", "adaptive")}, "global 1 to 3 times"),
        ({"order": "global"}, "order has detail and adaptive once"),
        ({"order": ("detail", "adaptive", "thumb")}, "order names 'thumb'"),
        ({"max_tiles": 0}, "max_tiles is 0; .* at least 1"),
        ({"max_tokens": True}, "max_tokens is True"),
        ({"on_overrun": "truncate"}, "on_overrun is .* not 'truncate'"),
    ],
)
def test_bad_fields_are_named(fields, message):
    with pytest.raises(UsageError, match=message) as error:
        Cropping(**fields)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0, 5),), "image width is 0; it must be a whole number, 1 to"),
        (((5, -1),), "image height is -1"),
        (((5.5, 4),), r"image width is 5\.5"),
        ((7,), "image size is .* not 7"),
        (((5, 5), "paper", 0), "tile size is 0; .* 1 to 4096"),
        (((5, 5), "paper", 448, 0), "tokens per tile is 0"),
        (((5, 5), "papre"), "unknown cropping preset 'papre'; the presets are paper, demo"),
        (((5, 5), "vlmevalkit:Doc"), "unknown cropping preset"),
        (((5, 5), {"details": (1, 2)}), "unknown cropping field 'details'"),
        (((5, 5), 3), "cropping is a preset's name or a Cropping, not int"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(UsageError, match=message):
        crop_plan(*arguments)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_croppings_round_trip_through_json(name):
    assert Cropping.parse(json.loads(json.dumps(PRESETS[name].to_dict()))) == PRESETS[name]


def test_geometry_needs_no_torch():
    code = (
        "import sys\n"
        "from monkeyvl.cropping import crop_plan\n"
        "assert crop_plan((640, 420)).detail == (3, 2)\n"
        "assert not {'torch', 'transformers', 'numpy', 'PIL'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
