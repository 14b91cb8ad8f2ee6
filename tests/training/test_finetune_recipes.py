"""The recipes: they hold the papers' numbers, and at toy size each of them learns."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from math import comb
from pathlib import Path

import pytest
from PIL import Image
from support import tiny_checkpoint
from toys import ADDED, small_monkey

from monkeyvl.checkpoints import family_of
from monkeyvl.data.mixture import load_mixture
from monkeyvl.data.streaming import Loaded, Rows, load
from monkeyvl.drivers import driver_for
from monkeyvl.errors import UsageError
from monkeyvl.loading import load_folder
from monkeyvl.training.encoding import RowEncoder
from monkeyvl.training.finetune import finetune
from monkeyvl.training.finetune_recipe import load_finetuning
from monkeyvl.training.finetune_score import majority, plain, score
from monkeyvl.training.recipe import load_recipe

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
PAPERS = ("monkey", "textmonkey", "textmonkey-structured", "minimonkey")
ITEMS = 200
COLOURS = {"r": (220, 40, 40), "g": (40, 200, 40), "b": (40, 40, 220), "w": (215, 215, 215)}


@pytest.mark.parametrize("name", [*PAPERS, "lora-24gb"])
def test_a_recipe_is_typed_and_its_mixture_is_there(name: str) -> None:
    recipe = load_finetuning(RECIPES / f"{name}.yaml")
    assert recipe.name == name
    if name in PAPERS:
        assert load_mixture(RECIPES / recipe.mixture).name == name
        assert recipe.method == "full"


def test_recipes_of_the_other_command_are_told_apart() -> None:
    with pytest.raises(UsageError, match="one for `monkeyvl train`"):
        load_finetuning(RECIPES / "embedded.yaml")
    with pytest.raises(UsageError, match="use it with `monkeyvl finetune --recipe`"):
        load_recipe(RECIPES / "monkey.yaml")


def test_the_papers_numbers() -> None:
    monkey, textmonkey, structured, minimonkey = (
        load_finetuning(RECIPES / f"{name}.yaml") for name in PAPERS
    )
    assert (monkey.learning_rate, monkey.beta1, monkey.beta2) == (1e-5, 0.9, 0.95)
    assert (monkey.warmup_steps, monkey.batch_size, monkey.weight_decay, monkey.epochs) == (100, 1024, 0.1, 1)
    assert (textmonkey.learning_rate, structured.learning_rate) == (1e-5, 5e-6)
    assert textmonkey.batch_size == structured.batch_size == 128
    assert minimonkey.learning_rate == 4e-9
    assert minimonkey.parts == ("minimonkey",)


def rows(folder: Path, count: int, seed: int, structured: bool) -> Path:
    """Plain pictures in shades of four colours, another shade each."""
    rng = random.Random(seed)
    (folder / f"{seed}").mkdir()
    lines = []
    for number in range(count):
        name, colour = rng.choice(list(COLOURS.items()))
        shade = tuple(value + rng.randint(-30, 30) for value in colour)
        image = f"{seed}/{number}.png"
        Image.new("RGB", (112, 112), shade).save(folder / image)
        turn = {"question": "Colour?", "answer": name}
        if structured:
            turn = {"question": "document", "answer": json.dumps({"c": name}), "task": "json"}
        lines.append(json.dumps({"image": image, **turn}) + "\n")
    file = folder / f"{seed}.jsonl"
    file.write_text("".join(lines))
    return file


def right(folder: Path, adapter: Path | None, items: list[Loaded]) -> list[bool]:
    model, processor = load_folder(folder, "cpu", "float32", adapter=adapter)
    encoder = RowEncoder(processor, driver_for(model, processor), family_of(folder), 512)
    answers = score(model, encoder, "toy", items, 50).answers
    wanted = [encoder.said(one)[0].answer for one in items]
    return [plain(a) == plain(b) for a, b in zip(answers, wanted, strict=True)]


def sign_test(better: int, worse: int) -> float:
    """The chance of at least `better` of the items that differ, were both alike (one-sided)."""
    n = better + worse
    return sum(comb(n, k) for k in range(better, n + 1)) / 2**n


@pytest.mark.parametrize("name", [*PAPERS, "lora-24gb"])
def test_at_toy_size_a_recipe_learns(name: str, tmp_path: Path) -> None:
    """Start, parts, method, decay and schedule of the recipe; rows, batch, steps and rate for a toy."""
    recipe = load_finetuning(RECIPES / f"{name}.yaml")
    kind = "monkey" if recipe.start_as else name.split("-")[0]
    monkeys = kind in ("monkey", "textmonkey")
    base = small_monkey(tmp_path / kind, kind) if monkeys else tiny_checkpoint(tmp_path / "tiny")
    toy = replace(
        recipe,
        model=str(base),
        start_settings=ADDED if recipe.start_as else {},
        learning_rate=2e-2 if recipe.method == "lora" else 3e-3,
        batch_size=16,
        rows_at_once=0,
        steps=200,
        epochs=1.0,
        warmup_steps=10,
        hold_out=0.0,
        longest=0,
        workers=0,
        save_steps=1000,
    )
    structured = name == "textmonkey-structured"
    made = finetune(rows(tmp_path, 400, 1, structured), tmp_path / "run", toy)
    unseen = Rows(rows(tmp_path, ITEMS, 2, structured))
    items = [load(row) for row in unseen]
    wanted = [turn.answer for one in items for turn in one.row.turns]
    likeliest, _ = majority(wanted)
    adapted = made.name == "adapter"
    trained = right(base if adapted else made, made if adapted else None, items)
    for other in (right(base, None, items), [plain(one) == likeliest for one in wanted]):
        better = sum(one and not two for one, two in zip(trained, other, strict=True))
        worse = sum(two and not one for one, two in zip(trained, other, strict=True))
        assert sign_test(better, worse) < 0.01, (sum(trained), sum(other))
