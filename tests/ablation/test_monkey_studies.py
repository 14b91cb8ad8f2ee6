"""The studies on Monkey's and TextMonkey's parts, with next to no training."""

from __future__ import annotations

import pytest

from monkeyvl.ablation.registry import find_study
from monkeyvl.ablation.study import Budget, Outcome

TRIAL = Budget(factor=0.005)
COSTS = {
    "window-lora": ("weights of adapters", {"none": 0, "one for all": 2054, "one for each window": 8216}),
    "zero-init": ("weights added", {"not zero-initialised": 11619, "zero-initialised": 11619}),
    "shifted-windows": ("weights added", {"none": 0, "not shifted": 11619, "shifted": 11619}),
    "resampler": (
        "visual tokens an image",
        {
            **{"all tokens": 16, "random queries": 8, "random tokens": 8, "drop only": 8},
            **{"unsorted": 8, "full": 8},
        },
    ),
    "resampler-r": (
        "visual tokens an image",
        {"all tokens": 16, "r 8, half": 8, "r 4, a quarter": 4, "r 2, an eighth": 2},
    ),
    "position-format": ("answer tokens trained a picture", {"polygon": 40, "rectangle": 24, "point": 16}),
    "position-answers": ("answer tokens trained a picture", {"plain alone": 4, "with positions": 24}),
}


@pytest.mark.parametrize("name", COSTS)
def test_all_variants_answer_the_same_items(name: str) -> None:
    study = find_study(name)
    assert study.name == name
    assert study.variant(study.reference)
    unit, costs = COSTS[name]
    made = {variant.name: study.run(variant, 1, TRIAL) for variant in study.variants}
    assert {variant: outcome.cost[unit] for variant, outcome in made.items()} == costs
    first: Outcome = made[study.reference]
    for outcome in made.values():
        assert len(outcome.right) == len(outcome.pictures) == 1000
        assert (outcome.groups, outcome.pictures, outcome.guesses) == (
            first.groups,
            first.pictures,
            first.guesses,
        )
    assert len(set(first.pictures)) == 250
    if first.groups:
        assert {first.groups.count(group) // 50 for group in set(first.groups)} <= {9, 10}


def test_a_run_repeats_and_seeds_differ() -> None:
    study = find_study("window-lora")
    variant = study.variants[-1]
    one, again, other = (study.run(variant, seed, Budget(0.05)).right for seed in (1, 1, 2))
    assert one == again
    assert one != other
