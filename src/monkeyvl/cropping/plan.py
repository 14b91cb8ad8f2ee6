"""Multi-scale adaptive cropping (Mini-Monkey, section 3.1): which tiles an image is cut into, in which order.

An image is seen three times: cut finely (detail layer), cut coarsely along lines that do not repeat the
fine cut (adaptive layer), and whole (global layer). Only geometry, on plain numbers: no pixels, no torch.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from monkeyvl.cropping.candidates import Grid, candidates
from monkeyvl.errors import BudgetError, UsageError

__all__ = ["LAYERS", "PRESETS", "CropPlan", "Cropping", "crop_plan"]

Box = tuple[int, int, int, int]

LAYERS = ("detail", "adaptive", "global")
MOST_TILES = 256  # upper bound a layer may ask for: 256 tiles of 448 are 616 MB of float32 pixels
LARGEST_TILE = 4096  # pixels
LONGEST_SIDE = 2**31 - 1  # pixels


def _bounds(name: str, value: Any) -> tuple[int, int]:
    try:
        fewest, most = value
    except (TypeError, ValueError):
        raise UsageError(f"cropping {name} is (fewest, most) tiles, not {value!r}") from None
    fewest = _integer(f"cropping {name} fewest tiles", fewest, 1, MOST_TILES)
    most = _integer(f"cropping {name} most tiles", most, 1, MOST_TILES)
    if fewest > most:
        raise UsageError(f"cropping {name} asks for at least {fewest} and at most {most} tiles")
    return fewest, most


def _integer(name: str, value: Any, least: int, most: int | None) -> int:
    limit = f"at least {least}" if most is None else f"{least} to {most}"
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or (most is not None and number > most) or isinstance(value, bool):
        raise UsageError(f"{name} is {value!r}; it must be a whole number, {limit}")
    return number


@dataclass(frozen=True)
class Cropping:
    """How images are cut.

    Args:
        detail: fewest and most tiles of the detail layer; None leaves the layer out.
        adaptive: the same for the adaptive layer.
        rule: which candidates the adaptive layer drops: "both" when the detail layer's columns and rows are
            both multiples of the candidate's (the paper), "either" when one of them is.
        order: the layers in token order. "global" may stand more than once: each time it adds one view of the
            whole image.
        max_tiles: most tiles an image may have in all, None for no limit.
        max_tokens: most image tokens an image may have in all, None for no limit.
        on_overrun: beyond a limit, "error" raises BudgetError; "reduce" lowers both layers' bounds in
            proportion until the image fits, notes it in the plan and warns with the numbers.

    Raises:
        UsageError: for a field that cannot be used.
    """

    detail: tuple[int, int] | None = (4, 12)
    adaptive: tuple[int, int] | None = (3, 7)
    rule: str = "both"
    order: tuple[str, ...] = LAYERS
    max_tiles: int | None = None
    max_tokens: int | None = None
    on_overrun: str = "error"

    def __post_init__(self) -> None:
        for name in ("detail", "adaptive"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _bounds(name, getattr(self, name)))
        if self.rule not in ("both", "either"):
            raise UsageError(f'cropping rule is "both" or "either", not {self.rule!r}')
        if self.on_overrun not in ("error", "reduce"):
            raise UsageError(f'cropping on_overrun is "error" or "reduce", not {self.on_overrun!r}')
        for name in ("max_tiles", "max_tokens"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _integer(f"cropping {name}", value, 1, None))
        object.__setattr__(self, "order", self._checked_order())

    def _checked_order(self) -> tuple[str, ...]:
        order = tuple(self.order) if not isinstance(self.order, str) else (self.order,)
        unknown = [layer for layer in order if layer not in LAYERS]
        if unknown:
            raise UsageError(f"cropping order names {unknown[0]!r}; the layers are detail, adaptive, global")
        if order.count("detail") != 1 or order.count("adaptive") != 1 or not 1 <= order.count("global") <= 3:
            raise UsageError(
                f"cropping order has detail and adaptive once and global 1 to 3 times, not {list(order)}"
            )
        return order

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values; `Cropping.parse` reads them back."""
        values = asdict(self).items()
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values}

    @classmethod
    def parse(cls, value: str | Cropping | Mapping[str, Any]) -> Cropping:
        """A cropping from a preset's name (capitals do not matter), a Cropping, or the fields as a mapping.

        Raises:
            UsageError: for an unknown preset or field.
        """
        if isinstance(value, Cropping):
            return value
        if isinstance(value, str):
            for name, preset in PRESETS.items():
                if name.lower() == value.strip().lower():
                    return preset
            raise UsageError(f"unknown cropping preset {value!r}; the presets are {', '.join(PRESETS)}")
        if isinstance(value, Mapping):
            unknown = set(value) - {field.name for field in fields(cls)}
            if unknown:
                raise UsageError(f"unknown cropping field {min(unknown, key=str)!r}")
            return cls(**value)
        raise UsageError(f"cropping is a preset's name or a Cropping, not {type(value).__name__}")


