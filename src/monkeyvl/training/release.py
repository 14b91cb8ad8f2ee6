"""Makes a checkpoint ready to be shipped: bfloat16 weights rounded so that archives of it are small.

Part of what a bfloat16 weight stores is noise to a trained model, and noise does not compress. Rounding
each row of a matrix to multiples of a power of two keeps the format, and every reader of it, and leaves less
of the noise: a wheel or a repository then takes less than half the file's size.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from monkeyvl.errors import UsageError
from monkeyvl.training.saving import appearing

BITS = 6
# bfloat16 has eight significant bits: more steps than that to a side cannot be told apart.
MOST_BITS = 9


def rounded(weight: Tensor, bits: int = BITS) -> Tensor:
    """A matrix in bfloat16, each row's values multiples of a power of two, at most 2^(bits - 1) steps from 0.

    Args:
        weight: (rows, ...); vectors are returned in bfloat16, else as they are.
        bits: 2 to 9.

    Raises:
        UsageError: other bits.
    """
    if not 2 <= bits <= MOST_BITS:
        raise UsageError(f"bits is {bits}; it must be 2 to {MOST_BITS}")
    if weight.dim() < 2:
        return weight.to(torch.bfloat16)
    values = weight.float().flatten(1)  # (rows, ...) -> (rows, columns)
    largest = values.abs().amax(dim=1, keepdim=True)
    step = torch.exp2(torch.ceil(torch.log2(largest / 2 ** (bits - 1))))
    step = torch.where(largest > 0, step, torch.ones_like(step))
    return (torch.round(values / step) * step).reshape(weight.shape).to(torch.bfloat16)


def release(checkpoint: Path, out: Path, bits: int = BITS) -> None:
    """Copies a checkpoint's folder, its weights rounded; `out` appears when it is whole."""
    shards = sorted(checkpoint.glob("*.safetensors"))
    if not shards:
        raise UsageError(f"{checkpoint}: no safetensors file in it")
    with appearing(out) as folder:
        for file in checkpoint.iterdir():
            if file.is_file() and file not in shards:
                shutil.copy2(file, folder / file.name)
        for shard in shards:
            with safe_open(shard, "pt") as opened:
                names, notes = list(opened.keys()), opened.metadata()
                weights = {name: rounded(opened.get_tensor(name), bits) for name in names}
            save_file(weights, folder / shard.name, notes)
            (folder / shard.name).chmod(0o644)  # written for its owner alone, but packages are for all


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--bits", type=int, default=BITS)
    arguments = parser.parse_args()
    release(arguments.checkpoint, arguments.out, arguments.bits)


if __name__ == "__main__":
    main()
