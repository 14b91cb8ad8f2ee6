"""The page of ablations: made from its record, which is made from runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fake_study import Counting, study

from monkeyvl.ablation import table
from monkeyvl.ablation.registry import MODULES, all_studies, find_study
from monkeyvl.ablation.runner import RUNS, run_studies
from monkeyvl.ablation.study import Budget
from monkeyvl.errors import UsageError

ROOT = Path(__file__).parent.parent.parent


def test_the_page_belongs_to_its_record() -> None:
    records = json.loads((ROOT / table.RECORD).read_text(encoding="utf-8"))
    assert (ROOT / table.PAGE).read_text(encoding="utf-8") == table.page(records)
    assert (ROOT / table.RECORD).read_text(encoding="utf-8") == table.text_of(records)


def test_every_study_on_the_page_has_all_its_variants_and_three_seeds() -> None:
    records = json.loads((ROOT / table.RECORD).read_text(encoding="utf-8"))
    for name, record in records.items():
        wanted = {(variant.name, seed) for variant in find_study(name).variants for seed in (1, 2, 3)}
        assert wanted <= {(run["variant"], run["seed"]) for run in record["runs"]}, name


def test_references_and_names_exist() -> None:
    for one in all_studies():
        names = [variant.name for variant in one.variants]
        assert len(set(names)) == len(names)
        assert {one.reference, *(variant.against or one.reference for variant in one.variants)} <= set(names)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    found = study(Counting())
    monkeypatch.setattr(table, "MODULES", {"fake": "fake"})
    monkeypatch.setattr(table, "find_study", lambda name: found)
    (tmp_path / "docs").mkdir()
    run_studies([found], tmp_path / "out", 3, Budget())
    return tmp_path


def test_runs_become_a_page(fake: Path) -> None:
    table.write(fake / "out", fake)
    text = (fake / table.PAGE).read_text()
    assert "reference" in text
    assert "TextVQA 1.0" in text
    same = next(line for line in text.splitlines() if line.startswith("| same |"))
    assert f"{table.NOT_SEEN} (+0.0 to +0.0)" in same
    better = next(line for line in text.splitlines() if line.startswith("| better |"))
    assert table.NOT_SEEN not in better
    assert re.search(r"\| \+\d+\.\d \(\+\d+\.\d to \+\d+\.\d\) against same \|", better)
    assert "| variant | easy (30) | hard (30) |" in text
    assert "chance 50.0" in text


def test_studies_of_other_runs_stay(fake: Path) -> None:
    table.write(fake / "out", fake)
    before = (fake / table.RECORD).read_text()
    table.write(fake / "out", fake)
    assert (fake / table.RECORD).read_text() == before
    with pytest.raises(UsageError, match=RUNS):
        table.write(fake / "nothing", fake)


def test_a_page_needs_every_run(fake: Path) -> None:
    file = fake / "out" / "fake" / RUNS
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(UsageError, match="better, seed 3 is missing"):
        table.write(fake / "out", fake)


def test_names_are_modules() -> None:
    assert [one.name for one in all_studies()] == list(MODULES)
