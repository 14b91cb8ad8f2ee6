"""Configuration of Mini-Monkey, and the translation of official InternVL-chat configurations into it.

Official folders are recognised by `architectures`, never by `auto_map`: code from a checkpoint is not run and not
asked about.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import InternVLConfig, PreTrainedConfig
from transformers.utils import cached_file

from monkeyvl.errors import CheckpointError

OFFICIAL_ARCHITECTURES = frozenset({"MiniMonkeyChatModel", "InternVLChatModel"})

IMAGE_TOKEN = "<IMG_CONTEXT>"
# The published InternLM2 tokenizer: 92553 words, of which 92546 is <IMG_CONTEXT>; a turn ends with 92542 or 92543.
_INTERNLM2_VOCABULARY = 92553
_INTERNLM2_IMAGE_TOKEN_ID = 92546
_INTERNLM2_STOP_IDS = [2, 92542, 92543]

# Official language models by `model_type` -> the transformers type that computes the same.
_TEXT_TYPES = {"internlm2": "llama", "llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}


@strict
class MiniMonkeyConfig(InternVLConfig):
    """Configuration of [`MiniMonkeyForConditionalGeneration`]: InternVL's, with untied word embeddings by default.

    Args:
        vision_config (`InternVLVisionConfig` or `dict`): the InternViT vision tower.
        text_config (`LlamaConfig`, `Qwen2Config`, `Qwen3Config` or `dict`): the language model; a `dict` names its
            class in `model_type`.
        image_token_id (`int`): the id that stands once for each visual token of an image in the prompt.
        image_seq_length (`int`): visual tokens of one tile.
        downsample_ratio (`float`): side of the grid of visual tokens over the side of the grid of patches.
        cropping (`str`, *optional*): name of the cropping preset (`monkeyvl.models.minimonkey.cropping.PRESETS`)
            that a processor made for this model uses by default.
    """

    model_type = "minimonkey"

    tie_word_embeddings: bool = False
    cropping: str | None = None

    @classmethod
    def get_config_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Reads `config.json` of a native or an official folder as keywords of this class.

        Raises:
            CheckpointError: the folder holds another kind of model.
        """
        where = {key: kwargs[key] for key in _HUB_KEYS if kwargs.get(key) is not None}
        config_dict, rest = super().get_config_dict(pretrained_model_name_or_path, **kwargs)
        if is_official(config_dict):
            return translate_official(config_dict, pretrained_model_name_or_path, **where), rest
        if config_dict.get("model_type") not in (cls.model_type, InternVLConfig.model_type):
            raise CheckpointError(
                f"{pretrained_model_name_or_path}: model type {config_dict.get('model_type')!r} with architectures "
                f"{config_dict.get('architectures')} is neither Mini-Monkey nor InternVL"
            )
        return {**config_dict, "model_type": cls.model_type}, rest


