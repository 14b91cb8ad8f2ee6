"""A checkpoint's folder to a model on its device, in fewer bits or spread over devices if asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers.utils import logging

from monkeyvl.adapters import apply_adapter
from monkeyvl.checkpoints import read_config
from monkeyvl.devices import find_device, memory_errors, usual_dtype
from monkeyvl.drivers import classes_of
from monkeyvl.errors import CheckpointError, MonkeyVLError
from monkeyvl.quantization import placement

# Qwen-VL has no adapters; they begin as at the start of Monkey's training.
_ADAPTER = re.compile(r"_lora\.\d+\.")


def load_folder(
    folder: Path,
    device: str | None = None,
    dtype: str | None = None,
    quantize: str | None = None,
    adapter: Path | None = None,
) -> tuple[Any, Any]:
    """The model, in eval mode and on its device, and the processor of a native or official folder.

    Args:
        folder: the checkpoint.
        device: see `find_device`; or "auto" to spread the layers over all devices, then over the memory.
        dtype: "float32", "bfloat16", "float16", "auto" (as stored) or None (what suits the device).
        quantize: "8bit" or "4bit" for the language model's layers, or None.
        adapter: a folder with a LoRA adapter (`monkeyvl.adapters`), or None.

    Raises:
        UsageError: a device that is not there, or one that cannot do the quantisation.
        CheckpointError: a folder that cannot be loaded.
        BudgetError: too little memory.
    """
    model_class, processor_class = classes_of(folder)
    place = find_device(None if device == "auto" else device)
    dtype = dtype or usual_dtype(place)
    options = placement(quantize, place, spread=device == "auto", dtype=dtype)
    # transformers does not quantise by torchao what it also takes apart
    hint = "; torchao quantises converted folders alone: monkeyvl convert" if quantize else ""
    model = load_weights(model_class, folder, hint, dtype=dtype, **options)
    processor = _read(folder, processor_class.from_pretrained)
    if adapter:
        model = apply_adapter(model, adapter)
    if not options:
        with memory_errors():
            model = model.to(place)
    return model.eval(), processor


def load_weights(
    model_class: Any, folder: Path, hint: str = "", fresh: tuple[str, ...] = (), **options: Any
) -> Any:
    """A model all of whose weights are in the folder.

    Args:
        model_class: one of transformers' kind, Auto classes included.
        folder: the checkpoint.
        hint: what to say besides if weights are missing.
        fresh: weights whose names hold one of these may be missing: they begin at random.
        options: of `from_pretrained`.

    Raises:
        CheckpointError: weights that are missing, damaged or not of the sizes that config.json gives.
        BudgetError: too little memory.
    """
    model, info = _read(
        folder,
        model_class.from_pretrained,
        use_safetensors=True,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # reported below, in one line
        **options,
    )
    missing = sorted(info["missing_keys"])
    if "QWenLMHeadModel" in (read_config(folder).get("architectures") or ()):
        missing = [name for name in missing if not _ADAPTER.search(name)]
    missing = [name for name in missing if not any(part in name for part in fresh)]
    if missing:
        raise CheckpointError(f"{folder} lacks {len(missing)} weights, first {missing[0]}{hint}")
    if mismatched := sorted(info["mismatched_keys"]):
        name, found, wanted = mismatched[0]
        raise CheckpointError(
            f"{folder}: {len(mismatched)} weights do not have the size that config.json gives, "
            f"first {name}: {tuple(found)}, not {tuple(wanted)}"
        )
    return model


def _read(folder: Path, load: Callable[..., Any], **options: Any) -> Any:
    try:
        with quietly(), memory_errors():
            return load(folder, local_files_only=True, **options)
    except MonkeyVLError:
        raise
    except Exception as error:  # transformers raises all kinds for a folder it cannot use
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{folder} cannot be loaded: {reason}") from error


@contextmanager
def quietly() -> Iterator[None]:
    """Without transformers' progress bars and load reports: what matters of them is raised."""
    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()
