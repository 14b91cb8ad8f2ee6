"""Saves that are there whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from safetensors import SafetensorError
from transformers import Trainer

from monkeyvl.errors import MonkeyVLError, UsageError
from monkeyvl.loading import quietly
from monkeyvl.training.reading import outlive_signals

PARTIAL = ".partial"
_UNWRITTEN = re.compile("inline_container|PytorchStreamWriter")  # where torch.save fails
_REASON = re.compile(r"\[Errno [0-9]+\] ([^:]+)|I/O error: ([^(]+[^( ])")
KEPT = 2  # saves of a run
LOCK = ".lock"
PATIENCE = 15.0  # processes that read rows outlive a killed run by some seconds


class AtomicTrainer(Trainer):
    """Trainer whose checkpoint-N folders appear under their names only when everything is in them.

    A process that is killed while it saves, or a disk that is full, leaves the saves before as they were.
    A folder belongs to one run at a time (`alone_in`). The processes that read its rows are not ended by a
    SIGTERM that reaches all processes of a run.
    """

    _inside: Path | None = None

    def train(self, resume_from_checkpoint: Any = None, **kwargs: Any) -> Any:
        if not self.is_world_process_zero():
            return super().train(resume_from_checkpoint, **kwargs)
        folder = Path(self.args.output_dir)
        with alone_in(folder):
            if resume_from_checkpoint is None and any(folder.glob("checkpoint-*")):  # while this one waited
                raise UsageError(
                    f"{folder}: another run was at work in it; choose another folder, or --resume"
                )
            return super().train(resume_from_checkpoint, **kwargs)

    def get_train_dataloader(self) -> Any:
        loader = super().get_train_dataloader()
        own: Any = getattr(loader, "base_dataloader", loader)  # which accelerate has wrapped
        outlive_signals(own)
        return loader

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._inside or super()._get_output_dir(trial))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(self._get_output_dir(trial))
        self._inside = folder / PARTIAL
        try:
            if self.args.should_save:
                shutil.rmtree(self._inside, ignore_errors=True)
            self.accelerator.wait_for_everyone()
            with _whole_or_not(self._inside), quietly():
                super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                for made in self._inside.iterdir():
                    shutil.rmtree(folder / made.name, ignore_errors=True)
                    os.replace(made, folder / made.name)
                self._inside.rmdir()
                _forget(folder)
        finally:
            self._inside = None


@contextmanager
def _whole_or_not(partial: Path) -> Iterator[None]:
    """Where what is written into `partial` cannot be, the room that it takes is free again, and one line says
    so: torch and safetensors have errors of their own for a full disk."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if isinstance(error, RuntimeError) and not _UNWRITTEN.search(str(error)):
            raise  # of a process that is lost, say
        shutil.rmtree(partial, ignore_errors=True)
        found = _REASON.search(str(error))
        reason = found[1] or found[2] if found else "is the disk full?"
        raise MonkeyVLError(f"{partial.parent} cannot be written: {reason}") from None


def _forget(folder: Path) -> None:
    saves = sorted(folder.glob("checkpoint-*"), key=lambda one: int(one.name.rpartition("-")[2]))
    for old in saves[:-KEPT]:
        shutil.rmtree(old)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Holds the folder of a run, so that no other one writes between its saves.

    Raises:
        UsageError: another process holds it, after `PATIENCE` seconds in which those of a killed run end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise UsageError(
            f"{folder}: another run is at work in it; choose another folder, or end that one"
        ) from None
    except NotImplementedError:
        pass  # a file system without locks
    try:
        yield
    finally:
        lock.release()


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A folder to write into that takes the name `folder`, in place of what was there, when all went well."""
    partial = folder.with_name(folder.name + PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    with _whole_or_not(partial):
        partial.mkdir(parents=True)
        yield partial
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)
