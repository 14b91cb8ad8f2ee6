"""Where in a batch of prompts each image's detail tokens stand."""

from __future__ import annotations

import torch
from torch import Tensor

from monkeyvl.errors import UsageError
from monkeyvl.models.minimonkey.compression import ImageSpan

DETAIL_LAYER = 0  # in `tile_layers`; 1 is the adaptive layer, 2 the global one


def image_spans(
    placeholders: Tensor, features: tuple[Tensor, ...], num_tiles: Tensor | None, tile_layers: Tensor | None
) -> list[list[ImageSpan]]:
    """The images of each row of a batch.

    Args:
        placeholders: (B, T) where an image token stands.
        features: (tokens, H) of each image of the batch, in order.
        num_tiles: (images,) tiles of each image; without it all tiles are one image.
        tile_layers: (tiles,) the layer of each tile.

    Raises:
        UsageError: no `tile_layers`, or arguments that do not fit together.
    """
    if not features:
        return [[] for _ in placeholders]
    if tile_layers is None:
        raise UsageError("compression needs tile_layers, the layer that each tile belongs to")
    counts = [len(tile_layers)] if num_tiles is None else torch.as_tensor(num_tiles).tolist()
    if len(counts) != len(features) or sum(counts) != len(tile_layers):
        raise UsageError(
            f"{len(features)} image(s), num_tiles {counts} and {len(tile_layers)} tile_layers do not fit"
        )
    layers_of_tiles = torch.as_tensor(tile_layers, device=placeholders.device)
    images = zip(features, layers_of_tiles.split(counts), strict=True)
    spans: list[list[ImageSpan]] = []
    for row, mask in enumerate(placeholders):
        positions = mask.nonzero().flatten()
        spans.append([])
        while len(positions) > 0:
            image, layers = next(images)
            if len(image) > len(positions):
                raise UsageError(
                    f"row {row} ends within an image of {len(image)} tokens, "
                    f"after {len(positions)} placeholders"
                )
            if len(image) % len(layers):
                raise UsageError(f"an image of {len(image)} tokens cannot have {len(layers)} tiles")
            own, positions = positions[: len(image)], positions[len(image) :]
            of_tile = own.view(len(layers), -1)  # (tiles, tokens of a tile)
            detail = of_tile[layers == DETAIL_LAYER].flatten()
            spans[-1].append(ImageSpan(first=int(own[0]), detail=detail, tokens=len(own)))
    return spans
