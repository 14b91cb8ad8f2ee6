"""What a training is computed to need, beside what one really allocates, at toy size on the CPU."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from monkeys import tiny_monkey
from PIL import Image
from support import tiny_checkpoint
from torch.profiler import ProfilerActivity, profile
from transformers import TrainerCallback

from monkeyvl.catalogue import NF4_BYTES
from monkeyvl.checkpoints import kind_of
from monkeyvl.cli import main
from monkeyvl.data.streaming import Rows, load
from monkeyvl.drivers import driver_for
from monkeyvl.errors import UsageError
from monkeyvl.loading import load_folder
from monkeyvl.memory import LINEAR, config_of, memory_of
from monkeyvl.training import finetune as module
from monkeyvl.training.encoding import RowEncoder, collate
from monkeyvl.training.finetune import finetune, with_adapters
from monkeyvl.training.finetune_recipe import Finetuning, load_finetuning
from monkeyvl.training.finetune_score import answer_loss
from monkeyvl.training.memory import SHARDED, Plan, Training, begun_config, others, settled, shape_of
from monkeyvl.training.parts import chosen_parts, freeze_others, linear_layers
from monkeyvl.training.rehearsal import Shape

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
KINDS = ("minimonkey", "monkey", "textmonkey")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    tiny_checkpoint(root / "minimonkey")
    for kind in KINDS[1:]:
        tiny_monkey(root / kind, kind)
    return {kind: root / kind for kind in KINDS}


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    lines = []
    for number in range(4):
        Image.new("RGB", (400, 400), (60 * number, 90, 40)).save(tmp_path / f"{number}.png")
        entry = {"image": f"{number}.png", "question": "Which?", "answer": "one of four " * 20}
        lines.append(json.dumps(entry) + "\n")
    (tmp_path / "rows.jsonl").write_text("".join(lines))
    return tmp_path / "rows.jsonl"


class Sizes(TrainerCallback):
    """Bytes of what the trainer holds, gradients when they are whole, states after a step."""

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        weights = list(kwargs["model"].parameters())
        self.weights = sum(one.nbytes for one in weights)
        self.gradients = sum(one.grad.nbytes for one in weights if one.grad is not None)

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        optimizer = kwargs["optimizer"]
        kept = [value for one in optimizer.state.values() for value in one.values()]
        self.states = sum(value.nbytes for value in kept)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["full", "lora"])
def test_weights_gradients_and_states_are_the_trainers(
    kind: str, method: str, folders: dict[str, Path], rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Finetuning(
        model=str(folders[kind]),
        method=method,
        parts=(kind,) if method == "full" else ("text",),
        **{"steps": 1, "batch_size": 1, "hold_out": 0.0, "learning_rate": 1e-3},
    )
    sizes = Sizes()
    original = module.RowTrainer.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.add_callback(sizes)

    monkeypatch.setattr(module.RowTrainer, "__init__", init)
    finetune(rows, rows.parent / "out", recipe)
    config = config_of(str(folders[kind]))
    training = Training(config, recipe, Shape(1, 64, 8))
    assert sizes.gradients == training.gradient_bytes
    assert sizes.states == training.state_bytes
    base = 4 if method == "full" else 2  # a GPU's bfloat16 under the adapters; here they are on float32
    adapters = 0 if method == "full" else training.learning
    assert training.weight_bytes == base * (training.weights - adapters) + 4 * adapters
    assert sizes.weights == 4 * training.weights


def allocated(what: Any) -> tuple[int, int]:
    """The most bytes that torch's CPU allocator gives out at a time while something runs, and those that its
    result keeps."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        result = what()
    events = [one for one in profiler.profiler.kineto_results.events() if one.name() == "[memory]"]
    live = peak = 0
    for one in sorted(events, key=lambda event: event.start_ns()):
        live += one.nbytes()
        peak = max(peak, live)
    del result
    return peak, live


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize(
    ("kind", "method"),
    [("minimonkey", "full"), ("minimonkey", "lora"), ("monkey", "full"), ("textmonkey", "full")],
)
def test_a_pass_is_computed_as_it_is_allocated(
    kind: str, method: str, checkpointing: bool, folders: dict[str, Path], rows: Path
) -> None:
    """Within 25 %: of the same row, from its pixels and ids on, as the trainer does it. Besides the peak,
    which may be the pixels in models as small as these, what the forward pass leaves to the backward pass."""
    folder = folders[kind]
    recipe = Finetuning(model=str(folder), method=method, parts=(kind,) if method == "full" else ("text",))
    dtype = "float32" if method == "full" else "bfloat16"
    model, processor = load_folder(folder, "cpu", dtype)
    encoder = RowEncoder(processor, driver_for(model, processor), kind_of(folder), 4096)
    example = encoder(load(Rows(rows)[0]))
    batch = collate([example], 0)
    pixels = batch["pixel_values"]
    learning = chosen_parts(recipe.parts, kind)
    trained = model
    if method == "full":
        freeze_others(model, learning, kind)
    else:
        trained = with_adapters(model, recipe, linear_layers(model, learning, kind), folder)
    trained.train()
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    for one in trained.parameters():
        one.grad = torch.zeros_like(one) if one.requires_grad else None

    def forward() -> Any:
        inputs = {**batch, "pixel_values": pixels.to(model.dtype, copy=True)}
        with torch.autocast("cpu", torch.bfloat16):
            return answer_loss(trained, inputs)[0]

    forward().backward()  # what is made once
    _, kept = allocated(forward)
    peak, _ = allocated(lambda: forward().backward())
    answers = int((batch["labels"] >= 0).sum())
    tokens = batch["input_ids"].shape[1]
    windows = (1, 1) if kind == "minimonkey" else tuple(side // 448 for side in pixels.shape[-2:])
    shape = Shape(1, tokens, answers, len(pixels), windows)
    computed = Training(config_of(str(folder)), recipe, shape).one_pass(False, checkpointing)
    assert computed.peak == pytest.approx(peak, rel=0.25)
    assert computed.kept == pytest.approx(kept, rel=0.25)
    assert 0 < computed.logits < computed.peak


def tiny_training(folder: Path, **values: Any) -> Training:
    recipe = Finetuning(**{"model": str(folder), "method": "full", **values})
    return Training(config_of(str(folder)), recipe, Shape(1, 64, 8))


def test_what_is_shared_is_a_processs_part(folders: dict[str, Path]) -> None:
    training = tiny_training(folders["minimonkey"])
    n = training.learning
    whole = training.memory(Plan())
    assert list(whole.gpu.values())[:2] == [4 * n, 4 * n]
    assert training.memory(Plan(8, "ddp")).total == whole.total + 4 * n, "DDP sends copies of the gradients"
    shared = training.memory(Plan(8, "fsdp2"))
    assert list(shared.gpu.values())[:3] == [value / 8 for value in list(whole.gpu.values())[:3]]
    assert list(training.memory(Plan(8, "zero2")).gpu.values())[:3] == [2 * n, 2 * n / 8, 12 * n / 8]
    assert list(training.memory(Plan(8, "zero3")).gpu.values())[:3] == [2 * n / 8, 2 * n / 8, 12 * n / 8]
    for shard, moved in (("zero2", 14 * n / 8), ("zero3", 16 * n / 8)):
        here, away = (training.memory(Plan(8, shard, offload)) for offload in (False, True))
        assert away.host == moved
        assert away.total == here.total - moved


def test_fsdp2_evaluates_with_the_whole_model(folders: dict[str, Path]) -> None:
    training, silent = (tiny_training(folders["minimonkey"], hold_out=share) for share in (0.1, 0.0))
    n, plan = training.learning, Plan(8, "fsdp2")
    found = training.memory(plan)
    states = found.gpu["AdamW's states"]
    assert found.evaluation == 2 * n + 4 * n / 8 + states
    assert training.memory(Plan(8, "fsdp2", offload=True)).evaluation == 2 * n
    assert silent.memory(plan).evaluation == training.memory(Plan(8, "zero3")).evaluation == 0
    assert found.fits(1)
    assert not replace(found, evaluation=0.9e9).fits(1)


def test_qlora_is_a_quarter_of_the_layers(folders: dict[str, Path]) -> None:
    lora, qlora = (
        tiny_training(folders["minimonkey"], method=method, parts=("text",)) for method in ("lora", "qlora")
    )
    linear = memory_of(config_of(str(folders["minimonkey"]))).parts[LINEAR]
    assert lora.weight_bytes - qlora.weight_bytes == linear * (2 - NF4_BYTES)
    assert lora.gradient_bytes == qlora.gradient_bytes
    for shard in SHARDED:
        with pytest.raises(UsageError, match="of 4 bits is not spread"):
            qlora.memory(Plan(8, shard))
    assert [one.plan.shard for one in others(qlora, Plan(8, "ddp"))] == []


def test_the_command_says_whether_a_card_holds_it(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(f"name: r\nmodel: {folders['monkey']}\nmethod: full\nparts: [monkey]\n")
    command = ["memory", "--recipe", str(recipe), "--set", "rows_at_once=1"]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert "at a time 1 of 2000 tokens, 2 x 2 windows, 256 tokens of answers" in told
    assert told.endswith("a card of 24 GB: yes\n")
    assert main([*command, "--card", "0"]) == 1
    assert capsys.readouterr().out.endswith("a card of 0 GB: no; try --set method=lora\n")
    start = ["--set", "start_as=textmonkey", "--set", 'start_settings={window_pos: [1], window_dim: [8], '
             "window_head: [2], r: 30}", "--set", "parts=[textmonkey]"]  # fmt: skip
    assert main([*command, *start, "--tokens", "600", "--processes", "2", "--offload", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["shard"], facts["tokens"], facts["processes"]) == ("fsdp2", 600, 2)
    assert facts["total_bytes"] == sum(facts["gpu_bytes"].values())
    assert facts["pass_bytes"]["checkpointed"] <= facts["pass_bytes"]["not_checkpointed"]
    assert facts["host_bytes"] > 0
    assert facts["evaluation_bytes"] == 2 * facts["weights"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--processes", "0"], "--processes 0"),
        (["--shard", "zero1"], "--shard 'zero1'"),
        (["--offload"], "--offload needs one of --shard zero2, zero3, fsdp2"),
        (["--processes", "2", "--shard", "none"], "is for one process, not 2"),
        (["--tokens", "0"], "--tokens is 0"),
        (["--answers", "0"], "--answers is 0"),
        (["--tokens", "100"], "do not hold a"),
    ],
)
def test_wrong_use_is_one_line(
    more: list[str], said: str, folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.yaml").write_text(f"model: {folders['minimonkey']}\n")
    assert main(["memory", "--recipe", str(tmp_path / "r.yaml"), *more]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_options_of_a_training_need_its_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--processes", "--answers", "--card"):
        assert main(["memory", "monkey", option, "8"]) == 2
        assert "are of a training: --recipe" in capsys.readouterr().err
    assert main(["memory", "--recipe", "r.yaml", "--batch", "2"]) == 2
    assert "--set rows_at_once=2" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["monkey", "textmonkey", "minimonkey", "lora-24gb"])
def test_published_models_are_counted_without_weights(name: str) -> None:
    recipe = load_finetuning(RECIPES / f"{name}.yaml")
    config = begun_config(recipe)
    shape = shape_of(config, settled(recipe, config), 8)
    assert shape.rows == 1
    training = Training(config, settled(recipe, config), shape)
    assert training.learning < training.weights
    if name == "textmonkey":
        assert config.model_type == "textmonkey"
        assert config.vision_config.lora_repeat_num == 4, "Monkey's adapters"
