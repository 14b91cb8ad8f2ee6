"""The training loop that all studies share: AdamW, linear warm-up, cosine decay, clipped gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


def fit(
    model: nn.Module,
    loss_of: Callable[[int], Tensor],
    steps: int,
    learning_rate: float = 1e-3,
    warmup: int = 20,
    weight_decay: float = 0.01,
    parameters: Iterable[nn.Parameter] | None = None,
) -> list[float]:
    """Trains `model` in place.

    Args:
        model: is put into training mode for the steps and into evaluation mode after them.
        loss_of: the loss of the batch of a step (0, 1, ...), a scalar with a gradient.
        steps: how many; every step is one update.
        learning_rate: the highest; it falls to a tenth of that.
        warmup: first steps, over which the rate rises; at most a tenth of all.
        weight_decay: of weights that are matrices, not of biases, norms and other vectors.
        parameters: those that learn; by default all of the model that require a gradient.

    Returns:
        The loss of each step.
    """
    chosen = [one for one in (parameters or model.parameters()) if one.requires_grad]
    groups = [
        {"params": [one for one in chosen if one.ndim > 1], "weight_decay": weight_decay},
        {"params": [one for one in chosen if one.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.95))
    rise = max(1, min(warmup, steps // 10))
    losses = []
    model.train()
    for step in range(steps):
        share = min(1.0, (step + 1) / rise) * (0.55 + 0.45 * math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * share
        loss = loss_of(step)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(chosen, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
    model.eval()
    return losses
