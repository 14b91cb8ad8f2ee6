"""The bench of fine-tuning runs the trainer itself and counts what it is given."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support import tiny_checkpoint
from toys import coloured_rows, toy

from monkeyvl.bench import finetune as bench
from monkeyvl.bench.train import Rate, peak_of
from monkeyvl.checkpoints import resolve
from monkeyvl.data.streaming import Rows
from monkeyvl.training.encoding import Example
from monkeyvl.training.finetune import prepare
from monkeyvl.training.finetune_recipe import Finetuning
from monkeyvl.training.packing import packs


@pytest.mark.parametrize("pack", [0, 200])
def test_rows_are_counted_once(pack: int, tmp_path: Path) -> None:
    base, rows = tiny_checkpoint(tmp_path / "tiny"), coloured_rows(tmp_path)
    recipe = toy(base, pack=pack, batch_size=12)
    speed = bench.measure(recipe, rows, None, "cpu", steps=2)
    data = prepare(Rows(rows), resolve(str(base)), tmp_path / "o", recipe.settled(True)).trainer.train_dataset
    examples = [one for one in (data[at] for at in range(12)) if isinstance(one, Example)]
    assert speed.tokens == 2 * sum(len(one.ids) for one in examples), "every step has all twelve rows"
    assert 0 < speed.padding < (0.1 if pack else 0.5)
    assert 0 < speed.rate.waiting < speed.rate.seconds
    assert speed.rate.pictures == pytest.approx(24 / speed.rate.seconds)
    if pack:
        made = packs(examples, 0, pack)["packs"]
        assert sum(bench.own_tokens(one) for one in made) == sum(len(one.ids) for one in examples)


def test_arithmetic_is_three_times_the_forward_pass_of_what_learns(tmp_path: Path) -> None:
    base, rows = tiny_checkpoint(tmp_path / "tiny"), coloured_rows(tmp_path)

    def flops(**settings: object) -> float:
        recipe: Finetuning = toy(base, **settings).settled(True)
        return bench.row_flops(prepare(Rows(rows), resolve(str(base)), tmp_path / "o", recipe))

    whole, text, adapters = flops(), flops(parts=("text",)), flops(method="lora", rank=2)
    layers = 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 48)  # weights of the language model's layers
    tokens = 80  # of a row, at least
    assert text > 6 * layers * tokens
    assert whole > text
    assert adapters == pytest.approx(text * 2 / 3, rel=0.15), (
        "no weight of the model but the adapters' learns"
    )


def test_the_table_says_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base, rows = tiny_checkpoint(tmp_path / "tiny"), coloured_rows(tmp_path)
    given = ["bench", "--data", str(rows), "--device", "cpu", "--steps", "1", "--set", f"model={base}"]
    monkeypatch.setattr(sys, "argv", given)
    bench.main()
    out = capsys.readouterr().out
    assert "CPU, 0 processes read rows, pack=0" in out
    assert "| rows/s | tokens/s | waiting for data | padding | TFLOP/s |" in out
    speed = bench.Speed(Rate(steps=10, seconds=5.0, waiting=1.0, flops=2e12, batch_size=16), 900, 1000)
    assert bench.table(speed, peak_of("NVIDIA A100 80GB"))[-1] == "| 32.00 | 180 | 20.0% | 10.0% | 4 | 1.3% |"
    assert peak_of("Voodoo") is None
