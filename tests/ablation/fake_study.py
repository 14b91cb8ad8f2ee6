"""A study that trains nothing and counts its runs."""

from __future__ import annotations

import random

from monkeyvl.ablation.study import Budget, Outcome, Study, Variant


class Counting:
    """`done` holds (variant, seed) of each call; `stop_after` calls it raises KeyboardInterrupt."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.done: list[tuple[str, int]] = []
        self.stop_after = stop_after

    def __call__(self, variant: Variant, seed: int, budget: Budget) -> Outcome:
        if len(self.done) == self.stop_after:
            raise KeyboardInterrupt
        self.done.append((variant.name, seed))
        rng = random.Random(seed)
        right = tuple(float(rng.random() < variant.settings["skill"]) for _ in range(60))
        groups = ("easy", "hard") * 30
        return Outcome(
            right, {"tokens": 4.0 * seed}, groups, {"chance": 0.5}, tuple(n // 2 for n in range(60))
        )


def study(run: Counting, skill: float = 0.9) -> Study:
    variants = (
        Variant("plain", {"skill": 0.3}, "TextVQA 1.0"),
        Variant("same", {"skill": 0.3}),
        Variant("better", {"skill": skill}, against="same"),
    )
    return Study("fake", "Fakes", "Is it better?", "A fake task.", "plain", variants, run, "Nothing.", 0.1)
