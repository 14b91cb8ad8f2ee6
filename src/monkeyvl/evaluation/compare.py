"""Two runs on the examples that both answered: the difference, its interval, and could it be chance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monkeyvl.errors import UsageError
from monkeyvl.evaluation.report import percent
from monkeyvl.evaluation.runner import PREDICTIONS, read_rows
from monkeyvl.evaluation.scoring import SEED, Floats, Row, by_key, find_metric, image_sums, key_of, measure

if TYPE_CHECKING:
    from rich.console import Console

SAMPLES = 2000
PERMUTATIONS = 10_000
_BLOCK = 2_000_000  # numbers drawn at once


def read_run(folder: Path) -> list[Row]:
    """All predictions in a run's folder (or file). UsageError where there are none."""
    file = folder / PREDICTIONS if folder.is_dir() else folder
    if not file.is_file():
        raise UsageError(f"{folder}: no {PREDICTIONS} there")
    return [row for _, row in read_rows(file)]


def compare_runs(one: list[Row], other: list[Row]) -> dict[str, Any]:
    """Paired comparison by "<set>/<task>": other minus one.

    Rows are paired by set, task, line and the image's hash. "ci" is a 95 % bootstrap interval of the
    difference, "p" the share of random exchanges of the two runs' answers, image by image, that differ at
    least as much (two-sided, fixed seed).

    Raises:
        UsageError: where the runs have no example in common, or pair up differently scored ones.
    """
    first, second = ({_place(row): row for row in rows} for rows in (one, other))
    common = sorted(first.keys() & second.keys())
    if not common:
        raise UsageError(f"the runs have no example in common ({len(one)} and {len(other)} rows)")
    mine, theirs = by_key(first[place] for place in common), by_key(second[place] for place in common)
    scores = {key: _compared(mine[key], theirs[key]) for key in mine}
    models = [rows[0]["model"] for rows in (one, other)]
    return {
        "models": models,
        "scores": scores,
        "only_in": [len(first) - len(common), len(second) - len(common)],
    }


def _place(row: Row) -> tuple[str, str, int, str]:
    return row["set"], row["task"], row["id"], row["image_sha256"]


def _compared(one: list[Row], other: list[Row]) -> dict[str, Any]:
    name = one[0]["metric"]
    for row, twin in zip(one, other, strict=True):
        if (row["metric"], row["truth"]) != (twin["metric"], twin["truth"]):
            raise UsageError(f"{key_of(row)} row {row['id']} has another metric or truth in the two runs")
    (a, quotients_a), (b, quotients_b) = measure(one, name), measure(other, name)
    sums = np.stack([image_sums(one, quotients_a), image_sums(other, quotients_b)])  # (runs, images, 2)
    low, high = _interval(sums)
    return {
        "metric": name,
        "higher_is_better": find_metric(name)[0].higher_is_better,
        "values": [round(a, 6), round(b, 6)],
        "difference": round(b - a, 6),
        "ci": [round(low, 6), round(high, 6)],
        "p": round(_chance(sums, b - a), 6),
        "n": len(one),
        "images": sums.shape[1],
    }


def _ratio(sums: Floats) -> Floats:
    """Numerators over denominators on the last axis; 0 where there is nothing to be scored."""
    return np.divide(sums[..., 0], sums[..., 1], out=np.zeros(sums.shape[:-1]), where=sums[..., 1] != 0)


def _interval(sums: Floats) -> tuple[float, float]:
    random = np.random.default_rng(SEED)
    count = sums.shape[1]
    draws = np.empty(SAMPLES)
    for i in range(SAMPLES):
        a, b = _ratio(sums[:, random.integers(0, count, count)].sum(axis=1))
        draws[i] = b - a
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def _chance(sums: Floats, difference: float) -> float:
    random = np.random.default_rng(SEED)
    both, change = sums.sum(axis=(0, 1)), sums[0] - sums[1]  # (2,), (images, 2)
    extreme, drawn = 0, 0
    while drawn < PERMUTATIONS:
        count = min(PERMUTATIONS - drawn, max(1, _BLOCK // sums.shape[1]))
        swapped = random.integers(0, 2, (count, sums.shape[1])).astype(float)
        second = sums[1].sum(axis=0) + swapped @ change  # (count, 2)
        differences = _ratio(second) - _ratio(both - second)
        extreme += int((np.abs(differences) >= abs(difference) - 1e-12).sum())
        drawn += count
    return (extreme + 1) / (PERMUTATIONS + 1)


def print_comparison(comparison: Mapping[str, Any], console: Console) -> None:
    """A table of the differences, times 100."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    one, other = comparison["models"]
    table = Table(title=f"A: {one}   B: {other}", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("set/task, metric", overflow="fold")
    for name in ("A", "B", "B - A", "95 %", "p", "rows"):
        table.add_column(name, justify="right", no_wrap=True)
    for key, entry in comparison["scores"].items():
        a, b = map(percent, entry["values"])
        low, high = map(_signed, entry["ci"])
        metric = entry["metric"] + ("" if entry["higher_is_better"] else " (less is better)")
        cells = (
            f"{key}\n  {metric}",
            a,
            b,
            _signed(entry["difference"]),
            f"{low}/{high}",
            f"{entry['p']:.4f}",
        )
        table.add_row(*map(Text, (*cells, str(entry["n"]))))
    console.print(table)
    if any(comparison["only_in"]):
        a, b = comparison["only_in"]
        console.print(Text(f"left out: {a} rows that only A has, {b} that only B has"), style="dim")


def _signed(value: float) -> str:
    return f"{100 * value:+.1f}"
