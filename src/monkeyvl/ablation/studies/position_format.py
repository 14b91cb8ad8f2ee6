"""What an answer's position is told by: four corners, two, or a point."""

from __future__ import annotations

from monkeyvl.ablation.studies.position_answers import TASK, run
from monkeyvl.ablation.study import Study, Variant

STUDY = Study(
    name="position-format",
    title="Format of positions",
    question="Does the format of positions in training change the plain answers?",
    task=TASK,
    reference="rectangle",
    variants=(
        Variant("polygon", {"shape": "polygon"}, "SROIE 47.2, DocVQA 64.0, TextVQA 65.7, ChartQA 57.9"),
        Variant("rectangle", {"shape": "rectangle"}, "SROIE 47.0, DocVQA 64.3, TextVQA 65.9, ChartQA 58.2"),
        Variant("point", {"shape": "point"}, "SROIE 47.9, DocVQA 65.0, TextVQA 66.0, ChartQA 58.3"),
    ),
    run=run,
    paper="TextMonkey's ablation of the shape of answers.",
    minutes_a_run=0.35,
)
