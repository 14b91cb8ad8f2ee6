"""Low-rank adapters in the frozen tower: none, one for all windows, one for each."""

from __future__ import annotations

from monkeyvl.ablation.study import Budget, Outcome, Study, Variant


def run(variant: Variant, seed: int, budget: Budget) -> Outcome:
    """Trains with the variant's adapters."""
    from monkeyvl.ablation.adapting import run_adapting

    return run_adapting(variant.settings["adapters"], seed, budget)


STUDY = Study(
    name="window-lora",
    title="Window LoRA",
    question="Does a frozen tower need adapters, and does each window need its own?",
    task="Canvases of 32 x 32 pixels in four windows: four pairs in rows of their own, each a coloured "
    "patch of 4 x 4 pixels, the key, and a patterned one right of it, the value, none of them cut. "
    "Asked is which of eight patterns follows a colour. The model has 0.1 M parameters: Monkey's "
    "classes with 2 layers each, 4 visual tokens a window, adapters of rank 4, no global view. All of "
    "it is first trained on single windows of coloured glyphs (300 steps of 64), where no patch needs "
    "to know its neighbour; then the tower's base is frozen as in the paper, and adapters, resampler "
    "and language model learn the pairs on whole canvases (200 steps of 32). The task was chosen so "
    "that the tower matters: with a seed that is not among these and 250 steps, a tower that learned "
    "as a whole scored 54.5, a frozen one 42.1. All windows show the same kind of picture, so that an "
    "adapter of its own brings a window nothing but room. A seed's variants start from the same "
    "weights and see the same canvases.",
    reference="one for each window",
    variants=(
        Variant("none", {"adapters": 0}),
        Variant("one for all", {"adapters": 1}),
        Variant("one for each window", {"adapters": 4}),
    ),
    run=run,
    paper="Monkey finds four adapters at least as good as one, and one better than none; its numbers of "
    "these variants are not repeated here.",
    minutes_a_run=0.25,
)
