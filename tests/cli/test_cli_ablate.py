"""`monkeyvl ablate`: lists, and refuses with one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from monkeyvl.ablation.registry import MODULES
from monkeyvl.cli import main


def test_the_list_names_every_study(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablate", "--list"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in MODULES)
    assert "on one CPU core" in text


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nothing"], "no study 'nothing'; there are msac"),
        ([], "name a study"),
        (["msac", "--seeds", "1"], "--seeds 1"),
        (["msac", "--budget", "0"], "--budget 0"),
        (["msac", "--device", "moon"], "moon"),
    ],
)
def test_wrong_use_is_one_line(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["ablate", *arguments, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
