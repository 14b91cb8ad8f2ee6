"""What an ablation is: variants of one thing, a run that trains and tests one of them, what comes out.

A study is a module of `monkeyvl.ablation.studies` with the constant `STUDY`; `registry.py` knows its name.
The module is free of torch at import (what trains is imported within the run's function), because lists and
pages need its texts alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

SEEDS = 3


@dataclass(frozen=True)
class Budget:
    """How much a run may spend: the same for every variant of a study.

    Attributes:
        factor: share of the study's usual training; below 1 for a trial, above 1 for more.
        device: where the run computes: "cpu", "cuda", "cuda:1", "mps".
    """

    factor: float = 1.0
    device: str = "cpu"

    def steps(self, usual: int) -> int:
        """`usual` training steps, times the factor; at least 1."""
        return max(1, round(usual * self.factor))


@dataclass(frozen=True)
class Variant:
    """One value of what a study changes.

    Attributes:
        name: short, what stands in tables ("MSAC", "r 16").
        settings: what the run reads, as JSON values; nothing else may differ between variants.
        paper: the published numbers of this variant as text, with their sets; "" where there are none.
        against: the variant it is compared with instead of the study's reference.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    paper: str = ""
    against: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one variant trained with one seed got right.

    Attributes:
        right: a score from 0 to 1 of each test item; all variants and seeds answer the same items in the same
            order.
        cost: what the variant costs by name with its unit, such as {"visual tokens an image": 36.0}.
        groups: the group of each test item, the same for all runs ("" for none); empty where items have none.
            The table shows the mean of each group as well.
        guesses: the score on these items without looking, by name: {"majority answer": 0.2, "chance": 0.1}.
        pictures: a number for the picture of each test item where several items share one (they are then
            one draw for the intervals); empty where each item is a picture of its own.
    """

    right: tuple[float, ...]
    cost: Mapping[str, float] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    guesses: Mapping[str, float] = field(default_factory=dict)
    pictures: tuple[int, ...] = ()


@dataclass(frozen=True)
class Study:
    """One ablation.

    Attributes:
        name: what `monkeyvl ablate` calls it.
        title: a heading.
        question: what is asked, in one sentence.
        task: the made task, the model's size and what is equal for all variants, for the reader of the page.
        reference: the name of the variant that the others are compared with.
        variants: all of them, in the order of the table.
        run: trains and tests one variant with one seed. The test items do not depend on the seed, which
            stands for the start of the weights and the training samples; equal seeds of two variants share
            what they can (both, where the shapes allow). The runner calls all variants of a seed in a row,
            so that a run may keep what they share in memory (`functools.lru_cache(maxsize=1)`).
        paper: what the paper measured and how, beside the numbers of the variants.
        minutes_a_run: about how long one run takes on one CPU core.
    """

    name: str
    title: str
    question: str
    task: str
    reference: str
    variants: tuple[Variant, ...]
    run: Callable[[Variant, int, Budget], Outcome]
    paper: str
    minutes_a_run: float

    def variant(self, name: str) -> Variant:
        """The variant of a name (KeyError for any other)."""
        return {one.name: one for one in self.variants}[name]
