"""Weights made ready to be shipped."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support import tiny_checkpoint

from monkeyvl.errors import UsageError
from monkeyvl.loading import load_folder
from monkeyvl.training.release import release, rounded


@pytest.mark.parametrize("bits", [2, 6, 8, 9])
def test_rows_are_multiples_of_a_power_of_two(bits: int) -> None:
    torch.manual_seed(1)
    weight = torch.randn(5, 7, 3) * torch.tensor([1e-6, 0.01, 1.0, 300.0, 0.0])[:, None, None]
    close = rounded(weight, bits).float()
    assert (close[4] == 0).all()
    for row, near in zip(weight[:4], close[:4], strict=True):
        step = 2.0 ** torch.ceil(torch.log2(row.abs().max() / 2 ** (bits - 1)))
        assert torch.equal(near / step, torch.round(near / step))
        assert (near - row).abs().max() <= step / 2
    assert len(close[2].unique()) <= 2**bits + 1


def test_vectors_keep_their_values() -> None:
    bias = torch.randn(40)
    assert torch.equal(rounded(bias, 2), bias.to(torch.bfloat16))
    with pytest.raises(UsageError, match="bits is 10; it must be 2 to 9"):
        rounded(bias, 10)


def test_a_released_checkpoint_is_smaller_packed_and_says_the_same(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "whole")
    release(folder, tmp_path / "released", bits=8)
    assert {one.name for one in folder.iterdir()} == {one.name for one in (tmp_path / "released").iterdir()}
    assert (tmp_path / "released" / "model.safetensors").stat().st_mode & 0o777 == 0o644
    before, after = (
        {key: value.to(torch.bfloat16) for key, value in load_file(one / "model.safetensors").items()}
        for one in (folder, tmp_path / "released")
    )
    packed = [
        sum(len(zlib.compress(one.view(torch.uint8).numpy().tobytes())) for one in weights.values())
        for weights in (before, after)
    ]
    assert packed[1] < 0.85 * packed[0]
    ids = torch.arange(10, 40)[None]
    logits = []
    for one in (folder, tmp_path / "released"):
        model, _ = load_folder(one, "cpu", "float32")
        with torch.inference_mode():
            logits.append(model(input_ids=ids).logits)
    assert 0 < (logits[1] - logits[0]).norm() < 0.1 * logits[0].norm()


def test_a_folder_without_weights(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no safetensors file in it"):
        release(tmp_path, tmp_path / "out")
