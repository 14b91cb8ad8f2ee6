"""Samples into tensors: tiles, ids of several questions about a picture, a letter for every half patch."""

from __future__ import annotations

import random
import string
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from monkeyvl.data.synthetic import Exchange, Sample, make_sample
from monkeyvl.models.minimonkey import Cropping, CropPlan, MiniMonkeyImageProcessor, crop_plan
from monkeyvl.training.recipe import ModelSizes, Stage
from monkeyvl.training.tokenizer import BOS, END, IMAGE, IMAGE_END, IMAGE_START, START

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

IGNORED = -100
# Class 0 is "no character here"; what is not in the alphabet is ignored.
ALPHABET = string.digits + string.ascii_letters + string.punctuation + "£€"
CLASSES = {character: number + 1 for number, character in enumerate(ALPHABET)}
# Letters below this many pixels in a tile cannot be told apart: asking for them would only teach guessing.
LEGIBLE_PX = 7.0


class SyntheticDataset(torch.utils.data.Dataset[Sample]):
    """`length` made samples of a stage; number i is the same picture every time it is asked for."""

    def __init__(self, stage: Stage, seed: int, length: int, split: str = "train") -> None:
        self.stage, self.seed, self.length, self.split = stage, seed, length, split
        self._weights = [source.weight for source in stage.data]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        rng = random.Random(f"{self.seed}/{self.split}/{self.stage.name}/{index}")
        source = rng.choices(self.stage.data, self._weights)[0]
        return make_sample(source.kind, rng, **source.options)


class Collator:
    """Makes a batch of samples.

    Returns pixel_values (tiles, 3, S, S), num_tiles (images,), tile_layers (tiles,), input_ids, labels and
    position_ids (images, T), attention_mask (images, 1, T, T) and character_labels (tiles, patches, 2). All
    questions about a picture share one sequence: each sees the picture and itself, at the positions it would
    have alone. token_labels (visual tokens,) holds the id of the first character in each visual token.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, sizes: ModelSizes, stage: Stage) -> None:
        self.sizes, self.questions, self.answers = sizes, stage.questions, stage.answer_loss > 0
        self.cropping = Cropping.parse(stage.cropping or sizes.cropping)
        self.image_processor = MiniMonkeyImageProcessor(
            tile_size=sizes.tile_size, patch_size=sizes.patch_size, cropping=self.cropping
        )
        self.tokens_per_tile = self.image_processor.tokens_per_tile
        self._tokenizer = tokenizer
        name = tokenizer.convert_tokens_to_ids
        self.image_id, self.pad_id = name(IMAGE), tokenizer.pad_token_id
        self._before = [name(BOS), name(START), *self._encode("user\n"), name(IMAGE_START)]
        self._after = [name(IMAGE_END), *self._encode("\n")]
        self._between = [name(END), name(START), *self._encode("assistant\n")]
        self._end = [name(END)]
        self._character_ids = torch.tensor([IGNORED, *(self._encode(character)[0] for character in ALPHABET)])

    def _encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False)

    def __call__(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        batch = dict(
            self.image_processor(images=[one.image.convert("RGB") for one in samples], return_tensors="pt")
        )
        plans = [crop_plan(one.image.size, self.cropping, self.sizes.tile_size) for one in samples]
        labels = [character_labels(one, plan, self.sizes) for one, plan in zip(samples, plans, strict=True)]
        batch["character_labels"] = torch.from_numpy(np.concatenate(labels))
        if self.answers:
            counts = (batch["num_tiles"] * self.tokens_per_tile).tolist()
            rows = [
                self._row(one.exchanges[: self.questions], n) for one, n in zip(samples, counts, strict=True)
            ]
            batch |= self._pad(rows)
            side = self.sizes.tile_size // self.sizes.patch_size
            first = torch.from_numpy(first_characters(batch["character_labels"].numpy(), side))
            batch["token_labels"] = torch.where(first > 0, self._character_ids[first.clamp(min=0)], IGNORED)
        return batch

    def _row(
        self, exchanges: Sequence[Exchange], image_tokens: int
    ) -> tuple[list[int], list[int], list[int], list[int]]:
        """Ids, labels, positions and the number of the question (0: the picture) of one sequence."""
        ids = [*self._before, *[self.image_id] * image_tokens, *self._after]
        start = len(ids)
        labels, positions, owner = [IGNORED] * start, list(range(start)), [0] * start
        for number, exchange in enumerate(exchanges, 1):
            asked = [*self._encode(exchange.question), *self._between]
            answered = [*self._encode(exchange.answer), *self._end]
            ids += asked + answered
            labels += [IGNORED] * len(asked) + answered
            positions += range(start, start + len(asked) + len(answered))
            owner += [number] * (len(asked) + len(answered))
        return ids, labels, positions, owner

    def _pad(self, rows: Sequence[tuple[list[int], ...]]) -> dict[str, Tensor]:
        longest = max(len(row[0]) for row in rows)
        filled = [
            torch.tensor([row[part] + [filler] * (longest - len(row[part])) for row in rows])  # (images, T)
            for part, filler in enumerate((self.pad_id, IGNORED, 0, -1))
        ]
        ids, labels, positions, owner = filled
        own = owner[:, :, None] == owner[:, None, :]  # (images, T, T)
        picture = (owner == 0)[:, None, :]
        causal = torch.ones(longest, longest, dtype=torch.bool).tril()
        mask = (own | picture) & causal
        return {
            "input_ids": ids,
            "labels": labels,
            "position_ids": positions,
            "attention_mask": mask[:, None],
        }


def character_labels(
    sample: Sample, plan: CropPlan, sizes: ModelSizes
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The classes of the characters centred in each patch's left and right half: (tiles, patches, 2)."""
    side = sizes.tile_size // sizes.patch_size
    known = [(CLASSES.get(c, IGNORED), x, y, height) for c, x, y, height in sample.characters]
    boxes = [box for _, box in plan.image_boxes()]
    found = np.zeros((len(boxes), side, side * 2), dtype=np.int64)
    if not known:
        return found.reshape(len(boxes), side * side, 2)
    classes, x, y, height = (np.array(column) for column in zip(*known, strict=True))
    for tile, (x0, y0, x1, y1) in zip(found, boxes, strict=True):
        legible = height * sizes.tile_size / (y1 - y0) >= LEGIBLE_PX
        columns = np.floor((x - x0) / (x1 - x0) * side * 2).astype(np.int64)
        rows = np.floor((y - y0) / (y1 - y0) * side).astype(np.int64)
        inside = (columns >= 0) & (columns < side * 2) & (rows >= 0) & (rows < side)
        tile[rows[inside], columns[inside]] = np.where(legible, classes, IGNORED)[inside]
    return found.reshape(len(boxes), side * side, 2)  # (tiles, rows, 2 columns) -> (tiles, patches, halves)


def first_characters(
    labels: np.ndarray[Any, np.dtype[np.int64]], side: int
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The first character of 2 x 2 patches, one visual token: (tiles, patches, 2) -> (visual tokens,)."""
    grid = labels.reshape(
        -1, side // 2, 2, side // 2, 4
    )  # tiles, token row, patch row, token column, 4 halves
    slots = grid.transpose(0, 1, 3, 2, 4).reshape(
        -1, 8
    )  # the upper patches from left to right, then the lower
    first = (slots != 0).argmax(axis=1)
    return slots[np.arange(len(slots)), first]
