"""The common shape of the metrics: rows of statistics, and how rows become one number.

Every metric turns examples into rows (one tuple an example) and rows into a value. A metric that is a mean
over examples has rows of one score; a corpus metric (F1, error rates, BLEU) keeps the counts that its
quotient needs. Thus a bootstrap draws rows with replacement and combines them, whatever the metric.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from monkeyvl.errors import UsageError

Row: TypeAlias = tuple[Any, ...]
Measure: TypeAlias = Callable[[Sequence[Any], Sequence[Any], str], list[Row]]
Combine: TypeAlias = Callable[[Sequence[Row], str], float]


def check_variant(metric: str, variant: str, variants: Sequence[str]) -> None:
    """Raise UsageError where a metric has no such variant."""
    if variant not in variants:
        raise UsageError(f"{metric}: no variant {variant!r}; one of {', '.join(variants)}")


def check_references(metric: str, references: Sequence[Any]) -> None:
    """Raise UsageError where an example has no reference, or one string where a list of them is expected."""
    if isinstance(references, str):
        raise UsageError(
            f"{metric}: references must be a list of strings, got the string {references[:40]!r}"
        )
    if len(references) == 0:
        raise UsageError(f"{metric}: an example needs at least one reference, got none")


def check_lengths(metric: str, predictions: Sequence[Any], references: Sequence[Any]) -> None:
    """Raise UsageError where there is not one list of references a prediction."""
    if len(predictions) != len(references):
        raise UsageError(
            f"{metric}: {len(predictions)} predictions for {len(references)} lists of references"
        )


def mean(rows: Sequence[Row], variant: str = "") -> float:
    """Mean of the rows' first entries; 0.0 without rows."""
    return sum(row[0] for row in rows) / len(rows) if rows else 0.0


@dataclass(frozen=True)
class Metric:
    """A metric as the runner sees it.

    `variants` names the ways to compute it, `default` is one of them. `kind` is "example" where an example
    has a score of its own and the value is their mean, "corpus" where the value is a quotient over all
    examples. `takes` says what a prediction is: "text", "words" (a list of `Word`), "box", "point" or
    "fields". `measure` maps (predictions, references, variant) to rows, `combine` maps (rows, variant) to the
    value.
    """

    name: str
    description: str
    kind: Literal["example", "corpus"]
    variants: tuple[str, ...]
    default: str
    measure: Measure
    combine: Combine = mean
    higher_is_better: bool = True
    takes: str = "text"

    def rows(
        self, predictions: Sequence[Any], references: Sequence[Any], variant: str | None = None
    ) -> list[Row]:
        """One row an example; `references` holds one list of references an example. Raises UsageError."""
        variant = variant or self.default
        check_variant(self.name, variant, self.variants)
        check_lengths(self.name, predictions, references)
        return self.measure(predictions, references, variant)

    def value(self, rows: Sequence[Row], variant: str | None = None) -> float:
        """The metric of these rows (all of them, or a bootstrap sample of them)."""
        return self.combine(rows, variant or self.default)

    def corpus(
        self, predictions: Sequence[Any], references: Sequence[Any], variant: str | None = None
    ) -> float:
        """The metric over all examples."""
        return self.value(self.rows(predictions, references, variant), variant)

    def __call__(self, prediction: Any, references: Any, variant: str | None = None) -> float:
        """The metric of one example alone."""
        return self.corpus([prediction], [references], variant)


def example_metric(
    function: Callable[..., float],
    name: str,
    description: str,
    variants: tuple[str, ...],
    takes: str = "text",
) -> Metric:
    """Metric from a function (prediction, references, variant=) -> score; the first variant is the
    default."""

    def measure(predictions: Sequence[Any], references: Sequence[Any], variant: str) -> list[Row]:
        return [(function(p, r, variant=variant),) for p, r in zip(predictions, references, strict=True)]

    return Metric(name, description, "example", variants, variants[0], measure, takes=takes)
