"""Positions: intersection over union, point in box, distance of a click.

A box is (x0, y0, x1, y1); coordinates may be pixels or thousandths, alike on both sides. An answer without a
position is None and scores 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from monkeyvl.errors import UsageError
from monkeyvl.evaluation.metrics.base import check_references, check_variant

IOU_VARIANTS = ("mean", "at_0.5", "at_0.75")
POINT_VARIANTS = ("inside",)
CLICK_VARIANTS = ("euclidean", "per_axis")
CLICK_LIMIT = 50.0

Numbers: TypeAlias = Sequence[float]
Shape: TypeAlias = Sequence[float] | Sequence[Sequence[float]]


def box_iou(a: Numbers, b: Numbers) -> float:
    """Intersection over union of two boxes, 0..1; corners in any order.

    Of two boxes without area: 1 where they are equal, else 0.
    """
    ax0, ay0, ax1, ay1 = _upright(a)
    bx0, by0, bx1, by1 = _upright(b)
    inside = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    union = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - inside
    # rounding may put the quotient of equal boxes a hair above 1
    return min(1.0, inside / union) if union > 0 else float(_upright(a) == _upright(b))


def shape_overlap(a: Shape, b: Shape) -> tuple[float, float]:
    """(intersection over union, intersection over the area of `a`) of two shapes, each a box of four numbers
    or a polygon of (x, y) corners. Polygons need shapely (extra `eval`); UsageError where it is absent."""
    if _is_box(a) and _is_box(b):
        return _box_overlap(a, b)
    try:
        import shapely
    except ImportError as error:
        raise UsageError("quadrilaterals need shapely: pip install monkeyvl[eval]") from error
    first, second = (shapely.make_valid(shapely.Polygon(_corners(shape))) for shape in (a, b))
    inside = first.intersection(second).area
    union = first.area + second.area - inside
    return (min(1.0, inside / union) if union > 0 else float(first.equals(second))), (
        inside / first.area if first.area > 0 else 0.0
    )


def bounds(shape: Shape) -> tuple[float, float, float, float]:
    """The upright box around a box or polygon."""
    xs, ys = zip(*_corners(shape), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def iou(prediction: Numbers | None, references: Sequence[Numbers], variant: str = "mean") -> float:
    """Grounding: overlap of the predicted box with the best reference box.

    "mean" is the IoU itself; "at_0.5" and "at_0.75" are 1.0 where it reaches that value.
    """
    check_variant("iou", variant, IOU_VARIANTS)
    check_references("iou", references)
    best = max(box_iou(prediction, reference) for reference in references) if prediction is not None else 0.0
    return best if variant == "mean" else float(best >= float(variant.removeprefix("at_")))


def point_in_box(prediction: Numbers | None, references: Sequence[Numbers], variant: str = "inside") -> float:
    """1.0 where the predicted point (or the middle of the predicted box) lies in a reference box, edges
    included."""
    check_variant("point_in_box", variant, POINT_VARIANTS)
    check_references("point_in_box", references)
    if prediction is None:
        return 0.0
    x, y = middle(prediction)
    return float(any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in map(_upright, references)))


def click_distance(prediction: Numbers | None, references: Sequence[Numbers]) -> float:
    """Euclidean distance to the nearest reference point; infinite without an answer. A box stands for its
    middle."""
    check_references("click_distance", references)
    if prediction is None:
        return math.inf
    return min(math.dist(middle(prediction), middle(reference)) for reference in references)


def click_accuracy(
    prediction: Numbers | None,
    references: Sequence[Numbers],
    variant: str = "euclidean",
    limit: float = CLICK_LIMIT,
) -> float:
    """1.0 where the click is within `limit` of a reference point, in thousandths of the image's sides.

    "per_axis" allows `limit` in x and in y each.
    """
    check_variant("click", variant, CLICK_VARIANTS)
    check_references("click", references)
    if prediction is None:
        return 0.0
    if variant == "euclidean":
        return float(click_distance(prediction, references) <= limit)
    x, y = middle(prediction)
    return float(any(abs(x - u) <= limit and abs(y - v) <= limit for u, v in map(middle, references)))


def middle(place: Numbers) -> tuple[float, float]:
    """The point (x, y) itself, or the middle of a box. UsageError for anything else."""
    if len(place) == 2:
        return place[0], place[1]
    x0, y0, x1, y1 = _upright(place)
    return (x0 + x1) / 2, (y0 + y1) / 2


def _upright(box: Numbers) -> tuple[float, float, float, float]:
    if len(box) != 4:
        raise UsageError(f"a box has 4 numbers and a point 2, got {len(box)}")
    x0, y0, x1, y1 = box
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _is_box(shape: Shape) -> bool:
    return isinstance(shape[0], int | float)


def _corners(shape: Shape) -> list[tuple[float, float]]:
    if _is_box(shape):
        x0, y0, x1, y1 = _upright(shape)  # type: ignore[arg-type]
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return [(corner[0], corner[1]) for corner in shape]  # type: ignore[index]


def _box_overlap(a: Shape, b: Shape) -> tuple[float, float]:
    ax0, ay0, ax1, ay1 = _upright(a)  # type: ignore[arg-type]
    bx0, by0, bx1, by1 = _upright(b)  # type: ignore[arg-type]
    inside = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    area = (ax1 - ax0) * (ay1 - ay0)
    return box_iou(a, b), (inside / area if area > 0 else 0.0)  # type: ignore[arg-type]
