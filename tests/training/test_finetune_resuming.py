"""Fine-tunings that are broken off and go on: asked to end, killed, a full disk, another version."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from toys import settings, weights
from transformers import TrainerCallback, modeling_utils

from monkeyvl.cli import main
from monkeyvl.errors import Paused, UsageError
from monkeyvl.training import finetune as module
from monkeyvl.training import saving
from monkeyvl.training.finetune import finetune


def same(one: Path, other: Path) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Stop(TrainerCallback):
    """Does something after a step."""

    def __init__(self, step: int, what: Any) -> None:
        self.step, self.what = step, what

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            self.what()


def stopping(monkeypatch: pytest.MonkeyPatch, step: int, what: Any) -> None:
    original = module.RowTrainer.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.add_callback(Stop(step, what))

    monkeypatch.setattr(module.RowTrainer, "__init__", init)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_run_is_told_logged_and_resumed_bit_for_bit(
    base: Path, rows: Path, method: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = rows.parent
    recipe = settings(base, method=method, dropout=0.1 * (method == "lora"))
    whole = finetune(rows, out / "whole", recipe)
    told = capsys.readouterr().err
    assert "from 10 rows in 4 steps" in told
    assert "step 0: held-out loss" in told
    assert "always saying" in told
    log = [json.loads(line) for line in (out / "whole" / "log.jsonl").read_text().splitlines()]
    evaluations = [one for one in log if "exact_match" in one]
    assert [one["step"] for one in evaluations] == [0, 4]
    assert evaluations[1]["held_out_loss"] < evaluations[0]["held_out_loss"]
    assert sorted(one.name for one in (out / "whole").glob("checkpoint-*")) == [
        "checkpoint-3",
        "checkpoint-4",
    ]

    with monkeypatch.context() as patch:
        stopping(patch, 3, lambda: (_ for _ in ()).throw(InterruptedError))
        with pytest.raises(InterruptedError):
            finetune(rows, out / "broken", recipe)
    with pytest.raises(UsageError, match="is not empty"):
        finetune(rows, out / "broken", recipe)
    assert same(whole, finetune(rows, out / "broken", recipe, resume=True))


def test_a_run_goes_on_with_its_own_settings_and_rows_alone(base: Path, rows: Path) -> None:
    out = rows.parent / "out"
    with pytest.raises(Paused, match="paused at step 1 of 4"):
        finetune(rows, out, settings(base), minutes=1e-9)
    with pytest.raises(UsageError, match=r"begun with beta2 0\.95, not 0\.9"):
        finetune(rows, out, settings(base, beta2=0.9), resume=True)
    rows.write_text(rows.read_text().replace('"red"', '"crimson"'))
    with pytest.raises(UsageError, match="other rows"):
        finetune(rows, out, settings(base), resume=True)
    (out / "finetune.json").unlink()
    with pytest.raises(UsageError, match=r"no finetune\.json in it"):
        finetune(rows, out, settings(base), resume=True)


def test_a_run_of_another_version_goes_on_where_its_settings_mean_the_same(base: Path, rows: Path) -> None:
    out = rows.parent / "out"
    with pytest.raises(Paused, match="paused at step 1 of 4"):
        finetune(rows, out, settings(base, max_grad_norm=0.5), minutes=1e-9)
    record = json.loads((out / "finetune.json").read_text())

    def begun(without: tuple[str, ...] = (), **more: object) -> None:
        kept = {name: value for name, value in record["settings"].items() if name not in without}
        (out / "finetune.json").write_text(json.dumps({**record, "settings": {**kept, **more}}))

    begun(without=("max_grad_norm",))
    with pytest.raises(UsageError, match=r"out was begun with max_grad_norm 1\.0, not 0\.5$"):
        finetune(rows, out, settings(base, max_grad_norm=0.5), resume=True)
    begun(hue=0.1)
    with pytest.raises(UsageError, match=r"out was begun with hue 0\.1, which this version does not know$"):
        finetune(rows, out, settings(base, max_grad_norm=0.5), resume=True)
    begun(without=("pack", "jpeg", "jpeg_share", "start_settings"), workers=3)
    resumed = finetune(rows, out, settings(base, max_grad_norm=0.5), resume=True)
    assert same(resumed, finetune(rows, rows.parent / "whole", settings(base, max_grad_norm=0.5)))
    assert json.loads((out / "finetune.json").read_text()) == record


def test_sigterm_saves_and_ends(base: Path, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = rows.parent / "out"
    stopping(monkeypatch, 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Paused, match=r"step [23] of 4; --resume goes on"):
        finetune(rows, out, settings(base, save_steps=100))
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    monkeypatch.undo()
    assert same(
        finetune(rows, out, settings(base, save_steps=100), resume=True),
        finetune(rows, rows.parent / "whole", settings(base, save_steps=100)),
    )


def test_sigkill_in_the_middle_of_a_save_loses_no_save(base: Path, rows: Path) -> None:
    """And no process behind that reads rows."""
    out = rows.parent / "out"
    killed = f"""
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from transformers import Trainer
from monkeyvl.training.finetune import finetune
from monkeyvl.training.finetune_recipe import Finetuning
original = Trainer._save_rng_state
def save(self, folder):
    if self.state.global_step == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    original(self, folder)
