"""Questions about documents with named fields: keyed, grounded, to JSON, yes or no, regions, captions."""

from __future__ import annotations

import json
import math
import random
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monkeyvl.answers import format_box
from monkeyvl.data.synthetic.canvas import Canvas, Exchange, Line, Sample
from monkeyvl.data.synthetic.geometry import Box, corners, union
from monkeyvl.data.synthetic.tasks import COUNTED, READ_ALL, REGION, reading_rows, spotted, unmistakable
from monkeyvl.prompts import prompt

# How many exchanges of all sorts a picture has at most.
MOST = 12
# A line or a region of so many characters may always be read, and a few values be given as JSON.
SHORT = 100
ALL_JSON = (
    prompt("json", "embedded", kind="document"),
    "Convert the document to JSON.",
    "Give the whole document as JSON.",
    "Write this document as JSON.",
)
KEYS_JSON = (
    "Extract these keys as JSON: {keys}.",
    "Give {keys} as JSON.",
    "Return a JSON object with the keys {keys}.",
    "Fill in as JSON: {keys}.",
)
PLAIN = ("What is the {key}?", "{key}?", "Tell me the {key}.", "Give the {key}.", "Read the {key}.")
GROUNDED = (
    prompt("ground", "embedded", question="What is the {key}?"),
    "What is the {key} and where is it?",
    "Find the {key} and give its box.",
    "{key}, with its box?",
    "Locate the {key}.",
)
KIND = ("What kind of document is this?", "Which type of document is it?", "What is this?")


@dataclass
class Page:
    """A written page before `finish`: what its questions are made from.

    `wordings` are questions for fields by name, beside those that fit any name; `rows` are the numbers of the
    lines that stand beside each other, in reading order; `extras` are questions of the kind's own.
    """

    kind: str
    canvas: Canvas
    fields: dict[str, str]
    structure: dict[str, Any]
    caption: str
    wordings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    extras: list[Exchange] = field(default_factory=list)
    rows: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows = self.rows or reading_rows(self.canvas.lines)

    def texts(self) -> list[str]:
        """The text of every row, its parts joined by a space."""
        return [" ".join(self.canvas.lines[number].text for number in row) for row in self.rows]

    def sample(self, rng: random.Random, longest: int, places: bool) -> Sample:
        """The finished picture with a random choice of all questions that it allows."""
        canvas = self.canvas
        exchanges = [
            *self._keyed(rng, 6),
            *self._json(rng, longest),
            *self._reading(rng, longest),
            *(self._placed(rng, longest) if places else []),
            *rng.sample(self.extras, min(3, len(self.extras))),
        ]
        if rng.random() < 0.3:
            exchanges.append(self._yes_or_no(rng))
        if rng.random() < 0.15:
            exchanges.append(Exchange(rng.choice(KIND), self.kind))
        if rng.random() < 0.25:
            exchanges.append(Exchange(prompt("caption", "embedded"), self.caption))
        exchanges = rng.sample(exchanges, min(MOST, len(exchanges)))
        structure = {"kind": self.kind, **self.structure}
        return Sample(
            canvas.image,
            canvas.lines,
            canvas.characters,
            exchanges,
            self.fields,
            structure,
            canvas.marks,
            "\n".join(self.texts()),
        )

    def _keyed(self, rng: random.Random, most: int) -> list[Exchange]:
        names = rng.sample(sorted(self.fields), min(most, len(self.fields)))
        return [Exchange(self._ask(rng, name), self.fields[name]) for name in names]

    def _ask(self, rng: random.Random, name: str) -> str:
        if rng.random() < 0.4:
            return prompt("extract", "embedded", key=name)
        return rng.choice((*self.wordings.get(name, ()), *self.wordings.get(name, ()), *PLAIN)).format(
            key=name
        )

    def _json(self, rng: random.Random, longest: int) -> list[Exchange]:
        found = []
        keys = rng.sample(sorted(self.fields), min(rng.randint(2, 4), len(self.fields)))
        answer = json.dumps({key: self.fields[key] for key in keys}, ensure_ascii=False)
        if rng.random() < 0.4 and len(answer) <= max(longest, SHORT):
            found.append(Exchange(rng.choice(KEYS_JSON).format(keys=", ".join(keys)), answer))
        whole = json.dumps(self.structure, ensure_ascii=False)
        if rng.random() < 0.4 and len(whole) <= longest:
            found.append(Exchange(rng.choice(ALL_JSON), whole))
        return found

    def _reading(self, rng: random.Random, longest: int) -> list[Exchange]:
        texts = self.texts()
        found = []
        if rng.random() < 0.5 and 0 < len("\n".join(texts)) <= longest:
            found.append(Exchange(rng.choice(READ_ALL), "\n".join(texts)))
        if len(texts) > 1:
            number = rng.randrange(len(texts) - 1)
            possible = [
                Exchange("Read the first line.", texts[0]),
                Exchange("Read the last line.", texts[-1]),
            ]
            if texts.count(texts[number]) == 1:
                possible.append(Exchange(f'What comes after "{texts[number]}"?', texts[number + 1]))
            if len(texts) <= COUNTED:
                possible.append(Exchange(f"Read line {number + 1}.", texts[number]))
            found.append(rng.choice(possible))
        return [one for one in found if len(one.answer) <= max(longest, SHORT)]

    def _placed(self, rng: random.Random, longest: int) -> list[Exchange]:
        canvas = self.canvas
        size, lines = canvas.size, canvas.lines
        found = []
        texts = [line.text for line in lines]
        unique = unmistakable(lines)
        sought = rng.sample(unique, min(rng.randint(0, 2), len(unique)))
        if sought and rng.random() < 0.5:
            sought[0] = _words_of(rng, canvas, sought[0])
        found += [
            Exchange(prompt("locate", "embedded", text=line.text), spotted(line, size)) for line in sought
        ]
        known = sorted(name for name in self.fields if name in canvas.marks)
        for name in rng.sample(known, min(rng.randint(0, 2), len(known))):
            place = format_box(canvas.marks[name], size, style="tokens")
            question = rng.choice(GROUNDED).format(key=name)
            found.append(Exchange(question, f"<ref>{self.fields[name]}</ref>{place}"))
        for _ in range(rng.randint(0, 2)):
            found += self._region(rng, longest)
        if rng.random() < 0.3 and 0 < sum(len(text) + 7 for text in texts) <= longest:
            ordered = [lines[number] for row in self.rows for number in row]
            everything = "".join(spotted(line, size) for line in ordered)
            found.append(Exchange(prompt("spot", "embedded"), everything))
        return found

    def _region(self, rng: random.Random, longest: int) -> list[Exchange]:
        """One line or some rows below each other whose box holds nothing else."""
        lines = self.canvas.lines
        if rng.random() < 0.6:
            chosen = [[rng.randrange(len(lines))]]
        else:
            start = rng.randrange(len(self.rows))
            chosen = self.rows[start : start + rng.randint(1, 4)]
        numbers = [number for row in chosen for number in row]
        box = union([lines[number].box for number in numbers])
        if any(_inside(lines[n].box, box) for n in range(len(lines)) if n not in numbers):
            return []
        place = format_box(box, self.canvas.size, style="tokens")
        answer = "\n".join(" ".join(lines[number].text for number in row) for row in chosen)
        if len(answer) > max(longest, SHORT):
            return []
        return [Exchange(rng.choice(REGION).format(box=place), answer)]

    def _yes_or_no(self, rng: random.Random) -> Exchange:
        name = rng.choice(sorted(self.fields))
        value = self.fields[name]
        said = altered(rng, value) if rng.random() < 0.5 else value
        wording = rng.choice(
            ('Is the {key} "{value}"?', "Does it say {value} as {key}?", "Is {value} the {key}?")
        )
        return Exchange(wording.format(key=name, value=said), "yes" if said == value else "no")


