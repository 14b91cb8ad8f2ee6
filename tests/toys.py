"""Rows and settings of toy fine-tunings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

from monkeyvl.training.finetune_recipe import Finetuning

COLOURS = ("red", "green", "blue")


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


def logged(out: Path, name: str) -> list[Any]:
    """The values of a name in a run's log, in order."""
    lines = map(json.loads, (out / "log.jsonl").read_text().splitlines())
    return [one[name] for one in lines if name in one]
