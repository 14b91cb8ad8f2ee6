"""Any image's or array's pixels as upright 8-bit RGB."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from PIL import ExifTags, Image

from monkeyvl.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

_TIFF_BITS, _TIFF_PHOTOMETRIC = 258, 262
_TURNS = {  # EXIF orientation -> what makes it upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright_rgb(image: Image.Image) -> Image.Image:
    """A new 8-bit RGB image from one of any mode: EXIF orientation applied, transparency over white."""
    image.load()
    if image.mode == "F" or image.mode.startswith("I"):
        rgb = _eight_bits(image).convert("RGB")
    elif image.has_transparency_data:
        if image.mode in ("La", "RGBa"):  # premultiplied alpha; no direct way to RGBA from La
            image = image.convert({"La": "LA", "RGBa": "RGBA"}[image.mode])
        rgba = image.convert("RGBA")
        rgb = Image.new("RGB", rgba.size, "white")
        rgb.paste(rgba, mask=rgba.getchannel("A"))
    else:
        rgb = image.convert("RGB")
    turn = None
    with contextlib.suppress(Exception):  # damaged EXIF is no reason to refuse a picture that was decoded
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    upright = rgb if turn is None else rgb.transpose(turn)
    upright.info = {}  # else the orientation would be applied again where this image is opened again
    return upright


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16- and 32-bit gray levels to 0..255; Pillow's own conversion would clip them at 255."""
    import numpy as np

    levels = np.asarray(image)
    tags = getattr(image, "tag_v2", {})
    if levels.dtype.kind == "u":
        bits = tags.get(_TIFF_BITS, (16,))[0]
        gray = _sixteen_to_eight(2**bits - 1)[levels]
        # Pillow inverts "white is zero" for up to 8 bits only.
        return Image.fromarray(255 - gray if tags.get(_TIFF_PHOTOMETRIC) == 0 else gray)
    finite = levels[np.isfinite(levels)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    # The range that the numbers speak of: 0..1, 8 bits, 16 bits; else they are stretched from least to most.
    tops = (1, 255, 65535) if image.mode == "F" else (255, 65535)
    bottom, top = next(((0.0, float(top)) for top in tops if low >= 0 and high <= top), (low, high))
    scaled = np.nan_to_num((levels.astype(np.float32) - bottom) * (255 / (top - bottom or 1)))
    return Image.fromarray(np.rint(scaled.clip(0, 255)).astype(np.uint8))


def _sixteen_to_eight(top: int) -> np.ndarray:
    import numpy as np

    return np.minimum(np.rint(np.arange(65536) * (255 / top)), 255).astype(np.uint8)


def from_array(array: np.ndarray) -> Image.Image:
    """An image from an array of shape (height, width) or (height, width, 1 | 3 | 4); raises UsageError."""
    shape, kind = array.shape, array.dtype
    if array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in (1, 3, 4)) or 0 in shape:
        raise UsageError(
            f"an image array has shape (height, width) or (height, width, 1 | 3 | 4), not {tuple(shape)}"
        )
    if kind == "bool":
        array = array * 255
    elif kind == "uint16":
        array = _sixteen_to_eight(65535)[array]
    elif kind.kind == "f":
        if not (array.min() >= 0 and array.max() <= 1):  # "not" also catches NaN
            raise UsageError("an image array of floats has values in 0..1")
        array = (array * 255).round()
    elif kind != "uint8":
        raise UsageError(f"an image array is of bool, uint8, uint16 or floats, not {kind}")
    return Image.fromarray((array[..., 0] if array.ndim == 3 and shape[2] == 1 else array).astype("uint8"))
