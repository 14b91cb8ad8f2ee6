"""Several processes of a training: who speaks, and `count` of them started on this computer.

Who they are is told by environment variables, by a launcher (torchrun, `accelerate launch`) or from here.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Any

from monkeyvl.data.rows import BadRow
from monkeyvl.errors import CheckpointError, MonkeyVLError, Paused, UsageError
from monkeyvl.evaluation.processes import Shard, child, launched, starting

GOES_ON = "--resume goes on from the last save"
ENDED = "asked to end; nothing is lost, --resume goes on"
LOST = "lost another process"
GRACE = 5.0  # seconds in which others may say more about why one failed
ALIKE = (UsageError, CheckpointError, Paused, BadRow)  # what every process meets


class Silent(MonkeyVLError):
    """An error that another process tells."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("")
        self.exit_code = exit_code


def place() -> tuple[int, int]:
    """Number of this process, from 0, and of all."""
    number, count = launched() or (1, 1)
    return number - 1, count


@contextmanager
def ending(tell: bool = True) -> Iterator[None]:
    """Within, SIGTERM ends this process at once with a pause's code, unless a trainer takes it, which saves.

    Not by an exception: what is interrupted may be the import of a library that passes over errors.

    Args:
        tell: whether it says so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def asked(number: int, frame: FrameType | None) -> None:
        if tell:
            os.write(2, f"monkeyvl: {ENDED}\n".encode())
        os._exit(Paused.exit_code)

    before = signal.signal(signal.SIGTERM, asked)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # see `starting`
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def speaking_once() -> Iterator[None]:
    """Within, only the first process writes, and tells what all meet.

    Raises:
        Silent: in place of an error that the first process tells.
        MonkeyVLError: another process ended.
    """
    number, count = place()
    try:
        with ExitStack() as stack:
            if number:
                nothing = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                stack.enter_context(redirect_stdout(nothing))
                stack.enter_context(redirect_stderr(nothing))
            yield
    except ALIKE as error:
        if number:
            raise Silent(error.exit_code) from None
        raise
    except RuntimeError as error:
        if count == 1 or not _is_loss(error):
            raise
        reason = " ".join(str(error).split())[:120]
        raise MonkeyVLError(f"process {number + 1} of {count} {LOST} ({reason}); {GOES_ON}") from None


def _is_loss(error: RuntimeError) -> bool:
    """Whether an error tells that another process has ended."""
    from torch import distributed

    return isinstance(error, distributed.DistError) or "gloo" in str(error)


def run_together(count: int, work: Callable[[], None]) -> None:
    """Starts `count` processes of one training on this computer and waits for all of them.

    If one fails the others are ended. SIGTERM is handed on to them, who save and end.

    Args:
        count: number of processes; the cores are shared out among them, GPUs taken by LOCAL_RANK.
        work: done by each, within `speaking_once` (picklable).

    Raises:
        MonkeyVLError: what a process failed of (UsageError, Paused: as there), or the signal that ended it.
    """
    context = multiprocessing.get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // count)
    task = partial(_join_in, work, _free_port())
    workers: list[Any] = []
    pipes = []
    with _handing_on(workers) as hand_on:
        try:
            with starting(signal.SIGTERM):
                for number in range(1, count + 1):
                    pipe, theirs = context.Pipe(duplex=False)
                    # no daemons: these may have processes of their own, which read rows
                    worker = context.Process(target=child, args=(task, (number, count), threads, theirs))
                    worker.start()
                    theirs.close()
                    workers.append(worker)
                    pipes.append(pipe)
            hand_on()
            _wait(workers)
            ended = [worker.exitcode for worker in workers]
        finally:
            for worker in workers:
                worker.kill()
            for worker in workers:
                worker.join()
    if any(ended):
        raise _reason(ended, pipes)


def _join_in(work: Callable[[], None], port: int, shard: Shard) -> None:
    """The work of one process, as a launcher would have it begun."""
    number, count = shard
    os.environ |= {"RANK": str(number - 1), "WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    try:
        with speaking_once(), ending(tell=False):
            work()
    except OSError as error:
        told = f"{error.filename or 'the system'}: {error.strerror or error}"
        raise MonkeyVLError(f"process {number} of {count} failed: {told}") from None


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _handing_on(workers: list[Any]) -> Iterator[Callable[[], None]]:
    """Within, SIGTERM goes to the workers in place of this process.

    Yields what hands on to all workers a signal that came before they were there: another thread of this
    process, as libraries have them, may have taken it.
    """
    came = False

    def hand_on() -> None:
        for worker in workers:
            if came and worker.is_alive():
                worker.terminate()

    if threading.current_thread() is not threading.main_thread():
        yield hand_on
        return

    def asked(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        hand_on()

    before = signal.signal(signal.SIGTERM, asked)
    try:
        yield hand_on
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait(workers: list[Any]) -> None:
    """Until all have ended, or a while after the first one failed of what not all meet."""
    codes = {error.exit_code for error in ALIKE if error.exit_code != MonkeyVLError.exit_code}
    left, last = list(workers), math.inf
    while left and time.monotonic() < last:
        wait([worker.sentinel for worker in left], 1.0)
        for worker in [one for one in left if one.exitcode is not None]:
            left.remove(worker)
            if worker.exitcode not in (0, *codes):
                last = min(last, time.monotonic() + GRACE)


def _reason(codes: list[int | None], pipes: list[Connection]) -> MonkeyVLError:
    """Why processes with these exit codes failed: those first that did not fail because others did."""
    told: list[tuple[int, int, str]] = []  # rank among reasons, exit code, message
    for number, (code, pipe) in enumerate(zip(codes, pipes, strict=True), start=1):
        who = f"process {number} of {len(codes)}"
        if not code:
            continue
        if code < 0:
            message = (
                f"{who} was ended by {signal.Signals(-code).name}; the others were ended, too; {GOES_ON}"
            )
            # gloo and NCCL abort a process that has lost another one
            told.append((2 if code == -signal.SIGABRT else 0, MonkeyVLError.exit_code, message))
            continue
        try:
            message = pipe.recv()
        except EOFError:  # it was asked to end, or a bug, whose traceback is on stderr
            message = ENDED if code == Paused.exit_code else f"{who} failed with exit code {code}"
            told.append((1, code, message))
        else:
            told.append((3 if not message else 2 if LOST in message else 1, code, message))
    _, code, message = min(told)
    kinds = {kind.exit_code: kind for kind in (MonkeyVLError, UsageError, Paused)}
    return kinds.get(code, MonkeyVLError)(message)
