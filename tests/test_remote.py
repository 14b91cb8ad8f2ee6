from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from servers import Asked, FakeServer
from support import picture

import monkeyvl
from monkeyvl.cli import main
from monkeyvl.errors import MonkeyVLError, ServiceError, UsageError
from monkeyvl.generation import Completion, Request, Settings
from monkeyvl.remote import MOST_PNG_BYTES, OpenAIEngine, Service, data_url, find_service

KEY = "sk-secret-of-the-user"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FakeServer() as server:
        yield server


@pytest.fixture
def engine(server: FakeServer) -> OpenAIEngine:
    return OpenAIEngine(Service(server.url, "fake"))


def test_a_request_holds_images_question_and_limits(server: FakeServer, engine: OpenAIEngine) -> None:
    images = (picture(30, 20), picture(20, 30, "beige"))
    done = engine.generate([Request(images, "What?")], Settings(max_new_tokens=7))
    assert done == [Completion("re: What?", {"prompt": 11, "answer": 3})]
    (asked,) = server.asked
    assert asked.key == f"Bearer {KEY}"
    assert {name: asked.body[name] for name in ("model", "temperature", "max_tokens")} == {
        "model": "fake",
        "temperature": 0.0,
        "max_tokens": 7,
    }
    assert "seed" not in asked.body
    for sent, image in zip(asked.images, images, strict=True):
        assert sent.format == "PNG"
        assert sent.tobytes() == image.tobytes()
    engine.generate([Request((), "Say.")], Settings(temperature=0.5, top_p=0.9, seed=4))
    assert [server.asked[1].body[name] for name in ("temperature", "top_p", "seed")] == [0.5, 0.9, 4]
    assert set(engine.timing) == {"request"}


def test_requests_of_a_call_run_together_and_keep_their_order(
    server: FakeServer, engine: OpenAIEngine
) -> None:
    import threading

    together = threading.Barrier(4, timeout=100)

    def reply(asked: Asked) -> str:
        together.wait()  # breaks unless all four are here
        return asked.text

    server.reply = reply
    done = engine.generate([Request((), f"{i}") for i in range(4)], Settings())
    assert [one.text for one in done] == ["0", "1", "2", "3"]
    assert server.most_running == 4


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(status: int, server: FakeServer, engine: OpenAIEngine) -> None:
    server.failures = [(status, {"message": "busy"})] * 2
    assert engine.generate([Request((), "What?")], Settings())[0].text == "re: What?"
    assert len(server.asked) == 3
    server.failures = [(status, {"message": f"no more for {KEY}"})] * 20
    with pytest.raises(ServiceError, match=rf"answered {status}, 7 times: .*no more for \*\*\*"):
        engine.generate([Request((), "What?")], Settings())


@pytest.mark.parametrize(
    ("status", "error", "kind", "message"),
    [
        (
            401,
            {"message": f"Incorrect key {KEY}"},
            ServiceError,
            r"refuses the key \(401\); set OPENAI_API_KEY",
        ),
        (404, {"message": "unknown"}, ServiceError, "has no model 'fake'"),
        (400, {"message": "only 1 is allowed", "param": "temperature"}, ServiceError, "does not take temp"),
        (
            400,
            {"message": "the prompt is\ntoo long"},
            MonkeyVLError,
            r"refuses the request \(400\): .*too long",
        ),
    ],
)
def test_refusals_are_one_line_without_the_key(
    status: int,
    error: dict[str, str],
    kind: type[MonkeyVLError],
    message: str,
    server: FakeServer,
    engine: OpenAIEngine,
) -> None:
    server.failures = [(status, error)]
    with pytest.raises(MonkeyVLError, match=message) as caught:
        engine.generate([Request((), "What?")], Settings())
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)
    assert len(server.asked) == 1


def test_a_server_that_renamed_the_limit_is_understood(server: FakeServer, engine: OpenAIEngine) -> None:
    server.failures = [(400, {"message": "Unsupported 'max_tokens'. Use 'max_completion_tokens' instead."})]
    for _ in range(2):
        engine.generate([Request((), "What?")], Settings(max_new_tokens=9))
    assert [one.body.get("max_completion_tokens") for one in server.asked] == [None, 9, 9]


def test_nobody_there(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monkeyvl.remote.RETRIES", 0)
    lost = OpenAIEngine(Service("http://127.0.0.1:9/v1", "fake"))
    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:9/v1 cannot be reached"):
        lost.generate([Request((), "What?")], Settings())
    with pytest.raises(ServiceError, match="cannot be reached"):
        find_service("openai:http://127.0.0.1:9/v1")


def test_notes_say_where_an_answer_ends(server: FakeServer, engine: OpenAIEngine) -> None:
    server.reply = lambda asked: "and so on..."
    done = engine.generate([Request((), "What?")], Settings(max_new_tokens=5))
    assert done[0].notes == ("cut off at the limit of 5 new tokens",)


def test_large_pictures_go_as_jpeg() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1200, 3), dtype=np.uint8)
    assert noise.nbytes > MOST_PNG_BYTES
    assert data_url(Image.fromarray(noise)).startswith("data:image/jpeg;base64,")


