"""Multiple choice: ScienceQA, AI2D and their like."""

from __future__ import annotations

import re
from collections.abc import Sequence

from monkeyvl.evaluation.metrics.base import check_references, check_variant
from monkeyvl.evaluation.metrics.strings import collapse

CHOICE_VARIANTS = ("letter_or_text", "letter", "exact")

_ALONE = re.compile(r"\(?([A-Z])\)?[.:,)]?", re.IGNORECASE)
_LEADING = re.compile(r"\(([A-Z])\)|([A-Z])[.:,)](?=\s|$)", re.IGNORECASE)
# an article is no choice: after these words the letter must be capital or in brackets, or end the answer
_NAMED = re.compile(
    r"\b(?i:answer|option|choice)(?i:\s+is)?\s*:?\s*"
    r"(?:\(([A-Za-z])\)|([A-Z])\b(?!')|([a-z])\b(?=[.)]?\s*$))"
)


def choice_letter(text: str) -> str | None:
    """The letter (upper case) that an answer chooses, or None.

    Understood: "B", "(b)", "B.", "B. the cat", "(B) the cat", "The answer is B", "Option (b)", "Answer: b".
    A letter that begins a sentence as a word ("A dog") is not a choice.
    """
    text = text.strip()
    found = _ALONE.fullmatch(text) or _LEADING.match(text) or _NAMED.search(text)
    return next(group for group in found.groups() if group).upper() if found else None


def multiple_choice(
    prediction: str, references: Sequence[str], variant: str = "letter_or_text", choices: Sequence[str] = ()
) -> float:
    """1.0 where the right option is chosen.

    `references` holds the right letter, the right option's text, or both; `choices`, if known, the texts of
    all options in order. "letter_or_text" takes the letter, and where the answer has none its text: equal to
    a reference, or the only one of `choices` that the answer mentions. "letter" takes letters only, "exact"
    compares strings without case.
    """
    check_variant("multiple_choice", variant, CHOICE_VARIANTS)
    check_references("multiple_choice", references)
    said, truths = collapse(prediction).lower(), [collapse(reference).lower() for reference in references]
    if variant == "exact":
        return float(said in truths)
    options = [collapse(choice).lower() for choice in choices]
    letters = {truth.strip("().") for truth in truths if _ALONE.fullmatch(truth)}
    letters |= {chr(ord("a") + i) for i, option in enumerate(options) if option in truths}
    if variant == "letter_or_text" and said.rstrip(".") in truths:
        return 1.0
    letter = choice_letter(prediction)
    if letter is not None or variant == "letter":
        return float(letter is not None and letter.lower() in letters)
    exact = [i for i, option in enumerate(options) if option == said.rstrip(".")]
    mentioned = exact or [
        i for i, option in enumerate(options) if re.search(rf"(?<!\w){re.escape(option)}(?!\w)", said)
    ]
    return float(len(mentioned) == 1 and chr(ord("a") + mentioned[0]) in letters)
