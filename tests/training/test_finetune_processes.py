"""Fine-tuning by two processes: the same rows, losses and weights as by one; what happens when one dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.commands import launch
from accelerate.commands.config.config_args import ClusterConfig
from accelerate.utils import FullyShardedDataParallelPlugin
from accelerate.utils.fsdp_utils import fsdp2_prepare_auto_wrap_policy
from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env
from monkeys import tiny_monkey
from PIL import Image
from safetensors.torch import load_file
from support import tiny_checkpoint
from toys import small_monkey

from monkeyvl.cli import main
from monkeyvl.drivers import classes_of
from monkeyvl.errors import CheckpointError, MonkeyVLError, Paused, UsageError
from monkeyvl.models.monkey import MonkeyVisionConfig
from monkeyvl.models.monkey.vision import MonkeyVisionModel
from monkeyvl.training.finetune import finetune
from monkeyvl.training.finetune_recipe import Finetuning
from monkeyvl.training.finetune_score import Score, joined
from monkeyvl.training.processes import spread
from monkeyvl.training.starting import Silent, _reason, speaking_once

HERE = Path(__file__).resolve().parent
RECIPES = Path(__file__).resolve().parents[2] / "recipes" / "accelerate"
FILES = ("ddp", "fsdp2", "fsdp2-cpu", "deepspeed-zero2", "deepspeed-zero3")
COLOURS = ("red", "green", "blue", "yellow and long")
ALONE = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint and rows of different lengths."""
    folder = tmp_path_factory.mktemp("place")
    tiny_checkpoint(folder / "tiny")
    (folder / "images").mkdir()
    lines = []
    for number in range(24):
        colour = COLOURS[number % 4]
        name = f"images/{number}.png"
        Image.new("RGB", (32 * (1 + number % 2), 32), colour.split()[0]).save(folder / name)
        row = {"image": name, "question": "Colour?" + " please" * (number % 5), "answer": colour}
        lines.append(json.dumps(row) + "\n")
    (folder / "rows.jsonl").write_text("".join(lines))
    return folder


def settings(place: Path, **others: Any) -> dict[str, Any]:
    values = {"steps": 4, "batch_size": 8, "save_steps": 1, "eval_steps": 4, "learning_rate": 1e-3}
    return {
        "model": str(place / "tiny"),
        "hold_out": 0.2,
        "warmup_steps": 2,
        "method": "full",
        **values,
        **others,
    }


def environment(name: str) -> dict[str, str]:
    """What `accelerate launch` sets for a configuration, on CPUs and in float32."""
    file = RECIPES / f"{name}.yaml"
    more = ["--config_file", str(file), "--mixed_precision", "no"]
    args = launch.launch_command_parser().parse_args([*more, "-m", "monkeyvl"])
    args, *_ = launch._validate_launch_command(args)
    deepspeed = name.startswith("deepspeed")
    args.deepspeed_fields_from_accelerate_config = ""  # which `accelerate launch` itself adds
    made = prepare_deepspeed_cmd_env(args)[1] if deepspeed else prepare_multi_gpu_env(args)
    wanted = ("ACCELERATE_", "FSDP_")
    return {key: value for key, value in made.items() if key.startswith(wanted)} | {
        "ACCELERATE_USE_CPU": "true"
    }


