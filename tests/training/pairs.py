"""Runs of two processes, and how near two runs are to each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.commands import launch
from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env
from safetensors.torch import load_file

from monkeyvl.training.finetune import finetune
from monkeyvl.training.finetune_recipe import Finetuning

HERE = Path(__file__).resolve().parent
RECIPES = Path(__file__).resolve().parents[2] / "recipes" / "accelerate"
ALONE = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def settings(place: Path, **others: Any) -> dict[str, Any]:
    values = {"steps": 4, "batch_size": 8, "save_steps": 1, "learning_rate": 1e-3}
    values["eval_steps"] = 4 if others.get("hold_out", 0.2) else 0
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
        timeout=1500,
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
