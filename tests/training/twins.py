"""Fine-tunes by two processes that are forked from this one, which has imported all there is to import.

python twins.py RUNS.json: one run after another, each with its environment; prints the exit codes of all.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

from torch.distributed.fsdp import FSDPModule
from transformers import TrainerCallback

from monkeyvl.training import finetune as module
from monkeyvl.training.finetune_recipe import Finetuning
from monkeyvl.training.starting import speaking_once

LIMIT = 400  # seconds after which a process that waits for nothing is ended


class Signal(TrainerCallback):
    """Sends the process a signal after a step."""

    def __init__(self, step: int, number: int) -> None:
        self.step, self.number = step, number

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            os.kill(os.getpid(), self.number)


class Look(TrainerCallback):
    """Sees whether the weights are spread by FSDP2."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        assert isinstance(kwargs["model"], FSDPModule) == self.wanted


def one(run: dict[str, Any], rank: int, port: int) -> None:
    """What one process does."""
    signal.alarm(LIMIT)
    os.environ |= run["environment"]
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    original = module.RowTrainer.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.add_callback(Look("FSDP_VERSION" in run["environment"]))
        if run["signal"] and rank:
            self.add_callback(Signal(*run["signal"]))

    module.RowTrainer.__init__ = init  # type: ignore[method-assign]
    with speaking_once():
        module.finetune(Path(run["data"]), Path(run["out"]), Finetuning(**run["settings"]), run["resume"])


def both(run: dict[str, Any]) -> list[int]:
    """The exit codes of both processes, negative for signals."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    children = []
    for rank in range(2):
        child = os.fork()
        if not child:
            try:
                one(run, rank, port)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(1)
            os._exit(0)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


if __name__ == "__main__":
    print(json.dumps([both(run) for run in json.loads(Path(sys.argv[1]).read_text())]))
