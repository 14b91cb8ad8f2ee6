"""Runs a recipe: stage after stage with transformers' Trainer, resumable; then writes the checkpoint."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PrinterCallback, Trainer, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from monkeyvl.cropping import Cropping
from monkeyvl.data.synthetic import make_sample
from monkeyvl.errors import UsageError
from monkeyvl.training.batch import Collator, SyntheticDataset
from monkeyvl.training.build import build_model, save_checkpoint
from monkeyvl.training.progress import StageProgress
from monkeyvl.training.recipe import Recipe, Stage, load_recipe
from monkeyvl.training.tokenizer import build_tokenizer
from monkeyvl.training.trainee import Trainee

FROZEN = {
    "vision": "model.vision_tower.",
    "projector": "model.multi_modal_projector.",
    "text": "model.language_model.",
}
WEIGHTS = "trainee.pt"


class StageTrainer(Trainer):
    """Trainer whose log lines carry the parts of the loss and the accuracies since the last line."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sums: dict[str, list[Tensor]] = defaultdict(list)  # read when logged: reading waits for a GPU

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
                file.write(json.dumps({"step": self.state.global_step, **logs}) + "\n")
        super().log(logs, *args, **kwargs)


def train(
    recipe_path: str | Path, out: str | Path, resume: bool = False, overrides: dict[str, Any] | None = None
) -> Path:
    """Trains what the recipe says and returns the checkpoint's folder, `out`/checkpoint.

    With `resume` the stages already finished in `out` are skipped and a broken one goes on at its last save;
    without it `out` must be new or empty.

    Raises:
        UsageError: a bad recipe, or `out` holds another run.
    """
    recipe, folder = load_recipe(recipe_path, overrides), Path(out)
    _check(recipe)
    if folder.exists() and any(folder.iterdir()) and not resume:
        raise UsageError(f"{folder} is not empty: --resume continues the run in it, or choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    tokenizer = build_tokenizer()
    model = build_model(recipe.model, tokenizer)
    trainee = Trainee(model)
    for number, stage in enumerate(recipe.stages):
        _run_stage(recipe, stage, trainee, folder / f"{number}-{stage.name}", resume)
    save_checkpoint(model, recipe.model, folder / "checkpoint")
    return folder / "checkpoint"


def _check(recipe: Recipe) -> None:
    """Finds what a late stage would stumble over before the first one starts."""
    for stage in recipe.stages:
        unknown = sorted(set(stage.freeze) - set(FROZEN))
        if unknown:
            raise UsageError(f"stage {stage.name}: freeze {unknown[0]!r}; one of {', '.join(FROZEN)}")
        Cropping.parse(stage.cropping or recipe.model.cropping)
        for source in stage.data:
            make_sample(source.kind, random.Random(0), **source.options)


def _run_stage(recipe: Recipe, stage: Stage, trainee: Trainee, folder: Path, resume: bool) -> None:
    done = folder / WEIGHTS
    if done.is_file():
        try:
            trainee.load_state_dict(torch.load(done, map_location="cpu", weights_only=True))
        except RuntimeError:
            raise UsageError(f"{done} holds weights of other sizes than the recipe's model") from None
        return
    trainee.answer_loss, trainee.character_loss = stage.answer_loss, stage.character_loss
    trainee.token_loss = stage.token_loss
    for name, parameter in trainee.model.named_parameters():
        parameter.requires_grad_(not name.startswith(tuple(FROZEN[part] for part in stage.freeze)))
    on_gpu = torch.cuda.is_available()
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=stage.steps,
        per_device_train_batch_size=stage.batch_size,
        learning_rate=stage.learning_rate,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": stage.min_lr_rate},
        warmup_steps=stage.warmup_steps,
        weight_decay=stage.weight_decay,
        adam_beta2=0.98,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        bf16=on_gpu,
        use_cpu=not on_gpu,
        seed=recipe.seed,
        data_seed=recipe.seed,
        dataloader_num_workers=recipe.workers,
        dataloader_persistent_workers=recipe.workers > 0,
        dataloader_pin_memory=on_gpu,
        remove_unused_columns=False,
        logging_steps=recipe.logging_steps,
        save_steps=stage.save_steps,
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
    )
    trainer = StageTrainer(
        model=trainee,
        args=arguments,
        train_dataset=SyntheticDataset(stage, recipe.seed, stage.steps * stage.batch_size),
        data_collator=Collator(build_tokenizer(), recipe.model, stage),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(StageProgress(stage.name))
    last = get_last_checkpoint(str(folder)) if resume and folder.is_dir() else None
    trainer.train(resume_from_checkpoint=last)
    partial = done.with_name(done.name + ".partial")
    torch.save(trainee.state_dict(), partial)
    partial.replace(done)
