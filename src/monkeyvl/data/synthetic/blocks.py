"""Blocks of a page: keys with values in boxes or on lines, and ruled tables."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from monkeyvl.data.synthetic.canvas import Canvas, Colour
from monkeyvl.data.synthetic.layout import Align, Cell, Pen, wrapped

Style: TypeAlias = Literal["colon", "aligned", "underlined", "boxed", "stacked"]
Ruling: TypeAlias = Literal["none", "head", "rows", "grid", "zebra"]


@dataclass(frozen=True)
class Pair:
    """A printed key and its value; `name` is the field's, if it is asked for by name."""

    key: str
    value: str
    name: str = ""


@dataclass(frozen=True)
class Column:
    """A table's column; less important ones (higher `rank`) are left out where there is no room."""

    head: str
    values: Sequence[str]
    align: Align = "left"
    rank: int = 0


def below(pen: Pen, x0: float, x1: float, y: float | None = None, face: str | None = None) -> Pen:
    """A pen like `pen` for another part of the page."""
    at = pen.y if y is None else y
    return Pen(pen.canvas, face or pen.face, pen.px, x0, x1, at, pen.spacing, pen.ink)


def pairs_block(
    pen: Pen,
    pairs: Sequence[Pair],
    style: Style,
    columns: int = 1,
    filled: str | None = None,
    bold: bool = False,
    shade: Colour | None = None,
    air: float = 0.15,
) -> None:
    """Writes `pairs` in rows of `columns`; `filled` is the face of the values, `bold` tells the keys.

    `air` is the space between rows without frames in letter heights.
    """
    gutter = 0.0 if style in ("boxed", "stacked") else pen.px
    wide = (pen.x1 - pen.x0 + gutter) / columns
    font = pen.font(1.0, bold)
    longest = max(font.getlength(pair.key + " :") for pair in pairs)
    for start in range(0, len(pairs), columns):
        row = pairs[start : start + columns]
        ends = []
        for number, pair in enumerate(row):
            x0 = pen.x0 + number * wide
            part = below(pen, x0, x0 + wide - gutter)
            ends.append(_pair(part, pair, style, longest, filled or pen.face, bold, shade))
        bottom = max(ends)
        if style in ("boxed", "stacked"):
            for number in range(columns):
                x0 = pen.x0 + number * wide
                pen.canvas.draw.rectangle((x0, pen.y, x0 + wide, bottom), outline=pen.ink)
                if style == "boxed" and number < len(row):
                    middle = x0 + min(longest + pen.px, 0.5 * wide)
                    pen.canvas.draw.line((middle, pen.y, middle, bottom), fill=pen.ink)
        pen.y = bottom + (0.0 if style in ("boxed", "stacked") else air * pen.px)


def _pair(
    pen: Pen, pair: Pair, style: Style, longest: float, filled: str, bold: bool, shade: Colour | None
) -> float:
    """Writes one pair and returns the y below it."""
    top, line = pen.y, pen.px * pen.spacing
    room = pen.x1 - pen.x0
    pad = 0.35 * pen.px if style in ("boxed", "stacked") else 0.0
    mark = ":" if style in ("colon", "aligned") and not pair.key.endswith((":", "#", "?")) else ""
    value = below(pen, pen.x0 + pad, pen.x1 - pad, top + 0.3 * pad, filled)
    if style == "stacked":
        label = below(pen, pen.x0 + pad, pen.x1 - pad, top + 0.3 * pad)
        label.paragraph(pair.key, 0.85, bold, "key")
        value.y = label.y + 0.1 * pen.px
    else:
        own = pen.font(1.0, bold).getlength(pair.key + mark) + 0.6 * pen.px
        start = {"colon": own, "underlined": own, "aligned": longest + 0.4 * pen.px}.get(
            style, longest + pen.px
        )
        if style == "boxed":
            start = min(start, 0.5 * room)
            if shade is not None:
                high = max(1, len(wrapped(pair.key, pen.font(1.0, bold), start - 2 * pad))) * line
                pen.canvas.draw.rectangle((pen.x0, top, pen.x0 + start, top + high + pad), fill=shade)
        label = below(pen, pen.x0 + pad, pen.x0 + start - 0.3 * pen.px, top + 0.3 * pad)
        if start > 0.65 * room:
            # No room beside the key: the value goes below it.
            label.x1, start = pen.x1, 0.0
            label.paragraph(pair.key + mark, 1.0, bold, "key")
            value.y = label.y
        else:
            label.paragraph(pair.key + mark, 1.0, bold, "key")
            value.x0 += start
    baseline = value.y + 1.12 * pen.px
    if pair.value:
        for piece in wrapped(pair.value, value.font(), max(value.x1 - value.x0, 2 * pen.px)):
            inside = ((pair.name, piece),) if pair.name else ()
            value.cell(Cell(piece, fields=inside, role="value"), value.y)
            if style == "underlined":
                pen.canvas.rule(value.y + 1.12 * pen.px, value.x0 - 0.2 * pen.px, pen.x1, pen.ink)
            value.y += line
    else:
        if style == "underlined":
            pen.canvas.rule(baseline, value.x0 - 0.2 * pen.px, pen.x1, pen.ink)
        value.y += line
    return max(label.y, value.y) + pad


