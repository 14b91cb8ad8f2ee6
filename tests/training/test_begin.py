"""A TextMonkey that begins with a Monkey or Qwen-VL computes what that computes, and is trained and saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from monkeys import edit_weights, tiny_monkey
from PIL import Image

import monkeyvl
from monkeyvl.checkpoints import family_of, kind_of, read_config
from monkeyvl.errors import Paused, UsageError
from monkeyvl.loading import load_folder
from monkeyvl.training.begin import NEW, begin_textmonkey
from monkeyvl.training.finetune import finetune
from monkeyvl.training.finetune_recipe import Finetuning, load_finetuning

CPU = torch.device("cpu")
# The published ones are for 48 blocks.
WINDOWS = {"window_pos": [1], "window_dim": [8], "window_head": [2]}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A native Monkey, an official one, and a Qwen-VL."""
    root = tmp_path_factory.mktemp("begin")
    made = {
        "native": tiny_monkey(root / "native"),
        "official": tiny_monkey(root / "official", layout="official"),
        "qwen-vl": tiny_monkey(root / "qwen", layout="official"),
    }
    edit_weights(made["qwen-vl"], "_lora.")
    file = made["qwen-vl"] / "config.json"
    config = {**json.loads(file.read_text()), "architectures": ["QWenLMHeadModel"]}
    file.write_text(json.dumps(config))
    return made


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    for number in range(4):
        Image.new("RGB", (60, 40), (60 * number, 90, 40)).save(tmp_path / f"{number}.png")
    entries = [{"image": f"{number}.png", "question": "Which?", "answer": str(number)} for number in range(4)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return tmp_path / "rows.jsonl"


@pytest.mark.parametrize("name", ["native", "official", "qwen-vl"])
def test_it_computes_what_it_began_with(name: str, folders: dict[str, Path]) -> None:
    folder = folders[name]
    monkey, _ = load_folder(folder, "cpu")
    torch.manual_seed(1)
    begun, processor = begin_textmonkey(folder, WINDOWS, CPU, "float32")
    assert begun.config.vision_config.lora_repeat_num == (0 if name == "qwen-vl" else 4)
    new = {key for key in begun.state_dict() if any(part in key for part in NEW)}
    assert {key.split(".")[2] for key in new} == {"transformer", "downresampler"}
    known = monkey.state_dict()
    assert all(torch.equal(value, known[key]) for key, value in begun.state_dict().items() if key not in new)

    canvas = torch.randn(1, 3, 448, 896, generator=torch.Generator().manual_seed(2))
    local, overview = 2 * 256, 256  # fewer than `r`: all stay
    ids = torch.tensor([[5, begun.config.image_start_id, *[7] * (local + overview), 258, 9, 11]])
    ids[0, -3] = begun.config.image_end_id
    with torch.inference_mode():
        one, other = (model(ids, pixel_values=canvas).logits for model in (monkey, begun))
    assert torch.equal(one, other)
    assert processor.image_processor.kept_tokens == 512


def test_what_is_new_learns(folders: dict[str, Path]) -> None:
    begun, _ = begin_textmonkey(folders["native"], WINDOWS, CPU, "float32")
    canvas = torch.randn(1, 3, 448, 896)
    torch.cat(list(begun.get_image_features(canvas).pooler_output)).square().sum().backward()
    # Behind a zero nothing learns in the first step; the zeros themselves do.
    for name in ("transformer.window_attention.0.shift_attn.mlp.fc2", "downresampler.layers.0.1.fc2"):
        assert begun.model.visual.get_submodule(name).weight.grad.abs().max() > 0


@pytest.mark.parametrize("name", ["native", "qwen-vl"])
def test_a_run_is_resumed_and_saves_a_textmonkey(name: str, folders: dict[str, Path], rows: Path) -> None:
    recipe = Finetuning(
        model=str(folders[name]),
        start_as="textmonkey",
        start_settings=WINDOWS,
        parts=("textmonkey",),
        steps=2,
        batch_size=1,
        hold_out=0.0,
        learning_rate=1e-3,
        save_steps=1,
        warmup_steps=0,
    )
    out = rows.parent
    whole = finetune(rows, out / "whole", recipe)
    with pytest.raises(Paused, match="paused at step 1 of 2"):
        finetune(rows, out / "broken", recipe, minutes=1e-9)
    resumed = finetune(rows, out / "broken", recipe, resume=True)
    assert kind_of(whole) == family_of(whole) == "textmonkey"
    one, other = (load_folder(folder, "cpu", "float32")[0].state_dict() for folder in (whole, resumed))
    assert all(torch.equal(value, other[key]) for key, value in one.items())
    assert any(
        key.endswith("downresampler.layers.0.1.fc2.weight") and value.any() for key, value in one.items()
    )
    assert read_config(whole)["vision_config"]["window_pos"] == [1]
    answer = monkeyvl.load(whole, "cpu").ask(rows.parent / "1.png", "Which?", max_new_tokens=2)
    assert answer.tokens["image"] == 512 + 256


def test_the_recipe_begins_with_a_monkey() -> None:
    recipe = load_finetuning(Path(__file__).resolve().parents[2] / "recipes" / "textmonkey.yaml")
    assert (recipe.model, recipe.start_as) == ("monkey", "textmonkey")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"start_as": "monkey"}, "start_as 'monkey'"),
        ({"start_as": "textmonkey", "method": "lora"}, "needs method full"),
        ({"start_settings": {"r": 5}}, "belong to start_as"),
    ],
)
def test_contradictions_are_named(values: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Finetuning(**values)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"colour": 1}, "no 'colour'"),
        ({"dtype": "float16"}, "no 'dtype'"),
        ({"r": 0}, "r is 0"),
        ({"r": "many"}, "start_settings .*'r': 'many'"),
        ({}, "window_pos names block 2; there are 2"),
    ],
)
def test_settings_that_make_no_model(settings: dict[str, Any], said: str, folders: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match=said):
        begin_textmonkey(folders["native"], settings, CPU, "float32")


def test_only_monkeys_become_textmonkeys(tmp_path: Path) -> None:
    folder = tiny_monkey(tmp_path / "tiny", "textmonkey")
    with pytest.raises(UsageError, match="is a textmonkey"):
        begin_textmonkey(folder, {"r": 5}, CPU, "float32")
