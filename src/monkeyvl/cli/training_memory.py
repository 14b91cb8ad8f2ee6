"""`monkeyvl memory --recipe`: what each process of a training needs, and whether a card holds it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monkeyvl.catalogue import human_bytes
from monkeyvl.errors import MonkeyVLError

if TYPE_CHECKING:
    from monkeyvl.training.memory import Plan, Training, TrainingMemory

CARD = 24  # GB


def run(
    recipe_file: Path,
    model: str | None,
    changes: Sequence[str],
    processes: int,
    shard: str | None,
    offload: bool,
    card: int,
    tokens: int | None,
    answers: int | None,
    as_json: bool,
) -> int:
    """Prints the table; returns 0 if the card holds the training, else 1."""
    try:
        import accelerate  # noqa: F401  as for `monkeyvl finetune`
        import yaml  # noqa: F401
    except ImportError as error:
        raise MonkeyVLError(f"training needs {error.name}: pip install 'monkeyvl[train]'") from None
    from rich.console import Console

    from monkeyvl.cli.train import parsed
    from monkeyvl.training.finetune_recipe import load_finetuning
    from monkeyvl.training.memory import ANSWERS, Plan, Training, begun_config, settled, shape_of

    plan = Plan(processes, shard or ("none" if processes == 1 else "fsdp2"), offload)
    recipe = load_finetuning(recipe_file, {**parsed(changes), **({"model": model} if model else {})})
    config = begun_config(recipe)
    recipe = settled(recipe, config)
    learnt = ANSWERS if answers is None else answers
    training = Training(config, recipe, shape_of(config, recipe, processes, tokens, learnt))
    with Console(stderr=True).status("following one step on tensors without data"):
        memory = training.memory(plan)
        other = training.one_pass(plan.sharded, not training.checkpointing).peak
        verdict = "" if as_json else _verdict(training, plan, memory, card)
    if as_json:
        print(json.dumps(_facts(training, memory, other, card)))
    else:
        _print(training, memory, other)
        print(verdict)
    return 0 if memory.fits(card) else 1


def _print(training: Training, memory: TrainingMemory, other: int) -> None:
    recipe, shape, plan = training.recipe, training.shape, memory.plan
    spread = (
        f"{plan.processes} processes, {plan.shard}" if plan.processes > 1 else f"one process, {plan.shard}"
    )
    print(
        f"{recipe.name}: {recipe.model}, {recipe.method}, {training.learning / 1e6:,.1f} M of "
        f"{training.weights / 1e6:,.1f} M weights learn; {spread}{', offloaded' if plan.offload else ''}"
    )
    image = f"{shape.tiles} tiles" if shape.tiles > 1 else f"{shape.windows[0]} x {shape.windows[1]} windows"
    print(f"at a time {shape.rows} of {shape.tokens} tokens, {image}, {shape.answers} tokens of answers\n")
    rows = [(name, human_bytes(size)) for name, size in memory.gpu.items()]
    rows.append(("  of it kept for the backward pass", human_bytes(memory.one_pass.kept)))
    rows.append(("  of it logits", human_bytes(memory.one_pass.logits)))
    without = "without" if training.checkpointing else "with"
    rows.append((f"  {without} gradient checkpointing", human_bytes(other)))
    rows.append(("each GPU, about", human_bytes(memory.total)))
    if memory.evaluation:
        rows.append(("while it evaluates", human_bytes(memory.evaluation)))
    if memory.plan.offload:
        rows.append(("main memory for each", human_bytes(memory.host)))
    width = max(len(name) for name, _ in rows)
    for name, size in rows:
        print(f"{name.ljust(width)}  {size.rjust(8)}")


def _verdict(training: Training, plan: Plan, memory: TrainingMemory, card: int) -> str:
    """Whether the card holds it, and what would."""
    if memory.fits(card):
        return f"\na card of {card} GB: yes"
    if replace(memory, evaluation=0.0).fits(card):
        return f"\na card of {card} GB: to train, but not to evaluate on the way; try --set hold_out=0"
    from monkeyvl.training.memory import others

    found = [one for one in others(training, plan) if one.fits(card)]
    ways = [
        f"--shard {one.plan.shard}{' --offload' if one.plan.offload else ''} ({human_bytes(one.total)})"
        for one in found
    ]
    if not ways:
        ways = ["--set method=lora" if training.recipe.method == "full" else "fewer --tokens, rows_at_once"]
    return f"\na card of {card} GB: no; try {', '.join(ways)}"


def _facts(training: Training, memory: TrainingMemory, other: int, card: int) -> dict[str, Any]:
    shape, found = training.shape, memory.one_pass
    with_it, without = (found.peak, other) if training.checkpointing else (other, found.peak)
    return {
        "recipe": training.recipe.name,
        "model": training.recipe.model,
        "method": training.recipe.method,
        "weights": training.weights,
        "learning": training.learning,
        "processes": memory.plan.processes,
        "shard": memory.plan.shard,
        "offload": memory.plan.offload,
        "rows": shape.rows,
        "tokens": shape.tokens,
        "answers": shape.answers,
        "gpu_bytes": {name: round(size) for name, size in memory.gpu.items()},
        "host_bytes": round(memory.host),
        "pass_bytes": {
            "checkpointed": with_it,
            "not_checkpointed": without,
            "kept": found.kept,
            "logits": found.logits,
        },
        "total_bytes": round(memory.total),
        "evaluation_bytes": round(memory.evaluation),
        "card_gb": card,
        "fits": memory.fits(card),
    }
