"""Official weight names to native ones: rules that transformers applies tensor by tensor while it reads.

Both layouts load through the same rules, as a native name matches none of them. Saving always writes native
names (`save_pretrained` in modeling.py).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.conversion_mapping import register_checkpoint_conversion_mapping
from transformers.core_model_loading import Chunk, ConversionOps, WeightConverter, WeightRenaming


class SplitGroupedQKV(ConversionOps):
    """InternLM2's fused `wqkv`, whose rows lie as (kv head, queries of its group + key + value, head dim)."""

    @torch.no_grad()
    def convert(
        self,
        input_dict: dict[str, Any],
        source_patterns: list[str],
        target_patterns: list[str],
        **kwargs: Any,
    ) -> dict[str, Tensor]:
        """Returns query, key and value under the three target patterns; `config` comes with the keywords."""
        (tensors,) = input_dict.values()
        fused = tensors[0] if isinstance(tensors, list) else tensors
        query, key, value = split_grouped_qkv(fused, kwargs["config"].get_text_config())
        return dict(zip(target_patterns, (query, key, value), strict=True))


def split_grouped_qkv(fused: Tensor, text_config: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value of a fused weight (kv * (groups + 2) * D, H) or bias (kv * (groups + 2) * D,)."""
    kv_heads, rest = text_config.num_key_value_heads, fused.shape[1:]
    groups = text_config.num_attention_heads // kv_heads
    grouped = fused.view(kv_heads, groups + 2, _head_dim(text_config), *rest)
    query, key, value = grouped.split([groups, 1, 1], dim=1)  # (kv, groups or 1, D, H)
    return query.reshape(-1, *rest), key.reshape(-1, *rest), value.reshape(-1, *rest)


def _head_dim(text_config: Any) -> int:
    head_dim = getattr(text_config, "head_dim", None)
    return head_dim or text_config.hidden_size // text_config.num_attention_heads


def weight_rules() -> list[WeightRenaming | WeightConverter]:
    """The rules, in order: every renaming that matches applies, then at most one converter."""
    renamings = [
        (r"^vision_model\.", "model.vision_tower."),
        (r"^language_model\.model\.", "model.language_model."),
        (r"^language_model\.(?:output|lm_head)\.", "lm_head."),
        (r"^mlp1\.0\.", "model.multi_modal_projector.layer_norm."),
        (r"^mlp1\.1\.", "model.multi_modal_projector.linear_1."),
        (r"^mlp1\.3\.", "model.multi_modal_projector.linear_2."),
        # InternViT
        (r"embeddings\.class_embedding$", "embeddings.cls_token"),
        (r"embeddings\.position_embedding$", "embeddings.position_embeddings"),
        (r"embeddings\.patch_embedding\.", "embeddings.patch_embeddings.projection."),
        (r"vision_tower\.encoder\.layers\.", "vision_tower.encoder.layer."),
        (r"\.attn\.proj\.", ".attention.projection_layer."),
        (r"\.attn\.q_norm\.", ".attention.q_norm."),
        (r"\.attn\.k_norm\.", ".attention.k_norm."),
        (r"\.norm1\.", ".layernorm_before."),
        (r"\.norm2\.", ".layernorm_after."),
        (r"\.ls1$", ".lambda_1"),
        (r"\.ls2$", ".lambda_2"),
        # InternLM2
        (r"\.tok_embeddings\.", ".embed_tokens."),
        (r"\.attention\.wo\.", ".self_attn.o_proj."),
        (r"\.attention_norm\.", ".input_layernorm."),
        (r"\.ffn_norm\.", ".post_attention_layernorm."),
        (r"\.feed_forward\.w1\.", ".mlp.gate_proj."),
        (r"\.feed_forward\.w3\.", ".mlp.up_proj."),
        (r"\.feed_forward\.w2\.", ".mlp.down_proj."),
    ]
    return [
        *(WeightRenaming(source_patterns=source, target_patterns=target) for source, target in renamings),
        WeightConverter(
            source_patterns=".attn.qkv.",
            target_patterns=[".attention.q_proj.", ".attention.k_proj.", ".attention.v_proj."],
            operations=[Chunk(dim=0)],
        ),
        WeightConverter(
            source_patterns=".attention.wqkv.",
            target_patterns=[".self_attn.q_proj.", ".self_attn.k_proj.", ".self_attn.v_proj."],
            operations=[SplitGroupedQKV()],
        ),
    ]


def register_weight_rules() -> None:
    """Lets transformers apply [`weight_rules`] to every model of type "minimonkey"."""
    register_checkpoint_conversion_mapping("minimonkey", weight_rules(), overwrite=True)