def _words_of(rng: random.Random, canvas: Canvas, line: Line) -> Line:
    """Some words of a line with their own place, if they stand nowhere else; else the line itself."""
    words = line.text.split()
    count = rng.randint(1, max(1, len(words) - 1))
    first = rng.randint(0, len(words) - count)
    text = " ".join(words[first : first + count])
    if len(text) < 2 or sum(other.text.count(text) for other in canvas.lines) != 1:
        return line
    before = sum(
        len(other.text) - other.text.count(" ")
        for other in canvas.lines[: next(at for at, one in enumerate(canvas.lines) if one is line)]
    )
    start = before + len("".join(words[:first]))
    letters = canvas.characters[start : start + len("".join(words[first : first + count]))]
    (_, x0, y0, _), (_, x1, y1, _) = letters[0], letters[-1]
    left, _, _, foot = line.quad or corners(line.box)
    half = math.dist(left, foot) / 2
    place = (
        max(line.box[0], x0 - 0.3 * letters[0][3]),
        max(line.box[1], min(y0, y1) - half),
        min(line.box[2], x1 + 0.3 * letters[-1][3]),
        min(line.box[3], max(y0, y1) + half),
    )
    level = abs(y1 - y0) < 0.2 * (x1 - x0) or len(letters) == 1
    return Line(text, place) if level and x1 >= x0 else line


def altered(rng: random.Random, value: str) -> str:
    """`value` with one to three letters or digits replaced by others of their sort."""
    letters = list(value)
    places = [number for number, letter in enumerate(letters) if letter.isalnum()]
    for number in rng.sample(places, min(rng.randint(1, 3), len(places))):
        old = letters[number]
        pool = (
            string.digits
            if old.isdigit()
            else string.ascii_uppercase
            if old.isupper()
            else string.ascii_lowercase
        )
        letters[number] = rng.choice([letter for letter in pool if letter != old])
    return "".join(letters)


def _inside(box: Box, outer: Box) -> bool:
    """Whether a good part of `box` lies within `outer`."""
    wide = min(box[2], outer[2]) - max(box[0], outer[0])
    high = min(box[3], outer[3]) - max(box[1], outer[1])
    return wide > 2 and high > 0.3 * (box[3] - box[1])
