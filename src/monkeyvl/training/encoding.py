"""Rows into what a model learns from: ids with the loss on the answers alone, and the images' pixels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from monkeyvl.answers import WHOLE, Box
from monkeyvl.data.instructions import Message, messages
from monkeyvl.data.rows import BadRow, Row
from monkeyvl.data.streaming import Loaded
from monkeyvl.drivers import Driver
from monkeyvl.errors import BudgetError, UsageError
from monkeyvl.generation import Settings
from monkeyvl.prompts import Wording
from monkeyvl.training.labels import IGNORED

# Makes a batch's width one of a few, so that compiled code and memory are used again.
MULTIPLE = 16

_PLACE = re.compile(r"<(box|quad|point)>[0-9,()]*</\1>")
_PAIR = re.compile(r"\(([0-9]+),([0-9]+)\)")


@dataclass(frozen=True)
class Example:
    """One row for the model.

    Attributes:
        ids, labels: (T,); labels are `IGNORED` but on the answers.
        pixels: of each image, (tiles, 3, S, S), or (1, 3, H, W) of a canvas.
        layers: of each image, (tiles,), or None where there are no layers.
    """

    ids: Tensor
    labels: Tensor
    pixels: tuple[Tensor, ...]
    layers: tuple[Tensor | None, ...]


class RowEncoder:
    """Makes examples of rows in the words of a model's family, exactly as it will be asked.

    Args:
        processor: the model's.
        driver: the model's (`monkeyvl.drivers.driver_for`).
        family: one of `monkeyvl.prompts.FAMILIES`.
        longest: most tokens of a row, those of its images among them.
        full_stop: see `monkeyvl.data.instructions.messages`.
    """

    def __init__(
        self, processor: Any, driver: Driver, family: str, longest: int, full_stop: bool = True
    ) -> None:
        self.processor, self.driver, self.family = processor, driver, family
        self.longest, self.full_stop = longest, full_stop
        self._most_characters = longest * max(map(len, processor.tokenizer.get_vocab()))

    def said(self, loaded: Loaded) -> list[Message]:
        """The row's conversation; places are of the part of the image that the model is shown."""
        row = loaded.row
        if loaded.images:
            row = moved(row, self.driver.view(loaded.images[0], Settings()))
        return messages(row, self.family, self.full_stop)

    def __call__(self, loaded: Loaded) -> Example:
        """The example of a row.

        Raises:
            BadRow: it is longer than `longest`, or the family has no wording for its task.
        """
        try:
            said = self.said(loaded)
            # A tokenizer takes minutes for a text of some million letters without a space.
            if (count := sum(len(one.question) + len(one.answer) for one in said)) > self._most_characters:
                raise BadRow(
                    loaded.row.where,
                    f"{count:,} characters are longer than the limit of {self.longest} tokens",
                )
            cuts = [self.driver.cut(image, Settings()) for image in loaded.images]
            counts = self._counts([cut.pixels for cut in cuts])
            ids, labels = self._labelled(said, counts)
        except (BudgetError, UsageError) as error:
            raise BadRow(loaded.row.where, str(error)) from None
        return Example(
            torch.tensor(ids),
            torch.tensor(labels),
            tuple(cut.pixels for cut in cuts),
            tuple(cut.layers for cut in cuts),
        )

    def _counts(self, pixels: Sequence[Tensor]) -> dict[str, list[int]]:
        """What tells the processor the number of tokens of images that are cut already."""
        cutter = self.processor.image_processor
        if not hasattr(cutter, "window_size"):
            return {"num_tiles": [len(one) for one in pixels]}
        side = cutter.window_size
        grids = [(one.shape[-2] // side, one.shape[-1] // side) for one in pixels]
        return {"num_image_tokens": [cutter.num_image_tokens(*grid) for grid in grids]}

    def _labelled(self, said: Sequence[Message], counts: dict[str, list[int]]) -> tuple[list[int], list[int]]:
        number = len(next(iter(counts.values())))
        content: list[dict[str, Any]] = [{"type": "image"} for _ in range(number)]
        conversation: list[dict[str, Any]] = []
        ends: list[tuple[list[int], list[int]]] = []
        for one in said:
            conversation.append({"role": "user", "content": content + parts(one.question)})
            asked = self._ids(conversation, counts, cue=True)
            conversation.append({"role": "assistant", "content": parts(one.answer)})
            ends.append((asked, self._ids(conversation, counts, cue=False)))
            content = []
        ids = ends[-1][1]
        labels = [IGNORED] * len(ids)
        for asked, answered in ends:
            # A tokenizer that joins the cue's last letters with the answer's first is asked for both.
            first, last = common(asked, ids), common(answered, ids)
            labels[first:last] = ids[first:last]
        return ids, labels

    def _ids(self, conversation: Sequence[Mapping[str, Any]], counts: dict[str, Any], cue: bool) -> list[int]:
        text = self.processor.apply_chat_template(list(conversation), add_generation_prompt=cue)
        ids: list[int] = self.processor(text=[text], max_length=self.longest, **counts)["input_ids"][0]
        return ids


def parts(text: Wording) -> list[dict[str, Any]]:
    """A message's content: only a model's own words may hold markup that counts."""
    return [{"type": "text", "text": words, "markup": own} for words, own in text.pieces]


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many first items are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def moved(row: Row, view: Box) -> Row:
    """A row whose places, thousandths of the whole image, are those of `view` (fractions of its sides)."""
    if view == WHOLE:
        return row
    x0, y0, x1, y1 = view

    def pair(found: re.Match[str]) -> str:
        at = (
            (int(found[1]) / 1000 - x0) / (x1 - x0),
            (int(found[2]) / 1000 - y0) / (y1 - y0),
        )
        x, y = (min(1000, max(0, round(1000 * value))) for value in at)
        return f"({x},{y})"

    def inside(text: str) -> str:
        return _PLACE.sub(lambda place: _PAIR.sub(pair, place[0]), text)

    turns = [replace(one, question=inside(one.question), answer=inside(one.answer)) for one in row.turns]
    return replace(row, turns=tuple(turns))


def collate(examples: Sequence[Example], pad_id: int, multiple: int = MULTIPLE) -> dict[str, Any]:
    """A batch, padded on the right.

    Returns:
        input_ids, attention_mask, labels (B, T); with images pixel_values, and for tiles num_tiles and
        tile_layers; canvases of different sizes are a list.
    """
    width = max(len(one.ids) for one in examples)
    width = -(-width // multiple) * multiple
    ids = torch.full((len(examples), width), pad_id)
    labels = torch.full((len(examples), width), IGNORED)
    mask = torch.zeros((len(examples), width), dtype=torch.long)
    for number, one in enumerate(examples):
        ids[number, : len(one.ids)], labels[number, : len(one.ids)] = one.ids, one.labels
        mask[number, : len(one.ids)] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": labels, **with_images(examples)}


def with_images(examples: Sequence[Example]) -> dict[str, Any]:
    """The images of a batch: pixel_values, and for tiles num_tiles and tile_layers; canvases of different
    sizes are a list."""
    batch: dict[str, Any] = {}
    pixels = [image for one in examples for image in one.pixels]
    layers = [layer for one in examples for layer in one.layers if layer is not None]
    if layers:
        batch["num_tiles"] = torch.tensor([len(image) for image in pixels])
        batch["tile_layers"] = torch.cat(layers)
        batch["pixel_values"] = torch.cat(pixels)
    elif pixels:
        same = len({image.shape for image in pixels}) == 1
        batch["pixel_values"] = torch.cat(pixels) if same else [image[0] for image in pixels]
    return batch
