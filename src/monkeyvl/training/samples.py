"""What a stage is fed with: made pictures, and annotated images of the training parts."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL.Image import Image

from monkeyvl.answers import format_point, replace_view
from monkeyvl.data.synthetic import Exchange, Line, Sample, make_sample
from monkeyvl.data.synthetic.degrade import degrade
from monkeyvl.data.synthetic.tasks import READ_ALL, reading_exchanges
from monkeyvl.errors import UsageError
from monkeyvl.evaluation.sets import Example, select
from monkeyvl.evaluation.splits import TrainingImages
from monkeyvl.images import open_image
from monkeyvl.margins import PixelBox, content_box
from monkeyvl.prompts import prompt
from monkeyvl.training.recipe import ROWS, Source, Stage

MOST = 1600
LONGEST_IN_CROP = 300  # characters of a reading answer


class RealSample(Sample):
    """An annotated image: nobody knows where each of its characters stands."""


class Maker(Protocol):
    """Draws one sample of a source."""

    def __call__(self, rng: random.Random) -> Sample: ...


class StageDataset(torch.utils.data.Dataset[Sample]):
    """`length` samples of a stage; number i is the same every time it is asked for.

    Args:
        stage: its sources are drawn by their weights.
        seed: of the run.
        length: number of samples.
        split: "train", or another name for samples that training never draws.
        trim: whether empty margins are cut off (`monkeyvl.margins`).
        first: number of the first sample, for a run that goes on.

    Raises:
        UsageError: an unknown kind or option, or a folder without images for training.
    """

    def __init__(
        self, stage: Stage, seed: int, length: int, split: str = "train", trim: bool = False, first: int = 0
    ) -> None:
        self.stage, self.seed, self.length, self.split = stage, seed, length, split
        self.trim, self.first = trim, first
        self._weights = [source.weight for source in stage.data]
        self._makers = [_maker(source) for source in stage.data]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        rng = random.Random(f"{self.seed}/{self.split}/{self.stage.name}/{self.first + index}")
        number = rng.choices(range(len(self._makers)), self._weights)[0]
        sample = self._makers[number](rng)
        if crop := self.stage.data[number].crop:
            sample = cropped(sample, crop, rng)
        elif self.trim:
            sample = seen_through(sample, content_box(sample.image))
        return sample


def _maker(source: Source) -> Maker:
    if source.kind == ROWS:
        try:
            signature(AnnotatedImages).bind(**source.options)
        except TypeError as error:
            raise UsageError(
                f"kind {ROWS}: {error}; options are folder, lists, sets, longest, most, lines, strength"
            ) from None
        return AnnotatedImages(**source.options)

    def make(rng: random.Random) -> Sample:
        return make_sample(source.kind, rng, **source.options)

    make(random.Random(0))  # an unknown kind or option is found here
    return make


class AnnotatedImages:
    """Images of annotated sets, of those parts alone that training may use.

    Args:
        folder: sets as `monkeyvl evaluate --data` reads them.
        lists: recipes/splits.json, by which every image is checked once more: copies of scoring images under
            other names are refused.
        sets: names of sets; none means all that have a training part.
        longest: longest reading answer in characters.
        most: most pixels of the longer side; larger images are shrunk.
        strength: 0..1, how much an image is shrunk (a whole one, by up to a third) and spoiled, differently
            every time it is drawn; 0 leaves it as it is. There are few, and they come again and again.
        lines: a regular expression; if given, in place of an image one of its annotated lines that matches as
            a whole and has at most `longest` characters is cut out with a margin and asked to be read.

    Raises:
        UsageError: no such folder, a set that is not for training or not there, or an image for scoring.
    """

    def __init__(
        self,
        folder: str | Path,
        lists: str | Path,
        sets: Sequence[str] = (),
        longest: int = 600,
        most: int = MOST,
        lines: str = "",
        strength: float = 0.0,
    ) -> None:
        self.longest, self.most, self.strength = longest, most, strength
        try:
            self.lines = re.compile(lines) if lines else None
        except re.error as error:
            raise UsageError(f"lines {lines!r}: no regular expression, {error}") from None
        if lines and most != MOST:
            raise UsageError(f"most {most}: it would do nothing, as lines are cut out of images as they are")
        guard = TrainingImages.read(Path(lists))
        images: dict[Path, list[Example]] = {}
        for example in select(Path(folder), split="train").examples:
            if not sets or example.set in sets:
                images.setdefault(guard.check(example.image), []).append(example)
        there = {example.set for rows in images.values() for example in rows}
        if missing := [name for name in sets if name not in there]:
            raise UsageError(f"{folder}: no annotated images of {missing[0]} there that training may use")
        if lines:
            images = {name: rows for name, rows in images.items() if self._readable(rows)}
        if not images:
            raise UsageError(f"{folder}: no annotated images there that training may use")
        self._images = list(images.values())

    def _readable(self, rows: Sequence[Example]) -> list[dict[str, Any]]:
        """The annotated lines that are asked for."""
        return [
            box
            for example in rows
            for box in example.row.get("boxes", ())
            if len(text := box.get("text", "").strip()) <= self.longest
            and self.lines
            and self.lines.fullmatch(text)
        ]

    def __call__(self, rng: random.Random) -> Sample:
        rows = rng.choice(self._images)
        image = open_image(rows[0].image)
        if self.lines:
            line = _line(rng.choice(self._readable(rows)), image.size)
            sample = line_cut_out(image, line, rng)
            if self.strength:
                sample.image = degrade(sample.image.convert("RGB"), rng, self.strength)
            return sample
        side = self.most
        if self.strength:
            side = round(min(side, max(image.size)) * rng.uniform(1 - self.strength / 3, 1))
        image.thumbnail((side, side))
        if self.strength:
            image = degrade(image.convert("RGB"), rng, self.strength)
        size = image.size
        lines: list[Line] = []
        exchanges: list[Exchange] = []
        for example in rows:
            row, rule = example.row, example.rule
            if rule.prompt in ("spot", "read"):
                lines = [_line(box, size) for box in row.get("boxes", ()) if box.get("text")]
            elif rule.prompt == "point":
                asked = prompt("point", "embedded", question=row["question"])
                x, y = (value * side / 1000 for value, side in zip(row["point"], size, strict=True))
                exchanges.append(Exchange(asked, format_point((x, y), size, style="tokens")))
            else:
                asked = prompt(rule.prompt, "embedded", question=row["question"])
                exchanges.append(Exchange(asked, str(rng.choice(row["answers"]))))
        exchanges += reading_exchanges(rng, lines, size, self.longest)
        rng.shuffle(exchanges)
        return RealSample(image, lines, [], exchanges)


def _line(box: dict[str, Any], size: tuple[int, int]) -> Line:
    x0, y0, x1, y1 = (value * size[i % 2] / 1000 for i, value in enumerate(box["box"]))
    return Line(box["text"], (x0, y0, x1, y1))


def line_cut_out(image: Image, line: Line, rng: random.Random) -> Sample:
    """The part of an image that a line's box and a margin of up to two fifths of its height take."""
    x0, y0, x1, y1 = line.box
    part = [
        round(side + sign * rng.uniform(0.05, 0.4) * (y1 - y0))
        for side, sign in zip(line.box, (-1, -1, 1, 1), strict=True)
    ]
    left, top = max(0, part[0]), max(0, part[1])
    box = (left, top, max(left + 1, min(image.width, part[2])), max(top + 1, min(image.height, part[3])))
    text = line.text.strip()
    moved = Line(text, (x0 - left, y0 - top, x1 - left, y1 - top))
    return RealSample(image.crop(box), [moved], [], [Exchange(rng.choice(READ_ALL), text)])


