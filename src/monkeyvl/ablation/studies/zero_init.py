"""The added attention's last layer: zero at first, or not."""

from __future__ import annotations

from monkeyvl.ablation.studies.shifted_windows import TASK, run
from monkeyvl.ablation.study import Study, Variant

STUDY = Study(
    name="zero-init",
    title="Zero initialisation",
    question="Does it matter that the attention added to a trained tower changes nothing at first?",
    task=TASK
    + " Without zero initialisation the last layer of the added attention starts as torch starts a layer.",
    reference="zero-initialised",
    variants=(
        Variant(
            "not zero-initialised",
            {"attention": "shifted", "zero_init": False},
            "SROIE 46.8, DocVQA 64.1, TextVQA 65.7, ChartQA 57.6",
        ),
        Variant(
            "zero-initialised",
            {"attention": "shifted", "zero_init": True},
            "SROIE 47.0, DocVQA 64.3, TextVQA 65.9, ChartQA 58.2",
        ),
    ),
    run=run,
    paper="TextMonkey's ablation of zero initialisation.",
    minutes_a_run=0.4,
)
