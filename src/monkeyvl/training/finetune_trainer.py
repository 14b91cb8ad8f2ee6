"""The trainer of a fine-tuning, and what it evaluates and notes on the way."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from accelerate import DistributedType
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from transformers import TrainerCallback

from monkeyvl.data.streaming import Loaded
from monkeyvl.errors import MonkeyVLError
from monkeyvl.training.encoding import RowEncoder
from monkeyvl.training.finetune_recipe import Finetuning
from monkeyvl.training.finetune_rows import good_batches
from monkeyvl.training.finetune_score import (
    Score,
    answer_loss,
    first_answer,
    joined,
    majority,
    placed,
    score,
)
from monkeyvl.training.packing import silent
from monkeyvl.training.processes import from_all, own_share, with_whole_weights, zero3
from monkeyvl.training.saving import AtomicTrainer

LOG, EVENTS = "log.jsonl", "tensorboard"


class RowTrainer(AtomicTrainer):
    """Trainer over `TrainingRows` in their own order; the loss is the mean over a step's answers' tokens."""

    recipe: Finetuning
    steps: int

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return torch.utils.data.SequentialSampler(self.train_dataset)

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> Any:
        return super().get_batch_samples(good_batches(epoch_iterator), num_batches, device)

    def training_step(
        self, model: Any, inputs: dict[str, Any], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        if "packs" not in inputs:
            return super().training_step(model, inputs, num_items_in_batch)
        *others, last = self._as_many_everywhere(inputs["packs"])
        gradients = self.accelerator.gradient_state
        wanted, lost = gradients.sync_gradients, torch.zeros((), device=self.args.device)
        deepspeed = self.accelerator.distributed_type == DistributedType.DEEPSPEED  # goes by the state alone
        for one in others:
            gradients._set_sync_gradients(False)
            with nullcontext() if deepspeed else self.accelerator.no_sync(model):
                lost += super().training_step(model, one, num_items_in_batch)
        gradients._set_sync_gradients(wanted)
        return lost + super().training_step(model, last, num_items_in_batch)

    def _as_many_everywhere(self, packs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Processes that share weights or gradients must all take equally many steps."""
        if self.accelerator.num_processes == 1:
            return packs
        count = torch.tensor([len(packs)], device=self.args.device)
        missing = int(self.accelerator.gather(count).max()) - len(packs)
        shortest = min(packs, key=lambda one: one["labels"].shape[1])
        return [*packs, *[silent(shortest)] * missing]

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> LambdaLR:
        rate = partial(rate_at, self.recipe, self.steps)
        self.lr_scheduler = LambdaLR(optimizer or self.optimizer, rate)
        return self.lr_scheduler

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        own = self.accelerator.unwrap_model(model)
        total, count = answer_loss(model, placed(inputs, own))
        if num_items_in_batch is None:
            loss = total / count.clamp(min=1)
        else:  # over all processes, whose gradients are averaged
            loss = total * self.accelerator.num_processes / num_items_in_batch
        return (loss, {}) if return_outputs else loss

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        if "loss" in logs and self.is_world_process_zero():
            note(Path(self.args.output_dir), {"step": self.state.global_step, **logs})
        super().log(logs, *args, **kwargs)


class Evaluation(TrainerCallback):
    """Evaluates `every` so many steps and at the end, `at_once` rows at a time; tells and notes the scores.

    `writer` is TensorBoard's, which gets them besides.
    """

    def __init__(
        self,
        model: Any,
        encoder: RowEncoder,
        name: str,
        rows: Sequence[Loaded],
        out: Path,
        at_once: int,
        every: int,
        steps: int,
        writer: Any = None,
    ) -> None:
        self.model, self.encoder, self.name, self.rows, self.out = model, encoder, name, rows, out
        self.at_once, self.every, self.steps, self.writer = at_once, every, steps, writer

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 0:
            self._now(state, kwargs["model"], kwargs["optimizer"])

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step % self.every == 0 or state.global_step == self.steps:
            self._now(state, kwargs["model"], kwargs["optimizer"])

    def _now(self, state: Any, trained: Any, optimizer: Any) -> None:
        alike = zero3()  # all processes do the same, as each call of a layer is one of all
        rows = self.rows if alike else own_share(self.rows)
        found = with_whole_weights(
            trained, lambda: score(self.model, self.encoder, self.name, rows, self.at_once)
        )
        if alike:
            # Small weights stay gathered, and none can be trained that was gathered in inference mode.
            optimizer.optimizer.empty_partition_cache()
        else:
            found = joined(from_all(found))
        if state.is_world_process_zero:
            self._tell(state.global_step, found)

    def _tell(self, step: int, found: Score) -> None:
        facts = {"step": step, "held_out_loss": round(found.loss, 4), "exact_match": round(found.exact, 4)}
        said = (
            f"step {step}: held-out loss {found.loss:.3f}, exact match {found.exact:.1%} of {len(self.rows)}"
        )
        if step == 0:
            answer, share = majority([first_answer(self.encoder, row) for row in self.rows])
            facts["majority"] = round(share, 4)
            said += f"; always saying {answer[:30]!r}: {share:.1%}"
        print(said, file=sys.stderr, flush=True)
        note(self.out, facts)
        if self.writer:
            for name in ("held_out_loss", "exact_match"):
                self.writer.add_scalar(f"eval/{name}", facts[name], step)


def need_tensorboard() -> None:
    """Raises MonkeyVLError with the way to install it where tensorboard is missing."""
    if find_spec("tensorboard") is None:
        raise MonkeyVLError("event files need tensorboard: pip install 'monkeyvl[train]'")


def event_writer(out: Path, first: int | None) -> Any:
    """TensorBoard's writer in a run's folder; what it holds from the step `first` on is done again."""
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(out / EVENTS), purge_step=first)


def note(out: Path, facts: dict[str, Any]) -> None:
    """Adds a line to the run's log."""
    with (out / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(facts, ensure_ascii=False) + "\n")


def rate_at(recipe: Finetuning, steps: int, step: int) -> float:
    """The share of the learning rate at a step."""
    rising = (step + 1) / max(1, recipe.warmup_steps)
    done = min(1.0, max(0, step - recipe.warmup_steps) / max(1, steps - recipe.warmup_steps))
    falling = recipe.min_lr_rate + (1 - recipe.min_lr_rate) * (1 + math.cos(math.pi * done)) / 2
    return min(1.0, rising) * falling
