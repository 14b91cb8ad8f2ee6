"""Cases worked out by hand for the metrics that compare texts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monkeyvl.errors import UsageError
from monkeyvl.evaluation import metrics
from monkeyvl.evaluation.metrics import edits
from monkeyvl.evaluation.metrics.captions import caption_text

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)


def test_contains_is_bounded_by_length() -> None:
    # a truth of 5 characters allows 2 * 5 + 20 = 30
    assert metrics.contains("x" * 25 + "hello", ["hello"]) == 1.0
    assert metrics.contains("x" * 26 + "hello", ["hello"]) == 0.0
    assert metrics.contains("x" * 26 + "hello", ["hello"], variant="textmonkey_doc_contains") == 1.0
    # the length of the reference that is contained counts, not of the longest one
    assert metrics.contains("x" * 26 + "hello", ["hello", "a much longer reference that is not there"]) == 0.0


def test_contains_takes_positions_out_first() -> None:
    said = "<ref>RM 9.00</ref><box>(100,200),(300,400)</box>"
    assert metrics.contains(said, ["rm  9.00"]) == 1.0
    assert metrics.contains(said, ["100"]) == 0.0
    assert metrics.contains("<box><c12><c34><c560><c780></box>Total", ["total"]) == 1.0
    assert metrics.without_places("a<point>(1,2)</point>b <quad>(1,2)</quad>") == "a b"


def test_contains_an_empty_reference() -> None:
    assert metrics.contains("", [""]) == 1.0
    assert metrics.contains("anything", [""]) == 0.0


def test_exact_match_is_equality() -> None:
    assert metrics.exact_match(" 9.00 ", ["9.00"]) == 1.0
    assert metrics.exact_match("The total is 12", ["12"]) == 0.0


def test_unknown_variants_and_missing_references() -> None:
    with pytest.raises(UsageError, match="anls: no variant 'best'; one of official_docvqa_infovqa"):
        metrics.anls("a", ["a"], variant="best")
    with pytest.raises(UsageError, match="at least one reference"):
        metrics.contains("a", [])
    with pytest.raises(UsageError, match="must be a list of strings, got the string 'abc'"):
        metrics.exact_match("abc", "abc")


def test_vqa_accuracy_with_fewer_than_ten_references() -> None:
    assert metrics.vqa_accuracy("yes", ["Yes"]) == 1.0
    assert metrics.vqa_accuracy("no", ["yes"]) == 0.0
    # one of five stands for two of ten: (2 * 1/3 + 8 * 2/3) / 10
    assert metrics.vqa_accuracy("a cat", ["cat", "b", "c", "d", "e"]) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("said", "variant", "score"),
    [
        ("Yes.", "lenient", 1.0),
        ("It is a yes, surely.", "lenient", 1.0),
        ("It is a yes, surely.", "exact", 0.0),
        ("yes", "postprocessed", 1.0),
        ("no", "lenient", 0.0),
    ],
)
def test_gqa(said: str, variant: str, score: float) -> None:
    assert metrics.gqa_match(said, ["yes"], variant=variant) == score


def test_gqa_postprocessing_spoils_right_answers() -> None:
    assert metrics.gqa_match("banana tree", ["banana tree"], variant="postprocessed") == 0.0
    assert metrics.gqa_match("banana tree", ["banana tree"]) == 1.0


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        ("b.", "B"),
        ("(c)", "C"),
        ("B. the cat", "B"),
        ("(D) a dog", "D"),
        ("The answer is B", "B"),
        ("Option (b) because", "B"),
        ("Answer: c", "C"),
        ("A dog", None),
        ("the answer is a dog", None),
        ("", None),
        ("Because", None),
    ],
)
def test_choice_letter(text: str, letter: str | None) -> None:
    assert metrics.choice_letter(text) == letter


def test_multiple_choice() -> None:
    options = ["A dog", "the cat", "a cat and a dog"]
    choose = metrics.multiple_choice
    assert choose("B", ["B"]) == 1.0
    assert choose("A", ["B"], choices=options) == 0.0
    assert choose("the cat", ["B"], choices=options) == 1.0
    assert choose("I see the cat.", ["B"], choices=options) == 1.0
    assert choose("a dog", ["A"], choices=options) == 1.0
    assert choose("The cat", ["B", "the cat"]) == 1.0
    assert choose("(b) the cat", ["the cat"], choices=options) == 1.0
    assert choose("the cat or a dog", ["B"], choices=options) == 0.0
    assert choose("the cat", ["B"], variant="letter", choices=options) == 0.0
    assert choose("B.", ["B"], variant="exact") == 0.0
    assert choose("", ["B"], choices=options) == 0.0


def test_wtq_splits_one_string() -> None:
    true = ["Italy", "France"]
    for said in ("France, Italy", "France | Italy", "Italy\nFrance", "Italy and France", "Italy; France"):
        assert metrics.wtq_match(said, true) == 1.0
        assert metrics.wtq_match(said, true, variant="wtq_denotation") == 0.0
    assert metrics.wtq_match("Italy, France, Spain", true) == 0.0
    assert metrics.wtq_match("Los Angeles, CA", ["Los Angeles, CA"]) == 1.0
    assert metrics.wtq_match("3", ["3.0"]) == 1.0


def test_field_f1() -> None:
    true = {"total": ["9.00", "RM 9.00"], "date": ["1/2/2018"], "company": []}
    # total right, date wrong (counts as wrong and as missed), company invented: 2 / (2 + 2 + 1)
    said = {"total": "rm  9.00", "date": "2/2/2018", "company": "ACME"}
    assert metrics.field_f1([said], [true]) == pytest.approx(2 / 5)
    # nothing said for date: 2 / (2 + 0 + 1)
    assert metrics.field_f1([{"total": "9.00", "date": "None", "company": None}], [true]) == pytest.approx(
        2 / 3
    )
    # over two documents the counts are summed, not the scores: right 2, missed 1
    assert metrics.field_f1(["x", {"total": "9.00"}], [["X"], true]) == pytest.approx(4 / 5)
    assert metrics.field_f1(["x"], [["X"]], variant="exact_case") == 0.0
    assert metrics.field_f1([""], [[]]) == 1.0


def test_error_rates() -> None:
    assert metrics.character_error_rate("abcd", ["abxd"]) == pytest.approx(1 / 4)
    assert metrics.character_error_rate("a  b\nc", ["a b c"]) == 0.0
    assert metrics.character_error_rate("ABC", ["abc"]) == 1.0
    assert metrics.character_error_rate("ABC", ["abc"], variant="ignore_case") == 0.0
    assert metrics.character_error_rate("ab" * 10, ["ab"]) == 9.0
    assert metrics.character_error_rate("ab" * 10, ["ab"], variant="clipped") == 1.0
    assert metrics.character_error_rate("abc", ["xyz", "abd"]) == pytest.approx(1 / 3)
    assert metrics.character_error_rate("", [""]) == 0.0
    assert metrics.character_error_rate("a", [""]) == 1.0
    assert metrics.word_error_rate("the cat sat", ["the cat sat down"]) == pytest.approx(1 / 4)
    rate = metrics.METRICS["word_error_rate"]
    # 1 edit of 2 words and 0 of 8: the corpus rate is 1 / 10, not the mean of the rates
    assert rate.corpus(["a x", "a b c d e f g h"], [["a b"], ["a b c d e f g h"]]) == pytest.approx(0.1)
    assert not rate.higher_is_better


@settings(deadline=None, max_examples=60)
@given(TEXT, TEXT, TEXT)
def test_edit_distance_is_a_distance(a: str, b: str, c: str) -> None:
    ab = metrics.edit_distance(a, b)
    assert ab == edits.edit_distance_numpy(a, b) == metrics.edit_distance(b, a)
    assert (ab == 0) == (a == b)
    assert ab <= max(len(a), len(b))
    assert metrics.edit_distance(a, c) <= ab + metrics.edit_distance(b, c)
    assert metrics.edit_distance(a.split(), b.split()) == edits.edit_distance_numpy(a.split(), b.split())


def test_edit_distance_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        assert metrics.edit_distance("kitten", "sitting") == 3
        assert metrics.edit_distance("", "abc") == 3
        assert metrics.edit_distance("intention", "execution") == 5
        monkeypatch.setattr(edits, "HAVE_RAPIDFUZZ", False)


@settings(deadline=None, max_examples=60)
@given(TEXT, st.lists(TEXT, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_text_metrics_are_bounded_and_ignore_the_order_of_references(
    said: str, true: list[str], order: random.Random
) -> None:
    mixed = order.sample(true, len(true))
    for name in (
        "anls",
        "relaxed_accuracy",
        "exact_match",
        "contains",
        "vqa_accuracy",
        "gqa",
        "ocrbench",
        "rouge_l",
    ):
        metric = metrics.METRICS[name]
        for variant in metric.variants:
            score = metric(said, true, variant)
            assert 0.0 <= score <= 1.0
            assert metric(said, mixed, variant) == pytest.approx(score)


@settings(deadline=None, max_examples=60)
@given(TEXT, st.lists(TEXT, min_size=1, max_size=3))
def test_another_reference_never_lowers_the_score(said: str, true: list[str]) -> None:
    for name in ("anls", "relaxed_accuracy", "exact_match", "contains", "gqa", "rouge_l"):
        metric = metrics.METRICS[name]
        for variant in metric.variants:
            assert metric(said, [*true, "another"], variant) >= metric(said, true, variant)


@settings(deadline=None, max_examples=60)
@given(TEXT)
def test_normalisations_are_stable(text: str) -> None:
    assert metrics.contains(text.upper(), [text.upper()]) == 1.0
    assert metrics.wtq_match([text], [text], variant="wtq_denotation") == 1.0
    assert metrics.vqa_accuracy(text, [text]) == 1.0


def test_penn_treebank_words() -> None:
    assert caption_text("He can't see the U.S. flag -- isn't it?") == "he ca n't see the u.s. flag is n't it"
    assert caption_text("Mr. Smith's t-shirt costs $5, (50%) off.") == (
        "mr. smith 's t-shirt costs $ 5 -lrb- 50 % -rrb- off"
    )
    assert caption_text("I'm gonna win, you'll see!") == "i 'm gon na win you 'll see"


def test_captions_by_hand() -> None:
    assert metrics.rouge_l("a b c d", ["a c"]) == pytest.approx((1 + 1.44) * 0.5 * 1.0 / (1.0 + 1.44 * 0.5))
    # 3 of 4 words right, no shorter than the reference
    assert metrics.bleu(["a b c x"], [["a b c d"]], n=1, variant="whitespace") == pytest.approx(0.75)
    # 2 words for 4: brevity penalty exp(1 - 4 / 2)
    assert metrics.bleu(["a b"], [["a b c d"]], n=1, variant="whitespace") == pytest.approx(
        2.718281828**-1, abs=1e-6
    )
    # one reference each, all identical: every cosine is 1
    said = ["a red bus stops here", "two brown dogs run fast"]
    assert metrics.cider(said, [[text] for text in said]) == pytest.approx(10.0)
    with pytest.raises(UsageError, match="2 predictions for 1 lists"):
        metrics.cider(said, [["a"]])