class OfficialInternVLChatConfig(PreTrainedConfig):
    """Makes `AutoConfig` read an official folder (`model_type` "internvl_chat") as a [`MiniMonkeyConfig`]."""

    model_type = "internvl_chat"

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Translates the official dictionary; `name_or_path` says where its tokenizer files are."""
        return MiniMonkeyConfig.from_dict(translate_official(config_dict, kwargs.get("name_or_path")), **kwargs)


def is_official(config_dict: dict[str, Any]) -> bool:
    """Whether a `config.json` dictionary is an official Mini-Monkey's or InternVL-chat's (decided by `architectures`)."""
    return "llm_config" in config_dict and not OFFICIAL_ARCHITECTURES.isdisjoint(
        config_dict.get("architectures") or ()
    )


def translate_official(
    config_dict: dict[str, Any], folder: str | os.PathLike | None = None, **hub: Any
) -> dict[str, Any]:
    """Turns an official `config.json` dictionary into the keywords of [`MiniMonkeyConfig`].

    Args:
        config_dict: the official dictionary.
        folder: folder or hub name it came from; its tokenizer files may say the image token's id.
        **hub: `revision`, `cache_dir`, `token`, `local_files_only`, `subfolder` for a hub name.

    Raises:
        CheckpointError: an architecture, language model or setting that has no native counterpart.
    """
    if not is_official(config_dict):
        raise CheckpointError(
            f"architectures {config_dict.get('architectures')} of model type {config_dict.get('model_type')!r} are not "
            f"supported, only {sorted(OFFICIAL_ARCHITECTURES)}"
        )
    if config_dict.get("ps_version", "v1") != "v2":
        raise CheckpointError(
            f"ps_version {config_dict.get('ps_version', 'v1')!r} is not supported: pixel shuffle must be 'v2'"
        )
    for key in ("use_backbone_lora", "use_llm_lora"):
        if config_dict.get(key):
            raise CheckpointError(f"{key}={config_dict[key]}: merge the LoRA weights into the model first")
    vision = _vision_config(config_dict["vision_config"])
    text = _text_config(config_dict["llm_config"])
    ratio = config_dict.get("downsample_ratio", 0.5)
    side = config_dict.get("force_image_size") or vision["image_size"]
    native = {
        "model_type": MiniMonkeyConfig.model_type,
        "architectures": ["MiniMonkeyForConditionalGeneration"],
        "vision_config": vision,
        "text_config": text,
        "image_token_id": find_image_token_id(config_dict, folder, **hub),
        "image_seq_length": int((side // vision["patch_size"]) ** 2 * ratio**2),
        "downsample_ratio": ratio,
        "vision_feature_layer": config_dict.get("select_layer", -1),
        "tie_word_embeddings": text["tie_word_embeddings"],
    }
    dtype = config_dict.get("dtype") or config_dict.get("torch_dtype")
    return {**native, "dtype": dtype} if dtype else native


_HUB_KEYS = ("revision", "cache_dir", "token", "local_files_only", "subfolder")


def _vision_config(vision: dict[str, Any]) -> dict[str, Any]:
    # Absent keys take the official class's own defaults, not InternVLVisionConfig's.
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
        "use_mean_pooling": True,  # the native name for "no norm after the last block"
    }


def _text_config(text: dict[str, Any]) -> dict[str, Any]:
    official_type = text.get("model_type")
    if official_type not in _TEXT_TYPES:
        raise CheckpointError(f"language model {official_type!r} is not supported, only {sorted(_TEXT_TYPES)}")
    native = {key: value for key, value in text.items() if key not in _NOT_CARRIED}
    native["model_type"] = _TEXT_TYPES[official_type]
    native["tie_word_embeddings"] = text.get("tie_word_embeddings", False)
    if official_type == "internlm2":
        native["attention_bias"] = native.pop("bias", True)
        native["rope_theta"] = text.get("rope_theta", 10000)
        native["max_position_embeddings"] = text.get("max_position_embeddings", 2048)
        if text.get("vocab_size") == _INTERNLM2_VOCABULARY:
            native["eos_token_id"] = _INTERNLM2_STOP_IDS
    # Official files write `rope_scaling` {"type", "factor"} next to `rope_theta`; transformers keeps one dictionary.
    scaling = dict(native.pop("rope_scaling", None) or {})
    kind = scaling.pop("rope_type", None) or scaling.pop("type", None) or "default"
    scaling.pop("type", None)
    native["rope_parameters"] = {
        "rope_type": kind,
        "rope_theta": native.pop("rope_theta", 10000.0),
        **scaling,
    }
    return native


# How the official code wanted to be run, and generation settings that belong to generation_config.json.
_NOT_CARRIED = frozenset(
    {
        "architectures",
        "auto_map",
        "_name_or_path",
        "attn_implementation",
        "_attn_implementation",
        "_attn_implementation_autoset",
        "use_bfloat16",
        "use_flash_attn",
        "torch_dtype",
        "dtype",
        "transformers_version",
        "return_dict",
        "output_attentions",
        "output_hidden_states",
        "pretraining_tp",
    }
)


def find_image_token_id(
    config_dict: dict[str, Any], folder: str | os.PathLike | None = None, **hub: Any
) -> int:
    """The id of the image token of an official checkpoint.

    Taken from the configuration (`image_token_id` or `img_context_token_id`), else from the tokenizer files in
    `folder`, else from the published vocabulary of 92553 words.

    Raises:
        CheckpointError: none of these tells it.
    """
    for key in ("image_token_id", "img_context_token_id"):
        if config_dict.get(key) is not None:
            return int(config_dict[key])
    if folder is not None:
        for name, read in _TOKENIZER_FILES.items():
            content = _read_json(folder, name, **hub)
            if content is not None and (found := read(content)) is not None:
                return int(found)
    vocabulary = config_dict.get("llm_config", {}).get("vocab_size")
    if vocabulary == _INTERNLM2_VOCABULARY:
        return _INTERNLM2_IMAGE_TOKEN_ID
    raise CheckpointError(
        f"{folder}: no id for {IMAGE_TOKEN}: config.json has no image_token_id or img_context_token_id, no tokenizer "
        f"file names it, and the vocabulary of {vocabulary} words is not the published one of {_INTERNLM2_VOCABULARY}"
    )


def _read_json(folder: str | os.PathLike, name: str, **hub: Any) -> dict[str, Any] | None:
    if Path(folder).is_file():
        folder = Path(folder).parent
    path = cached_file(
        str(folder),
        name,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
        **hub,
    )
    return None if path is None else json.loads(Path(path).read_text(encoding="utf-8"))


def _in_added_tokens_decoder(content: dict[str, Any]) -> str | None:
    added = content.get("added_tokens_decoder", {})
    return next((number for number, token in added.items() if token.get("content") == IMAGE_TOKEN), None)


def _in_tokenizer(content: dict[str, Any]) -> int | None:
    added = content.get("added_tokens", [])
    return next((token["id"] for token in added if token.get("content") == IMAGE_TOKEN), None)


_TOKENIZER_FILES = {
    "added_tokens.json": lambda content: content.get(IMAGE_TOKEN),
    "tokenizer_config.json": _in_added_tokens_decoder,
    "tokenizer.json": _in_tokenizer,
}

__all__ = ["MiniMonkeyConfig", "is_official"]

