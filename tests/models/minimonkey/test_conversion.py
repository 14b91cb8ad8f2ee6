"""Official weights land in native modules, whatever the language model, and are saved under native names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import LlamaConfig

from monkeyvl.models.minimonkey import MiniMonkeyConfig, MiniMonkeyForConditionalGeneration, MiniMonkeyModel
from monkeyvl.models.minimonkey.conversion import split_grouped_qkv

VISION = {
    "hidden_size": 32,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "intermediate_size": 48,
    "image_size": 56,
    "norm_type": "layer_norm",
    "qkv_bias": True,
    "qk_normalization": False,
}
TEXT = {
    "hidden_size": 48,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "num_hidden_layers": 2,
    "intermediate_size": 40,
    "vocab_size": 50,
    "max_position_embeddings": 128,
    "eos_token_id": 2,
}
LAYERS = "model.language_model.layers"


def write_config(folder: Path, text: dict[str, Any], vision: dict[str, Any] = VISION) -> None:
    config = {
        "architectures": ["InternVLChatModel"],
        "model_type": "internvl_chat",
        "ps_version": "v2",
        "image_token_id": 49,
        "vision_config": vision,
        "llm_config": {**TEXT, **text},
    }
    (folder / "config.json").write_text(json.dumps(config))


def to_official(state: dict[str, Tensor], text: dict[str, Any]) -> dict[str, Tensor]:
    """Native weights under official names, written anew from the table of names rather than by our rules."""
    common = [
        ("model.vision_tower.embeddings.cls_token", "vision_model.embeddings.class_embedding"),
        ("model.vision_tower.embeddings.position_embeddings", "vision_model.embeddings.position_embedding"),
        (
            "model.vision_tower.embeddings.patch_embeddings.projection",
            "vision_model.embeddings.patch_embedding",
        ),
        ("model.vision_tower.encoder.layer.", "vision_model.encoder.layers."),
        ("attention.projection_layer", "attn.proj"),
        ("attention.q_norm", "attn.q_norm"),
        ("attention.k_norm", "attn.k_norm"),
        ("layernorm_before", "norm1"),
        ("layernorm_after", "norm2"),
        ("lambda_1", "ls1"),
        ("lambda_2", "ls2"),
        ("model.multi_modal_projector.layer_norm", "mlp1.0"),
        ("model.multi_modal_projector.linear_1", "mlp1.1"),
        ("model.multi_modal_projector.linear_2", "mlp1.3"),
        ("model.language_model.", "language_model.model."),
    ]
    internlm2 = [
        ("lm_head.", "language_model.output."),
        ("embed_tokens", "tok_embeddings"),
        ("self_attn.o_proj", "attention.wo"),
        ("input_layernorm", "attention_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("mlp.gate_proj", "feed_forward.w1"),
        ("mlp.up_proj", "feed_forward.w3"),
        ("mlp.down_proj", "feed_forward.w2"),
    ]
    other = [("lm_head.", "language_model.lm_head.")]
    is_internlm2 = text["model_type"] == "internlm2"
    official = {}
    for name, tensor in state.items():
        if ".vision_tower." in name and (match := re.fullmatch(r"(.*)attention\.q_proj\.(\w+)", name)):
            parts = [state[f"{match[1]}attention.{one}_proj.{match[2]}"] for one in "qkv"]
            stem = match[1].replace("model.vision_tower.encoder.layer.", "vision_model.encoder.layers.")
            official[f"{stem}attn.qkv.{match[2]}"] = torch.cat(parts)
        elif is_internlm2 and (match := re.fullmatch(r"(.*)self_attn\.q_proj\.(\w+)", name)):
            q, k, v = (state[f"{match[1]}self_attn.{one}_proj.{match[2]}"] for one in "qkv")
            dim, rows = 8, []
            for kv in range(2):
                rows += [q[query * dim : (query + 1) * dim] for query in range(kv * 3, kv * 3 + 3)]
                rows += [k[kv * dim : (kv + 1) * dim], v[kv * dim : (kv + 1) * dim]]
            stem = match[1].replace("model.language_model.", "language_model.model.")
            official[f"{stem}attention.wqkv.{match[2]}"] = torch.cat(rows)
        elif ("vision_tower" in name or is_internlm2) and re.search(r"\.[kv]_proj\.", name):
            continue
        else:
            for native, theirs in [*common, *(internlm2 if is_internlm2 else other)]:
                name = name.replace(native, theirs)
            official[name] = tensor.contiguous()
    return official


def random_model(folder: Path) -> MiniMonkeyForConditionalGeneration:
    torch.manual_seed(3)
    model = MiniMonkeyForConditionalGeneration(MiniMonkeyConfig.from_pretrained(folder))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    return model


def assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name


LANGUAGE_MODELS = {
    "internlm2": {"model_type": "internlm2", "bias": False},
    "internlm2 with bias": {"model_type": "internlm2", "bias": True},
    "llama": {"model_type": "llama"},
    "qwen2": {"model_type": "qwen2"},
    "qwen3": {"model_type": "qwen3", "head_dim": 8},
}


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_every_official_weight_is_loaded(tmp_path: Path, name: str) -> None:
    text = LANGUAGE_MODELS[name]
    write_config(tmp_path, text)
    expected = random_model(tmp_path).state_dict()
    official = to_official(expected, text)
    assert not set(official) & set(expected)
    save_file(official, tmp_path / "model.safetensors")
    found, report = MiniMonkeyForConditionalGeneration.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values()), report
    assert_equal(found.state_dict(), expected)


def test_query_norms_of_the_large_vision_tower(tmp_path: Path) -> None:
    large = {**VISION, "norm_type": "rms_norm", "qkv_bias": False, "qk_normalization": True}
    write_config(tmp_path, LANGUAGE_MODELS["internlm2"], large)
    expected = random_model(tmp_path).state_dict()
    assert any(name.endswith("attention.q_norm.weight") for name in expected)
    save_file(to_official(expected, LANGUAGE_MODELS["internlm2"]), tmp_path / "model.safetensors")
    found = MiniMonkeyForConditionalGeneration.from_pretrained(tmp_path)
    assert_equal(found.state_dict(), expected)


def test_sharded_official_folder(tmp_path: Path) -> None:
    text = LANGUAGE_MODELS["internlm2"]
    write_config(tmp_path, text)
    expected = random_model(tmp_path).state_dict()
    official = to_official(expected, text)
    names = sorted(official)
    shards = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    index = {name: shard for shard, held in shards.items() for name in held}
    for shard, held in shards.items():
        save_file({name: official[name] for name in held}, tmp_path / shard)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    assert_equal(MiniMonkeyForConditionalGeneration.from_pretrained(tmp_path).state_dict(), expected)


def test_base_model_from_an_official_folder(
    official: Path, model: MiniMonkeyForConditionalGeneration, tmp_path: Path
) -> None:
    base = MiniMonkeyModel.from_pretrained(official)
    assert_equal(base.state_dict(), model.model.state_dict())
    base.save_pretrained(tmp_path)
    assert set(load_file(tmp_path / "model.safetensors")) == set(base.state_dict())


def test_weights_keep_the_type_that_the_folder_says(official: Path, tmp_path: Path) -> None:
    config = json.loads((official / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "torch_dtype": "bfloat16"}))
    weights = load_file(official / "model.safetensors")
    save_file({name: one.bfloat16() for name, one in weights.items()}, tmp_path / "model.safetensors")
    model = MiniMonkeyForConditionalGeneration.from_pretrained(tmp_path)
    assert {one.dtype for one in model.parameters()} == {torch.bfloat16}
    model = MiniMonkeyForConditionalGeneration.from_pretrained(tmp_path, dtype=torch.float32)
    assert {one.dtype for one in model.parameters()} == {torch.float32}
    # The reference's weights are such that bfloat16 holds them.
    expected = weights["language_model.model.layers.1.feed_forward.w1.weight"]
    assert torch.equal(model.model.language_model.layers[1].mlp.gate_proj.weight, expected)


def test_round_trip_is_native_and_equal(
    model: MiniMonkeyForConditionalGeneration, reference: Any, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path, max_shard_size="300KB")
    saved = json.loads((tmp_path / "config.json").read_text())
    assert saved["model_type"] == "minimonkey"
    assert saved["architectures"] == ["MiniMonkeyForConditionalGeneration"]
    shards = sorted(tmp_path.glob("*.safetensors"))
    assert len(shards) > 1
    names: list[str] = []
    for shard in shards:
        with safe_open(shard, "pt") as file:
            names += file.keys()
    assert sorted(names) == sorted(model.state_dict())
    again, report = MiniMonkeyForConditionalGeneration.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values()), report
    assert_equal(again.state_dict(), model.state_dict())
    assert again.generation_config.eos_token_id == model.generation_config.eos_token_id == 2
    with torch.no_grad():
        assert torch.equal(again(**reference.prompt()).logits, model(**reference.prompt()).logits)


def test_a_model_made_from_scratch_is_saved_under_native_names(tmp_path: Path) -> None:
    write_config(tmp_path, LANGUAGE_MODELS["qwen2"])
    model = random_model(tmp_path)
    model.save_pretrained(tmp_path / "native")
    assert_equal(load_file(tmp_path / "native" / "model.safetensors"), model.state_dict())


def test_grouped_rows_are_split_by_key_value_head() -> None:
    # Rows say what they are: (kv head, 0 and 1 queries / 2 key / 3 value, row of the head).
    text = LlamaConfig(hidden_size=12, num_attention_heads=4, num_key_value_heads=2)
    rows = [[kv, part, row] for kv in range(2) for part in range(4) for row in range(3)]
    fused = torch.tensor(rows, dtype=torch.float)
    query, key, value = (part.int().tolist() for part in split_grouped_qkv(fused, text))
    assert query == [[kv, part, row] for kv in range(2) for part in range(2) for row in range(3)]
    assert key == [[kv, 2, row] for kv in range(2) for row in range(3)]
    assert value == [[kv, 3, row] for kv in range(2) for row in range(3)]
    bias = split_grouped_qkv(torch.arange(24.0), text)
    assert [len(part) for part in bias] == [12, 6, 6]
    assert bias[1].tolist() == [6.0, 7.0, 8.0, 18.0, 19.0, 20.0]


def test_the_only_weights_of_a_folder_may_have_any_name(official: Path, tmp_path: Path) -> None:
    folder = tmp_path / "renamed"
    folder.mkdir()
    (folder / "config.json").write_text((official / "config.json").read_text())
    (folder / "weights.safetensors").write_bytes((official / "model.safetensors").read_bytes())
    usual = MiniMonkeyForConditionalGeneration.from_pretrained(official).state_dict()
    renamed = MiniMonkeyForConditionalGeneration.from_pretrained(folder)
    assert all(torch.equal(value, usual[name]) for name, value in renamed.state_dict().items())
    renamed.save_pretrained(tmp_path / "saved")
    MiniMonkeyForConditionalGeneration.from_pretrained(tmp_path / "saved")
    assert "transformers_weights" not in (tmp_path / "saved" / "config.json").read_text()
