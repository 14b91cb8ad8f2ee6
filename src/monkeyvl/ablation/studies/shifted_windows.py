"""Attention across windows: none, the same attention within each window, shifted."""

from __future__ import annotations

from monkeyvl.ablation.study import Budget, Outcome, Study, Variant

TASK = (
    "Canvases of 32 x 32 pixels in four windows: four pairs in rows of their own, each a coloured patch of "
    "4 x 4 pixels, the key, and a patterned one right of it, the value, as a form has them. Asked is which "
    "of eight patterns follows a colour. The cut between the left and the right windows divides key and "
    "value of half of the pairs ('across the cut'): made so that the cut matters, far more often than in "
    "real documents. The model has 0.1 M parameters: TextMonkey's classes with 2 layers each, 4 visual "
    "tokens a window, the added attention before the second layer in attention windows as large as a "
    "window, neither global view nor token resampler. A Monkey is first trained on pairs that no cut "
    "divides (400 steps of 32); its weights start all variants of the seed, which then learn for 300 steps "
    "on the same canvases."
)


def run(variant: Variant, seed: int, budget: Budget) -> Outcome:
    """Trains with the variant's attention across windows."""
    from monkeyvl.ablation.crossing import run_crossing

    return run_crossing(variant.settings["attention"], variant.settings["zero_init"], seed, budget)


STUDY = Study(
    name="shifted-windows",
    title="Shifted window attention",
    question="Do windows need attention across their cuts, before the language model sees them all?",
    task=TASK + " 'not shifted' has the same weights and attends within each window only.",
    reference="shifted",
    variants=(
        Variant("none", {"attention": "none", "zero_init": True}, "SROIE 45.9, DocVQA 62.6, TextVQA 62.4"),
        Variant("not shifted", {"attention": "unshifted", "zero_init": True}),
        Variant(
            "shifted", {"attention": "shifted", "zero_init": True}, "SROIE 46.0, DocVQA 64.1, TextVQA 64.8"
        ),
    ),
    run=run,
    paper="TextMonkey's ablation of its parts, both rows without the token resampler.",
    minutes_a_run=0.3,
)
