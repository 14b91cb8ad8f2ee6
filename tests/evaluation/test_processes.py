from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from servers import Asked, FakeServer
from worlds import CONDITIONS, Oracle, make_world, served

from monkeyvl.cli import main
from monkeyvl.errors import MonkeyVLError, UsageError
from monkeyvl.evaluation import processes
from monkeyvl.evaluation.processes import (
    Alive,
    alive_file,
    launched,
    own_device,
    run_processes,
    wait_for_others,
)
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


def interrupt_children() -> None:
    for process in multiprocessing.active_children():
        with suppress(ProcessLookupError):
            os.kill(process.pid or 0, signal.SIGINT)


def until(happened: Callable[[], bool]) -> None:
    last = time.monotonic() + 120
    while not happened() and time.monotonic() < last:
        time.sleep(0.01)


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
    answer, first = served(selection.examples), threading.Lock()

    def reply(asked: Asked) -> str:
        if first.acquire(blocking=False):
            interrupt_children()
        return answer(asked)

    server.reply = reply
    assert main([*options, "--out", str(tmp_path), "--processes", "2", "--batch-size", "4"]) == 130
    assert capsys.readouterr().err == "monkeyvl: interrupted\n"
    assert not multiprocessing.active_children()


def slow_import(folder: Path) -> Callable[[tuple[int, int]], None]:
    (folder / f"{os.getpid()}.importing").touch()
    until(lambda: (folder / "interrupted").exists())
    return print


class SlowWork:
    """Takes its time in a process that starts with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[Path], object], tuple[Path]]:
        return slow_import, (self.folder,)

    def __call__(self, shard: tuple[int, int]) -> None: ...


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals cannot wait")
def test_ctrl_c_while_processes_start_ends_them_silently(
    selection: Selection, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        until(lambda: len(list(tmp_path.glob("*.importing"))) == 2)
        interrupt_children()
        (tmp_path / "interrupted").touch()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_processes(Run(selection.examples, CONDITIONS, tmp_path), 2, SlowWork(tmp_path))
    thread.join()
    assert capfd.readouterr().err == ""
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

    both = [start(0), start(1)]
    texts = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], texts
    assert "sroie/kie" in texts[0][0]
    assert texts[1][0] == ""
    assert "rows of shard 2/2" in texts[1][1]
    assert not list((tmp_path / "two").glob("*.alive"))
    assert main([*options, "--out", str(tmp_path / "one")]) == 0
    assert without_seconds(tmp_path / "two") == without_seconds(tmp_path / "one")


class Clock:
    """Stands for `time`: passes as soon as someone sleeps, and does what happens meanwhile."""

    def __init__(self, meanwhile: Callable[[float], None] = lambda now: None) -> None:
        self.now, self.meanwhile = 0.0, meanwhile

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile(self.now)


def test_the_first_process_waits_only_for_the_living(
    selection: Selection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples, other = selection.examples, alive_file(tmp_path, (2, 2))
    whole = Run(examples, CONDITIONS, tmp_path)
    Run(examples, CONDITIONS, tmp_path, (1, 2)).answer(lambda: Oracle(examples))

    def waits(clock: Clock) -> float:
        monkeypatch.setattr(processes, "time", clock)
        wait_for_others(whole, (1, 2), patience=60)
        return clock.now

    with pytest.raises(MonkeyVLError, match=r"process 2 of 2 with 0 of \d+ rows; run the same command again"):
        waits(nothing := Clock())
    other.touch()  # of a process that was killed
    with pytest.raises(MonkeyVLError, match="ended too early"):
        waits(killed := Clock())
    assert 60 < min(nothing.now, killed.now) <= max(nothing.now, killed.now) <= 62

    def living(now: float) -> None:
        os.utime(other, ns=(0, int(now)))
        if now == 200:
            Run(examples, CONDITIONS, tmp_path, (2, 2)).answer(lambda: Oracle(examples))

    assert waits(Clock(living)) == 200
    assert whole.left() == 0
    assert len(whole.merge()) == len(examples)


def test_one_that_leaves_early_is_noticed_at_once(
    selection: Selection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, other = Run(selection.examples, CONDITIONS, tmp_path), alive_file(tmp_path, (2, 2))
    other.touch()
    clock = Clock(lambda now: other.unlink() if now == 3 else None)
    monkeypatch.setattr(processes, "time", clock)
    with pytest.raises(MonkeyVLError, match="process 2 of 2"):
        wait_for_others(whole, (1, 2), patience=20)
    assert clock.now == 3


def test_a_process_shows_that_it_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "BEAT", 0.01)
    file = alive_file(tmp_path, (2, 2))

    def later(sign: int) -> int:
        until(lambda: processes._sign(tmp_path, (2, 2)) != sign)
        return processes._sign(tmp_path, (2, 2))

    with Alive(tmp_path, (2, 2)):
        signs = [first := later(0), second := later(first), later(second)]
        assert len({0, *signs}) == 4
    assert not file.exists()


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
