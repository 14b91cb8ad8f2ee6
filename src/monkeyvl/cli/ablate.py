"""`monkeyvl ablate`: runs studies, or lists them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monkeyvl.errors import UsageError


def run(names: Sequence[str], out: Path, seeds: int, factor: float, device: str) -> int:
    """Does the runs that are missing in OUT and prints the differences; returns the exit code."""
    from monkeyvl.ablation.registry import find_study

    if not names:
        raise UsageError("name a study; monkeyvl ablate --list shows them")
    studies = [find_study(name) for name in dict.fromkeys(names)]

    from monkeyvl.ablation.runner import run_studies
    from monkeyvl.ablation.study import Budget
    from monkeyvl.devices import find_device

    run_studies(studies, out, seeds, Budget(factor, str(find_device(device))))

    from monkeyvl.ablation.table import record_of, summary

    for study in studies:
        print(summary(study, record_of(study, out / study.name)))
    return 0


def show() -> int:
    """Prints every study's name, question, runs of one seed and time on one core; returns the exit code."""
    from monkeyvl.ablation.registry import all_studies

    for study in all_studies():
        minutes = study.minutes_a_run * len(study.variants)
        print(f"{study.name:<20} {study.question}")
        names = ", ".join(variant.name for variant in study.variants)
        print(f"{'':<20} {names}; about {minutes:.1f} minutes a seed on one CPU core")
    return 0
