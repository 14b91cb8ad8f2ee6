"""`monkeyvl convert`: an official checkpoint written as a native one, with its processor."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from monkeyvl.assistant import DTYPES
from monkeyvl.checkpoints import (
    bins_to_safetensors,
    check_folder,
    count_parameters,
    human_bytes,
    read_config,
    weight_files,
)
from monkeyvl.errors import CheckpointError, UsageError


def run(folder: Path, out: Path, dtype: str | None) -> int:
    """Writes `out`, all of it or nothing; returns the exit code."""
    if dtype is not None and dtype not in DTYPES:
        raise UsageError(f"unknown dtype {dtype!r}: one of {', '.join(DTYPES)}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already; convert writes a new folder")
    if not folder.exists():
        raise UsageError(f"{folder}: no such folder")
    if not folder.is_dir():
        raise CheckpointError(
            f"{folder} is not a folder; a checkpoint is a folder with config.json and weights"
        )
    read_config(folder)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent)
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}") from None
    with work as name:
        source = folder
        if not weight_files(folder) and list(folder.glob("*.bin")):
            source = Path(name) / "official"
            source.mkdir()
            for file in folder.iterdir():
                if file.is_file() and file.suffix not in (".bin", ".py", ".safetensors"):
                    shutil.copy(file, source)
            (source / "pytorch_model.bin.index.json").unlink(missing_ok=True)
            bins_to_safetensors(folder, source)
        check_folder(source)
        from monkeyvl.engine import LocalEngine

        native = Path(name) / "native"
        LocalEngine.load(source, "cpu", dtype or "auto").save(native)
        if out.is_dir():
            out.rmdir()
        os.replace(native, out)
    size = sum(file.stat().st_size for file in out.glob("*.safetensors"))
    print(f"monkeyvl: {count_parameters(out)} weights, {human_bytes(size)}: {out}", file=sys.stderr)
    return 0
