"""What a stage is fed with: parts of pictures keep their geometry, and scoring images never get in."""

from __future__ import annotations

import json
import random
import re
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from monkeyvl.answers import parse_answer
from monkeyvl.data.synthetic import Sample, make_sample
from monkeyvl.errors import UsageError
from monkeyvl.evaluation.splits import split_of
from monkeyvl.training.batch import Collator
from monkeyvl.training.labels import IGNORED
from monkeyvl.training.recipe import ModelSizes, Source, Stage
from monkeyvl.training.samples import AnnotatedImages, RealSample, StageDataset, cropped, seen_through
from monkeyvl.training.tokenizer import build_tokenizer

SPLITS = Path(__file__).resolve().parents[2] / "recipes" / "splits.json"


def page(seed: int) -> Sample:
    options = {"size": (300, 200), "font_px": (16, 24), "strength": 0.0, "longest": 200}
    return make_sample("lines", random.Random(seed), **options)


def ink(image: Image.Image, box: tuple[float, ...]) -> np.ndarray:
    x0, y0, x1, y1 = (round(value) for value in box)
    return np.asarray(image.convert("L"), dtype=int)[max(0, y0) : y1, max(0, x0) : x1]


@pytest.mark.parametrize("seed", range(5))
def test_a_part_keeps_its_places(seed: int) -> None:
    sample = page(seed)
    part = seen_through(sample, (20, 30, 280, 190))
    assert part.image.size == (260, 160)
    for line, moved in zip(sample.lines, part.lines, strict=True):
        assert moved.box == (line.box[0] - 20, line.box[1] - 30, line.box[2] - 20, line.box[3] - 30)
    located = [
        (one, other)
        for one, other in zip(sample.exchanges, part.exchanges, strict=True)
        if one.question.startswith("Where is")
    ]
    assert located
    for whole, seen in located:
        (before,) = parse_answer(whole.answer, (300, 200))[1]
        (after,) = parse_answer(seen.answer, (260, 160))[1]
        assert before.box
        assert after.box
        inside = [min(max(0, v - (20, 30)[i % 2]), (260, 160)[i % 2]) for i, v in enumerate(before.box)]
        assert np.abs(np.subtract(inside, after.box)).max() < 0.6


@pytest.mark.parametrize("seed", range(12))
def test_crops_ask_for_what_stands_in_them(seed: int) -> None:
    sample = page(seed)
    part = cropped(sample, (160, 90), random.Random(seed))
    assert part.image.size == (160, 90)
    for line in part.lines:
        assert min(line.box[:2]) >= 0
        assert line.box[2] <= 160
        assert line.box[3] <= 90
        assert np.ptp(ink(part.image, line.box)) > 60, "there is print in its box"
    texts = [line.text for line in part.lines]
    for one in part.exchanges:
        words = parse_answer(one.answer, part.image.size)[0]
        assert all(row in " ".join(texts) for row in words.split("\n") if row in texts)
        assert any(text in words for text in texts)
    assert cropped(sample, (900, 900), random.Random(seed)).image.size == sample.image.size


def test_margins_are_trimmed_where_the_model_trims() -> None:
    stage = Stage("s", 1, (Source("lines", options={"size": [256, 256], "most_lines": 1, "strength": 0.0}),))
    plain, trimmed = StageDataset(stage, 1, 8), StageDataset(stage, 1, 8, trim=True)
    sizes = [(plain[i].image.size, trimmed[i].image.size) for i in range(8)]
    assert any(one != other for one, other in sizes)
    assert all(one == (256, 256) for one, _ in sizes)


