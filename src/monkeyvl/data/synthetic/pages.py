"""A sheet of paper: its size, face, margins; cut to its content, marked, scanned or photographed."""

from __future__ import annotations

import random

from monkeyvl.data.synthetic import ornaments
from monkeyvl.data.synthetic.canvas import Canvas
from monkeyvl.data.synthetic.degrade import Look, finish
from monkeyvl.data.synthetic.fonts import Group, choose_face
from monkeyvl.data.synthetic.layout import Pen
from monkeyvl.data.synthetic.words_places import digits

# What is wanted of every face: the letters of the page are not known before it is written.
LETTERS = "ABCXYZabcxyz0123456789$€£#%&@()/:;,.-+*'\"¿ÀÁÂÄÅÇÈÉÊÍÎÏÑÓÔÖÙÚÛÜßàáâäçèéêíîïñóôöùúûüŒœ"


class Sheet:
    """A page of `width` pixels being written from top to bottom; `pen` is at its margins.

    Its height follows what is written, at least `shape` times the width where the page is meant to be whole.
    """

    def __init__(
        self, rng: random.Random, width: int, font_px: tuple[int, int], groups: tuple[Group, ...]
    ) -> None:
        low, high = font_px
        px = rng.randint(low, max(low, min(high, max(low, width // 11))))
        # Much higher than any content; cut afterwards.
        self.canvas = Canvas(width, 420 * px, paper=rng.choice((255, 255, rng.randint(235, 255))))
        face = choose_face(rng, LETTERS, *groups)
        margin = width * rng.uniform(0.03, 0.09) if width > 500 else width * 0.03
        spacing = rng.uniform(1.12, 1.35)
        top = margin * rng.uniform(0.4, 1.2)
        self.pen = Pen(self.canvas, face, px, margin, width - margin, top, spacing, rng.randint(0, 40))
        self.margin, self.rng = margin, rng

    @property
    def shade(self) -> int:
        """A grey for the ground of a table's head."""
        return self.rng.randint(205, 240)

    def narrow(self) -> bool:
        """Whether two blocks have no room beside each other."""
        return self.pen.x1 - self.pen.x0 < 34 * self.pen.px

    def close(self, shape: float) -> Canvas:
        """Cuts the paper below the last row; `shape` is the least height of a whole page over its width."""
        width = self.canvas.size[0]
        bottom = max(self.pen.y, *(line.box[3] for line in self.canvas.lines))
        height = round(bottom + self.margin * self.rng.uniform(0.3, 1.0) + 2)
        if width > 500 and (height > 0.6 * shape * width or self.rng.random() < 0.5):
            height = max(height, round(shape * width))
        self.canvas.crop(height)
        return self.canvas


def handle(canvas: Canvas, rng: random.Random, px: int, chance: float) -> bool:
    """Stamps, notes, holes, a number along the edge, dark edges; each by `chance`.

    Returns:
        whether there is a scribble, which looks like a signature.
    """
    width, height = canvas.size
    ink = rng.randint(0, 120)
    if rng.random() < chance:
        ornaments.stamp(canvas, rng, round(px * rng.uniform(1.2, 2)), ink)
    if rng.random() < chance and width > 500:
        ornaments.holes(canvas, rng, round(px * rng.uniform(0.5, 1.0)))
    if rng.random() < chance:
        text = rng.choice(
            (digits(rng, "####"), digits(rng, "@-##"), "ok", "see p. " + digits(rng, "#"), "file")
        )
        ornaments.note(canvas, rng, text, round(px * rng.uniform(1.2, 2.0)), ink)
    place = None
    if rng.random() < chance:
        place = ornaments.free_place(canvas, rng, px * rng.uniform(4, 9), px * rng.uniform(2, 4))
        if place:
            ornaments.scribble(canvas, rng, place, ink, max(1, px // 8))
    if rng.random() < chance and height > 20 * px:
        number = digits(rng, "#########")
        font_face = choose_face(rng, number, "sans", "mono", "serif")
        ornaments.margin_number(canvas, rng, number, font_face, round(px * rng.uniform(1.0, 1.5)))
    if rng.random() < chance:
        ornaments.dark_edges(canvas, rng, width * 0.03)
    return place is not None


def send(canvas: Canvas, rng: random.Random, strength: float, photos: float) -> None:
    """Scans the page, or by the chance of `photos` takes its picture on a table of some colour."""
    look: Look = "photo" if rng.random() < photos else "scan"
    finish(canvas, rng, look, strength, rng.randint(20, 200) if look == "photo" else None)
