"""Made canvases of Monkey's windows, drawn as normalised pixels: pairs of patches, and coloured glyphs.

A canvas is two windows of `WINDOW` pixels each way. Pairs are a plain patch, the key, and a patterned one
right of it, the value; the question is the key's colour, the answer the pattern. Glyphs are patterns of two
patches each way on a background that repeats itself; the question is a glyph's colour, the answer its
pattern.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PATCH, WINDOW = 4, 16  # pixels
SIDE = 2 * WINDOW
GRID = SIDE // PATCH  # patches along a side of the canvas
COLORS, PATTERNS = 6, 8  # how many
ASKED = 4  # pairs or glyphs of a canvas: all are asked about
GLYPH = 2 * PATCH  # pixels

_HUES = torch.tensor([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]]) * 1.2


@dataclass(frozen=True)
class Canvases:
    """Canvases with what is asked about them.

    Attributes:
        pixels: (canvases, 3, height, width), normalised.
        colors: (canvases, asked) the questions, 0.. below `COLORS`.
        patterns: (canvases, asked) their answers, 0.. below `PATTERNS`.
        rows, columns: (canvases, asked) the upper left corner of the pair or glyph, in patches.
    """

    pixels: Tensor
    colors: Tensor
    patterns: Tensor
    rows: Tensor
    columns: Tensor


def generator(name: int) -> torch.Generator:
    """A generator on the CPU, where all canvases are drawn."""
    return torch.Generator().manual_seed(name)


def _alphabet(name: int, side: int) -> Tensor:
    """`PATTERNS` patterns (patterns, side, side) of 0 and 1."""
    return (torch.rand(PATTERNS, side, side, generator=generator(name)) > 0.5).float()


_VALUES = _alphabet(77, PATCH)
_GLYPHS = _alphabet(321, GLYPH)


def _drawn(count: int, among: int, generator: torch.Generator, asked: int = ASKED) -> Tensor:
    """(count, asked) different numbers below `among` each."""
    return torch.rand(count, among, generator=generator).argsort(1)[:, :asked]


def pairs(count: int, across: float, generator: torch.Generator) -> Canvases:
    """Canvases of `ASKED` pairs in rows of their own; `across` is the share of them that the cut between the
    left and the right windows divides into key and value. The others lie within a window."""
    pixels = 0.3 * torch.randn(count, 3, SIDE, SIDE, generator=generator)
    rows, colors = _drawn(count, GRID, generator), _drawn(count, COLORS, generator)
    patterns = torch.randint(PATTERNS, (count, ASKED), generator=generator)
    half = GRID // 2
    within = torch.randint(2 * (half - 1), (count, ASKED), generator=generator)
    within = within + (within >= half - 1)  # the last patch before the cut would be a key that it divides
    cut = torch.rand(count, ASKED, generator=generator) < across
    columns = torch.where(cut, half - 1, within)
    for canvas in range(count):
        for number in range(ASKED):
            y, x = int(rows[canvas, number]) * PATCH, int(columns[canvas, number]) * PATCH
            key, value = _HUES[colors[canvas, number]], _VALUES[patterns[canvas, number]]
            pixels[canvas, :, y : y + PATCH, x : x + PATCH] += key[:, None, None]
            pixels[canvas, :, y : y + PATCH, x + PATCH : x + 2 * PATCH] += 2.4 * value - 1.2
    return Canvases(pixels, colors, patterns, rows, columns)


def is_cut(canvases: Canvases) -> Tensor:
    """(canvases, asked) whether the cut between windows divides the pair."""
    return canvases.columns == GRID // 2 - 1


def glyphs(count: int, generator: torch.Generator, side: int = SIDE, asked: int = ASKED) -> Canvases:
    """Canvases of `side` pixels with `asked` glyphs, none of them cut."""
    texture = 0.5 * torch.randn(count, 3, PATCH, PATCH, generator=generator)
    pixels = texture.repeat(1, 1, side // PATCH, side // PATCH)
    pixels = pixels + 0.15 * torch.randn(pixels.shape, generator=generator)
    cells = side // GLYPH
    places, colors = _drawn(count, cells**2, generator, asked), _drawn(count, COLORS, generator, asked)
    patterns = torch.randint(PATTERNS, (count, asked), generator=generator)
    rows, columns = places // cells * 2, places % cells * 2
    for canvas in range(count):
        for number in range(asked):
            y, x = int(rows[canvas, number]) * PATCH, int(columns[canvas, number]) * PATCH
            drawn = _GLYPHS[patterns[canvas, number]]
            shown = _HUES[colors[canvas, number]][:, None, None] * (0.5 + 1.5 * drawn)
            shown = shown + 0.15 * torch.randn(shown.shape, generator=generator)
            pixels[canvas, :, y : y + GLYPH, x : x + GLYPH] = shown
    return Canvases(pixels, colors, patterns, rows, columns)
