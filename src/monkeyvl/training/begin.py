"""Begins a TextMonkey with the weights of a Monkey or of Qwen-VL.

What TextMonkey adds starts at zero where it meets the rest (section 3 of the paper): the attention across
windows changes nothing yet, and the token resampler hands on the tokens that stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monkeyvl.checkpoints import kind_of, read_config
from monkeyvl.devices import memory_errors
from monkeyvl.drivers import classes_of
from monkeyvl.errors import MonkeyVLError, UsageError

if TYPE_CHECKING:
    import torch

    from monkeyvl.models.textmonkey import TextMonkeyConfig

# Parts of the names of what a Monkey has not.
NEW = (".window_attention.", ".downresampler.")


def textmonkey_config(folder: Path, settings: Mapping[str, Any]) -> TextMonkeyConfig:
    """The configuration of the TextMonkey that begins with a checkpoint.

    Monkey's window adapters stay; at Qwen-VL, which has none, none begin.

    Args:
        folder: of a Monkey, native or official, or of Qwen-VL.
        settings: fields of a TextMonkeyVisionConfig that are not to be as published: `r`, `window_pos`, ...

    Raises:
        UsageError: another kind of checkpoint, an unknown field, or settings that do not fit together.
    """
    from monkeyvl.models.monkey import MonkeyConfig

    if (kind := kind_of(folder)) != "monkey":
        raise UsageError(f"start_as textmonkey begins with a Monkey or Qwen-VL; {folder} is a {kind}")
    config = MonkeyConfig.from_pretrained(folder, local_files_only=True)
    begins = "QWenLMHeadModel" in (read_config(folder).get("architectures") or ())
    return grown(config, {**({"lora_repeat_num": 0} if begins else {}), **settings})


def grown(config: Any, settings: Mapping[str, Any]) -> TextMonkeyConfig:
    """A MonkeyConfig with what TextMonkey adds; arguments and errors as in `textmonkey_config`."""
    from transformers import PreTrainedConfig

    from monkeyvl.models.textmonkey import TextMonkeyConfig
    from monkeyvl.models.textmonkey.configuration import TextMonkeyVisionConfig

    known = {one.name for one in fields(TextMonkeyVisionConfig)} - {
        one.name for one in fields(PreTrainedConfig)
    }
    if unknown := sorted(set(settings) - known):
        raise UsageError(f"start_settings: TextMonkey's vision tower has no {unknown[0]!r}")
    own = {one.name for one in fields(type(config.vision_config))} & known
    shared = {name: getattr(config.vision_config, name) for name in own}
    try:
        vision = TextMonkeyVisionConfig(**{**shared, **settings})
    except MonkeyVLError:
        raise
    except Exception as error:  # of a value of another type
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"start_settings {dict(settings)}: {reason}") from None
    return TextMonkeyConfig(
        vision_config=vision,
        text_config=config.text_config,
        image_start_id=config.image_start_id,
        image_end_id=config.image_end_id,
        image_pad_id=config.image_pad_id,
    )


def begin_textmonkey(
    folder: Path, settings: Mapping[str, Any], place: torch.device, dtype: str
) -> tuple[Any, Any]:
    """The TextMonkey, in eval mode, and its processor; what is new is drawn from torch's generator.

    Args:
        folder, settings: see `textmonkey_config`.
        place: where the model goes.
        dtype: "float32" or "bfloat16".

    Raises:
        UsageError, CheckpointError, BudgetError: see `textmonkey_config` and `monkeyvl.loading.load_folder`.
    """
    from monkeyvl.loading import load_weights
    from monkeyvl.models.monkey import MonkeyImageProcessor
    from monkeyvl.models.monkey.image_processing import settings_of
    from monkeyvl.models.textmonkey import TextMonkeyForConditionalGeneration

    config = textmonkey_config(folder, settings)
    model = load_weights(TextMonkeyForConditionalGeneration, folder, fresh=NEW, config=config, dtype=dtype)
    processor = classes_of(folder)[1].from_pretrained(folder, local_files_only=True)
    processor.image_processor = MonkeyImageProcessor(**settings_of(config))
    with memory_errors():
        return model.to(place).eval(), processor
