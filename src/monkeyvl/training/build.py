"""A fresh Mini-Monkey of a recipe's sizes, and its processor."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from monkeyvl.training.recipe import ModelSizes
from monkeyvl.training.tokenizer import IMAGE, build_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from monkeyvl.models.minimonkey import MiniMonkeyForConditionalGeneration, MiniMonkeyProcessor


def build_model(sizes: ModelSizes, tokenizer: PreTrainedTokenizerFast) -> MiniMonkeyForConditionalGeneration:
    """Random weights; LayerScale starts at 1, which suits a tower of few layers."""
    from transformers import InternVLVisionConfig, LlamaConfig

    from monkeyvl.models.minimonkey import MiniMonkeyConfig, MiniMonkeyForConditionalGeneration

    vision = InternVLVisionConfig(
        hidden_size=sizes.vision.hidden_size,
        num_hidden_layers=sizes.vision.layers,
        num_attention_heads=sizes.vision.heads,
        intermediate_size=sizes.vision.intermediate_size,
        image_size=sizes.tile_size,
        patch_size=sizes.patch_size,
        attention_bias=True,
        layer_scale_init_value=1.0,
    )
    text = LlamaConfig(
        hidden_size=sizes.text.hidden_size,
        num_hidden_layers=sizes.text.layers,
        num_attention_heads=sizes.text.heads,
        num_key_value_heads=sizes.text.heads,
        intermediate_size=sizes.text.intermediate_size,
        vocab_size=len(tokenizer),
        max_position_embeddings=sizes.text.context,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=False,
    )
    config = MiniMonkeyConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
        image_seq_length=(sizes.tile_size // sizes.patch_size // 2) ** 2,
        tie_word_embeddings=False,
        vision_feature_layer=-1,
    )
    model = MiniMonkeyForConditionalGeneration(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.bos_token_id = tokenizer.bos_token_id
    return model


def build_processor(sizes: ModelSizes) -> MiniMonkeyProcessor:
    from monkeyvl.models.minimonkey import Cropping, MiniMonkeyImageProcessor, MiniMonkeyProcessor

    cropping = Cropping.parse(sizes.cropping)
    image_processor = MiniMonkeyImageProcessor(
        tile_size=sizes.tile_size, patch_size=sizes.patch_size, cropping=cropping, trim=sizes.trim
    )
    return MiniMonkeyProcessor(
        image_processor=image_processor,
        tokenizer=build_tokenizer(sizes.merges),
    )


def save_checkpoint(model: MiniMonkeyForConditionalGeneration, sizes: ModelSizes, folder: Path) -> None:
    """A folder that `monkeyvl.load` opens: bf16 weights in shards under 16 MiB, configuration, processor.

    It appears when it is whole, in place of an older one.
    """
    from monkeyvl.training.saving import appearing

    model = copy.deepcopy(model).to(torch.bfloat16)
    with appearing(folder) as inside:
        model.save_pretrained(inside, max_shard_size="15MB")
        build_processor(sizes).save_pretrained(inside)
