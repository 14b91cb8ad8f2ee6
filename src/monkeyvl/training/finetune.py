"""Fits a checkpoint to one's own rows: LoRA or whole, evaluated on rows held out, resumable."""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.distributed.fsdp import FSDPModule
from transformers import PrinterCallback, TrainingArguments
from transformers.integrations import TensorBoardCallback, unset_hf_deepspeed_config
from transformers.trainer_utils import get_last_checkpoint

from monkeyvl.adapters import need_peft
from monkeyvl.checkpoints import family_of, kind_of, name_of, resolve
from monkeyvl.data.streaming import Loaded, Rows
from monkeyvl.devices import find_device
from monkeyvl.drivers import driver_for
from monkeyvl.errors import Paused, UsageError
from monkeyvl.evaluation.processes import own_device
from monkeyvl.loading import load_folder, quietly
from monkeyvl.training import processes
from monkeyvl.training.augment import Jpeg
from monkeyvl.training.begin import begin_textmonkey
from monkeyvl.training.encoding import RowEncoder
from monkeyvl.training.finetune_recipe import Finetuning
from monkeyvl.training.finetune_rows import collated, row_length, shown_rows, split_rows, usable_rows
from monkeyvl.training.finetune_trainer import Evaluation, RowTrainer, event_writer, need_tensorboard
from monkeyvl.training.order import TrainingRows
from monkeyvl.training.parts import chosen_parts, freeze_others, linear_layers
from monkeyvl.training.progress import StageProgress
from monkeyvl.training.recipe import refuse_idle
from monkeyvl.training.run import Pause, compile_parts
from monkeyvl.training.saving import PARTIAL, appearing

