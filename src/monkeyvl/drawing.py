"""Pictures of answers and of cuts, readable at any image size.

A few regions carry their text beside them. Where the texts would cover each other or other regions, every
region gets a number instead, and a legend next to the picture says what stands there.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from monkeyvl.answers import Answer, Region
    from monkeyvl.models.minimonkey.cropping import CropPlan

Rect = tuple[int, int, int, int]
Color = tuple[int, int, int]

FONT = str(Path(__file__).parent / "assets" / "DejaVuSans.ttf")
# DejaVu has Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew and Arabic; for other scripts the first of
# these fonts that the system has (Pillow looks in the system's folders). What none has is drawn as a box.
OTHER_FONTS = (
    *("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf", "wqy-zenhei.ttc"),
    *("wqy-microhei.ttc", "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "PingFang.ttc", "msyh.ttc"),
    *("msgothic.ttc", "malgun.ttf", "AppleSDGothicNeo.ttc", "Arial Unicode.ttf", "Nirmala.ttc", "Nirmala.ttf"),
    *("NotoSansDevanagari-Regular.ttf", "NotoSansBengali-Regular.ttf", "NotoSansTamil-Regular.ttf"),
    *("NotoSansThai-Regular.ttf", "unifont.otf", "unifont.ttf"),
)
COLORS: tuple[Color, ...] = (  # each dark enough for white letters on it
    *((200, 30, 35), (31, 98, 190), (20, 120, 50), (140, 60, 180)),
    *((170, 80, 0), (0, 115, 130), (185, 30, 120), (105, 80, 40)),
)
INK, PAPER, FAINT = (20, 20, 20), (255, 255, 255), (100, 100, 100)

LEAST_SIDE, MOST_SIDE = 900, 4000  # the drawn picture's long side, in pixels
MOST_LABELS = 60  # regions; with more, a legend at once
_FREE, _REGION, _LABEL = 0, 1, 2  # what a pixel of the picture is taken by


def draw_regions(image: Image.Image, regions: Sequence[Region]) -> Image.Image:
    """A copy of `image` with the outline and the text of each region (in pixels of `image`).

    Small pictures are enlarged and huge ones reduced, so that the texts can be read; a legend makes the
    picture wider or higher. Regions without a place are left out.
    """
    return _Picture(image).with_regions(regions)


def draw_answer(image: Image.Image, question: str, answer: Answer) -> Image.Image:
    """`draw_regions`, and below it a strip with the question and the answer."""
    picture = _Picture(image)
    top, type_ = picture.with_regions(answer.regions), picture.type
    pad = type_.size
    width = max(top.width, 30 * type_.size)
    asked = _wrap(question, type_, width - 2 * pad)
    answered = _wrap(answer.text or "(no text)", type_, width - 2 * pad)
    height = top.height + 2 * pad + (len(asked) + len(answered)) * type_.line
    out = Image.new("RGB", (width, height), PAPER)
    out.paste(top, ((width - top.width) // 2, 0))
    draw = ImageDraw.Draw(out)
    draw.line([(0, top.height), (width, top.height)], fill=FAINT, width=max(1, type_.size // 12))
    type_.write_lines(draw, (pad, top.height + pad), asked, FAINT)
    type_.write_lines(draw, (pad, top.height + pad + len(asked) * type_.line), answered, INK)
    return out


def draw_crop_plan(image: Image.Image, plan: CropPlan) -> Image.Image:
    """The cuts of each layer on its own copy of `image`, the tiles numbered in the order of their tokens.

    A line above each copy names the layer, its columns x rows and its tiles; a line at the foot sums up.
    """
    layers = list(dict.fromkeys(plan.order))
    tiles = plan.image_boxes()
    beside = image.height > 0.6 * image.width
    scale = (800 if beside else 1000) / max(plan.size)
    width, height = (max(1, round(side * scale)) for side in plan.size)
    small = image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    type_ = _Type(18)
    pad = type_.size
    titles = []
    for layer in layers:
        columns, rows = getattr(plan, layer, (1, 1))
        count = sum(name == layer for name, _ in tiles)
        titles.append(f"{layer}: {columns} x {rows}, {count or 'no'} {'tile' if count == 1 else 'tiles'}")
    side = plan.tile_size
    foot = f"{plan.size[0]} x {plan.size[1]} pixels: {len(tiles)} tiles of {side} x {side}"
    step_x = max(width, *(type_.length(title) + 2 * pad for title in titles)) + pad
    step_y = type_.line + height + pad
    across, down = (len(layers), 1) if beside else (1, len(layers))
    out_width = max(across * step_x, type_.length(foot) + pad) + pad
    out = Image.new("RGB", (out_width, pad + down * step_y + type_.line + pad), PAPER)
    draw = ImageDraw.Draw(out)
    for i, (layer, title) in enumerate(zip(layers, titles, strict=True)):
        left, top = pad + (i * step_x if beside else 0), pad + (0 if beside else i * step_y)
        draw.rectangle((left, top + 3, left + pad - 4, top + pad - 1), fill=COLORS[i])
        type_.write(draw, (left + pad + 2, top), title, INK)
        top += type_.line
        out.paste(small, (left, top))
        places: dict[Rect, list[int]] = {}  # several views of the whole image share one frame
        for number, (name, box) in enumerate(tiles, 1):
            if name == layer:
                x0, y0, x1, y1 = (round(value * scale) for value in box)
                places.setdefault((left + x0, top + y0, left + x1 - 1, top + y1 - 1), []).append(number)
        for place in places:
            _frame(draw, place, COLORS[i], 3)
        for place, numbers in places.items():
            _badge(draw, type_, (place[0] + 3, place[1] + 3), [", ".join(map(str, numbers))], COLORS[i])
    type_.write(draw, (pad, out.height - type_.line - pad), foot, INK)
    return out


class _Picture:
    """An image at a size at which labels can be read, and what of it is taken."""

    def __init__(self, image: Image.Image) -> None:
        long = max(image.size)
        self.scale = min(max(long, LEAST_SIDE), MOST_SIDE) / long
        size = tuple(max(1, round(side * self.scale)) for side in image.size)
        self.canvas = image.convert("RGB").resize((size[0], size[1]), Image.Resampling.LANCZOS)
        # Whoever looks at it sees it fitted to a screen, so letters grow with the picture.
        self.type = _Type(max(14, round(math.sqrt(size[0] * size[1]) / 60), round(max(size) / 110)))
        self.stroke = max(2, round(self.type.size / 9))
        self.taken = Image.new("L", self.canvas.size, _FREE)

    def with_regions(self, regions: Sequence[Region]) -> Image.Image:
        placed = [region for region in regions if region.bounds is not None]
        draw, mask = ImageDraw.Draw(self.canvas), ImageDraw.Draw(self.taken)
        rects = [self._outline(draw, region, COLORS[i % len(COLORS)]) for i, region in enumerate(placed)]
        for rect in rects:
            mask.rectangle(rect, fill=_REGION)
        texts = [" ".join(region.text.split()) for region in placed]
        labels = self._labels(rects, texts)
        if labels is not None:
            for lines, corner, color in labels:
                _badge(draw, self.type, corner, lines, color)
            return self.canvas
        small = _Type(max(12, round(self.type.size * 0.7)))
        entries = []
        for i, (rect, text) in enumerate(zip(rects, texts, strict=True)):
            color, number = COLORS[i % len(COLORS)], str(i + 1)
            corner = self._place(rect, small.badge_size([number])) or rect[:2]
            _badge(draw, small, corner, [number], color)
            entries.append((number, text or "(no text)", color))
        return self._with_legend(entries)

    def _outline(self, draw: ImageDraw.ImageDraw, region: Region, color: Color) -> Rect:
        """Draw around the region, outside of it; the rectangle in pixels of the canvas that this takes."""
        assert region.bounds is not None
        right, bottom = self.canvas.width - 1, self.canvas.height - 1
        around = round(0.7 * self.type.size) if region.point else self.stroke
        x0, y0, x1, y1 = (round(value * self.scale) for value in region.bounds)
        # Inside the picture, whatever the model said.
        x0, x1 = sorted((min(max(x0, 0), right), min(max(x1, 0), right)))
        y0, y1 = sorted((min(max(y0, 0), bottom), min(max(y1, 0), bottom)))
        rect = (max(0, x0 - around), max(0, y0 - around), min(right, x1 + around), min(bottom, y1 + around))
        if region.point:
            for fill, extra in ((PAPER, 1), (color, 0)):
                width = self.stroke + 2 * extra
                draw.ellipse((x0 - around, y0 - around, x0 + around, y0 + around), outline=fill, width=width)
                draw.line((x0 - around // 2, y0, x0 + around // 2, y0), fill=fill, width=width)
                draw.line((x0, y0 - around // 2, x0, y0 + around // 2), fill=fill, width=width)
        elif region.quad:
            corners = [(round(x * self.scale), round(y * self.scale)) for x, y in region.quad]
            for fill, extra in ((PAPER, 2), (color, 0)):
                draw.line([*corners, *corners[:2]], fill=fill, width=self.stroke + extra, joint="curve")
        else:
            _frame(draw, rect, color, self.stroke)
        return rect

    def _labels(
        self, rects: Sequence[Rect], texts: Sequence[str]
    ) -> list[tuple[list[str], tuple[int, int], Color]] | None:
        """Lines and corner of each text, where all fit beside their regions and cover none; else None."""
        if len(rects) > MOST_LABELS:
            return None
        labels = []
        untouched = self.taken.copy()
        for i, (rect, text) in enumerate(zip(rects, texts, strict=True)):
            if not text:
                continue
            lines = _wrap(text, self.type, min(round(0.6 * self.canvas.width), 26 * self.type.size))
            corner = self._place(rect, self.type.badge_size(lines), free=True) if len(lines) <= 2 else None
            if corner is None:
                self.taken = untouched
                return None
            labels.append((lines, corner, COLORS[i % len(COLORS)]))
        return labels

    def _place(self, rect: Rect, size: tuple[int, int], free: bool = False) -> tuple[int, int] | None:
        """The corner beside `rect` where a label of `size` covers least; if `free`, one that covers nothing."""
        (x0, y0, x1, y1), (width, height) = rect, size
        right, bottom = self.canvas.width - width, self.canvas.height - height
        along_x, along_y = min(max(0, x0), max(0, right)), min(max(0, y0), max(0, bottom))
        corners = [(along_x, y0 - height), (along_x, y1 + 1), (x1 + 1, along_y), (x0 - width, along_y)]
        corners += [(x1 + 1 - width, y0 - height), (x1 + 1 - width, y1 + 1)]
        if not free:
            corners = [(x0 - width, y0), *corners, (along_x, along_y)]
        best, least = None, math.inf
        for x, y in corners:
            if 0 <= x <= max(0, right) and 0 <= y <= max(0, bottom):
                seen = self.taken.crop((x, y, x + width, y + height)).histogram()
                cost = seen[_REGION] + 8 * seen[_LABEL]
                if cost < least:
                    best, least = (x, y), cost
        big_enough = (x1 - x0) * (y1 - y0) > 6 * width * height and x1 - x0 > width and y1 - y0 > height
        if free and least > 0:
            # In a large box a label may stand inside.
            inside = self.taken.crop((x0, y0, x0 + width, y0 + height)).histogram()
            best = (x0, y0) if big_enough and not inside[_LABEL] else None
        if best is not None:
            x, y = best
            ImageDraw.Draw(self.taken).rectangle((x, y, x + width - 1, y + height - 1), fill=_LABEL)
        return best

    def _with_legend(self, entries: Sequence[tuple[str, str, Color]]) -> Image.Image:
        type_, picture = self.type, self.canvas
        pad = type_.size
        indent = max(type_.badge_size([number])[0] for number, _, _ in entries) + pad // 2
        longest = max(type_.length(text) for _, text, _ in entries)
        text_width = min(longest, 24 * type_.size)
        wrapped = [_wrap(text, type_, text_width, most=12) for _, text, _ in entries]
        heights = [len(lines) * type_.line + pad // 3 for lines in wrapped]
        step = indent + text_width + pad
        beside = picture.height > 0.8 * picture.width
        if beside:
            room = max(picture.height - 2 * pad, max(heights), 20 * type_.line)
        else:
            room = max(math.ceil(sum(heights) / max(1, (picture.width - pad) // step)), 0) + max(heights)
        corners, column, y = [], 0, 0
        for height in heights:
            if y and y + height > room:
                column, y = column + 1, 0
            corners.append((column * step, y))
            y += height
        wide = (column + 1) * step + pad
        high = max(y + height for (_, y), height in zip(corners, heights, strict=True)) + 2 * pad
        if beside:
            left, top = picture.width + pad, pad
            out = Image.new("RGB", (picture.width + wide, max(picture.height, high)), PAPER)
        else:
            left, top = pad, picture.height + pad
            out = Image.new("RGB", (max(picture.width, wide), picture.height + high), PAPER)
        out.paste(picture, (0, 0))
        draw = ImageDraw.Draw(out)
        for (number, _, color), lines, (x, y) in zip(entries, wrapped, corners, strict=True):
            _badge(draw, type_, (left + x, top + y), [number], color)
            type_.write_lines(draw, (left + x + indent, top + y), lines, INK)
        return out


class _Type:
    """Letters of one size in as many fonts as the text needs."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.line = math.ceil(1.35 * size)

    def length(self, text: str) -> int:
        return math.ceil(sum(font.getlength(run) for font, run in self._runs(text)))

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


