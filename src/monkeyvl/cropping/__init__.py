"""Multi-scale adaptive cropping: which tiles an image is cut into. Plain geometry, for every model, without torch."""

from monkeyvl.cropping.plan import LAYERS, PRESETS, Cropping, CropPlan, crop_plan

__all__ = ["LAYERS", "PRESETS", "CropPlan", "Cropping", "crop_plan"]
