"""A whole recipe at toy size: it runs, its loss falls, a broken run goes on where it was."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from monkeyvl.errors import Paused, UsageError
from monkeyvl.training import run
from monkeyvl.training.carry import Place, read_place
from monkeyvl.training.recipe import Stage
from monkeyvl.training.run import rate_at, train

RECIPE = """
name: toy
workers: 0
logging_steps: 2
model:
  tile_size: 64
  patch_size: 16
  cropping: {detail: [1, 2], adaptive: null}
  vision: {hidden_size: 32, layers: 1, heads: 2, intermediate_size: 64}
  text: {hidden_size: 32, layers: 2, heads: 2, intermediate_size: 64, context: 512}
stages:
  - name: letters
    steps: 4
    batch_size: 2
    warmup_steps: 1
    answer_loss: 0.0
    data: [{kind: lines, options: {size: [64, 64], font_px: [16, 24]}}]
  - name: answers
    steps: 8
    batch_size: 2
    warmup_steps: 1
    learning_rate: 3.0e-3
    save_steps: 3
    data:
      - {kind: lines, options: {size: [64, 64], font_px: [16, 24]}}
      - {kind: receipt, options: {width: 64, most_rows: 5}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "toy.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {
        name: value
        for file in sorted(folder.glob("*.safetensors"))
        for name, value in load_file(file).items()
    }


class _Killed(Exception):
    pass


class _Kill(TrainerCallback):
    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 5:
            raise _Killed