def test_a_run_that_goes_on_sees_the_rest() -> None:
    stage = Stage("s", 1, (Source("lines", options={"size": [64, 64], "font_px": [14, 20]}),))
    whole, rest = StageDataset(stage, 1, 8), StageDataset(stage, 1, 3, first=5)
    assert [one.exchanges for one in map(rest.__getitem__, range(3))] == [
        one.exchanges for one in map(whole.__getitem__, range(5, 8))
    ]


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Two sets: one that training may use, with images of both parts, and one that it may not."""
    parts: dict[str, list[str]] = {"train": [], "score": []}
    for name in ("sroie", "funsd"):
        images = tmp_path / name / "images"
        images.mkdir(parents=True)
        rows = []
        for number in range(12):
            image = Image.new("RGB", (400, 200), (255, 255, number))
            ImageDraw.Draw(image).text((40, 100), f"TOTAL {number}.50", fill=0)
            file = images / f"{number}.png"
            image.save(file)
            parts[split_of(sample_hash(file))].append(f"{name}/{file.name}")
            about = {"image": f"images/{file.name}"}
            box = {"box": [100, 500, 250, 550], "text": f"TOTAL {number}.50"}
            rows.append({**about, "task": "kie", "key": "total", "question": "How much is it?"})
            rows[-1]["answers"] = [f"{number}.50"]
            rows.append({**about, "task": "spotting", "question": "Read.", "boxes": [box]})
            rows[-1]["answers"] = [box["text"]]
        (tmp_path / name / "annotations.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    assert all(any(one.startswith("sroie") for one in part) for part in parts.values())
    (tmp_path / "parts.json").write_text(json.dumps(parts))
    return tmp_path


def sample_hash(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def allowed_numbers(real: Path) -> set[str]:
    parts = json.loads((real / "parts.json").read_text())["train"]
    return {one.split("/")[1].removesuffix(".png") for one in parts if one.startswith("sroie")}


def test_only_images_for_training_get_in(real: Path) -> None:
    allowed = allowed_numbers(real)
    draw, rng = AnnotatedImages(real, SPLITS), random.Random(1)
    drawn = [draw(rng) for _ in range(60)]
    seen = {sample.lines[0].text.removeprefix("TOTAL ").removesuffix(".50") for sample in drawn}
    assert seen == allowed
    sample = drawn[0]
    assert isinstance(sample, RealSample)
    assert sample.lines[0].box == (40, 100, 100, 110)
    answers = {one.question: one.answer for one in sample.exchanges}
    assert any("How much is it?" in question for question in answers)
    assert sample.lines[0].text in answers.values()
    with pytest.raises(UsageError, match="no annotated images there that training may use"):
        AnnotatedImages(real / "funsd", SPLITS)
    with pytest.raises(UsageError, match="no annotated images of funsd there that training may use"):
        AnnotatedImages(real, SPLITS, sets=["sroie", "funsd"])


def test_single_lines_are_cut_out_and_asked_for(real: Path) -> None:
    options = {"longest": 40, "lines": "TOTAL [0-9]+[.]50"}
    draw = AnnotatedImages(real, SPLITS, **options)
    for seed in range(20):
        sample = draw(random.Random(seed))
        (line,), (exchange,) = sample.lines, sample.exchanges
        assert exchange.answer == line.text
        assert re.fullmatch("TOTAL [0-9]+[.]50", line.text)
        # 60 x 10 pixels and a margin of at most 4 on each side
        assert (line.box[2] - line.box[0], line.box[3] - line.box[1]) == (60, 10)
        assert 60 <= sample.image.width <= 68
        assert 10 <= sample.image.height <= 18
        x0, y0, x1, y1 = line.box
        assert min(x0, y0) >= 0
        assert x1 <= sample.image.width
        assert y1 <= sample.image.height
    with pytest.raises(UsageError, match="no annotated images there that training may use"):
        AnnotatedImages(real, SPLITS, lines="[a-z]+")
    with pytest.raises(UsageError, match=r"lines '\(': no regular expression"):
        AnnotatedImages(real, SPLITS, lines="(")
    with pytest.raises(UsageError, match="most 800: it would do nothing, as lines are cut out"):
        AnnotatedImages(real, SPLITS, lines="[0-9]+", most=800)


def test_real_images_are_never_twice_the_same_where_that_is_wanted(real: Path) -> None:
    draw = AnnotatedImages(real, SPLITS, sets=["sroie"], strength=0.6)
    drawn = [draw(random.Random(seed)) for seed in range(12)]
    assert len({sample.image.tobytes() for sample in drawn}) == 12
    assert len({sample.image.width for sample in drawn}) > 6
    for sample in drawn:
        assert 0.79 * 400 <= sample.image.width <= 400
        x0, y0, x1, y1 = sample.lines[0].box
        assert (x0 / sample.image.width, x1 / sample.image.width) == pytest.approx((0.1, 0.25))
        assert ink(sample.image, (x0 - 1, y0 - 1, x1 + 3, y1 + 3)).min() < 170
    again = draw(random.Random(3))
    assert again.image.tobytes() == drawn[3].image.tobytes()
    (line,) = AnnotatedImages(real, SPLITS, lines=".+", longest=40, strength=0.6)(random.Random(1)).lines
    assert line.text.startswith("TOTAL")


def test_the_lists_of_images_for_scoring_cannot_be_left_out(real: Path) -> None:
    for options, message in (
        ({}, "missing a required argument: 'lists'"),
        ({"lists": str(SPLITS), "few": 1}, "unexpected keyword argument 'few'"),
        ({"lists": str(real / "nothing.json")}, "no list of splits"),
    ):
        stage = Stage("s", 1, (Source("rows", options={"folder": str(real), **options}),))
        with pytest.raises(UsageError, match=message):
            StageDataset(stage, 1, 2)


def test_a_scoring_image_under_a_training_name_is_refused(real: Path) -> None:
    stolen = sample_hash(real / "sroie" / "images" / f"{min(allowed_numbers(real))}.png")
    lists = {"sets": {"screenagent": {"train": {}, "score": {"images/x.png": stolen}}}, "never": {}}
    (real / "splits.json").write_text(json.dumps(lists))
    with pytest.raises(UsageError, match=r"is for scoring, not for training: .* screenagent"):
        AnnotatedImages(real, real / "splits.json")


def test_letters_of_real_images_are_not_asked_for(real: Path) -> None:
    sizes = ModelSizes(tile_size=256, cropping={"detail": [1, 2], "adaptive": None})
    stage = Stage("s", 1, (Source("rows", options={"folder": str(real), "lists": str(SPLITS)}),))
    samples = [StageDataset(stage, 1, 2)[0], page(1)]
    labels = Collator(build_tokenizer(), sizes, stage)(samples)["character_labels"]
    assert (labels[:3] == IGNORED).all()
    assert (labels[3:] > 0).any()


def test_merges_join_letters_but_no_digits() -> None:
    plain, joined = build_tokenizer(), build_tokenizer(60)
    assert len(joined) == len(plain) + 60
    text = "TOTAL AMOUNT 2026-11-22 €1,099.00"
    ids = joined.encode(text, add_special_tokens=False)
    assert joined.decode(ids) == text
    assert len(ids) < len(plain.encode(text, add_special_tokens=False))
    assert len(joined.encode("20261122", add_special_tokens=False)) == 8


def test_marks_move_with_the_part_that_is_seen() -> None:
    sample = make_sample("form", random.Random(3), width=400, amount=0.1, strength=0.0)
    part = seen_through(sample, (20, 30, 380, sample.image.height))
    assert part.marks.keys() == sample.marks.keys()
    for name, (x0, y0, x1, y1) in sample.marks.items():
        assert part.marks[name] == (x0 - 20, y0 - 30, x1 - 20, y1 - 30)