_TWO_GLOBALS = ("detail", "global", "adaptive", "global")

PRESETS: dict[str, Cropping] = {
    # The paper's bounds and rule, in the only order in which the first image tokens are the detail tokens.
    "paper": Cropping(),
    # The official demonstration puts the adaptive tiles first.
    "demo": Cropping(order=("adaptive", "detail", "global")),
    # The official training code drops a candidate when either side divides: few keep an adaptive layer.
    "training": Cropping(detail=(1, 8), adaptive=(1, 4), rule="either"),
    # The bounds VLMEvalKit's wrapper uses for each benchmark.
    "vlmevalkit:default": Cropping(),
    "vlmevalkit:OCRBench": Cropping(detail=(9, 24), adaptive=(5, 8)),
    "vlmevalkit:DocVQA": Cropping(detail=(14, 23), adaptive=(5, 15)),
    "vlmevalkit:TextVQA": Cropping(detail=(14, 23), adaptive=(5, 15)),
    "vlmevalkit:InfoVQA": Cropping(detail=(15, 23), adaptive=(3, 5)),
    "vlmevalkit:SEED": Cropping(detail=(15, 23), adaptive=(3, 5)),
    # The evaluation code shipped with the checkpoint: one more view of the whole image before the last.
    "checkpoint-eval:OCRBench": Cropping(
        detail=(8, 24), adaptive=(3, 9), order=("detail", "adaptive", "global", "global")
    ),
    "checkpoint-eval:DocVQA": Cropping(
        detail=(1, 24), adaptive=(1, 8), order=("detail", "adaptive", "global", "global")
    ),
    # The official repository's own question answering script.
    "eval-vqa:default": Cropping(detail=(12, 23), adaptive=(3, 7), rule="either"),
    "eval-vqa:ChartQA": Cropping(detail=(6, 12), adaptive=(2, 5), rule="either", order=_TWO_GLOBALS),
    "eval-vqa:DocVQA": Cropping(detail=(11, 23), adaptive=(2, 10), rule="either", order=_TWO_GLOBALS),
    # What InternVL models do without Mini-Monkey: one fine cut and the whole image.
    "internvl": Cropping(detail=(1, 12), adaptive=None),
}


@dataclass(frozen=True)
class CropPlan:
    """The tiles of one image.

    Attributes:
        size: (width, height) of the image in pixels.
        tile_size: side of a tile in pixels.
        detail: (columns, rows) of the detail layer; (1, 1) would repeat the global view, so it adds no tiles.
        adaptive: (columns, rows) of the adaptive layer.
        order: the layers in token order; "global" stands once for each view of the whole image.
        notes: one line for each reduction that was made to fit a budget.
    """

    size: tuple[int, int]
    tile_size: int
    detail: Grid
    adaptive: Grid
    order: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def boxes(self) -> dict[str, list[Box | None]]:
        """Each layer's tiles in raster order: (x0, y0, x1, y1) on that layer's canvas, the image resized to
        columns x rows tiles. None stands for a view of the whole image."""
        return {
            "detail": _grid_boxes(self.detail, self.tile_size),
            "adaptive": _grid_boxes(self.adaptive, self.tile_size),
            "global": [None] * self.order.count("global"),
        }

    @property
    def tiles(self) -> dict[str, int]:
        """Number of tiles of each layer."""
        return {layer: len(boxes) for layer, boxes in self.boxes.items()}

    @property
    def num_tiles(self) -> int:
        """Number of tiles of all layers together."""
        return sum(self.tiles.values())

    @property
    def layers(self) -> tuple[str, ...]:
        """The layer of each tile, in token order."""
        return tuple(layer for layer, _ in self.placed())

    def placed(self) -> Iterator[tuple[str, Box | None]]:
        """(layer, box on that layer's canvas) of each tile, in token order."""
        boxes = self.boxes
        for layer in self.order:
            if layer == "global":
                yield layer, None
            else:
                yield from ((layer, box) for box in boxes[layer])

    def image_boxes(self) -> list[tuple[str, tuple[float, float, float, float]]]:
        """(layer, (x0, y0, x1, y1) in pixels of the image as given) of each tile, in token order."""
        width, height = self.size
        placed = []
        for layer, box in self.placed():
            columns, rows = self.detail if layer == "detail" else self.adaptive
            x, y = width / (columns * self.tile_size), height / (rows * self.tile_size)
            corners = (0.0, 0.0, float(width), float(height))
            if box is not None:
                corners = (box[0] * x, box[1] * y, box[2] * x, box[3] * y)
            placed.append((layer, corners))
        return placed


