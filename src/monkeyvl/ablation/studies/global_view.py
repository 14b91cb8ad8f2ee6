"""Detail tiles with and without the view of the whole picture."""

from __future__ import annotations

from monkeyvl.ablation.studies.msac import TASK, run
from monkeyvl.ablation.study import Study, Variant

STUDY = Study(
    name="global-view",
    title="Global view",
    question="Do detail tiles need the view of the whole picture beside them?",
    task=TASK + " Both variants see the three tiles; it is the large shape that none of them shows whole.",
    reference="tiles and global view",
    variants=(
        Variant("tiles and global view", {"cut": "fixed"}),
        Variant(
            "tiles alone",
            {"cut": "fixed without global"},
            "Monkey: TextVQA -7.5, GQA -0.6, DocVQA -6.2",
        ),
    ),
    run=run,
    paper="Monkey's ablation: the global view adds 7.5 on TextVQA, 0.6 on GQA and 6.2 on DocVQA. "
    "There a global view goes with windows of 448 pixels; here with Mini-Monkey's tiles.",
    minutes_a_run=0.4,
)
