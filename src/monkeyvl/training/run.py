"""Runs a recipe: stage after stage with transformers' Trainer, resumable; then writes the checkpoint."""

from __future__ import annotations

import json
import math
import shutil
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from transformers import PrinterCallback, TrainerCallback, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from monkeyvl.cropping import Cropping
from monkeyvl.errors import Paused, UsageError
from monkeyvl.training.batch import Collator
from monkeyvl.training.build import build_model, save_checkpoint
from monkeyvl.training.carry import Place, load_carry, read_place, save_carry
from monkeyvl.training.processes import agreed
from monkeyvl.training.progress import StageProgress
from monkeyvl.training.recipe import Recipe, Stage, load_recipe
from monkeyvl.training.samples import StageDataset
from monkeyvl.training.saving import AtomicTrainer
from monkeyvl.training.start import start_from
from monkeyvl.training.tokenizer import build_tokenizer
from monkeyvl.training.trainee import Trainee

PARTS = {
    "vision": "model.vision_tower.",
    "projector": "model.multi_modal_projector.",
    "text": "model.language_model.",
}
WEIGHTS, BEGUN = "trainee.pt", "begun.json"
WARM_AGAIN = 50  # steps of rising rate where a stage goes on with a new optimizer


class Pause(TrainerCallback):
    """Ends a run at a save, `minutes` after its start or when the process is asked to terminate."""

    def __init__(self, minutes: float | None) -> None:
        self.end = time.monotonic() + 60 * minutes if minutes else math.inf
        self.asked = False

    @property
    def due(self) -> bool:
        return self.asked or time.monotonic() >= self.end

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if agreed(self.due, args.device):
            control.should_save = control.should_training_stop = True

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within, SIGTERM asks for a pause instead of ending the process."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def asked(number: int, frame: FrameType | None) -> None:
            self.asked = True

        before = signal.signal(signal.SIGTERM, asked)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)


