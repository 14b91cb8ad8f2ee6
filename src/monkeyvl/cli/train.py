"""`monkeyvl train`: hands a recipe and its overrides to the training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monkeyvl.errors import MonkeyVLError, UsageError
from monkeyvl.evaluation.processes import launched
from monkeyvl.training.starting import ending


def run(
    recipe: Path,
    out: Path | None,
    resume: bool,
    overrides: Sequence[str],
    minutes: float | None = None,
    carry: Path | None = None,
) -> int:
    """Trains; returns the exit code."""
    if place := launched():
        if place[0] > 1:
            return UsageError.exit_code  # the first process has said it
        raise UsageError("train runs as one process, as its stages do; finetune runs as several")
    if minutes is not None and minutes <= 0:
        raise UsageError(f"--minutes {minutes:g}: it must be above 0")
    if not recipe.is_file():
        raise UsageError(f"recipe {recipe}: no such file")
    with ending():
        try:
            import accelerate  # noqa: F401  transformers' Trainer needs it
            import yaml  # noqa: F401
        except ImportError as error:
            raise MonkeyVLError(f"training needs {error.name}: pip install 'monkeyvl[train]'") from None
        from monkeyvl.training.run import train

        print(train(recipe, out or Path("runs") / recipe.stem, resume, parsed(overrides), minutes, carry))
    return 0


def parsed(overrides: Sequence[str]) -> dict[str, Any]:
    """KEY=VALUE texts as values by key, read as YAML. UsageError for any other text."""
    import yaml

    values: dict[str, Any] = {}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {override!r}: write it as KEY=VALUE, such as stages.0.steps=100")
        try:
            values[key.strip()] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise UsageError(f"--set {override!r}: the value is no YAML") from None
    return values
