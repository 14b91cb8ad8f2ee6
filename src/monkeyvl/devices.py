"""Where a model runs and in which type of number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from monkeyvl.errors import BudgetError, UsageError


def find_device(name: str | None) -> torch.device:
    """The device of a name ("cpu", "cuda", "cuda:1", "mps"), or the best there is.

    Raises:
        UsageError: no such device here.
    """
    if name is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"unknown device {name!r}: cpu, cuda, cuda:1 or mps") from None
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise UsageError(
                f"device {name!r} is not there: torch {torch.__version__} sees {count} CUDA devices"
            )
    elif device.type == "mps":
        if not torch.backends.mps.is_available():
            raise UsageError(f"device {name!r} is not there: torch {torch.__version__} sees no Metal device")
    elif device.type != "cpu":
        raise UsageError(f"device {name!r} is not served: cpu, cuda, cuda:1 or mps")
    return device


def usual_dtype(device: torch.device) -> str:
    """The type of number that suits a device: float32 on a CPU, whose bfloat16 is often far slower."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    return "float16" if device.type == "mps" else "float32"


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turns a full device memory into a BudgetError of one line."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        reason = " ".join(str(error).split())[:160]
        raise BudgetError(f"the device's memory is full: {reason}") from None
