"""Every metric: the truth scores its maximum, silence its minimum, another example's truth about chance."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monkeyvl.errors import UsageError
from monkeyvl.evaluation.metrics import METRICS, MMEQuestion, Word, get_metric
from monkeyvl.evaluation.metrics.suites import MME_PERCEPTION

N = 240
CONSONANTS, VOWELS = "bcdfghjklmnprstvwz", "aeiou"
LETTERS = "ABCD"


def name(rng: random.Random) -> str:
    return "".join(rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(4))


def sentence(rng: random.Random) -> str:
    return " ".join(name(rng) for _ in range(8))


def table(rng: random.Random) -> str:
    rows = [" | ".join(name(rng) for _ in range(3)) for _ in range(rng.randint(2, 4))]
    return "\n".join(f"| {row} |" for row in rows)


def box(rng: random.Random) -> tuple[int, int, int, int]:
    x, y = rng.randint(0, 900), rng.randint(0, 900)
    return x, y, x + rng.randint(20, 100), y + rng.randint(20, 100)


def words(rng: random.Random) -> list[Word]:
    return [Word(name(rng), box(rng)) for _ in range(5)]


def mme(i: int) -> MMEQuestion:
    subtask = MME_PERCEPTION[i // 2 % len(MME_PERCEPTION)]
    return MMEQuestion(subtask, f"{i // 2}.jpg", "yes" if i % 2 else "no")


Truth = Callable[[random.Random, int], tuple[Any, Any]]


def one(make: Callable[[random.Random], Any]) -> Truth:
    """Examples of one reference, answered by it."""

    def example(rng: random.Random, i: int) -> tuple[Any, Any]:
        truth = make(rng)
        return truth, [truth]

    return example


def number(rng: random.Random) -> str:
    return str(rng.randint(100, 10**6))


def point(rng: random.Random) -> tuple[int, int]:
    return rng.randint(0, 1000), rng.randint(0, 1000)


def in_a_box(rng: random.Random, i: int) -> tuple[Any, Any]:
    place = box(rng)
    return place[:2], [place]


def letter(rng: random.Random, i: int) -> tuple[Any, Any]:
    return LETTERS[i % 4], [LETTERS[i % 4]]


def yes_no(rng: random.Random, i: int) -> tuple[Any, Any]:
    return mme(i).answer, [mme(i).answer]


def found_words(rng: random.Random, i: int) -> tuple[Any, Any]:
    found = words(rng)
    return found, found


def mme_example(rng: random.Random, i: int) -> tuple[Any, Any]:
    return mme(i).answer, mme(i)


# metric: how examples are made, silence, best, worst, and the range of chance
CASES: dict[str, tuple[Truth, Any, float, float, tuple[float, float]]] = {
    "anls": (one(name), "", 1.0, 0.0, (0.0, 0.15)),
    "relaxed_accuracy": (one(number), "", 1.0, 0.0, (0.0, 0.12)),
    "exact_match": (one(name), "", 1.0, 0.0, (0.0, 0.02)),
    "contains": (one(name), "", 1.0, 0.0, (0.0, 0.02)),
    "vqa_accuracy": (one(name), "", 1.0, 0.0, (0.0, 0.02)),
    "gqa": (one(name), "", 1.0, 0.0, (0.0, 0.02)),
    "multiple_choice": (letter, "", 1.0, 0.0, (0.15, 0.35)),
    "wtq_match": (one(name), "", 1.0, 0.0, (0.0, 0.02)),
    "cider": (one(sentence), "", 10.0, 0.0, (0.0, 0.2)),
    "bleu": (one(sentence), "", 1.0, 0.0, (0.0, 0.02)),
    "rouge_l": (one(sentence), "", 1.0, 0.0, (0.0, 0.05)),
    "field_f1": (one(name), "", 1.0, 0.0, (0.0, 0.02)),
    "character_error_rate": (one(sentence), "", 0.0, 1.0, (0.6, 1.0)),
    "word_error_rate": (one(sentence), "", 0.0, 1.0, (0.95, 1.0)),
    "spotting": (found_words, [], 1.0, 0.0, (0.0, 0.02)),
    "iou": (one(box), None, 1.0, 0.0, (0.0, 0.03)),
    "point_in_box": (in_a_box, None, 1.0, 0.0, (0.0, 0.03)),
    "click": (one(point), None, 1.0, 0.0, (0.0, 0.04)),
    "teds": (one(table), "", 1.0, 0.0, (0.2, 0.55)),  # rows and cells are there, their texts are not
    "ocrbench": (one(name), "", 1.0, 0.0, (0.0, 0.02)),
    "mme": (mme_example, "", 2000.0, 0.0, (500.0, 1000.0)),  # half of the questions, a quarter of the images
    "pope": (yes_no, "", 1.0, 0.0, (0.4, 0.6)),
}  # fmt: skip


def examples(metric: str) -> tuple[list[Any], list[Any]]:
    rng = random.Random(7)
    pairs = [CASES[metric][0](rng, i) for i in range(N)]
    return [said for said, _ in pairs], [true for _, true in pairs]


def every_variant(metric: str) -> list[str]:
    # parts of a score, readings that take silence for a yes, and a rule by which "9.00" never matches itself
    skipped = {"cognition", "total", "yes_ratio", "official_f1", "official_accuracy", "monkey_exact"}
    return [variant for variant in METRICS[metric].variants if variant not in skipped]


@pytest.mark.parametrize("metric", CASES)
def test_truth_silence_and_chance(metric: str) -> None:
    _, silence, best, worst, chance = CASES[metric]
    said, true = examples(metric)
    for variant in every_variant(metric):
        assert METRICS[metric].corpus(said, true, variant) == pytest.approx(best, abs=1e-6)
        assert METRICS[metric].corpus([silence] * N, true, variant) == pytest.approx(worst, abs=1e-6)
    shuffled = random.Random(3).sample(said, N)
    value = METRICS[metric].corpus(shuffled, true)
    assert chance[0] <= value <= chance[1]


def test_every_metric_is_there_and_in_shape() -> None:
    assert set(CASES) == set(METRICS)
    for name_, metric in METRICS.items():
        assert metric.name == name_
        assert metric.default in metric.variants
        assert metric.description
        assert get_metric(name_) is metric
    with pytest.raises(UsageError, match="no metric 'luck'; one of anls"):
        get_metric("luck")


@pytest.mark.parametrize("metric", CASES)
def test_a_value_comes_from_rows_alone(metric: str) -> None:
    said, true = examples(metric)
    mixed = said[: N // 2] + said[N // 2 :][::-1]
    rows = METRICS[metric].rows(mixed, true)
    assert len(rows) == N
    assert METRICS[metric].value(rows) == METRICS[metric].corpus(mixed, true)
    drawn = [rows[i] for i in random.Random(1).choices(range(N), k=N)]
    low, high = sorted(CASES[metric][2:4])
    assert low - 1e-6 <= METRICS[metric].value(drawn) <= high + 1e-6


def test_wrong_use_is_told() -> None:
    with pytest.raises(UsageError, match="anls: 2 predictions for 1 lists of references"):
        METRICS["anls"].corpus(["a", "b"], [["a"]])
    with pytest.raises(UsageError, match="spotting: no variant 'polygon'"):
        METRICS["spotting"].corpus([[]], [[]], "polygon")


def test_the_documentation_names_every_metric_and_variant() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    for metric in METRICS.values():
        line = next(line for line in text.splitlines() if line.startswith(f"| `{metric.name}` |"))
        assert f"**`{metric.default}`**" in line
        assert all(f"`{variant}`" in line for variant in metric.variants), line


def test_no_torch() -> None:
    code = "import sys, monkeyvl.evaluation.metrics; sys.exit(bool({'torch', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
