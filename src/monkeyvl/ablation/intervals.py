"""The difference between two variants and its 95 % interval, for seeds and test pictures that are samples.

Every seed of both variants answers the same items, so differences are paired by seed and item. Their mean
varies with the seeds, with the pictures and with both together; a two-way analysis of variance with random
seeds and pictures estimates that (Dorfman, Berbaum and Metz's method of readers and cases, with the degrees
of freedom of Hillis 2007). Unlike a bootstrap it is not too sure of itself with three seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monkeyvl.errors import UsageError

Floats = NDArray[np.float64]
_MOST_FREEDOM = 1000.0  # beyond, Student's distribution is the normal one to three digits
_STEPS = 20_000


@dataclass(frozen=True)
class Difference:
    """`value`: mean of one variant minus that of the other; `low` to `high`: its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def seen(self) -> bool:
        """Whether zero lies outside of the interval."""
        return not self.low <= 0 <= self.high


def difference(one: Any, other: Any, pictures: Sequence[int] = ()) -> Difference:
    """How much higher `one` scores than `other`.

    Args:
        one: (seeds, items) scores of a variant.
        other: the same of another variant, seeds and items in the same order.
        pictures: the picture of each item where several items share one; items of a picture count as one
            draw. Empty: each item is a draw of its own.

    Raises:
        UsageError: arrays of different shapes, fewer than two seeds, or fewer than two pictures.
    """
    a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if a.shape != b.shape or a.ndim != 2:
        raise UsageError(f"variants have scores of the shapes {a.shape} and {b.shape}; seeds x items of both")
    changes = _by_picture(a - b, pictures)  # (seeds, pictures)
    seeds, count = changes.shape
    if seeds < 2 or count < 2:
        raise UsageError(f"an interval needs 2 seeds and 2 pictures, there are {seeds} and {count}")
    mean = float(changes.mean())
    by_seed, by_picture = changes.mean(axis=1) - mean, changes.mean(axis=0) - mean
    rest = changes - mean - by_seed[:, None] - by_picture
    seed_square = count * float((by_seed**2).sum()) / (seeds - 1)
    picture_square = seeds * float((by_picture**2).sum()) / (count - 1)
    rest_square = float((rest**2).sum()) / ((seeds - 1) * (count - 1))
    # Seeds that agree by chance more than single answers do make no interval narrower than those would.
    seed_square = max(seed_square, rest_square)
    spread = seed_square + max(picture_square - rest_square, 0.0)
    freedom = _MOST_FREEDOM
    if seed_square > 0:
        freedom = min(freedom, spread**2 / (seed_square**2 / (seeds - 1)))
    reach = student(freedom) * (spread / (seeds * count)) ** 0.5
    return Difference(mean, mean - reach, mean + reach)


def _by_picture(values: Floats, pictures: Sequence[int]) -> Floats:
    """(seeds, items) to (seeds, pictures), weighted so that the mean stays that of the items."""
    if not pictures:
        return values
    numbers, place = np.unique(np.asarray(pictures), return_inverse=True)
    sums = np.zeros((len(values), len(numbers)))
    np.add.at(sums.T, place, values.T)
    return sums * (len(numbers) / values.shape[1])


@lru_cache(maxsize=256)
def student(freedom: float) -> float:
    """The 97.5 % point of Student's distribution, to about three digits."""
    # With t = sqrt(freedom) tan(angle) its density is that of cos(angle) ** (freedom - 1).
    width = np.pi / 2 / _STEPS
    mass = np.cumsum(np.cos((np.arange(_STEPS) + 0.5) * width) ** (freedom - 1))
    angle = np.interp(0.95 * mass[-1], mass, (np.arange(_STEPS) + 1) * width)
    return float(freedom**0.5 * np.tan(angle))
