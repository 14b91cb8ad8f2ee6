"""The token resampler's parts: which tokens stay, whether they take in the others, their order."""

from __future__ import annotations

from monkeyvl.ablation.study import Budget, Outcome, Study, Variant

TASK = (
    "Canvases of 32 x 32 pixels in four windows: four glyphs of 8 x 8 pixels, each in another colour, on a "
    "texture that repeats itself. Asked is which of eight glyphs has a colour. The model has 0.1 M "
    "parameters: TextMonkey's classes with 2 layers each, patches of a glyph's size, 16 visual tokens of "
    "which 4 are needed, neither global view nor attention across windows. It is first trained with all "
    "tokens (500 steps of 32); these weights start all variants of the seed, which then go on for 200 "
    "steps with their own tokens, on the same canvases."
)


def run(variant: Variant, seed: int, budget: Budget) -> Outcome:
    """Trains with the variant's tokens."""
    from monkeyvl.ablation.keeping import run_keeping

    return run_keeping(variant.settings["rule"], variant.settings["r"], seed, budget)


STUDY = Study(
    name="resampler",
    title="Token resampler",
    question="Which parts of the token resampler does reading with half of the tokens need?",
    task=TASK
    + " 8 tokens stay. 'random queries' gathers all tokens into learned queries, 'random tokens' keeps "
    "any, 'drop only' leaves the gathering out, 'unsorted' keeps the order of importance, not that of the "
    "canvas.",
    reference="full",
    variants=(
        Variant("all tokens", {"rule": "", "r": 16}, "SROIE 46.0, DocVQA 64.1, TextVQA 64.8"),
        Variant("random queries", {"rule": "queries", "r": 8}, "SROIE 32.9, DocVQA 46.7, TextVQA 59.5"),
        Variant("random tokens", {"rule": "random", "r": 8}),
        Variant("drop only", {"rule": "drop_only", "r": 8}, "SROIE 44.9, DocVQA 63.5, TextVQA 62.5"),
        Variant("unsorted", {"rule": "unsorted", "r": 8}, "SROIE 46.8, DocVQA 62.1, TextVQA 64.2"),
        Variant("full", {"rule": "later", "r": 8}, "SROIE 47.0, DocVQA 64.3, TextVQA 65.9"),
    ),
    run=run,
    paper="TextMonkey's ablation of the token resampler, 512 of 1024 tokens.",
    minutes_a_run=0.2,
)
