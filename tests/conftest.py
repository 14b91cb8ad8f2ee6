"""Where the reference tensors are: the full set beside the repository, else the copies in tests/.

And what makes every run the same: no test depends on chance, on those before it or on the machine's load.
Hypothesis looks for new examples with `--hypothesis-profile=default`.
"""

from __future__ import annotations

import ctypes
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).resolve().parent
TORCH_SEED = 67280421310721  # with which torch itself begins

settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    random.seed(0)
    if os.name == "posix":
        ctypes.CDLL(None).srand(1)  # of Pillow's noise
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(TORCH_SEED)


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Path]:
    def find(name: str) -> Path:
        beside = HERE.parent.parent / "shared" / "golden" / name
        return beside if beside.is_dir() else HERE / "golden" / name

    return find