def seen_through(sample: Sample, box: PixelBox) -> Sample:
    """The part of a sample's picture in `box` (pixels), all that it says about places moved along."""
    width, height = sample.image.size
    if box == (0, 0, width, height):
        return sample
    x, y = box[:2]
    view = (x / width, y / height, box[2] / width, box[3] / height)
    return replace(
        sample,
        image=sample.image.crop(box),
        lines=[
            replace(
                line,
                box=(line.box[0] - x, line.box[1] - y, line.box[2] - x, line.box[3] - y),
                quad=line.quad and tuple((u - x, v - y) for u, v in line.quad),
            )
            for line in sample.lines
        ],
        characters=[(c, u - x, v - y, size) for c, u, v, size in sample.characters],
        marks={name: (a - x, b - y, c - x, d - y) for name, (a, b, c, d) in sample.marks.items()},
        exchanges=[
            Exchange(replace_view(one.question, view), replace_view(one.answer, view))
            for one in sample.exchanges
        ],
    )


def cropped(sample: Sample, size: Sequence[int], rng: random.Random) -> Sample:
    """A random part of `size` (width, height) pixels around one of the sample's lines.

    The lines are those that stand wholly inside; the exchanges are new: reading them.
    """
    width, height = (min(want, have) for want, have in zip(size, sample.image.size, strict=True))
    middle = (sample.image.width / 2, sample.image.height / 2)
    if sample.lines:
        x0, y0, x1, y1 = rng.choice(sample.lines).box
        middle = (rng.uniform(x0, x1), (y0 + y1) / 2)
    left, top = (
        int(min(max(0, at - want * rng.uniform(0.2, 0.8)), have - want))
        for at, want, have in zip(middle, (width, height), sample.image.size, strict=True)
    )
    part = seen_through(sample, (left, top, left + width, top + height))
    inside = [
        line
        for line in part.lines
        if min(line.box[:2]) >= 0 and line.box[2] <= width and line.box[3] <= height and line.text.strip()
    ]
    touched = len(inside) < sum(
        line.box[0] < width and line.box[1] < height and line.box[2] > 0 and line.box[3] > 0
        for line in part.lines
    )
    exchanges = reading_exchanges(rng, inside, (width, height), 0 if touched else LONGEST_IN_CROP)
    if touched:  # half a line cannot be read nor counted: only places are asked for
        exchanges = [one for one in exchanges if one.answer.startswith("<ref>")]
    rng.shuffle(exchanges)
    return replace(part, lines=inside, exchanges=exchanges, text="")
