"""The runs of the studies on attention across windows: a tiny Monkey becomes a TextMonkey, on pairs.

Monkey first learns pairs within windows; its weights start all variants of a seed. Then the variant's model
learns on pairs half of which the cut between windows divides.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

from monkeyvl.ablation.canvases import generator, is_cut, pairs
from monkeyvl.ablation.study import Budget, Outcome
from monkeyvl.ablation.tiny_monkey import (
    BATCH,
    TEST_CANVASES,
    TEST_SEED,
    build,
    continued,
    guesses,
    picture_of,
    test,
    train,
    train_canvases,
)
from monkeyvl.models.textmonkey import TextMonkeyForConditionalGeneration, TextMonkeyModel
from monkeyvl.models.textmonkey.shifted_window import ZeroInitMLP
from monkeyvl.models.textmonkey.vision import TextMonkeyVisionModel

if TYPE_CHECKING:
    from torch import Tensor

    from monkeyvl.models.monkey import MonkeyForConditionalGeneration
    from monkeyvl.models.monkey.vision import Layout

FIRST_STEPS, STEPS = 400, 300
GROUPS = ("in a window", "across the cut")


class _Unshifted(TextMonkeyVisionModel):
    """The same attention, with the same positions, in each window by itself."""

    def before_block(self, number: int, states: Tensor, layout: Layout) -> Tensor:
        if number not in self.config.window_pos:
            return states
        across: Any = self.transformer.window_attention
        block = across[list(self.config.window_pos).index(number)]
        side = self.config.window_size // self.config.patch_size
        table = block.positions(layout.rows * side, layout.columns * side)[0]  # (H, W, width)
        cut = table.unflatten(0, (layout.rows, side)).unflatten(2, (layout.columns, side))
        # (rows, side, columns, side, width) -> (images * rows * columns, side, side, width)
        places = cut.transpose(1, 2).flatten(0, 1).repeat(layout.images, 1, 1, 1)
        windows = states.unflatten(1, (side, side))
        mixed: Tensor = windows + block.shift_attn(windows + places)
        return mixed.flatten(1, 2)


class _UnshiftedModel(TextMonkeyModel):
    vision_class = _Unshifted


class UnshiftedTextMonkey(TextMonkeyForConditionalGeneration):
    """TextMonkey whose added attention stays within a window: as many weights, no way across a cut."""

    model_class = _UnshiftedModel


@lru_cache(maxsize=1)
def _first(seed: int, budget: Budget) -> MonkeyForConditionalGeneration:
    model = build(seed, TextMonkeyForConditionalGeneration).to(budget.device)
    draw = train_canvases(lambda source: pairs(BATCH, 0.0, source), 2 * seed)
    train(model, draw, budget.steps(FIRST_STEPS))
    return model


@lru_cache(maxsize=16)  # two studies share variants
def run_crossing(attention: str, zero_init: bool, seed: int, budget: Budget) -> Outcome:
    """One run.

    Args:
        attention: "none", "unshifted" or "shifted".
        zero_init: whether the last layer of the added attention starts at zero, or as torch starts a layer.
        seed: of the weights and the training canvases.
        budget: see `Budget`.
    """
    first = _first(seed, budget)
    kind = UnshiftedTextMonkey if attention == "unshifted" else TextMonkeyForConditionalGeneration
    model = continued(first, build(seed, kind, add_window=attention != "none"))
    if not zero_init:
        torch.manual_seed(seed)
        for module in model.modules():
            if isinstance(module, ZeroInitMLP):
                module.fc2.reset_parameters()
    draw = train_canvases(lambda source: pairs(BATCH, 0.5, source), 2 * seed + 1)
    train(model, draw, budget.steps(STEPS))
    canvases = pairs(TEST_CANVASES, 0.5, generator(TEST_SEED))
    added = sum(one.numel() for one in model.parameters()) - sum(one.numel() for one in first.parameters())
    return Outcome(
        right=test(model, canvases),
        cost={"weights added": float(added)},
        groups=tuple(GROUPS[int(cut)] for cut in is_cut(canvases).flatten()),
        guesses=guesses(canvases),
        pictures=picture_of(canvases),
    )
