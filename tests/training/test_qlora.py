"""Adapters on a language model of 4 bits, where bitsandbytes is installed."""

from __future__ import annotations

from pathlib import Path

import pytest
from toys import coloured_rows, logged, toy

import monkeyvl
from monkeyvl.checkpoints import EMBEDDED_FOLDER
from monkeyvl.training.finetune import finetune

pytest.importorskip("bitsandbytes")


def test_four_bits_learn_and_their_adapter_loads(tmp_path: Path) -> None:
    rows = coloured_rows(tmp_path)
    recipe = toy("embedded", method="qlora", steps=14, learning_rate=3e-3, eval_steps=14)
    adapter = finetune(rows, tmp_path / "out", recipe, evaluation=rows)
    before, after = logged(tmp_path / "out", "held_out_loss")
    assert after < 0.5 * before
    loaded = monkeyvl.load(EMBEDDED_FOLDER, device="cpu", quantize="4bit", adapter=adapter)
    assert "Linear4bit" in {type(one).__name__ for one in loaded.engine.model.modules()}
    asked = [
        loaded.ask(rows.parent / f"images/{number}.png", "Which colour?", max_new_tokens=6).text
        for number in range(3)
    ]
    assert len(set(asked)) > 1

    # An evaluation must not leave the layers in a state that gradients do not pass.
    finetune(rows, tmp_path / "unseen", toy("embedded", method="qlora", steps=1, learning_rate=3e-3))
    (alone,) = logged(tmp_path / "unseen", "grad_norm")
    assert logged(tmp_path / "out", "grad_norm")[0] == pytest.approx(alone, rel=1e-3)
