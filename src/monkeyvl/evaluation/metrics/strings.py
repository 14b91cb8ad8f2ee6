"""Metrics that compare an answer with the accepted answers as strings.

Variants carry the names of the implementations that they reproduce, quirks included.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from monkeyvl.evaluation.metrics.base import check_references, check_variant
from monkeyvl.evaluation.metrics.edits import edit_distance

ANLS_VARIANTS = ("official_docvqa_infovqa", "anls_pypi_0.0.2", "monkey_evaluateANLS", "stvqa")
RELAXED_VARIANTS = ("relaxed_correctness", "monkey_swapped")
EXACT_VARIANTS = ("equal", "monkey_exact")
CONTAINS_VARIANTS = ("bounded", "textmonkey_doc_contains")

_PLACES = re.compile(r"<(box|quad|point)>.*?</\1>|</?ref>", re.DOTALL)
_TEXTMONKEY_PLACES = re.compile(r"<(box|point)>.*?</\1>")


def collapse(text: str) -> str:
    """Without white space at the ends, and with one space between words."""
    return " ".join(text.split())


def without_places(text: str) -> str:
    """The answer without boxes, quadrilaterals, points and reference tags, white space collapsed."""
    return collapse(_PLACES.sub(" ", text))


def anls(prediction: str, references: Sequence[str], variant: str = "official_docvqa_infovqa") -> float:
    """Average normalised Levenshtein similarity of one example: 1 - distance / length, 0 where below one
    half.

    Best reference counts; case is ignored. The variants differ in the length (of the raw upper-cased strings
    in the official script), in inner white space (the official script and `anls` collapse it) and at exactly
    one half (`anls_pypi_0.0.2` gives 0). Two empty strings score 1.0, also where "stvqa" divides by zero.
    """
    check_variant("anls", variant, ANLS_VARIANTS)
    check_references("anls", references)
    score = 1.0 - min(_normalised_distance(prediction, reference, variant) for reference in references)
    if score < 0.5 or (score == 0.5 and variant == "anls_pypi_0.0.2"):
        return 0.0
    return score


def _normalised_distance(prediction: str, reference: str, variant: str) -> float:
    if variant in ("official_docvqa_infovqa", "anls_pypi_0.0.2"):
        said, true = collapse(prediction.lower()), collapse(reference.lower())
    else:
        said, true = prediction.strip().lower(), reference.strip().lower()
    if variant == "official_docvqa_infovqa":
        # white space at the ends and doubled spaces lengthen the divisor, as does ß -> SS
        length = max(len(prediction.upper()), len(reference.upper()))
    elif variant == "monkey_evaluateANLS":
        length = max(len(prediction.strip()), len(reference))
    else:
        length = max(len(said), len(true))
    # lower-casing may lengthen a string beyond the length that divides ("İ"), hence the bound
    return min(edit_distance(said, true) / length, 1.0) if length else 0.0


def relaxed_accuracy(
    prediction: str, references: Sequence[str], variant: str = "relaxed_correctness"
) -> float:
    """ChartQA's accuracy: a number within 5 % of the truth, anything else equal without case.

    "12%" is 0.12, thousands' commas are not understood, and a truth of 0 must be written as the truth is.
    "monkey_swapped" takes the 5 % of the prediction instead of the truth, as the Monkey evaluation does.
    """
    check_variant("relaxed_accuracy", variant, RELAXED_VARIANTS)
    check_references("relaxed_accuracy", references)
    if variant == "monkey_swapped":
        return float(any(_within(prediction.strip(), reference) for reference in references))
    return float(any(_within(reference, prediction) for reference in references))


def _within(target: str, prediction: str, tolerance: float = 0.05) -> bool:
    true, said = _number(target), _number(prediction)
    if said is None or not true:  # no number, or a truth of 0: nothing to take 5 % of
        return prediction.lower() == target.lower()
    change = abs(said - true) / abs(true)
    return not math.isnan(change) and change <= tolerance


def _number(text: str) -> float | None:
    try:
        return float(text.rstrip("%")) / 100.0 if text.endswith("%") else float(text)
    except ValueError:
        return None


def exact_match(prediction: str, references: Sequence[str], variant: str = "equal") -> float:
    """1.0 where the answer equals a reference, ignoring case and white space at the ends.

    "monkey_exact" is what the Monkey evaluation computes under this name: the reference is contained in the
    answer after all full stops have been taken out of the answer (so that "9.00" never matches "9.00").
    """
    check_variant("exact_match", variant, EXACT_VARIANTS)
    check_references("exact_match", references)
    said = prediction.strip().lower()
    if variant == "monkey_exact":
        return float(any(reference.strip().lower() in said.replace(".", "") for reference in references))
    return float(any(reference.strip().lower() == said for reference in references))


def contains(prediction: str, references: Sequence[str], variant: str = "bounded") -> float:
    """1.0 where a reference is a substring of the answer, ignoring case; positions are taken out first.

    "bounded": the answer may be no longer than twice that reference plus 20 characters, so that reciting the
    whole page is no answer; an empty reference is matched by an empty answer only. "textmonkey_doc_contains"
    is the TextMonkey paper's rule: any length, an empty reference is matched by everything.
    """
    check_variant("contains", variant, CONTAINS_VARIANTS)
    check_references("contains", references)
    if variant == "textmonkey_doc_contains":
        said = _TEXTMONKEY_PLACES.sub("", prediction).strip().lower()
        return float(any(reference.strip().lower() in said for reference in references))
    said = without_places(prediction).lower()
    return float(any(_contained(collapse(reference.lower()), said) for reference in references))


def _contained(true: str, said: str) -> bool:
    return true in said and len(said) <= 2 * len(true) + 20 if true else not said