def table_block(
    pen: Pen, columns: Sequence[Column], ruling: Ruling, shade: Colour | None = None, bold: bool = True
) -> list[Column]:
    """Writes a table over the pen's width and returns the columns that had room."""
    room = pen.x1 - pen.x0
    pad = 0.4 * pen.px
    kept = list(columns)
    widths = _widths(pen, kept, bold, pad)
    while sum(widths) > room and len(kept) > 2 and max(column.rank for column in kept) > 0:
        worst = max(range(len(kept)), key=lambda number: kept[number].rank)
        del kept[worst], widths[worst]
    if sum(widths) > room:
        # The widest column is broken into lines.
        widest = widths.index(max(widths))
        widths[widest] = max(4 * pen.px, room - sum(widths) + widths[widest])
    spare = max(0.0, room - sum(widths)) / len(widths)
    widths = [width + spare for width in widths]
    starts = [pen.x0 + sum(widths[:number]) for number in range(len(widths) + 1)]
    canvas = pen.canvas
    edges = [pen.y]
    rows = max(len(column.values) for column in kept)
    for number in range(-1, rows):
        texts = [column.head if number < 0 else column.values[number] for column in kept]
        fonts = pen.font(1.0, bold and number < 0)
        pieces = [wrapped(t, fonts, w - 2 * pad) or [""] for t, w in zip(texts, widths, strict=True)]
        high = max(len(one) for one in pieces) * pen.px * pen.spacing + 0.2 * pen.px
        if shade is not None and (number < 0 or (ruling == "zebra" and number % 2)):
            canvas.draw.rectangle((pen.x0, pen.y, pen.x1, pen.y + high), fill=shade)
        for column, lines, x0, x1 in zip(kept, pieces, starts, starts[1:], strict=False):
            inner = below(pen, x0 + pad, x1 - pad, pen.y + 0.1 * pen.px)
            at = {"left": 0.0, "centre": 0.5, "right": 1.0}[column.align]
            for text in lines:
                if text:
                    role = "head" if number < 0 else "cell"
                    inner.cell(Cell(text, at, column.align, (), role), inner.y, 1.0, bold and number < 0)
                inner.y += pen.px * pen.spacing
        pen.y += high
        edges.append(pen.y)
    _rules(canvas, pen, ruling, starts, edges)
    pen.y += 0.3 * pen.px
    return kept


def _widths(pen: Pen, columns: Sequence[Column], bold: bool, pad: float) -> list[float]:
    plain, head = pen.font(), pen.font(1.0, bold)
    return [
        max([head.getlength(column.head), *(plain.getlength(value) for value in column.values)]) + 2 * pad + 1
        for column in columns
    ]


def _rules(canvas: Canvas, pen: Pen, ruling: Ruling, starts: list[float], edges: list[float]) -> None:
    if ruling in ("rows", "grid"):
        for y in edges:
            canvas.rule(y, pen.x0, pen.x1, pen.ink)
    elif ruling in ("head", "zebra"):
        for y in (edges[0], edges[1], edges[-1]):
            canvas.rule(y, pen.x0, pen.x1, pen.ink, max(1, pen.px // 9))
    if ruling == "grid":
        for x in (*starts[:-1], pen.x1):
            canvas.draw.line((x, edges[0], x, edges[-1]), fill=pen.ink)


def pick_style(rng: random.Random) -> Style:
    styles: tuple[Style, ...] = ("colon", "aligned", "underlined", "boxed", "stacked")
    return rng.choice(styles)


def pick_ruling(rng: random.Random) -> Ruling:
    rulings: tuple[Ruling, ...] = ("none", "head", "rows", "grid", "zebra")
    return rng.choice(rulings)
