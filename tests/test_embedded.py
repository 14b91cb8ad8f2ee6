"""The checkpoint in the package: small enough, complete, and it says what its documentation says it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import monkeyvl
from monkeyvl.assistant import Assistant
from monkeyvl.checkpoints import resolve

ROOT = Path(__file__).resolve().parent.parent
FOLDER = resolve(None)
DOCUMENTED = re.findall(
    r"^\| `(What is the [\w ]+\?)` \| `([^`]+)` \| `([^`]*)` \|$",
    (ROOT / "docs" / "embedded.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def assistant() -> Assistant:
    return monkeyvl.load(device="cpu")


def test_the_weights_fit_into_the_package() -> None:
    shards = list(FOLDER.glob("*.safetensors"))
    assert shards
    assert sum(shard.stat().st_size for shard in shards) <= 24e6
    assert all(shard.stat().st_size < 16 * 2**20 for shard in shards)
    for shard in shards:
        data = shard.read_bytes()
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        assert {one["dtype"] for name, one in header.items() if name != "__metadata__"} == {"BF16"}


def test_the_documented_answers_are_those_it_gives(assistant: Assistant) -> None:
    truth = json.loads((ROOT / "examples" / "receipt.json").read_text(encoding="utf-8"))["fields"]
    assert len(DOCUMENTED) >= 3
    for question, expected, answer in DOCUMENTED:
        assert truth[question.removeprefix("What is the ").removesuffix("?")] == expected, question
        assert assistant.ask(ROOT / "examples" / "receipt.jpg", question).text == answer, question


def test_an_answer_is_read_from_the_picture(assistant: Assistant) -> None:
    from PIL import Image

    question = "What is the total?"
    receipt = assistant.ask(ROOT / "examples" / "receipt.jpg", question).text
    assert receipt != assistant.ask(Image.new("RGB", (512, 660), "white"), question).text