RUN = "finetune.json"
SAVES = 10  # evaluations and saves of a run by default
SMALL = 100_000_000  # parameters below which a checkpoint is trained whole unless told otherwise
ENDLESS = 10**9
_FAST_4BIT = "support_avx512bf16_for_cpu"
# Settings that a run may change when it goes on.
FREE = frozenset(("skip_bad", "workers", "rows_at_once", "save_steps", "tensorboard"))


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
        images: the folder of the files' images; else each file's own.
        evaluation: a file of other rows to evaluate on, in place of some held out.
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
    recipe = recipe.settled(small=is_small(folder))
    silent = not (evaluation or recipe.hold_out) and "no rows are evaluated on"
    refuse_idle(recipe, {"evaluated": silent, "eval_steps": silent})
    run = _description(recipe, rows)
    _check_folder(out, resume, run)
    other = Rows(evaluation, images) if evaluation else None
    work = prepare(rows, folder, out, recipe, other, splits, device)
    trainer, steps = work.trainer, work.trainer.steps
    trainer.accelerator.wait_for_everyone()  # all have looked into `out`
    pause = Pause(minutes)
    with pause.listening():
        if trainer.is_world_process_zero():
            out.mkdir(parents=True, exist_ok=True)
            begun = out / (RUN + PARTIAL)
            begun.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
            begun.replace(out / RUN)
        last = get_last_checkpoint(str(out)) if resume else None
        writer = None
        if recipe.tensorboard and trainer.is_world_process_zero():
            writer = event_writer(out, int(last.rpartition("-")[2]) + 1 if last else None)
            trainer.add_callback(TensorBoardCallback(writer))
        if work.shown:
            every = recipe.eval_steps or max(1, steps // SAVES)
            evaluate = Evaluation(
                work.model, work.encoder, name_of(folder), work.shown, out, work.at_once, every, steps, writer
            )
            trainer.add_callback(evaluate)
        trainer.add_callback(StageProgress(recipe.name, 0, steps))
        trainer.add_callback(pause)
        trainer.train(resume_from_checkpoint=last)
    done = int(trainer.state.global_step)
    if done < steps:
        raise Paused(f"{out}: paused at step {done} of {steps}; --resume goes on")
    return _save(out, recipe, trainer, work.model, work.encoder.processor)


@dataclass
class Work:
    """A run that is ready to start.

    Attributes:
        trainer: of `model`, which may be wrapped in it.
        encoder: of its rows.
        shown: rows to evaluate on.
        at_once: how many of them at a time.
    """

    trainer: RowTrainer
    model: Any
    encoder: RowEncoder
    shown: Sequence[Loaded]
    at_once: int


def prepare(
    rows: Rows,
    folder: Path,
    out: Path,
    recipe: Finetuning,
    evaluation: Rows | None = None,
    splits: Path | None = None,
    device: str | None = None,
    kind_of_trainer: type[RowTrainer] = RowTrainer,
) -> Work:
    """Loads a checkpoint and makes the trainer of a run, for which there is a folder then.

    Args:
        rows: to learn from and, without `evaluation`, to hold some out.
        folder: of the checkpoint.
        out, splits, device: see `finetune`.
        evaluation: other rows, to evaluate on.
        recipe: a settled one.

    Raises:
        UsageError, BadRow: see `finetune`.
        MonkeyVLError: a package that is missing.
    """
    if recipe.method != "full":
        need_peft()
    if recipe.tensorboard:
        need_tensorboard()
    kind = recipe.start_as or kind_of(folder)
    learning = chosen_parts(recipe.parts, kind)
    arguments = _arguments(out, recipe, device)
    usable = usable_rows(rows, recipe.skip_bad, splits)
    others = usable_rows(evaluation, recipe.skip_bad, None) if evaluation else None
    numbers, held = split_rows(usable, others, recipe)
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
        trained = with_adapters(model, recipe, linear_layers(model, learning, kind), folder)
        count = sum(one.numel() for one in model.parameters() if one.requires_grad)
    told = f"{name_of(folder)}: {recipe.method}, {count:,} weights of {', '.join(learning)} learn"
    print(f"{told} from {len(numbers):,} rows in {steps:,} steps", file=sys.stderr)
    if recipe.compile:
        compile_parts(model)
    longest = _longest(recipe, model.config.get_text_config())
    family = recipe.start_as or family_of(folder)
    encoder = RowEncoder(processor, driver_for(model, processor), family, longest, rows.full_stop)
    shown = shown_rows(held, encoder, recipe.skip_bad)
    lengths = [row_length(usable[number], encoder) for number in numbers]
    at_once = recipe.rows_at_once or recipe.batch_size
    if recipe.pack:
        at_once = max(1, min(at_once, recipe.pack // max(lengths)))
        lengths = [0] * len(lengths)  # any rows together: packs want long and short ones
    trainer = kind_of_trainer(
        model=trained,
        args=arguments,
        train_dataset=TrainingRows(
            rows,
            numbers,
            lengths,
            encoder,
            steps * recipe.batch_size,
            recipe.batch_size,
            recipe.seed,
            recipe.skip_bad,
            Jpeg(recipe.jpeg, recipe.jpeg_share, recipe.seed) if recipe.jpeg else None,
        ),
        data_collator=partial(collated, pad_id=processor.tokenizer.pad_token_id or 0, pack=recipe.pack),
        callbacks=[],
    )
    trainer.recipe, trainer.steps = recipe, steps
    trainer.model_accepts_loss_kwargs = True  # the loss is a sum over all rows of a step, divided once
    trainer.remove_callback(PrinterCallback)
    return Work(trainer, model, encoder, shown, at_once)


def is_small(folder: Path) -> bool:
    """Whether a checkpoint is trained whole, at its own rates, unless told otherwise."""
    from monkeyvl.checkpoints import count_parameters

    return count_parameters(folder) < SMALL


def _longest(recipe: Finetuning, text: Any) -> int:
    """Most tokens of a row."""
    limits = [recipe.longest or min(text.max_position_embeddings, ENDLESS)]
    if recipe.pack:
        # Qwen's NTK and logn go by a row's own length beyond this, and a pack has one for all its rows.
        limits += [recipe.pack, getattr(text, "seq_length", recipe.pack)]
    return int(min(limits))


def _description(recipe: Finetuning, rows: Rows) -> dict[str, Any]:
    """What a run must not change when it goes on."""
    return {"rows": rows.fingerprint, "settings": _fixed(recipe)}


def _fixed(recipe: Finetuning) -> dict[str, Any]:
    """The settings that a run keeps, as JSON has them."""
    same = {name: value for name, value in asdict(recipe).items() if name not in FREE}
    settings: dict[str, Any] = json.loads(json.dumps(same))
    return settings


def _check_folder(out: Path, resume: bool, run: dict[str, Any]) -> None:
    """Refuses a folder that holds another run. What an earlier version did not know yet was as usual."""
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
    for name, before in {**_fixed(Finetuning()), **known["settings"]}.items():
        if name in FREE:
            continue
        if name not in run["settings"]:
            raise UsageError(f"{out} was begun with {name} {before!r}, which this version does not know")
        if before != (value := run["settings"][name]):
            raise UsageError(f"{out} was begun with {name} {before!r}, not {value!r}")


def _load(folder: Path, recipe: Finetuning, device: str | None) -> tuple[Any, Any]:
    place = find_device(own_device(device))
    if processes.spread():
        if recipe.method == "qlora":
            raise UsageError("qlora: a model of 4 bits is not spread over processes; use lora, or DDP")
        place = torch.device("cpu")
        unset_hf_deepspeed_config()  # else transformers spreads what it loads before its parts are chosen
        # Nothing is written into what a model has returned.
        warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
    # Weights that are changed by small steps need all their bits; adapters have them on their own.
    dtype = "bfloat16" if find_device(device).type == "cuda" and recipe.method != "full" else "float32"
    if recipe.start_as and (recipe.start_settings or kind_of(folder) != recipe.start_as):
        return begin_textmonkey(folder, recipe.start_settings, place, dtype)
    model, processor = load_folder(folder, str(place), dtype, "4bit" if recipe.method == "qlora" else None)
    for module in model.modules():
        if hasattr(module, _FAST_4BIT):  # through bitsandbytes' kernel for answers on a CPU no gradient flows
            setattr(module, _FAST_4BIT, False)
    return model, processor


def with_adapters(model: Any, recipe: Finetuning, layers: list[str], folder: Path) -> Any:
    """The model with new adapters at its layers of these names; `folder` is what they name as their own."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=recipe.dropout, target_modules=layers
    )
    wrapped = get_peft_model(model, config)
    # peft looks there at every save, and for any other name on a hub
    wrapped.peft_config["default"].base_model_name_or_path = str(folder)
    return wrapped


def _arguments(out: Path, recipe: Finetuning, device: str | None) -> TrainingArguments:
    place = find_device(own_device(device))
    gpu = place.type == "cuda"
    _, count = processes.place()
    own = max(1, recipe.batch_size // count)
    at_once = min(own, recipe.rows_at_once or own)
    if own % at_once or recipe.batch_size % count:
        raise UsageError(
            f"batch_size {recipe.batch_size}: no multiple of {at_once} rows at once on {count} processes"
        )
    refuse_idle(recipe, {"pack": at_once == 1 and "each process has one row at a time"})
    checkpointing = recipe.gradient_checkpointing
    arguments = TrainingArguments(
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
        gradient_checkpointing=gpu if checkpointing is None else checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        seed=recipe.seed,
        data_seed=recipe.seed,
        dataloader_num_workers=recipe.workers,
        dataloader_persistent_workers=recipe.workers > 0,
        dataloader_pin_memory=gpu,
        remove_unused_columns=False,
        report_to=[],
        disable_tqdm=True,
        ddp_find_unused_parameters=False,
    )
    # DDP says so of weights of one row, whose strides mean nothing.
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
    if count == 1:
        arguments._n_gpu = min(1, arguments.n_gpu)  # several GPUs are for several processes
    elif place.type == "cpu":
        processes.allow_spreading_on_cpus(arguments)
    return arguments


def _save(out: Path, recipe: Finetuning, trainer: Any, model: Any, processor: Any) -> Path:
    result = out / ("checkpoint" if recipe.method == "full" else "adapter")
    state = processes.whole_state(trainer) if processes.spread() else None
    if trainer.is_world_process_zero():
        with appearing(result) as folder, quietly():
            if recipe.method == "full":
                whole = model if state is None else _holding(state, model)
                whole.to(torch.bfloat16).save_pretrained(folder)
                processor.save_pretrained(folder)
            else:
                trained = trainer.accelerator.unwrap_model(trainer.model)
                trained.peft_config["default"].base_model_name_or_path = recipe.model
                trained.save_pretrained(folder, save_embedding_layers=False, state_dict=state)
                (folder / "README.md").unlink(missing_ok=True)  # a form to fill in
    trainer.accelerator.wait_for_everyone()
    return result


def _holding(state: dict[str, Any], like: Any) -> Any:
    """A model of the class and configuration of one whose weights are spread, with these weights."""
    unset_hf_deepspeed_config()  # one process makes it alone
    own_class: Any = next(one for one in type(like).__mro__ if not issubclass(one, FSDPModule))
    with torch.device("meta"):
        model = own_class(like.config)
    model.load_state_dict(state, strict=False, assign=True)  # weights that are tied come under one name
    model.tie_weights()
    model.generation_config = like.generation_config
    return model
