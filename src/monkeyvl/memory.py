"""How much memory a checkpoint needs to answer, from its configuration alone: nothing is loaded.

Weights are counted on a model without memory behind it (torch's meta device), so they are exact; the
keys and values that attention keeps follow from the sizes as exactly. What one step needs besides is an
estimate: the largest of the vision tower's and of the prompt's states, all of one layer at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import InternVLVisionConfig, LlamaConfig, PreTrainedConfig

from monkeyvl.catalogue import CHECKPOINTS, EMBEDDED, NF4_BYTES
from monkeyvl.checkpoints import on_this_machine, resolve
from monkeyvl.drivers import classes_for, classes_of
from monkeyvl.errors import UsageError

WAYS = ("bf16", "8bit", "4bit")
_BYTES = 2  # of a number in bfloat16, which all but quantised weights have
_WEIGHT_BYTES = {"bf16": 2.0, "8bit": 1.0, "4bit": NF4_BYTES}

LINEAR = "language model: linear layers"
_REST = "language model: norms, biases"
_WORDS = "words in and out"

# Graphics cards by their memory in GB, and what driver and libraries take of it.
CARDS = (6, 8, 12, 16, 24, 32, 40, 48, 80)
OVERHEAD = 0.8e9

# A question and its answer beside the image, and the tiles of a large page by the paper's cropping.
TEXT_TOKENS = 768
TILES = 12 + 7 + 1


@dataclass(frozen=True)
class Memory:
    """What a model needs.

    Attributes:
        parts: number of weights by part of the model; `LINEAR` is what quantisation makes smaller.
        tokens: length of prompt and answer together that the rest is computed for.
        cache: bytes of the keys and values of so many tokens.
        working: bytes of one step's states at most, an estimate.
    """

    parts: dict[str, int]
    tokens: int
    cache: int
    working: int

    def part_bytes(self, part: str, way: str) -> float:
        """Bytes of a part's weights; `way` is one of `WAYS`."""
        return self.parts[part] * (_WEIGHT_BYTES[way] if part == LINEAR else _BYTES)

    def weight_bytes(self, way: str) -> float:
        """Bytes of all weights."""
        return sum(self.part_bytes(part, way) for part in self.parts)

    def total(self, way: str) -> float:
        """Bytes of weights, cache and states together."""
        return self.weight_bytes(way) + self.cache + self.working

    def card(self, way: str) -> int | None:
        """GB of the smallest of `CARDS` that holds it; None where none does."""
        need = self.total(way) + OVERHEAD
        return next((size for size in CARDS if size * 1e9 >= need), None)


def memory_of(config: PreTrainedConfig, tokens: int | None = None, batch: int = 1) -> Memory:
    """Computes the memory of a model for questions about one image each.

    Args:
        config: a MiniMonkeyConfig, MonkeyConfig or TextMonkeyConfig.
        tokens: of prompt and answer together; by default a large image, a question and an answer.
        batch: questions answered at the same time.

    Raises:
        UsageError: numbers below 1.
    """
    image = image_tokens(config)
    tokens = image + TEXT_TOKENS if tokens is None else tokens
    for name, value in (("tokens", tokens), ("batch", batch)):
        if value < 1:
            raise UsageError(f"{name} is {value}; it must be at least 1")
    text: Any = config.get_text_config()
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    cache = 2 * text.num_hidden_layers * text.num_key_value_heads * head * tokens * batch * _BYTES
    # Residual, normed, q, k, v, mixed and rotated states; gate, up and their product; the mask.
    prompt = batch * tokens * (8 * text.hidden_size + 3 * text.intermediate_size + tokens) * _BYTES
    working = max(prompt, _vision_states(config) * _BYTES)
    return Memory(count_parts(config), tokens, cache, working + text.vocab_size * batch * 4)


def count_parts(config: PreTrainedConfig) -> dict[str, int]:
    """Numbers of weights by part of the model, counted without memory for them."""
    model_class = classes_for(config.model_type)[0]
    with torch.device("meta"):
        model = model_class(config)
    parts: dict[str, int] = {}
    for name, parameter in model.named_parameters():  # tied weights once
        part = part_of_memory(name, parameter)
        parts[part] = parts.get(part, 0) + parameter.numel()
    return parts


