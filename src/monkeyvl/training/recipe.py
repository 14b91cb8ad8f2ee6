"""What a training run consists of, read from YAML: the model's sizes, then stages one after another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from monkeyvl.errors import UsageError

T = TypeVar("T")
ROWS = "rows"  # a kind of picture: images of annotated sets


@dataclass(frozen=True)
class TowerSizes:
    hidden_size: int = 192
    layers: int = 6
    heads: int = 6
    intermediate_size: int = 768


@dataclass(frozen=True)
class DecoderSizes:
    hidden_size: int = 192
    layers: int = 4
    heads: int = 6
    intermediate_size: int = 512
    context: int = 4096


@dataclass(frozen=True)
class ModelSizes:
    """Tile and patch in pixels; `cropping` holds the fields of `Cropping`, which the checkpoint keeps, as it
    keeps `trim`, whether empty margins are cut off first. `merges` is how many pairs of letters the tokenizer
    joins."""

    tile_size: int = 256
    patch_size: int = 16
    cropping: dict[str, Any] = field(default_factory=dict)
    trim: bool = False
    merges: int = 0
    vision: TowerSizes = field(default_factory=TowerSizes)
    text: DecoderSizes = field(default_factory=DecoderSizes)


@dataclass(frozen=True)
class Source:
    """One kind of picture: `options` are the generator's keyword arguments, or those of `AnnotatedImages`
    for the kind "rows". `crop` takes a part of that many pixels (width, height) and asks to read it."""

    kind: str
    weight: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)
    crop: tuple[int, ...] = ()


@dataclass(frozen=True)
class Stage:
    """One training run from the weights of the stage before it.

    `answer_loss`, `character_loss` (letters, asked of the tower's patches) and `token_loss` (letters,
    asked of the visual tokens through the decoder) weigh the losses; 0 leaves one out. `freeze` names
    "vision", "projector", "text". `questions` is how many exchanges of a picture are asked at once.
    Of a picture's exchanges those with answers above `longest_answer` tokens are not asked.
    `cropping` replaces the model's in this stage. Its rate rises for `warmup_steps`, then falls along a
    cosine to `min_lr_rate` of itself.
    """

    name: str
    steps: int
    data: tuple[Source, ...]
    batch_size: int = 16
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    min_lr_rate: float = 0.1
    weight_decay: float = 0.05
    answer_loss: float = 1.0
    character_loss: float = 1.0
    token_loss: float = 0.0
    freeze: tuple[str, ...] = ()
    questions: int = 8
    longest_answer: int = 1024
    cropping: dict[str, Any] = field(default_factory=dict)
    save_steps: int = 200

    def __post_init__(self) -> None:
        lettered = any(source.kind != ROWS for source in self.data) or not self.data
        unknown = not lettered and f"nobody knows where the letters of {ROWS} stand"
        unasked = not self.answer_loss and "answer_loss is 0"
        idle: dict[str, object] = {"questions": unasked, "longest_answer": unasked}
        idle["token_loss"] = unasked or unknown
        idle["character_loss"] = self.character_loss and unknown
        refuse_idle(self, idle, f"stage {self.name}: ")
        if not (self.answer_loss or (lettered and self.character_loss)):
            raise UsageError(f"stage {self.name}: nothing is learnt, as answer_loss and character_loss are 0")


@dataclass(frozen=True)
class Recipe:
    name: str
    stages: tuple[Stage, ...]
    model: ModelSizes = field(default_factory=ModelSizes)
    seed: int = 1
    start: str = ""  # a checkpoint whose weights the model begins with, as far as they fit
    start_parts: tuple[str, ...] = ()  # of them only these: "vision", "projector", "text"; none named: all
    workers: int = 1  # processes that make pictures
    compile: bool = False  # tower and decoder through torch.compile
    logging_steps: int = 25

    def __post_init__(self) -> None:
        refuse_idle(self, {"start_parts": not self.start and "there is no start"})


def load_recipe(path: str | Path, overrides: dict[str, Any] | None = None) -> Recipe:
    """The recipe in a YAML file; `overrides` replaces single values, "stages.0.steps": 10 or "seed": 2.

    Raises:
        UsageError: no such file, no YAML, an unknown field, a missing one, or a value of another type.
    """
    data = read_yaml(Path(path))
    if isinstance(data, dict) and "mixture" in data:
        raise UsageError(f"recipe {path} is for rows: use it with `monkeyvl finetune --recipe`")
    for key, value in (overrides or {}).items():
        _replace(data, key, value)
    recipe: Recipe = build_typed(Recipe, data, "recipe")
    if not recipe.stages:
        raise UsageError(f"recipe {path}: no stages")
    return recipe


def refuse_idle(settings: Any, reasons: Mapping[str, object], where: str = "") -> None:
    """Refuses settings that are not as usual and have a reason for doing nothing.

    Args:
        settings: a dataclass's instance.
        reasons: by the names of its fields; an empty one is none.
        where: what the message begins with.

    Raises:
        UsageError: the first one of them.
    """
    usual = {one.name: one.default for one in fields(settings)}
    for name, reason in reasons.items():
        value = getattr(settings, name)
        if reason and value != usual[name]:
            shown = list(value) if isinstance(value, tuple) else value
            raise UsageError(f"{where}{name} {shown}: it would do nothing, as {reason}")


def read_yaml(file: Path) -> Any:
    """The contents of a YAML file; UsageError where there is none."""
    import yaml

    if not file.is_file():
        raise UsageError(f"recipe {file}: no such file")
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise UsageError(f"recipe {file}: no valid YAML in line {line}") from None


def _replace(data: Any, key: str, value: Any) -> None:
    *path, last = key.split(".")
    place = data
    try:
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        if isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value
    except (ValueError, IndexError, AttributeError, TypeError):
        raise UsageError(f"--set {key}: the recipe has no such place") from None


def build_typed(kind: Any, value: Any, where: str) -> Any:
    """`value` as an instance of `kind`; every mismatch is one line naming the place."""
    if is_dataclass(kind):
        if not isinstance(value, dict):
            raise UsageError(f"{where}: {value!r} must be a mapping")
        hints = get_type_hints(kind)
        unknown = sorted(set(value) - set(hints))
        if unknown:
            raise UsageError(f"{where}: unknown field {unknown[0]!r}; known: {', '.join(hints)}")
        required = [
            one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING
        ]
        missing = [name for name in required if name not in value]
        if missing:
            raise UsageError(f"{where}: field {missing[0]!r} is missing")
        return kind(**{name: build_typed(hints[name], one, f"{where}.{name}") for name, one in value.items()})  # type: ignore[operator]
    origin = get_origin(kind)
    if origin is UnionType:  # of a type and None
        return None if value is None else build_typed(get_args(kind)[0], value, where)
    if origin is tuple:
        arguments = get_args(kind)
        if not isinstance(value, list | tuple):
            raise UsageError(f"{where}: {value!r} must be a list")
        if arguments[-1] is not Ellipsis and len(value) != len(arguments):
            raise UsageError(f"{where}: {value!r} must have {len(arguments)} values")
        return tuple(build_typed(arguments[0], one, f"{where}[{number}]") for number, one in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise UsageError(f"{where}: {value!r} must be a mapping")
        return value
    if kind is float and isinstance(value, int | float | str) and not isinstance(value, bool):
        return _number(value, where)
    if isinstance(value, bool) != (kind is bool) or not isinstance(value, kind):
        raise UsageError(f"{where}: {value!r} must be of type {kind.__name__}")
    return value


def _number(value: Any, where: str) -> float:
    try:
        number = float(value)  # to YAML 1e-5, without a point, is a text
    except (ValueError, OverflowError):
        raise UsageError(f"{where}: {value!r} must be of type float") from None
    if not math.isfinite(number):
        raise UsageError(f"{where}: {value!r} must be a finite number")
    return number
