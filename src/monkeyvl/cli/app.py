"""All commands. Each is thin: it hands what it was given to the library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from monkeyvl import __version__
from monkeyvl.cli.asking import ANSWERING, with_options
from monkeyvl.cli.data import app as data_app
from monkeyvl.cli.finetune import finetune
from monkeyvl.errors import UsageError

app = typer.Typer(
    help="Ask, read and locate things in high-resolution images and documents.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(data_app, name="data")


def command() -> Any:
    """The click command behind the application."""
    return typer.main.get_command(app)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"monkeyvl {__version__}")
        raise typer.Exit()


@app.callback()
def monkeyvl(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Ask, read and locate things in high-resolution images and documents."""


for function in ANSWERING:
    app.command()(with_options(function))


@app.command()
def tiles(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="An image, a PDF, or - for stdin.")],
    show: Annotated[Path | None, typer.Option(metavar="OUT.png", help="Draw the cuts.")] = None,
    cropping: Annotated[str, typer.Option(metavar="PRESET", help="How to cut.")] = "paper",
    tile_size: Annotated[int, typer.Option(metavar="PIXELS", help="Side of a tile.")] = 448,
    page: Annotated[int, typer.Option(metavar="N", help="Page of a PDF or TIFF.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Show into which tiles an image is cut: detail, adaptive and global layer."""
    from monkeyvl.cli.tiles import run

    return run(image, show, cropping, tile_size, page, json)


@app.command()
def tokens(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="An image, a PDF, or - for stdin.")],
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|FOLDER", show_default="embedded", help="Whose visual tokens."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="OUT.png", help="Draw what was found, over the image where it has a place."),
    ] = None,
    resolutions: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            show_default="1, 2 and 3 tiles; 448,896,1344 for tiles of 448",
            help="Sides of the squares that the image is squeezed into, in pixels.",
        ),
    ] = None,
    question: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What scale compression goes by. Default: to read all the text."),
    ] = None,
    cropping: Annotated[
        str | None,
        typer.Option(
            metavar="PRESET", help="Tiles for scale compression. Default: the checkpoint's own, or paper."
        ),
    ] = None,
    compression: Annotated[
        float, typer.Option(metavar="0..1", help="Share of the detail tokens that scale compression drops.")
    ] = 0.5,
    page: Annotated[int, typer.Option(metavar="N", help="Page of a PDF or TIFF.")] = 1,
    device: Annotated[
        str | None, typer.Option(metavar="cpu|cuda|mps", help="Default: a GPU if there is one.")
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            metavar="float32|bfloat16|float16", help="Default: float32 on the CPU, bfloat16 on a GPU."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Show how much an image's visual tokens repeat each other, and which of them are kept."""
    from monkeyvl.cli.tokens import Asked, run

    return run(
        Asked(image, model, out, resolutions, question, cropping, compression, page, device, dtype, json)
    )


@app.command()
def models(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> int:
    """List the checkpoints that have a name, with their memory and terms."""
    from monkeyvl.cli.models import run

    return run(json)


@app.command()
def memory(
    model: Annotated[
        str | None,
        typer.Argument(metavar="NAME|FOLDER", show_default="embedded", help="A name from `monkeyvl models`."),
    ] = None,
    tokens: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            show_default="a large image, a question and an answer",
            help="Length of prompt and answer together.",
        ),
    ] = None,
    batch: Annotated[int, typer.Option(metavar="B", help="Questions answered at the same time.")] = 1,
    recipe: Annotated[
        Path | None,
        typer.Option(metavar="RECIPE.yaml", help="Of a fine-tuning, whose memory is computed instead."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Another value in the recipe; may be repeated."),
    ] = None,
    processes: Annotated[int, typer.Option(metavar="N", help="Of the training, one a GPU.")] = 1,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="none|ddp|zero2|zero3|fsdp2",
            show_default="fsdp2 for several processes",
            help="How they share the training.",
        ),
    ] = None,
    offload: Annotated[bool, typer.Option("--offload", help="What they share waits in main memory.")] = False,
    answers: Annotated[
        int | None, typer.Option(metavar="N", show_default="256", help="Tokens of a row that are learnt.")
    ] = None,
    card: Annotated[
        int | None,
        typer.Option(metavar="GB", show_default="24", help="Of each GPU: whether the training fits."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Compute the memory that a checkpoint needs to answer, or with --recipe each process of a training.

    Nothing is downloaded. Of a training the exit code is 1 if a GPU of --card does not hold it.
    """
    if recipe:
        from monkeyvl.cli.training_memory import CARD
        from monkeyvl.cli.training_memory import run as run_training

        if batch != 1:
            raise UsageError(f"--batch {batch} is of answering; with --recipe: --set rows_at_once={batch}")
        size = CARD if card is None else card
        return run_training(recipe, model, set_ or (), processes, shard, offload, size, tokens, answers, json)
    if set_ or processes != 1 or shard or offload or answers is not None or card is not None:
        raise UsageError(
            "--set, --processes, --shard, --offload, --answers, --card are of a training: --recipe"
        )
    from monkeyvl.cli.memory import run

    return run(model, tokens, batch, json)


@app.command()
def convert(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="An official checkpoint.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.")],
    dtype: Annotated[
        str | None,
        typer.Option(
            metavar="float32|bfloat16|float16", show_default="as stored", help="Type of the weights."
        ),
    ] = None,
) -> int:
    """Write an official checkpoint as a native one (also from .bin weights)."""
    from monkeyvl.cli.convert import run

    return run(folder, out, dtype)


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="What to train, on what.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where checkpoints go.", show_default="runs/RECIPE")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in DIR.")] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Replace a value of the recipe; may be repeated."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(metavar="M", help="Save and end with code 3 after so many minutes.")
    ] = None,
    carry: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Small files for a run that goes on on another machine."),
    ] = None,
) -> int:
    """Train a model by a recipe."""
    from monkeyvl.cli.train import run

    return run(recipe, out, resume, set_ or [], minutes, carry)


app.command()(finetune)


@app.command()
def ablate(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME ...", help="Studies, see --list.", show_default=False)
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="OUT", help="Holds NAME/runs.jsonl; a run goes on where it stopped.")
    ] = Path("runs/ablations"),
    seeds: Annotated[int, typer.Option(metavar="N", help="Runs of each variant.")] = 3,
    budget: Annotated[
        float, typer.Option(metavar="FACTOR", help="Times the usual training, for all variants alike.")
    ] = 1.0,
    device: Annotated[str, typer.Option(metavar="cpu|cuda|mps", help="Where to train.")] = "cpu",
    list_: Annotated[bool, typer.Option("--list", help="List the studies; runs nothing.")] = False,
) -> int:
    """Train tiny models that differ in one part, and compare them."""
    from monkeyvl.cli.ablate import run, show

    return show() if list_ else run(names or [], out, seeds, budget, device)


@app.command()
def evaluate(
    data: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="A set (annotations.jsonl and images), or a folder of sets."),
    ] = None,
    benchmark: Annotated[
        str | None,
        typer.Option(metavar="NAME[,NAME]", help="Instead of --data: benchmarks of the papers, see --list."),
    ] = None,
    data_root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Holds the benchmarks' folders, as their authors distribute them."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Folder of predictions.jsonl, report.json, examples.html; resumed."),
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="A B", help="Instead: a paired test of the runs in two such folders."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FOLDER|openai:URL",
            show_default="embedded",
            help="What is asked: openai:http://host:8000/v1#MODEL behind a server, key in OPENAI_API_KEY.",
        ),
    ] = None,
    api_model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="The server's model, if --model does not name it.")
    ] = None,
    adapter: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A LoRA adapter of `monkeyvl finetune` on the model.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="cpu|cuda|mps", help="Default: a GPU if there is one.")
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            metavar="float32|bfloat16|float16", help="Default: float32 on the CPU, bfloat16 on a GPU."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Only the first N rows of each task of each set.")
    ] = None,
    tasks: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these tasks: kie, vqa, table, ...")
    ] = None,
    split: Annotated[
        str, typer.Option(metavar="score|train|all", help="Images of the sets that training may use.")
    ] = "score",
    cropping: Annotated[
        str | None,
        typer.Option(
            metavar="PRESET",
            help="How images are cut. Default: the benchmark's for Mini-Monkey, else the checkpoint's own.",
        ),
    ] = None,
    compression: Annotated[
        float, typer.Option(metavar="0..1", help="Share of the detail tokens that are dropped.")
    ] = 0.0,
    batch_size: Annotated[int, typer.Option(metavar="B", help="Questions asked together.")] = 8,
    max_new_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Longest answer. Default: by task.")
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(metavar="N", help="Start N processes on this machine; torchrun works as well."),
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Do the I-th of N parts, one process each.")
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Put the shards in OUT together and report.")
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="List the benchmarks with the papers' numbers; asks nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="With --list: print JSON, one line each.")] = False,
) -> int:
    """Score a model on sets with ground truth, or compare two such runs."""
    from monkeyvl.cli.benchmarks import show
    from monkeyvl.cli.evaluate import Wanted, run

    if list_:
        return show(json)
    wanted = Wanted(
        data,
        benchmark,
        data_root,
        out,
        compare,
        model,
        api_model,
        adapter,
        device,
        dtype,
        limit,
        tasks,
        split,
        cropping,
        compression,
        batch_size,
        max_new_tokens,
        processes,
        shard,
        merge,
    )
    return run(wanted)
