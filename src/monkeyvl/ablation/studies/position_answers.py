"""Answers with their positions beside the plain ones, or plain answers alone."""

from __future__ import annotations

from monkeyvl.ablation.study import Budget, Outcome, Study, Variant

TASK = (
    "Canvases of 32 x 32 pixels in four windows: four glyphs of 8 x 8 pixels, each in another colour, on a "
    "texture that repeats itself. Asked is which of eight glyphs has a colour; only these plain answers "
    "are tested. The model has 0.1 M parameters: Monkey's classes with 2 layers each, patches of a glyph's "
    "size, 16 visual tokens, no global view, trained from random weights for 500 steps of 32 canvases, the "
    "same for all variants of a seed. Every question is trained plainly; with positions also as one whose "
    "answer is followed by where the glyph lies, text before position. The loss is the mean over all "
    "answer tokens, so that plain answers weigh less the longer a position is."
)


def run(variant: Variant, seed: int, budget: Budget) -> Outcome:
    """Trains with the variant's positions."""
    from monkeyvl.ablation.placing import run_placing

    return run_placing(variant.settings["shape"], seed, budget)


STUDY = Study(
    name="position-answers",
    title="Answers with positions",
    question="Do plain answers get better where training also asks for the answer's position?",
    task=TASK,
    reference="plain alone",
    variants=(
        Variant("plain alone", {"shape": ""}),
        Variant("with positions", {"shape": "rectangle"}),
    ),
    run=run,
    paper="TextMonkey trains so; numbers without it are not repeated here.",
    minutes_a_run=0.35,
)
