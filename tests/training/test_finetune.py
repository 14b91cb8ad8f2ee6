"""Fine-tuning at toy size: what runs are given, refuse and make."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from monkeys import tiny_monkey
from PIL import Image
from toys import settings, weights

import monkeyvl
from monkeyvl.cli import main
from monkeyvl.data.rows import BadRow
from monkeyvl.errors import CheckpointError, MonkeyVLError
from monkeyvl.training.finetune import finetune
from monkeyvl.training.finetune_recipe import Finetuning
from monkeyvl.training.finetune_trainer import rate_at

COLOURS = ("red", "green", "blue")


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
        (["--learning-rate", "nan"], "must be a finite number"),
        (["--set", "seed=-1"], "seed is -1"),
        (["--set", "seed=4294967296"], "seed is 4294967296"),
        (["--set", "beta2=1.5"], "beta2 is 1.5"),
        (["--method", "lora", "--set", "dropout=1"], "dropout is 1"),
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
