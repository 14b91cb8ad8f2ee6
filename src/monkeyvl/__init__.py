"""Ask, read and locate things in high-resolution images and documents, with models you can run yourself."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from monkeyvl.answers import Answer, Region
    from monkeyvl.assistant import Assistant, load

__all__ = ["Answer", "Assistant", "Region", "__version__", "load"]

# Looked up on first use: `import monkeyvl` must stay free of torch and transformers.
_HOMES = {
    "Answer": "monkeyvl.answers",
    "Region": "monkeyvl.answers",
    "Assistant": "monkeyvl.assistant",
    "load": "monkeyvl.assistant",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