def crop_plan(
    size: tuple[int, int],
    cropping: str | Cropping | Mapping[str, Any] = "paper",
    tile_size: int = 448,
    tokens_per_tile: int | None = None,
) -> CropPlan:
    """Decides how an image is cut (paper, section 3.1).

    Args:
        size: (width, height) of the image in pixels.
        cropping: a preset's name or a Cropping.
        tile_size: side of a tile in pixels.
        tokens_per_tile: image tokens of one tile, for `max_tokens`; by default one for each 28 x 28 pixels,
            as in Mini-Monkey (256 for tiles of 448).

    Raises:
        UsageError: for a size, preset or field that cannot be used.
        BudgetError: when the image needs more tiles or tokens than the cropping allows.
    """
    try:
        width, height = size
    except (TypeError, ValueError):
        raise UsageError(f"image size is (width, height) in pixels, not {size!r}") from None
    size = (
        _integer("image width", width, 1, LONGEST_SIDE),
        _integer("image height", height, 1, LONGEST_SIDE),
    )
    tile_size = _integer("tile size", tile_size, 1, LARGEST_TILE)
    tokens = max(1, (tile_size // 28) ** 2) if tokens_per_tile is None else tokens_per_tile
    tokens = _integer("tokens per tile", tokens, 1, None)
    chosen = Cropping.parse(cropping)
    plan = _cut(size, tile_size, chosen)
    limits = []
    if chosen.max_tiles is not None:
        limits.append((chosen.max_tiles, f"max_tiles={chosen.max_tiles}"))
    if chosen.max_tokens is not None:
        limits.append((chosen.max_tokens // tokens, f"max_tokens={chosen.max_tokens}"))
    if not limits:
        return plan
    most, limit = min(limits)
    if plan.num_tiles <= most:
        return plan
    need = f"an image of {size[0]}x{size[1]} needs {_amount(plan, tokens)}, above {limit}"
    if chosen.on_overrun == "error":
        raise BudgetError(f'{need}; raise the limit, lower the bounds or use on_overrun="reduce"')
    return _reduced(plan, chosen, tokens, most, need)


def _reduced(plan: CropPlan, cropping: Cropping, tokens: int, most: int, need: str) -> CropPlan:
    for smaller in _smaller(cropping):
        fitting = _cut(plan.size, plan.tile_size, smaller)
        if fitting.num_tiles <= most:
            bounds = ", ".join(
                f"{name} {old[0]}-{old[1]} to {new[0]}-{new[1]}"
                for name, old, new in (
                    ("detail", cropping.detail, smaller.detail),
                    ("adaptive", cropping.adaptive, smaller.adaptive),
                )
                if old is not None and new is not None and old != new
            )
            note = f"{need}: reduced to {_amount(fitting, tokens)} (bounds {bounds})"
            warnings.warn(note, stacklevel=3)
            return replace(fitting, notes=(note,))
    raise BudgetError(
        f"{need}; the views of the whole image alone are {cropping.order.count('global')} tiles"
    )


def _smaller(cropping: Cropping) -> Iterator[Cropping]:
    most = max(bounds[1] for bounds in (cropping.detail, cropping.adaptive, (1, 1)) if bounds is not None)
    for step in range(most - 1, 0, -1):
        detail = _scaled(cropping.detail, step, most)
        yield replace(cropping, detail=detail, adaptive=_scaled(cropping.adaptive, step, most))


def _scaled(bounds: tuple[int, int] | None, step: int, steps: int) -> tuple[int, int] | None:
    if bounds is None:
        return None
    upper = max(1, bounds[1] * step // steps)
    return min(bounds[0], upper), upper


def _amount(plan: CropPlan, tokens: int) -> str:
    return f"{plan.num_tiles} tiles x {tokens} tokens = {plan.num_tiles * tokens} image tokens"


def _cut(size: tuple[int, int], tile_size: int, cropping: Cropping) -> CropPlan:
    detail: Grid = (1, 1)
    adaptive: Grid = (1, 1)
    if cropping.detail is not None:
        detail = _closest(size, tile_size, candidates(*cropping.detail))
    if cropping.adaptive is not None:
        drop = all if cropping.rule == "both" else any
        left = [
            (columns, rows)
            for columns, rows in candidates(*cropping.adaptive)
            if not drop((detail[0] % columns == 0, detail[1] % rows == 0))
        ]
        adaptive = _closest(size, tile_size, left)
    return CropPlan(size, tile_size, detail, adaptive, cropping.order)


def _closest(size: tuple[int, int], tile_size: int, candidates: Iterable[Grid]) -> Grid:
    width, height = size
    best: Grid = (1, 1)
    smallest = float("inf")
    for columns, rows in candidates:
        difference = abs(width / height - columns / rows)
        # Of two equally close shapes the later, larger one wins only if the image half fills it.
        fills = width * height > 0.5 * tile_size * tile_size * columns * rows
        if difference < smallest or (difference == smallest and fills):
            best, smallest = (columns, rows), difference
    return best


def _grid_boxes(grid: Grid, tile_size: int) -> list[Box | None]:
    columns, rows = grid
    if grid == (1, 1):
        return []
    return [
        (column * tile_size, row * tile_size, (column + 1) * tile_size, (row + 1) * tile_size)
        for row in range(rows)
        for column in range(columns)
    ]
