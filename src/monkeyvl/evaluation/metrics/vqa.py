"""VQA accuracy (ten human answers) with its normalisations, and GQA.

Three programs define VQA accuracy and disagree on what is normalised when; see `vqa_accuracy`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from monkeyvl.evaluation.metrics.base import check_references, check_variant

VQA_VARIANTS = ("textvqa_evalai", "vqa_v1_official", "monkey_vqa_eval")
GQA_VARIANTS = ("lenient", "postprocessed", "exact")

_MARKS = ';/[]"{}()=+\\_-><@`,?!'
_DIGITS_COMMA = re.compile(r"\d,\d")
# The official pattern has a mistyped look-behind, so only the character after the full stop matters; it also
# passes a flag of value 32 where the count belongs, so only the first 32 full stops are removed.
_FULL_STOP = re.compile(r"\.(?!\d)")
_FULL_STOPS_REMOVED = 32
_NUMBERS = {
    word: str(value)
    for value, word in enumerate("zero one two three four five six seven eight nine ten".split())
} | {"none": "0"}
_ARTICLES = {"a", "an", "the"}

# Forms whose apostrophe is put back, and those of two apostrophes, which may lack either. The official table
# has capitals for I'm, I've and I'd've: these never match lower-cased words, so "im" stays "im".
_CONTRACTIONS = (
    "ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's how'd "
    "how'll how's isn't it'd it'll ma'am mightn't might've mustn't must've needn't not've o'clock "
    "oughtn't shan't should've shouldn't somebody'll somebody's someone'd someone'll someone's "
    "something'd something'll that's there'd there're there's they'd they'll they're they've 'twas "
    "wasn't we've weren't what'll what're what's what've when's where'd where's where've who'd who'll "
    "who's who've why'll why're why's won't would've wouldn't y'all you'd you'll you're you've"
).split()
_DOUBLE_CONTRACTIONS = (
    "couldn't've hadn't've he'd've it'd've mightn't've she'd've shouldn't've somebody'd've someone'd've "
    "something'd've there'd've they'd've we'd've who'd've wouldn't've y'all'll you'd've"
).split()


def _contraction_table() -> dict[str, str]:
    table = {form.replace("'", ""): form for form in _CONTRACTIONS}
    for form in _DOUBLE_CONTRACTIONS:
        first, second = (i for i, letter in enumerate(form) if letter == "'")
        table[form[:first] + form[first + 1 :]] = form
        table[form[:second] + form[second + 1 :]] = form
    return table


_CONTRACTION_OF = _contraction_table()


def _strip_marks(text: str) -> str:
    result = text
    has_comma_number = _DIGITS_COMMA.search(text) is not None
    for mark in _MARKS:
        if mark + " " in text or " " + mark in text or has_comma_number:
            result = result.replace(mark, "")
        else:
            result = result.replace(mark, " ")
    return _FULL_STOP.sub("", result, count=_FULL_STOPS_REMOVED)


def _digits_and_articles(text: str) -> str:
    words = (_NUMBERS.get(word, word) for word in text.lower().split())
    return " ".join(_CONTRACTION_OF.get(word, word) for word in words if word not in _ARTICLES)


def vqa_normalize(text: str, variant: str = "textvqa_evalai") -> str:
    """An answer as VQA compares it: punctuation, full stops and articles removed, numbers up to ten as
    digits, apostrophes of contractions put back, lower case.

    "textvqa_evalai" first joins what a comma separates ("one,two" -> "onetwo") and splits off "'s";
    "vqa_v1_official" and "monkey_vqa_eval" are one and the same.
    """
    check_variant("vqa_normalize", variant, VQA_VARIANTS)
    if variant == "textvqa_evalai":
        text = text.lower().replace(",", "").replace("?", "").replace("'s", " 's")
    return _digits_and_articles(_strip_marks(_flat(text)))


def vqa_accuracy(prediction: str, references: Sequence[str], variant: str = "textvqa_evalai") -> float:
    """Mean over the ten human answers, each left out in turn, of min(1, equal answers among the others / 3).

    "textvqa_evalai" normalises both sides always. "vqa_v1_official" normalises only where the ten are not all
    identical. "monkey_vqa_eval" normalises the prediction always but takes only punctuation out of the
    references, and only where they differ, so that "two" is wrong although all ten say "two".
    With fewer than ten references each stands for 10 / n people: a single reference, matched, gives 1.0.
    """
    check_variant("vqa_accuracy", variant, VQA_VARIANTS)
    check_references("vqa_accuracy", references)
    said, truths = _flat(prediction), [_flat(reference) for reference in references]
    differ = len(set(truths)) > 1
    if variant == "textvqa_evalai":
        said, truths = vqa_normalize(prediction), [vqa_normalize(reference) for reference in references]
    elif variant == "monkey_vqa_eval":
        said = _digits_and_articles(_strip_marks(said))
        truths = [_strip_marks(truth) for truth in truths] if differ else truths
    elif differ:
        said = _digits_and_articles(_strip_marks(said))
        truths = [_digits_and_articles(_strip_marks(truth)) for truth in truths]
    people = max(len(truths), 10)
    matches = truths.count(said) * people / len(truths)
    left_out_equal = min(1.0, max(matches - 1.0, 0.0) / 3.0)
    left_out_other = min(1.0, matches / 3.0)
    return (matches * left_out_equal + (people - matches) * left_out_other) / people


def _flat(text: str) -> str:
    return text.replace("\n", " ").replace("\t", " ").strip()


def gqa_match(prediction: str, references: Sequence[str], variant: str = "lenient") -> float:
    """GQA's exact match, ignoring case.

    "postprocessed" first reduces a sentence to its answer as the Qwen-VL and Monkey evaluation does (first
    clause, then what follows "is ", "are ", "a ", "an ", "the " and precedes " of"), which also mutilates
    right answers ("banana tree" becomes "tree"). "exact" does nothing. "lenient" accepts either.
    """
    check_variant("gqa", variant, GQA_VARIANTS)
    check_references("gqa", references)
    plain, short = prediction.strip().rstrip(".").lower(), _gqa_short(prediction)
    said = {"exact": {plain}, "postprocessed": {short}, "lenient": {plain, short}}[variant]
    return float(any(reference.strip().lower() in said for reference in references))


def _gqa_short(text: str) -> str:
    text = re.split(r"[.,!]", text.strip(), maxsplit=1)[0].lower()
    for lead in ("is ", "are ", "a ", "an ", "the "):
        parts = text.split(lead)
        text = parts[1] if len(parts) > 1 else text
    return text.split(" of")[0].strip()
