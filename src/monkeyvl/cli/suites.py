"""`monkeyvl evaluate --benchmark` for general benchmarks: lmms-eval asks and scores."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monkeyvl.errors import UsageError

if TYPE_CHECKING:
    from monkeyvl.cli.evaluate import Wanted
    from monkeyvl.evaluation.benchmarks import Benchmark

RESULTS = "lmms-eval.json"


def run(wanted: Wanted, benchmarks: Sequence[Benchmark], out: Path) -> int:
    """Runs the benchmarks one after another; OUT/lmms-eval.json has those that are done.

    Raises:
        UsageError: lmms-eval is missing, a folder that is not there, or options that are not for it.
    """
    assert wanted.data_root
    if wanted.shard or wanted.merge or (wanted.processes or 1) > 1 or wanted.max_new_tokens:
        raise UsageError("shards, processes and answer lengths are lmms-eval's: leave those options out")
    if wanted.adapter:
        raise UsageError(f"--adapter is not for benchmarks through lmms-eval, which {benchmarks[0].name} is")
    if others := [one.name for one in benchmarks if not isinstance(one.loader, str)]:
        raise UsageError(
            f"{others[0]} has a loader of its own, {benchmarks[0].name} runs through lmms-eval: "
            "ask them in two runs"
        )
    try:
        from monkeyvl.evaluation.plugins.lmms import MonkeyVL, run_task
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{benchmarks[0].name} runs through lmms-eval, and {error.name} is not installed; "
            "docs/evaluation.md says how to install lmms-eval"
        ) from None
    from loguru import logger

    from monkeyvl.cropping import Cropping
    from monkeyvl.evaluation.plan import MINIMONKEY, MOST_IMAGE_TOKENS, find_model, installed_versions

    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    source, stated = find_model(wanted.model, wanted.api_model)
    model = MonkeyVL(
        source, wanted.batch_size, wanted.device, wanted.dtype, wanted.cropping, wanted.compression
    )
    out.mkdir(parents=True, exist_ok=True)
    scores: dict[str, Any] = {}
    for one in benchmarks:
        task = str(one.loader).partition(":")[2]
        if wanted.cropping is None and stated.family == MINIMONKEY:
            model.cropping = replace(
                Cropping.parse(one.cropping), max_tokens=MOST_IMAGE_TOKENS, on_overrun="reduce"
            )
        values = run_task(task, wanted.data_root / one.place, model, wanted.limit)
        scores[one.key] = {
            "task": task,
            "cropping": str(model.cropping) if model.cropping else None,
            **values,
            "published": [number.to_dict() for number in one.published],
        }
        report = {
            "scores": scores,
            "run": {
                "model": stated.name,
                "model_sha256": stated.sha256,
                "versions": {**installed_versions(), "lmms-eval": version("lmms_eval")},
                "limit": wanted.limit,
            },
        }
        text = json.dumps(report, indent=2, ensure_ascii=False)
        (out / RESULTS).write_text(text + "\n", encoding="utf-8")
        print(f"{one.key}, {values.pop('n')} questions of {stated.name}")
        for name, value in values.items():
            print(f"  {name} {value:.4f}")
        for (metric, said), numbers in one.published_texts().items():
            print(f"  published ({metric}, {said}): {numbers}")
    print(f"monkeyvl: {out / RESULTS}", file=sys.stderr)
    return 0
