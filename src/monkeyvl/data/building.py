"""From a mixture to rows that have been checked: built once, streamed in every epoch.

A built mixture is a folder of JSONL shards in monkeyvl's own format and `mixture.json`, which says of each
source how many rows were read, left out and written, and where its images are.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from monkeyvl.data.mixture import FILES, Mixture, MixtureSource, load_mixture, planned_counts
from monkeyvl.data.positions import with_positions
from monkeyvl.data.readers.conversations import read_internvl, read_monkey, read_rows
from monkeyvl.data.readers.files import image_size, open_rows
from monkeyvl.data.readers.sets import SETS, read_set
from monkeyvl.data.rows import FIELDS, VERBATIM, BadRow, Row, Turn, check_turn, with_turns
from monkeyvl.data.structures import structure_turn
from monkeyvl.errors import MonkeyVLError, UsageError
from monkeyvl.evaluation.splits import TrainingImages
from monkeyvl.images import DEFAULT_LIMITS, open_image

MANIFEST = "mixture.json"
SHARD_ROWS = 50_000


@dataclass
class SourceReport:
    """What came of one source: rows read, refused (`bad`: file and line, reason), without a task; rows
    written, how often each row is among them (`passes`, 1.5: half of them twice), and their turns by task."""

    name: str
    root: str
    read: int = 0
    bad: list[str] = field(default_factory=list)
    without_task: int = 0
    rows: int = 0
    passes: float = 1.0
    tasks: dict[str, int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As JSON; of the refused rows their number."""
        return {**asdict(self), "bad": len(self.bad)}


class RowCheck:
    """Checks rows: turns by `check_turn`, images by their headers, each image once.

    Args:
        guard: refuses images that are for scoring (`recipes/splits.json`).
        decode: whether images are decoded whole, which finds damaged ones.
    """

    def __init__(self, guard: TrainingImages | None = None, decode: bool = False) -> None:
        self._guard, self._decode = guard, decode
        self._known: dict[Path, str] = {}

    def __call__(self, row: Row) -> None:
        """BadRow where the row cannot be trained on."""
        for turn in row.turns:
            check_turn(turn, row.where)
        for image in row.images:
            if image not in self._known:
                self._known[image] = self._fault(image, row.where)
            if reason := self._known[image]:
                raise BadRow(row.where, reason)

    def _fault(self, image: Path, where: str) -> str:
        try:
            width, height = image_size(image, where)
            if min(width, height) < DEFAULT_LIMITS.min_side or width * height > DEFAULT_LIMITS.max_pixels:
                return f"{image} has {width} x {height} pixels"
            if self._decode:
                open_image(image)
            if self._guard:
                self._guard.check(image)
        except BadRow as bad:
            return bad.reason
        except MonkeyVLError as error:
            return str(error)
        return ""


def mixture_of(path: Path, format: str = "", images: Path | None = None) -> tuple[Mixture, Path]:
    """What `path` is, as a mixture, and the folder that its sources' paths are below.

    Args:
        path: a mixture file (YAML), the folder of a built mixture, or a file of rows.
        format: of a file of rows, one of `mixture.FILES`; else it is told from the first entry.
        images: the folder of a file's images; else the file's own.

    Raises:
        UsageError: none of these, or rows of no known format.
    """
    if path.suffix in (".yaml", ".yml"):
        return load_mixture(path), path.resolve().parent
    if not format:
        format = "built" if path.is_dir() else format_of(path)
    if format not in FILES:
        raise UsageError(f"format {format!r}: one of {', '.join(FILES)}")
    named = "" if images is None else str(images.resolve())
    source = MixtureSource(format, path.name, str(path.resolve()), named)
    return Mixture(path.name, (source,)), path.resolve().parent


def format_of(file: Path) -> str:
    """The format of a file of rows by its first entry."""
    entry = next((entry for entry, _ in open_rows(file)), None)
    if file.suffix == ".json" and (isinstance(entry, BadRow) or _is_meta(entry)):
        return "internvl"  # one object over many lines, or over one: a meta JSON
    if isinstance(entry, dict) and "conversations" in entry:
        return "monkey" if "<img>" in str(entry["conversations"]) else "internvl"
    return "rows"


def _is_meta(entry: Any) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(one, dict) and "annotation" in one for one in entry.values()
    )


def source_rows(source: MixtureSource, root: Path, seed: int) -> Iterator[Row | BadRow]:
    """A source's rows in the mixture's tasks, not yet checked.

    Args:
        root: the data root.
        seed: of drawn answers and position tasks.
    """
    for row in _read(source, root, seed):
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            yield _asked(row, source, seed)
        except UsageError as error:  # a structure of another form
            yield BadRow(row.where, str(error))


def image_root(source: MixtureSource, root: Path) -> Path:
    """The folder that a source's rows name their images from."""
    if source.format not in FILES:
        return root
    return (root / (source.images or Path(source.path).parent)).resolve()


def _read(source: MixtureSource, root: Path, seed: int) -> Iterator[Row | BadRow]:
    if source.format in SETS:
        return read_set(SETS[source.format], root, source.answers, seed)
    file, images = root / source.path, image_root(source, root)
    if source.format == "monkey":
        return read_monkey(file, images, source.strip)
    if source.format == "internvl":
        return read_internvl(file, images)
    if source.format == "rows":
        return read_rows(file, images)
    return _built(file)


def _built(folder: Path) -> Iterator[Row | BadRow]:
    for part in read_manifest(folder)["sources"]:
        for name in part["files"]:
            yield from read_rows(folder / name, Path(part["root"]), built=True)


