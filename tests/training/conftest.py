"""What several tests of trainings begin with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from support import tiny_checkpoint

COLOURS = ("red", "green", "blue", "yellow and long")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint and rows of different lengths."""
    folder = tmp_path_factory.mktemp("place")
    tiny_checkpoint(folder / "tiny")
    (folder / "images").mkdir()
    lines = []
    for number in range(24):
        colour = COLOURS[number % 4]
        name = f"images/{number}.png"
        Image.new("RGB", (32 * (1 + number % 2), 32), colour.split()[0]).save(folder / name)
        row = {"image": name, "question": "Colour?" + " please" * (number % 5), "answer": colour}
        lines.append(json.dumps(row) + "\n")
    (folder / "rows.jsonl").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    lines = []
    for number in range(12):
        Image.new("RGB", (32, 32), COLOURS[number % 3]).save(tmp_path / "images" / f"{number}.png")
        entry = {"image": f"images/{number}.png", "question": "Colour?", "answer": COLOURS[number % 3]}
        lines.append(json.dumps(entry) + "\n")
    (tmp_path / "rows.jsonl").write_text("".join(lines))
    return tmp_path / "rows.jsonl"
