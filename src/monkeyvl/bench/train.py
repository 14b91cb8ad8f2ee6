"""How fast each stage of a recipe trains here: `python -m monkeyvl.bench.train RECIPE.yaml --seconds 20`.

The same model, batches and optimizer as `monkeyvl train`, on a GPU in bfloat16. Says what share of the time
the step waited for data, the arithmetic per second, and how many steps of each stage fit into a time.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import yaml
from torch.utils.data import DataLoader

from monkeyvl.training.batch import Collator
from monkeyvl.training.build import build_model
from monkeyvl.training.recipe import Recipe, Stage, load_recipe
from monkeyvl.training.run import compile_parts, freeze
from monkeyvl.training.samples import StageDataset
from monkeyvl.training.search import step_flops
from monkeyvl.training.tokenizer import build_tokenizer
from monkeyvl.training.trainee import Trainee

# By the card's name, see `peak_of`.
PEAKS = {"H100": 989.0, "H200": 989.0, "A100": 312.0, "L40S": 362.0, "4090": 165.0}
COUNTED = 2  # pictures of a batch whose arithmetic is counted


@dataclass(frozen=True)
class Rate:
    """`steps` took `seconds`, of which the trainer waited `waiting` for batches; `flops` is one step's."""

    steps: int
    seconds: float
    waiting: float
    flops: float
    batch_size: int

    @property
    def pictures(self) -> float:
        """Pictures a second."""
        return self.steps * self.batch_size / self.seconds

    @property
    def tflops(self) -> float:
        """1e12 operations a second."""
        return self.steps * self.flops / self.seconds / 1e12


def measure(recipe: Recipe, stage: Stage, seconds: float, warm: int = 3) -> Rate:
    """Trains a stage's fresh model for about `seconds` after `warm` uncounted steps."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    flops = step_flops(recipe, replace(stage, batch_size=COUNTED)) / COUNTED * stage.batch_size
    tokenizer = build_tokenizer(recipe.model.merges)
    trainee = Trainee(
        build_model(recipe.model, tokenizer), stage.answer_loss, stage.character_loss, stage.token_loss
    ).to(device)
    freeze(trainee, stage)
    if recipe.compile:
        compile_parts(trainee.model)
    optimizer = torch.optim.AdamW([one for one in trainee.parameters() if one.requires_grad], fused=True)
    loader = DataLoader(
        StageDataset(stage, recipe.seed, 10**6, trim=recipe.model.trim),
        batch_size=stage.batch_size,
        collate_fn=Collator(tokenizer, recipe.model, stage),
        num_workers=recipe.workers,
        pin_memory=device.type == "cuda",
    )
    batches = iter(loader)
    for batch in itertools.islice(batches, warm):
        _step(trainee, optimizer, batch, device)
    wait(device)
    started, steps, waiting = time.perf_counter(), 0, 0.0
    while time.perf_counter() - started < seconds or not steps:
        asked = time.perf_counter()
        batch = next(batches)
        waiting += time.perf_counter() - asked
        _step(trainee, optimizer, batch, device)
        steps += 1
        wait(device)
    return Rate(steps, time.perf_counter() - started, waiting, flops, stage.batch_size)


def _step(
    trainee: Trainee, optimizer: torch.optim.Optimizer, batch: Mapping[str, Any], device: torch.device
) -> None:
    moved = {name: value.to(device, non_blocking=True) for name, value in batch.items()}
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        loss = trainee(**moved)["loss"]
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trainee.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


def wait(device: torch.device) -> None:
    """Until a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_of(card: str) -> float | None:
    """Dense bfloat16 arithmetic of a card in 1e12 operations a second; None of an unknown one."""
    return next((value for name, value in PEAKS.items() if name in card), None)


def table(rates: Mapping[str, Rate], minutes: float, peak: float | None) -> Iterator[str]:
    """The rates as markdown; `minutes` is what the last column gives to each stage."""
    share = " | of the card's peak" if peak else ""
    yield f"| stage | pictures/s | steps/s | waiting for data | TFLOP/s{share} | steps in {minutes:g} min |"
    yield "|---" * (7 if peak else 6) + "|"
    for name, rate in rates.items():
        speed = rate.steps / rate.seconds
        cells = [name, f"{rate.pictures:.1f}", f"{speed:.2f}", f"{rate.waiting / rate.seconds:.0%}"]
        cells.append(f"{rate.tflops:.3g}")
        if peak:
            cells.append(f"{rate.tflops / peak:.1%}")
        yield "| " + " | ".join([*cells, f"{60 * minutes * speed:.0f}"]) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each stage")
    parser.add_argument("--minutes", type=float, default=5.0, help="how many steps fit into so many")
    parser.add_argument("--stage", action="append", help="only these")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    pairs = (one.partition("=") for one in arguments.set)
    recipe = load_recipe(arguments.recipe, {key: yaml.safe_load(value) for key, _, value in pairs})
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    peak = peak_of(card)
    rates = {}
    for stage in recipe.stages:
        if not arguments.stage or stage.name in arguments.stage:
            rates[stage.name] = measure(recipe, stage, arguments.seconds)
            print(f"{stage.name}: {rates[stage.name].pictures:.1f} pictures/s", flush=True)
    print(f"\n{card or 'CPU'}, {recipe.workers} processes make pictures, compile={recipe.compile}\n")
    print("\n".join(table(rates, arguments.minutes, peak)))


if __name__ == "__main__":
    main()
