"""Runs go on where they stopped, and never mix settings."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from fake_study import Counting, study

from monkeyvl.ablation.runner import RUNS, read_runs, run_studies
from monkeyvl.ablation.study import Budget, Outcome, Study, Variant
from monkeyvl.errors import Paused, UsageError

VARIANTS = ("plain", "same", "better")


def test_every_variant_and_seed_is_a_line(tmp_path: Path) -> None:
    run = Counting()
    run_studies([study(run)], tmp_path, 2, Budget())
    assert run.done == [(name, seed) for seed in (1, 2) for name in VARIANTS]
    lines = [json.loads(line) for line in (tmp_path / "fake" / RUNS).read_text().splitlines()]
    assert [(line["variant"], line["seed"]) for line in lines] == run.done
    assert set(lines[0]["right"]) <= {0, 1}
    assert (lines[3]["cost"], lines[3]["settings"]) == ({"tokens": 8.0}, {"skill": 0.3})


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_studies([study(Counting(stop_after=4))], tmp_path, 2, Budget())
    file = tmp_path / "fake" / RUNS
    with file.open("a") as opened:
        opened.write('{"study": "fake", "vari')  # a kill in the middle of a line
    rest = Counting()
    run_studies([study(rest)], tmp_path, 3, Budget())
    assert rest.done == [("same", 2), ("better", 2), *((name, 3) for name in VARIANTS)]
    whole = Counting()
    run_studies([study(whole)], tmp_path / "whole", 3, Budget())
    drop = ("seconds", "cpu_seconds")
    one, other = (
        [{k: v for k, v in run.items() if k not in drop} for run in read_runs(folder / "fake", study(rest))]
        for folder in (tmp_path, tmp_path / "whole")
    )
    assert one == other


def test_sigterm_keeps_what_is_done(tmp_path: Path) -> None:
    inner = Counting()

    def run(variant: Variant, seed: int, budget: Budget) -> Outcome:
        if len(inner.done) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return inner(variant, seed, budget)

    ended = Study(**{**vars(study(inner)), "run": run})
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Paused, match="goes on"):
        run_studies([ended], tmp_path, 2, Budget())
    assert len(read_runs(tmp_path / "fake", ended)) == 2
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(
    ("skill", "budget", "what"), [(0.8, Budget(), "settings"), (0.9, Budget(0.5), "budget")]
)
def test_runs_of_other_settings_are_not_mixed(
    tmp_path: Path, skill: float, budget: Budget, what: str
) -> None:
    run_studies([study(Counting())], tmp_path, 2, Budget())
    again = Counting()
    with pytest.raises(UsageError, match=what):
        run_studies([study(again, skill)], tmp_path, 3, budget)
    assert again.done == []


@pytest.mark.parametrize(("seeds", "factor"), [(1, 1.0), (3, 0.0), (3, float("nan"))])
def test_too_few_seeds_or_no_budget(tmp_path: Path, seeds: int, factor: float) -> None:
    with pytest.raises(UsageError):
        run_studies([study(Counting())], tmp_path, seeds, Budget(factor))
