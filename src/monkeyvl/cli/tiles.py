"""`monkeyvl tiles`: into what an image is cut. Geometry and drawing only: torch is not imported."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from monkeyvl.cli.answering import STDIN, check_picture
from monkeyvl.cropping import Cropping, crop_plan
from monkeyvl.errors import UsageError
from monkeyvl.images import open_image, open_pages


def run(image: str, show: Path | None, cropping: str, tile_size: int, page: int, as_json: bool) -> int:
    """Prints the plan of one image (or page) and draws it; returns the exit code."""
    Cropping.parse(cropping)
    if page < 1:
        raise UsageError(f"--page is {page}; pages count from 1")
    if show:
        check_picture(show)
    source = sys.stdin.buffer.read() if image == STDIN else image
    picture = open_image(source) if page == 1 else open_pages(source, str(page))[0].image
    plan = crop_plan(picture.size, cropping, tile_size)
    counts = plan.tiles
    grids = {"detail": plan.detail, "adaptive": plan.adaptive, "global": (1, 1)}
    if as_json:
        layers = {
            layer: {"columns": grids[layer][0], "rows": grids[layer][1], "tiles": counts[layer]}
            for layer in dict.fromkeys(plan.order)
        }
        facts = {"size": list(plan.size), "tile_size": tile_size, "tiles": plan.num_tiles, "layers": layers}
        print(json.dumps({**facts, "order": list(plan.order)}))
    else:
        print(
            f"{plan.size[0]} x {plan.size[1]} pixels, cropping {cropping}, tiles of {tile_size} x {tile_size}"
        )
        for layer in dict.fromkeys(plan.order):
            columns, rows = grids[layer]
            noun = "tile" if counts[layer] == 1 else "tiles"
            print(f"{layer:<9}{columns:>2} x {rows:<2} {counts[layer]:>3} {noun}")
        tokens = plan.num_tiles * (tile_size // 28) ** 2
        print(f"{'together':<16}{plan.num_tiles:>3} tiles, {tokens} image tokens")
    for note in plan.notes:
        print(f"monkeyvl: note: {note}", file=sys.stderr)
    if show:
        from monkeyvl.drawing import draw_crop_plan

        show.parent.mkdir(parents=True, exist_ok=True)
        draw_crop_plan(picture, plan).save(show)
    return 0
