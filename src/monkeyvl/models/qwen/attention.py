"""Logn attention and dynamic NTK: how Qwen-7B reads on beyond the length it was trained on.

Logn attention runs any way that transformers calls by name: each name here wraps the function, and takes the
mask, of the name that it starts with.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import eager_mask, sdpa_mask
from transformers.models.qwen2.modeling_qwen2 import Qwen2RotaryEmbedding, eager_attention_forward

from monkeyvl.models.qwen.configuration import QwenConfig

__all__ = ["LOGN", "QwenRotaryEmbedding", "logn_scale", "ntk_alpha"]

LOGN = {"sdpa": "sdpa_logn", "eager": "eager_logn"}

# Of the forward pass that a thread is in: prompts of different lengths may go through one model at once.
_PASS = threading.local()


def logn_scale(position_ids: Tensor, seq_length: int) -> Tensor:
    """What the query at each position is multiplied by: log p / log seq_length beyond seq_length, else 1.

    Args:
        position_ids: (B, T) from 0; p counts from 1.
        seq_length: tokens of a prompt in training.

    Returns:
        (B, T) in float32.
    """
    return ((position_ids + 1).float().log() / math.log(seq_length)).clamp(min=1)


def ntk_alpha(lengths: Tensor, seq_length: int) -> Tensor:
    """The factor of the rotary base: 1 up to seq_length, 3 up to twice as much, then 7, 15 and so on.

    Args:
        lengths: (B,) tokens of each prompt.
        seq_length: tokens of a prompt in training.

    Returns:
        (B,) in float32.
    """
    limits = seq_length * 2 ** torch.arange(32, device=lengths.device)
    return 2.0 ** (torch.bucketize(lengths, limits) + 1) - 1


class QwenRotaryEmbedding(Qwen2RotaryEmbedding):
    """Rotary positions with an own base for each row: theta * alpha^(D / (D - 2))."""

    config: QwenConfig

    @property
    def alpha(self) -> Tensor:
        """(B,) or (1,) in float32; the model sets it before every use, for the running thread alone."""
        chosen: Tensor = _PASS.alpha
        return chosen

    @alpha.setter
    def alpha(self, value: Tensor) -> None:
        _PASS.alpha = value

    @torch.no_grad()
    def forward(self, x: Tensor, position_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine, each (B, T, D) in x's type, for positions (B, T)."""
        half = self.inv_freq.shape[0]
        # Not from the buffer: a model cast as a whole to bfloat16 would have rounded frequencies.
        exponents = torch.arange(half, device=x.device, dtype=torch.float32) / half
        alpha = self.alpha.to(x.device)[:, None]  # (B, 1)
        base = self.config.rope_parameters["rope_theta"] * alpha ** (half / (half - 1))
        angles = position_ids[..., None].float() * (1 / base**exponents)[:, None]  # (B, T, D / 2)
        angles = torch.cat((angles, angles), dim=-1)  # (B, T, D)
        return angles.cos().to(x.dtype), angles.sin().to(x.dtype)


def _with_logn(attention: Callable[..., Any]) -> Callable[..., Any]:
    def forward(module: Any, query: Tensor, *args: Any, position_ids: Tensor, **kwargs: Any) -> Any:
        if not module.training:  # as officially
            scale = logn_scale(position_ids, module.config.seq_length).to(query)
            query = query * scale[:, None, :, None]  # (B, heads, T, D) * (B, 1, T, 1)
        return attention(module, query, *args, position_ids=position_ids, **kwargs)

    return forward


AttentionInterface.register(LOGN["sdpa"], _with_logn(sdpa_attention_forward))
AttentionInterface.register(LOGN["eager"], _with_logn(eager_attention_forward))
AttentionMaskInterface.register(LOGN["sdpa"], sdpa_mask)
AttentionMaskInterface.register(LOGN["eager"], eager_mask)
