"""Charts as research centres print them: title, explanation, legend, plot with values, notes, source."""

from __future__ import annotations

import random

from PIL import ImageDraw

from monkeyvl.data.synthetic.canvas import Canvas, Sample
from monkeyvl.data.synthetic.charts_content import TYPES, Chart, make_chart_content
from monkeyvl.data.synthetic.charts_draw import draw_plot
from monkeyvl.data.synthetic.charts_style import Plot, Style, fits
from monkeyvl.data.synthetic.degrade import finish
from monkeyvl.data.synthetic.questions_chart import chart_exchanges
from monkeyvl.data.synthetic.text_kit import Colour, grey, mixed, pastel, pick_face, wrap

# Widths of published charts, in pixels.
WIDTHS = (200, 310, 310, 310, 320, 420, 420, 420, 520, 640, 640, 840)
# Colours that go together, by the names that a reader would give them.
PALETTES: tuple[dict[str, Colour], ...] = (
    {"dark green": (60, 100, 40), "light green": (160, 190, 90), "grey": (175, 175, 170),
     "black": (40, 40, 40)},
    {"brown": (140, 100, 25), "yellow": (215, 170, 50), "beige": (230, 215, 170), "grey": (150, 150, 145)},
    {"red": (190, 50, 35), "blue": (60, 100, 140), "grey": (180, 180, 180), "yellow": (220, 180, 50)},
    {"dark blue": (25, 65, 120), "light blue": (100, 160, 220), "grey": (205, 205, 205),
     "orange": (225, 130, 40)},
    {"purple": (105, 85, 125), "orange": (220, 140, 50), "green": (100, 150, 70), "grey": (170, 170, 170)},
    {"teal": (45, 125, 120), "light green": (130, 200, 170), "dark green": (25, 80, 65),
     "yellow": (235, 200, 90)},
    {"blue": (31, 119, 180), "orange": (255, 127, 14), "green": (44, 160, 44), "red": (214, 39, 40)},
    {"black": (15, 15, 15), "grey": (140, 140, 140), "light grey": (215, 215, 215), "red": (200, 30, 30)},
)  # fmt: skip


def _style(rng: random.Random, px: int, width: int, series: int, labels: int) -> Style:
    palette = list(rng.choice(PALETTES).items())
    rng.shuffle(palette)
    wanted = labels if series == 1 else series
    colours = [palette[at % len(palette)] for at in range(wanted)]
    if wanted > len(palette):
        shades = [
            mixed(colour, (255, 255, 255), 0.45 * (at // len(palette)))
            for at, (_, colour) in enumerate(colours)
        ]
        colours = [(name, shade) for (name, _), shade in zip(colours, shades, strict=True)]
    return Style(
        face=pick_face(rng, *(("serif",) if rng.random() < 0.15 else ("sans", "sans", "condensed"))),
        px=px,
        width=width,
        margin=rng.choice((1.0, 4.0, 0.8 * px)),
        colours=tuple(colours),
        paper=(255, 255, 255) if rng.random() < 0.85 else mixed(pastel(rng), (255, 255, 255), 0.5),
        ink=grey(rng, 0, 40),
        soft=grey(rng, 90, 150),
        axis=rng.random() < 0.35,
        legend_box=rng.random() < 0.15,
        thick=rng.uniform(0.45, 0.85),
        upright=rng.random() < 0.5,
        inside=rng.random() < 0.4,
        donut=rng.random() < 0.25,
        one_colour=rng.random() < 0.85,
    )  # fmt: skip


def _write_block(
    canvas: Canvas, style: Style, y: float, text: str, px: int, role: str, bold: bool, ink: Colour
) -> float:
    font = style.face.heavy(px) if bold else style.face.font(px)
    for line in wrap(text, font, style.width - 2 * style.margin):
        canvas.write(style.margin, y, line, font, ink, role)
        y += px * 1.22
    return y


def _draw(rng: random.Random, chart: Chart, style: Style) -> tuple[Canvas, Plot]:
    px = style.px
    canvas = Canvas(style.width, 6 * style.width + 60 * px, style.paper)
    ruled = rng.random() < 0.6
    if ruled:
        canvas.rule(1, 0, style.width, style.soft)
    y = 0.6 * px
    title_px = round(px * rng.choice((1.0, 1.15, 1.3)))
    if rng.random() < 0.08:
        canvas.draw.rectangle(
            (0, 0, style.width, y + 1.5 * title_px), fill=mixed(style.paper, (120, 120, 120), 0.2)
        )
    y = _write_block(canvas, style, y, chart.title, title_px, "title", True, style.ink) + 0.2 * px
    if chart.subtitle:
        y = _write_block(
            canvas, style, y, chart.subtitle, px, "subtitle", False, mixed(style.ink, style.paper, 0.35)
        )
    y, plot = draw_plot(rng, canvas, chart, style, y + 0.8 * px)
    y += 0.8 * px
    small = max(7, round(px * rng.choice((0.8, 0.9, 1.0))))
    if chart.note:
        y = _write_block(canvas, style, y, chart.note, small, "note", False, style.soft) + 0.3 * px
    if chart.source:
        y = _write_block(canvas, style, y, chart.source, small, "source", True, style.ink)
    y += 0.5 * px
    if ruled:
        canvas.rule(y, 0, style.width, style.soft)
    canvas.image = canvas.image.crop((0, 0, style.width, round(y) + 3))
    canvas.draw = ImageDraw.Draw(canvas.image)
    return canvas, plot


def make_chart(
    rng: random.Random,
    width: int = 0,
    font_px: tuple[int, int] = (10, 13),
    strength: float = 0.3,
    longest: int = 500,
    amount: float = 0.6,
    places: bool = True,
) -> Sample:
    """A chart `width` pixels wide (0: as charts are published, 200 to 840), as high as it needs.

    `amount` sets how many bars or points and series there are at most.
    """
    width = width or rng.choice(WIDTHS)
    px = rng.randint(*font_px)
    if width > 500:
        px = round(px * rng.choice((1.0, 1.2, 1.4)))
    trial = 0
    while True:
        trial += 1
        kind = rng.choices(TYPES, (30, 22, 16, 18, 10, 8))[0]
        chart = make_chart_content(rng, kind, round(2 + 13 * amount), round(2 + 2 * amount))
        if amount < 0.4:
            chart = chart.brief(rng)
        style = _style(rng, px, width, len(chart.series), len(chart.labels))
        if fits(chart, style):
            break
        if trial % 6 == 0:
            px = max(7, px - 1)
    canvas, plot = _draw(rng, chart, style)
    finish(canvas, rng, "screen", strength)
    exchanges = chart_exchanges(rng, chart, plot, style, canvas, longest, places)
    series = [
        {"name": one.name, "points": [list(pair) for pair in zip(chart.labels, one.values, strict=True)]}
        for one in chart.series
    ]
    structure = {
        "kind": "chart", "type": chart.type, "title": chart.title, "subtitle": chart.subtitle,
        "unit": chart.unit,
        "series": series, "source": chart.source,
    }  # fmt: skip
    return Sample(canvas.image, canvas.lines, canvas.characters, exchanges, {}, structure, canvas.marks)
