"""Cuts, training and dropping of the tiny Mini-Monkey, and the studies that use it."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from monkeyvl.ablation import tiny
from monkeyvl.ablation.dropping import answered_without
from monkeyvl.ablation.marks import TILE, TILES, make_picture
from monkeyvl.ablation.registry import find_study
from monkeyvl.ablation.runner import read_runs, run_studies
from monkeyvl.ablation.study import Budget
from monkeyvl.ablation.table import record_of, summary

SMALL = Budget(0.005)


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny, "TEST_PICTURES", 6)


@pytest.mark.parametrize(
    ("name", "tiles"),
    [("global", 1), ("fixed", 4), ("fixed without global", 3), ("overlapping", 5), ("msac", 6)],
)
def test_cuts_have_their_tiles(name: str, tiles: int) -> None:
    some = tiny.pictures("x", 2)
    pixels, layers = tiny.CUTS[name]([one.image for one in some])
    assert pixels.shape == (2, tiles, 3, TILE, TILE)
    assert len(layers) == tiles
    assert (2 in layers.tolist()) == (name != "fixed without global")
    assert tiny.costs(tiny.CUTS[name])["visual tokens"] == 4 * tiles


def test_overlapping_tiles_show_every_place_and_cut_bars_whole() -> None:
    image = make_picture(random.Random(1)).image
    pixels, _ = tiny.CUTS["overlapping"]([image])
    assert torch.equal(pixels[0, 0], tiny.CUTS["fixed"]([image])[0][0, 0])
    starts = tiny.CUTS["overlapping"].overlapping
    assert starts[-1] == (TILES - 1) * TILE
    for line in (TILE, 2 * TILE):
        # a bar across the line, its halves 8 pixels each
        assert any(start <= line - 8 and line + 8 <= start + TILE for start in starts)


def test_questions_do_not_see_each_other() -> None:
    model = tiny.build(1).eval()
    some = tiny.pictures("y", 3)
    alone = [tiny.Picture(one.image, (one.asked[2],)) for one in some]
    with torch.no_grad():
        together = tiny.logits(model, tiny.GLOBAL, some)[:, 2]
        single = tiny.logits(model, tiny.GLOBAL, alone)[:, 0]
    torch.testing.assert_close(together, single, atol=1e-5, rtol=1e-4)


def test_training_lowers_the_loss_and_repeats_itself() -> None:
    budget = Budget(0.02)
    model = tiny.trained(tiny.GLOBAL, 1, budget)
    tiny.trained.cache_clear()
    tiny.base.cache_clear()
    again = tiny.trained(tiny.GLOBAL, 1, budget)
    assert model is not again
    for one, other in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    some = tiny.pictures("z", 20)
    answers = torch.tensor([one.answer for one in tiny.questions(some)])
    with torch.no_grad():
        before, after = (
            torch.nn.functional.cross_entropy(tiny.logits(one, tiny.GLOBAL, some).flatten(0, 1), answers)
            for one in (tiny.build(1).eval(), model)
        )
    assert after < before - 0.2


def test_no_compression_answers_as_the_plain_model() -> None:
    model, cut, some = tiny.build(2).eval(), tiny.CUTS["msac"], tiny.pictures("w", 30)
    plain = tiny.answered(model, cut, some)
    assert 0 < np.mean(plain) < 1
    for how in ("exact", "random"):
        assert answered_without(model, cut, some, 0.0, how, 1) == plain
    assert answered_without(model, cut, some, 0.9, "random", 1) != plain


@pytest.mark.parametrize("name", ["msac", "global-view", "scm"])
def test_studies_run_at_a_small_budget(tmp_path: Path, name: str) -> None:
    study = find_study(name)
    run_studies([study], tmp_path, 2, SMALL)
    runs = read_runs(tmp_path / name, study)
    assert len(runs) == 2 * len(study.variants)
    assert {len(run["right"]) for run in runs} == {30}
    text = summary(study, record_of(study, tmp_path / name))
    assert all(variant.name in text for variant in study.variants)
    tokens = {run["variant"]: run["cost"]["visual tokens"] for run in runs}
    if name == "scm":
        assert (tokens["SCM 0"], tokens["SCM 0.5"], tokens["random 0.9"]) == (24, 18, 13)
