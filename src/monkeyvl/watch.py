"""Looks on while an answer is written: collects its tokens, ends loops, takes the time of the first token."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor
from transformers.generation import StoppingCriteria

from monkeyvl.generation import find_loop


class Watch(StoppingCriteria):
    """Handed to `generate()` as a stopping criterion, which is called after every token.

    Args:
        rows: answers written at the same time.
        stop: ids that end an answer.
        tell: called after every token with the first row's ids so far.

    Attributes:
        ids: each row's new ids, with the one that ended it.
        periods: length of the loop that ended a row, 0 elsewhere.
        first: `time.perf_counter()` when the first token came.
        cancelled: set to end all rows at the next token.
    """

    def __init__(
        self, rows: int, stop: Collection[int], tell: Callable[[list[int]], None] | None = None
    ) -> None:
        self.ids: list[list[int]] = [[] for _ in range(rows)]
        self.periods = [0] * rows
        self.first: float | None = None
        self.cancelled = False
        self._stop, self._tell = frozenset(stop), tell
        self._done = [False] * rows

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        """input_ids (rows, prompt + new); True for each row that ends here."""
        for row, number in enumerate(input_ids[:, -1].tolist()):
            if self._done[row]:
                continue  # what follows is padding
            self.ids[row].append(number)
            self.periods[row] = find_loop(self.ids[row])
            self._done[row] = number in self._stop or self.periods[row] > 0
        if self.first is None:
            self.first = time.perf_counter()
        if self._tell:
            self._tell(self.ids[0])
        return torch.tensor([done or self.cancelled for done in self._done], device=input_ids.device)
