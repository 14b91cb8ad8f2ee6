"""Edit distance, and the character and word error rates built on it.

The distance is rapidfuzz's where it is installed (extra `eval`) and otherwise rows of numpy: the same
numbers, some ten times slower.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from monkeyvl.evaluation.metrics.base import Row, check_references, check_variant

try:
    from rapidfuzz.distance import Levenshtein

    HAVE_RAPIDFUZZ = True
except ImportError:
    HAVE_RAPIDFUZZ = False

ERROR_RATE_VARIANTS = ("standard", "ignore_case", "clipped")


def edit_distance(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """Levenshtein distance of two strings or two lists of words: insertions, deletions, replacements, each
    1."""
    return int(Levenshtein.distance(a, b)) if HAVE_RAPIDFUZZ else edit_distance_numpy(a, b)


def edit_distance_numpy(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """The same without rapidfuzz: one numpy row an element of `a`, in time len(a) * len(b)."""
    ids: dict[Hashable, int] = {}
    left = [ids.setdefault(item, len(ids)) for item in a]
    right = np.array([ids.setdefault(item, len(ids)) for item in b], dtype=np.int64)
    steps = np.arange(len(right) + 1)
    row = steps.copy()
    for i, item in enumerate(left, 1):
        best = np.empty_like(row)
        best[0] = i
        np.minimum(row[1:] + 1, row[:-1] + (right != item), out=best[1:])
        # insertions run along the row: best[j] = min over k <= j of best[k] + (j - k)
        row = np.minimum.accumulate(best - steps) + steps
    return int(row[-1])


def similarity(a: str, b: str) -> float:
    """1 - distance / longer length; 1.0 for two empty strings."""
    longest = max(len(a), len(b))
    return 1.0 - edit_distance(a, b) / longest if longest else 1.0


def character_error_rate(prediction: str, references: Sequence[str], variant: str = "standard") -> float:
    """Edits of characters over characters of the truth (white space collapsed), of the nearest reference.

    "standard" may exceed 1; "ignore_case" compares lower-cased; "clipped" counts no more edits than the truth
    has characters, so that an answer which runs on costs no more than an empty one.
    """
    return error_rate([error_row(prediction, references, variant, words=False)], variant)


def word_error_rate(prediction: str, references: Sequence[str], variant: str = "standard") -> float:
    """Edits of words over words of the truth; variants as in `character_error_rate`.

    For languages without spaces use the character error rate.
    """
    return error_rate([error_row(prediction, references, variant, words=True)], variant)


def error_row(prediction: str, references: Sequence[str], variant: str, words: bool) -> Row:
    """(edits, length of the truth) against the reference of lowest error rate."""
    check_variant("word_error_rate" if words else "character_error_rate", variant, ERROR_RATE_VARIANTS)
    check_references("word_error_rate" if words else "character_error_rate", references)
    answer = prediction.lower() if variant == "ignore_case" else prediction
    rows: list[tuple[float, int]] = []
    for reference in references:
        truth = reference.lower() if variant == "ignore_case" else reference
        if words:
            edits, length = edit_distance(answer.split(), truth.split()), len(truth.split())
        else:
            said, true = " ".join(answer.split()), " ".join(truth.split())
            edits, length = edit_distance(said, true), len(true)
        rows.append((min(edits, length) if variant == "clipped" and length else edits, length))
    return min(rows, key=lambda row: error_rate([row], variant))


def error_rate(rows: Sequence[Row], variant: str = "") -> float:
    """Sum of edits over sum of lengths. Where all truths are empty: 0.0 without edits, else 1.0."""
    edits, length = sum(row[0] for row in rows), sum(row[1] for row in rows)
    return edits / length if length else float(edits > 0)
