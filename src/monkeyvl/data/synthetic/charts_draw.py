"""The plots of charts: bars lying and standing, grouped and stacked, lines, pies, dots."""

from __future__ import annotations

import math
import random

from monkeyvl.data.synthetic.canvas import Canvas
from monkeyvl.data.synthetic.charts_content import Chart
from monkeyvl.data.synthetic.charts_style import (
    LABEL_SHARE,
    Plot,
    Style,
    axis_width,
    bar_room,
    mark_name,
    slot_width,
    stands,
    value_width,
)
from monkeyvl.data.synthetic.geometry import Box
from monkeyvl.data.synthetic.text_kit import Colour, ink_on, mixed, wrap


def draw_plot(rng: random.Random, canvas: Canvas, chart: Chart, style: Style, y: float) -> tuple[float, Plot]:
    """Draws legend and plot below `y`; returns where they end and what can be read."""
    plot = Plot()
    if len(chart.series) > 1 and not (chart.type == "line" and not style.legend_box):
        entries = [(one.name, style.colours[at][1]) for at, one in enumerate(chart.series)]
        y = _legend(canvas, style, y, entries) + 0.4 * style.px
    if chart.type == "pie":
        return _pie(canvas, chart, style, y, plot), plot
    if chart.type == "line":
        return _lines(rng, canvas, chart, style, y, plot), plot
    if chart.type != "dot" and stands(chart, style):
        return _standing(rng, canvas, chart, style, y, plot), plot
    return _lying(canvas, chart, style, y, plot), plot


def _legend(canvas: Canvas, style: Style, y: float, entries: list[tuple[str, Colour]]) -> float:
    side, font = 0.7 * style.px, style.font
    top, x = y, style.margin
    for name, colour in entries:
        width = side + 0.4 * style.px + font.getlength(name)
        if x + width > style.width - style.margin and x > style.margin:
            x, y = style.margin, y + 1.4 * style.px
        canvas.draw.rectangle((x, y + 0.25 * style.px, x + side, y + 0.25 * style.px + side), fill=colour)
        canvas.write(x + side + 0.3 * style.px, y, name, font, style.ink, "legend")
        x += width + 0.9 * style.px
    y += 1.4 * style.px
    if style.legend_box:
        canvas.draw.rectangle((0, top - 2, style.width - 1, y), outline=style.soft)
    return y


def _lying(canvas: Canvas, chart: Chart, style: Style, y: float, plot: Plot) -> float:
    """Rows: a label at the left, bars (one, several below each other, or end to end) or dots at the right."""
    font, px = style.font, style.px
    single = len(chart.series) == 1
    label_width = min(LABEL_SHARE * style.width, max(font.getlength(one) for one in chart.labels) + 1)
    left = style.margin + label_width + 0.6 * px
    room = bar_room(chart, style)
    stacked, dots = chart.type == "stacked bar", chart.type == "dot"
    highest = 100.0 if stacked else max(value for one in chart.series for value in one.values)
    thick = px * (1.0 + style.thick)
    axis = _opposed(chart, style, room) if stacked else 0.0
    if axis:
        highest = sum(max(one.values) for one in chart.series)
    y += 0.8 * px if dots else 0.0
    top = y
    for at, label in enumerate(chart.labels):
        lines = wrap(label, font, label_width)
        bars = 1 if stacked or dots else len(chart.series)
        height = max(len(lines) * 1.15 * px, bars * thick)
        for number, text in enumerate(lines):
            x = left - 0.6 * px - font.getlength(text)
            canvas.write(
                x,
                y + (height - len(lines) * 1.15 * px) / 2 + number * 1.15 * px,
                text,
                font,
                style.ink,
                "label",
            )
        if dots:
            canvas.rule(y + height / 2, left, left + room, mixed(style.soft, style.paper, 0.5))
        x = left
        for series, one in enumerate(chart.series):
            value, colour = one.values[at], style.colour(series, at, single)
            length = max(1.0, room * value / highest)
            if axis:
                x = left + axis - (length if series == 0 else 0.0)
            if dots:
                middle, radius = y + height / 2, 0.32 * px
                box = (left + length - radius, middle - radius, left + length + radius, middle + radius)
                canvas.draw.ellipse(box, fill=colour)
            else:
                from_y = y + (height - bars * thick) / 2 + (0 if stacked else series * thick)
                box = (x, from_y, x + length, from_y + thick - 1)
                canvas.draw.rectangle(box, fill=colour)
            canvas.marks[mark_name(chart, series, at)] = box
            _lying_value(canvas, chart, style, plot, (series, at), box, colour, stacked)
            x += length if stacked else 0
        y += height + px * (0.9 if bars > 1 else 0.6)
    if style.axis and not stacked:
        canvas.draw.line((left, top, left, y - 0.5 * px), fill=style.ink)
    return y


