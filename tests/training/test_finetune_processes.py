"""Fine-tuning by two processes: the same rows, losses and weights as by one; one that dies, and spreading."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.commands.config.config_args import ClusterConfig
from accelerate.utils import FullyShardedDataParallelPlugin
from accelerate.utils.fsdp_utils import fsdp2_prepare_auto_wrap_policy
from monkeys import tiny_monkey
from pairs import RECIPES, alone, apart, assert_close, by_two, curve, environment, settings
from safetensors.torch import load_file
from support import tiny_checkpoint
from toys import small_monkey

from monkeyvl.drivers import classes_of
from monkeyvl.models.monkey import MonkeyVisionConfig
from monkeyvl.models.monkey.vision import MonkeyVisionModel
from monkeyvl.training.finetune_score import Score, joined
from monkeyvl.training.processes import spread

FILES = ("ddp", "fsdp2", "fsdp2-cpu", "deepspeed-zero2", "deepspeed-zero3")


def test_two_processes_do_as_one_and_a_killed_one_ends_the_run_which_resumes(place: Path) -> None:
    fsdp = environment("fsdp2-cpu")
    lora = settings(place, method="lora", rows_at_once=2)
    codes = by_two(
        place,
        ("ddp", {}),
        ("fsdp2", {"environment": fsdp}),
        ("fsdp2-lora", {"environment": fsdp, "settings": lora}),
        ("killed", {"environment": fsdp, "signal": (3, signal.SIGKILL)}),
        ("killed", {"environment": fsdp, "resume": True}),
        ("asked", {"signal": (2, signal.SIGTERM)}),
        ("asked", {"resume": True}),
    )
    said = (place / "said.txt").read_text()
    assert codes[:3] == [[0, 0]] * 3, said
    assert codes[3:] == [[1, -signal.SIGKILL], [0, 0], [1, 1], [0, 0]], said
    assert "process 1 of 2 lost another process" in said
    assert f"{place / 'asked'}: paused at step 2 of 4; --resume goes on" in said, "both stop at the same step"
    assert said.count("in 4 steps\n") == 7, "only the first process writes"

    one, adapter = alone(place, "one"), alone(place, "one-lora", method="lora", rows_at_once=2)
    base = place / "tiny" / "model.safetensors"
    for name in ("ddp", "fsdp2"):
        assert_close(curve(place / name), curve(place / "one"))
        # bfloat16: a weight between two values may be rounded to either
        assert (
            apart(base, one / "model.safetensors", place / name / "checkpoint" / "model.safetensors") < 1e-3
        )
        files = {file.name for file in one.iterdir()}
        assert {file.name for file in (place / name / "checkpoint").iterdir()} == files
        for file in ("config.json", "generation_config.json"):
            assert (place / name / "checkpoint" / file).read_text() == (one / file).read_text()
    named = "adapter_model.safetensors"
    assert apart(base, adapter / named, place / "fsdp2-lora" / "adapter" / named) < 1e-3
    for name, again in (("fsdp2", "killed"), ("ddp", "asked")):
        whole, resumed = (load_file(place / n / "checkpoint" / "model.safetensors") for n in (name, again))
        assert all(torch.equal(value, resumed[key]) for key, value in whole.items())
    assert (place / "fsdp2" / "checkpoint-4" / "pytorch_model_fsdp_0").is_dir(), "the weights were spread"


def test_fsdp2_trains_the_monkeys_and_packs_as_one_process_does(place: Path) -> None:
    others: dict[str, dict[str, Any]] = {"packed": {"pack": 128}}
    for kind in ("monkey", "textmonkey"):
        base = small_monkey(place / f"base-{kind}", kind)
        others[kind] = {"model": str(base), "hold_out": 0.0}
    fsdp = environment("fsdp2-cpu")
    runs = {name: {"environment": fsdp, "settings": settings(place, **more)} for name, more in others.items()}
    codes = by_two(place, *runs.items())
    assert codes == [[0, 0]] * 3, (place / "said.txt").read_text()
    for name, more in others.items():
        one = alone(place, f"{name}-alone", **more)
        assert_close(curve(place / name), curve(place / f"{name}-alone"))
        base = Path(settings(place, **more)["model"]) / "model.safetensors"
        far = apart(base, one / "model.safetensors", place / name / "checkpoint" / "model.safetensors")
        # TextMonkey's attention across windows starts at zero, where Adam makes steps of rounding
        assert far < (0.02 if name == "textmonkey" else 1e-3), name


def test_scores_of_shares_are_joined() -> None:
    parts = [Score(1.0, 0.5, ("a", "c"), 30), Score(3.0, 1.0, ("b",), 10), Score(0.0, 0.0, (), 0)]
    assert joined(parts[:2]) == Score(1.5, pytest.approx(2 / 3), ("a", "b", "c"), 40)
    assert joined([parts[1], parts[2]]) == Score(3.0, 1.0, ("b",), 10)


@pytest.mark.parametrize("name", FILES)
def test_a_configuration_is_one_of_accelerate(name: str) -> None:
    config = ClusterConfig.from_yaml_file(str(RECIPES / f"{name}.yaml"))
    assert config.num_processes == (2 if name == "fsdp2-cpu" else 8)
    made = environment(name)
    assert spread(made) == (name != "ddp")
    if name.startswith("fsdp2"):
        assert made["FSDP_VERSION"] == "2"
        assert made["FSDP_STATE_DICT_TYPE"] == "SHARDED_STATE_DICT"
    if name.startswith("deepspeed"):
        assert made["ACCELERATE_DEEPSPEED_ZERO_STAGE"] == name[-1]


@pytest.mark.parametrize(
    ("kind", "layers"),
    [
        ("minimonkey", {"InternVLVisionLayer", "LlamaDecoderLayer"}),
        ("monkey", {"MonkeyVisionBlock", "ImageResampler", "Qwen2DecoderLayer"}),
        (
            "textmonkey",
            {
                *("MonkeyVisionBlock", "ImageResampler", "Qwen2DecoderLayer"),
                *("CrossWindowAttention", "TokenResampler"),
            },
        ),
    ],
)
def test_each_model_names_its_layers_for_fsdp2(kind: str, layers: set[str], tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "m") if kind == "minimonkey" else tiny_monkey(tmp_path / "m", kind)
    model = classes_of(folder)[0].from_pretrained(folder)
    plugin = FullyShardedDataParallelPlugin(fsdp_version=2, auto_wrap_policy="transformer_based_wrap")
    plugin.set_auto_wrap_policy(model)
    policy = fsdp2_prepare_auto_wrap_policy(plugin, model)
    assert policy is not None
    wrapped = [module for module in model.modules() if policy(module)]
    assert {type(module).__name__ for module in wrapped} == layers
    told = (RECIPES / "fsdp2.yaml").read_text()
    assert all(layer in told for layer in layers)


def test_adapters_without_a_window_have_gradients_of_zero() -> None:
    sizes = {"image_size": 112, "window_size": 56, "patch_size": 14, "width": 8, "layers": 1, "heads": 2}
    config = MonkeyVisionConfig(**sizes, output_dim=16, num_queries=4, pool_head_dim=8, lora_repeat_num=4)
    tower = MonkeyVisionModel(config).train()
    tower(torch.randn(1, 3, 56, 112)).pooler_output.sum().backward()
    gradients = {name: value.grad for name, value in tower.named_parameters() if "_lora." in name}
    assert all(grad is not None for grad in gradients.values())
    for name, grad in gradients.items():
        if "_lora.2." in name or "_lora.3." in name:
            assert not grad.any()
