"""`monkeyvl evaluate`: asks a model the questions of sets with ground truth, and scores its answers."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from monkeyvl.cli.rows import Progress
from monkeyvl.errors import UsageError

if TYPE_CHECKING:
    from monkeyvl.evaluation.benchmarks import Benchmark
    from monkeyvl.evaluation.runner import Row, Run
    from monkeyvl.evaluation.sets import Selection
    from monkeyvl.generation import Engine

COMPARISON = "compare.json"


@dataclass(frozen=True)
class Wanted:
    """The options of the command."""

    data: Path | None
    benchmark: str | None
    data_root: Path | None
    out: Path | None
    compare: tuple[Path, Path] | None
    model: str | None
    api_model: str | None
    adapter: Path | None
    device: str | None
    dtype: str | None
    limit: int | None
    tasks: str | None
    split: str
    cropping: str | None
    compression: float
    batch_size: int
    max_new_tokens: int | None
    processes: int | None
    shard: str | None
    merge: bool


def run(wanted: Wanted) -> int:
    """Evaluates or compares; returns the exit code."""
    if wanted.compare:
        return _compare(wanted.compare, wanted.out)
    if (wanted.data is None and wanted.benchmark is None) or wanted.out is None:
        raise UsageError(
            "evaluate needs --data FOLDER and --out FOLDER, or --benchmark NAME, --data-root DIR and "
            "--out FOLDER, or --compare A B, or --list"
        )
    if wanted.benchmark is not None:
        if wanted.data is not None:
            raise UsageError("--data and --benchmark are two runs: leave out one of them")
        if wanted.data_root is None:
            raise UsageError(
                f"--benchmark {wanted.benchmark} needs --data-root DIR, the folder of its folder"
            )
        if wanted.tasks or wanted.split != "score":
            raise UsageError("--tasks and --split are for --data: a benchmark has one task and one split")
        if any(isinstance(benchmark.loader, str) for benchmark in _benchmarks(wanted)):
            from monkeyvl.cli import suites

            return suites.run(wanted, _benchmarks(wanted), wanted.out)
    elif wanted.data_root is not None:
        raise UsageError("--data-root is for --benchmark")
    return _evaluate(wanted, wanted.out)


def _evaluate(wanted: Wanted, out: Path) -> int:
    from rich.console import Console

    from monkeyvl.evaluation.html import PAGE, write_page
    from monkeyvl.evaluation.plan import parse_shard
    from monkeyvl.evaluation.processes import Alive, launched, wait_for_others
    from monkeyvl.evaluation.report import REPORT, make_report, print_report, write_report
    from monkeyvl.evaluation.runner import Run

    shard = parse_shard(wanted.shard)
    if shard and wanted.merge:
        raise UsageError("--merge puts all shards together: leave out --shard")
    place = None if shard or wanted.merge else launched()
    if wanted.processes is not None:
        if wanted.processes < 1:
            raise UsageError(f"--processes is {wanted.processes}; it must be at least 1")
        if shard or wanted.merge or place:
            raise UsageError("--processes starts all parts: leave out --shard, --merge and a launcher")
    work, selection, load = _prepare(wanted, out, shard or place)
    if wanted.merge:
        rows = work.merge()
    elif wanted.processes and wanted.processes > 1:
        rows = _in_processes(wanted, wanted.processes, work)
    else:
        with Alive(out, place) if place else nullcontext(), _told(work, not place or place[0] == 1) as tell:
            rows = work.answer(load, tell)
        if place and place[0] == 1:
            work = Run(work.examples, work.conditions, out)
            wait_for_others(work, place)
            rows = work.merge()
        elif own := shard or place:
            print(f"monkeyvl: {len(rows)} rows of shard {own[0]}/{own[1]}: {work.file}", file=sys.stderr)
            return 0
    report = make_report(rows, selection.skipped, wanted.split, _benchmarks(wanted))
    report["run"] |= {"command": _command(wanted), "limit": wanted.limit}
    write_report(report, out)
    write_page(rows, selection.examples, report, out / PAGE)
    print_report(report, Console())
    print(f"monkeyvl: {work.file}, {out / REPORT}, {out / PAGE}", file=sys.stderr)
    return 0


def _prepare(
    wanted: Wanted, out: Path, shard: tuple[int, int] | None
) -> tuple[Run, Selection, Callable[[], Engine]]:
    """What one process does, what it is part of, and how its model is loaded."""
    from monkeyvl.evaluation.plan import Conditions, find_model
    from monkeyvl.evaluation.runner import Run

    source, model = find_model(wanted.model, wanted.api_model, wanted.adapter)
    conditions = Conditions(
        model,
        wanted.cropping,
        wanted.compression,
        wanted.batch_size,
        wanted.max_new_tokens,
        device=wanted.device,
        dtype=wanted.dtype,
    )
    selection = _select(wanted)

    def load() -> Engine:
        from monkeyvl.assistant import load as load_assistant
        from monkeyvl.evaluation.processes import own_device
        from monkeyvl.remote import is_service

        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
        warnings.simplefilter("ignore")
        device = wanted.device if is_service(source) else own_device(wanted.device)
        return load_assistant(source, device, wanted.dtype, adapter=wanted.adapter).engine

    return Run(selection.examples, conditions, out, shard), selection, load


def _benchmarks(wanted: Wanted) -> list[Benchmark]:
    from monkeyvl.evaluation.benchmarks import find_benchmarks

    return find_benchmarks(wanted.benchmark) if wanted.benchmark is not None else []


def _select(wanted: Wanted) -> Selection:
    from monkeyvl.evaluation.benchmarks import select_benchmarks
    from monkeyvl.evaluation.sets import select

    if wanted.data_root is not None:
        selection = select_benchmarks(_benchmarks(wanted), wanted.data_root, wanted.limit)
        what = f"{wanted.benchmark} has no rows"
    else:
        assert wanted.data
        tasks = [task.strip() for task in (wanted.tasks or "").split(",") if task.strip()]
        selection = select(wanted.data, tasks, wanted.limit, wanted.split)
        what = f"{wanted.data} has no rows in the split {wanted.split!r}"
    if not selection.examples:
        raise UsageError(f"nothing to ask: {what} that can be scored")
    return selection


def _command(wanted: Wanted) -> str:
    """The command that asks the same again; folders and models are named as they are to be replaced."""
    words = ["monkeyvl evaluate"]
    if wanted.benchmark:
        words += [f"--benchmark {wanted.benchmark}", "--data-root DIR"]
    else:
        words.append("--data FOLDER")
    words.append("--out OUT")
    if wanted.model is not None:
        words.append(f"--model {'MODEL' if Path(wanted.model).exists() else wanted.model}")
    if wanted.adapter:
        words.append("--adapter ADAPTER")
    defaults = {"split": "score", "compression": 0.0, "batch_size": 8}
    names = "limit tasks split cropping compression batch_size max_new_tokens device dtype".split()
    for name in names:
        value = getattr(wanted, name)
        if value != defaults.get(name):
            words.append(f"--{name.replace('_', '-')} {value}")
    return " ".join(words)


def _in_processes(wanted: Wanted, count: int, work: Run) -> list[Row]:
    from monkeyvl.evaluation.processes import run_processes

    shards = [(i, count) for i in range(1, count + 1)]
    if work.left():
        with _told(work, True) as tell:
            run_processes(
                work,
                count,
                partial(_work, wanted),
                lambda: tell(sum(map(work.written, shards)), ""),
                lambda message: print(f"monkeyvl: {message}", file=sys.stderr),
            )
    return work.merge()


def _work(wanted: Wanted, shard: tuple[int, int]) -> None:
    """Answers a shard in a process that another one has started."""
    assert wanted.out
    work, _, load = _prepare(wanted, wanted.out, shard)
    work.answer(load)


@contextmanager
def _told(work: Run, shown: bool) -> Iterator[Callable[[int, str], None]]:
    """A progress bar, and the function that is called with the number of rows done and the next image."""
    with Progress(sum(len(batch.examples) for batch in work.batches), shown) as progress:
        told = 0

        def tell(done: int, image: str) -> None:
            nonlocal told
            progress.at(image)
            for _ in range(done - told):
                progress.advance()
            told = max(told, done)

        yield tell


def _compare(folders: tuple[Path, Path], out: Path | None) -> int:
    from rich.console import Console

    from monkeyvl.evaluation.compare import compare_runs, print_comparison, read_run

    comparison = compare_runs(read_run(folders[0]), read_run(folders[1]))
    if out:
        out.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"runs": [str(folder) for folder in folders], **comparison}, indent=2)
        (out / COMPARISON).write_text(text + "\n", encoding="utf-8")
    print_comparison(comparison, Console())
    return 0
