"""Text spotting: H-mean of words found, by transcription, by position, or both, with don't-care regions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monkeyvl.evaluation.metrics.base import Row, check_lengths, check_variant
from monkeyvl.evaluation.metrics.boxes import Shape, bounds, shape_overlap
from monkeyvl.evaluation.metrics.fields import f1_of
from monkeyvl.evaluation.metrics.strings import collapse

SPOTTING_VARIANTS = ("transcription", "position", "detection")
ILLEGIBLE = "###"
MINIMUM_IOU = 0.5


@dataclass(frozen=True)
class Word:
    """A word in an image: its text and its shape, a box (x0, y0, x1, y1) or a polygon of (x, y) corners.

    `ignore` marks a don't-care region; the text "###" does too.
    """

    text: str
    shape: Shape | None = None
    ignore: bool = False

    @property
    def cared_for(self) -> bool:
        """Whether the word counts."""
        return not self.ignore and self.text != ILLEGIBLE

    @property
    def folded(self) -> str:
        """The text as it is compared: without case, white space collapsed."""
        return collapse(self.text.casefold())


def spotting_rows(
    predictions: Sequence[Sequence[Word]],
    references: Sequence[Sequence[Word]],
    variant: str = "transcription",
) -> list[Row]:
    """(right, wrong, missed) words of each image."""
    check_variant("spotting", variant, SPOTTING_VARIANTS)
    check_lengths("spotting", predictions, references)
    return [_count(said, true, variant) for said, true in zip(predictions, references, strict=True)]


def spotting_hmean(
    predictions: Sequence[Sequence[Word]],
    references: Sequence[Sequence[Word]],
    variant: str = "transcription",
) -> float:
    """Harmonic mean of precision and recall over the words of all images, 0..1.

    "transcription": each true word is found once among the answered words, wherever they are. "position": the
    text is equal and the shapes overlap with an IoU above 0.5. "detection": the overlap alone. Case is
    ignored. Each word is matched once, and as many as possible are matched. An unmatched answer that lies by
    more than half of its area in a don't-care region, or (by transcription) repeats a don't-care word, is not
    counted at all.
    """
    return f1_of(spotting_rows(predictions, references, variant))


def _count(said: Sequence[Word], true: Sequence[Word], variant: str) -> Row:
    wanted = [word for word in true if word.cared_for]
    spared = _spared(said, [word for word in true if not word.cared_for], variant)
    # answers that would count as wrong are matched first, so that the order of the answers does not matter
    order = sorted(range(len(said)), key=lambda i: spared[i])
    if variant == "transcription":
        matched = _matching_by_text([said[i] for i in order], wanted)
    else:
        pairs = _overlapping(said, wanted, variant)
        matched = _matching([pairs[i] for i in order])
    wrong = sum(place not in matched and not spared[i] for place, i in enumerate(order))
    return len(matched), wrong, len(wanted) - len(matched)


def _spared(said: Sequence[Word], regions: Sequence[Word], variant: str) -> list[bool]:
    """Which answers lie in a don't-care region or, by transcription, repeat a don't-care word."""
    texts = (
        {word.folded for word in regions if word.text != ILLEGIBLE} if variant == "transcription" else set()
    )
    inside = [
        any(shape_overlap(answer.shape, regions[j].shape)[1] > 0.5 for j in near)  # type: ignore[arg-type]
        for answer, near in zip(said, _touching(said, regions), strict=True)
    ]
    return [here or answer.folded in texts for answer, here in zip(said, inside, strict=True)]


def _overlapping(said: Sequence[Word], wanted: Sequence[Word], variant: str) -> list[list[int]]:
    """For each answer the wanted words that it may be matched with."""
    return [
        [
            j
            for j in near
            if (variant == "detection" or answer.folded == wanted[j].folded)
            and shape_overlap(answer.shape, wanted[j].shape)[0] > MINIMUM_IOU  # type: ignore[arg-type]
        ]
        for answer, near in zip(said, _touching(said, wanted), strict=True)
    ]


def _touching(said: Sequence[Word], true: Sequence[Word]) -> list[list[int]]:
    """For each answer the words whose upright boxes touch its own: few of the hundreds on a page."""
    a, b = _bounds(said)[:, None], _bounds(true)[None]  # (answers, 1, 4), (1, words, 4); nan touches nothing
    apart = np.any(~(a[..., :2] <= b[..., 2:]) | ~(b[..., :2] <= a[..., 2:]), axis=-1)  # (answers, words)
    return [np.flatnonzero(~row).tolist() for row in np.atleast_2d(apart)]


def _bounds(words: Sequence[Word]) -> npt.NDArray[np.float64]:
    nowhere = (np.nan,) * 4
    boxes = [bounds(word.shape) if word.shape is not None else nowhere for word in words]
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def _matching_by_text(said: Sequence[Word], wanted: Sequence[Word]) -> set[int]:
    """Indices of the answers that are among the wanted words, each wanted word used once."""
    left = Counter(word.folded for word in wanted)
    matched: set[int] = set()
    for i, answer in enumerate(said):
        if left[answer.folded] > 0:
            left[answer.folded] -= 1
            matched.add(i)
    return matched


def _matching(pairs: Sequence[Sequence[int]]) -> set[int]:
    """Sources of a largest one-to-one matching by augmenting paths, the earlier sources first; pairs[i] are
    the targets that fit source i."""
    owner: dict[int, int] = {}

    def place(source: int, seen: set[int]) -> bool:
        for target in pairs[source]:
            if target not in seen:
                seen.add(target)
                if target not in owner or place(owner[target], seen):
                    owner[target] = source
                    return True
        return False

    return {source for source in range(len(pairs)) if place(source, set())}
