"""The runs of the studies on the token resampler: a tiny Monkey of all tokens becomes one of some tokens.

Monkey first learns with all tokens; its weights start all variants of a seed. Then the variant's model goes
on with its own tokens.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from monkeyvl.ablation.canvases import GLYPH, generator, glyphs
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
    visual_tokens,
)
from monkeyvl.models.textmonkey import TextMonkeyForConditionalGeneration
from monkeyvl.models.textmonkey.token_resampler import TokenResampler

if TYPE_CHECKING:
    from torch import Tensor

    from monkeyvl.models.monkey import MonkeyForConditionalGeneration

FIRST_STEPS, STEPS = 500, 200


class RandomQueries(TokenResampler):
    """Gathers all tokens as `TokenResampler`, not into tokens that stay but into learned queries."""

    def __init__(self, embed_dim: int, count: int, dim: int, heads: int, head_dim: int) -> None:
        super().__init__(embed_dim, count, dim, heads, head_dim)
        self.queries = nn.Parameter(0.02 * torch.randn(count, embed_dim))

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """As `TokenResampler.forward`; no token stays, so the indices are empty."""
        queries = self.queries.expand(len(tokens), -1, -1)
        layers: Any = self.layers
        attention, feed_forward = layers[0]
        mixed = attention(self.downsample(tokens), self.downsample(queries))
        return queries + feed_forward(mixed), torch.empty(len(tokens), 0, dtype=torch.long)


def _build(seed: int, rule: str = "", kept: int = 1) -> MonkeyForConditionalGeneration:
    """One visual token for each patch, which has a glyph's size; `rule` as in `run_keeping`, "" for all."""
    fields: dict[str, Any] = {"patch_size": GLYPH, "resampler": bool(rule), "r": kept}
    if rule and rule != "queries":
        fields["resampler_rule"] = rule
    model = build(seed, TextMonkeyForConditionalGeneration, **fields)
    if rule == "queries":
        vision = model.config.vision_config
        sizes = (vision.resampler_dim, vision.resampler_heads, vision.resampler_dim_head)
        resampler = RandomQueries(vision.output_dim, kept, *sizes)
        resampler.load_state_dict(model.model.visual.downresampler.state_dict(), strict=False)
        model.model.visual.downresampler = resampler
    return model


@lru_cache(maxsize=1)
def _first(seed: int, budget: Budget) -> MonkeyForConditionalGeneration:
    model = _build(seed).to(budget.device)
    draw = train_canvases(lambda source: glyphs(BATCH, source), 2 * seed)
    train(model, draw, budget.steps(FIRST_STEPS))
    return model


@lru_cache(maxsize=16)  # two studies share variants
def run_keeping(rule: str, kept: int, seed: int, budget: Budget) -> Outcome:
    """One run.

    Args:
        rule: which tokens stay (`select_tokens`), "queries" for learned ones, "" for all without resampler.
        kept: how many.
        seed: of the weights and the training canvases.
        budget: see `Budget`.
    """
    model = continued(_first(seed, budget), _build(seed, rule, kept))
    draw = train_canvases(lambda source: glyphs(BATCH, source), 2 * seed + 1)
    train(model, draw, budget.steps(STEPS))
    canvases = glyphs(TEST_CANVASES, generator(TEST_SEED))
    tokens = visual_tokens(model, canvases.pixels)
    return Outcome(
        right=test(model, canvases),
        cost={"visual tokens an image": float(tokens)},
        guesses=guesses(canvases),
        pictures=picture_of(canvases),
    )
