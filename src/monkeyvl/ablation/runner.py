"""Runs studies: one line in OUT/NAME/runs.jsonl for every variant and seed, so that a run goes on where it
stopped."""

from __future__ import annotations

import json
import os
import platform
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from monkeyvl.ablation.study import Budget, Outcome, Study, Variant
from monkeyvl.errors import Paused, UsageError

RUNS = "runs.jsonl"
Run = dict[str, Any]


def run_studies(studies: Sequence[Study], out: Path, seeds: int, budget: Budget) -> None:
    """Does the runs that are not done yet: seed by seed, so that studies and variants may share a start.

    Args:
        studies: with a folder OUT/NAME each.
        out: where they are.
        seeds: runs of every variant, with the seeds 1, 2, ...
        budget: the same for all.

    Raises:
        UsageError: fewer than two seeds, a budget that is not above 0, or runs of other settings in OUT.
        Paused: asked to end (SIGTERM); what is done stays, the run in progress is lost.
    """
    if seeds < 2:
        raise UsageError(f"--seeds {seeds}: an interval needs at least 2")
    if not budget.factor > 0:
        raise UsageError(f"--budget {budget.factor:g}: it must be above 0")
    done = {
        study.name: {_key(run) for run in read_runs(out / study.name, study, budget)} for study in studies
    }
    todo = [
        (study, variant, seed)
        for seed in range(1, seeds + 1)
        for study in studies
        for variant in study.variants
        if (variant.name, seed) not in done[study.name]
    ]
    total = seeds * sum(len(study.variants) for study in studies)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar, _ending(total):
        task = bar.add_task("ablation", total=total, completed=total - len(todo))
        for study, variant, seed in todo:
            bar.update(task, description=f"{study.name}: {variant.name}, seed {seed}")
            run = _run(study, variant, seed, budget)
            _append(out / study.name / RUNS, run)
            bar.advance(task)
            score = sum(run["right"]) / len(run["right"])
            line = f"{study.name}: {variant.name}, seed {seed}: {100 * score:.1f} ({run['seconds']:.0f} s)"
            bar.console.print(line, highlight=False, markup=False)


def _run(study: Study, variant: Variant, seed: int, budget: Budget) -> Run:
    start, used = time.perf_counter(), time.process_time()
    outcome: Outcome = study.run(variant, seed, budget)
    return {
        "study": study.name,
        "variant": variant.name,
        "seed": seed,
        "settings": dict(variant.settings),
        "factor": budget.factor,
        "device": budget.device,
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(time.process_time() - used, 1),
        "versions": versions(),
        "cost": {name: round(float(value), 4) for name, value in outcome.cost.items()},
        "guesses": {name: round(float(value), 4) for name, value in outcome.guesses.items()},
        "right": [int(value) if float(value).is_integer() else round(value, 4) for value in outcome.right],
        "groups": list(outcome.groups),
        "pictures": list(outcome.pictures),
    }


def read_runs(folder: Path, study: Study, budget: Budget | None = None) -> list[Run]:
    """The runs in a study's folder; a last line that a kill cut short is taken off the file.

    Args:
        folder: may be missing.
        study: whose they are.
        budget: what they must have been made with; None takes any, the same for all.

    Raises:
        UsageError: a run of another study, budget, device or of a variant with other settings.
    """
    file = folder / RUNS
    if not file.is_file():
        return []
    whole = file.read_bytes()
    if cut := len(whole) - (whole.rfind(b"\n") + 1):
        with file.open("r+b") as opened:
            opened.truncate(len(whole) - cut)
    runs: list[Run] = [json.loads(line) for line in whole[: len(whole) - cut].splitlines()]
    settings = {variant.name: dict(variant.settings) for variant in study.variants}
    for number, run in enumerate(runs, 1):
        wanted = budget or Budget(runs[0]["factor"], runs[0]["device"])
        here = (run["study"], run["factor"], run["device"], run["settings"])
        there = (study.name, wanted.factor, wanted.device, settings.get(run["variant"]))
        for what, found, expected in zip(("study", "budget", "device", "settings"), here, there, strict=True):
            if found != expected:
                raise UsageError(
                    f"{file} line {number}: {run['variant']} was run with the {what} {found}, "
                    f"not {expected}; use another --out or remove the file"
                )
    return runs


def _key(run: Run) -> tuple[str, int]:
    return run["variant"], run["seed"]


def _append(file: Path, run: Run) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as opened:
        opened.write(json.dumps(run, ensure_ascii=False, separators=(",", ":")) + "\n")
        opened.flush()
        os.fsync(opened.fileno())


def versions() -> dict[str, str]:
    """Of what numbers may depend on."""
    import torch
    import transformers

    import monkeyvl

    return {
        "monkeyvl": monkeyvl.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


@contextmanager
def _ending(total: int) -> Iterator[None]:
    """Within it SIGTERM raises Paused."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return

    def end(*_: Any) -> None:
        raise Paused(f"asked to end before all {total} runs were done; the same command goes on")

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
