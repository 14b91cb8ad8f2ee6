from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from monkeyvl.errors import UsageError
from monkeyvl.evaluation.splits import SPLIT_SETS, file_sha256, in_split, list_splits, split_of

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


def test_first_digit_decides() -> None:
    assert [split_of(digit + "0" * 63) for digit in "0123456789ab"] == ["train"] * 12
    assert [split_of(digit + "0" * 63) for digit in "cdef"] == ["score"] * 4
    for wrong in ("", "C" + "0" * 63, "0" * 63, "g" * 64):
        with pytest.raises(UsageError):
            split_of(wrong)


def test_other_sets_are_scored_whole() -> None:
    train, score = "0" * 64, "c" * 64
    assert in_split("sroie", score, "score")
    assert not in_split("sroie", train, "score")
    assert in_split("sroie", train, "train")
    assert in_split("sroie", train, "all")
    assert in_split("funsd", train, "score")
    assert not in_split("funsd", train, "train")
    with pytest.raises(UsageError, match="split 'test'"):
        in_split("funsd", train, "test")


def test_lists_follow_the_rule() -> None:
    lists = json.loads((RECIPES / "splits.json").read_text(encoding="utf-8"))["sets"]
    assert sorted(lists) == sorted(SPLIT_SETS)
    for parts in lists.values():
        assert all(split_of(sha256) == part for part, files in parts.items() for sha256 in files.values())
        assert len(parts["train"]) > len(parts["score"]) > 10


def test_writes_lists(tmp_path: Path) -> None:
    for number, name in enumerate(SPLIT_SETS):
        folder = tmp_path / name / "dev" / "images"
        folder.mkdir(parents=True)
        Image.new("RGB", (4, 4), (number, 0, 0)).save(folder / "a.png")
    lists = list_splits(tmp_path)["sets"]
    for name in SPLIT_SETS:
        sha256 = file_sha256(tmp_path / name / "dev" / "images" / "a.png")
        assert lists[name][split_of(sha256)] == {"dev/images/a.png": sha256}
    with pytest.raises(UsageError, match="no images"):
        list_splits(tmp_path / "nowhere")
