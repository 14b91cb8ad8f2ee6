"""Answers of a trained tiny Mini-Monkey when detail tokens are dropped: by SCM, or any at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from monkeyvl.ablation.marks import Picture
from monkeyvl.ablation.tiny import FIRST_ANSWER, FIRST_QUESTION, IMAGE, START, TOKENS_PER_TILE, Cut
from monkeyvl.models.minimonkey.compression import kept_count

if TYPE_CHECKING:
    from monkeyvl.models.minimonkey import MiniMonkeyForConditionalGeneration

Dropping = Literal["exact", "official", "random"]
_PICTURES = 25  # at once


@torch.no_grad()
def answered_without(
    model: MiniMonkeyForConditionalGeneration,
    cut: Cut,
    some: Sequence[Picture],
    share: float,
    how: Dropping,
    seed: int,
) -> tuple[float, ...]:
    """1.0 for each question that is answered rightly with a share of the detail tokens left out, else 0.0.

    Each question is a prompt of its own, because SCM drops what the question does not look at.

    Args:
        model: from `monkeyvl.ablation.tiny.trained`.
        cut: how it sees pictures.
        some: the pictures.
        share: of the detail tokens that go, from 0 to below 1.
        how: SCM's mode, or "random".
        seed: of what goes at random.
    """
    generator = torch.Generator().manual_seed(seed)
    right: list[float] = []
    for first in range(0, len(some), _PICTURES):
        part = some[first : first + _PICTURES]
        pixels, layers = cut([one.image for one in part])
        pixels = pixels.to(model.device)
        counts = torch.full((len(part),), len(layers))
        features = model.get_image_features(pixels.flatten(0, 1), num_tiles=counts).pooler_output
        detail = int((layers == 0).sum()) * TOKENS_PER_TILE
        for place in range(len(part[0].asked)):
            asked = [one.asked[place] for one in part]
            question = torch.tensor([[FIRST_QUESTION + one.question] for one in asked])
            image = torch.full((len(part), len(layers) * TOKENS_PER_TILE), IMAGE)
            ids = torch.cat([torch.full((len(part), 1), START), image, question], dim=1).to(model.device)
            if how == "random":
                found = _random(model, ids, features, detail, share, generator)
            else:
                found = model(
                    input_ids=ids,
                    image_features=features,
                    num_tiles=counts,
                    tile_layers=layers.repeat(len(part)),
                    compression=share,
                    compression_mode=how,
                    logits_to_keep=1,
                    use_cache=False,
                ).logits
            chosen = found[:, -1, FIRST_ANSWER:].argmax(-1).tolist()
            right += [float(a == b.answer) for a, b in zip(chosen, asked, strict=True)]
    # (parts, questions, pictures) -> the order of `questions`: pictures, questions
    ordered: list[float] = []
    count = len(some[0].asked)
    for first in range(0, len(some), _PICTURES):
        size = min(_PICTURES, len(some) - first)
        block = torch.tensor(right[first * count : (first + size) * count]).view(count, size)
        ordered += block.T.flatten().tolist()
    return tuple(ordered)


def _random(
    model: MiniMonkeyForConditionalGeneration,
    ids: Tensor,
    features: Sequence[Tensor],
    detail: int,
    share: float,
    generator: torch.Generator,
) -> Tensor:
    """Logits with detail tokens left out at random; they stand first among an image's, behind the start."""
    embeds, _ = model.model.embed(ids, image_features=features)
    kept = kept_count(detail, share)
    rows = []
    for row in embeds:
        stays = torch.randperm(detail, generator=generator)[:kept].sort().values.to(row.device)
        rows.append(torch.cat([row[:1], row[1 : 1 + detail][stays], row[1 + detail :]]))
    logits: Tensor = model(inputs_embeds=torch.stack(rows), logits_to_keep=1, use_cache=False).logits
    return logits
