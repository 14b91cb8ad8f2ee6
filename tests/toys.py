"""Models, rows and settings of toy fine-tunings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import load_file

from monkeyvl.models.monkey import (
    MonkeyConfig,
    MonkeyForConditionalGeneration,
    MonkeyImageProcessor,
    MonkeyProcessor,
)
from monkeyvl.models.qwen.tokenization import SPECIAL_TOKENS, tiktoken_to_fast
from monkeyvl.models.textmonkey import TextMonkeyConfig, TextMonkeyForConditionalGeneration
from monkeyvl.training.finetune_recipe import Finetuning

COLOURS = ("red", "green", "blue")
# What a TextMonkey of the size of `small_monkey` has of its own.
ADDED: dict[str, Any] = {
    **{"window_pos": [1], "window_dim": [16], "window_head": [2], "attention_window": 4, "r": 8},
    **{"resampler_dim": 32, "resampler_heads": 2, "resampler_dim_head": 16},
}


def coloured_rows(folder: Path, count: int = 12, noisy: bool = False) -> Path:
    """Pictures of 32 pixels in three colours and questions of four lengths."""
    (folder / "images").mkdir()
    lines = []
    for number in range(count):
        colour = COLOURS[number % 3]
        image = Image.new("RGB", (32, 32), colour)
        if noisy:
            image = Image.blend(image, Image.effect_noise((32, 32), 90).convert("RGB"), 0.5)
        image.save(folder / f"images/{number}.png")
        question = "Which colour? " * (1 + number % 4)
        row = {"image": f"images/{number}.png", "question": question, "answer": colour}
        lines.append(json.dumps(row) + "\n")
    (folder / "rows.jsonl").write_text("".join(lines))
    return folder / "rows.jsonl"


def toy(base: Path | str, **others: Any) -> Finetuning:
    """A few steps without an evaluation."""
    values = {"steps": 4, "batch_size": 6, "save_steps": 2, "warmup_steps": 1, "hold_out": 0.0}
    return Finetuning(**{"model": str(base), "learning_rate": 1e-3, **values, **others})


def settings(base: Path, **others: Any) -> Finetuning:
    """A few steps with an evaluation before and after."""
    values = {"steps": 4, "batch_size": 2, "save_steps": 1, "learning_rate": 1e-3}
    values["eval_steps"] = 4 if others.get("hold_out", 0.2) else 0
    return Finetuning(**{"model": str(base), "hold_out": 0.2, "warmup_steps": 2, **values, **others})


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors in a folder's files by name."""
    return {
        name: value
        for file in sorted(folder.glob("*.safetensors"))
        for name, value in load_file(file).items()
    }


def logged(out: Path, name: str) -> list[Any]:
    """The values of a name in a run's log, in order."""
    lines = map(json.loads, (out / "log.jsonl").read_text().splitlines())
    return [one[name] for one in lines if name in one]


def small_monkey(folder: Path, kind: str) -> Path:
    """Four windows of 4 x 4 patches and their global view; 4 visual tokens each; untrained."""
    config_class, model_class = {
        "monkey": (MonkeyConfig, MonkeyForConditionalGeneration),
        "textmonkey": (TextMonkeyConfig, TextMonkeyForConditionalGeneration),
    }[kind]
    vision: dict[str, Any] = {
        **{"image_size": 112, "window_size": 56, "patch_size": 14, "width": 32, "layers": 2, "heads": 2},
        **{"mlp_ratio": 2.0, "output_dim": 64, "num_queries": 4, "pool_head_dim": 16},
    }
    if kind == "textmonkey":
        vision |= ADDED
    tokenizer = tiktoken_to_fast({bytes([byte]): byte for byte in range(256)}, 512)
    text = {
        **{"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2},
        **{"num_key_value_heads": 2, "vocab_size": 256 + len(SPECIAL_TOKENS), "seq_length": 512},
        **{"max_position_embeddings": 512, "initializer_range": 0.05},
        "eos_token_id": 256 + SPECIAL_TOKENS.index("<|endoftext|>"),
    }
    start = 256 + SPECIAL_TOKENS.index("<img>")
    ids = {"image_start_id": start, "image_end_id": start + 1, "image_pad_id": start + 2}
    torch.manual_seed(1)
    model_class(config_class(vision_config=vision, text_config=text, **ids)).save_pretrained(folder)
    sizes = {"image_size": 112, "window_size": 56, "num_queries": 4}
    kept = {"kept_tokens": 8} if kind == "textmonkey" else {}
    MonkeyProcessor(MonkeyImageProcessor(**sizes, **kept), tokenizer).save_pretrained(folder)
    return folder
