"""Processes that read rows, however started: a SIGTERM to all processes of a run saves and ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

COMMAND = """
import multiprocessing, signal, sys
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    {more}
    from monkeyvl.cli import main
    sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("method", "more"),
    [("fork", ""), ("spawn", ""), ("forkserver", ""), ("fork", "del signal.sigwaitinfo")],
    ids=["fork", "spawn", "forkserver", "fork, senders unknown"],
)
def test_sigterm_to_all_processes_of_a_run_saves_and_ends(
    base: Path, rows: Path, method: str, more: str
) -> None:
    out, script = rows.parent / "out", rows.parent / "run.py"
    script.write_text(COMMAND.format(more=more or "pass"))
    command = [sys.executable, str(script), method, "finetune", "--data", str(rows), "--model", str(base)]
    command += ["--out", str(out), "--steps", "100000", "--hold-out", "0", "--set", "workers=1"]
    command += ["--set", "save_steps=2"]
    threads = {**os.environ, "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True, env=threads
    ) as run:
        try:
            while not list(out.glob("checkpoint-*")) and run.poll() is None:
                time.sleep(0.05)
            os.killpg(run.pid, signal.SIGTERM)
            said = run.communicate(timeout=400)[1]  # until the last process has ended
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 3, said
    assert "of 100000; --resume goes on" in said.splitlines()[-1]
