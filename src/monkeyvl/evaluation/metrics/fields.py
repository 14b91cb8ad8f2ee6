"""F1 over key-value fields, for DeepForm, Kleister-Charity (KLC) and other information extraction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from monkeyvl.evaluation.metrics.base import Row, check_lengths, check_variant
from monkeyvl.evaluation.metrics.strings import collapse

FIELD_VARIANTS = ("ignore_case", "exact_case")
ABSENT = frozenset(("", "none", "null", "n/a", "not mentioned", "not answerable", "unanswerable"))

Fields: TypeAlias = Mapping[str, str | None]
Truths: TypeAlias = Mapping[str, Sequence[str]]


def field_rows(
    predictions: Sequence[str | Fields],
    references: Sequence[Sequence[str] | Truths],
    variant: str = "ignore_case",
) -> list[Row]:
    """(right, wrong, missed) fields of each document."""
    check_variant("field_f1", variant, FIELD_VARIANTS)
    check_lengths("field_f1", predictions, references)
    rows: list[Row] = []
    for prediction, truths in zip(predictions, references, strict=True):
        said = prediction if isinstance(prediction, Mapping) else {"": prediction}
        true = truths if isinstance(truths, Mapping) else {"": truths}
        right = wrong = missed = 0
        for key in said.keys() | true.keys():
            value = _value(said.get(key) or "", variant)
            accepted = {_value(text, variant) for text in true.get(key, ())} - {""}
            hit = value in accepted
            right += hit
            wrong += bool(value) and not hit
            missed += bool(accepted) and not hit
        rows.append((right, wrong, missed))
    return rows


def field_f1(
    predictions: Sequence[str | Fields],
    references: Sequence[Sequence[str] | Truths],
    variant: str = "ignore_case",
) -> float:
    """Micro-averaged F1 over all fields of all documents, 0..1.

    A document is a mapping from key to value, its truth one from key to the accepted values; a string with a
    list of strings is a document of one field (one question, one key). A field counts as right where the
    values are equal (white space collapsed, case ignored unless "exact_case"), as wrong where another value
    is given, and as missed where a true value is not given. An empty value, "None" and "n/a" mean that
    nothing is given.
    """
    return f1_of(field_rows(predictions, references, variant))


def f1_of(rows: Sequence[Row], variant: str = "") -> float:
    """F1 of summed (right, wrong, missed): 2 right / (2 right + wrong + missed); 1.0 where there is nothing
    to find and nothing was found."""
    right, wrong, missed = (sum(row[i] for row in rows) for i in range(3))
    return 2 * right / (2 * right + wrong + missed) if right or wrong or missed else 1.0


def _value(text: str, variant: str) -> str:
    text = collapse(text)
    if text.lower() in ABSENT:
        return ""
    return text if variant == "exact_case" else text.lower()
