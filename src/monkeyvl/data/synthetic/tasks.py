"""Questions that follow from any page's lines: read, read one line, find a text."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import median

from monkeyvl.answers import format_box
from monkeyvl.data.synthetic.canvas import Exchange, Line
from monkeyvl.data.synthetic.geometry import corners
from monkeyvl.prompts import prompt

READ_ALL = (
    prompt("read", "embedded"),
    "Read the text.",
    "Read all the text in the image.",
    "What does it say?",
    "What is written here?",
    "Transcribe the text of this page.",
)
# Of a box.
REGION = (
    prompt("recognise", "embedded", box="{box}"),
    "What is written in {box}?",
    "What does {box} say?",
    "Text in {box}?",
)
PLACED = (prompt("ground", "embedded", question="{question}"), "{question} Where does it stand?")
# Pages are turned by less than one in so many.
STEEP = 4
# Lines are counted up to this many.
COUNTED = 12


def reading_rows(lines: Sequence[Line]) -> list[list[int]]:
    """The numbers of the lines, from top to bottom; those on one row together, from left to right.

    On a turned page a row rises or falls as most of its lines do.
    """
    slope = _slope(lines)
    heights = []  # of each line's middle and lower edge, where they would stand if the page were straight
    for line in lines:
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = line.quad or corners(line.box)
        low = (y2 + y3 - slope * (x2 + x3)) / 2
        heights.append(((y0 + y1 - slope * (x0 + x1)) / 4 + low / 2, low))
    rows: list[list[int]] = []
    for number in sorted(range(len(lines)), key=lambda one: heights[one][0]):
        if rows and heights[number][0] <= heights[rows[-1][0]][1]:
            rows[-1].append(number)
        else:
            rows.append([number])
    return [sorted(row, key=lambda one: lines[one].box[0]) for row in rows]


def _slope(lines: Sequence[Line]) -> float:
    """How far down per pixel to the right the page's lines run; what is turned by itself says nothing."""
    edges = [(line.quad or corners(line.box))[:2] for line in lines if len(line.text) > 2]
    slopes = [(y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in edges if x1 - x0 > STEEP * abs(y1 - y0)]
    return median(slopes) if slopes else 0.0


def reading_order(lines: Sequence[Line]) -> list[Line]:
    """Lines from top to bottom, those on one row from left to right."""
    return [lines[number] for row in reading_rows(lines) for number in row]


def rows_of_text(lines: Sequence[Line]) -> list[str]:
    """Each row's texts joined by a space."""
    return [" ".join(lines[number].text for number in row) for row in reading_rows(lines)]


def reading_exchanges(
    rng: random.Random, lines: Sequence[Line], size: tuple[int, int], longest: int, places: bool = True
) -> list[Exchange]:
    """Read all (if at most `longest` characters), lines by number; with `places` also spot and locate."""
    rows = rows_of_text(lines)
    exchanges = []
    if rows and len("\n".join(rows)) <= longest:
        exchanges.append(Exchange(rng.choice(READ_ALL), "\n".join(rows)))
    numbers = rng.sample(range(min(COUNTED, len(rows))), min(2, len(rows)))
    exchanges += [Exchange(f"Read line {number + 1}.", rows[number]) for number in numbers]
    if len(rows) > 1:
        at = rng.randrange(len(rows) - 1)
        exchanges.append(Exchange("Read the last line.", rows[-1]))
        if rows.count(rows[at]) == 1:
            exchanges.append(Exchange(f'What comes after "{rows[at]}"?', rows[at + 1]))
    if not places:
        return exchanges
    texts = [line.text for line in lines]
    unique = unmistakable(lines)
    sought = rng.sample(unique, min(2, len(unique)))
    exchanges += [
        Exchange(prompt("locate", "embedded", text=line.text), spotted(line, size)) for line in sought
    ]
    if lines and sum(len(text) + 7 for text in texts) <= longest:
        everything = "".join(spotted(line, size) for line in reading_order(lines))
        exchanges.append(Exchange(prompt("spot", "embedded"), everything))
    return exchanges


def unmistakable(lines: Sequence[Line]) -> list[Line]:
    """The lines whose text stands nowhere else, not even as a part of another line."""
    everything = "\n".join(line.text for line in lines)
    return [line for line in lines if everything.count(line.text) == 1]


def spotted(line: Line, size: tuple[int, int]) -> str:
    """The line's text, then its box, in the checkpoint's markup."""
    return f"<ref>{line.text}</ref>{format_box(line.box, size, style='tokens')}"