def part_of_memory(name: str, parameter: torch.Tensor) -> str:
    """The part of the model, as memory is told by, that a weight belongs to."""
    if "embed_tokens" in name or name.startswith("lm_head"):
        return _WORDS
    if "language_model" in name:
        return LINEAR if parameter.ndim == 2 else _REST
    if "_lora." in name:
        return "window adapters"
    if ".attn_pool." in name or "resampler" in name or "projector" in name:
        return "resampler or projector"
    return "attention across windows" if "window_attention" in name else "vision tower"


def image_tokens(config: Any) -> int:
    """Visual tokens of a large image."""
    if hasattr(config, "num_image_tokens"):
        rows, columns = layout(config.vision_config)
        return int(config.num_image_tokens(rows, columns))
    return TILES * int(config.image_seq_length)


def _vision_states(config: Any) -> int:
    """Numbers in the states of one layer of the vision tower, all tiles or windows of an image together."""
    vision = config.vision_config
    if hasattr(config, "num_image_tokens"):
        rows, columns = layout(vision)
        patches = (rows * columns + 1) * (vision.window_size // vision.patch_size) ** 2
        return int(patches * (8 * vision.width + 3 * vision.width * vision.mlp_ratio))
    height, width = vision.image_size
    patches = TILES * (height // vision.patch_size[0]) * (width // vision.patch_size[1])
    return int(patches * (8 * vision.hidden_size + 3 * vision.intermediate_size))


def layout(vision: Any) -> tuple[int, int]:
    """(rows, columns) of the windows of an image of the usual size."""
    size = vision.image_size
    height, width = (size, size) if isinstance(size, int) else size
    return height // vision.window_size, width // vision.window_size


def config_of(name_or_folder: str | None) -> PreTrainedConfig:
    """The configuration of a checkpoint: from its folder, or of a published one that is not on this machine.

    Raises:
        UsageError, CheckpointError: see `checkpoints.resolve`.
    """
    known = CHECKPOINTS.get(name_or_folder or EMBEDDED)
    if known and known.name in _PUBLISHED and not on_this_machine(known):
        return _PUBLISHED[known.name]()
    folder: Path = resolve(name_or_folder)
    config: PreTrainedConfig = classes_of(folder)[0].config_class.from_pretrained(
        folder, local_files_only=True
    )
    return config


def _internvl2(text: LlamaConfig) -> PreTrainedConfig:
    from monkeyvl.models.minimonkey import MiniMonkeyConfig

    vision = InternVLVisionConfig(
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        intermediate_size=4096,
        image_size=448,
        patch_size=14,
        attention_bias=True,
    )
    return MiniMonkeyConfig(vision_config=vision, text_config=text, image_token_id=92546)


def _internvl2_2b() -> PreTrainedConfig:
    return _internvl2(
        LlamaConfig(
            hidden_size=2048,
            num_hidden_layers=24,
            num_attention_heads=16,
            num_key_value_heads=8,
            intermediate_size=8192,
            vocab_size=92553,
        )
    )


def _internvl2_8b() -> PreTrainedConfig:
    return _internvl2(
        LlamaConfig(
            hidden_size=4096,
            num_hidden_layers=32,
            num_attention_heads=32,
            num_key_value_heads=8,
            intermediate_size=14336,
            vocab_size=92553,
        )
    )


def _monkey() -> PreTrainedConfig:
    from monkeyvl.models.monkey import MonkeyConfig

    return MonkeyConfig()


def _textmonkey() -> PreTrainedConfig:
    from monkeyvl.models.textmonkey import TextMonkeyConfig

    return TextMonkeyConfig()


_PUBLISHED = {
    "mini-monkey": _internvl2_2b,
    "internvl2-2b": _internvl2_2b,
    "internvl2-8b": _internvl2_8b,
    "monkey": _monkey,
    "monkey-chat": _monkey,
    "textmonkey": _textmonkey,
    "qwen-vl": _monkey,
}