def read_manifest(folder: Path) -> dict[str, Any]:
    """`mixture.json` of a built mixture. UsageError where there is none."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if not isinstance(manifest["sources"], list):
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"{folder} is no built mixture: no {MANIFEST} in it that can be read") from None
    return manifest


def _asked(row: Row, source: MixtureSource, seed: int) -> Row:
    turns = list(row.turns)
    if source.task:
        keeps = source.task in FIELDS
        turns = [replace(one, task=source.task, question=one.question if keeps else "") for one in turns]
    row = with_positions(with_turns(row, turns), source.positions, seed)
    turns = list(row.turns)
    if source.wording:
        turns = [
            Turn(source.wording.replace("{question}", one.question), one.answer, VERBATIM)
            if one.task in ("ask", "short")
            else one
            for one in turns
        ]
    if row.structure:
        turns += [structure_turn(row.structure, style) for style in source.structure]
    return with_turns(row, turns)


def gather(
    source: MixtureSource, root: Path, seed: int, check: RowCheck, strict: bool = False
) -> tuple[list[str], SourceReport]:
    """A source's good rows as JSON lines, and the report on all.

    Raises:
        BadRow: the first bad row, if `strict`.
        UsageError: files that are missing or of another form.
    """
    # The parts of a built mixture have image folders of their own.
    images = Path(os.path.sep) if source.format == "built" else image_root(source, root)
    report = SourceReport(source.title, str(images))
    lines: list[str] = []
    good: list[Row] = []
    for row in source_rows(source, root, seed):
        report.read += 1
        try:
            if isinstance(row, BadRow):
                raise row
            if not row.turns:
                report.without_task += 1
                continue
            check(row)
        except BadRow as bad:
            if strict:
                raise
            report.bad.append(str(bad))
        else:
            if source.turns:
                good.append(replace(row, places=(), structure={}))
            else:
                lines.append(row.to_json(images))
    return lines or [row.to_json(images) for row in regrouped(good, source.turns)], report


def regrouped(rows: Sequence[Row], turns: int) -> list[Row]:
    """The questions about each image in conversations of at most so many turns, in the rows' order."""
    of_images: dict[tuple[Path, ...], list[tuple[Turn, str]]] = {}
    for row in rows:
        of_images.setdefault(row.images, []).extend((turn, row.where) for turn in row.turns)
    return [
        Row(images, tuple(turn for turn, _ in asked[at : at + turns]), where=asked[at][1])
        for images, asked in of_images.items()
        for at in range(0, len(asked), turns)
    ]


def drawn(rows: list[str], count: int, rng: random.Random) -> list[str]:
    """Exactly `count` rows: each as often as any other, or once more."""
    whole, rest = divmod(count, len(rows))
    return [*rows * whole, *rng.sample(rows, rest)]


def counted(
    mixture: Mixture, root: Path, check: RowCheck, strict: bool = False
) -> Iterator[tuple[int, list[str], SourceReport, int]]:
    """Reads one source after another, those with a share of the whole last.

    Yields:
        the source's number, its good rows as JSON lines, the report, and how many rows the mixture takes.

    Raises:
        UsageError: missing files, or a source without any good row.
        BadRow: the first bad row, if `strict`.
    """
    sources = mixture.sources
    available = [0] * len(sources)
    for number in sorted(range(len(sources)), key=lambda one: sources[one].share > 0):
        rows, report = gather(sources[number], root, mixture.seed, check, strict)
        available[number] = len(rows)
        report.rows = planned_counts(mixture, available)[number]
        if not rows:
            said = f"; the first bad one: {report.bad[0]}" if report.bad else ""
            raise UsageError(
                f"{mixture.name}, source {report.name!r}: none of {report.read} rows can be trained on{said}"
            )
        report.passes = round(report.rows / len(rows), 3)
        yield number, rows, report, report.rows


def build(
    mixture: Mixture,
    root: Path,
    out: Path,
    strict: bool = False,
    guard: TrainingImages | None = None,
    decode: bool = False,
    told: Callable[[SourceReport], None] = lambda report: None,
) -> list[SourceReport]:
    """Writes the mixture's shards into `out`, which appears only when all is done.

    Args:
        root: the folder that the sources' paths are below.
        strict: the first bad row ends it; otherwise bad rows are left out and reported.
        guard, decode: see `RowCheck`.
        told: called with each source's report.

    Raises:
        UsageError: `out` exists, files are missing, or a source has no good row.
        BadRow: the first bad row, if `strict`.
    """
    if out.exists():
        raise UsageError(f"--out {out} exists already")
    root = root.resolve()
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    reports = []
    for number, rows, report, count in counted(mixture, root, RowCheck(guard, decode), strict):
        chosen = drawn(rows, count, random.Random(f"{mixture.seed}/{report.name}")) if count else []
        report.tasks = dict(Counter(turn["task"] for row in chosen for turn in json.loads(row)["turns"]))
        for first in range(0, len(chosen), SHARD_ROWS):
            name = f"{number:02}-{first // SHARD_ROWS:04}.jsonl"
            shard = "\n".join(chosen[first : first + SHARD_ROWS])
            (partial / name).write_text(f"{shard}\n", encoding="utf-8")
            report.files.append(name)
        reports.append(report)
        told(report)
    manifest = {
        "name": mixture.name,
        "seed": mixture.seed,
        "full_stop": mixture.full_stop,
        "rows": sum(report.rows for report in reports),
        "sources": [report.to_dict() for report in reports],
    }
    (partial / "bad.txt").write_text(
        "".join(f"{bad}\n" for one in reports for bad in one.bad), encoding="utf-8"
    )
    (partial / MANIFEST).write_text(
        json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    os.replace(partial, out)
    return reports
