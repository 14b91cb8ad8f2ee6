"""Intervals of differences: known data, pictures with several items, and how often they hold."""

from __future__ import annotations

import numpy as np
import pytest

from monkeyvl.ablation.intervals import difference, student
from monkeyvl.errors import UsageError


def test_equal_variants_show_no_difference() -> None:
    scores = np.random.default_rng(0).integers(0, 2, (3, 200))
    found = difference(scores, scores)
    assert (found.value, found.low, found.high, found.seen) == (0.0, 0.0, 0.0, False)


def test_a_clear_difference_is_seen() -> None:
    random = np.random.default_rng(1)
    worse, better = random.random((3, 400)) < 0.5, random.random((3, 400)) < 0.8
    found = difference(better, worse)
    assert found.seen
    assert found.low > 0.2
    assert found.value == pytest.approx(better.mean() - worse.mean())
    assert difference(worse, better).high == pytest.approx(-found.low)


def test_seeds_that_disagree_hide_a_difference() -> None:
    # On average 10 points better, but by 30, 20 and -20: another seed may be worse.
    zeros = np.zeros((3, 1000))
    shifts = np.array([0.3, 0.2, -0.2])
    found = difference(zeros + shifts[:, None], zeros)
    # Seeds alone vary: Student's interval of three numbers.
    reach = 4.3027 * shifts.std(ddof=1) / 3**0.5
    assert (found.low, found.high) == pytest.approx((0.1 - reach, 0.1 + reach), abs=2e-4)
    assert not found.seen


def test_seeds_that_agree_by_chance_are_no_proof() -> None:
    changes = np.zeros((3, 400))
    changes[0, 7] = changes[1, 90] = changes[2, 300] = 1  # one item each, another one for each seed
    found = difference(changes, np.zeros((3, 400)))
    assert found.low < found.value < found.high


def test_items_of_one_picture_are_one_draw() -> None:
    random = np.random.default_rng(2)
    by_picture = random.normal(0.1, 1, (1, 50)) + random.normal(0, 0.1, (3, 50))
    items = np.repeat(by_picture, 4, axis=1)  # every item of a picture says the same
    pictures = np.repeat(np.arange(50), 4).tolist()
    alone, together = (difference(one, 0 * one, p) for one, p in ((by_picture, ()), (items, pictures)))
    assert (together.value, together.low) == pytest.approx((alone.value, alone.low))
    naive = difference(items, 0 * items)
    assert naive.high - naive.low < 0.6 * (together.high - together.low)


def test_pictures_with_more_items_weigh_more() -> None:
    scores = np.array([[1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
    found = difference(scores, np.zeros_like(scores), [7, 7, 7, 3])
    assert found.value == pytest.approx(scores.mean())


def test_intervals_of_three_seeds_hold_as_often_as_they_say() -> None:
    random = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        seeds, pictures = random.normal(0, 0.05, (3, 1)), random.normal(0, 0.3, (1, 100))
        found = difference(0.1 + seeds + pictures + random.normal(0, 0.5, (3, 100)), np.zeros((3, 100)))
        held += found.low <= 0.1 <= found.high
    assert 0.92 <= held / 400 <= 0.99


@pytest.mark.parametrize(("freedom", "point"), [(1, 12.706), (2, 4.3027), (7.5, 2.3338), (1000, 1.9623)])
def test_points_of_students_distribution(freedom: float, point: float) -> None:
    assert student(freedom) == pytest.approx(point, rel=1e-3)


@pytest.mark.parametrize(("one", "other"), [((1, 9), (1, 9)), ((3, 1), (3, 1)), ((3, 9), (3, 8))])
def test_too_little_for_an_interval(one: tuple[int, int], other: tuple[int, int]) -> None:
    with pytest.raises(UsageError):
        difference(np.zeros(one), np.zeros(other))