def by_two(place: Path, *runs: tuple[str, dict[str, Any]]) -> list[list[int]]:
    """Exit codes of runs: name of the folder, and what differs from a plain one."""
    made = [
        {
            **{"data": str(place / "rows.jsonl"), "out": str(place / name), "settings": settings(place)},
            **{"environment": {}, "resume": False, "signal": None, **more},
        }
        for name, more in runs
    ]
    file = place / "runs.json"
    file.write_text(json.dumps(made))
    done = subprocess.run(
        [sys.executable, str(HERE / "twins.py"), str(file)],
        capture_output=True,
        text=True,
        env=ALONE,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    (place / "said.txt").write_text(done.stderr)
    codes: list[list[int]] = json.loads(done.stdout.splitlines()[-1])
    return codes


def curve(folder: Path) -> list[tuple[int, str, float]]:
    """Losses, gradient norms and scores by step."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [
        (line["step"], name, line[name])
        for line in lines
        for name in ("loss", "grad_norm", "held_out_loss", "exact_match")
        if name in line
    ]


def assert_close(found: list[tuple[int, str, float]], expected: list[tuple[int, str, float]]) -> None:
    """What docs/finetuning.md says of losses and gradient norms."""
    assert [line[:2] for line in found] == [line[:2] for line in expected]
    for (step, name, value), (_, _, wanted) in zip(found, expected, strict=True):
        assert value == pytest.approx(wanted, rel=1e-3 if name == "grad_norm" else 1e-5), (step, name)


def apart(base: Path, one: Path, other: Path) -> float:
    """How far two results are from each other, as a share of the way that the first has gone."""
    begun, a, b = ({k: v.float() for k, v in load_file(x).items()} for x in (base, one, other))
    assert a.keys() == b.keys()
    way = sum(float((value - begun.get(name, torch.zeros(()))).abs().sum()) for name, value in a.items())
    return sum(float((value - b[name]).abs().sum()) for name, value in a.items()) / way


def alone(place: Path, name: str, **others: Any) -> Path:
    """The result of a run by one process."""
    return finetune(place / "rows.jsonl", place / name, Finetuning(**settings(place, **others)))


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


@pytest.mark.skipif(find_spec("deepspeed") is None, reason="needs deepspeed")
def test_deepspeed_does_as_one_process(place: Path) -> None:
    names = ("deepspeed-zero2", "deepspeed-zero3")
    codes = by_two(place, *((n, {"environment": {**environment(n), "DS_ACCELERATOR": "cpu"}}) for n in names))
    assert codes == [[0, 0]] * 2, (place / "said.txt").read_text()
    one = alone(place, "one-for-deepspeed")
    for name in names:
        assert_close(curve(place / name), curve(one.parent))
        result = place / name / "checkpoint" / "model.safetensors"
        assert apart(place / "tiny" / "model.safetensors", one / "model.safetensors", result) < 1e-3


def ranks_of(started: int) -> list[int]:
    """The processes that a starter has started."""
    found = Path(f"/proc/{started}/task/{started}/children").read_text().split()
    return [int(one) for one in found if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for processes in /proc")
def test_processes_started_here_end_with_one_line(place: Path) -> None:
    out = place / "started"
    arguments = ["finetune", "--data", str(place / "rows.jsonl"), "--model", str(place / "tiny")]
    arguments += ["--out", str(out), "--steps", "10000", "--set", "save_steps=2", "--hold-out", "0"]
    command = [sys.executable, "-m", "monkeyvl", *arguments, "--processes", "2"]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ALONE)
    until = time.monotonic() + 100
    while not list(out.glob("checkpoint-*")) and time.monotonic() < until and run.poll() is None:
        time.sleep(0.05)
    ranks = ranks_of(run.pid)
    assert len(ranks) == 2
    os.kill(ranks[1], signal.SIGKILL)
    killed = time.monotonic()
    said = run.communicate(timeout=60)[1]
    assert run.returncode == 1
    assert time.monotonic() - killed < 20
    assert said.splitlines()[-1] == (
        "monkeyvl: process 2 of 2 was ended by SIGKILL; the others were ended, too; "
        "--resume goes on from the last save"
    )
    assert not any(Path(f"/proc/{rank}").exists() for rank in ranks)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--processes", "0"], "--processes is 0; it must be at least 1"),
        (["--processes", "2", "--hold-out", "2"], "hold_out is 2"),
    ],
)
def test_bad_settings_start_nothing(
    place: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["finetune", "--data", str(place / "rows.jsonl"), "--out", str(place / "no"), *more]) == 2
    assert message in capsys.readouterr().err


def test_each_process_needs_a_gpu_of_its_own(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    command = ["finetune", "--data", str(place / "rows.jsonl"), "--out", str(place / "no")]
    assert main([*command, "--processes", "4"]) == 2
    assert "--processes 4: each takes a GPU, and this computer has 2" in capsys.readouterr().err
    assert not (place / "no").exists()


def test_under_a_launcher_one_process_speaks(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    arguments = ["finetune", "--data", str(place / "rows.jsonl"), "--model", str(place / "tiny")]
    arguments += ["--out", str(place / "no"), "--batch-size", "3"]
    for rank, said in (("0", "batch_size 3: no multiple of 1 rows at once on 2 processes"), ("1", "")):
        monkeypatch.setenv("RANK", rank)
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert said in error
        assert bool(error) == bool(said)
        assert main(["train", str(RECIPES.parent / "embedded-cpu.yaml")]) == 2
        assert ("train runs as one process" in capsys.readouterr().err) == bool(said)
    monkeypatch.setenv("RANK", "0")
    assert main([*arguments, "--processes", "2"]) == 2
    assert "leave it out under a launcher" in capsys.readouterr().err


def test_errors_of_one_process_are_told_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(Silent) as silent, speaking_once():
        raise CheckpointError("what all meet")
    assert (silent.value.exit_code, str(silent.value)) == (1, "")
    with pytest.raises(MonkeyVLError, match="a bad row"), speaking_once():
        raise MonkeyVLError("a bad row")
    with (
        pytest.raises(MonkeyVLError, match=r"^process 2 of 2 lost another process \(.*by peer\); --resume"),
        speaking_once(),
    ):
        raise RuntimeError("[gloo/transport/tcp/pair.cc:5] Connection closed by peer")
    with pytest.raises(RuntimeError, match="sizes"), speaking_once():
        raise RuntimeError("sizes do not fit")


class Said:
    """The pipe of a process that has ended."""

    def __init__(self, message: str | None) -> None:
        self.message = message

    def recv(self) -> str:
        if self.message is None:
            raise EOFError
        return self.message


@pytest.mark.parametrize(
    ("codes", "messages", "kind", "told"),
    [
        (
            [1, -9],
            ["process 1 of 2 lost another process (closed)", None],
            MonkeyVLError,
            "process 2 of 2 was ended",
        ),
        (
            [1, 1],
            ["process 1 of 2 lost another process (closed)", "line 5: bad"],
            MonkeyVLError,
            "line 5: bad",
        ),
        ([-6, -9], [None, None], MonkeyVLError, "process 2 of 2 was ended by SIGKILL"),
        ([-6, 1], [None, "line 5: bad"], MonkeyVLError, "line 5: bad"),
        ([1, None], [None, None], MonkeyVLError, "process 1 of 2 failed with exit code 1"),
        ([2, 2], ["batch_size 3", ""], UsageError, "batch_size 3"),
        ([3, 3], ["paused at step 2", ""], Paused, "paused at step 2"),
    ],
)
def test_the_cause_is_told_not_what_follows_from_it(
    codes: list[int | None], messages: list[str | None], kind: type, told: str
) -> None:
    reason = _reason(codes, [Said(message) for message in messages])  # type: ignore[misc]
    assert type(reason) is kind
    assert str(reason).startswith(told)


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
