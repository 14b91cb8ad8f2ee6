"""The studies by name; a study's module is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from monkeyvl.ablation.study import Study
from monkeyvl.errors import UsageError

# name of the study: module in monkeyvl.ablation.studies
MODULES = {
    "msac": "msac",
    "scm": "scm",
    "global-view": "global_view",
    "window-lora": "window_lora",
    "zero-init": "zero_init",
    "shifted-windows": "shifted_windows",
    "resampler": "resampler",
    "resampler-r": "resampler_r",
    "position-format": "position_format",
    "position-answers": "position_answers",
}


def find_study(name: str) -> Study:
    """The study of a name.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in MODULES:
        raise UsageError(f"no study {name!r}; there are {', '.join(MODULES)}")
    study: Study = import_module(f"monkeyvl.ablation.studies.{MODULES[name]}").STUDY
    return study


def all_studies() -> list[Study]:
    """Every study, in the order of the page."""
    return [find_study(name) for name in MODULES]
