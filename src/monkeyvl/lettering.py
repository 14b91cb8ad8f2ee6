"""Text in pictures: measured, broken into lines and written, in whatever fonts its characters need."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, int, int]

_JOINERS = "\u200c\u200d"  # not printable, but part of words in Persian and in Indian scripts

FONT = str(Path(__file__).parent / "assets" / "DejaVuSans.ttf")
# DejaVu has Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew and Arabic; for other scripts the first of
# these fonts that the system has (Pillow looks in the system's folders). What none has is drawn as a box.
OTHER_FONTS = (
    *("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf", "wqy-zenhei.ttc"),
    *("wqy-microhei.ttc", "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "PingFang.ttc", "msyh.ttc"),
    *("msgothic.ttc", "malgun.ttf", "AppleSDGothicNeo.ttc", "Arial Unicode.ttf", "Nirmala.ttc"),
    *("NotoSansDevanagari-Regular.ttf", "NotoSansBengali-Regular.ttf", "NotoSansTamil-Regular.ttf"),
    *("NotoSansThai-Regular.ttf", "unifont.otf", "unifont.ttf"),
)


class Type:
    """Letters of one size in as many fonts as the text needs."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.line = math.ceil(1.35 * size)

    def width(self, text: str) -> float:
        return sum(font.getlength(run) for font, run in self._runs(text))

    def length(self, text: str) -> int:
        return math.ceil(self.width(text))

    def badge_size(self, lines: Sequence[str]) -> tuple[int, int]:
        return max(map(self.length, lines)) + 2 * (self.size // 4), self.line * len(lines)

    def write(self, draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, color: Color) -> None:
        x, baseline = float(corner[0]), corner[1] + round(1.05 * self.size)
        for font, run in self._runs(text):
            draw.text((x, baseline), run, fill=color, font=font, anchor="ls")
            x += font.getlength(run)

    def write_lines(
        self, draw: ImageDraw.ImageDraw, corner: tuple[int, int], lines: Iterable[str], color: Color
    ) -> None:
        for i, line in enumerate(lines):
            self.write(draw, (corner[0], corner[1] + i * self.line), line, color)

    def _runs(self, text: str) -> list[tuple[ImageFont.FreeTypeFont, str]]:
        """Stretches of `text` that one font can draw; marks and spaces stay with what they follow."""
        fonts: list[str] = []
        for character in text:
            if fonts and (character == " " or unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")):
                fonts.append(fonts[-1])
            else:
                fonts.append(_font_with(character))
        pairs = groupby(zip(fonts, text, strict=True), key=lambda pair: pair[0])
        return [(_font(name, self.size), "".join(c for _, c in run)) for name, run in pairs]


@lru_cache(maxsize=256)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(name, size)


@lru_cache(maxsize=1)
def _installed_fonts() -> list[str]:
    installed = []
    for name in OTHER_FONTS:
        try:
            _font(name, 24)
        except OSError:
            continue
        installed.append(name)
    return installed


@lru_cache(maxsize=4096)
def _font_with(character: str) -> str:
    if character.isascii() or _has(FONT, character):
        return FONT
    return next((name for name in _installed_fonts() if _has(name, character)), FONT)


def _has(name: str, character: str) -> bool:
    # U+10FFFF is no character, so every font draws its sign for a missing one.
    return _shape(name, character) != _shape(name, "\U0010ffff")


def _shape(name: str, character: str) -> bytes:
    image = Image.new("L", (48, 48))
    ImageDraw.Draw(image).text((8, 36), character, fill=255, font=_font(name, 24), anchor="ls")
    return image.tobytes()


def wrap(text: str, type_: Type, width: int, most: int | None = None) -> list[str]:
    """Lines of at most `width` pixels: broken at spaces, and inside words that are longer than a line."""
    lines = []
    space = type_.width(" ")
    for paragraph in text.splitlines():
        shown = (c if c.isprintable() or c in _JOINERS else " " for c in paragraph)
        paragraph = " ".join("".join(shown).split())
        if type_.width(paragraph) <= width:
            lines.append(paragraph)
            continue
        line, used = "", 0.0
        for word in paragraph.split():
            length = type_.width(word)
            if line and used + space + length > width:
                lines.append(line)
                line, used = "", 0.0
            if length <= width:
                line, used = (f"{line} {word}", used + space + length) if line else (word, length)
                continue
            for character in word:
                step = type_.width(character)
                if line and used + step > width:
                    lines.append(line)
                    line, used = "", 0.0
                line, used = line + character, used + step
        lines.append(line)
    if most is not None and len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1][:-1] + "…"]
    return lines or [""]
