"""Images as if they had been saved badly: JPEG again, each row and epoch by its own chance."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from monkeyvl.data.streaming import Loaded


@dataclass(frozen=True)
class Jpeg:
    """Re-encodes the images of some rows in memory.

    What happens to a row depends on `seed`, its number and the epoch alone, so that a run that goes on sees
    the very images that it would have seen.

    Attributes:
        qualities: the lowest and the highest, 1 to 100.
        share: of the rows, 0 to 1.
        seed: of the run.
    """

    qualities: tuple[int, ...]
    share: float
    seed: int

    def __call__(self, loaded: Loaded, number: int, epoch: int) -> Loaded:
        """The row `number` as it is seen in `epoch`."""
        rng = np.random.default_rng([self.seed, 3, epoch, number])
        if rng.random() >= self.share:
            return loaded
        lowest, highest = self.qualities
        qualities = rng.integers(lowest, highest, len(loaded.images), endpoint=True)
        images = zip(loaded.images, qualities, strict=True)
        return replace(loaded, images=tuple(recoded(image, int(quality)) for image, quality in images))


def recoded(image: Image.Image, quality: int) -> Image.Image:
    """An RGB image after saving it as JPEG of a quality and opening it again."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")
