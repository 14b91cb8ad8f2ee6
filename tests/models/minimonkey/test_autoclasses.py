"""transformers' Auto classes know the model; code that a checkpoint brings is neither run nor asked about."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForImageTextToText, InternVLConfig

from monkeyvl.errors import CheckpointError
from monkeyvl.models.minimonkey import MiniMonkeyConfig, MiniMonkeyForConditionalGeneration, MiniMonkeyModel


@pytest.fixture(scope="module")
def saved(model: MiniMonkeyForConditionalGeneration, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("native")
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("layout", ["official", "saved"])
def test_auto_classes(
    layout: str, request: pytest.FixtureRequest, model: MiniMonkeyForConditionalGeneration
) -> None:
    folder = request.getfixturevalue(layout)
    config = AutoConfig.from_pretrained(folder)
    assert type(config) is MiniMonkeyConfig
    assert config.image_token_id == 317
    loaded = AutoModelForImageTextToText.from_pretrained(folder)
    assert type(loaded) is MiniMonkeyForConditionalGeneration
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    assert loaded.generation_config.eos_token_id == 2
    assert type(AutoModel.from_pretrained(folder)) is MiniMonkeyModel
    assert type(AutoModelForImageTextToText.from_config(config)) is MiniMonkeyForConditionalGeneration


def test_auto_config_finds_the_image_token_in_the_tokenizer_files(official: Path, tmp_path: Path) -> None:
    config = json.loads((official / "config.json").read_text())
    del config["img_context_token_id"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="no id found for <IMG_CONTEXT>"):
        AutoConfig.from_pretrained(tmp_path)
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<IMG_CONTEXT>": 12}))
    assert AutoConfig.from_pretrained(tmp_path).image_token_id == 12


def test_unknown_architecture_of_the_shared_type_is_named(tmp_path: Path) -> None:
    config = {"model_type": "internvl_chat", "architectures": ["OtherChatModel"], "llm_config": {}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="OtherChatModel"):
        AutoConfig.from_pretrained(tmp_path)


def test_native_internvl_stays_transformers_own(tmp_path: Path) -> None:
    InternVLConfig().save_pretrained(tmp_path)
    assert type(AutoConfig.from_pretrained(tmp_path)) is InternVLConfig


CODE = """
import sys
import monkeyvl.models.minimonkey
from transformers import AutoConfig, AutoModel, AutoModelForImageTextToText
from monkeyvl.models.minimonkey import MiniMonkeyForConditionalGeneration
for load in (MiniMonkeyForConditionalGeneration, AutoConfig, AutoModelForImageTextToText, AutoModel):
    for options in ({}, {"trust_remote_code": True}):
        print(type(load.from_pretrained(sys.argv[1], **options)).__name__)
"""


def test_code_in_a_folder_is_never_run_nor_asked_about(official: Path, tmp_path: Path) -> None:
    folder, trace = tmp_path / "checkpoint", tmp_path / "was-run"
    shutil.copytree(official, folder)
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {
        "AutoConfig": "theirs.Config",
        "AutoModel": "theirs.Model",
        "AutoModelForImageTextToText": "theirs.Model",
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "theirs.py").write_text(f"open({str(trace)!r}, 'w')\nclass Config: ...\nclass Model: ...\n")
    run = subprocess.run(
        [sys.executable, "-c", CODE, str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    expected = [
        MiniMonkeyForConditionalGeneration,
        MiniMonkeyConfig,
        MiniMonkeyForConditionalGeneration,
        MiniMonkeyModel,
    ]
    assert run.stdout.split() == [kind.__name__ for kind in expected for _ in range(2)]
    assert "custom code" not in run.stdout + run.stderr
    assert not trace.exists()
