"""Made pictures of two-coloured bars, some of which a grid of tiles cuts, before a large grey shape.

A picture is three tiles wide and one high. Each bar has a bright half and a dark half; some bars lie wholly
within one of these tiles, of the others a line between two tiles parts the halves. A question is a bright
colour, its answer the dark colour that it is joined to; or what the large shape is.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

TILE = 32  # pixels
TILES = 3  # the tiles of a picture, side by side
CELL = 8  # side of half a bar, pixels: bars lie on a grid of such cells, four of them a tile
CELLS = TILE // CELL
BRIGHT = ((255, 0, 0), (0, 220, 0), (40, 80, 255), (255, 0, 255), (0, 220, 255), (255, 160, 0))
DARK = ((0, 0, 0), (120, 0, 0), (0, 95, 0), (0, 0, 120), (110, 0, 120), (110, 95, 0))
SHAPES = ("disc", "square", "plus", "cross", "ring", "frame")
GREY = (170, 170, 170)
LARGE = len(BRIGHT)  # the question about the large shape
WHOLE, CUT, LARGE_GROUP = "in a tile", "on a cut", "large"
GROUPS = (CUT, CUT, WHOLE, WHOLE)  # of the bars; cut ones first, they have the fewest places

Cell = tuple[int, int]


@dataclass(frozen=True)
class Asked:
    """`question`: 0.. of `BRIGHT`, or `LARGE`; `answer`: 0.. of `DARK`, then `SHAPES`; `group`: where."""

    question: int
    answer: int
    group: str


@dataclass(frozen=True)
class Picture:
    image: Image.Image
    asked: tuple[Asked, ...]


def make_picture(rng: random.Random) -> Picture:
    """A picture with four bars of different bright colours, two of them on cuts, and a large shape."""
    image = _sheet(rng, TILES * TILE)
    large = _draw_shape(rng, image)
    return Picture(image, (large, *_draw_bars(rng, image, GROUPS)))


def make_tile(rng: random.Random, count: int) -> Picture:
    """A picture of one tile: `count` whole bars (1 or 2) as tiles of the detail or of the adaptive layer show
    them, or a whole shape as the view of the whole picture does (0)."""
    width = rng.choice((2, 3)) * TILE // 2 if count else TILES * TILE
    image = _sheet(rng, width)
    asked = _draw_bars(rng, image, (WHOLE,) * count) if count else [_draw_shape(rng, image)]
    return Picture(image.resize((TILE, TILE), Image.Resampling.BICUBIC), tuple(asked))


def _sheet(rng: random.Random, width: int) -> Image.Image:
    red, green, blue = (rng.randint(235, 255) for _ in range(3))
    return Image.new("RGB", (width, TILE), (red, green, blue))


def _draw_bars(rng: random.Random, image: Image.Image, groups: Sequence[str]) -> list[Asked]:
    draw = ImageDraw.Draw(image)
    asked, taken = [], list[Cell]()
    for group, bright in zip(groups, rng.sample(range(len(BRIGHT)), len(groups)), strict=True):
        dark = rng.randrange(len(DARK))
        halves = _place(rng, group, image.width // CELL, taken)
        taken += halves
        for (column, row), color in zip(halves, (BRIGHT[bright], DARK[dark]), strict=True):
            x, y = column * CELL, row * CELL
            draw.rectangle((x, y, x + CELL - 1, y + CELL - 1), fill=color)
        asked.append(Asked(bright, dark, group))
    return asked


def _place(rng: random.Random, group: str, columns: int, taken: list[Cell]) -> list[Cell]:
    """The cells (column, row) of a bar's two halves, which no cell of another bar touches with a side."""
    whole_picture = columns == TILES * CELLS
    while True:
        x, y, across = rng.randrange(columns), rng.randrange(CELLS), group == CUT or rng.random() < 0.5
        halves = [(x, y), (x + across, y + (not across))]
        if halves[1][0] == columns or halves[1][1] == CELLS:
            continue
        cut = whole_picture and across and (x + 1) % CELLS == 0
        if cut == (group == CUT) and all(abs(a - c) + abs(b - d) > 1 for a, b in halves for c, d in taken):
            return halves if rng.random() < 0.5 else halves[::-1]


def _draw_shape(rng: random.Random, image: Image.Image) -> Asked:
    """A shape over most of the picture, near its middle."""
    draw, number = ImageDraw.Draw(image), rng.randrange(len(SHAPES))
    shape = SHAPES[number]
    left, right = TILE // 2 + rng.randint(-6, 6), image.width - TILE // 2 + rng.randint(-6, 6)
    top, bottom = 2, TILE - 3
    middle, third = (left + right) // 2, (right - left) // 3
    if shape == "disc":
        draw.ellipse((left, top, right, bottom), fill=GREY)
    elif shape == "ring":
        draw.ellipse((left, top, right, bottom), outline=GREY, width=7)
    elif shape == "square":
        draw.rectangle((left, top, right, bottom), fill=GREY)
    elif shape == "plus":
        draw.rectangle((left, TILE // 2 - 4, right, TILE // 2 + 3), fill=GREY)
        draw.rectangle((middle - third // 2, top, middle + third // 2, bottom), fill=GREY)
    elif shape == "cross":
        draw.line((left, top, right, bottom), fill=GREY, width=8)
        draw.line((left, bottom, right, top), fill=GREY, width=8)
    else:  # frame
        draw.rectangle((left, top, right, bottom), outline=GREY, width=7)
    return Asked(LARGE, len(DARK) + number, LARGE_GROUP)
