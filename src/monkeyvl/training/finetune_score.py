"""How a model in training does on the rows held out: loss, and whether it writes the wanted answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from monkeyvl.data.streaming import Loaded
from monkeyvl.engine import LocalEngine
from monkeyvl.generation import Request, Settings
from monkeyvl.training.encoding import RowEncoder, collate
from monkeyvl.training.labels import IGNORED

LONGEST_ANSWER = 512


@dataclass(frozen=True)
class Score:
    """Of one evaluation.

    Attributes:
        loss: mean cross-entropy of the answers' tokens.
        exact: share of the first questions whose answers are the wanted ones, white space and a last full
            stop aside.
        answers: what the model wrote to each row's first question.
        tokens: of the wanted answers.
    """

    loss: float
    exact: float
    answers: tuple[str, ...]
    tokens: int


def answer_loss(model: Any, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Sum of the cross-entropies of the answers' tokens, and their number; logits are made of these alone.

    Args:
        batch: of `monkeyvl.training.encoding.collate` or `packing.pack`, on the model's device.
    """
    inputs = dict(batch)
    wanted = inputs.pop("labels")[:, 1:]
    kept = (wanted != IGNORED).any(dim=0).nonzero()[:, 0]  # (n,) positions asked in any row
    # With a cache transformers would not look for rows that are packed.
    logits = model(**inputs, logits_to_keep=kept, use_cache=False).logits  # (B, n, vocabulary)
    target = wanted[:, kept].reshape(-1)
    total = functional.cross_entropy(
        logits.flatten(0, 1).float(), target, ignore_index=IGNORED, reduction="sum"
    )
    return total, (target != IGNORED).sum()


def score(model: Any, encoder: RowEncoder, name: str, rows: Sequence[Loaded], at_once: int) -> Score:
    """Evaluates a model as it is now; it is in training mode again afterwards if it was."""
    if not rows:
        return Score(0.0, 0.0, (), 0)
    training = model.training
    model.eval()
    try:
        loss, tokens = _loss(model, encoder, rows, at_once)
        answers = _answers(model, encoder, name, rows, at_once)
    finally:
        model.train(training)
    wanted = [first_answer(encoder, one) for one in rows]
    right = sum(plain(a) == plain(b) for a, b in zip(answers, wanted, strict=True))
    return Score(loss, right / len(rows), tuple(answers), tokens)


def joined(parts: Sequence[Score]) -> Score:
    """The score of rows of which part i of n has every n-th from the i-th on."""
    tokens = sum(one.tokens for one in parts)
    count = sum(len(one.answers) for one in parts)
    return Score(
        sum(one.loss * one.tokens for one in parts) / max(1, tokens),
        sum(one.exact * len(one.answers) for one in parts) / count,
        tuple(parts[at % len(parts)].answers[at // len(parts)] for at in range(count)),
        tokens,
    )


def _loss(model: Any, encoder: RowEncoder, rows: Sequence[Loaded], at_once: int) -> tuple[float, int]:
    total, count = 0.0, 0
    pad = encoder.processor.tokenizer.pad_token_id or 0
    for first in range(0, len(rows), at_once):
        batch = collate([encoder(one) for one in rows[first : first + at_once]], pad)
        with torch.inference_mode():
            lost, tokens = answer_loss(model, placed(batch, model))
        total, count = total + float(lost), count + int(tokens)
    return total / max(1, count), count


def _answers(model: Any, encoder: RowEncoder, name: str, rows: Sequence[Loaded], at_once: int) -> list[str]:
    engine = LocalEngine(model, encoder.processor, encoder.family, name)
    longest = max(len(encoder.processor.tokenizer(first_answer(encoder, one))["input_ids"]) for one in rows)
    settings = Settings(max_new_tokens=min(longest, LONGEST_ANSWER) + 8)
    answers: list[str] = []
    for first in range(0, len(rows), at_once):
        group = rows[first : first + at_once]
        requests = [Request(one.images, encoder.said(one)[0].question) for one in group]
        answers += [one.text for one in engine.generate(requests, settings)]
    return answers


def placed(batch: dict[str, Any], model: Any) -> dict[str, Any]:
    """The batch on the model's device, pixels in the type of its weights."""

    def there(value: Any) -> Any:
        if isinstance(value, list):
            return [there(one) for one in value]
        return value.to(model.device, model.dtype if value.is_floating_point() else None)

    return {name: there(value) for name, value in batch.items()}


def first_answer(encoder: RowEncoder, row: Loaded) -> str:
    """The wanted answer to a row's first question, as the family writes it."""
    return str(encoder.said(row)[0].answer)


def plain(answer: str) -> str:
    """An answer without what does not count."""
    return " ".join(answer.split()).rstrip(".").rstrip()


def majority(answers: Sequence[str]) -> tuple[str, float]:
    """The most frequent answer and its share: what a model that never looks at an image can reach."""
    ((answer, count),) = Counter(plain(one) for one in answers).most_common(1)
    return answer, count / len(answers)
