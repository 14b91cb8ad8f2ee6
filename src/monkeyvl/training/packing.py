"""Rows of different lengths one behind the other in one sequence, none of which sees another.

Positions begin at 0 with every row. transformers reads from this where a row begins, as long as there is no
attention mask and no cache: masks become block-diagonal, and flash attention takes its way for rows of
different lengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from monkeyvl.training.encoding import MULTIPLE, Example, with_images
from monkeyvl.training.labels import IGNORED


def first_fit(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Numbers of the rows of each pack: longest rows first, each into the first pack that has room.

    A row longer than `most` is alone in its pack.
    """
    packs: list[list[int]] = []
    room: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda one: -lengths[one]):
        place = next((at for at, left in enumerate(room) if lengths[number] <= left), len(packs))
        if place == len(packs):
            packs.append([])
            room.append(most)
        packs[place].append(number)
        room[place] -= lengths[number]
    return packs


def pack(examples: Sequence[Example], pad_id: int, multiple: int = MULTIPLE) -> dict[str, Any]:
    """One sequence of all examples, T together.

    What fills it up goes on from the last row, which does not look ahead: a pack of one row is no pack to
    transformers, and takes the faster way without a mask.

    Returns:
        input_ids, position_ids, labels (1, T), and the images as `monkeyvl.training.encoding.collate` gives
        them. A model gets these without a cache (`use_cache=False`).
    """
    lengths = [len(one.ids) for one in examples]
    filled = -sum(lengths) % multiple
    lengths[-1] += filled
    ids = [*(one.ids for one in examples), torch.full((filled,), pad_id)]
    labels = [*(one.labels for one in examples), torch.full((filled,), IGNORED)]
    return {
        "input_ids": torch.cat(ids)[None],
        "position_ids": torch.cat([torch.arange(length) for length in lengths])[None],
        "labels": torch.cat(labels)[None],
        **with_images(examples),
    }


def packs(examples: Sequence[Example], pad_id: int, most: int) -> dict[str, Any]:
    """Rows as packs of at most `most` tokens, which go through the model one by one.

    Returns:
        "packs": the sequences of `pack`; "labels": (T,) those of all packs, to be counted.
    """
    groups = first_fit([len(one.ids) for one in examples], most)
    made = [pack([examples[number] for number in group], pad_id) for group in groups]
    return {"packs": made, "labels": torch.cat([one["labels"][0] for one in made])}


def silent(batch: dict[str, Any]) -> dict[str, Any]:
    """The same pack with nothing to learn from: a step of a process that has fewer packs than others."""
    return {**batch, "labels": torch.full_like(batch["labels"], IGNORED)}