def _wrap(text: str, type_: _Type, width: int, most: int | None = None) -> list[str]:
    """Lines of at most `width` pixels: broken at spaces, and inside words that are longer than a line."""
    lines = []
    space = type_.length(" ")
    for paragraph in text.splitlines():
        line, used = "", 0
        for word in paragraph.split():
            word = "".join(c if c.isprintable() else " " for c in word)
            length = type_.length(word)
            if line and used + space + length > width:
                lines.append(line)
                line, used = "", 0
            if length <= width:
                line, used = (f"{line} {word}", used + space + length) if line else (word, length)
                continue
            for character in word:
                step = type_.length(character)
                if line and used + step > width:
                    lines.append(line)
                    line, used = "", 0
                line, used = line + character, used + step
        lines.append(line)
    if most is not None and len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1][:-1] + "…"]
    return lines or [""]


def _frame(draw: ImageDraw.ImageDraw, rect: Rect, color: Color, width: int) -> None:
    """A rectangle with a thin light edge on both sides, seen on dark and light pictures."""
    x0, y0, x1, y1 = rect
    draw.rectangle((x0 - 1, y0 - 1, x1 + 1, y1 + 1), outline=PAPER, width=width + 2)
    draw.rectangle(rect, outline=color, width=width)


def _badge(
    draw: ImageDraw.ImageDraw, type_: _Type, corner: tuple[int, int], lines: Sequence[str], color: Color
) -> None:
    x, y = corner
    width, height = type_.badge_size(lines)
    draw.rectangle((x, y, x + width - 1, y + height - 1), fill=color)
    type_.write_lines(draw, (x + type_.size // 4, y), lines, PAPER)
