"""`monkeyvl finetune`: options and a recipe together are a `Finetuning`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from monkeyvl.errors import MonkeyVLError, UsageError


def told_once(command: Callable[..., int]) -> Callable[..., int]:
    """The command where several processes run it: the first one speaks for all."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> int:
        from monkeyvl.training.starting import Silent, ending, place, speaking_once

        try:
            with speaking_once(), ending(tell=place()[0] == 0):
                return command(*args, **kwargs)
        except Silent as error:
            return error.exit_code

    return run


@told_once
def finetune(
    data: Annotated[
        Path,
        typer.Option(
            metavar="ROWS.jsonl", help="Rows of image, question, answer; or a folder of `data build`."
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|FOLDER", show_default="embedded", help="The checkpoint to begin with."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Of the run.", show_default="runs/finetune")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="lora|full|qlora", show_default="full for embedded, else lora", help="What is changed."
        ),
    ] = None,
    parts: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Which parts learn: text, vision, projector, ..., or a paper's preset: monkey, textmonkey, "
            "minimonkey. Default: the text model by LoRA, everything by full.",
        ),
    ] = None,
    epochs: Annotated[
        float | None, typer.Option(metavar="N", show_default="1", help="Passes over the rows.")
    ] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Steps, in place of --epochs.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(metavar="B", show_default="8", help="Rows of a step.")
    ] = None,
    rows_at_once: Annotated[
        int | None,
        typer.Option(metavar="B", show_default="all of a step", help="Of them on a device at a time."),
    ] = None,
    pack: Annotated[
        int | None,
        typer.Option(
            metavar="TOKENS",
            show_default="off",
            help="Rows one behind the other in sequences of at most so many tokens, none seeing another.",
        ),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(metavar="RATE", show_default="by method", help="The highest.")
    ] = None,
    rank: Annotated[int | None, typer.Option(metavar="R", show_default="16", help="Of LoRA.")] = None,
    hold_out: Annotated[
        float | None,
        typer.Option(metavar="0..1", show_default="0.1", help="Share of the rows to evaluate on."),
    ] = None,
    evaluation: Annotated[
        Path | None, typer.Option("--eval-data", metavar="ROWS.jsonl", help="Instead: rows to evaluate on.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Of all rows' images, if not beside their file.")
    ] = None,
    splits: Annotated[
        Path | None, typer.Option(metavar="FILE", help="recipes/splits.json: refuse images for scoring.")
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(metavar="RECIPE.yaml", help="Settings, which options replace.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other setting of a recipe; may be repeated."),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write TensorBoard's event files into DIR besides.")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out rows that cannot be trained on.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last save in DIR.")] = False,
    minutes: Annotated[
        float | None, typer.Option(metavar="M", help="Save and end with code 3 after so many minutes.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="cpu|cuda|mps", help="Default: a GPU if there is one.")
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(metavar="N", help="Start N processes on this machine; torchrun works as well."),
    ] = None,
) -> int:
    """Fit a model to your own images, questions and answers."""
    if processes is not None:
        _check_processes(processes, device)
    if minutes is not None and minutes <= 0:
        raise UsageError(f"--minutes {minutes:g}: it must be above 0")
    if evaluation and not evaluation.is_file():
        raise UsageError(f"--eval-data {evaluation}: no such file")
    try:
        import accelerate  # noqa: F401  transformers' Trainer needs it
        import yaml  # noqa: F401
    except ImportError as error:
        raise MonkeyVLError(f"training needs {error.name}: pip install 'monkeyvl[train]'") from None
    from monkeyvl.cli.train import parsed
    from monkeyvl.training.finetune_recipe import load_finetuning

    given: dict[str, Any] = {
        "model": model,
        "method": method,
        "parts": [one.strip() for one in parts.split(",")] if parts else None,
        "epochs": epochs,
        "steps": steps,
        "batch_size": batch_size,
        "rows_at_once": rows_at_once,
        "pack": pack,
        "learning_rate": learning_rate,
        "rank": rank,
        "hold_out": hold_out,
        "tensorboard": tensorboard or None,
        "skip_bad": skip_bad or None,
    }
    values = {name: value for name, value in given.items() if value is not None}
    values = {**parsed(set_ or ()), **values}
    if evaluation and values.get("hold_out"):
        raise UsageError(
            f"hold_out {values['hold_out']}: it would do nothing, as --eval-data takes its place"
        )
    settings = load_finetuning(recipe, values)
    folder = out or Path("runs") / settings.name
    work = partial(_train, data, folder, settings, resume, images, evaluation, splits, device, minutes)
    if processes and processes > 1:
        from monkeyvl.training.starting import run_together

        run_together(processes, work)
    else:
        work()
    return 0


def _check_processes(count: int, device: str | None) -> None:
    from monkeyvl.evaluation.processes import launched

    if count < 1:
        raise UsageError(f"--processes is {count}; it must be at least 1")
    if launched():
        raise UsageError("--processes starts all processes: leave it out under a launcher")
    if count > 1 and device in (None, "cuda"):
        from torch import cuda

        if count > (there := cuda.device_count()) > 0:
            raise UsageError(f"--processes {count}: each takes a GPU, and this computer has {there}")


def _train(data: Path, folder: Path, *others: Any) -> None:
    """What each process does."""
    from monkeyvl.training.finetune import finetune as train

    result = train(data, folder, *others)
    option = "--adapter" if result.name == "adapter" else "--model"
    print(f"{result}  (use it: monkeyvl ask IMAGE QUESTION {option} {result})", flush=True)
