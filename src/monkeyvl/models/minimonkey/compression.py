"""Scale Compression Mechanism (SCM, Mini-Monkey section 3.3): which detail tokens the language model sees.

The text model's first layer runs over the whole prompt, its second layer's attention tells how much the rest
of the prompt looks at each detail token, and the least looked at are left out before generation starts. The
text model's own modules do the work, without training. Queries go through in chunks, so that no tensor of
prompt x prompt size exists, not even a mask.
"""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.nn.utils.rnn import pad_sequence

from monkeyvl.errors import UsageError

CompressionMode = Literal["exact", "official"]

_LAYER_PARTS = {"input_layernorm", "self_attn", "post_attention_layernorm", "mlp"}
_ATTENTION_PARTS = {"q_proj", "k_proj", "v_proj", "o_proj"}
_QUERY_KEY_NORMS = {"q_norm", "k_norm"}
# Settings that change the arithmetic of layers that look like Llama's, and the value that leaves it alone.
_NEUTRAL_SETTINGS = {"embedding_multiplier": 1, "residual_multiplier": 1, "clip_qkv": None}


@dataclass(frozen=True, eq=False)
class ImageSpan:
    """One image's placeholders in its row; positions are absolute in the padded row.

    `first`: its first placeholder; `detail`: (n,) ascending positions of its detail tokens, n may be 0;
    `tokens`: how many placeholders it has in all.
    """

    first: int
    detail: Tensor
    tokens: int


@dataclass(frozen=True, eq=False)
class PruningPlan:
    """What stays of each row, as ascending absolute positions in the padded row.

    `keep`: per row, all that stays (never padding); `kept_detail`: per row, the detail tokens among it.
    """

    keep: list[Tensor] = field(default_factory=list)
    kept_detail: list[Tensor] = field(default_factory=list)


def kept_count(n: int, compression: float) -> int:
    """How many of `n` detail tokens stay when the share `compression` goes; at least 1 unless n is 0."""
    return min(n, max(1, math.floor(n * (1 - compression) + 1e-9)))


def select_kept(scores: Tensor, compression: float) -> Tensor:
    """Indices (ascending) of the best of `scores` (n,); among equal scores the earlier token stays."""
    order = torch.sort(scores, descending=True, stable=True).indices
    return order[: kept_count(len(scores), compression)].sort().values


def check_supported(text_model: nn.Module) -> None:
    """Raise UsageError, naming the class, for a text model whose first two layers cannot be followed."""
    reason = _unsupported(text_model)
    if reason is not None:
        raise UsageError(f"compression cannot serve {type(text_model).__name__}: {reason}")


def _unsupported(text_model: nn.Module) -> str | None:
    layers, config = getattr(text_model, "layers", None), getattr(text_model, "config", None)
    if not isinstance(layers, nn.ModuleList) or config is None or not hasattr(text_model, "rotary_emb"):
        return "it has no .layers, .rotary_emb and .config"
    if len(layers) < 2:
        return f"it has {len(layers)} layer(s), at least 2 are needed"
    layer_types = getattr(config, "layer_types", None)
    other_types = sorted(set(layer_types or ()) - {"full_attention"})
    if other_types:
        return f"its layers use {', '.join(other_types)}, only full_attention is known"
    if layer_types is None and getattr(config, "sliding_window", None) is not None:
        return f"its attention has a sliding window of {config.sliding_window} tokens"
    for name, neutral in _NEUTRAL_SETTINGS.items():
        if getattr(config, name, neutral) not in (neutral, None):
            return f"its {name} is {getattr(config, name)}"
    rope = getattr(config, "rope_parameters", None) or {}
    if "llama_4_scaling_beta" in rope or any(isinstance(value, dict) for value in rope.values()):
        return "it treats positions in a way of its own"
    return next((reason for layer in layers[:2] if (reason := _unsupported_layer(layer)) is not None), None)