def _opposed(chart: Chart, style: Style, room: float) -> float:
    """Where two series part that grow to both sides of an axis; 0 where they stand end to end."""
    if len(chart.series) != 2 or not style.inside:
        return 0.0
    left, right = (max(one.values) for one in chart.series)
    least = min(value for one in chart.series for value in one.values)
    return room * left / (left + right) if room * least / (left + right) > 2 * style.px else 0.0


def _lying_value(
    canvas: Canvas, chart: Chart, style: Style, plot: Plot, key: tuple[int, int], box: Box, colour: Colour,
    stacked: bool
) -> None:  # fmt: skip
    font, value = style.font, chart.series[key[0]].values[key[1]]
    text = chart.written(value)
    # Many charts write the sign at the first value only.
    if chart.unit == "%" and (stacked or key[1] or key[0]):
        text = f"{value:,.{chart.decimals}f}"
    width, middle = font.getlength(text), (box[1] + box[3]) / 2
    inside = stacked or (style.inside and box[2] - box[0] > width + style.px and chart.type != "dot")
    if inside:
        x = (box[0] + box[2]) / 2 if stacked else box[2] - width / 2 - 0.3 * style.px
        plot.write(canvas, key, x, middle, text, font, ink_on(colour))
    elif chart.type != "dot":
        plot.write(canvas, key, box[2] + width / 2 + 0.4 * style.px, middle, text, font, style.ink)
    else:
        plot.write(canvas, key, (box[0] + box[2]) / 2, box[1] - 0.5 * style.px, text, font, style.ink)


def _standing(rng: random.Random, canvas: Canvas, chart: Chart, style: Style, y: float, plot: Plot) -> float:
    """Columns: labels below, values above or inside."""
    font, px = style.font, style.px
    stacked = chart.type == "stacked bar"
    single, count = len(chart.series) == 1, 1 if stacked else len(chart.series)
    slot, left = slot_width(chart, style), style.margin + axis_width(chart, style)
    highest = 100.0 if stacked else max(value for one in chart.series for value in one.values)
    height = max((15 if stacked else 5) * px, min(17 * px, style.width * rng.uniform(0.3, 0.6)))
    top, base = y + 1.3 * px, y + 1.3 * px + height
    if style.axis:
        _scale(canvas, chart, style, (style.margin, top, style.width - style.margin, base), 0, highest)
    bar = slot * style.thick / count
    for at, label in enumerate(chart.labels):
        foot = base
        for series, one in enumerate(chart.series):
            value, colour = one.values[at], style.colour(series, at, single)
            x = left + at * slot + (slot - bar * count) / 2 + (0 if stacked else series * bar)
            box = (x, foot - max(1.0, height * value / highest), x + bar - 1, foot)
            foot = box[1] if stacked else base
            canvas.draw.rectangle(box, fill=colour)
            canvas.marks[mark_name(chart, series, at)] = box
        for series, one in enumerate(chart.series):
            box, colour = canvas.marks[mark_name(chart, series, at)], style.colour(series, at, single)
            text = chart.written(one.values[at])
            inside = stacked or (style.inside and box[3] - box[1] > 1.6 * px and font.getlength(text) < bar)
            at_y = box[1] + 0.8 * px if inside else box[1] - 0.6 * px
            if stacked:
                at_y = (box[1] + box[3]) / 2
            plot.write(
                canvas,
                (series, at),
                box[0] + bar / 2,
                at_y,
                text,
                font,
                ink_on(colour) if inside else style.ink,
            )
        for number, text in enumerate(wrap(label, font, slot)):
            x = left + at * slot + (slot - font.getlength(text)) / 2
            canvas.write(x, base + 0.3 * px + number * 1.15 * px, text, font, style.ink, "label")
    canvas.rule(base, left, style.width - style.margin, style.soft)
    most = max(len(wrap(label, font, slot)) for label in chart.labels)
    return base + 0.3 * px + most * 1.15 * px


