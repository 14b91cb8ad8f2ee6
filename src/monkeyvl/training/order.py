"""In which order rows are learnt from, and which are held out: known from a seed, so that a run resumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from monkeyvl.data.rows import BadRow
from monkeyvl.data.streaming import Loaded, Rows, load
from monkeyvl.training.encoding import Example

GROUPED = 32  # batches among which rows of like length are put together


def held_out(images: Sequence[tuple[Path, ...]], share: float, most: int, seed: int) -> list[int]:
    """Numbers of the rows that are not trained on, ascending: all rows of as many images as it takes.

    Args:
        images: of each row; rows of one image are never on both sides.
        share: of the rows, 0 to 1; above 0 at least one image is held out, and one is left to train on.
        most: enough rows, whatever the share.
    """
    if not share:
        return []
    of_image: dict[tuple[Path, ...], list[int]] = {}
    for number, names in enumerate(images):
        of_image.setdefault(names, []).append(number)
    groups = list(of_image.values())
    wanted = min(most, max(1, round(share * len(images))))
    chosen: list[int] = []
    for at in np.random.default_rng([seed, 1]).permutation(len(groups))[:-1]:
        if len(chosen) >= wanted:
            break
        chosen += groups[at]
    return sorted(chosen)


def grouped(lengths: Sequence[int], batch: int, seed: int, epoch: int) -> list[int]:
    """All numbers once, shuffled so that the rows of a batch have like lengths.

    Only whole batches keep their rows together; which batch comes when is chance.
    """
    rng = np.random.default_rng([seed, 2, epoch])
    order = rng.permutation(len(lengths))
    batches: list[list[int]] = []
    for first in range(0, len(order), GROUPED * batch):
        block = sorted(order[first : first + GROUPED * batch], key=lambda number: -lengths[number])
        batches += [[int(one) for one in block[at : at + batch]] for at in range(0, len(block), batch)]
    # A batch that is not whole stays last, so that the others are not torn apart.
    last = [batches.pop()] if batches and len(batches[-1]) < batch else []
    chosen = [batches[int(at)] for at in rng.permutation(len(batches))]
    return [number for one in [*chosen, *last] for number in one]


class TrainingRows(torch.utils.data.Dataset["Example | str"]):
    """`length` rows one after another, epoch after epoch.

    Args:
        rows: all rows.
        numbers: those to train on.
        lengths: of each of `numbers`, in any unit.
        encode: makes an example of a row.
        length: how many rows the run takes.
        batch: rows of a step.
        seed: of the order.
        skip_bad: whether the next good row stands in for a bad one; else the item is the reason.
        augment: what happens to a loaded row, given its number and the epoch, before it is encoded.
    """

    def __init__(
        self,
        rows: Rows,
        numbers: Sequence[int],
        lengths: Sequence[int],
        encode: Callable[..., Example],
        length: int,
        batch: int,
        seed: int,
        skip_bad: bool = False,
        augment: Callable[[Loaded, int, int], Loaded] | None = None,
    ) -> None:
        self._rows, self._encode, self._length, self._skip_bad = rows, encode, length, skip_bad
        self._augment, self._rows_an_epoch = augment, len(numbers)
        epochs = -(-length // len(numbers))
        self.order = [numbers[at] for epoch in range(epochs) for at in grouped(lengths, batch, seed, epoch)]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Example | str:
        reason = ""
        for at in range(len(self.order)):
            place = (index + at) % len(self.order)
            number = self.order[place]
            try:
                loaded = load(self._rows[number])
                if self._augment:
                    loaded = self._augment(loaded, number, place // self._rows_an_epoch)
                return self._encode(loaded)
            except BadRow as bad:
                # A data loader's process cannot hand on an error that has more than a text.
                reason = str(bad)
                if not self._skip_bad:
                    break
        return reason
