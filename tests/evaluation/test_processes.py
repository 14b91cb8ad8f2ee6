from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Asked, FakeServer
from worlds import CONDITIONS, Oracle, make_world, served

from monkeyvl.cli import main
from monkeyvl.errors import MonkeyVLError, UsageError
from monkeyvl.evaluation.processes import Alive, alive_file, launched, own_device, wait_for_others
from monkeyvl.evaluation.runner import Run
from monkeyvl.evaluation.sets import Selection, select


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def selection(world: Path) -> Selection:
    return select(world, split="all")


@pytest.fixture
def server(selection: Selection) -> Iterator[FakeServer]:
    with FakeServer(served(selection.examples)) as server:
        yield server


@pytest.fixture
def options(world: Path, server: FakeServer) -> list[str]:
    return ["evaluate", "--data", str(world), "--split", "all", "--model", f"openai:{server.url}#fake"]


def without_seconds(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    return [{name: value for name, value in json.loads(line).items() if name != "seconds"} for line in lines]


def test_two_processes_equal_one(
    options: list[str], server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*options, "--out", str(tmp_path / "one")]) == 0
    asked = len(server.asked)
    assert main([*options, "--out", str(tmp_path / "two"), "--processes", "2"]) == 0
    assert len(server.asked) == 2 * asked
    assert without_seconds(tmp_path / "two") == without_seconds(tmp_path / "one")
    reports = [json.loads((tmp_path / name / "report.json").read_text("utf-8")) for name in ("one", "two")]
    assert reports[0]["scores"] == reports[1]["scores"]
    assert all(entry["value"] in (1, 0) for entry in reports[0]["scores"].values())
    assert main([*options, "--out", str(tmp_path / "two"), "--processes", "3"]) == 0
    assert len(server.asked) == 2 * asked  # nothing was left to be asked
    assert capsys.readouterr().err.count("\n") == 3


def test_a_killed_process_is_named_and_the_run_resumed(
    options: list[str],
    server: FakeServer,
    selection: Selection,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer, lock, killed = served(selection.examples), threading.Lock(), []

    def reply(asked: Asked) -> str:
        with lock:
            if not killed and len(server.asked) > 20:
                victim = multiprocessing.active_children()[0]
                killed.append(victim.pid)
                os.kill(victim.pid or 0, signal.SIGKILL)
        return answer(asked)

    server.reply = reply
    out = tmp_path / "out"
    assert main([*options, "--out", str(out), "--processes", "2", "--batch-size", "4"]) == 1
    told = capsys.readouterr().err.splitlines()
    assert "was ended by SIGKILL" in told[-1]
    assert "of 70 rows are there); run the same command again" in told[-1]
    assert not (out / "report.json").exists()
    before = len(server.asked)
    assert main([*options, "--out", str(out), "--batch-size", "4"]) == 0
    assert 0 < len(server.asked) - before < 50
    assert main([*options, "--out", str(tmp_path / "calm"), "--batch-size", "4"]) == 0
    assert without_seconds(out) == without_seconds(tmp_path / "calm")


def test_ctrl_c_counts_when_a_process_notices_it_first(
    options: list[str],
    server: FakeServer,
    selection: Selection,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = served(selection.examples)

    def reply(asked: Asked) -> str:
        for process in multiprocessing.active_children():
            os.kill(process.pid or 0, signal.SIGINT)
        return answer(asked)

    server.reply = reply
    assert main([*options, "--out", str(tmp_path), "--processes", "2", "--batch-size", "4"]) == 130
    assert capsys.readouterr().err == "monkeyvl: interrupted\n"
    assert not multiprocessing.active_children()


def test_what_fails_everywhere_is_told_in_one_line(
    options: list[str], server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.failures = [(401, {"message": "no"})] * 50
    assert main([*options, "--out", str(tmp_path), "--processes", "2"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert "of 2 failed: " in last
    assert "refuses the key" in last


def test_processes_that_a_launcher_started(options: list[str], selection: Selection, tmp_path: Path) -> None:
    def start(rank: int) -> subprocess.Popen[str]:
        environ = {**os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank)}
        command = [sys.executable, "-m", "monkeyvl", *options, "--out", str(tmp_path / "two")]
        return subprocess.Popen(
            command, env=environ, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE
        )

    processes = [start(0), start(1)]
    texts = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], texts
    assert "sroie/kie" in texts[0][0]
    assert texts[1][0] == ""
    assert "rows of shard 2/2" in texts[1][1]
    assert not list((tmp_path / "two").glob("*.alive"))
    assert main([*options, "--out", str(tmp_path / "one")]) == 0
    assert without_seconds(tmp_path / "two") == without_seconds(tmp_path / "one")


def test_the_first_process_waits_only_for_the_living(selection: Selection, tmp_path: Path) -> None:
    examples = selection.examples
    whole = Run(examples, CONDITIONS, tmp_path)
    Run(examples, CONDITIONS, tmp_path, (1, 2)).answer(lambda: Oracle(examples))
    with pytest.raises(MonkeyVLError, match=r"process 2 of 2 with 0 of \d+ rows; run the same command again"):
        wait_for_others(whole, (1, 2), patience=0.2)
    alive_file(tmp_path, (2, 2)).touch()  # of a process that was killed
    with pytest.raises(MonkeyVLError, match="ended too early"):
        wait_for_others(whole, (1, 2), patience=0.2)

    def late() -> None:
        with Alive(tmp_path, (2, 2)):
            time.sleep(0.7)
            Run(examples, CONDITIONS, tmp_path, (2, 2)).answer(lambda: Oracle(examples))

    other = threading.Thread(target=late)
    other.start()
    wait_for_others(whole, (1, 2), patience=1.5)
    other.join()
    assert whole.left() == 0
    assert len(whole.merge()) == len(examples)


def test_one_that_leaves_early_is_noticed_at_once(selection: Selection, tmp_path: Path) -> None:
    whole = Run(selection.examples, CONDITIONS, tmp_path)

    there = threading.Event()

    def leave() -> None:
        with Alive(tmp_path, (2, 2)):
            while not alive_file(tmp_path, (2, 2)).exists():
                time.sleep(0.01)
            there.set()
            time.sleep(0.5)

    other = threading.Thread(target=leave)
    other.start()
    assert there.wait(10)
    started = time.monotonic()
    with pytest.raises(MonkeyVLError, match="process 2 of 2"):
        wait_for_others(whole, (1, 2), patience=20)
    other.join()
    assert time.monotonic() - started < 10


def test_the_place_among_launched_processes() -> None:
    assert launched({}) is None
    assert launched({"RANK": "0", "WORLD_SIZE": "1"}) is None
    assert launched({"RANK": "2", "WORLD_SIZE": "4"}) == (3, 4)
    for wrong in ({"RANK": "4", "WORLD_SIZE": "4"}, {"RANK": "a", "WORLD_SIZE": "4"}):
        with pytest.raises(UsageError, match="RANK"):
            launched(wrong)


def test_each_process_takes_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert own_device(None) is None
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert [own_device(wanted) for wanted in (None, "cuda", "cpu", "cuda:0")] == [
        "cuda:1",
        "cuda:1",
        "cpu",
        "cuda:0",
    ]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert own_device(None) is None


def test_misuse(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for extra, message in ((["0"], "at least 1"), (["2", "--shard", "1/2"], "leave out --shard")):
        assert main([*options, "--out", str(tmp_path), "--processes", *extra]) == 2
        assert message in capsys.readouterr().err
