"""What a run scored: report.json, and a table beside the papers' numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monkeyvl.evaluation.rules import PUBLISHED, PUBLISHED_NOTE
from monkeyvl.evaluation.scoring import Row, by_key, score

if TYPE_CHECKING:
    from rich.console import Console

REPORT = "report.json"


def make_report(rows: Sequence[Row], skipped: Mapping[str, Mapping[str, int]], split: str) -> dict[str, Any]:
    """The report of a run.

    Args:
        rows: all predictions.
        skipped: how many rows of each "<set>/<task>" were not asked, by reason.
        split: which part of the sets that training may use was asked.

    Returns:
        {"scores": {"<set>/<task>": {"metric", "value", "ci", "n", ...}}, "skipped": ..., "run": ...}; the
        values are in the metric's own unit (0..1, CIDEr 0..10).
    """
    scores = {}
    for key, members in by_key(rows).items():
        scores[key] = score(members)
        if key in PUBLISHED:
            scores[key]["published"] = dict(PUBLISHED[key])
    run: dict[str, Any] = {"split": split, "rows": len(rows)}
    if rows:
        first = rows[0]
        settings = {name: value for name, value in first["settings"].items() if name != "max_new_tokens"}
        run |= {name: first[name] for name in ("model", "model_sha256", "versions")} | {"settings": settings}
        run["seconds"] = round(sum(row["seconds"] for row in rows), 1)
    return {
        "scores": scores,
        "skipped": {key: dict(sorted(reasons.items())) for key, reasons in sorted(skipped.items())},
        "run": run,
    }


def write_report(report: Mapping[str, Any], out: Path) -> None:
    """Writes report.json into a folder."""
    text = json.dumps(report, indent=2, ensure_ascii=False)
    (out / REPORT).write_text(text + "\n", encoding="utf-8")


def print_report(report: Mapping[str, Any], console: Console) -> None:
    """A table of the scores, times 100 as papers print them, one block a task."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    published = any("published" in entry for entry in report["scores"].values())
    table = Table(title=str(report["run"].get("model", "no rows")), title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("set/task", no_wrap=True)
    table.add_column("metric", overflow="fold")
    for name in ("score", "95 %", "rows"):
        table.add_column(name, justify="right", no_wrap=True)
    if published:
        table.add_column("published", overflow="fold")
    last = ""
    for key, entry in report["scores"].items():
        task = key.split("/")[1]
        if last and task != last:
            table.add_section()
        last = task
        bounds = "-".join(map(percent, entry["ci"]))
        cells = [key, arrowed(entry), percent(entry["value"]), bounds, str(entry["n"])]
        table.add_row(*map(Text, [*cells, published_text(entry)] if published else cells))
        for group, part in entry.get("groups", {}).items():
            table.add_row(Text(f"  {group}"), "", percent(part["value"]), "", str(part["n"]))
    console.print(table)
    if published:
        console.print(Text(PUBLISHED_NOTE), style="dim")
    for key, reasons in report["skipped"].items():
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        console.print(Text(f"skipped {key}: {counts}"), style="dim")
    for key, entry in report["scores"].items():
        if "failed" in entry:
            console.print(
                Text(f"failed {key}: {entry['failed']} rows count as empty answers"), style="yellow"
            )


def percent(value: float) -> str:
    """A value as the papers print it: times 100, one decimal."""
    return f"{100 * value:.1f}"


def arrowed(entry: Mapping[str, Any]) -> str:
    """The metric's name, marked where less is better."""
    return str(entry["metric"]) + ("" if entry["higher_is_better"] else " (less is better)")


def published_text(entry: Mapping[str, Any]) -> str:
    """The papers' numbers in words."""
    return ", ".join(f"{model} {percent(value)}" for model, value in entry.get("published", {}).items())
