"""What one `monkeyvl ask` takes, stage by stage: `python -m monkeyvl.bench.ask IMAGE QUESTION`."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One process: seconds by the clock, seconds of processor time, peak memory in MB, seconds by stage."""

    wall: float
    cpu: float
    peak: float
    stages: dict[str, float]


def measure(arguments: list[str]) -> Run:
    """Runs `monkeyvl ask ... --json --timing` once."""
    program = "from monkeyvl.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", program, "ask", *arguments, "--json", "--timing"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        raise SystemExit(f"monkeyvl ask {' '.join(arguments)} failed")
    stages = json.loads(output)["timing"]
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, stages)


def table(runs: list[Run]) -> str:
    """Medians as Markdown."""

    def middle(values: list[float]) -> float:
        return statistics.median(values)

    rows = [(stage, middle([run.stages[stage] for run in runs])) for stage in runs[0].stages]
    lines = ["| stage | seconds |", "|---|---|", *(f"| {stage} | {seconds:.2f} |" for stage, seconds in rows)]
    wall, cpu = middle([run.wall for run in runs]), middle([run.cpu for run in runs])
    peak = max(run.peak for run in runs)
    lines.append(f"| **whole process** | {wall:.2f} (processor time {cpu:.2f}, peak memory {peak:.0f} MB) |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", nargs="?", default="examples/receipt.jpg")
    parser.add_argument("question", nargs="?", default="What is the total?")
    parser.add_argument(
        "--runs", type=int, default=5, help="counted runs, after one that warms the disk cache"
    )
    arguments, more = parser.parse_known_args()
    asked = [arguments.image, arguments.question, *more]
    measure(asked)
    print(f"Median of {arguments.runs} runs, {os.cpu_count()} processors.\n")
    print(table([measure(asked) for _ in range(arguments.runs)]))


if __name__ == "__main__":
    main()