def _scale(canvas: Canvas, chart: Chart, style: Style, frame: Box, low: float, high: float) -> None:
    """Round numbers at the left with lines across."""
    left, top, _, base = frame
    step = 10 ** math.floor(math.log10(max(1e-6, (high - low) / 2)))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 5)
    value = math.ceil(low / step) * step
    while value <= high:
        y = base - (base - top) * (value - low) / ((high - low) or 1)
        canvas.rule(y, left + axis_width(chart, style), frame[2], mixed(style.soft, style.paper, 0.6))
        decimals = max(0, -math.floor(math.log10(step)))
        canvas.write(left, y - 0.65 * style.px, f"{value:,.{decimals}f}", style.font, style.soft, "tick")
        value += step


def _lines(rng: random.Random, canvas: Canvas, chart: Chart, style: Style, y: float, plot: Plot) -> float:
    """Points joined; names at the ends unless there is a legend; values where there is room."""
    font, px = style.font, style.px
    heavy = style.face.heavy(px)
    values = [value for one in chart.series for value in one.values]
    low, high = min(values), max(values)
    low, high = (0.0, high) if rng.random() < 0.5 else (low - 0.2 * (high - low), high)
    names = "" if style.legend_box else max((one.name for one in chart.series), key=heavy.getlength)
    left = (
        style.margin
        + axis_width(chart, style)
        + max(font.getlength(chart.labels[0]), value_width(chart, font)) / 2
    )
    tail = max(heavy.getlength(names) + 0.8 * px if names else 0, font.getlength(chart.labels[-1]) / 2)
    right = style.width - style.margin - max(tail, value_width(chart, font) / 2)
    height = max(6 * px, min(20 * px, style.width * rng.uniform(0.3, 0.55)))
    top, base = y + 1.3 * px, y + 1.3 * px + height
    if style.axis:
        _scale(canvas, chart, style, (style.margin, top, style.width - style.margin, base), low, high)
    last = len(chart.labels) - 1
    ends: list[float] = []
    for series, one in enumerate(chart.series):
        colour = style.colours[series][1]
        points = [
            (left + (right - left) * at / last, base - height * (value - low) / ((high - low) or 1))
            for at, value in enumerate(one.values)
        ]
        canvas.draw.line(points, fill=colour, width=max(2, px // 5), joint="curve")
        for at, (x, point_y) in enumerate(points):
            radius = 0.28 * px
            box = (x - radius, point_y - radius, x + radius, point_y + radius)
            canvas.draw.ellipse(box, fill=style.paper if style.inside else colour, outline=colour)
            canvas.marks[mark_name(chart, series, at)] = box
        if names:
            end = points[-1][1]
            while any(abs(end - other) < 1.1 * px for other in ends):
                end += 0.3 * px
            ends.append(end)
            canvas.write(
                right + 0.6 * px, end - 0.6 * px, one.name, heavy, mixed(colour, (0, 0, 0), 0.3), "legend"
            )
    plot.taken += [line.box for line in canvas.lines if line.role == "legend"]
    for series, one in enumerate(chart.series):
        for at in sorted(range(last + 1), key=lambda at: at not in (0, last)):
            x0, y0, x1, y1 = canvas.marks[mark_name(chart, series, at)]
            # On that side of the line to which it does not run on.
            beside = [one.values[near] for near in (at - 1, at + 1) if 0 <= near <= last]
            above = one.values[at] >= sum(beside) / len(beside)
            text, shift = chart.written(one.values[at]), 0.75 * px
            for middle in (y0 - shift, y1 + shift) if above else (y1 + shift, y0 - shift):
                if plot.write(canvas, (series, at), (x0 + x1) / 2, middle, text, font, style.ink):
                    break
    base = max([base, *(box[3] for box in plot.taken)])
    _line_labels(canvas, chart, style, (left, right), base + 0.3 * px)
    return base + 1.6 * px


def _line_labels(canvas: Canvas, chart: Chart, style: Style, ends: tuple[float, float], y: float) -> None:
    """The labels below the points: all that fit, the first and the last always."""
    last, font = len(chart.labels) - 1, style.font
    widest = max(font.getlength(label) for label in chart.labels) + 0.5 * style.px
    every = max(1, math.ceil(widest * last / max(1.0, ends[1] - ends[0])))
    for at, label in enumerate(chart.labels):
        if at % every and at != last:
            continue
        if at != last and (last - at) * (ends[1] - ends[0]) / last < widest and at:
            continue
        x = ends[0] + (ends[1] - ends[0]) * at / last
        canvas.write(x - font.getlength(label) / 2, y, label, font, style.ink, "label")
    canvas.rule(y - 0.2 * style.px, *ends, style.soft)


def _pie(canvas: Canvas, chart: Chart, style: Style, y: float, plot: Plot) -> float:
    """Slices with their shares inside or beside, names beside if there is room, else in a legend."""
    font, px = style.font, style.px
    widest = max(font.getlength(label) for label in chart.labels)
    beside = not style.legend_box and style.width > 2 * widest + 9 * px
    if not beside:
        entries = [(label, style.colours[at][1]) for at, label in enumerate(chart.labels)]
        y = _legend(canvas, style, y, entries) + 0.5 * px
    across = style.room - (2 * widest + 2 * px if beside else 5 * px)
    radius = max(2.2 * px, min(across / 2, 11 * px))
    x, middle = style.width / 2, y + radius + 2 * px
    values = chart.series[0].values
    whole, angle = sum(values), -90.0
    for at, value in enumerate(values):
        colour, sweep = style.colours[at][1], 360 * value / whole
        disc = (x - radius, middle - radius, x + radius, middle + radius)
        canvas.draw.pieslice(disc, angle, angle + sweep, fill=colour, outline=style.paper)
        turn = math.radians(angle + sweep / 2)
        cos, sin = math.cos(turn), math.sin(turn)
        spot = x + 0.68 * radius * cos, middle + 0.68 * radius * sin
        text = chart.written(value)
        canvas.marks[mark_name(chart, 0, at)] = (
            spot[0] - 0.2 * radius, spot[1] - 0.2 * radius, spot[0] + 0.2 * radius, spot[1] + 0.2 * radius
        )  # fmt: skip
        inside = 2 * math.pi * 0.68 * radius * sweep / 360 > font.getlength(text) + 0.3 * px
        label = chart.labels[at]
        far = radius + 0.9 * px
        if inside:
            plot.write(canvas, (0, at), *spot, text, font, ink_on(colour))
        elif not beside:
            plot.write(
                canvas,
                (0, at),
                x + far * cos + font.getlength(text) / 2 * cos,
                middle + far * sin,
                text,
                font,
                style.ink,
            )
        else:
            below = (1.2 if sin > 0 else -1.2) * px
            outwards = font.getlength(text) / 2 * (0.0 if abs(cos) < 0.2 else 1.0 if cos > 0 else -1.0)
            plot.write(
                canvas, (0, at), x + far * cos + outwards, middle + far * sin + below, text, font, style.ink
            )
        if beside:
            width = font.getlength(label)
            at_x = x + far * cos - (width / 2 if abs(cos) < 0.2 else width if cos < 0 else 0.0)
            canvas.write(at_x, middle + far * sin - 0.6 * px, label, font, style.ink, "label")
        angle += sweep
    if style.donut and all(0.45 * radius < 0.68 * radius - 0.6 * px for _ in values):
        hole = 0.42 * radius
        canvas.draw.ellipse((x - hole, middle - hole, x + hole, middle + hole), fill=style.paper)
    return middle + radius + 2 * px
