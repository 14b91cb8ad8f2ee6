"""How fast a fine-tuning runs here: `python -m monkeyvl.bench.finetune RECIPE.yaml --data ROWS --steps 20`.

The very trainer of `monkeyvl finetune`, without evaluations and saves; nothing of it is kept. Says what share
of the time the step waited for data, what share of the positions was padding, and the arithmetic per second.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from torch.utils.flop_counter import FlopCounterMode
from transformers.trainer_utils import SaveStrategy

from monkeyvl.bench.train import Rate, peak_of, wait
from monkeyvl.checkpoints import resolve
from monkeyvl.data.streaming import Rows
from monkeyvl.drivers import Cut
from monkeyvl.training.encoding import Example, collate
from monkeyvl.training.finetune import Work, is_small, prepare
from monkeyvl.training.finetune_recipe import Finetuning, load_finetuning
from monkeyvl.training.finetune_score import answer_loss, placed
from monkeyvl.training.finetune_trainer import RowTrainer

WARM = 2  # steps before the clock starts
COUNTED = 4  # rows whose arithmetic is counted


@dataclass(frozen=True)
class Speed:
    """`rate` of all rows; `tokens` of them without what fills batches up, `positions` with it."""

    rate: Rate
    tokens: int
    positions: int

    @property
    def padding(self) -> float:
        """The share of the positions that hold nothing."""
        return 1 - self.tokens / self.positions


class Clocked(RowTrainer):
    """Notes from step `WARM` on how long it waits for batches and what they hold."""

    began = waited = 0.0
    tokens = positions = 0

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> Any:
        wait(self.args.device)
        asked = time.perf_counter()
        found = super().get_batch_samples(epoch_iterator, num_batches, device)
        if self.state.global_step >= WARM:
            self.began = self.began or asked
            self.waited += time.perf_counter() - asked
            for batch in found[0]:
                for one in batch.get("packs", [batch]):
                    self.tokens += own_tokens(one)
                    self.positions += one["input_ids"].numel()
        return found


def own_tokens(batch: dict[str, Any]) -> int:
    """The tokens of a batch's rows, without those that fill it up."""
    if "attention_mask" in batch:
        return int(batch["attention_mask"].sum())
    return int((batch["labels"][0] >= 0).nonzero()[-1]) + 1  # a row ends with the end of its answer


def measure(recipe: Finetuning, data: Path, images: Path | None, device: str | None, steps: int) -> Speed:
    """Trains `steps` steps after `WARM` uncounted ones.

    Args:
        recipe: of the run; its number of steps and its evaluations are left out.
        data, images, device: see `monkeyvl.training.finetune.finetune`.
    """
    folder = resolve(recipe.model)
    recipe = replace(recipe, steps=WARM + steps, epochs=1.0, hold_out=0.0, tensorboard=False)
    recipe = recipe.settled(small=is_small(folder))
    with tempfile.TemporaryDirectory() as out:
        work = prepare(Rows(data, images), folder, Path(out), recipe, None, None, device, Clocked)
        trainer: Any = work.trainer
        trainer.args.save_strategy = SaveStrategy.NO
        flops = row_flops(work) * recipe.batch_size
        trainer.train()
        wait(trainer.args.device)
        seconds = time.perf_counter() - trainer.began
    rate = Rate(steps, seconds, trainer.waited, flops, recipe.batch_size)
    return Speed(rate, trainer.tokens, trainer.positions)


def row_flops(work: Work) -> float:
    """Floating point operations that training on a row takes on average, those done again not counted.

    Forward passes are counted on the first rows, each alone; backward costs as much again for what gradients
    pass through, and once more for the weights that learn.
    """
    model, driver, data = work.model, work.encoder.driver, work.trainer.train_dataset
    examples = [one for one in (data[at] for at in range(COUNTED)) if isinstance(one, Example)]
    attention = model.config._attn_implementation
    model.set_attn_implementation("eager")  # fused attention hides its arithmetic from the counter
    seeing = _forward(lambda one: [driver.encode(Cut(image, ())) for image in one.pixels], examples)
    whole = _forward(lambda one: answer_loss(model, placed(collate([one], 0, 1), model)), examples)
    model.set_attn_implementation(attention)
    text = [one for name, one in model.named_parameters() if "language_model" in name or "lm_head" in name]
    ours = {id(one) for one in text}
    eyes = [one for one in model.parameters() if id(one) not in ours]
    total = (whole - seeing) * (2 + _learning(text)) + seeing * (1 + bool(_learning(eyes)) + _learning(eyes))
    return total / len(examples)


@torch.no_grad()
def _forward(run: Any, examples: Sequence[Example]) -> int:
    with FlopCounterMode(display=False) as counter:
        for one in examples:
            run(one)
    return int(counter.get_total_flops())


def _learning(weights: Sequence[torch.nn.Parameter]) -> float:
    learn = sum(one.numel() for one in weights if one.requires_grad)
    return learn / max(1, sum(one.numel() for one in weights))


def table(speed: Speed, peak: float | None) -> list[str]:
    """The speed as markdown."""
    rate = speed.rate
    cells = {
        "rows/s": f"{rate.pictures:.2f}",
        "tokens/s": f"{speed.tokens / rate.seconds:.0f}",
        "waiting for data": f"{rate.waiting / rate.seconds:.1%}",
        "padding": f"{speed.padding:.1%}",
        "TFLOP/s": f"{rate.tflops:.3g}",
    }
    if peak:
        cells["of the card's peak"] = f"{rate.tflops / peak:.1%}"
    lines = [list(cells), ["---"] * len(cells), list(cells.values())]
    return ["| " + " | ".join(line) + " |" for line in lines]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", nargs="?", type=Path, help="default: the usual settings")
    parser.add_argument("--data", type=Path, required=True, metavar="ROWS")
    parser.add_argument("--images", type=Path, metavar="DIR")
    parser.add_argument("--device", metavar="cpu|cuda")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    pairs = (one.partition("=") for one in given.set)
    recipe = load_finetuning(given.recipe, {key: yaml.safe_load(value) for key, _, value in pairs})
    speed = measure(recipe, given.data, given.images, given.device, given.steps)
    on_gpu = torch.cuda.is_available() and given.device != "cpu"
    card = torch.cuda.get_device_name() if on_gpu else ""
    print(f"\n{card or 'CPU'}, {recipe.workers} processes read rows, pack={recipe.pack}\n")
    print("\n".join(table(speed, peak_of(card))))


if __name__ == "__main__":
    main()
