"""`monkeyvl data check`, `build` and `structure`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monkeyvl.cli.rows import Progress
from monkeyvl.data.building import (
    MANIFEST,
    RowCheck,
    SourceReport,
    build,
    gather,
    mixture_of,
    read_manifest,
)
from monkeyvl.data.mixture import Mixture, load_mixture, need_yaml, planned_counts
from monkeyvl.errors import UsageError
from monkeyvl.evaluation.splits import TrainingImages


def check_data(
    data: Path,
    data_root: Path | None,
    format: str,
    images: Path | None,
    splits: Path | None,
    decode: bool,
    most: int,
) -> int:
    """Prints a line a source and the bad rows; returns 1 if there are any."""
    mixture, root = _mixture(data, data_root, format, images)
    bad: list[str] = []
    available: list[int] = []
    check = RowCheck(_guard(splits), decode)
    for source in mixture.sources:
        try:
            rows, report = gather(source, root, mixture.seed, check)
        except UsageError as error:  # noqa: PERF203  a set that is not there: the others are still looked at
            if len(mixture.sources) == 1:
                raise
            print(f"{source.title}: {error}", flush=True)
            bad.append(f"{source.title} cannot be read")
        else:
            print(told(report), flush=True)
            bad += report.bad
            bad += [] if report.read else [f"{report.name}: no rows"]
            available.append(len(rows))
    if len(available) == len(mixture.sources):
        print(f"{mixture.name}: {sum(planned_counts(mixture, available)):,} rows, {len(bad):,} bad ones")
    for line in bad[:most]:
        print(line, file=sys.stderr)
    if len(bad) > most:
        print(f"and {len(bad) - most:,} more (--show)", file=sys.stderr)
    return 1 if bad else 0


def build_data(
    data: Path,
    out: Path,
    data_root: Path | None,
    format: str,
    images: Path | None,
    splits: Path | None,
    decode: bool,
    strict: bool,
) -> int:
    """Builds a mixture; prints a line a source."""
    mixture, root = _mixture(data, data_root, format, images)

    def show(report: SourceReport) -> None:
        print(told(report), flush=True)

    reports = build(mixture, root, out, strict, _guard(splits), decode, show)
    bad = sum(len(report.bad) for report in reports)
    said = f"; {bad:,} bad rows: {out / 'bad.txt'}" if bad else ""
    print(f"{mixture.name}: {sum(report.rows for report in reports):,} rows: {out / MANIFEST}{said}")
    return 0


def make_structure_data(
    out: Path,
    count: int,
    kinds: Sequence[str] | None,
    styles: Sequence[str] | None,
    annotated: Sequence[str] | None,
    replay: Path | None,
    share: float,
    seed: str,
    options: dict[str, Any],
) -> int:
    """Makes pictures and rows, and the mixture file that names them with all else."""
    need_yaml()
    import yaml

    from monkeyvl.data.making import make_structures, structure_mixture
    from monkeyvl.data.structures import STRUCTURED_KINDS, STYLES

    if replay:
        read_manifest(replay)
    if not 0 < share < 1:
        raise UsageError(f"--share {share:g}: it must be between 0 and 1")
    if not count and not annotated:
        raise UsageError("--count 0 without --annotated: nothing to make")
    if count:
        with Progress(count, shown=True) as bar:
            make_structures(
                out, count, kinds or STRUCTURED_KINDS, styles or STYLES, seed, options, bar.advance
            )
    mixture = structure_mixture(annotated or (), styles or STYLES, replay, share, out if count else None)
    out.mkdir(parents=True, exist_ok=True)
    file = out / "mixture.yaml"
    file.write_text(yaml.safe_dump(mixture, sort_keys=False, allow_unicode=True), encoding="utf-8")
    load_mixture(file)
    print(file)
    return 0


def import_data(
    name: str, out: Path, split: str, image: str, question: str, answer: str, task: str, limit: int
) -> int:
    """Imports a data set; prints what was left out and how much came."""
    from monkeyvl.data.importing import import_rows, open_dataset

    examples = open_dataset(name, split, image)
    written, bad = import_rows(examples, out, name, image, question, answer, task, limit)
    for line in bad[:20]:
        print(line, file=sys.stderr)
    print(f"{name}: {written:,} rows, {len(bad):,} left out: {out / 'rows.jsonl'}")
    return 0 if written else 1


def told(report: SourceReport) -> str:
    """One line on a source."""
    parts = [f"{report.read:,} read"]
    if report.bad:
        parts.append(f"{len(report.bad):,} bad")
    if report.without_task:
        parts.append(f"{report.without_task:,} without a task")
    if report.rows:
        parts.append(f"{report.rows:,} taken")
    if report.passes != 1:
        parts.append(f"each {report.passes:g} times" if report.passes > 1 else f"{report.passes:.1%} of them")
    return f"{report.name}: {', '.join(parts)}"


def _mixture(data: Path, data_root: Path | None, format: str, images: Path | None) -> tuple[Mixture, Path]:
    mixture, root = mixture_of(data, format, images)
    if data_root is not None and not data_root.is_dir():
        raise UsageError(f"--data-root {data_root}: no such folder")
    return mixture, (data_root or root).resolve()


def _guard(splits: Path | None) -> TrainingImages | None:
    return TrainingImages.read(splits) if splits else None
