"""Mini-Monkey's cropping and compression on a native InternVL model that is already loaded."""

from __future__ import annotations

from typing import Any

from transformers import InternVLForConditionalGeneration

from monkeyvl.errors import UsageError
from monkeyvl.models.minimonkey.configuration import MiniMonkeyConfig
from monkeyvl.models.minimonkey.modeling import MiniMonkeyForConditionalGeneration, MiniMonkeyModel


def attach(model: InternVLForConditionalGeneration) -> MiniMonkeyForConditionalGeneration:
    """Gives a native InternVL model Mini-Monkey's tiles, `image_features` and compression.

    Works for any language model it was loaded with; no weight is copied: both share their modules.

    Raises:
        UsageError: the model is not of transformers' InternVL.
    """
    if not isinstance(model, InternVLForConditionalGeneration):
        raise UsageError(f"attach takes an InternVLForConditionalGeneration, got {type(model).__name__}")
    settings = {key: value for key, value in model.config.to_dict().items() if key not in _OWN_SETTINGS}
    config = MiniMonkeyConfig(**settings)
    # Sub-configurations are shared, so that a later change (attention implementation, ...) reaches both.
    config.vision_config, config.text_config = model.config.vision_config, model.config.text_config
    config._attn_implementation_internal = model.config._attn_implementation_internal
    twin = _twin(model, MiniMonkeyForConditionalGeneration, config)
    twin.model = _twin(model.model, MiniMonkeyModel, config)
    return twin


_OWN_SETTINGS = frozenset({"model_type", "architectures", "transformers_version"})


def _twin(module: Any, kind: Any, config: MiniMonkeyConfig) -> Any:
    """A module of another class over the same submodules; hooks that wrap the old `forward` stay behind."""
    twin = kind.__new__(kind)
    wrapped = {"forward", "_old_forward", "_hf_hook"}
    twin.__dict__.update({key: value for key, value in module.__dict__.items() if key not in wrapped})
    twin._modules = dict(module._modules)
    twin.config = config
    return twin
