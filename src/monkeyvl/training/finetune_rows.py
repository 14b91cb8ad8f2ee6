"""The rows of a fine-tuning: which can be used, which are held out, how long they are, their batches."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from monkeyvl.data.building import RowCheck
from monkeyvl.data.readers.files import image_size
from monkeyvl.data.rows import BadRow, Row
from monkeyvl.data.streaming import Loaded, Rows, load
from monkeyvl.errors import MonkeyVLError, UsageError
from monkeyvl.evaluation.splits import TrainingImages
from monkeyvl.training.encoding import Example, RowEncoder, collate
from monkeyvl.training.finetune_recipe import Finetuning
from monkeyvl.training.order import held_out
from monkeyvl.training.packing import packs

CHARACTERS_A_TOKEN = 3  # for lengths that are only compared


def usable_rows(rows: Rows, skip_bad: bool, splits: Path | None) -> dict[int, Row]:
    """The rows by number that can be trained on, as far as files' headers tell.

    Raises:
        BadRow: the first bad row, unless `skip_bad`.
        UsageError: no row is left.
    """
    check = RowCheck(TrainingImages.read(splits) if splits else None)
    usable: dict[int, Row] = {}
    bad: list[str] = []
    for number in range(len(rows)):
        try:
            row = rows[number]
            check(row)
            usable[number] = row
        except BadRow as error:  # noqa: PERF203
            if not skip_bad:
                raise
            bad.append(str(error))
    if bad:
        print(f"{len(bad):,} rows are left out; the first: {bad[0]}", file=sys.stderr)
    if not usable:
        raise UsageError(f"none of {len(rows)} rows can be trained on; the first: {bad[0]}")
    return usable


def split_rows(
    usable: Mapping[int, Row], evaluation: Mapping[int, Row] | None, recipe: Finetuning
) -> tuple[list[int], list[Row]]:
    """Numbers of the rows to train on, and the rows to evaluate on: of `evaluation`, else some held out."""
    numbers = list(usable)
    if evaluation:
        return numbers, list(evaluation.values())[: recipe.evaluated]
    images = [usable[number].images for number in numbers]
    out = [numbers[at] for at in held_out(images, recipe.hold_out, recipe.evaluated, recipe.seed)]
    return sorted(set(numbers) - set(out)), [usable[number] for number in out[: recipe.evaluated]]


def shown_rows(rows: Sequence[Row], encoder: RowEncoder, skip_bad: bool) -> list[Loaded]:
    """The rows that can be evaluated on, loaded: their images can be decoded, and they are not too long.

    Raises:
        BadRow: the first one that cannot, unless `skip_bad`.
    """
    shown = []
    for row in rows:
        try:
            loaded = load(row)
            encoder(loaded)
            shown.append(loaded)
        except BadRow:  # noqa: PERF203
            if not skip_bad:
                raise
    return shown


def row_length(row: Row, encoder: RowEncoder) -> int:
    """About how many tokens a row has; what is cut off an image's margins is not known yet."""
    cutter = encoder.processor.image_processor
    count = 0
    for image in row.images:
        plan = cutter.plan(image_size(image, row.where))
        if hasattr(cutter, "window_size"):
            count += cutter.num_image_tokens(plan.rows, plan.columns)
        else:
            count += len(plan.image_boxes()) * cutter.tokens_per_tile
    return count + sum(len(one.question) + len(one.answer) for one in row.turns) // CHARACTERS_A_TOKEN


def collated(items: Sequence[Example | str], pad_id: int, pack: int = 0) -> dict[str, Any]:
    """A batch of `monkeyvl.training.encoding.collate`, with `pack` (tokens) that of `packing.packs`; or
    {"bad": reason} where a row is a bad one."""
    examples = [one for one in items if isinstance(one, Example)]
    if len(examples) < len(items):
        return {"bad": next(one for one in items if isinstance(one, str))}
    return packs(examples, pad_id, pack) if pack else collate(examples, pad_id)


def good_batches(batches: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The batches as they come; MonkeyVLError at one that has a bad row."""
    for batch in batches:
        if "bad" in batch:
            raise MonkeyVLError(batch["bad"])
        yield batch
