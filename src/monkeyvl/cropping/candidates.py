"""The grids a layer may be cut into, in the official code's order.

That code goes through a Python set, and between two grids that fit an image equally well the set's iteration
order decides. The order of a 64-bit CPython (3.8 and later) is computed here, so that it holds everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

__all__ = ["Grid", "candidates"]

Grid = tuple[int, int]


@lru_cache(maxsize=64)
def candidates(fewest: int, most: int) -> tuple[Grid, ...]:
    """(columns, rows) of every grid of `fewest` to `most` tiles, smallest first, in the official order."""

    def inserted() -> Iterator[Grid]:
        # The order in which the official code's three nested loops meet each (columns, rows) first.
        for side in range(fewest, most + 1):
            for columns in range(1, side + 1):
                for rows in range(1, min(side, most // columns) + 1):
                    newly = side == fewest or max(columns, rows) == side
                    if newly and columns * rows >= fewest:
                        yield columns, rows

    return tuple(sorted(_set_order(inserted()), key=lambda grid: grid[0] * grid[1]))


def _set_order(keys: Iterable[Grid]) -> list[Grid]:
    """The iteration order of a CPython set (64 bit, 3.8 and later) of integer pairs added one by one: open
    addressing with runs of 9 linear probes, then a perturbed jump; grown fourfold at three fifths full."""
    table: list[Grid | None] = [None] * 8
    for used, key in enumerate(keys, start=1):
        _insert(table, key)
        if used * 5 >= (len(table) - 1) * 3:
            old, length = table, 8
            while length <= used * 4:
                length *= 2
            table = [None] * length
            for kept in old:
                if kept is not None:
                    _insert(table, kept)
    return [key for key in table if key is not None]


def _insert(table: list[Grid | None], key: Grid) -> None:
    mask = len(table) - 1
    perturb = _pair_hash(key)
    slot = perturb & mask
    while True:
        last = slot + 9 if slot + 9 <= mask else slot
        for place in range(slot, last + 1):
            if table[place] is None:
                table[place] = key
                return
        perturb >>= 5
        slot = (slot * 5 + 1 + perturb) & mask


def _pair_hash(key: Grid) -> int:
    """CPython's 64-bit tuple hash (xxHash) of two small non-negative integers, as an unsigned number."""
    word = (1 << 64) - 1
    total = 2870177450012600261
    for lane in key:
        total = (total + lane * 14029467366897019727) & word
        total = ((total << 31) | (total >> 33)) & word
        total = total * 11400714785074694791 & word
    return (total + (2 ^ 2870177450012600261 ^ 3527539)) & word
