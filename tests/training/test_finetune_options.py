"""Event files, torch.compile and gradient checkpointing: asked for, they are there and change no loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from monkeys import tiny_monkey
from support import tiny_checkpoint
from toys import coloured_rows, logged, toy

from monkeyvl.cli import main
from monkeyvl.errors import MonkeyVLError, Paused, UsageError
from monkeyvl.training import finetune_trainer as module
from monkeyvl.training.finetune import finetune
from monkeyvl.training.finetune_recipe import Finetuning, load_finetuning


def events(out: Path) -> dict[str, list[tuple[int, float]]]:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = accumulator.EventAccumulator(str(out / "tensorboard"))
    found.Reload()
    return {name: [(one.step, one.value) for one in found.Scalars(name)] for name in found.Tags()["scalars"]}


def test_event_files_hold_loss_rate_and_scores(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    base, rows, out = tiny_checkpoint(tmp_path / "tiny"), coloured_rows(tmp_path), tmp_path / "out"
    recipe = toy(base, tensorboard=True, hold_out=0.2, eval_steps=2)
    with pytest.raises(Paused):
        finetune(rows, out, recipe, minutes=1e-9)
    finetune(rows, out, recipe, resume=True)
    found = events(out)
    assert [step for step, _ in found["train/loss"]] == [1, 2, 3, 4]
    assert [value for _, value in found["train/loss"]] == pytest.approx(logged(out, "loss"))
    assert "train/learning_rate" in found
    assert [step for step, _ in found["eval/held_out_loss"]] == [0, 2, 4]
    assert [value for _, value in found["eval/held_out_loss"]] == pytest.approx(logged(out, "held_out_loss"))
    assert len(found["eval/exact_match"]) == 3


def test_without_tensorboard_nothing_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    base, rows = tiny_checkpoint(tmp_path / "tiny"), coloured_rows(tmp_path)
    with pytest.raises(MonkeyVLError, match=r"event files need tensorboard: pip install 'monkeyvl\[train\]'"):
        finetune(rows, tmp_path / "out", toy(base, tensorboard=True))
    assert not (tmp_path / "out").exists()
    finetune(rows, tmp_path / "out", toy(base, steps=1))


def test_the_commands_words_reach_the_run(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    base, rows, out = tiny_checkpoint(tmp_path / "tiny"), coloured_rows(tmp_path), tmp_path / "out"
    given = ["finetune", "--data", str(rows), "--model", str(base), "--out", str(out), "--steps", "1"]
    more = ["--pack", "200", "--tensorboard", "--hold-out", "0", "--set", "jpeg=[40, 95]"]
    assert main([*given, *more, "--set", "gradient_checkpointing=true"]) == 0
    assert [step for step, _ in events(out)["train/loss"]] == [1]
    settings = json.loads((out / "finetune.json").read_text())["settings"]
    assert (settings["pack"], settings["jpeg"], settings["gradient_checkpointing"]) == (200, [40, 95], True)


@pytest.mark.parametrize("word", ["true", "false", "null"])
def test_checkpointing_is_a_word_or_none(word: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(f"gradient_checkpointing: {word}\n")
    recipe = load_finetuning(tmp_path / "r.yaml")
    assert recipe.gradient_checkpointing is {"true": True, "false": False, "null": None}[word]


def checkpointing(model: Any) -> bool:
    return any(getattr(one, "gradient_checkpointing", False) for one in model.modules())


@pytest.mark.parametrize(("kind", "method"), [("minimonkey", "full"), ("monkey", "lora")])
def test_checkpointing_counts_on_the_cpu_and_changes_no_loss(
    kind: str, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny_checkpoint(tmp_path / "m") if kind == "minimonkey" else tiny_monkey(tmp_path / "m", kind)
    rows = coloured_rows(tmp_path)
    seen: list[bool] = []
    original = module.RowTrainer.compute_loss

    def spy(self: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(checkpointing(model))
        return original(self, model, *args, **kwargs)

    monkeypatch.setattr(module.RowTrainer, "compute_loss", spy)
    recipe = {"method": method, "steps": 1, "batch_size": 2}
    for name, word in (("usual", None), ("saving", True)):
        finetune(rows, tmp_path / name, toy(base, gradient_checkpointing=word, **recipe))
    assert seen == [False, True], "by default on GPUs alone"
    for name in ("loss", "grad_norm"):
        assert logged(tmp_path / "saving", name) == pytest.approx(logged(tmp_path / "usual", name), rel=1e-4)


@pytest.mark.parametrize(("kind", "pack"), [("minimonkey", 300), ("monkey", 0)])
def test_compiled_parts_have_the_same_loss(
    kind: str, pack: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny_checkpoint(tmp_path / "m") if kind == "minimonkey" else tiny_monkey(tmp_path / "m", kind)
    rows, names = coloured_rows(tmp_path), []

    def traced(self: torch.nn.Module, **options: Any) -> None:
        """As Module.compile, but without making code of what was traced, which takes minutes."""
        names.append(type(self).__name__)
        self._compiled_call_impl = torch.compile(self._call_impl, backend="eager", **options)

    monkeypatch.setattr(torch.nn.Module, "compile", traced)
    for name, word in (("plain", False), ("compiled", True)):
        finetune(rows, tmp_path / name, toy(base, compile=word, pack=pack, steps=1, batch_size=2))
    tower = ["InternVLVisionEncoder"] if kind == "minimonkey" else ["MonkeyVisionBlock"] * 2
    assert names == [*tower, "LlamaModel" if kind == "minimonkey" else "QwenModel"]
    assert logged(tmp_path / "compiled", "loss") == pytest.approx(
        logged(tmp_path / "plain", "loss"), rel=1e-4
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"method": "full", "rank": 8}, "rank 8: it would do nothing, as method full has no adapters"),
        ({"method": "full", "alpha": 8}, "alpha 8: .* adapters"),
        ({"method": "full", "dropout": 0.1}, r"dropout 0\.1: .* adapters"),
        ({"steps": 5, "epochs": 3.0}, r"epochs 3\.0: it would do nothing, as steps is 5"),
        ({"jpeg_share": 0.3}, r"jpeg_share 0\.3: it would do nothing, as there is no jpeg"),
        ({"jpeg": (40, 95), "jpeg_share": 0.0}, r"jpeg \[40, 95\]: it would do nothing, as jpeg_share is 0"),
        ({"pack": 100, "longest": 101}, "longest 101: .* no row is longer than pack, 100"),
        ({"start_settings": {"r": 8}}, "start_settings belong to start_as"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}$"):
        Finetuning(**values)


def test_a_method_that_is_chosen_later_refuses_them_too() -> None:
    recipe = Finetuning(rank=8)
    assert recipe.settled(small=False).method == "lora"
    with pytest.raises(UsageError, match="rank 8: it would do nothing, as method full has no adapters"):
        recipe.settled(small=True)


def test_usual_values_may_be_named() -> None:
    Finetuning(method="full", rank=16, alpha=32, dropout=0.0, steps=5, epochs=1.0, jpeg_share=0.5)
    Finetuning(pack=100, longest=100)


def test_of_steps_and_epochs_an_option_replaces_the_recipes(tmp_path: Path) -> None:
    (tmp_path / "epochs.yaml").write_text("epochs: 3\n")
    (tmp_path / "steps.yaml").write_text("steps: 7\n")
    stepped = load_finetuning(tmp_path / "epochs.yaml", {"steps": 5})
    assert (stepped.steps, stepped.epochs) == (5, 1.0)
    passed = load_finetuning(tmp_path / "steps.yaml", {"epochs": 2})
    assert (passed.steps, passed.epochs) == (0, 2.0)
    assert load_finetuning(tmp_path / "epochs.yaml", {"steps": 0}).epochs == 3.0
    with pytest.raises(UsageError, match="epochs 2"):
        load_finetuning(None, {"epochs": 2, "steps": 5})
