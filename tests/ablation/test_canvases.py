"""Made canvases: what is asked is drawn where it says, cut or not."""

from __future__ import annotations

import torch

from monkeyvl.ablation.canvases import (
    COLORS,
    GLYPH,
    GRID,
    PATCH,
    PATTERNS,
    WINDOW,
    Canvases,
    generator,
    glyphs,
    is_cut,
    pairs,
)

COUNT = 200


def patch(canvases: Canvases, canvas: int, row: int, column: int) -> torch.Tensor:
    """(3, PATCH, PATCH)."""
    y, x = row * PATCH, column * PATCH
    return canvases.pixels[canvas, :, y : y + PATCH, x : x + PATCH]


def test_pairs_are_cut_as_often_as_told() -> None:
    none, half, every = (is_cut(pairs(COUNT, share, generator(3))) for share in (0.0, 0.5, 1.0))
    assert not none.any()
    assert every.all()
    assert 0.42 < half.double().mean() < 0.58


def test_uncut_pairs_lie_in_all_places_of_both_windows() -> None:
    columns = pairs(COUNT, 0.0, generator(3)).columns
    assert set(columns.flatten().tolist()) == {0, 1, 2, 4, 5, 6}


def test_a_value_stands_right_of_its_key() -> None:
    canvases = pairs(COUNT, 0.5, generator(3))
    keys: dict[int, list[torch.Tensor]] = {color: [] for color in range(COLORS)}
    values: dict[int, list[torch.Tensor]] = {pattern: [] for pattern in range(PATTERNS)}
    for canvas in range(COUNT):
        for number in range(4):
            row, column = int(canvases.rows[canvas, number]), int(canvases.columns[canvas, number])
            keys[int(canvases.colors[canvas, number])].append(patch(canvases, canvas, row, column))
            values[int(canvases.patterns[canvas, number])].append(patch(canvases, canvas, row, column + 1))
    means = torch.stack([torch.stack(found).mean(0) for found in (*keys.values(), *values.values())])
    # noise averages out: hues and patterns are left, all of them different
    assert torch.cdist(means.flatten(1), means.flatten(1)).fill_diagonal_(9).min() > 1
    assert all(torch.stack(found).std(0).max() < 0.45 for found in (*keys.values(), *values.values()))


def test_colors_of_a_canvas_are_different_and_rows_too() -> None:
    for canvases in (pairs(COUNT, 0.5, generator(3)), glyphs(COUNT, generator(3))):
        assert all(len(set(row)) == 4 for row in canvases.colors.tolist())
    assert all(len(set(row)) == 4 for row in pairs(COUNT, 0.5, generator(3)).rows.tolist())


def test_no_window_cuts_a_glyph() -> None:
    canvases = glyphs(COUNT, generator(4))
    for places in (canvases.rows, canvases.columns):
        assert (places % (WINDOW // PATCH) <= (WINDOW - GLYPH) // PATCH).all()
        assert places.max() + GLYPH // PATCH == GRID


def test_the_background_repeats_itself() -> None:
    canvases = glyphs(1, generator(4), asked=1)
    row, column = int(canvases.rows[0, 0]), int(canvases.columns[0, 0])
    free = [(y, x) for y in range(GRID) for x in range(GRID) if {y - row, x - column} - {0, 1}]
    background = torch.stack([patch(canvases, 0, y, x) for y, x in free])
    assert len(free) == GRID**2 - 4
    assert background.std(0).max() < 0.25
    assert all((patch(canvases, 0, row + down, column) - background.mean(0)).std() > 0.5 for down in (0, 1))


def test_generators_of_a_name_repeat() -> None:
    one, again, other = (glyphs(5, generator(name)).pixels for name in (4, 4, 5))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
