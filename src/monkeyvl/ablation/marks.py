"""Made pictures of two-coloured bars, some of which a grid of tiles cuts, before a large grey shape.

A picture is three tiles wide and high. Each bar has a bright half and a dark half; some bars lie wholly
within a tile of that grid, of the others a line of the grid parts the halves. A question is a bright colour,
its answer the dark colour that it is joined to; or what the large shape is.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

TILE = 32  # pixels
SIDE = 3 * TILE
CELL = 8  # side of half a bar, pixels: bars lie on a grid of such cells, four of them a tile
CELLS = TILE // CELL
BARS = 4
BRIGHT = ((255, 0, 0), (0, 220, 0), (40, 80, 255), (255, 0, 255), (0, 220, 255), (255, 160, 0))
DARK = ((0, 0, 0), (120, 0, 0), (0, 95, 0), (0, 0, 120), (110, 0, 120), (110, 95, 0))
SHAPES = ("disc", "square", "plus", "cross", "ring", "bars")
GREY = (170, 170, 170)
LARGE = len(BRIGHT)  # the question about the large shape
WHOLE, CUT, LARGE_GROUP = "in a tile", "on a cut", "large"

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
    """A picture with `BARS` bars of different bright colours, half of them on cuts, and a large shape."""
    image = _sheet(rng, SIDE)
    large = _draw_shape(rng, image)
    bars = _draw_bars(rng, image, [(WHOLE, CUT)[number % 2] for number in range(BARS)])
    return Picture(image, (large, *bars))


def make_tile(rng: random.Random, count: int) -> Picture:
    """A picture of one tile: `count` whole bars (1 or 2) in one of the sizes in which the views of a picture
    show them (full, two thirds, one third), or a whole shape in the last of these sizes (0)."""
    side = rng.choice((2, 3, 6)) * TILE // 2 if count else SIDE
    image = _sheet(rng, side)
    asked = _draw_bars(rng, image, [WHOLE] * count) if count else [_draw_shape(rng, image)]
    return Picture(image.resize((TILE, TILE), Image.Resampling.BICUBIC), tuple(asked))


def _sheet(rng: random.Random, side: int) -> Image.Image:
    red, green, blue = (rng.randint(235, 255) for _ in range(3))
    return Image.new("RGB", (side, side), (red, green, blue))


def _draw_bars(rng: random.Random, image: Image.Image, groups: list[str]) -> list[Asked]:
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


def _place(rng: random.Random, group: str, cells: int, taken: list[Cell]) -> list[Cell]:
    """The cells (column, row) of a bar's two halves, away from the other bars, of `cells` each way."""
    while True:
        along, side = rng.randrange(cells - 1), rng.randrange(cells)
        halves = [(along, side), (along + 1, side)]
        if rng.random() < 0.5:
            halves = [(y, x) for x, y in halves]
        # of a picture of one tile and a half no line of the grid is shown
        cut = (along + 1) % CELLS == 0 and cells % CELLS == 0
        if cut == (group == CUT) and all(
            max(abs(x - a), abs(y - b)) > 1 for x, y in halves for a, b in taken
        ):
            return halves if rng.random() < 0.5 else halves[::-1]


def _draw_shape(rng: random.Random, image: Image.Image) -> Asked:
    """A shape of about 64 pixels near the middle."""
    draw, number = ImageDraw.Draw(image), rng.randrange(len(SHAPES))
    shape = SHAPES[number]
    x, y = (SIDE // 2 + rng.randint(-5, 5) for _ in range(2))
    box = (x - 32, y - 32, x + 32, y + 32)
    if shape == "disc":
        draw.ellipse(box, fill=GREY)
    elif shape == "ring":
        draw.ellipse(box, outline=GREY, width=12)
    elif shape == "square":
        draw.rectangle(box, fill=GREY)
    elif shape == "plus":
        draw.rectangle((x - 32, y - 8, x + 32, y + 8), fill=GREY)
        draw.rectangle((x - 8, y - 32, x + 8, y + 32), fill=GREY)
    elif shape == "cross":
        draw.line((x - 30, y - 30, x + 30, y + 30), fill=GREY, width=16)
        draw.line((x - 30, y + 30, x + 30, y - 30), fill=GREY, width=16)
    else:  # bars
        for left in (x - 32, x - 8, x + 16):
            draw.rectangle((left, y - 32, left + 15, y + 32), fill=GREY)
    return Asked(LARGE, len(DARK) + number, LARGE_GROUP)
