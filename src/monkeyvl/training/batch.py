"""Samples into tensors: tiles, ids of several questions about a picture, a letter for every half patch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from monkeyvl.data.synthetic import Exchange, Sample
from monkeyvl.models.minimonkey import Cropping, MiniMonkeyImageProcessor, crop_plan
from monkeyvl.training.labels import ALPHABET, IGNORED, character_labels, first_characters
from monkeyvl.training.recipe import ModelSizes, Stage
from monkeyvl.training.samples import RealSample
from monkeyvl.training.tokenizer import BOS, END, IMAGE, IMAGE_END, IMAGE_START, START

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class Collator:
    """Makes a batch of samples.

    Returns pixel_values (tiles, 3, S, S) of bytes, num_tiles (images,), tile_layers (tiles,), input_ids,
    labels, position_ids and owner (images, T), and character_labels (tiles, patches, 2). All questions about
    a picture share one sequence: each sees the picture and itself (`question_mask` of the owners), at the
    positions it would have alone; one with which the sequence would be longer than the model's context is
    left out. token_labels (visual tokens,) holds the id of the first character in each visual token.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, sizes: ModelSizes, stage: Stage) -> None:
        self.sizes, self.questions, self.answers = sizes, stage.questions, stage.answer_loss > 0
        self.longest, self.longest_answer = sizes.text.context, stage.longest_answer
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
        images = [one.image.convert("RGB") for one in samples]
        batch = dict(self.image_processor(images=images, do_normalize=False, return_tensors="pt"))
        plans = [crop_plan(one.size, self.cropping, self.sizes.tile_size) for one in images]
        labels = [character_labels(one, plan, self.sizes) for one, plan in zip(samples, plans, strict=True)]
        for sample, known in zip(samples, labels, strict=True):
            if isinstance(sample, RealSample):
                known[:] = IGNORED
        batch["character_labels"] = torch.from_numpy(np.concatenate(labels))
        if self.answers:
            counts = (batch["num_tiles"] * self.tokens_per_tile).tolist()
            rows = [self._row(one.exchanges, n) for one, n in zip(samples, counts, strict=True)]
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
        number = 0
        for exchange in exchanges:
            asked = [*self._encode(exchange.question), *self._between]
            answered = [*self._encode(exchange.answer), *self._end]
            if (
                len(answered) > self.longest_answer + 1
                or len(ids) + len(asked) + len(answered) > self.longest
            ):
                continue
            number += 1
            ids += asked + answered
            labels += [IGNORED] * len(asked) + answered
            positions += range(start, start + len(asked) + len(answered))
            owner += [number] * (len(asked) + len(answered))
            if number == self.questions:
                break
        return ids, labels, positions, owner

    def _pad(self, rows: Sequence[tuple[list[int], ...]]) -> dict[str, Tensor]:
        longest = max(len(row[0]) for row in rows)
        filled = [
            torch.tensor([row[part] + [filler] * (longest - len(row[part])) for row in rows])  # (images, T)
            for part, filler in enumerate((self.pad_id, IGNORED, 0, -1))
        ]
        return dict(zip(("input_ids", "labels", "position_ids", "owner"), filled, strict=True))


def question_mask(owner: Tensor) -> Tensor:
    """What each token sees: (images, T) owners, 0 the picture, 1.. the questions, -1 padding, to the boolean
    mask (images, 1, T, T)."""
    own = owner[:, :, None] == owner[:, None, :]  # (images, T, T)
    picture = (owner == 0)[:, None, :]
    causal = torch.ones(owner.shape[1], owner.shape[1], dtype=torch.bool, device=owner.device).tril()
    return ((own | picture) & causal)[:, None]
