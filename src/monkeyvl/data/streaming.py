"""Rows in training order: a seeded permutation of each epoch, split over the processes, resumed exactly.

The order is a permutation of all rows and not a buffer that is shuffled: a run that resumes needs nothing but
its position, gets exactly the rows that are left, and may do so on another number of processes. (Streams of
`datasets` refill their shuffle buffer after a restart and lose what was in it.)
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np
from PIL import Image

from monkeyvl.data.building import MANIFEST, format_of, read_manifest
from monkeyvl.data.readers.conversations import parse_row
from monkeyvl.data.readers.files import is_list
from monkeyvl.data.rows import BadRow, Row, check_turn
from monkeyvl.errors import MonkeyVLError, UsageError
from monkeyvl.images import open_image


class Rows(Sequence[Row]):
    """The rows of a built mixture, or of one JSONL file in monkeyvl's own format, read one by one from disk.

    Only the lines' places are held in memory. Workers may share it: nothing in it changes.

    Args:
        path: the folder of a built mixture, or a JSONL file.
        images: the folder of a file's images; else the file's own.

    Raises:
        UsageError: neither of both, a file in another form, or one without rows.
    """

    def __init__(self, path: Path, images: Path | None = None) -> None:
        self.full_stop, self._built = True, (path / MANIFEST).is_file()
        if self._built:
            manifest = read_manifest(path)
            self.full_stop = bool(manifest.get("full_stop", True))
            parts = [(path / name, Path(one["root"])) for one in manifest["sources"] for name in one["files"]]
        elif path.is_file():
            _check_rows(path)
            parts = [(path, (images or path.parent).resolve())]
        else:
            raise UsageError(f"{path} is no built mixture (`monkeyvl data build`) and no JSONL file")
        self._files = [file for file, _ in parts]
        self._roots = [root for _, root in parts]
        self._of_file, self._starts, self._numbers = array("i"), array("q"), array("q")
        digest = hashlib.sha256()
        for number, file in enumerate(self._files):
            with file.open("rb") as stream:
                start = 0
                for line_number, line in enumerate(stream, 1):
                    if line.strip():
                        self._of_file.append(number)
                        self._starts.append(start)
                        self._numbers.append(line_number)
                    digest.update(line)
                    start += len(line)
        if not self._starts:
            raise UsageError(f"{path}: no rows")
        self.fingerprint = digest.hexdigest()[:16]

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        """Row number `index`. BadRow where it cannot be trained on."""
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        number = self._of_file[index]
        where = f"{self._files[number]} line {self._numbers[index]}"
        with self._files[number].open("rb") as stream:
            stream.seek(self._starts[index])
            line = stream.readline()
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            raise BadRow(where, "is no JSON") from None
        row = parse_row(entry, where, self._roots[number], built=self._built)
        for turn in row.turns:
            check_turn(turn, row.where)
        if not row.turns:
            raise BadRow(row.where, "no question and answer")
        return row


def _check_rows(file: Path) -> None:
    """UsageError for a file of rows in another form than monkeyvl's own JSONL."""
    with file.open("rb") as stream:
        start = stream.read(4096)
    if is_list(start) or format_of(file) != "rows":
        raise UsageError(
            f"{file} is no JSONL of rows; `monkeyvl data build {file} --out DIR` makes DIR of it"
        )


@dataclass(frozen=True)
class Loaded:
    """A row with its images opened, upright RGB; `skipped` names the bad rows that stood in its place."""

    row: Row
    images: tuple[Image.Image, ...]
    skipped: tuple[str, ...] = ()


def load(row: Row) -> Loaded:
    """Opens a row's images. BadRow where one is missing or damaged."""
    try:
        return Loaded(row, tuple(open_image(image) for image in row.images))
    except MonkeyVLError as error:
        raise BadRow(row.where, str(error)) from None


class Epoch(Sequence[Loaded]):
    """One process's rows of one epoch, in order; map-style, for a data loader with any number of workers.

    All processes have equally many: at most `ranks` - 1 rows of an epoch are left out, others in every epoch.
    A bad row is replaced by the next good one of this process, so that lengths stay equal.

    Args:
        rows: all rows.
        seed, epoch: of the permutation.
        rank, ranks: this process's number and how many there are.
        first: rows of the epoch that all processes together have had already.
        strict: a bad row is an error.
    """

    def __init__(
        self,
        rows: Rows,
        seed: int,
        epoch: int = 0,
        rank: int = 0,
        ranks: int = 1,
        first: int = 0,
        strict: bool = False,
    ) -> None:
        if not 0 <= rank < ranks:
            raise UsageError(f"rank {rank} of {ranks}: ranks count from 0")
        self._rows, self._strict = rows, strict
        self._order = np.random.default_rng([seed, epoch]).permutation(len(rows))
        self._at, self._ranks = first + rank, ranks
        self._length = max(0, len(rows) - first) // ranks

    def __len__(self) -> int:
        return self._length

    @property
    def numbers(self) -> list[int]:
        """The numbers of this process's rows, in order."""
        return [self._number(index) for index in range(len(self))]

    def _number(self, index: int) -> int:
        return int(self._order[(self._at + index * self._ranks) % len(self._order)])

    @overload
    def __getitem__(self, index: int) -> Loaded: ...
    @overload
    def __getitem__(self, index: slice) -> list[Loaded]: ...
    def __getitem__(self, index: int | slice) -> Loaded | list[Loaded]:
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        if not 0 <= index < len(self):
            raise IndexError(index)
        skipped: list[str] = []
        # Where the search for a good row goes on depends on the order alone, so that it is the same after a
        # restart.
        for number in map(self._number, range(index, index + len(self._order))):
            try:
                return replace(load(self._rows[number]), skipped=tuple(skipped))
            except BadRow as bad:  # noqa: PERF203
                if self._strict:
                    raise
                skipped.append(str(bad))
        raise UsageError(f"none of {len(skipped)} rows can be trained on; the first: {skipped[0]}")


class Stream:
    """All epochs of one process as an iterator with a state, which is a few numbers.

    Args:
        rows, seed, rank, ranks, strict: see `Epoch`.
        epochs: how many.
    """

    def __init__(
        self, rows: Rows, seed: int, rank: int = 0, ranks: int = 1, epochs: int = 1, strict: bool = False
    ) -> None:
        self.rows, self.seed, self.rank, self.ranks = rows, seed, rank, ranks
        self.epochs, self.strict = epochs, strict
        self.epoch = self.first = self.done = self.skipped = 0

    def __iter__(self) -> Iterator[Loaded]:
        while self.epoch < self.epochs:
            left = Epoch(self.rows, self.seed, self.epoch, self.rank, self.ranks, self.first, self.strict)
            while self.done < len(left):
                loaded = left[self.done]
                self.done += 1
                self.skipped += len(loaded.skipped)
                yield loaded
            self.epoch, self.first, self.done = self.epoch + 1, 0, 0

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` goes on from, the same on every process after equally many rows."""
        return {
            "epoch": self.epoch,
            "position": self.first + self.done * self.ranks,
            "seed": self.seed,
            "rows": self.rows.fingerprint,
            "skipped": self.skipped,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a state, on any number of processes. UsageError for a state of other rows or seed."""
        if state["rows"] != self.rows.fingerprint or state["seed"] != self.seed:
            raise UsageError("the data's state belongs to other rows or another seed; start anew")
        self.epoch, self.first, self.done = int(state["epoch"]), int(state["position"]), 0
        self.skipped = int(state["skipped"])
