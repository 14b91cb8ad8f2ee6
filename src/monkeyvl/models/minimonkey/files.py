"""Files beside the weights of a checkpoint, in a folder or on a hub."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers.utils import cached_file

from monkeyvl.errors import CheckpointError

__all__ = ["find_file", "hub_options", "lone_weights", "read_json"]

_HUB_OPTIONS = (
    *("revision", "subfolder", "token", "proxies"),
    *("cache_dir", "force_download", "local_files_only"),
)


def hub_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the options of a `from_pretrained` that say where on a hub to look."""
    return {name: options[name] for name in _HUB_OPTIONS if options.get(name) is not None}


def find_file(name_or_folder: str | os.PathLike[str], name: str, **hub: Any) -> Path | None:
    """The path of a checkpoint's file, None where it has none of that name."""
    found = cached_file(
        name_or_folder,
        name,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
        **hub,
    )
    return None if found is None else Path(found)


def read_json(name_or_folder: str | os.PathLike[str], name: str, **hub: Any) -> dict[str, Any]:
    """The content of a checkpoint's JSON file, {} where it has none of that name.

    Raises:
        CheckpointError: it holds no JSON object.
    """
    path = find_file(name_or_folder, name, **hub)
    if path is None:
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: no JSON object: {error}") from None


def lone_weights(name_or_folder: str | os.PathLike[str]) -> str | None:
    """The only safetensors file of a local folder that has no weights under the usual names, else None."""
    folder = Path(name_or_folder)
    if not folder.is_dir() or any(folder.glob("*.safetensors.index.json")):
        return None
    files = [path.name for path in folder.glob("*.safetensors")]
    return files[0] if len(files) == 1 and files[0] != "model.safetensors" else None
