"""Configuration of Mini-Monkey, and the translation of official InternVL-chat configurations into it.

Official folders are recognised by `architectures`, as their model types are shared. Their `auto_map` is
dropped: code from a checkpoint is never run, nor asked about.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import CONFIG_MAPPING, InternVLConfig, PreTrainedConfig

from monkeyvl.errors import CheckpointError
from monkeyvl.models.minimonkey.files import hub_options, read_json

__all__ = ["MiniMonkeyConfig", "OfficialInternVLChatConfig", "is_official", "translate_official"]

OFFICIAL_ARCHITECTURES = frozenset({"MiniMonkeyChatModel", "InternVLChatModel"})

# Official language models by `model_type` -> the transformers type that computes the same.
TEXT_TYPES = {"internlm2": "llama", "llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}

IMAGE_TOKEN = "<IMG_CONTEXT>"
END_OF_TURN = "<|im_end|>"
# The published InternLM2 tokenizer has 92553 words; a turn ends with any of these.
_INTERNLM2_VOCABULARY = 92553
_INTERNLM2_IMAGE_TOKEN_ID = 92546
_INTERNLM2_STOP_IDS = [2, 92542, 92543]


@strict
class MiniMonkeyConfig(InternVLConfig):
    """Configuration of `MiniMonkeyForConditionalGeneration`: InternVL's, by default with untied embeddings.

    Args:
        vision_config: an InternVLVisionConfig or its fields.
        text_config: a LlamaConfig, Qwen2Config or Qwen3Config, or its fields, `model_type` among them.
        image_token_id: the id that stands in a prompt once for each visual token.
        image_seq_length: visual tokens of one tile.
        downsample_ratio: side of the grid of visual tokens over the side of the grid of patches.
        vision_feature_layer: which of the vision tower's states are used, as an index into all of them.
        cropping: name of the cropping preset of a processor made for this model; None is the default one.
    """

    model_type = "minimonkey"

    tie_word_embeddings: bool = False
    cropping: str | None = None

    @classmethod
    def get_config_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Reads the `config.json` of a native or an official folder (or hub name) as this class's fields.

        Raises:
            CheckpointError: it is another kind of model.
        """
        hub = hub_options(kwargs)
        config_dict, rest = super().get_config_dict(pretrained_model_name_or_path, **kwargs)
        if is_official(config_dict):
            return translate_official(config_dict, pretrained_model_name_or_path, **hub), rest
        if config_dict.get("model_type") not in (cls.model_type, InternVLConfig.model_type):
            raise CheckpointError(
                f"{pretrained_model_name_or_path}: model type {config_dict.get('model_type')!r} with "
                f"architectures {config_dict.get('architectures')} is neither Mini-Monkey nor InternVL"
            )
        return {**config_dict, "model_type": cls.model_type}, rest


