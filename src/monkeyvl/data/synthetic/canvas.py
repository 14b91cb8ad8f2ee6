"""A picture that remembers what is written where: every line's box and every character's centre."""

from __future__ import annotations

from dataclasses import dataclass, field

from PIL import Image, ImageDraw, ImageFont

Box = tuple[float, float, float, float]
Character = tuple[str, float, float, float]


@dataclass(frozen=True)
class Line:
    """A run of text as drawn; `box` is (x0, y0, x1, y1) in pixels."""

    text: str
    box: Box


@dataclass(frozen=True)
class Exchange:
    """A question about the picture and the answer that the model is to give, markup included."""

    question: str
    answer: str


@dataclass
class Sample:
    """A drawn picture with all that is known about it.

    `characters` holds (character, x, y, height): centre and font height of each glyph in pixels of `image`.
    """

    image: Image.Image
    lines: list[Line]
    characters: list[Character]
    exchanges: list[Exchange]
    fields: dict[str, str] = field(default_factory=dict)


class Canvas:
    """Draws text line by line and keeps the geometry."""

    def __init__(self, width: int, height: int, paper: int = 255) -> None:
        self.image = Image.new("L", (width, height), paper)
        self._draw = ImageDraw.Draw(self.image)
        self.lines: list[Line] = []
        self.characters: list[Character] = []

    def write(self, x: float, y: float, text: str, font: ImageFont.FreeTypeFont, ink: int = 0) -> Line:
        """Writes `text` with its top left corner at (x, y) and returns the line."""
        self._draw.text((x, y), text, font=font, fill=ink)
        left, top, right, bottom = font.getbbox(text)
        middle = y + (top + bottom) / 2
        at = x
        for character in text:
            advance = font.getlength(character)
            if not character.isspace():
                self.characters.append((character, at + advance / 2, middle, float(font.size)))
            at += advance
        line = Line(text, (x + left, y + top, x + right, y + bottom))
        self.lines.append(line)
        return line

    def rule(self, y: float, x0: float, x1: float, ink: int = 0, width: int = 1) -> None:
        """A horizontal line, which is no text."""
        self._draw.line((x0, y, x1, y), fill=ink, width=width)
