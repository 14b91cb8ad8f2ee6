"""The made pictures: what is asked is in them, and where the cuts are."""

from __future__ import annotations

import random

import numpy as np
import pytest

from monkeyvl.ablation.marks import (
    BRIGHT,
    CELL,
    CUT,
    DARK,
    LARGE,
    LARGE_GROUP,
    TILE,
    TILES,
    WHOLE,
    make_picture,
    make_tile,
)


def cells(pixels: np.ndarray, color: tuple[int, int, int]) -> list[tuple[int, int]]:
    """The cells that are of one colour all over, as (column, row)."""
    height, width, _ = pixels.shape
    blocks = pixels.reshape(
        height // CELL, CELL, width // CELL, CELL, 3
    )  # (H, W, 3) -> (rows, CELL, columns, CELL, 3)
    rows, columns = (blocks == color).all(axis=(1, 3, 4)).nonzero()
    return list(zip(columns.tolist(), rows.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(20))
def test_answers_are_joined_to_what_is_asked(seed: int) -> None:
    picture = make_picture(random.Random(seed))
    assert picture.image.size == (TILES * TILE, TILE)
    pixels = np.asarray(picture.image)
    assert [one.group for one in picture.asked] == [LARGE_GROUP, CUT, CUT, WHOLE, WHOLE]
    assert picture.asked[0].question == LARGE
    for one in picture.asked[1:]:
        [(x, y)] = cells(pixels, BRIGHT[one.question])
        [(a, _)] = [(a, b) for a, b in cells(pixels, DARK[one.answer]) if abs(a - x) + abs(b - y) == 1]
        tiles = {column * CELL // TILE for column in (x, a)}
        assert len(tiles) == (2 if one.group == CUT else 1)


def test_tiles_show_whole_bars_or_a_shape() -> None:
    rng = random.Random(0)
    for count in (0, 1, 2):
        tile = make_tile(rng, count)
        assert tile.image.size == (TILE, TILE)
        assert len(tile.asked) == max(1, count)
        assert (tile.asked[0].question == LARGE) == (count == 0)
