"""What printing, scanning and sending do to a page, without moving anything on it."""

from __future__ import annotations

import io
import random

import numpy as np
from PIL import Image, ImageFilter


def degrade(image: Image.Image, rng: random.Random, strength: float = 1.0) -> Image.Image:
    """Grey `image` with faded ink, shadow, blur, noise and JPEG by chance; `strength` 0..1."""
    if rng.random() < 0.3 * strength:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.9) * strength))
    pixels = np.asarray(image, dtype=np.float32)
    height, width = pixels.shape
    if rng.random() < 0.5:
        # Faded ink: black becomes grey, paper stays.
        faded = rng.uniform(0, 0.5) * strength
        pixels = pixels + (255 - pixels) * faded
    if rng.random() < 0.4 * strength:
        # A shadow or a lamp: brightness changes slowly over the page.
        low, high = sorted((rng.uniform(0.6, 1.0), rng.uniform(0.75, 1.0)))
        across = np.linspace(low, high, width, dtype=np.float32)[None, :]
        down = np.linspace(rng.uniform(0.85, 1.0), 1.0, height, dtype=np.float32)[:, None]
        pixels = pixels * (across if rng.random() < 0.5 else across[:, ::-1]) * down
    if rng.random() < 0.5 * strength:
        noise = np.random.default_rng(rng.getrandbits(32)).normal(
            0, rng.uniform(1, 14) * strength, pixels.shape
        )
        pixels = pixels + noise.astype(np.float32)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8), "L")
    if rng.random() < 0.4 * strength:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=rng.randint(35, 90))
        image = Image.open(buffer).convert("L")
    return image