Trainer._save_rng_state = save
finetune(Path({str(rows)!r}), Path({str(out)!r}), Finetuning(**{settings(base, workers=1).__dict__!r}))
"""
    # It returns when the last process has ended that could write.
    done = subprocess.run([sys.executable, "-c", killed], capture_output=True, text=True, timeout=600)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [one.name for one in sorted(out.glob("checkpoint-*"))] == ["checkpoint-1", "checkpoint-2"]
    assert (out / ".partial" / "checkpoint-3" / "model.safetensors").is_file()
    resumed = finetune(rows, out, settings(base), resume=True)
    assert same(resumed, finetune(rows, rows.parent / "whole", settings(base)))
    assert not (out / ".partial").exists()


def test_a_folder_belongs_to_one_run_at_a_time(
    base: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, recipe = rows.parent / "out", settings(base, steps=1)
    finetune(rows, out, recipe)
    monkeypatch.setattr(saving, "PATIENCE", 0.0)
    with saving.alone_in(out), pytest.raises(UsageError, match="another run is at work in it"):
        finetune(rows, out, recipe, resume=True)
    finetune(rows, out, recipe, resume=True)
    # It began when there was no save yet.
    monkeypatch.setattr(module, "get_last_checkpoint", lambda _: None)
    with pytest.raises(UsageError, match="another run was at work in it"):
        finetune(rows, out, recipe, resume=True)


@pytest.mark.parametrize(
    ("writer", "name", "reason"),
    [(torch, "save", "is the disk full?"), (modeling_utils, "safe_save_file", "File too large")],
)
def test_a_full_disk_leaves_the_saves_before(
    writer: Any,
    name: str,
    reason: str,
    base: Path,
    rows: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = rows.parent / "out"
    original = getattr(writer, name)

    def full(value: Any, file: Any, *args: Any, **kwargs: Any) -> None:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        if "checkpoint-3" in str(file):  # the system itself writes no file further
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        try:
            original(value, file, *args, **kwargs)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    arguments = ["finetune", "--data", str(rows), "--out", str(out), "--model", str(base), "--steps", "4"]
    arguments += ["--batch-size", "2", "--set", "save_steps=1"]
    with monkeypatch.context() as patch:
        patch.setattr(writer, name, full)
        assert main(arguments) == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"monkeyvl: {out} cannot be written: {reason}"
    assert not (out / ".partial").exists()
    assert [one.name for one in sorted(out.glob("checkpoint-*"))] == ["checkpoint-1", "checkpoint-2"]
    assert main([*arguments, "--resume"]) == 0
    assert str(out / "checkpoint") in capsys.readouterr().out
