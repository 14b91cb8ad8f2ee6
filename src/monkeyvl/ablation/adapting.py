"""The run of the study on window LoRA: a frozen tower, adapters that learn, on pictures of another kind.

The tower learned glyphs, whose colour and pattern lie in one place; pairs need patches that see each other.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from monkeyvl.ablation.canvases import WINDOW, generator, glyphs, pairs
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

if TYPE_CHECKING:
    from monkeyvl.models.monkey import MonkeyForConditionalGeneration

FIRST_STEPS, STEPS = 300, 200


@lru_cache(maxsize=1)
def _first(seed: int, budget: Budget) -> MonkeyForConditionalGeneration:
    """A model of single windows, as Qwen-VL is."""
    model = build(seed).to(budget.device)
    draw = train_canvases(lambda source: glyphs(2 * BATCH, source, WINDOW, asked=2), 2 * seed)
    train(model, draw, budget.steps(FIRST_STEPS))
    return model


def freeze_tower(model: MonkeyForConditionalGeneration) -> None:
    """Leaves adapters, resampler with what follows it, and language model to learn, as the paper does."""
    for name, parameter in model.model.visual.named_parameters():
        part = name.split(".")[0]
        parameter.requires_grad_(part in ("attn_pool", "ln_post", "proj") or "_lora." in name)
    model.model.visual.attn_pool.pos_embed.requires_grad_(False)  # fixed sines


def run_adapting(adapters: int, seed: int, budget: Budget) -> Outcome:
    """One run.

    Args:
        adapters: `lora_repeat_num`, 0, 1 or the number of windows.
        seed: of the weights and the training canvases.
        budget: see `Budget`.
    """
    model = continued(_first(seed, budget), build(seed, lora_repeat_num=adapters))
    freeze_tower(model)
    draw = train_canvases(lambda source: pairs(BATCH, 0.0, source), 2 * seed + 1)
    train(model, draw, budget.steps(STEPS))
    canvases = pairs(TEST_CANVASES, 0.0, generator(TEST_SEED))
    weights = sum(one.numel() for name, one in model.named_parameters() if "_lora." in name)
    return Outcome(
        right=test(model, canvases),
        cost={"weights of adapters": float(weights)},
        guesses=guesses(canvases),
        pictures=picture_of(canvases),
    )
