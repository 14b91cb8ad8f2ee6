"""Images saved as JPEG again: by row and epoch, so that a run that goes on sees the same ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from support import tiny_checkpoint
from toys import coloured_rows, toy

from monkeyvl.checkpoints import family_of
from monkeyvl.data.rows import Row, Turn
from monkeyvl.data.streaming import Loaded, Rows
from monkeyvl.drivers import driver_for
from monkeyvl.errors import Paused, UsageError
from monkeyvl.loading import load_folder
from monkeyvl.training.augment import Jpeg, recoded
from monkeyvl.training.encoding import Example, RowEncoder
from monkeyvl.training.finetune import finetune
from monkeyvl.training.finetune_recipe import Finetuning
from monkeyvl.training.order import TrainingRows

NOISE = Image.effect_noise((64, 48), 90).convert("RGB")
ROW = Loaded(Row((Path("a.png"),), (Turn("?", "1"),)), (NOISE,))


def seen(jpeg: Jpeg, number: int, epoch: int) -> bytes:
    return jpeg(ROW, number, epoch).images[0].tobytes()


def test_row_and_epoch_decide_what_happens() -> None:
    jpeg = Jpeg((40, 95), 1.0, seed=1)
    assert seen(jpeg, 5, 2) == seen(Jpeg((40, 95), 1.0, seed=1), 5, 2)
    found = {seen(jpeg, number, epoch) for number in range(5) for epoch in range(5)}
    assert len(found) > 15, "56 qualities"
    assert seen(Jpeg((40, 95), 1.0, seed=2), 5, 2) != seen(jpeg, 5, 2)
    chosen = [seen(Jpeg((40, 95), 0.3, seed=1), number, 0) != NOISE.tobytes() for number in range(300)]
    assert 60 < sum(chosen) < 120
    assert seen(Jpeg((40, 95), 0.0, seed=1), 5, 2) == NOISE.tobytes()


def test_qualities_are_those_asked_for() -> None:
    allowed = {recoded(NOISE, quality).tobytes() for quality in (60, 61, 62)}
    assert {seen(Jpeg((60, 62), 1.0, 1), number, 0) for number in range(40)} == allowed
    error = [np.abs(np.asarray(recoded(NOISE, q), float) - np.asarray(NOISE)).mean() for q in (40, 95)]
    assert error[0] > 2 * error[1] > 0


def test_a_row_is_another_one_in_another_epoch_and_the_same_again(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny")
    model, processor = load_folder(folder, "cpu", "float32")
    encode = RowEncoder(processor, driver_for(model, processor), family_of(folder), 400)
    rows = Rows(coloured_rows(tmp_path, noisy=True))

    def dataset() -> TrainingRows:
        return TrainingRows(rows, range(12), [0] * 12, encode, 24, 6, 1, augment=Jpeg((40, 95), 1.0, 1))

    def pixels(items: TrainingRows, place: int) -> torch.Tensor:
        example = items[place]
        assert isinstance(example, Example)
        return example.pixels[0]

    one, other = dataset(), dataset()
    again = one.order.index(one.order[3], 12)
    assert torch.equal(pixels(one, 3), pixels(other, 3))
    assert torch.equal(pixels(one, again), pixels(other, again))
    assert not torch.equal(pixels(one, 3), pixels(one, again))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_resumed_run_sees_the_same_images(workers: int, tmp_path: Path) -> None:
    base, rows = tiny_checkpoint(tmp_path / "tiny"), coloured_rows(tmp_path, noisy=True)
    recipe = toy(base, jpeg=(10, 60), jpeg_share=0.7, workers=workers)
    whole = finetune(rows, tmp_path / "whole", recipe)
    with pytest.raises(Paused):
        finetune(rows, tmp_path / "broken", recipe, minutes=1e-9)
    again = finetune(rows, tmp_path / "broken", recipe, resume=True)
    plain = finetune(rows, tmp_path / "plain", toy(base))
    one, other, third = (load_file(folder / "model.safetensors") for folder in (whole, again, plain))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not all(torch.equal(one[name], third[name]) for name in one)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"jpeg": (40,)}, r"jpeg is \[40\]"),
        ({"jpeg": (95, 40)}, "lowest first"),
        ({"jpeg": (0, 40)}, "1 to 100"),
        ({"jpeg_share": 1.5}, r"jpeg_share is 1\.5"),
        ({"pack": -1}, "pack is -1"),
    ],
)
def test_impossible_values_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Finetuning(**values)  # type: ignore[arg-type]