class StageTrainer(AtomicTrainer):
    """Trainer whose log lines carry the parts of the loss and the accuracies since the last line.

    `first` is the step of the stage at which this trainer begins; its rate goes on from there.
    """

    def __init__(self, stage: Stage, first: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stage, self.first = stage, first
        self._sums: dict[str, list[Tensor]] = defaultdict(list)  # read when logged: reading waits for a GPU

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> LambdaLR:
        scheduler = LambdaLR(optimizer or self.optimizer, lambda step: rate_at(self.stage, self.first, step))
        self.lr_scheduler = scheduler
        return scheduler

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> Any:
        results = model(**inputs)
        for name, value in results.items():
            if name != "loss":
                self._sums[name].append(value.detach())
        return (results["loss"], results) if return_outputs else results["loss"]

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        if "loss" in logs:
            # A batch without a character has no accuracy: its mean over nothing is left out.
            logs |= {name: round(float(torch.stack(v).nanmean()), 4) for name, v in self._sums.items()}
            self._sums.clear()
            with (Path(self.args.output_dir) / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": self.first + self.state.global_step, **logs}) + "\n")
        super().log(logs, *args, **kwargs)


def rate_at(stage: Stage, first: int, step: int) -> float:
    """The share of the stage's learning rate at `step` steps after `first`."""
    warmup = min(stage.warmup_steps, WARM_AGAIN) if first else stage.warmup_steps
    done = min(1.0, max(0, first + step - stage.warmup_steps) / max(1, stage.steps - stage.warmup_steps))
    falling = stage.min_lr_rate + (1 - stage.min_lr_rate) * (1 + math.cos(math.pi * done)) / 2
    return min(1.0, step / max(1, warmup)) * falling


def train(
    recipe_path: str | Path,
    out: str | Path,
    resume: bool = False,
    overrides: dict[str, Any] | None = None,
    minutes: float | None = None,
    carry: str | Path | None = None,
) -> Path:
    """Trains what the recipe says and returns the checkpoint's folder, `out`/checkpoint.

    Args:
        recipe_path: a recipe's YAML file.
        out: a folder for the run; with `resume` it may hold a run, whose finished stages are skipped and
            whose broken one goes on at its last save. Without it, it must be new or empty.
        overrides: single values of the recipe, see `load_recipe`.
        minutes: after so many the run saves itself and ends.
        carry: a folder of small files for a run that goes on at another place (`monkeyvl.training.carry`):
            written when the run ends, read by one with `resume` whose `out` knows less.

    Raises:
        UsageError: a bad recipe, or `out` holds another run.
        Paused: the run is not at its end.
    """
    recipe, folder = load_recipe(recipe_path, overrides), Path(out)
    _check(recipe)
    if folder.exists() and any(folder.iterdir()) and not resume:
        raise UsageError(f"{folder} is not empty: --resume continues the run in it, or choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    tokenizer = build_tokenizer(recipe.model.merges)
    model = build_model(recipe.model, tokenizer)
    if recipe.start:
        prefixes = tuple(PARTS[part] for part in recipe.start_parts) or ("",)
        if fresh := start_from(model, tokenizer, recipe.start, prefixes):
            note = f"{recipe.start} has no weights of these sizes, which start at random: {', '.join(fresh)}"
            print(note, file=sys.stderr)
    trainee = Trainee(model)
    folders = [folder / f"{number}-{stage.name}" for number, stage in enumerate(recipe.stages)]
    place, elsewhere = Place(), False
    if resume:
        place = max(_saved(number, inside) for number, inside in enumerate(folders))
        carried = read_place(Path(carry)) if carry else None
        if elsewhere := carried is not None and carried > place:
            place = carried or place
            load_carry(trainee, Path(carry or ""))
        else:
            _load_finished(trainee, folders[: place.stage])
    if recipe.compile:
        compile_parts(model)
    pause = Pause(minutes)
    with pause.listening():
        for number, (stage, inside) in enumerate(zip(recipe.stages, folders, strict=True)):
            first = place.step if elsewhere and number == place.stage else 0
            if number < place.stage or first >= stage.steps:
                continue
            done = _run_stage(recipe, stage, trainee, inside, first, pause)
            if carry and (done < stage.steps or number + 1 == len(recipe.stages)):
                save_carry(trainee, Place(number, done), Path(carry))
            if done < stage.steps:
                place_in_stage = f"stage {stage.name} at step {done} of {stage.steps}"
                raise Paused(f"{folder}: paused in {place_in_stage}; --resume goes on")
    save_checkpoint(model, recipe.model, folder / "checkpoint")
    return folder / "checkpoint"


def _check(recipe: Recipe) -> None:
    """Finds what a late stage would stumble over before the first one starts."""
    _check_parts("recipe: start_parts", recipe.start_parts)
    for stage in recipe.stages:
        _check_parts(f"stage {stage.name}: freeze", stage.freeze)
        Cropping.parse(stage.cropping or recipe.model.cropping)
        if stage.steps:
            StageDataset(stage, recipe.seed, 1)


def _check_parts(where: str, names: Sequence[str]) -> None:
    unknown = sorted(set(names) - set(PARTS))
    if unknown:
        raise UsageError(f"{where} {unknown[0]!r}; one of {', '.join(PARTS)}")


def _saved(number: int, folder: Path) -> Place:
    """How far the run in a stage's folder got."""
    if (folder / WEIGHTS).is_file():
        return Place(number + 1)
    last = get_last_checkpoint(str(folder)) if folder.is_dir() else None
    return Place(number, _begun(folder) + int(last.rpartition("-")[2])) if last else Place()


def _begun(folder: Path) -> int:
    """The step of the stage at which its folder begins: not 0 where the stage began elsewhere."""
    file = folder / BEGUN
    return int(json.loads(file.read_text(encoding="utf-8"))["step"]) if file.is_file() else 0


def _load_finished(trainee: Trainee, folders: Sequence[Path]) -> None:
    """The weights of the last finished stage that has any; stages without steps have none."""
    for file in (folder / WEIGHTS for folder in reversed(folders)):
        if file.is_file():
            try:
                trainee.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
            except RuntimeError:
                raise UsageError(f"{file} holds weights of other sizes than the recipe's model") from None
            return


def compile_parts(model: Any) -> None:
    """Tower and decoder of any kind of model through torch.compile, for batches of all sizes."""
    inner = model.model
    # The tower's output is looked at by a hook, which stays outside what is compiled. Monkey's windows are
    # cut and put together between its blocks.
    tower = [inner.vision_tower.encoder] if hasattr(inner, "vision_tower") else inner.visual.blocks
    for module in (*tower, inner.language_model):
        module.compile(dynamic=True)


def freeze(trainee: Trainee, stage: Stage) -> None:
    """Lets all parameters learn but those of the parts that the stage freezes."""
    for name, parameter in trainee.model.named_parameters():
        parameter.requires_grad_(not name.startswith(tuple(PARTS[part] for part in stage.freeze)))


def _run_stage(recipe: Recipe, stage: Stage, trainee: Trainee, folder: Path, first: int, pause: Pause) -> int:
    """Trains one stage from step `first` or from its folder's last save; returns the steps that are done."""
    last = get_last_checkpoint(str(folder)) if folder.is_dir() else None
    if first:
        last = None
        folder.mkdir(parents=True, exist_ok=True)
        for older in folder.glob("checkpoint-*"):
            # It would pass for a save of this run, and counts its steps from another one.
            shutil.rmtree(older)
        (folder / BEGUN).write_text(json.dumps({"step": first}) + "\n", encoding="utf-8")
    first = _begun(folder)
    trainee.answer_loss, trainee.character_loss = stage.answer_loss, stage.character_loss
    trainee.token_loss = stage.token_loss
    freeze(trainee, stage)
    on_gpu = torch.cuda.is_available()
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=stage.steps - first,
        per_device_train_batch_size=stage.batch_size,
        learning_rate=stage.learning_rate,
        weight_decay=stage.weight_decay,
        adam_beta2=0.98,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        bf16=on_gpu,
        tf32=on_gpu or None,
        use_cpu=not on_gpu,
        seed=recipe.seed,
        data_seed=recipe.seed,
        dataloader_num_workers=recipe.workers,
        dataloader_persistent_workers=recipe.workers > 0,
        dataloader_pin_memory=on_gpu,
        remove_unused_columns=False,
        logging_steps=recipe.logging_steps,
        save_steps=stage.save_steps,
        report_to=[],
        disable_tqdm=True,
    )
    length = (stage.steps - first) * stage.batch_size
    trainer = StageTrainer(
        stage,
        first,
        model=trainee,
        args=arguments,
        train_dataset=StageDataset(
            stage, recipe.seed, length, trim=recipe.model.trim, first=first * stage.batch_size
        ),
        data_collator=Collator(build_tokenizer(recipe.model.merges), recipe.model, stage),
        callbacks=[pause],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(StageProgress(stage.name, first, stage.steps))
    trainer.train(resume_from_checkpoint=last)
    done = first + int(trainer.state.global_step)
    if done >= stage.steps:
        partial = folder / (WEIGHTS + ".partial")
        torch.save(trainee.state_dict(), partial)
        partial.replace(folder / WEIGHTS)
    return done
