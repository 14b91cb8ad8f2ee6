"""CIDEr, BLEU and ROUGE-L of a corpus of captions, equal to pycocoevalcap 1.2 (which needs Java).

Each takes one candidate and several references an image. Variants: "ptb_tokenized" cuts captions into words
as the published scores do (see `ptb`), "whitespace" takes them as they are.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import TypeAlias

from monkeyvl.evaluation.metrics.base import Row, check_lengths, check_references, check_variant, mean
from monkeyvl.evaluation.metrics.ptb import ptb_tokens

CAPTION_VARIANTS = ("ptb_tokenized", "whitespace")
NGRAMS = 4
SIGMA = 6.0
BETA = 1.2

Ngram: TypeAlias = tuple[str, ...]


def caption_text(caption: str, variant: str = "ptb_tokenized") -> str:
    """The caption's tokens with spaces between them; "whitespace" returns the caption itself."""
    return " ".join(ptb_tokens(caption)) if variant == "ptb_tokenized" else caption


def cider(
    predictions: Sequence[str], references: Sequence[Sequence[str]], variant: str = "ptb_tokenized"
) -> float:
    """CIDEr-D of the corpus, 0..10 (papers print it times 100): mean of `cider_each`."""
    return mean([(score,) for score in cider_each(predictions, references, variant)])


def cider_each(
    predictions: Sequence[str], references: Sequence[Sequence[str]], variant: str = "ptb_tokenized"
) -> list[float]:
    """CIDEr-D of each caption: 10 times the mean over n = 1..4 and references of the clipped cosine of tf-idf
    vectors, less where lengths differ (Gaussian, sigma 6). The idf is that of the corpus's references, so a
    corpus of one image scores 0 whatever it says."""
    images = [[_ngrams(t.split()) for t in texts] for texts in _prepare("cider", references, variant)]
    candidates = [_ngrams(caption_text(p, variant).split()) for p in predictions]
    check_lengths("cider", candidates, images)
    seen = Counter(chain.from_iterable(set(chain.from_iterable(image)) for image in images))
    log_images = math.log(len(images)) if images else 0.0
    idf = {ngram: log_images - math.log(count) for ngram, count in seen.items()}
    scores = []
    for candidate, image in zip(candidates, images, strict=True):
        said = _Vector(candidate, idf, log_images)
        scores.append(10.0 * sum(said.similarity(_Vector(r, idf, log_images)) for r in image) / len(image))
    return scores


class _Vector:
    """tf-idf of one caption: a weight an n-gram, a norm an n."""

    def __init__(self, counts: Counter[Ngram], idf: dict[Ngram, float], unseen: float) -> None:
        self.weights: dict[Ngram, float] = {g: tf * idf.get(g, unseen) for g, tf in counts.items()}
        squares = [0.0] * NGRAMS
        for ngram, weight in self.weights.items():
            squares[len(ngram) - 1] += weight**2
        self.norms = [math.sqrt(square) for square in squares]
        # the reference implementation measures a caption by its bigrams
        self.length = sum(tf for ngram, tf in counts.items() if len(ngram) == 2)

    def similarity(self, reference: _Vector) -> float:
        dots = [0.0] * NGRAMS
        for ngram, weight in self.weights.items():
            other = reference.weights.get(ngram, 0.0)
            dots[len(ngram) - 1] += min(weight, other) * other
        norms = [a * b for a, b in zip(self.norms, reference.norms, strict=True)]
        cosines = [dot / norm if norm else dot for dot, norm in zip(dots, norms, strict=True)]
        shrink = math.exp(-((self.length - reference.length) ** 2) / (2 * SIGMA**2))
        return sum(cosines) / NGRAMS * shrink


def bleu(
    predictions: Sequence[str],
    references: Sequence[Sequence[str]],
    variant: str = "ptb_tokenized",
    n: int = NGRAMS,
) -> float:
    """BLEU-n of the corpus, 0..1: n-gram counts are summed over the corpus before dividing; the reference
    length is that nearest the candidate's."""
    return bleu_of(bleu_rows(predictions, references, variant))[n - 1]


def bleu_rows(
    predictions: Sequence[str], references: Sequence[Sequence[str]], variant: str = "ptb_tokenized"
) -> list[Row]:
    """One row a caption: length, nearest reference length, 4 counts of n-grams, 4 of right n-grams."""
    check_lengths("bleu", predictions, references)
    rows: list[Row] = []
    for prediction, texts in zip(predictions, _prepare("bleu", references, variant), strict=True):
        words = caption_text(prediction, variant).split()
        counts, most = _ngrams(words), Counter[Ngram]()
        for text in texts:
            most |= _ngrams(text.split())
        right = [0] * NGRAMS
        for ngram, count in (counts & most).items():
            right[len(ngram) - 1] += count
        length = len(words)
        nearest = min((abs(len(text.split()) - length), len(text.split())) for text in texts)[1]
        rows.append((length, nearest, *(max(0, length - k) for k in range(NGRAMS)), *right))
    return rows


def bleu_of(rows: Sequence[Row]) -> list[float]:
    """BLEU-1 to BLEU-4 of summed rows; the tiny constants are the reference implementation's."""
    tiny, small = 1e-15, 1e-9
    length, nearest, *counts = (
        (sum(column) for column in zip(*rows, strict=True)) if rows else [0] * (2 + 2 * NGRAMS)
    )
    ratio = (length + tiny) / (nearest + small)
    brevity = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
    product, scores = 1.0, []
    for k in range(NGRAMS):
        product *= (counts[NGRAMS + k] + tiny) / (counts[k] + small)
        scores.append(product ** (1 / (k + 1)) * brevity)
    return scores


def rouge_l(prediction: str, references: Sequence[str], variant: str = "ptb_tokenized") -> float:
    """ROUGE-L of one caption, 0..1: F with beta 1.2 of the longest common subsequence over words; precision
    and recall are each the best over the references."""
    check_references("rouge_l", references)
    texts = _prepare("rouge_l", [references], variant)[0]
    # split at each space, empty words included, as the reference implementation does
    words = caption_text(prediction, variant).split(" ")
    truths = [text.split(" ") for text in texts]
    common = [_common_subsequence(words, truth) for truth in truths]
    precision = max(c / len(words) for c in common)
    recall = max(c / len(truth) for c, truth in zip(common, truths, strict=True))
    return (
        (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision) if precision and recall else 0.0
    )


def _prepare(metric: str, references: Sequence[Sequence[str]], variant: str) -> list[list[str]]:
    check_variant(metric, variant, CAPTION_VARIANTS)
    for texts in references:
        check_references(metric, texts)
    return [[caption_text(text, variant) for text in texts] for texts in references]


def _ngrams(words: Sequence[str]) -> Counter[Ngram]:
    return Counter(tuple(words[i : i + n]) for n in range(1, NGRAMS + 1) for i in range(len(words) - n + 1))


def _common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    row = [0] * (len(b) + 1)
    for x in a:
        diagonal = 0
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], diagonal + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]
