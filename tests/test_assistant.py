from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import FakeEngine, pdf, picture, picture_bytes

from monkeyvl.answers import Answer
from monkeyvl.assistant import Assistant, Extraction
from monkeyvl.errors import ImageError, UsageError
from monkeyvl.generation import Completion, Request, Settings, cut_loop, find_loop


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def assistant(engine: FakeEngine) -> Assistant:
    return Assistant(engine)


def test_each_task_asks_in_the_familys_words(engine: FakeEngine, assistant: Assistant) -> None:
    assistant.ask(picture(), "What is it?")
    assistant.read(picture())
    assistant.spot(picture())
    assistant.locate(picture(), "TOTAL")
    assistant.caption(picture())
    asked = [call[0].text for call in engine.seen]
    assert asked == [
        "What is it?",
        "Read all the text.",
        "Read all the text with boxes.",
        'Where is "TOTAL"?',
        "Describe the image.",
    ]
    assert [settings.max_new_tokens for settings in engine.settings] == [256, 1024, 1024, 128, 256]


def test_answers_carry_regions_in_pixels_and_facts(engine: FakeEngine, assistant: Assistant) -> None:
    engine.reply = lambda request: "<ref>TOTAL</ref><box><c100><c200><c500><c400></box>"
    answer = assistant.locate(picture(200, 100), "TOTAL")
    assert answer.text == "TOTAL"
    assert answer.regions[0].box == (20, 20, 100, 40)
    assert answer.model == "fake"
    assert answer.tokens["image"] == 12
    assert answer.raw.startswith("<ref>")
    assert answer.seconds >= 0
    assert assistant.timing["prefill"] == 0.25
    assert "images" in assistant.timing


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "file", "image", "array"])
def test_any_kind_of_image(kind: str, tmp_path: Path, engine: FakeEngine, assistant: Assistant) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(picture_bytes())
    sources = {
        "path": path,
        "text": str(path),
        "bytes": picture_bytes(),
        "file": io.BytesIO(picture_bytes()),
        "image": picture(),
        "array": np.asarray(picture()),
    }
    assistant.ask(sources[kind], "?")
    (image,) = engine.seen[0][0].images
    assert image.mode == "RGB"
    assert image.size == (200, 100)


def test_options_reach_the_engine(engine: FakeEngine, assistant: Assistant) -> None:
    assistant.ask(
        picture(), "?", max_new_tokens=5, compression=0.5, cropping="demo", temperature=0.7, top_p=0.9, seed=3
    )
    settings = engine.settings[0]
    assert (settings.max_new_tokens, settings.compression, settings.seed) == (5, 0.5, 3)
    assert settings.cropping.order == ("adaptive", "detail", "global")
    assistant.ask(picture(), "?", max_new_tokens=None, cropping=None)
    assert engine.settings[1] == Settings()


def test_extract_asks_each_key_of_the_embedded_family(engine: FakeEngine, assistant: Assistant) -> None:
    replies = {"What is the total?": "12.50", "What is the date?": ""}
    engine.reply = lambda request: replies[request.text]
    answer = assistant.extract(picture(), ["total", "date", "total"])
    assert isinstance(answer, Extraction)
    assert answer.values == {"total": "12.50", "date": None}
    assert json.loads(answer.text) == answer.values
    assert answer.raw == "12.50\n"
    assert answer.tokens["prompt"] == 40
    assert list(answer.to_dict())[:2] == ["text", "values"]
    first, second = engine.seen[0]
    assert first.images[0] is second.images[0]


def test_extract_asks_the_minimonkey_family_for_json(engine: FakeEngine, assistant: Assistant) -> None:
    engine.family = "minimonkey"
    engine.reply = lambda request: 'Here: ```json\n{"total": 12.5, "extra": 1}\n```'
    answer = assistant.extract(picture(), ["total", "总额"])
    assert answer.values == {"total": 12.5, "总额": None}
    assert answer.text == '{"total": 12.5, "总额": null}'
    assert '"total", "总额"' in engine.seen[0][0].text
    engine.reply = lambda request: "I cannot."
    answer = assistant.extract(picture(), ["total"])
    assert answer.values == {"total": None}
    assert "no JSON object" in answer.notes[0]


def test_pages_are_asked_one_by_one(tmp_path: Path, engine: FakeEngine, assistant: Assistant) -> None:
    file = pdf(tmp_path / "a.pdf")
    engine.reply = lambda request: f"{len(engine.seen)}<box>(0,0),(500,500)</box>"
    answer = assistant.read(file, pages="2-3")
    assert answer.text == "1\n\n2"
    assert [region.page for region in answer.regions] == [2, 3]
    assert answer.page is None
    assert answer.notes == ("pages 2, 3 were asked one by one; a blank line parts their answers",)
    assert assistant.read(file, pages="3").page == 3
    assert len(assistant.read(file).regions) == 3
    with pytest.raises(UsageError, match="one page at a time, this has 3"):
        assistant.extract(file, ["total"])
    with pytest.raises(UsageError, match="one page is streamed"):
        assistant.stream(file, "?")


