"""Mini-Monkey: multi-scale adaptive cropping and scale compression on transformers' InternVL.

Importing this package registers its classes with transformers' Auto classes.
"""

from __future__ import annotations

from transformers import CONFIG_MAPPING, AutoConfig, AutoModel, AutoModelForImageTextToText

from monkeyvl.cropping import PRESETS, Cropping, CropPlan, crop_plan
from monkeyvl.models.minimonkey.attachment import attach
from monkeyvl.models.minimonkey.configuration import MiniMonkeyConfig, OfficialInternVLChatConfig
from monkeyvl.models.minimonkey.conversion import register_weight_rules
from monkeyvl.models.minimonkey.image_processing import MiniMonkeyImageProcessor
from monkeyvl.models.minimonkey.modeling import MiniMonkeyForConditionalGeneration, MiniMonkeyModel
from monkeyvl.models.minimonkey.processing import MiniMonkeyProcessor, register_processors

__all__ = [
    "PRESETS",
    "CropPlan",
    "Cropping",
    "MiniMonkeyConfig",
    "MiniMonkeyForConditionalGeneration",
    "MiniMonkeyImageProcessor",
    "MiniMonkeyModel",
    "MiniMonkeyProcessor",
    "attach",
    "crop_plan",
]

register_weight_rules()
AutoConfig.register(MiniMonkeyConfig.model_type, MiniMonkeyConfig, exist_ok=True)
# The official model type is shared: a library that registered it first keeps it.
if OfficialInternVLChatConfig.model_type not in CONFIG_MAPPING:
    AutoConfig.register(OfficialInternVLChatConfig.model_type, OfficialInternVLChatConfig)
AutoModel.register(MiniMonkeyConfig, MiniMonkeyModel, exist_ok=True)
AutoModelForImageTextToText.register(MiniMonkeyConfig, MiniMonkeyForConditionalGeneration, exist_ok=True)
register_processors()
