"""Several processes of one fine-tuning: how they are started, who speaks, and what is told when one ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from pairs import ALONE, RECIPES

from monkeyvl.cli import main
from monkeyvl.errors import CheckpointError, MonkeyVLError, Paused, UsageError
from monkeyvl.training.starting import ENDED, Silent, _reason, run_together, speaking_once


def ranks_of(started: int) -> list[int]:
    """The processes that a starter has started."""
    found = Path(f"/proc/{started}/task/{started}/children").read_text().split()
    return [int(one) for one in found if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for processes in /proc")
def test_processes_started_here_end_with_one_line(place: Path) -> None:
    out = place / "started"
    arguments = ["finetune", "--data", str(place / "rows.jsonl"), "--model", str(place / "tiny")]
    arguments += ["--out", str(out), "--steps", "10000", "--set", "save_steps=2", "--hold-out", "0"]
    command = [sys.executable, "-m", "monkeyvl", *arguments, "--processes", "2"]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ALONE)
    until = time.monotonic() + 400
    while not list(out.glob("checkpoint-*")) and time.monotonic() < until and run.poll() is None:
        time.sleep(0.05)
    ranks = ranks_of(run.pid)
    assert len(ranks) == 2
    os.kill(ranks[1], signal.SIGKILL)
    killed = time.monotonic()
    said = run.communicate(timeout=400)[1]
    assert run.returncode == 1
    assert time.monotonic() - killed < 120
    assert said.splitlines()[-1] == (
        "monkeyvl: process 2 of 2 was ended by SIGKILL; the others were ended, too; "
        "--resume goes on from the last save"
    )
    assert not any(Path(f"/proc/{rank}").exists() for rank in ranks)


# Some libraries pass over whatever goes wrong while they import what they may do without.
CARELESS = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGTERM)
except BaseException:
    pass
"""


@pytest.mark.parametrize(
    ("command", "environment", "said"),
    [
        (["train", str(RECIPES.parent / "embedded-cpu.yaml")], {}, f"monkeyvl: {ENDED}\n"),
        (["finetune", "--data", "rows.jsonl"], {}, f"monkeyvl: {ENDED}\n"),
        (["finetune", "--data", "rows.jsonl"], {"RANK": "1", "WORLD_SIZE": "2"}, ""),
    ],
)
def test_asked_to_end_before_anything_is_done(
    command: list[str], environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "accelerate.py").write_text(CARELESS)
    done = subprocess.run(
        [sys.executable, "-m", "monkeyvl", *command, "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        env={**ALONE, "PYTHONPATH": str(tmp_path), **environment},
        check=False,
    )
    assert (done.returncode, done.stderr) == (3, said)
    assert not (tmp_path / "out").exists()


class EndedWhileStarting:
    """Work that asks the starter to end when it is handed to the first process."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        os.kill(os.getpid(), signal.SIGTERM)
        return partial, (time.sleep, 1000)


def test_asked_to_end_while_processes_start_all_end() -> None:
    end = threading.Event()
    # The system may give it the signal, which it does not hold back.
    other = threading.Thread(target=end.wait, daemon=True)
    other.start()
    with pytest.raises(Paused, match=f"^{ENDED}$"):
        run_together(2, EndedWhileStarting())  # type: ignore[arg-type]
    end.set()
    other.join()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--processes", "0"], "--processes is 0; it must be at least 1"),
        (["--processes", "2", "--hold-out", "2"], "hold_out is 2"),
    ],
)
def test_bad_settings_start_nothing(
    place: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["finetune", "--data", str(place / "rows.jsonl"), "--out", str(place / "no"), *more]) == 2
    assert message in capsys.readouterr().err


def test_each_process_needs_a_gpu_of_its_own(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    command = ["finetune", "--data", str(place / "rows.jsonl"), "--out", str(place / "no")]
    assert main([*command, "--processes", "4"]) == 2
    assert "--processes 4: each takes a GPU, and this computer has 2" in capsys.readouterr().err
    assert not (place / "no").exists()


def test_under_a_launcher_one_process_speaks(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    arguments = ["finetune", "--data", str(place / "rows.jsonl"), "--model", str(place / "tiny")]
    arguments += ["--out", str(place / "no"), "--batch-size", "3"]
    for rank, said in (("0", "batch_size 3: no multiple of 1 rows at once on 2 processes"), ("1", "")):
        monkeypatch.setenv("RANK", rank)
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert said in error
        assert bool(error) == bool(said)
        assert main(["train", str(RECIPES.parent / "embedded-cpu.yaml")]) == 2
        assert ("train runs as one process" in capsys.readouterr().err) == bool(said)
    monkeypatch.setenv("RANK", "0")
    assert main([*arguments, "--processes", "2"]) == 2
    assert "leave it out under a launcher" in capsys.readouterr().err


def test_errors_of_one_process_are_told_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(Silent) as silent, speaking_once():
        raise CheckpointError("what all meet")
    assert (silent.value.exit_code, str(silent.value)) == (1, "")
    with pytest.raises(MonkeyVLError, match="a bad row"), speaking_once():
        raise MonkeyVLError("a bad row")
    with (
        pytest.raises(MonkeyVLError, match=r"^process 2 of 2 lost another process \(.*by peer\); --resume"),
        speaking_once(),
    ):
        raise RuntimeError("[gloo/transport/tcp/pair.cc:5] Connection closed by peer")
    with pytest.raises(RuntimeError, match="sizes"), speaking_once():
        raise RuntimeError("sizes do not fit")


class Said:
    """The pipe of a process that has ended."""

    def __init__(self, message: str | None) -> None:
        self.message = message

    def recv(self) -> str:
        if self.message is None:
            raise EOFError
        return self.message


@pytest.mark.parametrize(
    ("codes", "messages", "kind", "told"),
    [
        (
            [1, -9],
            ["process 1 of 2 lost another process (closed)", None],
            MonkeyVLError,
            "process 2 of 2 was ended",
        ),
        (
            [1, 1],
            ["process 1 of 2 lost another process (closed)", "line 5: bad"],
            MonkeyVLError,
            "line 5: bad",
        ),
        ([-6, -9], [None, None], MonkeyVLError, "process 2 of 2 was ended by SIGKILL"),
        ([-6, 1], [None, "line 5: bad"], MonkeyVLError, "line 5: bad"),
        ([1, None], [None, None], MonkeyVLError, "process 1 of 2 failed with exit code 1"),
        ([3, 1], [None, "process 2 of 2 lost another process (closed)"], Paused, ENDED),
        ([2, 2], ["batch_size 3", ""], UsageError, "batch_size 3"),
        ([3, 3], ["paused at step 2", ""], Paused, "paused at step 2"),
    ],
)
def test_the_cause_is_told_not_what_follows_from_it(
    codes: list[int | None], messages: list[str | None], kind: type, told: str
) -> None:
    reason = _reason(codes, [Said(message) for message in messages])  # type: ignore[misc]
    assert type(reason) is kind
    assert str(reason).startswith(told)
