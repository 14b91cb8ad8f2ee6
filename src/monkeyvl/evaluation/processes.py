"""One run in several processes: started here, or by torchrun or accelerate.

Each process answers a shard of the batches into a file of its own. Here the starter puts the shards together;
under a launcher the first process does, once the others' files are complete. It sees from a file that each
process touches while it lives whether waiting still makes sense.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType

from monkeyvl.errors import MonkeyVLError, UsageError
from monkeyvl.evaluation.runner import Run, part_name

BEAT = 1.0  # seconds between two touches
PATIENCE = 60.0  # seconds without a touch after which a process counts as ended
AGAIN = "run the same command again, it goes on from there"

Shard = tuple[int, int]


def launched(environ: Mapping[str, str] = os.environ) -> Shard | None:
    """This process's shard under torchrun or accelerate (RANK, WORLD_SIZE); None where it runs alone."""
    try:
        rank, count = int(environ.get("RANK", "0")), int(environ.get("WORLD_SIZE", "1"))
    except ValueError:
        raise UsageError(
            f"RANK {environ['RANK']!r}, WORLD_SIZE {environ['WORLD_SIZE']!r}: no numbers"
        ) from None
    if count <= 1:
        return None
    if not 0 <= rank < count:
        raise UsageError(f"RANK is {rank}; it must be at least 0 and below WORLD_SIZE, {count}")
    return rank + 1, count


def own_device(device: str | None) -> str | None:
    """The GPU of this process, by LOCAL_RANK, where none in particular is wanted and there are any."""
    rank = os.environ.get("LOCAL_RANK")
    if rank is None or device not in (None, "cuda"):
        return device
    from torch import cuda

    return f"cuda:{int(rank) % cuda.device_count()}" if cuda.is_available() else device


class Alive:
    """Touches a file beside the shard's while the process works on it, and removes it at the end."""

    def __init__(self, out: Path, shard: Shard) -> None:
        self.file = alive_file(out, shard)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Alive:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()
        self.file.unlink(missing_ok=True)

    def _beat(self) -> None:
        while True:
            self.file.touch()
            if self._end.wait(BEAT):
                return


def alive_file(out: Path, shard: Shard) -> Path:
    """The file that a living process touches."""
    return (out / part_name(*shard)).with_suffix(".alive")


def wait_for_others(run: Run, shard: Shard, patience: float = PATIENCE) -> None:
    """Waits until the files of all other shards are complete.

    Args:
        run: the run.
        shard: that of this process, which is done.
        patience: seconds after which a process without a sign of life counts as ended.

    Raises:
        MonkeyVLError: processes ended before their rows were complete.
    """
    count = shard[1]
    left = [(i, count) for i in range(1, count + 1) if i != shard[0]]
    seen: dict[Shard, tuple[int, float]] = {}  # the last sign of life, and when it was noticed
    ended: list[Shard] = []
    while left:
        for other in list(left):
            sign, now = _sign(run.out, other), time.monotonic()
            known, since = seen.setdefault(other, (sign, now))
            # the rows are counted after the look for life: a process removes its sign after its last row
            if run.written(other) >= run.expected(other):
                left.remove(other)
            elif sign and sign != known:
                seen[other] = sign, now
            elif (known and not sign) or now - since > patience:
                left.remove(other)
                ended.append(other)
        if left:
            time.sleep(min(BEAT, patience / 4))
    if ended:
        told = ", ".join(
            f"process {i} of {n} with {run.written((i, n))} of {run.expected((i, n))} rows" for i, n in ended
        )
        raise MonkeyVLError(f"ended too early: {told}; {AGAIN}")


def _sign(out: Path, shard: Shard) -> int:
    """When the process last touched its file; 0 where there is none."""
    try:
        return alive_file(out, shard).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def run_processes(
    run: Run,
    count: int,
    work: Callable[[Shard], None],
    tell: Callable[[], None] = lambda: None,
    warn: Callable[[str], None] = lambda message: None,
) -> None:
    """Starts `count` processes on this machine and waits for all of them.

    One that fails does not stop the others. They end with the process that started them.

    Args:
        run: the whole run.
        count: number of processes; the cores are shared out among them, GPUs taken by LOCAL_RANK.
        work: answers a shard in a process of its own (picklable).
        tell: called about every second.
        warn: called at once with one line for each process that fails.

    Raises:
        MonkeyVLError: processes failed (UsageError where the first did for being used wrongly).
    """
    context = multiprocessing.get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // count)
    shards = [(i, count) for i in range(1, count + 1)]
    workers, pipes = {}, {}
    try:
        with starting():
            for shard in shards:
                pipes[shard], theirs = context.Pipe(duplex=False)
                worker = context.Process(target=child, args=(work, shard, threads, theirs), daemon=True)
                worker.start()
                theirs.close()
                workers[shard] = worker
        failed: list[tuple[int, str]] = []
        left = dict(workers)
        while left:
            wait([worker.sentinel for worker in left.values()], BEAT)
            tell()
            for shard, worker in list(left.items()):
                if worker.exitcode is None:
                    continue
                del left[shard]
                if worker.exitcode == -signal.SIGINT:  # Ctrl-C, whoever of all notices it first
                    raise KeyboardInterrupt
                if worker.exitcode:
                    code, message = _failure(worker.exitcode, pipes[shard])
                    failed.append((code, f"process {shard[0]} of {count} {message}"))
                    if left:
                        warn(f"{failed[-1][1]}; the others go on")
    finally:
        for worker in workers.values():
            worker.terminate()
        for worker in workers.values():
            worker.join()
    if failed:
        code, message = failed[0]
        kind = UsageError if code == UsageError.exit_code else MonkeyVLError
        rows = sum(map(run.written, shards))
        raise kind(f"{message} ({rows} of {len(run.examples)} rows are there); {AGAIN}")


def _failure(code: int, pipe: Connection) -> tuple[int, str]:
    """The exit code of a failed process, and what became of it."""
    if code < 0:
        return 1, f"was ended by {signal.Signals(-code).name}"
    try:
        return code, f"failed: {pipe.recv()}"
    except EOFError:  # a bug, whose traceback is on stderr
        return code, f"failed with exit code {code}"


@contextmanager
def starting(*others: signal.Signals) -> Iterator[None]:
    """Within, Ctrl-C waits: here until the end, in processes that are started until `child` takes it.

    One that is still importing would else print a traceback. So do `others`, which `work` has to take.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # its start lets signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *others})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def child(work: Callable[[Shard], None], shard: Shard, threads: int, pipe: Connection) -> None:
    """What a process that was started here does: its shard's work, and to send what it failed of.

    It ends with the process that started it.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches every process; one message is enough
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # see `starting`
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    os.environ["LOCAL_RANK"] = str(shard[0] - 1)
    try:
        work(shard)
    except MonkeyVLError as error:
        pipe.send(str(error))
        sys.exit(error.exit_code)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    wait([parent.sentinel])
    os._exit(1)
