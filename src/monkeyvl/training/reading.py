"""The processes that read rows: they end when their run does, not at a signal to all of its processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from monkeyvl.evaluation.processes import starting


def outlive_signals(loader: Any) -> None:
    """Lets the processes of a torch DataLoader be ended by the one that started them alone.

    A SIGTERM to a whole group (a shell's, Slurm's) asks that one for a save, which needs them; and without
    it, torch ends them.
    """
    loader.worker_init_fn = partial(_begin, loader.worker_init_fn)
    # They begin deaf, with all the threads that libraries start in them: no thread may take a signal away.
    loader._get_iterator = partial(_started_deaf, loader._get_iterator)


def _started_deaf(start: Callable[[], Any]) -> Any:
    with starting(signal.SIGTERM):
        return start()


def _begin(begin: Callable[[int], None], number: int) -> None:
    begin(number)
    parent = multiprocessing.parent_process()
    if parent and hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # not so where a server forks
        above = os.getppid()  # the parent or that server
        threading.Thread(target=_end_by, args=({parent.pid, above}, above), daemon=True).start()


def _end_by(parents: set[int | None], above: int) -> None:
    """Ends this process at a SIGTERM of one of `parents`, or at any when the process `above` is gone.

    Where the system does not tell who sent a signal (macOS), the second one counts: a parent sends two.
    """
    if hasattr(signal, "sigwaitinfo"):
        while signal.sigwaitinfo({signal.SIGTERM}).si_pid not in parents and os.getppid() == above:
            pass
    else:
        signal.sigwait({signal.SIGTERM})
        if os.getppid() == above:
            signal.sigwait({signal.SIGTERM})
    os._exit(0)
