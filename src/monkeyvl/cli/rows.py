"""Long jobs: a JSONL file that grows row by row and is gone on with, and a progress bar on stderr."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from monkeyvl.errors import UsageError

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

ENCODING = "utf-8"


class Results:
    """The rows of `--out`: each names its file, page, question, settings and model, and what came out.

    A row without an error is not done again. Rows with one are taken out and tried again; rows of other
    questions stay.

    Raises:
        UsageError: a path that cannot be written, or a file that holds something else.
    """

    def __init__(self, path: Path, question: dict[str, Any]) -> None:
        self.path, self.question = path, question
        self.written = self.failed = self.skipped = 0
        kept, dropped = self._read()
        self._done = {_place(row) for row in kept if self._same(row)}
        try:
            if dropped:
                partial = path.with_name(path.name + ".partial")
                partial.write_text("".join(_line(row) for row in kept), ENCODING)
                os.replace(partial, path)
            self._file: IO[str] = path.open("a", encoding=ENCODING)
        except OSError as error:
            raise UsageError(f"--out {path} cannot be written: {error.strerror}") from None

    def has(self, file: str, page: int | None) -> bool:
        """Whether this page is done already."""
        done = (file, page) in self._done
        self.skipped += done
        return done

    def add(self, file: str, page: int | None, row: dict[str, Any]) -> None:
        """Writes a row; it is on the disk when this returns."""
        self._file.write(_line({"file": file, "page": page, **self.question, **row}))
        self._file.flush()
        self._done.add((file, page))
        if "error" in row:
            self.failed += 1
        else:
            self.written += 1

    def close(self) -> None:
        self._file.close()

    @property
    def summary(self) -> str:
        """One line on what was written."""
        parts = [f"{self.written} answered", f"{self.failed} failed"]
        if self.skipped:
            parts.append(f"{self.skipped} already there")
        return f"{', '.join(parts)}: {self.path}"

    def _same(self, row: dict[str, Any]) -> bool:
        return all(row.get(name) == value for name, value in self.question.items())

    def _read(self) -> tuple[list[dict[str, Any]], bool]:
        """Rows to keep, and whether anything was dropped: failed rows of this question, half a last line."""
        try:
            text = self.path.read_text(ENCODING)
        except FileNotFoundError:
            return [], False
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            raise UsageError(f"--out {self.path} cannot be gone on with: {reason}") from None
        lines = text.splitlines(keepends=True)
        kept: list[dict[str, Any]] = []
        dropped = False
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if isinstance(row, dict) and "file" in row and line.endswith("\n"):
                if "error" in row and self._same(row):
                    dropped = True
                else:
                    kept.append(row)
            elif number == len(lines) and not line.endswith("\n"):
                dropped = True  # what was being written when the last run was stopped
            else:
                raise UsageError(f"--out {self.path} is not a results file: line {number} is no row of one")
        return kept, dropped


class Progress:
    """A bar on stderr where that is a terminal; nothing elsewhere."""

    def __init__(self, total: int, shown: bool) -> None:
        self._bar: Bar | None = None
        if shown and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}"),
                console=Console(stderr=True),
                redirect_stdout=False,
            )
            self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._bar:
            self._bar.stop()

    def at(self, file: str) -> None:
        """Names what is being worked on."""
        if self._bar:
            self._bar.update(self._task, description=file.replace("[", r"\["))

    def advance(self) -> None:
        """One file is done."""
        if self._bar:
            self._bar.advance(self._task)


def _place(row: dict[str, Any]) -> tuple[str, int | None]:
    return row["file"], row.get("page")


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"
