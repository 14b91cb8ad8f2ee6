"""Where the reference tensors are: the full set beside the repository, else the copies in tests/."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Path]:
    def find(name: str) -> Path:
        beside = HERE.parent.parent / "shared" / "golden" / name
        return beside if beside.is_dir() else HERE / "golden" / name

    return find
