"""Runs over sets whose model stands behind a server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from servers import Asked, FakeServer
from worlds import make_world, served

from monkeyvl.cli import main
from monkeyvl.evaluation.sets import Selection, select

KEY = "sk-secret-of-the-user"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = make_world(tmp_path_factory.mktemp("world"))
    file = world / "pageocr" / "dev" / "annotations.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    rows[-1]["boxes"][0]["box"] = [100, 500, 600, 1000]  # a table of 30 x 20 pixels
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return world


@pytest.fixture(scope="module")
def selection(world: Path) -> Selection:
    return select(world, split="all")


@pytest.fixture
def server(selection: Selection, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FakeServer(served(selection.examples)) as server:
        yield server


def command(world: Path, server: FakeServer, out: Path) -> list[str]:
    model = ["--model", f"openai:{server.url}", "--api-model", "fake"]
    return ["evaluate", "--data", str(world), "--split", "all", *model, "--out", str(out)]


def without_seconds(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    return [{name: value for name, value in json.loads(line).items() if name != "seconds"} for line in lines]


def test_rows_of_a_servers_model(world: Path, server: FakeServer, tmp_path: Path) -> None:
    answer, together = server.reply, threading.Event()

    def reply(asked: Asked) -> str:
        if server.running > 1:
            together.set()
        together.wait(60)  # the first for the second one of its batch
        return answer(asked)

    server.reply = reply
    assert main([*command(world, server, tmp_path), "--batch-size", "4"]) == 0
    rows = without_seconds(tmp_path)
    assert len(rows) == len(server.asked) == 71
    assert {row["model"] for row in rows} == {f"openai:{server.url}#fake"}
    assert rows[0]["tokens"] == {"prompt": 11, "answer": 3}
    by_task = {f"{row['set']}/{row['task']}": str(row["prompt"]) for row in rows}
    assert by_task["sroie/kie"].endswith("\nAnswer the question using a single word or phrase.")
    assert by_task["screenagent/gui"].endswith("as (x,y) in thousandths of the image's width and height.")
    assert by_task["wtq_rendered/markdown"] == "Convert this table to Markdown."
    assert "<ref>text</ref><box>(x1,y1),(x2,y2)</box>" in by_task["sroie/spotting"]
    (table,) = [asked for asked in server.asked if asked.text == "Convert."]
    assert table.images[0].size == (30, 20)
    assert {asked.body["temperature"] for asked in server.asked} == {0.0}
    assert 1 < server.most_running <= 4
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["scores"]["sroie/spotting"]["also"]["spotting:position"] == 1.0
    for file in tmp_path.iterdir():
        assert KEY not in file.read_text(encoding="utf-8")


def test_an_outage_ends_the_run_and_it_goes_on(
    world: Path, server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = server.reply

    def reply(asked: Asked) -> str:
        if len(server.asked) >= 20:
            server.failures = [(503, {"message": "gone"})] * 100
        return answer(asked)

    server.reply = reply
    assert main(command(world, server, tmp_path / "out")) == 1
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"monkeyvl: {server.url} answered 503, 7 times: ")
    assert "gone" in told
    kept = without_seconds(tmp_path / "out")
    assert 0 < len(kept) < 71
    assert not any("error" in row for row in kept)
    server.failures, server.reply, before = [], answer, len(server.asked)
    assert main(command(world, server, tmp_path / "out")) == 0
    assert len(server.asked) - before == 71 - len(kept)
    assert main(command(world, server, tmp_path / "calm")) == 0
    assert without_seconds(tmp_path / "out") == without_seconds(tmp_path / "calm")


def test_a_refused_question_fails_alone(world: Path, server: FakeServer, tmp_path: Path) -> None:
    server.failures = [(400, {"message": f"too long for {KEY}"})] * 2  # with the batch, and by itself
    assert main([*command(world / "mine", server, tmp_path), "--batch-size", "1"]) == 0
    errors = [row["error"] for row in without_seconds(tmp_path) if "error" in row]
    assert len(errors) == 2
    assert "too long for ***" in str(errors[0])


def test_local_options_are_refused(
    world: Path, server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in (["--cropping", "paper"], ["--compression", "0.5"], ["--device", "cpu"]):
        assert main([*command(world, server, tmp_path), *option]) == 2
        assert "for local models" in capsys.readouterr().err
    assert main(["evaluate", "--data", str(world), "--out", str(tmp_path), "--api-model", "x"]) == 2
    assert "--model openai:URL is missing" in capsys.readouterr().err


class Held:
    """Answers a few requests; the others wait for their answers until `release`."""

    def __init__(self, server: FakeServer, few: int = 4) -> None:
        self.server, self.few, self.answer = server, few, server.reply
        self._end = threading.Event()
        self.release = self._end.set

    def __call__(self, asked: Asked) -> str:
        if len(self.server.asked) > self.few:
            self._end.wait(300)
        return self.answer(asked)

    def wait(self, process: subprocess.Popen[str]) -> None:
        """Until one waits."""
        until = time.monotonic() + 300
        while len(self.server.asked) <= self.few and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        assert len(self.server.asked) > self.few


@pytest.fixture
def held(server: FakeServer) -> Iterator[Held]:
    held = server.reply = Held(server)
    yield held
    held.release()


@contextmanager
def in_two(world: Path, server: FakeServer, out: Path) -> Iterator[subprocess.Popen[str]]:
    """A run by two processes, in a group of their own."""
    words = [sys.executable, "-m", "monkeyvl", *command(world, server, out)]
    words += ["--processes", "2", "--batch-size", "1"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True) as run:
        try:
            yield run
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a kill that cannot be caught")
def test_processes_end_with_the_one_that_started_them(
    world: Path, server: FakeServer, held: Held, tmp_path: Path
) -> None:
    with in_two(world, server, tmp_path) as parent:
        held.wait(parent)
        os.kill(parent.pid, signal.SIGKILL)
        parent.communicate(timeout=120)  # until the last process has ended
    assert len(server.asked) <= 4 + 2


def test_ctrl_c_is_one_line(world: Path, server: FakeServer, held: Held, tmp_path: Path) -> None:
    with in_two(world, server, tmp_path) as parent:
        held.wait(parent)
        os.killpg(parent.pid, signal.SIGINT)
        _, err = parent.communicate(timeout=120)
    assert parent.returncode == 130
    assert err == "monkeyvl: interrupted\n"