def test_trains_resumes_and_saves_what_loads(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = train(recipe, tmp_path / "whole")
    assert "answers 8/8  loss " in capsys.readouterr().err
    log = [
        json.loads(line) for line in (tmp_path / "whole" / "1-answers" / "log.jsonl").read_text().splitlines()
    ]
    assert log[-1]["answer_loss"] < log[0]["answer_loss"]
    assert {"character_loss", "character_accuracy", "answer_accuracy"} <= set(log[-1])

    original = run.StageTrainer.__init__

    def killed_in_the_second_stage(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if "answers" in self.args.output_dir:
            self.add_callback(_Kill())

    with monkeypatch.context() as patch:
        patch.setattr(run.StageTrainer, "__init__", killed_in_the_second_stage)
        with pytest.raises(_Killed):
            train(recipe, tmp_path / "broken")
    with pytest.raises(UsageError, match="is not empty"):
        train(recipe, tmp_path / "broken")
    resumed = train(recipe, tmp_path / "broken", resume=True)
    one, other = weights(whole), weights(resumed)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one), "a resumed run equals an undisturbed one"
    assert not any("character" in name for name in one), "the dense head is left behind"
    assert all(value.dtype == torch.bfloat16 for value in one.values())


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("stages.1.freeze", ["eyes"], "freeze 'eyes'; one of vision, projector, text"),
        ("start_parts", ["ears"], "start_parts 'ears'; one of vision, projector, text"),
        ("stages.1.cropping", {"detail": [0, 1]}, "fewest tiles is 0"),
        ("stages.1.data.0.kind", "poem", "known kinds are"),
        ("stages.1.data.0.options", {"colour": "red"}, "colour"),
    ],
)
def test_a_late_stage_is_checked_before_the_first_starts(
    recipe: Path, tmp_path: Path, place: str, value: object, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        train(recipe, tmp_path / "out", overrides={"start": "embedded", place: value})
    assert not (tmp_path / "out").exists()


def test_a_run_of_another_model_is_not_resumed(recipe: Path, tmp_path: Path) -> None:
    short = {"stages.0.steps": 1, "stages.1.steps": 1}
    train(recipe, tmp_path / "out", overrides=short)
    with pytest.raises(UsageError, match="weights of other sizes"):
        train(recipe, tmp_path / "out", resume=True, overrides={**short, "model.text.hidden_size": 64})


def test_a_pause_saves_and_the_rest_is_the_same(recipe: Path, tmp_path: Path) -> None:
    whole = weights(train(recipe, tmp_path / "whole"))
    for stage, steps in (("letters", 4), ("answers", 8)):
        for step in range(1, steps):
            with pytest.raises(Paused, match=f"paused in stage {stage} at step {step} of {steps}"):
                train(recipe, tmp_path / "parts", resume=True, minutes=1e-6)
    paused = weights(train(recipe, tmp_path / "parts", resume=True, minutes=1e-6))
    assert all(torch.equal(whole[name], paused[name]) for name in whole)


def test_sigterm_is_a_pause(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminated(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == 2:
                os.kill(os.getpid(), signal.SIGTERM)

    original = run.StageTrainer.__init__
    with monkeypatch.context() as patch:
        patch.setattr(
            run.StageTrainer,
            "__init__",
            lambda self, *args, **kwargs: (
                original(self, *args, **kwargs),
                self.add_callback(Terminated()),
            )[0],
        )
        with pytest.raises(Paused, match="stage letters at step 3 of 4"):
            train(recipe, tmp_path / "out")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert (tmp_path / "out" / "0-letters" / "checkpoint-3").is_dir()


def test_a_run_goes_on_elsewhere_with_what_was_carried(recipe: Path, tmp_path: Path) -> None:
    carry = tmp_path / "carry"
    with pytest.raises(Paused):
        train(recipe, tmp_path / "here", minutes=1e-6, carry=carry)
    assert read_place(carry) == Place(0, 1)
    assert all(file.stat().st_size < 16 * 2**20 for file in carry.iterdir())
    checkpoint = train(recipe, tmp_path / "there", resume=True, carry=carry)
    log = (tmp_path / "there" / "0-letters" / "log.jsonl").read_text().splitlines()
    assert json.loads(log[-1])["step"] == 3, "the second step of there is the third of the stage"
    assert read_place(carry) == Place(1, 8)
    sent = load_file(carry / "carry-0.safetensors")
    name = "model.multi_modal_projector.layer_norm.weight"
    assert torch.equal(sent[f"model.{name}"], weights(checkpoint)[name])
    again = train(recipe, tmp_path / "third", resume=True, carry=carry)
    assert all(torch.equal(value, weights(checkpoint)[key]) for key, value in weights(again).items())


def test_carried_weights_of_another_model_are_refused(recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(Paused):
        train(recipe, tmp_path / "here", minutes=1e-6, carry=tmp_path / "carry")
    wider = {"model.text.hidden_size": 64}
    with pytest.raises(UsageError, match="weights of other sizes"):
        train(recipe, tmp_path / "there", resume=True, carry=tmp_path / "carry", overrides=wider)


def test_the_rate_rises_and_falls_and_goes_on_elsewhere() -> None:
    stage = Stage("s", 1000, (), warmup_steps=100, min_lr_rate=0.1)
    whole = [rate_at(stage, 0, step) for step in range(1001)]
    assert whole[0] == 0
    assert whole[50] == pytest.approx(0.5)
    assert max(whole) == whole[100] == 1
    assert whole[1000] == pytest.approx(0.1)
    assert whole[100:] == sorted(whole[100:], reverse=True)
    later = [rate_at(stage, 400, step) for step in range(601)]
    assert later[0] == 0
    assert later[50:] == whole[450:]


def test_older_saves_are_not_taken_for_those_of_a_carried_run(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry, here, there = (tmp_path / name for name in ("carry", "here", "there"))
    for step in (1, 2):
        with pytest.raises(Paused, match=f"at step {step} of 4"):
            train(recipe, here, resume=True, minutes=1e-6)
    for step in (1, 2, 3):
        with pytest.raises(Paused, match=f"at step {step} of 4"):
            train(recipe, there, resume=True, minutes=1e-6, carry=carry)
    with monkeypatch.context() as patch:
        patch.setattr(run.StageTrainer, "train", lambda self, **options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(recipe, here, resume=True, carry=carry)
    # Its own two steps and the three that were carried are not five.
    assert not list((here / "0-letters").glob("checkpoint-*"))
    with pytest.raises(Paused, match="at step 1 of 8"):
        train(recipe, here, resume=True, minutes=1e-6, carry=carry)
    log = (here / "0-letters" / "log.jsonl").read_text().splitlines()
    assert json.loads(log[0])["step"] == 2


def test_a_run_killed_while_it_saves_goes_on_from_the_save_before(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = run.StageTrainer._save_rng_state

    def killed_at_the_sixth_step(self: Any, folder: str) -> None:
        if self.state.global_step == 6:
            raise _Killed
        original(self, folder)

    with monkeypatch.context() as patch:
        patch.setattr(run.StageTrainer, "_save_rng_state", killed_at_the_sixth_step)
        with pytest.raises(_Killed):
            train(recipe, tmp_path / "out")
    with pytest.raises(Paused, match="stage answers at step 4 of 8"):
        train(recipe, tmp_path / "out", resume=True, minutes=1e-6)
