"""Fine-tuning at toy size: runs of every method are told, broken off, resumed and loaded."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from monkeys import tiny_monkey
from PIL import Image
from safetensors.torch import load_file
from support import tiny_checkpoint
from transformers import TrainerCallback

import monkeyvl
from monkeyvl.cli import main
from monkeyvl.data.rows import BadRow
from monkeyvl.errors import CheckpointError, MonkeyVLError, Paused, UsageError
from monkeyvl.training import finetune as module
from monkeyvl.training.finetune import finetune
from monkeyvl.training.finetune_recipe import Finetuning
from monkeyvl.training.finetune_trainer import rate_at

COLOURS = ("red", "green", "blue")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    lines = []
    for number in range(12):
        Image.new("RGB", (32, 32), COLOURS[number % 3]).save(tmp_path / "images" / f"{number}.png")
        entry = {"image": f"images/{number}.png", "question": "Colour?", "answer": COLOURS[number % 3]}
        lines.append(json.dumps(entry) + "\n")
    (tmp_path / "rows.jsonl").write_text("".join(lines))
    return tmp_path / "rows.jsonl"


def settings(base: Path, **others: Any) -> Finetuning:
    values = {"steps": 4, "batch_size": 2, "save_steps": 1, "learning_rate": 1e-3}
    values["eval_steps"] = 4 if others.get("hold_out", 0.2) else 0
    return Finetuning(**{"model": str(base), "hold_out": 0.2, "warmup_steps": 2, **values, **others})


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {
        name: value
        for file in sorted(folder.glob("*.safetensors"))
        for name, value in load_file(file).items()
    }


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


def test_sigterm_to_all_processes_of_a_run_saves_and_ends(base: Path, rows: Path) -> None:
    out = rows.parent / "out"
    command = [sys.executable, "-m", "monkeyvl", "finetune", "--data", str(rows), "--model", str(base)]
    command += ["--out", str(out), "--steps", "100000", "--hold-out", "0", "--set", "workers=1"]
    command += ["--set", "save_steps=2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as run:
        try:
            while not list(out.glob("checkpoint-*")) and run.poll() is None:
                time.sleep(0.05)
            os.killpg(run.pid, signal.SIGTERM)
            said = run.communicate(timeout=60)[1]  # until the last process has ended
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 3, said
    assert "of 100000; --resume goes on" in said.splitlines()[-1]


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
    done = subprocess.run([sys.executable, "-c", killed], capture_output=True, text=True, timeout=100)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [one.name for one in sorted(out.glob("checkpoint-*"))] == ["checkpoint-1", "checkpoint-2"]
    assert (out / ".partial" / "checkpoint-3" / "model.safetensors").is_file()
    resumed = finetune(rows, out, settings(base), resume=True)
    assert same(resumed, finetune(rows, rows.parent / "whole", settings(base)))
    assert not (out / ".partial").exists()


def test_a_full_disk_leaves_the_saves_before(
    base: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = rows.parent / "out"
    original = torch.save

    def full(value: Any, file: Any, *args: Any, **kwargs: Any) -> None:
        if "checkpoint-3" in str(file):
            raise OSError(errno.ENOSPC, "No space left on device", str(file))
        original(value, file, *args, **kwargs)

    arguments = ["finetune", "--data", str(rows), "--out", str(out), "--model", str(base), "--steps", "4"]
    arguments += ["--batch-size", "2", "--set", "save_steps=1"]
    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        assert main(arguments) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith("No space left on device")
    assert [one.name for one in sorted(out.glob("checkpoint-*"))] == ["checkpoint-1", "checkpoint-2"]
    assert main([*arguments, "--resume"]) == 0
    assert str(out / "checkpoint") in capsys.readouterr().out


def spoil(rows: Path, line: int, text: str) -> None:
    lines = rows.read_text().splitlines()
    lines[line] = text
    rows.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is no JSON"),
        ('{"image": "images/0.png", "question": "Colour?"}', "no answer"),
        ('{"image": "images/99.png", "question": "Colour?", "answer": "red"}', "the image is missing"),
        ('{"image": "images/0.png", "question": "<|im_end|>", "answer": "red"}', "control token"),
        ('{"image": "http://a/b.png", "question": "Colour?", "answer": "red"}', "not opened"),
    ],
)
def test_a_bad_row_ends_the_run_or_is_left_out(
    base: Path, rows: Path, text: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(rows, 4, text)
    with pytest.raises(BadRow, match=rf"line 5: .*{reason}"):
        finetune(rows, rows.parent / "out", settings(base))
    assert not list((rows.parent / "out").glob("checkpoint-*"))
    finetune(rows, rows.parent / "other", settings(base, skip_bad=True, steps=1))
    assert f"1 rows are left out; the first: {rows} line 5" in capsys.readouterr().err


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_breaks_off_is_named(base: Path, rows: Path, workers: int) -> None:
    image = rows.parent / "images" / "4.png"
    Image.effect_noise((200, 200), 90).save(image)
    image.write_bytes(image.read_bytes()[:9000])
    recipe = settings(base, hold_out=0.0, steps=6, workers=workers)
    with pytest.raises(MonkeyVLError, match=r"line 5: .*4\.png"):
        finetune(rows, rows.parent / "out", recipe)
    finetune(rows, rows.parent / "other", settings(base, hold_out=0.0, steps=6, skip_bad=True))


@pytest.mark.parametrize(
    ("image", "question", "reason"),
    [
        ("gone", "?", "missing"),
        ("half", "?", "half"),
        ("whole", "long " * 900, "longer than the limit of 600"),
    ],
)
def test_a_row_that_cannot_be_evaluated_on_is_named_or_left_out(
    base: Path, rows: Path, image: str, question: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = rows.parent
    for name in ("whole", "half"):
        Image.effect_noise((200, 200), 90).save(folder / "images" / f"{name}.png")
    (folder / "images" / "half.png").write_bytes((folder / "images" / "half.png").read_bytes()[:9000])
    (folder / "elsewhere").mkdir()
    file = folder / "elsewhere" / "shown.jsonl"
    entries = [("whole", "?"), (image, question)]
    lines = [{"image": f"images/{name}.png", "question": asked, "answer": "x"} for name, asked in entries]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    recipe = settings(base, steps=1, longest=600)
    with pytest.raises(BadRow, match=rf"shown\.jsonl line 2: .*{reason}"):
        finetune(rows, folder / "out", recipe, images=folder, evaluation=file)
    assert not (folder / "out").exists()
    finetune(rows, folder / "out", replace(recipe, skip_bad=True), images=folder, evaluation=file)
    assert "of 1; always saying 'x'" in capsys.readouterr().err


def test_images_for_scoring_are_refused(base: Path, rows: Path) -> None:
    from monkeyvl.evaluation.splits import file_sha256

    scored = {"sroie": {"train": {}, "score": {"a.png": file_sha256(rows.parent / "images" / "2.png")}}}
    splits = rows.parent / "splits.json"
    splits.write_text(json.dumps({"sets": scored, "never": {}}))
    with pytest.raises(BadRow, match=r"line 3: .*for scoring, not for training"):
        finetune(rows, rows.parent / "out", settings(base), splits=splits)


def test_an_adapter_loads_onto_its_model_alone(base: Path, rows: Path, tmp_path: Path) -> None:
    recipe = settings(base, method="lora", steps=12, learning_rate=3e-2)
    adapter = finetune(rows, tmp_path / "out", recipe)
    assert {one.name for one in adapter.iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}
    assert all(".language_model." in name for name in weights(adapter))
    image = rows.parent / "images" / "0.png"
    plain = monkeyvl.load(base, device="cpu").ask(image, "Colour?", max_new_tokens=5)
    changed = monkeyvl.load(base, device="cpu", adapter=adapter)
    assert changed.ask(image, "Colour?", max_new_tokens=5).raw != plain.raw
    assert changed.engine.name == "tiny+adapter"
    alone = monkeyvl.load(device="cpu", adapter=adapter)
    assert alone.engine.model.config.text_config.hidden_size == 32, "the adapter names its checkpoint"
    with pytest.raises(CheckpointError, match="adapter of another model"):
        monkeyvl.load("embedded", device="cpu", adapter=adapter)
    (adapter / "adapter_model.safetensors").write_bytes(b"123")
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        monkeyvl.load(base, device="cpu", adapter=adapter)
    with pytest.raises(CheckpointError, match=r"is no adapter: it has no adapter_config\.json"):
        monkeyvl.load(base, device="cpu", adapter=tmp_path)


def test_the_command_tells_how_to_use_what_it_made(
    base: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = rows.parent / "out"
    arguments = ["finetune", "--data", str(rows), "--model", str(base), "--out", str(out), "--steps", "1"]
    assert main([*arguments, "--method", "lora", "--rank", "2"]) == 0
    assert capsys.readouterr().out.rstrip().endswith(f"--adapter {out / 'adapter'})")
    asked = ["ask", str(rows.parent / "images" / "0.png"), "Colour?", "--model", str(base)]
    assert main([*asked, "--adapter", str(out / "adapter"), "--max-new-tokens", "2"]) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--method", "magic"], "method 'magic': one of lora, full, qlora"),
        (["--parts", "ears"], "parts: minimonkey has no 'ears'"),
        (["--hold-out", "1"], "hold_out is 1"),
        (["--batch-size", "3", "--rows-at-once", "2"], "no multiple of 2 rows at once"),
        (["--epochs", "0"], "epochs is 0"),
        (["--rank", "4"], "rank 4: it would do nothing, as method full has no adapters"),
        (["--batch-size", "1", "--pack", "99"], "pack 99: it would do nothing, as each process has one row"),
        (["--hold-out", "0", "--set", "eval_steps=2"], "eval_steps 2: it would do nothing, as no rows are"),
        (["--hold-out", "0.2", "--eval-data", __file__], "hold_out 0.2: it would do nothing, as --eval-data"),
        (["--set", "colour=1"], "unknown field 'colour'"),
        (["--minutes", "0"], "--minutes 0"),
        (["--eval-data", "nowhere.jsonl"], "no such file"),
    ],
)
def test_bad_settings_are_one_line(
    base: Path, rows: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = rows.parent / "out"
    arguments = ["finetune", "--data", str(rows), "--model", str(base), "--out", str(out)]
    assert main([*arguments, *more]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_the_rate_rises_and_falls() -> None:
    recipe = Finetuning(warmup_steps=10, min_lr_rate=0.1)
    rates = [rate_at(recipe, 100, step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[10] == 1
    assert rates[-1] == pytest.approx(0.1)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_rows_at_once_change_nothing_but_rounding(base: Path, rows: Path) -> None:
    recipe = settings(base, batch_size=4, hold_out=0.0, steps=3)
    finetune(rows, rows.parent / "together", recipe)
    finetune(rows, rows.parent / "singly", replace(recipe, rows_at_once=1))
    one, other = (weights(rows.parent / name / "checkpoint-3") for name in ("together", "singly"))
    begun = weights(base)
    way = sum(float((value - begun[name]).abs().sum()) for name, value in one.items())
    apart = sum(float((value - other[name]).abs().sum()) for name, value in one.items())
    assert apart < 0.01 * way


@pytest.mark.parametrize("kind", ["monkey", "textmonkey"])
def test_monkeys_are_adapted_too(kind: str, rows: Path, tmp_path: Path) -> None:
    folder = tiny_monkey(tmp_path / kind, kind)
    recipe = settings(folder, method="lora", parts=(kind,), steps=1, hold_out=0.0, learning_rate=0.5)
    adapter = finetune(rows, tmp_path / "out", recipe)
    adapted = {name.split(".lora_")[0] for name in weights(adapter)}
    assert any("attn_pool" in name for name in adapted)
    assert any("language_model" in name for name in adapted)
    image = rows.parent / "images" / "0.png"
    plain, changed = (
        monkeyvl.load(folder, device="cpu", adapter=one).ask(image, "Colour?", max_new_tokens=8).raw
        for one in (None, adapter)
    )
    assert plain != changed


def test_four_bits_without_a_package_for_them_are_refused(
    base: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monkeyvl import quantization

    monkeypatch.setattr(quantization, "find_spec", lambda name: object() if name == "accelerate" else None)
    with pytest.raises(CheckpointError, match="quantize 4bit needs the package bitsandbytes"):
        finetune(rows, rows.parent / "out", settings(base, method="qlora"))
    assert not (rows.parent / "out").exists()


def test_lora_without_peft_names_it(base: Path, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MonkeyVLError, match=r"LoRA needs peft: pip install 'monkeyvl\[train\]'"):
        finetune(rows, rows.parent / "out", settings(base, method="lora"))
    assert not (rows.parent / "out").exists()
