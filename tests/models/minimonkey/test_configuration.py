"""Official configurations become native ones, with the image token's id found where it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import InternVLConfig, LlamaConfig, Qwen2Config, Qwen3Config

from monkeyvl.errors import CheckpointError
from monkeyvl.models.minimonkey import MiniMonkeyConfig
from monkeyvl.models.minimonkey.configuration import is_official

VISION = {
    "architectures": ["InternVisionModel"],
    "model_type": "intern_vit_6b",
    "hidden_size": 1024,
    "num_attention_heads": 16,
    "num_hidden_layers": 24,
    "intermediate_size": 4096,
    "image_size": 448,
    "patch_size": 14,
    "num_channels": 3,
    "qkv_bias": True,
    "qk_normalization": False,
    "use_flash_attn": True,
    "hidden_act": "gelu",
    "norm_type": "layer_norm",
    "layer_norm_eps": 1e-06,
    "drop_path_rate": 0.1,
    "dropout": 0.0,
    "initializer_factor": 1.0,
}
# Published files list every generation setting of their day in the language model's part.
GENERATION = {
    "do_sample": False,
    "max_length": 20,
    "num_beams": 4,
    "temperature": 0.7,
    "top_k": 50,
    "length_penalty": 1.0,
    "bad_words_ids": None,
    "is_decoder": False,
    "return_dict": True,
    "output_attentions": False,
    "torchscript": False,
    "use_bfloat16": True,
    "torch_dtype": "bfloat16",
    "id2label": {"0": "LABEL_0", "1": "LABEL_1"},
    "label2id": {"LABEL_0": 0, "LABEL_1": 1},
    "transformers_version": "4.37.2",
}
INTERNLM2 = {
    **GENERATION,
    "architectures": ["InternLM2ForCausalLM"],
    "auto_map": {"AutoConfig": "configuration_internlm2.InternLM2Config"},
    "model_type": "internlm2",
    "attn_implementation": "flash_attention_2",
    "bias": False,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "max_position_embeddings": 32768,
    "num_attention_heads": 16,
    "num_hidden_layers": 24,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {"factor": 2.0, "type": "dynamic"},
    "rope_theta": 1000000,
    "tie_word_embeddings": False,
    "vocab_size": 92553,
}
QWEN2 = {
    **GENERATION,
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "bos_token_id": 151643,
    "eos_token_id": 151643,
    "hidden_size": 896,
    "intermediate_size": 4864,
    "max_position_embeddings": 32768,
    "max_window_layers": 70,
    "num_attention_heads": 14,
    "num_hidden_layers": 24,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_scaling": {"factor": 2.0, "rope_type": "dynamic", "type": "dynamic"},
    "rope_theta": 1000000.0,
    "sliding_window": 32768,
    "use_sliding_window": False,
    "vocab_size": 151674,
}


def published(llm: dict[str, Any] = INTERNLM2, **changes: Any) -> dict[str, Any]:
    return {
        "architectures": ["InternVLChatModel"],
        "auto_map": {"AutoConfig": "configuration_internvl_chat.InternVLChatConfig"},
        "model_type": "internvl_chat",
        "downsample_ratio": 0.5,
        "dynamic_image_size": True,
        "force_image_size": 448,
        "ps_version": "v2",
        "select_layer": -1,
        "template": "internlm2-chat",
        "torch_dtype": "bfloat16",
        "use_backbone_lora": 0,
        "use_llm_lora": 0,
        "vision_config": VISION,
        "llm_config": llm,
        **changes,
    }


def write(folder: Path, config: dict[str, Any], **files: Any) -> Path:
    (folder / "config.json").write_text(json.dumps(config))
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def test_reference_folder(official: Path) -> None:
    config = MiniMonkeyConfig.from_pretrained(official)
    assert config.model_type == "minimonkey"
    assert config.architectures == ["MiniMonkeyForConditionalGeneration"]
    assert (config.image_token_id, config.image_seq_length) == (317, 4)
    assert (config.downsample_ratio, config.vision_feature_layer) == (0.5, -1)
    assert config.projector_hidden_act == "gelu"
    assert config.tie_word_embeddings is False
    vision, text = config.vision_config, config.text_config
    assert vision.attention_bias is True
    assert vision.use_mean_pooling is True
    assert (vision.norm_type, vision.layer_norm_eps, vision.hidden_act) == ("layer_norm", 1e-6, "gelu")
    assert (tuple(vision.image_size), tuple(vision.patch_size)) == ((56, 56), (14, 14))
    assert isinstance(text, LlamaConfig)
    assert text.rope_parameters == {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000}
    assert (text.attention_bias, text.rms_norm_eps, text.hidden_act) == (False, 1e-5, "silu")
    assert (text.eos_token_id, text.pad_token_id, text.tie_word_embeddings) == (2, 2, False)


def test_published_2b_folder_survives_saving(tmp_path: Path) -> None:
    config = MiniMonkeyConfig.from_pretrained(write(tmp_path, published()))
    text = config.text_config
    assert (text.hidden_size, text.num_key_value_heads, text.vocab_size) == (2048, 8, 92553)
    assert text.eos_token_id == [2, 92542, 92543]
    assert text.rope_parameters == {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1000000}
    assert config.image_seq_length == 256
    assert str(config.dtype) == "torch.bfloat16"
    assert not {"temperature", "top_k", "num_beams", "auto_map"} & set(text.to_dict())
    saved = tmp_path / "native"
    config.save_pretrained(saved)
    again = MiniMonkeyConfig.from_pretrained(saved)
    assert again.to_dict() == config.to_dict()
    assert "auto_map" not in json.loads((saved / "config.json").read_text())


def test_internlm2_with_bias_has_attention_bias(tmp_path: Path) -> None:
    folder = write(tmp_path, published({**INTERNLM2, "bias": True}))
    assert MiniMonkeyConfig.from_pretrained(folder).text_config.attention_bias is True


def test_qwen2_sibling_stops_at_the_end_of_a_turn(tmp_path: Path) -> None:
    added = {"<IMG_CONTEXT>": 151667, "<|im_end|>": 151645}
    config = MiniMonkeyConfig.from_pretrained(write(tmp_path, published(QWEN2), added_tokens=added))
    text = config.text_config
    assert isinstance(text, Qwen2Config)
    assert config.image_token_id == 151667
    assert text.eos_token_id == [151643, 151645]
    assert text.rope_parameters == {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1000000.0}
    assert set(text.layer_types) == {"full_attention"}


@pytest.mark.parametrize(("kind", "expected"), [("llama", LlamaConfig), ("qwen3", Qwen3Config)])
def test_other_siblings(tmp_path: Path, kind: str, expected: type) -> None:
    llm = {"model_type": kind, "hidden_size": 64, "num_attention_heads": 4, "head_dim": 32, "vocab_size": 99}
    config = MiniMonkeyConfig.from_pretrained(write(tmp_path, published(llm, image_token_id=7)))
    assert isinstance(config.text_config, expected)
    assert config.text_config.head_dim == 32
    assert config.text_config.rope_parameters == {"rope_type": "default", "rope_theta": 10000.0}


def test_six_billion_vision_tower_is_what_missing_fields_mean(tmp_path: Path) -> None:
    folder = write(tmp_path, published(vision_config={"model_type": "intern_vit_6b", "image_size": 448}))
    vision = MiniMonkeyConfig.from_pretrained(folder).vision_config
    assert (vision.hidden_size, vision.num_hidden_layers, vision.num_attention_heads) == (3200, 48, 25)
    assert (vision.use_qk_norm, vision.norm_type, vision.attention_bias) == (True, "rms_norm", False)


SMALL = {**INTERNLM2, "vocab_size": 1000}
TOKEN = {"content": "<IMG_CONTEXT>", "special": True}
OTHER = {"content": "<img>", "special": True}


@pytest.mark.parametrize(
    ("config", "files", "expected"),
    [
        (published(image_token_id=11, img_context_token_id=12), {}, 11),
        (published(img_context_token_id=12), {"added_tokens": {"<IMG_CONTEXT>": 13}}, 12),
        (published(SMALL), {"added_tokens": {"<img>": 3, "<IMG_CONTEXT>": 13}}, 13),
        (published(SMALL), {"tokenizer_config": {"added_tokens_decoder": {"3": OTHER, "14": TOKEN}}}, 14),
        (published(SMALL), {"tokenizer": {"added_tokens": [{"id": 3, **OTHER}, {"id": 15, **TOKEN}]}}, 15),
        (published(), {"added_tokens": {"<IMG_CONTEXT>": 16}}, 16),
        (published(), {"added_tokens": {"<img>": 3}, "tokenizer_config": {}, "tokenizer": {}}, 92546),
        (published(), {}, 92546),
    ],
)
def test_image_token_id_rules(
    tmp_path: Path, config: dict[str, Any], files: dict[str, Any], expected: int
) -> None:
    folder = write(tmp_path, config, **files)
    assert MiniMonkeyConfig.from_pretrained(folder).image_token_id == expected
    assert MiniMonkeyConfig.from_pretrained(folder / "config.json").image_token_id == expected


def test_unknown_image_token_id_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"<IMG_CONTEXT>.*1000 words.*92553") as caught:
        MiniMonkeyConfig.from_pretrained(write(tmp_path, published(SMALL)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (published({"model_type": "phi3"}), r"'phi3'.*internlm2, llama, qwen2, qwen3"),
        (published(ps_version="v1"), r"ps_version is 'v1'"),
        (published(use_llm_lora=16), r"use_llm_lora is 16"),
        (published(architectures=["SomethingElse"]), r"SomethingElse.*neither Mini-Monkey nor InternVL"),
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, r"'llama'.*LlamaForCausalLM"),
    ],
)
def test_what_cannot_be_loaded_is_named(tmp_path: Path, config: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        MiniMonkeyConfig.from_pretrained(write(tmp_path, config))


@pytest.mark.parametrize("name", ["added_tokens.json", "tokenizer_config.json", "tokenizer.json"])
@pytest.mark.parametrize("content", ["{broken", "[1, 2]"])
def test_damaged_tokenizer_files_are_named(tmp_path: Path, name: str, content: str) -> None:
    folder = write(tmp_path, published())
    (folder / name).write_text(content)
    with pytest.raises(CheckpointError, match=f"{name}: no JSON object") as raised:
        MiniMonkeyConfig.from_pretrained(folder)
    assert "\n" not in str(raised.value)


def test_own_fields_round_trip(tmp_path: Path) -> None:
    config = MiniMonkeyConfig(text_config=LlamaConfig(vocab_size=50), cropping="demo")
    assert config.tie_word_embeddings is False
    config.save_pretrained(tmp_path)
    again = MiniMonkeyConfig.from_pretrained(tmp_path)
    assert (again.cropping, again.tie_word_embeddings, again.text_config.vocab_size) == ("demo", False, 50)


def test_native_internvl_folder_reads_as_ours(tmp_path: Path) -> None:
    InternVLConfig(image_token_id=5).save_pretrained(tmp_path)
    config = MiniMonkeyConfig.from_pretrained(tmp_path)
    assert (type(config), config.image_token_id, config.tie_word_embeddings) == (MiniMonkeyConfig, 5, True)


def test_is_official_goes_by_architectures() -> None:
    assert is_official(published())
    assert is_official(published(architectures=["MiniMonkeyChatModel"], model_type="anything"))
    assert not is_official(published(architectures=["NVLM_D"]))
    assert not is_official({"architectures": ["InternVLChatModel"]})
    assert not is_official({})
