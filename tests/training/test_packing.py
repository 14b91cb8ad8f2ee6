"""Packed rows: the loss and the gradients of rows alone, and no row sees its neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from monkeys import SEQ_LENGTH, tiny_monkey
from PIL import Image
from safetensors.torch import load_file
from support import picture, tiny_checkpoint
from toys import coloured_rows, logged, toy

from monkeyvl.checkpoints import family_of
from monkeyvl.cli import main
from monkeyvl.data.rows import Row, Turn
from monkeyvl.data.streaming import Loaded, Rows
from monkeyvl.drivers import driver_for
from monkeyvl.errors import MonkeyVLError, Paused
from monkeyvl.loading import load_folder
from monkeyvl.training.encoding import Example, RowEncoder, collate
from monkeyvl.training.finetune import finetune, prepare
from monkeyvl.training.finetune_score import answer_loss
from monkeyvl.training.labels import IGNORED
from monkeyvl.training.packing import first_fit, pack, packs, silent

KINDS = ("minimonkey", "monkey", "textmonkey")


def checkpoint(folder: Path, kind: str) -> Path:
    return tiny_checkpoint(folder) if kind == "minimonkey" else tiny_monkey(folder, kind)


def model_and_rows(kind: str, folder: Path) -> tuple[Any, list[Example]]:
    """Three rows: with an image, without one, and with another image and two turns."""
    model, processor = load_folder(checkpoint(folder, kind), "cpu", "float32")
    encode = RowEncoder(processor, driver_for(model, processor), family_of(folder), 4000)

    def row(*turns: Turn, images: tuple[Image.Image, ...] = ()) -> Example:
        return encode(Loaded(Row((Path("a.png"),) * len(images), turns, where="rows line 1"), images))

    return model, [
        row(Turn("One?", "1"), images=(picture(),)),
        row(Turn("A longer one, and without an image?", "an answer")),
        row(Turn("?", "2"), Turn("Colour?", "red"), images=(picture(90, 200, "pink"),)),
    ]


def test_packs_are_filled_by_first_fit() -> None:
    assert first_fit([3, 9, 5, 4, 2, 1], 10) == [[1, 5], [2, 3], [0, 4]]
    assert first_fit([12, 3], 10) == [[0], [1]], "too long for others, but not lost"
    lengths = torch.randint(1, 101, (200,), generator=torch.Generator().manual_seed(1)).tolist()
    found = first_fit(lengths, 128)
    assert sorted(number for one in found for number in one) == list(range(200))
    assert all(sum(lengths[number] for number in one) <= 128 for one in found)
    assert len(found) <= 1.05 * sum(lengths) / 128 + 1


def gradients(model: Any, batches: list[dict[str, Any]]) -> tuple[float, int, torch.Tensor]:
    model.zero_grad()
    lost, count = 0.0, 0
    for batch in batches:
        total, number = answer_loss(model, batch)
        total.backward()
        lost, count = lost + float(total.detach()), count + int(number)
    found = [one.grad.flatten() for one in model.parameters() if one.grad is not None]
    return lost, count, torch.cat(found)


@pytest.mark.parametrize(
    ("kind", "attention"),
    [*((kind, "sdpa") for kind in KINDS), ("minimonkey", "eager"), ("textmonkey", "eager")],
)
def test_packed_rows_have_loss_and_gradients_of_rows_alone(kind: str, attention: str, tmp_path: Path) -> None:
    model, rows = model_and_rows(kind, tmp_path / "m")
    model.set_attn_implementation(attention)
    model.train()
    loss, count, wanted = gradients(model, [collate([row], 0, multiple=1) for row in rows])
    batch = pack(rows, 0)
    assert batch["input_ids"].shape[0] == 1
    assert sum(map(len, (row.ids for row in rows))) <= batch["input_ids"].shape[1]
    packed_loss, packed_count, found = gradients(model, [batch])
    assert packed_count == count
    assert packed_loss == pytest.approx(loss, rel=1e-5)
    assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-5 * float(wanted.abs().max()))
    _, silenced, nothing = gradients(model, [silent(batch)])
    assert silenced == 0
    assert not nothing.any()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_no_row_sees_another(kind: str, training: bool, tmp_path: Path) -> None:
    model, (first, second, third) = model_and_rows(kind, tmp_path / "m")
    model.train(training)
    # Longer than any row, shorter than the pack: NTK and logn go by a row's own positions.
    model.config.text_config.seq_length = max(len(first.ids), len(third.ids)) + 1

    def logits(*rows: Example) -> list[torch.Tensor]:
        inputs = {name: value for name, value in pack(rows, 0, multiple=1).items() if name != "labels"}
        with torch.no_grad():
            found = model(**inputs, use_cache=False).logits[0]
        return list(found.split([len(row.ids) for row in rows]))

    alone = logits(second)[0]
    _, among, last = logits(first, second, third)
    other, swapped, _ = logits(third, second, first)
    assert torch.allclose(among, alone, atol=1e-4 * float(alone.abs().max()))
    assert torch.allclose(swapped, among, atol=1e-4 * float(alone.abs().max()))
    assert torch.allclose(other, last, atol=1e-4 * float(last.abs().max()))
    inputs = pack((first, second, third), 0, multiple=1)
    with torch.no_grad():
        seen = model(input_ids=inputs["input_ids"], pixel_values=inputs["pixel_values"]).logits[0]
    assert not torch.allclose(seen[len(first.ids) :][: len(alone)], alone, atol=0.1), "without own positions"


def test_packs_hold_every_row_once_and_their_images_in_order(tmp_path: Path) -> None:
    _, rows = model_and_rows("minimonkey", tmp_path / "m")
    longest = max(len(row.ids) for row in rows)
    batch = packs([*rows, *rows], 0, longest + 40)
    assert all(one["input_ids"].shape[1] <= -(-(longest + 40) // 16) * 16 for one in batch["packs"])
    asked = torch.cat([row.labels[row.labels != IGNORED] for row in (*rows, *rows)])
    found = batch["labels"][batch["labels"] != IGNORED]
    assert sorted(found.tolist()) == sorted(asked.tolist())
    assert sum(len(one.get("num_tiles", ())) for one in batch["packs"]) == 4


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(load_file(folder / "model.safetensors"))


def test_a_packed_run_learns_the_same_and_is_resumed_bit_for_bit(tmp_path: Path) -> None:
    base, rows = tiny_checkpoint(tmp_path / "tiny"), coloured_rows(tmp_path)
    recipe = toy(base, pack=200, rows_at_once=3)
    whole = finetune(rows, tmp_path / "whole", recipe)
    with pytest.raises(Paused):
        finetune(rows, tmp_path / "broken", recipe, minutes=1e-9)
    again = finetune(rows, tmp_path / "broken", recipe, resume=True)
    one, other = weights(whole), weights(again)
    assert all(torch.equal(one[name], other[name]) for name in one)

    # A step of all rows is the same whatever their order.
    finetune(rows, tmp_path / "plain", toy(base, batch_size=12, steps=1, save_steps=1))
    finetune(rows, tmp_path / "packed", toy(base, batch_size=12, steps=1, save_steps=1, pack=200))
    for name in ("loss", "grad_norm"):
        plain, packed = (logged(tmp_path / run, name) for run in ("plain", "packed"))
        assert packed == pytest.approx(plain, rel=1e-4)


@pytest.mark.parametrize(("kind", "pack", "limit"), [("minimonkey", 30, 30), ("monkey", 3000, SEQ_LENGTH)])
def test_a_row_that_fits_no_pack_is_a_bad_one(kind: str, pack: int, limit: int, tmp_path: Path) -> None:
    recipe = toy(checkpoint(tmp_path / "m", kind), pack=pack, batch_size=2)
    with pytest.raises(MonkeyVLError, match=rf"rows\.jsonl line \d+: .* longer than the limit of {limit}"):
        finetune(coloured_rows(tmp_path), tmp_path / "out", recipe)


def test_two_processes_with_unlike_packs_learn_as_one(tmp_path: Path) -> None:
    base, rows = tiny_checkpoint(tmp_path / "tiny"), coloured_rows(tmp_path)
    recipe = toy(base, pack=140, batch_size=8, steps=3)
    one = finetune(rows, tmp_path / "one", recipe)
    work = prepare(Rows(rows), base, tmp_path / "looked", recipe.settled(small=True))
    lengths = [len(work.trainer.train_dataset[number].ids) for number in range(24)]
    counts = [len(first_fit(lengths[at : at + 4], 140)) for at in range(0, 24, 4)]
    assert counts[::2] != counts[1::2], "of the two processes, step by step"
    given = ["finetune", "--data", str(rows), "--model", str(base), "--out", str(tmp_path / "two"), "--pack"]
    given += ["140", "--batch-size", "8", "--steps", "3", "--hold-out", "0", "--learning-rate", "1e-3"]
    assert main([*given, "--set", "warmup_steps=1", "--device", "cpu", "--processes", "2"]) == 0
    for name in ("loss", "grad_norm"):
        assert logged(tmp_path / "two", name) == pytest.approx(logged(tmp_path / "one", name), rel=1e-3)
    begun, alone, both = (weights(folder) for folder in (base, one, tmp_path / "two" / "checkpoint"))
    way = sum(float((alone[name] - value).abs().sum()) for name, value in begun.items())
    assert sum(float((alone[name] - both[name]).abs().sum()) for name in begun) < 0.02 * way
