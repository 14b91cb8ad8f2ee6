"""Multi-scale adaptive cropping: which tiles an image is cut into. Plain geometry without torch."""

from monkeyvl.cropping.plan import LAYERS, PRESETS, Cropping, CropPlan, crop_plan

__all__ = ["LAYERS", "PRESETS", "CropPlan", "Cropping", "crop_plan"]
