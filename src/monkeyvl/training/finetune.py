"""Fits a checkpoint to one's own rows: LoRA or whole, evaluated on rows held out, resumable."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from monkeyvl.adapters import need_peft
from monkeyvl.checkpoints import family_of, kind_of, name_of, resolve
from monkeyvl.data.streaming import Rows
from monkeyvl.devices import find_device
from monkeyvl.drivers import driver_for
from monkeyvl.errors import Paused, UsageError
from monkeyvl.loading import load_folder, quietly
from monkeyvl.training.encoding import RowEncoder
from monkeyvl.training.finetune_recipe import Finetuning
from monkeyvl.training.finetune_rows import collated, row_length, split_rows, usable_rows
from monkeyvl.training.finetune_trainer import SAVES, Evaluation, RowTrainer
from monkeyvl.training.order import TrainingRows
from monkeyvl.training.parts import chosen_parts, freeze_others, linear_layers
from monkeyvl.training.progress import StageProgress
from monkeyvl.training.run import Pause
from monkeyvl.training.saving import appearing

RUN = "finetune.json"
SMALL = 100_000_000  # parameters below which a checkpoint is trained whole unless told otherwise
ENDLESS = 10**9
# Settings that a run may change when it goes on.
FREE = frozenset(("skip_bad", "workers", "rows_at_once", "save_steps"))


def finetune(
    data: Path,
    out: Path,
    recipe: Finetuning,
    resume: bool = False,
    images: Path | None = None,
    evaluation: Path | None = None,
    splits: Path | None = None,
    device: str | None = None,
    minutes: float | None = None,
) -> Path:
    """Trains and returns the folder of the result: `out`/adapter or `out`/checkpoint.

    Args:
        data: a JSONL file of rows (image, question, answer) or the folder of a built mixture.
        out: of the run; new or empty, or with `resume` that of a run to go on with.
        recipe: see `Finetuning`.
        images: the folder of a file's images; else the file's own.
        evaluation: other rows to evaluate on, in place of some held out.
        splits: recipes/splits.json, whose scoring images are refused.
        device: see `monkeyvl.load`.
        minutes: after so many the run saves itself and ends.

    Raises:
        UsageError: values that cannot be, `out` holds another run, or no rows.
        BadRow: the first row that cannot be trained on, unless such are skipped.
        Paused: the run is not at its end.
    """
    rows = Rows(data, images)
    folder = resolve(recipe.model)
    recipe = recipe.settled(small=_is_small(folder))
    if recipe.method != "full":
        need_peft()
    kind = kind_of(folder)
    learning = chosen_parts(recipe.parts, kind)
    run = _description(recipe, rows)
    _check_folder(out, resume, run)
    arguments = _arguments(out, recipe, device)
    usable = usable_rows(rows, recipe.skip_bad, splits)
    numbers, shown = split_rows(rows, usable, evaluation, recipe)
    steps = recipe.steps or max(1, math.ceil(recipe.epochs * len(numbers) / recipe.batch_size))

    arguments.max_steps = steps
    arguments.logging_steps = max(1, min(25, steps // SAVES))
    arguments.save_steps = recipe.save_steps or max(1, steps // SAVES)
    torch.manual_seed(recipe.seed)
    model, processor = _load(folder, recipe, device)
    trained: Any = model
    if recipe.method == "full":
        count = freeze_others(model, learning, kind)
    else:
        trained = _with_adapters(model, recipe, linear_layers(model, learning, kind), folder)
        count = sum(one.numel() for one in model.parameters() if one.requires_grad)
    told = f"{name_of(folder)}: {recipe.method}, {count:,} weights of {', '.join(learning)} learn"
    print(f"{told} from {len(numbers):,} rows in {steps:,} steps", file=sys.stderr)
    text = model.config.get_text_config()
    longest = recipe.longest or int(min(text.max_position_embeddings, ENDLESS))
    encoder = RowEncoder(processor, driver_for(model, processor), family_of(folder), longest, rows.full_stop)

    out.mkdir(parents=True, exist_ok=True)
    (out / RUN).write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
    trainer = RowTrainer(
        model=trained,
        args=arguments,
        train_dataset=TrainingRows(
            rows,
            numbers,
            [row_length(usable[number], encoder) for number in numbers],
            encoder,
            steps * recipe.batch_size,
            recipe.batch_size,
            recipe.seed,
            recipe.skip_bad,
        ),
        data_collator=partial(collated, pad_id=processor.tokenizer.pad_token_id or 0),
        callbacks=[],
    )
    trainer.recipe, trainer.steps = recipe, steps
    trainer.model_accepts_loss_kwargs = True  # the loss is a sum over all rows of a step, divided once
    trainer.remove_callback(PrinterCallback)
    evaluate = None
    if shown:
        evaluate = Evaluation(model, encoder, name_of(folder), shown, out, recipe, steps)
        trainer.add_callback(evaluate)
    trainer.add_callback(StageProgress(recipe.name, 0, steps))
    pause = Pause(minutes)
    trainer.add_callback(pause)
    last = get_last_checkpoint(str(out)) if resume else None
    if evaluate and not last:
        evaluate.now(0)
    with pause.listening():
        trainer.train(resume_from_checkpoint=last)
    done = int(trainer.state.global_step)
    if done < steps:
        raise Paused(f"{out}: paused at step {done} of {steps}; --resume goes on")
    return _save(out, recipe, trainer, model, processor)


def _is_small(folder: Path) -> bool:
    from monkeyvl.checkpoints import count_parameters

    return count_parameters(folder) < SMALL


def _description(recipe: Finetuning, rows: Rows) -> dict[str, Any]:
    """What a run must not change when it goes on."""
    same = {name: value for name, value in asdict(recipe).items() if name not in FREE}
    description: dict[str, Any] = json.loads(json.dumps({"rows": rows.fingerprint, "settings": same}))
    return description


def _check_folder(out: Path, resume: bool, run: dict[str, Any]) -> None:
    """Refuses a folder that holds another run."""
    if not out.exists() or not any(out.iterdir()):
        return
    if not resume:
        raise UsageError(f"{out} is not empty: --resume continues the run in it, or choose another folder")
    try:
        known = json.loads((out / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UsageError(f"{out} holds no fine-tuning that can go on: no {RUN} in it") from None
    if known["rows"] != run["rows"]:
        raise UsageError(f"{out} was trained on other rows")
    for name, value in run["settings"].items():
        if (before := known["settings"].get(name)) != value:
            raise UsageError(f"{out} was begun with {name} {before!r}, not {value!r}")


def _load(folder: Path, recipe: Finetuning, device: str | None) -> tuple[Any, Any]:
    place = find_device(device)
    # Weights that are changed by small steps need all their bits; adapters have them on their own.
    dtype = "bfloat16" if place.type == "cuda" and recipe.method != "full" else "float32"
    return load_folder(folder, device, dtype, "4bit" if recipe.method == "qlora" else None)


def _with_adapters(model: Any, recipe: Finetuning, layers: list[str], folder: Path) -> Any:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=recipe.dropout, target_modules=layers
    )
    wrapped = get_peft_model(model, config)
    # peft looks there at every save, and for any other name on a hub
    wrapped.peft_config["default"].base_model_name_or_path = str(folder)
    return wrapped


def _arguments(out: Path, recipe: Finetuning, device: str | None) -> TrainingArguments:
    place = find_device(device)
    gpu = place.type == "cuda"
    processes = int(torch.distributed.get_world_size()) if torch.distributed.is_initialized() else 1
    own = max(1, recipe.batch_size // processes)
    at_once = min(own, recipe.rows_at_once or own)
    if own % at_once or recipe.batch_size % processes:
        raise UsageError(
            f"batch_size {recipe.batch_size}: no multiple of {at_once} rows at once on {processes} processes"
        )
    return TrainingArguments(
        output_dir=str(out),
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=own // at_once,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        adam_beta1=recipe.beta1,
        adam_beta2=recipe.beta2,
        max_grad_norm=recipe.max_grad_norm,
        optim="adamw_torch_fused",
        bf16=gpu,
        use_cpu=place.type == "cpu",
        gradient_checkpointing=recipe.gradient_checkpointing and place.type != "cpu",
        gradient_checkpointing_kwargs={"use_reentrant": False},
        seed=recipe.seed,
        data_seed=recipe.seed,
        dataloader_num_workers=recipe.workers,
        dataloader_persistent_workers=recipe.workers > 0,
        dataloader_pin_memory=gpu,
        remove_unused_columns=False,
        report_to=[],
        disable_tqdm=True,
    )


def _save(out: Path, recipe: Finetuning, trainer: Any, model: Any, processor: Any) -> Path:
    result = out / ("checkpoint" if recipe.method == "full" else "adapter")
    if not trainer.is_world_process_zero():
        return result
    with appearing(result) as folder, quietly():
        if recipe.method == "full":
            model.to(torch.bfloat16).save_pretrained(folder)
            processor.save_pretrained(folder)
        else:
            trained = trainer.accelerator.unwrap_model(trainer.model)
            trained.peft_config["default"].base_model_name_or_path = recipe.model
            trained.save_pretrained(folder, save_embedding_layers=False)
            (folder / "README.md").unlink(missing_ok=True)  # a form to fill in
    return result
