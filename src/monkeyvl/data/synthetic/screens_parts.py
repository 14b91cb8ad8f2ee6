"""The stuff of screens: a surface that knows its elements; what a window hides is forgotten."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageFont

from monkeyvl.data.synthetic.canvas import Canvas, Character, Line
from monkeyvl.data.synthetic.geometry import Box
from monkeyvl.data.synthetic.screens_icons import draw_icon
from monkeyvl.data.synthetic.text_kit import Colour, Face, cut, ink_on, mixed, wrap


@dataclass(frozen=True)
class Theme:
    """Letters and colours of a desktop or an app; `px` is the height of the letters."""

    face: Face
    px: int
    bar: Colour
    paper: Colour
    accent: Colour
    border: Colour
    round: int

    @property
    def ink(self) -> Colour:
        return ink_on(self.paper)

    @property
    def soft(self) -> Colour:
        return mixed(self.ink, self.paper, 0.45)

    @property
    def row(self) -> float:
        """The height of a row of buttons or menu items."""
        return 2.0 * self.px


@dataclass(frozen=True)
class Element:
    """Something to click: what it is called (its text where it has one), what it is, where it is."""

    name: str
    role: str
    box: Box
    value: str = ""


class Surface:
    """A canvas with elements: the whole screen, or a window or menu that is laid on it."""

    def __init__(self, width: int, height: int, theme: Theme, paper: Colour | None = None) -> None:
        self.theme = theme
        self.paper = paper or theme.paper
        self.canvas = Canvas(width, height, self.paper)
        self.elements: list[Element] = []
        # Roles of elements that are partly hidden: who counts them may see another number.
        self.cut: set[str] = set()

    @property
    def size(self) -> tuple[int, int]:
        return self.canvas.size

    def add(self, name: str, role: str, box: Box, value: str = "") -> None:
        """Notes an element, as far as it is inside the surface."""
        width, height = self.size
        x0, y0, x1, y1 = (
            max(0.0, box[0]),
            max(0.0, box[1]),
            min(float(width), box[2]),
            min(float(height), box[3]),
        )
        if x1 - x0 > 3 and y1 - y0 > 3:
            self.elements.append(Element(name, role, (x0, y0, x1, y1), value))

    def text(
        self, x: float, y: float, text: str, room: float, ink: Colour | None = None, bold: bool = False,
        size: float = 1.0, role: str = "text",
    ) -> str:  # fmt: skip
        """Writes `text` as far as there is room and returns what was written."""
        font = self.font(bold, size)
        if room < 3 * font.size or y + font.size > self.size[1]:
            return ""
        shown = cut(text, font, min(room, self.size[0] - x))
        if shown.strip(". "):
            self.canvas.write(x, y, shown, font, ink or ink_on(self.paper), role)
            return shown
        return ""

    def font(self, bold: bool = False, size: float = 1.0) -> ImageFont.FreeTypeFont:
        px = max(6, round(self.theme.px * size))
        return self.theme.face.heavy(px) if bold else self.theme.face.font(px)

    def fill(self, box: Box, colour: Colour, outline: Colour | None = None, radius: int = 0) -> None:
        x0, y0, x1, y1 = box
        if x1 > x0 and y1 > y0:
            self.canvas.draw.rounded_rectangle(
                box, min(radius, int(min(x1 - x0, y1 - y0) / 2)), colour, outline
            )

    def icon(
        self, name: str, x: float, y: float, size: float, ink: Colour | None = None, known: bool = True
    ) -> None:
        """A sign; `known` notes it as an element."""
        if x + size <= self.size[0] and y + size <= self.size[1]:
            draw_icon(self.canvas.draw, name, x, y, size, ink or ink_on(self.paper))
            if known:
                self.add(name, "icon", (x - 2, y - 2, x + size + 2, y + size + 2))

    def button(
        self,
        x: float,
        y: float,
        text: str,
        colour: Colour | None = None,
        width: float = 0,
        role: str = "button",
    ) -> float:
        """A button with its text in the middle; returns its right edge. `width` 0: as the text needs."""
        theme, font = self.theme, self.font()
        width = width or font.getlength(text) + 1.8 * theme.px
        box = (x, y, x + width, y + theme.row)
        fill = colour or mixed(self.paper, ink_on(self.paper), 0.07)
        self.fill(box, fill, mixed(fill, ink_on(self.paper), 0.25), theme.round)
        shown = cut(text, font, width - 0.4 * theme.px)
        written = self.text(
            x + (width - font.getlength(shown)) / 2, y + 0.4 * theme.px, shown, width, ink_on(fill), role=role
        )
        if written:
            self.add(written, role, box)
        return x + width

    def field(self, x: float, y: float, width: float, name: str, value: str, hint: bool = False) -> None:
        """A box to type into; `hint` writes the value in grey, as what is to be typed."""
        theme = self.theme
        box = (x, y, x + width, y + theme.row)
        paper = (
            mixed(self.paper, (255, 255, 255), 0.7)
            if ink_on(self.paper) == (0, 0, 0)
            else mixed(self.paper, (255, 255, 255), 0.08)
        )
        self.fill(box, paper, mixed(paper, ink_on(paper), 0.35), theme.round)
        ink = mixed(ink_on(paper), paper, 0.5) if hint else ink_on(paper)
        shown = (
            self.text(x + 0.5 * theme.px, y + 0.4 * theme.px, value, width - theme.px, ink, role="value")
            if value
            else ""
        )
        self.add(name, "field", box, "" if hint else shown)

    def check(self, x: float, y: float, text: str, on: bool, round_box: bool = False) -> None:
        """A check box or a radio button with its text."""
        px, ink = self.theme.px, ink_on(self.paper)
        box = (x, y + 0.1 * px, x + px, y + 1.1 * px)
        shape = self.canvas.draw.ellipse if round_box else self.canvas.draw.rectangle
        shape(box, fill=self.theme.accent if on else self.paper, outline=ink)
        if on and not round_box:
            mark = ink_on(self.theme.accent)
            self.canvas.draw.line(
                (x + 0.2 * px, y + 0.6 * px, x + 0.45 * px, y + 0.85 * px, x + 0.85 * px, y + 0.3 * px),
                fill=mark,
                width=2,
            )
        shown = self.text(x + 1.5 * px, y, text, self.size[0] - x - 2 * px)
        if shown:
            role = "radio button" if round_box else "check box"
            end = x + 1.5 * px + self.font().getlength(shown)
            self.add(shown, role, (box[0], box[1], end, box[3]), "on" if on else "off")

    def paragraph(
        self, x: float, y: float, text: str, room: float, bottom: float, size: float = 1.0
    ) -> float:
        """Wrapped text down to `bottom`; returns where it ends."""
        font = self.font(size=size)
        for line in wrap(text, font, room):
            if y + 1.4 * font.size > bottom:
                break
            self.text(x, y, line, room + 1, size=size)
            y += 1.45 * font.size
        return y

    def lay(self, other: Surface, x: int, y: int) -> None:
        """Lays a window or a menu on this surface; what it hides is not known any more."""
        width, height = other.size
        self.forget((x, y, x + width, y + height))
        self.canvas.paste(other.canvas, x, y)
        self.cut |= other.cut
        for one in other.elements:
            x0, y0, x1, y1 = one.box
            self.add(one.name, one.role, (x0 + x, y0 + y, x1 + x, y1 + y), one.value)

    def forget(self, hidden: Box) -> None:
        """Forgets what lies in `hidden`; of a line that is partly hidden the longest visible part stays."""
        x0, y0, x1, y1 = hidden
        self.cut |= {
            one.role
            for one in self.elements
            if _overlap(one.box, hidden)
            and not (x0 <= one.box[0] and y0 <= one.box[1] and one.box[2] <= x1 and one.box[3] <= y1)
        }
        self.elements = [one for one in self.elements if not _overlap(one.box, hidden)]
        lines: list[Line] = []
        characters: list[Character] = []
        at = 0
        for line in self.canvas.lines:
            count = sum(not letter.isspace() for letter in line.text)
            own = self.canvas.characters[at : at + count]
            at += count
            if _overlap(line.box, hidden):
                line, own = _visible(line, own, hidden)
            if own:
                lines.append(line)
                characters += own
        self.canvas.lines, self.canvas.characters = lines, characters


def _overlap(box: Box, hidden: Box) -> bool:
    return box[0] < hidden[2] and hidden[0] < box[2] and box[1] < hidden[3] and hidden[1] < box[3]


def _visible(line: Line, own: Sequence[Character], hidden: Box) -> tuple[Line, list[Character]]:
    runs: list[tuple[str, list[Character]]] = [("", [])]
    letters = iter(own)
    for letter in line.text:
        if letter.isspace():
            runs[-1] = (runs[-1][0] + letter, runs[-1][1])
            continue
        place = next(letters)
        _, x, y, height = place
        reach = 0.35 * height
        if _overlap((x - reach, y - reach, x + reach, y + reach), hidden):
            runs.append(("", []))
        else:
            runs[-1] = (runs[-1][0] + letter, [*runs[-1][1], place])
    text, kept = max(runs, key=lambda run: len(run[1]))
    if not kept:
        return line, []
    reach = 0.3 * kept[0][3]
    box = (
        max(line.box[0], kept[0][1] - reach),
        line.box[1],
        min(line.box[2], kept[-1][1] + reach),
        line.box[3],
    )
    return replace(line, text=text.strip(), box=box), kept


def wallpaper(rng: random.Random, surface: Surface, box: Box) -> None:
    """The picture behind the icons: colours that flow into each other."""
    width, height = round(box[2] - box[0]), round(box[3] - box[1])
    small = Image.new("RGB", (6, 5))
    base = tuple(rng.randint(0, 200) for _ in range(3))
    spread = rng.choice((0, 25, 80))
    small.putdata(
        [tuple(max(0, min(255, tone + rng.randint(-spread, spread))) for tone in base) for _ in range(30)]
    )
    surface.canvas.image.paste(
        small.resize((width, height), Image.Resampling.BICUBIC), (round(box[0]), round(box[1]))
    )
