"""How well a checkpoint reads made receipts it has never seen: `python -m monkeyvl.training.score FOLDER`."""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from monkeyvl.data.synthetic import Sample, make_sample
from monkeyvl.evaluation.metrics.edits import edit_distance

if TYPE_CHECKING:
    from monkeyvl.assistant import Assistant


def unseen_samples(kind: str, count: int, options: dict[str, Any]) -> Iterable[Sample]:
    """Samples of seeds that training never draws."""
    for number in range(count):
        yield make_sample(kind, random.Random(f"score/{number}"), **options)


def score_receipts(assistant: Assistant, samples: Iterable[Sample]) -> dict[str, dict[str, float]]:
    """For each field: how many were asked, the share answered exactly and the character error rate."""
    asked: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for sample in samples:
        for name, value in sample.fields.items():
            answer = assistant.ask(sample.image.convert("RGB"), f"What is the {name}?", max_new_tokens=48)
            asked[name].append((answer.text, value))
    return {
        name: {
            "asked": len(pairs),
            "exact": sum(said == value for said, value in pairs) / len(pairs),
            "character_error": sum(edit_distance(*pair) for pair in pairs)
            / sum(len(value) for _, value in pairs),
        }
        for name, pairs in asked.items()
    }


def main() -> None:
    import monkeyvl

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", help="a checkpoint; the embedded one if left out")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--options", type=json.loads, default={}, help="the receipt generator's, as JSON")
    arguments = parser.parse_args()
    samples = unseen_samples("receipt", arguments.count, arguments.options)
    for name, row in score_receipts(monkeyvl.load(arguments.folder), samples).items():
        print(
            f"{name:10} asked {row['asked']:4.0f}  exact {row['exact']:6.1%}"
            f"  character error {row['character_error']:6.1%}"
        )


if __name__ == "__main__":
    main()
