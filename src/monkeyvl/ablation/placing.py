"""The runs of the studies on answers with positions: a tiny Monkey learns plain answers, and places."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from monkeyvl.ablation.canvases import GLYPH, PATCH, Canvases, generator, glyphs
from monkeyvl.ablation.study import Budget, Outcome
from monkeyvl.ablation.tiny_monkey import (
    ANSWERS,
    BATCH,
    PLACED,
    PLACES,
    TEST_CANVASES,
    TEST_SEED,
    Turn,
    build,
    guesses,
    picture_of,
    plain_turns,
    test,
    train,
    train_canvases,
)

if TYPE_CHECKING:
    from torch import Tensor

STEPS = 500
SIZE = GLYPH // PATCH  # of a glyph, in patches


def _corners(shape: str, left: Tensor, top: Tensor) -> list[Tensor]:
    """x and y, in turn, of the points that a shape is told by."""
    right, bottom = left + SIZE, top + SIZE
    if shape == "point":
        return [left + SIZE // 2, top + SIZE // 2]
    if shape == "rectangle":
        return [left, top, right, bottom]
    return [left, top, right, top, right, bottom, left, bottom]


def placed_turns(canvases: Canvases, shape: str) -> list[Turn]:
    """One turn for each question that also asks where: its token, the answer and then the place."""
    where = _corners(shape, canvases.columns, canvases.rows)
    said = torch.stack([ANSWERS + canvases.patterns, *(PLACES + one for one in where)], dim=2)
    asked = (PLACED + canvases.colors)[:, :, None]
    ids = torch.cat([asked, said[:, :, :-1]], dim=2)  # (canvases, asked, tokens)
    return list(zip(ids.unbind(1), said.unbind(1), strict=True))


@lru_cache(maxsize=16)  # two studies share variants
def run_placing(shape: str, seed: int, budget: Budget) -> Outcome:
    """One run.

    Args:
        shape: "polygon" (four corners), "rectangle" (two), "point" (the middle), or "" for plain answers
            alone.
        seed: of the weights and the training canvases.
        budget: see `Budget`.
    """

    def turns(canvases: Canvases) -> list[Turn]:
        return plain_turns(canvases) + (placed_turns(canvases, shape) if shape else [])

    model = build(seed, patch_size=GLYPH).to(budget.device)
    draw = train_canvases(lambda source: glyphs(BATCH, source), 2 * seed)
    train(model, draw, budget.steps(STEPS), turns)
    canvases = glyphs(TEST_CANVASES, generator(TEST_SEED))
    learned = sum(after.shape[1] for _, after in turns(canvases))
    return Outcome(
        right=test(model, canvases),
        cost={"answer tokens trained a picture": float(learned)},
        guesses=guesses(canvases),
        pictures=picture_of(canvases),
    )
