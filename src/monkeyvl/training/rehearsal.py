"""A forward and a backward pass without numbers: how many bytes they would need.

The model is built from its configuration as fake tensors, which have shapes and types but no memory, and
every storage that the pass makes is counted while it lives. So what autograd keeps, what autocast copies and
what checkpointing computes again is the code's own doing, whatever the size of the model.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import PreTrainedConfig

from monkeyvl.drivers import classes_for
from monkeyvl.training.parts import freeze_others, linear_layers


@dataclass(frozen=True)
class Shape:
    """What goes through the model at once.

    Attributes:
        rows: sequences.
        tokens: of each, those of its image among them.
        answers: of these tokens, how many are learnt.
        tiles: of each row's image, for models of tiles.
        windows: (rows, columns) of each row's canvas, for models of windows.
    """

    rows: int
    tokens: int
    answers: int
    tiles: int = 1
    windows: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Pass:
    """Bytes of a forward and a backward pass besides weights and their gradients.

    Attributes:
        peak: the most at any time.
        kept: of it at the end of the forward pass, for the backward pass.
        logits: of the answers, with what the loss makes of them.
    """

    peak: int
    kept: int
    logits: int


class Live(TorchDispatchMode):
    """Counts the bytes of the storages that operations make, for as long as these live.

    Args:
        known: tensors that are not counted, nor views of them.
    """

    def __init__(self, known: list[Tensor]) -> None:
        super().__init__()
        self.bytes = self.peak = 0
        self._seen = {id(tensor.untyped_storage()): tensor.untyped_storage() for tensor in known}
        self._made: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._count(leaf.untyped_storage())
        return result

    def _count(self, storage: Any) -> None:
        key = id(storage)
        if key in self._seen or key in self._made:
            return
        self._made[key] = storage.nbytes()
        self.bytes += storage.nbytes()
        self.peak = max(self.peak, self.bytes)
        weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.bytes -= self._made.pop(key)


def model_of_nothing(
    config: PreTrainedConfig,
    method: str,
    learning: tuple[str, ...],
    dtype: torch.dtype,
    adapt: Callable[[Any, list[str]], Any],
) -> Any:
    """The model on the meta device, its parts frozen or adapted as for the training.

    Args:
        config: a MiniMonkeyConfig, MonkeyConfig or TextMonkeyConfig.
        method: "full", or any other for adapters.
        learning: names of the parts that learn (`monkeyvl.training.parts`).
        dtype: of the weights.
        adapt: adds the adapters to a model's layers of these names.
    """
    with torch.device("meta"):
        model = classes_for(config.model_type)[0]._from_config(config, dtype=dtype)
        if method == "full":
            freeze_others(model, learning, config.model_type)
            return model
        return adapt(model, linear_layers(model, learning, config.model_type))


def rehearse(model: Any, shape: Shape, checkpointing: bool, reduced: bool) -> Pass:
    """The memory of one forward and backward pass, computed in bfloat16 as on a GPU.

    Args:
        model: of `model_of_nothing`, or one with weights; it is changed.
        shape: what goes through it.
        checkpointing: whether blocks are computed again in the backward pass.
        reduced: whether each gradient is handed on as soon as it is there, as where gradients are sharded;
            else all have their places before the pass.
    """
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = model.to_empty(device="cpu").train()
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        weights = list(model.parameters())
        for weight in weights:
            if weight.requires_grad and reduced:
                weight.register_post_accumulate_grad_hook(_hand_on)
            elif weight.requires_grad:
                weight.grad = torch.zeros_like(weight)
        own = [*weights, *model.buffers(), *(one.grad for one in weights if one.grad is not None)]
        live = Live(own)
        collecting = gc.isenabled()
        gc.disable()  # checkpointing leaves cycles behind, whose memory comes back at no certain time
        try:
            with live:
                loss, logits = _loss(model, shape, live)
                kept = live.bytes
                loss.backward()
        finally:
            if collecting:
                gc.enable()
    return Pass(live.peak, kept, logits)


def _hand_on(weight: Tensor) -> None:
    weight.grad = None


def _loss(model: Any, shape: Shape, live: Live) -> tuple[Tensor, int]:
    """As `finetune_score.answer_loss`, without what depends on the ids; also the bytes of the logits."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    dtype = next(one.dtype for one in inner.parameters() if one.is_floating_point())
    images = _images(inner.config, shape, dtype)
    with torch.autocast("cpu", torch.bfloat16):
        found = inner.get_image_features(*images).pooler_output
        features = torch.stack(list(found))[:, : shape.tokens - 1]
        ids = torch.zeros(shape.rows, shape.tokens - features.shape[1], dtype=torch.long)
        embedded = torch.cat([features, inner.get_input_embeddings()(ids)], dim=1)  # (B, T, H)
        text = inner.model.language_model
        states = text(inputs_embeds=embedded, use_cache=False).last_hidden_state
        inner.lm_head(states[:, :0])  # makes autocast's copy of the weights, which is no logits
        before = live.bytes
        logits = inner.lm_head(states[:, -shape.answers :])  # (B, answers, vocabulary)
        target = torch.zeros(logits.shape[0] * logits.shape[1], dtype=torch.long)
        loss = functional.cross_entropy(logits.flatten(0, 1).float(), target, reduction="sum")
        return loss, live.bytes - before


def _images(config: Any, shape: Shape, dtype: torch.dtype) -> tuple[Any, ...]:
    vision = config.vision_config
    if config.model_type == "minimonkey":
        tiles = torch.zeros(shape.rows * shape.tiles, 3, *vision.image_size, dtype=dtype)
        return tiles, [shape.tiles] * shape.rows
    height, width = (vision.window_size * number for number in shape.windows)
    return (torch.zeros(shape.rows, 3, height, width, dtype=dtype),)
