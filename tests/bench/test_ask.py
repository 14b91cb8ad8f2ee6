from __future__ import annotations

import pytest

from monkeyvl.bench.ask import Run, measure, table


def test_medians_by_stage() -> None:
    runs = [Run(w, w / 2, 100 * w, {"imports": w, "decode": 2 * w}) for w in (3.0, 1.0, 2.0)]
    lines = table(runs).splitlines()
    assert lines[2:4] == ["| imports | 2.00 |", "| decode | 4.00 |"]
    assert lines[4] == "| **whole process** | 2.00 (processor time 1.00, peak memory 300 MB) |"


def test_a_failing_command_is_no_measurement() -> None:
    with pytest.raises(SystemExit, match="nowhere"):
        measure(["nowhere.png", "why"])
