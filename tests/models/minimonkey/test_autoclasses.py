"""transformers' Auto classes know the model; code that a checkpoint brings is neither run nor asked about."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForImageTextToText,
    AutoProcessor,
    InternVLConfig,
    PreTrainedTokenizerFast,
    pipeline,
)
from transformers.models.auto.image_processing_auto import AutoImageProcessor

from monkeyvl.errors import CheckpointError
from monkeyvl.models.minimonkey import (
    MiniMonkeyConfig,
    MiniMonkeyForConditionalGeneration,
    MiniMonkeyImageProcessor,
    MiniMonkeyModel,
    MiniMonkeyProcessor,
)


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


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    """Bytes-level characters as words, with the reference's ids of the image tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = {"<unk>": 0, "<s>": 1, "</s>": 2, "<|im_end|>": 313, "<|im_start|>": 314}
    special |= {"<img>": 315, "</img>": 316, "<IMG_CONTEXT>": 317}
    vocabulary = {letter: number for number, letter in enumerate(alphabet, start=3)} | special
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    backend.decoder = decoders.ByteLevel()
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="</s>",
        unk_token="<unk>",
        extra_special_tokens=[token for token, number in special.items() if number > 300],
    )


@pytest.fixture(params=["official", "saved"])
def whole(
    request: pytest.FixtureRequest, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> tuple[Path, MiniMonkeyProcessor]:
    """A folder with a tokenizer as well, and the processor it stands for."""
    folder = tmp_path / "whole"
    shutil.copytree(request.getfixturevalue(request.param), folder)
    processor = MiniMonkeyProcessor(MiniMonkeyImageProcessor(tile_size=56), tokenizer)
    (tokenizer if request.param == "official" else processor).save_pretrained(folder)
    return folder, processor


def test_auto_processors(whole: tuple[Path, MiniMonkeyProcessor]) -> None:
    folder, expected = whole
    picture = Image.effect_noise((300, 200), 60).convert("RGB")
    prompt = {"images": [picture], "text": "<image>\nWhat?", "return_tensors": "pt"}
    processor = AutoProcessor.from_pretrained(folder)
    assert type(processor) is MiniMonkeyProcessor
    if (folder / "processor_config.json").exists():
        assert type(AutoImageProcessor.from_pretrained(folder)) is MiniMonkeyImageProcessor
    found, wanted = processor(**prompt), expected(**prompt)
    assert (
        found.keys()
        == wanted.keys()
        == {"input_ids", "attention_mask", *processor.image_processor.model_input_names}
    )
    for name, tensor in wanted.items():
        assert torch.equal(found[name], tensor), name


def test_pipeline_answers_as_the_model_does(whole: tuple[Path, MiniMonkeyProcessor]) -> None:
    folder, processor = whole
    picture = Image.effect_noise((300, 200), 60).convert("RGB")
    content = [{"type": "image", "image": picture}, {"type": "text", "text": "What is the total?"}]
    messages = [{"role": "user", "content": content}]
    ask = pipeline("image-text-to-text", model=str(folder))
    assert type(ask.model) is MiniMonkeyForConditionalGeneration
    options = {"do_sample": False, "compression": 0.5}
    (answer,) = ask(text=messages, max_new_tokens=8, return_full_text=False, generate_kwargs=dict(options))
    inputs = processor.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    ids = ask.model.generate(**inputs, max_new_tokens=8, **options)[0, inputs["input_ids"].shape[1] :]
    assert answer["generated_text"] == processor.decode(ids, skip_special_tokens=True)


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
        timeout=600,
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


SHARED_TYPE = """
import sys
from transformers import CONFIG_MAPPING, AutoConfig, PreTrainedConfig
class TheirConfig(PreTrainedConfig):
    model_type = "internvl_chat"
AutoConfig.register("internvl_chat", TheirConfig)
from monkeyvl.models.minimonkey import MiniMonkeyForConditionalGeneration
print(type(AutoConfig.from_pretrained(sys.argv[1])).__name__)
print(type(MiniMonkeyForConditionalGeneration.from_pretrained(sys.argv[1])).__name__)
"""


def test_a_library_that_was_here_first_keeps_the_shared_type(official: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", SHARED_TYPE, str(official)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.stdout.split() == ["TheirConfig", "MiniMonkeyForConditionalGeneration"], run.stderr
