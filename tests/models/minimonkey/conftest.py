"""The reference Mini-Monkey as an official folder, and its inputs and outputs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from monkeyvl.models.minimonkey import MiniMonkeyForConditionalGeneration

MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
# detail, adaptive, global tiles in the two orders of the official code
LAYERS = {"demo_order": [1] * 4 + [0] * 6 + [2], "train_order": [0] * 6 + [1] * 4 + [2]}


class Reference:
    """Inputs and outputs of the official code."""

    def __init__(self, folder: Path) -> None:
        self.inputs = load_file(folder / "inputs.safetensors")
        self.outputs = load_file(folder / "outputs.safetensors")
        self.info: dict[str, Any] = json.loads((folder / "info.json").read_text())
        self.weights = load_file(folder / "weights.safetensors")

    def images(self, order: str) -> dict[str, Tensor]:
        tiles = (self.inputs["demo_order.tiles_uint8"].float() / 255 - MEAN) / STD
        if order == "train_order":
            tiles = tiles[self.info["train_order_permutation_of_demo_tiles"]]
        layers = torch.tensor(LAYERS[order])
        return {"pixel_values": tiles, "num_tiles": torch.tensor([len(tiles)]), "tile_layers": layers}

    def prompt(self, order: str = "train_order") -> dict[str, Tensor]:
        text = {key: self.inputs[key] for key in ("input_ids", "attention_mask")}
        return {**text, **self.images(order)}


@pytest.fixture(scope="session")
def reference(golden: Callable[[str], Path]) -> Reference:
    return Reference(golden("minimonkey"))


@pytest.fixture(scope="session")
def official(golden: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of only config.json and safetensors with official names."""
    folder = tmp_path_factory.mktemp("official")
    shutil.copy(golden("minimonkey") / "config.json", folder)
    shutil.copy(golden("minimonkey") / "weights.safetensors", folder / "model.safetensors")
    return folder


@pytest.fixture(scope="session")
def model(official: Path) -> MiniMonkeyForConditionalGeneration:
    return MiniMonkeyForConditionalGeneration.from_pretrained(official)
