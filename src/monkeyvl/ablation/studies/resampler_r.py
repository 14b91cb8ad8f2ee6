"""How many tokens the token resampler keeps."""

from __future__ import annotations

from monkeyvl.ablation.studies.resampler import TASK, run
from monkeyvl.ablation.study import Study, Variant

STUDY = Study(
    name="resampler-r",
    title="Tokens that stay",
    question="How many visual tokens must the token resampler keep?",
    task=TASK,
    reference="all tokens",
    variants=(
        Variant("all tokens", {"rule": "", "r": 16}, "SROIE 46.0, DocVQA 64.1, TextVQA 64.8, InfoVQA 29.1"),
        Variant(
            "r 8, half", {"rule": "later", "r": 8}, "SROIE 47.0, DocVQA 64.3, TextVQA 65.9, InfoVQA 28.2"
        ),
        Variant(
            "r 4, a quarter", {"rule": "later", "r": 4}, "SROIE 47.0, DocVQA 60.9, TextVQA 65.2, InfoVQA 25.9"
        ),
        Variant("r 2, an eighth", {"rule": "later", "r": 2}),
    ),
    run=run,
    paper="TextMonkey at 896 x 896 pixels: all 1024 tokens, r 512, r 256. At 1344 pixels: all 42.9, 54.9, "
    "62.5, 28.9; r 1024 46.0, 64.5, 65.1, 31.4; r 512 44.9, 59.7, 64.2, 28.0.",
    minutes_a_run=0.2,
)
