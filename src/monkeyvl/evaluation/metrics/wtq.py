"""WikiTableQuestions: are two lists of values the same denotation?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from monkeyvl.evaluation.metrics.base import check_references, check_variant

WTQ_VARIANTS = ("split", "wtq_denotation")

_LIKE = str.maketrans(dict.fromkeys("‘’´`", "'") | dict.fromkeys("“”", '"') | dict.fromkeys("‐‑‒–—−", "-"))
_CITATIONS = re.compile(r"((?<!^)\[[^\]]*\]|\[\d+\]|[•♦†‡*#+])*$")
_DETAILS = re.compile(r"(?<!^)( \([^)]*\))*$")
_QUOTED = re.compile(r'^"([^"]*)"$')
_SEPARATORS = (re.compile(r"\s*\|\s*"), re.compile(r"\s*\n\s*"), re.compile(r"\s*(?:;|,|\band\b)\s+|\s*;\s*"))
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class _Value:
    text: str  # normalised
    number: float | None = None
    date: tuple[int, int, int] | None = None

    def matches(self, other: _Value) -> bool:
        if self.text == other.text:
            return True
        if self.number is not None and other.number is not None:
            return abs(self.number - other.number) < _TOLERANCE
        return self.date is not None and self.date == other.date


def wtq_normalize(text: str) -> str:
    """A cell's text as WikiTableQuestions compares it: no accents, citations, trailing brackets, outer
    quotes, final full stop; plain quotes and dashes; lower case, one space between words."""
    text = "".join(
        c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c) != "Mn"
    ).translate(_LIKE)
    before = None
    while text != before:
        before = text
        text = _CITATIONS.sub("", text.strip()).strip()
        text = _DETAILS.sub("", text).strip()
        text = _QUOTED.sub(r"\1", text)
    text = text.removesuffix(".")
    return " ".join(text.split()).lower()


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None  # neither nan nor infinite


def _date(text: str) -> tuple[int, int, int] | None:
    """(year, month, day) of "2004-05-xx" and the like, -1 where unknown; None for other texts."""
    parts = text.lower().split("-")
    if len(parts) != 3:
        return None
    try:
        year = -1 if parts[0] in ("xx", "xxxx") else int(parts[0])
        month = -1 if parts[1] == "xx" else int(parts[1])
        day = -1 if parts[2] == "xx" else int(parts[2])
    except ValueError:
        return None
    known = (year, month, day) != (-1, -1, -1)
    return (
        (year, month, day) if known and month in (-1, *range(1, 13)) and day in (-1, *range(1, 32)) else None
    )


def _value(text: str) -> _Value:
    normal, number, date = wtq_normalize(text), _number(text), _date(text)
    if number is not None:
        return _Value(normal, number=round(number) if abs(number - round(number)) < _TOLERANCE else number)
    if date is not None and date[1:] == (-1, -1):  # only the year is known
        return _Value(normal, number=float(date[0]))
    return _Value(normal, date=date)


def _values(texts: Sequence[str]) -> list[_Value]:
    """Values without repetition: by number, by date, else by normalised text."""
    kept: dict[object, _Value] = {}
    for value in map(_value, texts):
        kept.setdefault(value.number if value.number is not None else value.date or value.text, value)
    return list(kept.values())


def _same(predictions: Sequence[str], references: Sequence[str]) -> bool:
    said, true = _values(predictions), _values(references)
    return len(said) == len(true) and all(any(t.matches(s) for s in said) for t in true)


def wtq_match(prediction: str | Sequence[str], references: Sequence[str], variant: str = "split") -> float:
    """1.0 where the answer denotes the same set of values as `references` (all of them are the answer).

    A list is compared item by item, in any order. "wtq_denotation" takes a string as a list of one; "split"
    also takes it apart at "|", at line ends, or at ", ", "; " and "and" where there are several references,
    because models answer in one string.
    """
    check_variant("wtq_match", variant, WTQ_VARIANTS)
    check_references("wtq_match", references)
    if not isinstance(prediction, str):
        return float(_same(prediction, references))
    ways = [[prediction]]
    if variant == "split" and len(references) > 1:
        ways += [[part for part in pattern.split(prediction) if part] for pattern in _SEPARATORS]
    return float(any(_same(way, references) for way in ways))
