from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from monkeyvl.errors import UsageError
from monkeyvl.training.recipe import ROWS, build_typed, load_recipe, read_yaml
from monkeyvl.training.samples import StageDataset
from monkeyvl.training.search import Group, Search

GOOD = """
name: tiny
model: {tile_size: 32, trim: true, vision: {layers: 1}}
stages:
  - {name: one, steps: 2, data: [{kind: lines}], learning_rate: 1}
"""
RECIPES = Path(__file__).resolve().parents[2] / "recipes"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_reads_nested_values_and_defaults(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, GOOD), {"stages.0.steps": 7, "seed": 3})
    assert (recipe.stages[0].steps, recipe.seed) == (7, 3)
    assert (recipe.model.tile_size, recipe.model.vision.layers, recipe.model.vision.heads) == (32, 1, 6)
    assert recipe.model.trim is True
    assert recipe.stages[0].learning_rate == 1.0
    assert isinstance(recipe.stages[0].learning_rate, float)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "colour: red\n", "unknown field 'colour'"),
        ("name: x\n", "field 'stages' is missing"),
        ("name: x\nstages: []\n", "no stages"),
        (GOOD.replace("steps: 2", "steps: many"), r"stages\[0\].steps: 'many' must be of type int"),
        (GOOD.replace("steps: 2", "steps: true"), r"stages\[0\].steps: True must be of type int"),
        (GOOD.replace("learning_rate: 1", "learning_rate: .nan"), "must be a finite number"),
        (GOOD.replace("learning_rate: 1", "learning_rate: fast"), "'fast' must be of type float"),
        (GOOD.replace("trim: true", "trim: 1"), "recipe.model.trim: 1 must be of type bool"),
        (GOOD.replace("[{kind: lines}]", "lines"), "must be a list"),
        ("name: [\n", "no valid YAML in line"),
        ("just text\n", "must be a mapping"),
    ],
)
def test_bad_recipes_are_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_recipe(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_small_numbers_need_no_point(tmp_path: Path) -> None:
    assert (
        load_recipe(write(tmp_path, GOOD), {"stages.0.learning_rate": "1e-5"}).stages[0].learning_rate == 1e-5
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("token_loss: 0.5", "stage one: token_loss 0.5: it would do nothing, as answer_loss is 0"),
        ("questions: 2", "stage one: questions 2: it would do nothing, as answer_loss is 0"),
        ("longest_answer: 9", "stage one: longest_answer 9: it would do nothing, as answer_loss is 0"),
        ("character_loss: 0", "stage one: nothing is learnt, as answer_loss and character_loss are 0"),
        ("data: [{kind: rows}]", "stage one: nothing is learnt"),
        ("data: [{kind: rows}], answer_loss: 1, token_loss: 0.1", "token_loss 0.1: .* letters of rows stand"),
        (
            "data: [{kind: rows}], answer_loss: 1, character_loss: 0.5",
            "character_loss 0.5: .* letters of rows",
        ),
    ],
)
def test_settings_of_a_stage_that_would_do_nothing_are_refused(
    tmp_path: Path, change: str, message: str
) -> None:
    overrides = yaml.safe_load(f"{{answer_loss: 0, {change}}}")
    with pytest.raises(UsageError, match=message):
        load_recipe(write(tmp_path, GOOD), {f"stages.0.{name}": value for name, value in overrides.items()})


def test_what_does_something_is_taken(tmp_path: Path) -> None:
    for change in ({"answer_loss": 0, "questions": 8}, {"data": [{"kind": "rows"}], "character_loss": 0}):
        load_recipe(write(tmp_path, GOOD), {f"stages.0.{name}": value for name, value in change.items()})
    with pytest.raises(
        UsageError, match=r"start_parts \['vision'\]: it would do nothing, as there is no start"
    ):
        load_recipe(write(tmp_path, GOOD + "start_parts: [vision]\n"))


def test_bad_places(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        load_recipe(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match=r"stages\.4\.steps"):
        load_recipe(write(tmp_path, GOOD), {"stages.4.steps": 1})


def test_the_search_names_a_recipe_and_places_in_it() -> None:
    plan: Search = build_typed(Search, read_yaml(RECIPES / "search" / "sizes.yaml"), "search")
    for name, group in plan.groups.items():
        built: Group = build_typed(Group, group, name)
        for replaced in built.variants.values():
            recipe = load_recipe(RECIPES / "search" / plan.recipe, {**built.base, **(replaced or {})})
            assert len(recipe.stages) == 1
            assert recipe.model.text.hidden_size % recipe.model.text.heads == 0


STAGED = [path for path in sorted(RECIPES.glob("*.yaml")) if "stages" in read_yaml(path)]


@pytest.mark.parametrize("path", STAGED, ids=lambda path: path.name)
def test_the_recipes_of_the_repository_load(path: Path) -> None:
    recipe = load_recipe(path)
    for stage in recipe.stages:
        made = tuple(source for source in stage.data if source.kind != ROWS)
        dataset = StageDataset(replace(stage, data=made), 1, 1)
        assert dataset[0].image.size
        assert len(dataset.stage.data) >= 1


CHUNKED = """
name: tiny
model:
  tile_size: 32
  vision: {hidden_size: 32, layers: 1, heads: 2, intermediate_size: 32}
  text: {hidden_size: 32, layers: 1, heads: 2, intermediate_size: 32, context: 512}
  cropping: {detail: [1, 1], adaptive: null}
stages:
  - {name: one, steps: 3, batch_size: 2, data: [{kind: lines, options: {size: [32, 32], longest: 20}}]}
"""


def test_the_script_trains_chunk_after_chunk(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(CHUNKED)
    settings = {"OUT": tmp_path / "out", "RECIPE": tmp_path / "tiny.yaml", "PYTHON": sys.executable}
    settings |= {"WORKERS": 0, "MINUTES": 0.0001, "CHUNKS": 2}
    environment = {**os.environ, **{name: str(value) for name, value in settings.items()}}
    script = RECIPES / "embedded.sh"
    first = subprocess.run([script], env=environment, capture_output=True, text=True, check=False)
    assert first.returncode == 3, first.stderr
    assert "paused in stage one at step 2 of 3; --resume goes on" in first.stderr
    assert (tmp_path / "out-carry" / "carry.json").is_file()
    second = subprocess.run([script], env=environment, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    assert (tmp_path / "out" / "checkpoint" / "model.safetensors").is_file()