class OfficialInternVLChatConfig(PreTrainedConfig):
    """Makes `AutoConfig` read an official folder (`model_type` "internvl_chat") as a `MiniMonkeyConfig`."""

    model_type = "internvl_chat"

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Translates an official dictionary; `name_or_path` says where its tokenizer files are."""
        native = translate_official(config_dict, kwargs.get("name_or_path"))
        return MiniMonkeyConfig.from_dict(native, **kwargs)


def is_official(config_dict: Mapping[str, Any]) -> bool:
    """Whether a `config.json` dictionary is that of an official Mini-Monkey or InternVL-chat folder."""
    architectures = config_dict.get("architectures") or ()
    return "llm_config" in config_dict and not OFFICIAL_ARCHITECTURES.isdisjoint(architectures)


def translate_official(
    config_dict: Mapping[str, Any], folder: str | os.PathLike[str] | None = None, **hub: Any
) -> dict[str, Any]:
    """Turns an official `config.json` dictionary into the fields of `MiniMonkeyConfig`.

    Args:
        config_dict: the official dictionary.
        folder: the folder or hub name it is from, whose tokenizer files may tell ids that it does not.
        **hub: revision, cache_dir, token, local_files_only and subfolder of a hub name.

    Raises:
        CheckpointError: an architecture, language model or setting without a native counterpart, or no id
            to be found for the image token.
    """
    if not is_official(config_dict):
        raise CheckpointError(
            f"architectures {config_dict.get('architectures')} of model type "
            f"{config_dict.get('model_type')!r} are not supported; these are: "
            f"{', '.join(sorted(OFFICIAL_ARCHITECTURES))}"
        )
    shuffle = config_dict.get("ps_version", "v1")
    if shuffle != "v2":
        raise CheckpointError(f"ps_version is {shuffle!r}; only the pixel shuffle 'v2' is supported")
    for key in ("use_backbone_lora", "use_llm_lora"):
        if config_dict.get(key):
            raise CheckpointError(f"{key} is {config_dict[key]}; merge the LoRA weights into the model first")
    vision = _vision_fields(config_dict.get("vision_config") or {})
    text = _text_fields(config_dict.get("llm_config") or {})
    if "eos_token_id" in text:
        text["eos_token_id"] = _stop_ids(text, folder, **hub)
    ratio = config_dict.get("downsample_ratio", 0.5)
    # The tile's size; the vision tower interpolates its position embeddings if they were made for another.
    side = config_dict.get("force_image_size") or vision["image_size"]
    native = {
        "model_type": MiniMonkeyConfig.model_type,
        "architectures": ["MiniMonkeyForConditionalGeneration"],
        "vision_config": vision,
        "text_config": text,
        "image_token_id": find_image_token_id(config_dict, folder, **hub),
        "image_seq_length": int((side // vision["patch_size"] * ratio) ** 2),
        "downsample_ratio": ratio,
        "vision_feature_layer": config_dict.get("select_layer", -1),
        "tie_word_embeddings": text["tie_word_embeddings"],
    }
    dtype = config_dict.get("dtype") or config_dict.get("torch_dtype")
    return {**native, "dtype": dtype} if dtype else native


def _vision_fields(vision: Mapping[str, Any]) -> dict[str, Any]:
    # A missing key takes the official class's default, which is InternViT-6B's.
    return {
        "model_type": "internvl_vision",
        "hidden_size": vision.get("hidden_size", 3200),
        "num_hidden_layers": vision.get("num_hidden_layers", 48),
        "num_attention_heads": vision.get("num_attention_heads", 25),
        "intermediate_size": vision.get("intermediate_size", 12800),
        "image_size": vision.get("image_size", 224),
        "patch_size": vision.get("patch_size", 14),
        "num_channels": vision.get("num_channels", 3),
        "attention_bias": vision.get("qkv_bias", False),
        "use_qk_norm": vision.get("qk_normalization", True),
        "norm_type": vision.get("norm_type", "rms_norm"),
        "layer_norm_eps": vision.get("layer_norm_eps", 1e-6),
        "hidden_act": vision.get("hidden_act", "gelu"),
        "attention_dropout": vision.get("attention_dropout", 0.0),
        "projection_dropout": vision.get("dropout", 0.0),
        "initializer_range": vision.get("initializer_range", 0.02),
        "layer_scale_init_value": vision.get("initializer_factor", 0.1),
        "use_mean_pooling": True,  # the native way to say: no norm after the last block
    }


def _text_fields(text: Mapping[str, Any]) -> dict[str, Any]:
    official_type = text.get("model_type", "")
    if official_type not in TEXT_TYPES:
        raise CheckpointError(
            f"language model {official_type!r} is not supported; these are: {', '.join(sorted(TEXT_TYPES))}"
        )
    native_type = TEXT_TYPES[official_type]
    if official_type == "internlm2":
        # With the defaults of the official class, where Llama's differ.
        text = {"vocab_size": 103168, "pad_token_id": 0, **text, "attention_bias": text.get("bias", True)}
    # Published files list every generation setting of their day next to the model's own fields.
    own = {f.name for f in fields(CONFIG_MAPPING[native_type])} - {f.name for f in fields(PreTrainedConfig)}
    native = {key: value for key, value in text.items() if key in own}
    # Official files have `rope_theta`, and `rope_scaling` with "type", "rope_type" or both.
    scaling = {"type": "default", **(text.get("rope_scaling") or {})}
    kind = scaling.pop("type")
    rope = {"rope_type": kind, "rope_theta": text.get("rope_theta", 10000.0), **scaling}
    return {
        **native,
        "model_type": native_type,
        "rope_parameters": rope,
        "tie_word_embeddings": text.get("tie_word_embeddings", False),
    }


def _stop_ids(text: Mapping[str, Any], folder: str | os.PathLike[str] | None, **hub: Any) -> list[int] | int:
    """The ids that end an answer: `eos_token_id`, and the end of a turn where the tokenizer files name it."""
    if text.get("vocab_size") == _INTERNLM2_VOCABULARY:
        return _INTERNLM2_STOP_IDS
    eos: list[int] | int = text["eos_token_id"]
    end_of_turn = _id_in_tokenizer_files(END_OF_TURN, folder, **hub)
    known = eos if isinstance(eos, list) else [eos]
    return eos if end_of_turn is None or end_of_turn in known else [*known, end_of_turn]


def find_image_token_id(
    config_dict: Mapping[str, Any], folder: str | os.PathLike[str] | None = None, **hub: Any
) -> int:
    """The image token's id in an official checkpoint.

    It is in the configuration (`image_token_id` or `img_context_token_id`), else in the tokenizer files of
    `folder`, else known for the published vocabulary of 92553 words.

    Raises:
        CheckpointError: none of these tells it.
    """
    for key in ("image_token_id", "img_context_token_id"):
        if config_dict.get(key) is not None:
            return int(config_dict[key])
    found = _id_in_tokenizer_files(IMAGE_TOKEN, folder, **hub)
    if found is not None:
        return found
    vocabulary = (config_dict.get("llm_config") or {}).get("vocab_size")
    if vocabulary == _INTERNLM2_VOCABULARY:
        return _INTERNLM2_IMAGE_TOKEN_ID
    raise CheckpointError(
        f"{folder}: no id found for {IMAGE_TOKEN}: config.json has neither image_token_id nor "
        f"img_context_token_id, no tokenizer file names it, and the vocabulary has {vocabulary} words, "
        f"not the published {_INTERNLM2_VOCABULARY}"
    )


def _id_in_tokenizer_files(token: str, folder: str | os.PathLike[str] | None, **hub: Any) -> int | None:
    if folder is None:
        return None
    where = Path(folder).parent if Path(folder).is_file() else folder
    added = read_json(where, "added_tokens.json", **hub)
    if token in added:
        return int(added[token])
    settings = read_json(where, "tokenizer_config.json", **hub)
    for number, entry in settings.get("added_tokens_decoder", {}).items():
        if entry["content"] == token:
            return int(number)
    for entry in read_json(where, "tokenizer.json", **hub).get("added_tokens", []):
        if entry["content"] == token:
            return int(entry["id"])
    return None