def test_local_options_are_refused(engine: OpenAIEngine) -> None:
    for settings in (Settings(compression=0.5), Settings(cropping="paper")):
        with pytest.raises(UsageError, match="for local models"):
            engine.generate([Request((), "What?")], settings)


def test_the_assistant_asks_a_server_too(server: FakeServer) -> None:
    assistant = monkeyvl.load(f"openai:{server.url}")
    server.reply = lambda asked: "<ref>TOTAL</ref><box>(100,200),(500,400)</box>"
    answer = assistant.locate(picture(200, 100), "TOTAL")
    assert [(region.text, region.box) for region in answer.regions] == [("TOTAL", (20.0, 20.0, 100.0, 40.0))]
    assert answer.model == f"openai:{server.url}#fake"
    server.reply = lambda asked: '{"total": "5.00", "date": null}'
    assert assistant.extract(picture(), ["total", "date"]).values == {"total": "5.00", "date": None}
    assert '"total", "date"' in server.asked[-1].text
    server.reply = lambda asked: "a long answer in pieces"
    pieces = list(assistant.stream(picture(), "What?"))
    assert len(pieces) > 2
    assert "".join(pieces) == "a long answer in pieces"
    assert server.asked[-1].body["stream_options"] == {"include_usage": True}
    with pytest.raises(UsageError, match="device, dtype, quantize and adapter"):
        monkeyvl.load(f"openai:{server.url}#fake", device="cpu")


def test_the_command_line_asks_a_server(
    server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "b.png"):
        picture().save(tmp_path / name)
    model = ["--model", f"openai:{server.url}"]
    assert main(["ask", str(tmp_path / "a.png"), "What?", *model]) == 0
    assert capsys.readouterr().out == "re: What?\n"
    server.failures = [(401, {"message": "no"})]
    rows = tmp_path / "rows.jsonl"
    assert main(["ask", str(tmp_path), "What?", *model, "--out", str(rows)]) == 1
    assert "refuses the key" in capsys.readouterr().err
    assert main(["ask", str(tmp_path), "What?", *model, "--out", str(rows)]) == 0
    lines = [json.loads(line) for line in rows.read_text("utf-8").splitlines()]
    assert [line["text"] for line in lines] == ["re: What?"] * 2
    assert lines[0]["model"] == f"openai:{server.url}#fake"
    assert KEY not in rows.read_text("utf-8")


def test_an_answer_that_breaks_off_is_no_answer(server: FakeServer, engine: OpenAIEngine) -> None:
    for text, message in (
        ("half an [cut]", "cannot be reached"),
        ("half an [end]", "broke off in the middle"),
    ):
        server.reply = lambda asked, text=text: text  # type: ignore[misc]
        with pytest.raises(ServiceError, match=message):
            list(engine.stream(Request((), "What?"), Settings()))


def test_services_are_named(server: FakeServer) -> None:
    assert find_service("openai:http://h:8000/v1/#gpt") == Service("http://h:8000/v1", "gpt")
    assert find_service("openai:https://h/v1", "a/b").name == "openai:https://h/v1#a/b"
    assert find_service(f"openai:{server.url}").model == "fake"
    server.models = ("one", "two")
    with pytest.raises(UsageError, match=r"has 2 models: .*\(one, two\)"):
        find_service(f"openai:{server.url}")
    for name, model, message in (
        ("openai:gpt-4", None, "is no server"),
        ("openai:file:///etc/passwd", None, "is no server"),
        ("openai:https://h/v1?key=1#m", None, "is no server"),
        ("openai:https://me:secret@h/v1#m", None, "does not belong into the URL of h"),
        ("openai:https://h/v1#m", "n", "'m' in --model, but 'n'"),
    ):
        with pytest.raises(UsageError, match=message) as caught:
            find_service(name, model)
        assert "secret" not in str(caught.value)


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(UsageError, match=r"monkeyvl\[openai\]"):
        OpenAIEngine(Service("http://h/v1", "m"))


def test_no_torch_is_needed(server: FakeServer) -> None:
    code = (
        "import json, sys, monkeyvl\nfrom PIL import Image\n"
        f"answer = monkeyvl.load('openai:{server.url}#fake').ask(Image.new('RGB', (9, 9)), 'What?')\n"
        "print(json.dumps([answer.text, 'torch' in sys.modules, 'transformers' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["re: What?", False, False]