def _unsupported_layer(layer: nn.Module) -> str | None:
    parts = {name for name, _ in layer.named_children()}
    if parts != _LAYER_PARTS:
        return f"its layers are made of {', '.join(sorted(parts))}"
    attention: Any = layer.self_attn
    parts = {name for name, _ in attention.named_children()}
    if parts not in (_ATTENTION_PARTS, _ATTENTION_PARTS | _QUERY_KEY_NORMS):
        return f"its attention is made of {', '.join(sorted(parts))}"
    extra = [name for name, _ in attention.named_parameters(recurse=False)]
    if extra:
        return f"its attention has parameters of its own ({', '.join(extra)})"
    for name in sorted(_QUERY_KEY_NORMS & parts):
        weight = getattr(getattr(attention, name), "weight", None)
        if weight is None or weight.numel() != attention.head_dim:
            return f"its {name} is not a norm over one head of {attention.head_dim}"
    rotates = hasattr(sys.modules[type(attention).__module__], "apply_rotary_pos_emb")
    if not rotates or not getattr(attention, "use_rope", True):
        return "it treats positions in a way of its own"
    return None


@torch.no_grad()
def detail_scores(
    text_model: nn.Module, inputs_embeds: Tensor, detail: Tensor, voters: Tensor, chunk_size: int = 256
) -> Tensor:
    """Mean attention that each detail token gets in the second layer, over heads and the voters behind it.

    inputs_embeds: (1, T, H), one row without padding; detail (n,) and voters (v,): ascending positions in it.
    Returns (n,) float32. A voter's softmax runs over every token it may see; a detail token that no voter
    follows scores NaN.
    """
    model: Any = text_model
    length = inputs_embeds.shape[1]
    # At most half a prompt, so that a short prompt makes no square of its length either.
    chunk_size = max(1, min(chunk_size, length // 2))
    position_ids = torch.arange(length, device=inputs_embeds.device)[None]
    # A dynamic rope remembers the longest prompt it saw: a copy, so that this pass leaves no trace for the
    # pruned prompt, and a first call on one position, which makes the copy forget earlier prompts.
    rotary = copy.deepcopy(model.rotary_emb)
    rotary(inputs_embeds, position_ids[:, :1])
    rope = rotary(inputs_embeds, position_ids)

    states = _run_layer(model.layers[0], inputs_embeds, rope, chunk_size)
    layer = model.layers[1]
    query, key = _query_key(layer.self_attn, layer.input_layernorm(states), rope)
    query, key = query[0].float(), key[0].float()  # (heads, T, D), (kv_heads, T, D)
    detail, voters = detail.to(query.device), voters.to(query.device)
    total = torch.zeros(len(detail), device=query.device)
    for rows in voters.split(chunk_size):
        allowed = _allowed_keys(rows)
        reach = allowed.shape[1]
        # (heads, rows, D) -> (kv_heads, groups * rows, D): the keys need no copy for each query head
        grouped = query[:, rows].reshape(len(key), -1, query.shape[-1])
        logits = (grouped @ key[:, :reach].transpose(1, 2)) * layer.self_attn.scaling
        logits = logits.view(len(query), len(rows), reach).masked_fill_(~allowed, -torch.inf)
        seen = detail[detail < reach]
        total[: len(seen)] += logits.softmax(-1)[:, :, seen].mean(0).sum(0)
    behind = len(voters) - torch.searchsorted(voters, detail)
    return (total / behind).to(inputs_embeds.device)


def _allowed_keys(rows: Tensor) -> Tensor:
    """Causal mask (rows, last of them + 1) of the ascending query positions `rows`."""
    return torch.arange(int(rows[-1]) + 1, device=rows.device) <= rows[:, None]


def _query_key(attention: Any, states: Tensor, rope: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Rotated queries (1, heads, T, D) and keys (1, kv_heads, T, D)."""
    query = attention.q_proj(states).unflatten(-1, (-1, attention.head_dim))  # (1, T, heads, D)
    key = attention.k_proj(states).unflatten(-1, (-1, attention.head_dim))  # (1, T, kv_heads, D)
    if hasattr(attention, "q_norm"):
        query, key = attention.q_norm(query), attention.k_norm(key)
    rotate = sys.modules[type(attention).__module__].apply_rotary_pos_emb
    cos, sin = (part.to(query.device) for part in rope)
    rotated: tuple[Tensor, Tensor] = rotate(query.transpose(1, 2), key.transpose(1, 2), cos, sin)
    return rotated


def _run_layer(layer: Any, hidden: Tensor, rope: tuple[Tensor, Tensor], chunk_size: int) -> Tensor:
    attention = layer.self_attn
    states = layer.input_layernorm(hidden)
    query, key = _query_key(attention, states, rope)
    value = attention.v_proj(states).unflatten(-1, (-1, attention.head_dim))  # (1, T, kv_heads, D)
    value = value.transpose(1, 2)
    mixed = []
    for rows in torch.arange(hidden.shape[1], device=query.device).split(chunk_size):
        allowed = _allowed_keys(rows)
        reach = allowed.shape[1]
        mixed.append(
            scaled_dot_product_attention(
                query[:, :, rows],
                key[:, :, :reach],
                value[:, :, :reach],
                attn_mask=allowed,
                scale=attention.scaling,
                enable_gqa=True,
            )
        )
    heads = torch.cat(mixed, dim=2).transpose(1, 2).flatten(2)  # (1, heads, T, D) -> (1, T, heads * D)
    hidden = hidden + attention.o_proj(heads).to(hidden.device)
    return hidden + layer.mlp(layer.post_attention_layernorm(hidden))


def plan_pruning(
    text_model: nn.Module,
    inputs_embeds: Tensor,
    attention_mask: Tensor,
    detail_spans: Sequence[Sequence[ImageSpan]],
    compression: float,
    mode: CompressionMode = "exact",
    chunk_size: int = 256,
) -> PruningPlan:
    """Decide what stays of each row when the share `compression` of every image's detail tokens is dropped.

    inputs_embeds: (B, T, H); attention_mask: (B, T), 0 on padding of either side; detail_spans: each row's
    images in order. "exact": an image's detail tokens are judged by all later tokens of its row that are no
    image's detail tokens. "official": the published code's choice with its two slips (`_official_row`).
    `chunk_size` queries are in memory at a time, the outcome is the same. Compression 0 keeps everything.

    Raises UsageError for a compression outside [0, 1), an unknown mode, a text model that cannot be served,
    an image that no voter follows, and several images in a row of "official" mode.
    """
    if not 0 <= compression < 1:
        raise UsageError(f"compression must be at least 0 and below 1, got {compression}")
    if mode not in get_args(CompressionMode):
        raise UsageError(f"compression_mode must be {' or '.join(get_args(CompressionMode))}, got {mode!r}")
    if compression > 0:
        check_supported(text_model)
    plan = PruningPlan()
    for row, images in enumerate(detail_spans):
        if mode == "official" and len(images) > 1:
            raise UsageError(f"compression_mode official takes one image a row, row {row} has {len(images)}")
        real = attention_mask[row].nonzero().flatten()
        candidates = [image.detail.to(real.device) for image in images if len(image.detail) > 0]
        dropped = kept = torch.cat([real[:0], *candidates])
        if len(kept) > 0 and compression > 0:
            if mode == "official":
                candidates, voters, lost = _official_row(images[0], real)
            else:
                voters, lost = real[~torch.isin(real, kept)], real[:0]
            if len(voters) == 0 or voters[-1] < candidates[-1][-1]:
                raise UsageError(f"compression needs tokens after the images of row {row}, there are none")
            scores = detail_scores(
                text_model,
                inputs_embeds[row, real][None],
                torch.searchsorted(real, torch.cat(candidates)),
                torch.searchsorted(real, voters),
                chunk_size,
            ).split([len(positions) for positions in candidates])
            dropped = torch.cat([lost, *candidates])
            kept = torch.cat(
                [
                    positions[select_kept(score, compression)]
                    for positions, score in zip(candidates, scores, strict=True)
                ]
            )
        plan.kept_detail.append(kept)
        plan.keep.append(real[~torch.isin(real, dropped) | torch.isin(real, kept)])
    return plan


def _official_row(image: ImageSpan, real: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
    """Candidates, voters and the token lost for nothing, as in the published code (kept for parity).

    It takes an image's first tokens for its detail tokens, whatever the order of the tiles, lets everything
    behind them vote, and starts what follows one token late.
    """
    end = image.first + len(image.detail)
    return [torch.arange(image.first, end, device=real.device)], real[real >= end], real[real == end]


def gather(
    plan: PruningPlan, tensor: Tensor, pad_value: float, padding_side: Literal["left", "right"] = "left"
) -> Tensor:
    """The kept positions of `tensor` (B, T, ...) as (B, longest row, ...), filled up with `pad_value`."""
    rows = [values[keep.to(tensor.device)] for values, keep in zip(tensor, plan.keep, strict=True)]
    return pad_sequence(rows, batch_first=True, padding_value=pad_value, padding_side=padding_side)