def test_a_list_of_images_is_one_question(engine: FakeEngine, assistant: Assistant) -> None:
    engine.reply = lambda request: "both <box>(0,0),(1000,1000)</box>"
    answer = assistant.ask([picture(80, 60), picture(100, 100)], "Which is larger?")
    assert [image.size for image in engine.seen[0][0].images] == [(80, 60), (100, 100)]
    assert "does not say in which of 2 images" in answer.notes[0]
    with pytest.raises(UsageError, match="no images"):
        assistant.ask([], "?")
    with pytest.raises(UsageError, match="not of a list"):
        assistant.ask([picture()], "?", pages="1")


def test_batches_keep_their_order(engine: FakeEngine, assistant: Assistant) -> None:
    pairs = [(picture(), f"question {i}") for i in range(5)]
    answers = assistant.batch(pairs, batch_size=2)
    assert [answer.text for answer in answers] == [f"re: question {i}" for i in range(5)]
    assert [len(call) for call in engine.seen] == [2, 2, 1]
    assert assistant.timing["decode"] == 1.5
    assert assistant.batch([]) == []
    with pytest.raises(UsageError, match="batch_size is 0"):
        assistant.batch(pairs, batch_size=0)


def test_a_stream_is_the_answer_without_markup(engine: FakeEngine, assistant: Assistant) -> None:
    engine.reply = lambda request: "a < b <ref>TOTAL</ref><box>(0,0),(500,500)</box> and more"
    whole = assistant.ask(picture(), "?")
    answers: list[Answer] = []

    def forward() -> Iterator[str]:
        answers.append((yield from assistant.stream(picture(), "?")))

    pieces = list(forward())
    (answer,) = answers
    assert "".join(pieces) == whole.text == answer.text
    assert len(pieces) > 2
    assert answer.regions == whole.regions
    assert "".join(assistant.stream(picture(), task="read")) == whole.text


def test_bad_input(engine: FakeEngine, assistant: Assistant, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(picture_bytes()[:60])
    words = tmp_path / "words.png"
    words.write_text("not an image")
    image = picture()
    for error, call in [
        (UsageError, lambda: assistant.ask(image, " ")),
        (UsageError, lambda: assistant.locate(image, "")),
        (UsageError, lambda: assistant.extract(image, [])),
        (UsageError, lambda: assistant.extract(image, ["total", " "])),
        (UsageError, lambda: assistant.extract(image, "total")),
        (UsageError, lambda: assistant.stream(image)),
        (UsageError, lambda: assistant.stream(image, "?", task="sing")),
        (UsageError, lambda: assistant.ask(image, "?", compresion=0.5)),
        (UsageError, lambda: assistant.ask(image, "?", compression=1.0)),
        (UsageError, lambda: assistant.ask(image, "?", compression=-0.1)),
        (UsageError, lambda: assistant.ask(image, "?", compression=float("nan"))),
        (UsageError, lambda: assistant.ask(image, "?", compression_mode="fast")),
        (UsageError, lambda: assistant.ask(image, "?", max_new_tokens=0)),
        (UsageError, lambda: assistant.ask(image, "?", max_new_tokens=1.5)),
        (UsageError, lambda: assistant.ask(image, "?", cropping="finest")),
        (UsageError, lambda: assistant.ask(image, "?", temperature=-1)),
        (UsageError, lambda: assistant.ask(image, "?", top_p=0)),
        (UsageError, lambda: assistant.ask(image, "?", pages="x")),
        (UsageError, lambda: assistant.ask(tmp_path / "none.png", "?")),
        (ImageError, lambda: assistant.ask(broken, "?")),
        (ImageError, lambda: assistant.ask(words, "?")),
    ]:
        with pytest.raises(error) as caught:
            call()
        assert "\n" not in str(caught.value)
    assert engine.seen == []


def test_loops_are_found_and_cut() -> None:
    assert find_loop([1] * 99) == 0
    assert find_loop([9, *[1] * 100]) == 1
    assert find_loop([9, 8, *[1, 2, 3] * 40]) == 3
    assert find_loop(list(range(300))) == 0
    assert find_loop([*range(60)] * 3) == 0  # a table may say a line three times
    assert find_loop([*range(60)] * 4) == 60
    assert cut_loop([9, 8, *[1, 2, 3] * 40], 3) == [9, 8, 1, 2, 3]
    assert cut_loop([1, 2, 3] * 40, 3) == [1, 2, 3]


def test_notes_of_the_engine_are_kept(engine: FakeEngine, assistant: Assistant) -> None:
    engine.reply = lambda request: Completion("x", {"answer": 1}, ("stopped at 1 new tokens",))
    assert assistant.ask(Image.new("RGB", (50, 50)), "?").notes == ("stopped at 1 new tokens",)


def test_requests_are_plain_data() -> None:
    request = Request((picture(),), "?")
    with pytest.raises(AttributeError):
        request.text = "!"  # type: ignore[misc]
