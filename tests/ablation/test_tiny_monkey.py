"""The tiny Monkey of the studies: what its parts and switches do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from monkeyvl.ablation.adapting import freeze_tower
from monkeyvl.ablation.canvases import COLORS, PATTERNS, WINDOW, generator, glyphs, pairs
from monkeyvl.ablation.crossing import UnshiftedTextMonkey
from monkeyvl.ablation.keeping import RandomQueries
from monkeyvl.ablation.placing import placed_turns
from monkeyvl.ablation.tiny_monkey import (
    ANSWERS,
    PLACED,
    PLACES,
    build,
    continued,
    guesses,
    logits,
    plain_turns,
    train,
    train_canvases,
    visual_tokens,
)
from monkeyvl.ablation.tiny_monkey import test as score
from monkeyvl.models.textmonkey import TextMonkeyForConditionalGeneration


@torch.no_grad()
def test_a_question_does_not_see_the_others() -> None:
    model, canvases = build(1).eval(), glyphs(3, generator(1))
    turns = plain_turns(canvases) + placed_turns(canvases, "rectangle")
    together = logits(model, canvases.pixels, turns)
    for number in (0, 3):
        alone = logits(model, canvases.pixels, turns[number : number + 1])
        assert torch.allclose(together[:, number : number + 1], alone, atol=1e-5)
    alone = logits(model, canvases.pixels, turns[-1:])
    assert torch.allclose(together[:, -alone.shape[1] :], alone, atol=1e-5)


def test_a_few_steps_learn_one_canvas() -> None:
    model, canvases = build(1), glyphs(1, generator(1), WINDOW, asked=2)
    train(model, lambda: canvases, 40)
    assert score(model, canvases) == (1.0, 1.0)


def test_scores_are_of_questions_canvas_by_canvas() -> None:
    model, canvases = build(1).eval(), glyphs(60, generator(1))
    right = score(model, canvases)
    assert len(right) == 240
    last = replace(
        canvases,
        **{
            name: getattr(canvases, name)[-1:] for name in ("pixels", "colors", "patterns", "rows", "columns")
        },
    )
    assert score(model, last) == right[-4:]


@torch.no_grad()
def moved(kind: type[TextMonkeyForConditionalGeneration]) -> list[bool]:
    """Which of the four windows' tokens change with the pixels of the upper right one."""
    visual = build(1, kind, add_window=True).eval().model.visual
    for block in visual.transformer.window_attention:
        torch.nn.init.normal_(block.shift_attn.mlp.fc2.weight, std=0.5)
    pixels = pairs(1, 0.5, generator(1)).pixels
    other = pixels.clone()
    other[:, :, :WINDOW, WINDOW:] += 1
    change = visual(other).local_tokens - visual(pixels).local_tokens  # (1, 4 * tokens, D)
    return [bool(part.abs().max() > 1e-4) for part in change[0].chunk(4)]


def test_shifted_attention_crosses_cuts_and_the_other_does_not() -> None:
    assert moved(TextMonkeyForConditionalGeneration) == [True, True, True, True]
    assert moved(UnshiftedTextMonkey) == [False, True, False, False]


@torch.no_grad()
@pytest.mark.parametrize("kind", [TextMonkeyForConditionalGeneration, UnshiftedTextMonkey])
def test_what_starts_at_zero_goes_on_as_it_was(kind: type[TextMonkeyForConditionalGeneration]) -> None:
    first = build(1, TextMonkeyForConditionalGeneration).eval()
    model = continued(first, build(2, kind, add_window=True)).eval()
    canvases = pairs(2, 0.5, generator(1))
    turns = plain_turns(canvases)
    before, after = (logits(one, canvases.pixels, turns) for one in (first, model))
    assert torch.allclose(before, after, atol=1e-5)


@torch.no_grad()
def test_random_queries_gather_all_tokens_and_keep_none() -> None:
    torch.manual_seed(1)
    queries = RandomQueries(64, 8, 32, 2, 16)
    tokens = torch.randn(2, 16, 64)
    made, kept = queries(tokens)
    assert made.shape == (2, 8, 64)
    assert kept.shape == (2, 0)
    assert torch.equal(made[0], made[1])  # zero-initialised: only the queries, at first
    layers: Any = queries.layers
    torch.nn.init.normal_(layers[0][1].fc2.weight)
    made, _ = queries(tokens)
    turned, _ = queries(tokens.flip(1))
    assert not torch.allclose(made[0], made[1], atol=1e-3)
    assert torch.allclose(made, turned, atol=1e-5)  # whatever the order of the tokens


def test_the_tower_is_frozen_but_for_adapters_and_resampler() -> None:
    model = build(1, lora_repeat_num=4)
    freeze_tower(model)
    before = {name: value.clone() for name, value in model.named_parameters()}
    train(model, train_canvases(lambda source: glyphs(4, source), 1), 3)
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    visual = {name.removeprefix("model.visual.") for name in changed if name.startswith("model.visual.")}
    assert all("_lora." in name or name.startswith(("attn_pool.", "ln_post.", "proj")) for name in visual)
    assert {name.split("_lora.")[1][0] for name in visual if "_lora." in name} == {"0", "1", "2", "3"}
    assert any(name.startswith("model.language_model.") for name in changed)
    assert "attn_pool.query" in visual
    assert "attn_pool.pos_embed" not in visual


@pytest.mark.parametrize(("shape", "numbers"), [("point", 2), ("rectangle", 4), ("polygon", 8)])
def test_a_place_follows_its_answer(shape: str, numbers: int) -> None:
    canvases = glyphs(5, generator(2))
    ids, after = placed_turns(canvases, shape)[1]
    assert ids.shape == after.shape == (5, 1 + numbers)
    assert torch.equal(ids[:, 0], PLACED + canvases.colors[:, 1])
    assert torch.equal(after[:, 0], ANSWERS + canvases.patterns[:, 1])
    assert torch.equal(ids[:, 1:], after[:, :-1])
    points = (after[:, 1:] - PLACES).unflatten(1, (-1, 2))  # (canvases, points, x and y)
    corner = torch.stack([canvases.columns[:, 1], canvases.rows[:, 1]], dim=1)
    assert torch.equal(points.double().mean(1) - corner, torch.ones(5, 2, dtype=torch.double))
    extent = points.amax(1) - points.amin(1)
    assert (extent == (0 if shape == "point" else 2)).all()


def test_tokens_are_counted_by_the_configuration() -> None:
    pixels = glyphs(1, generator(1)).pixels
    assert visual_tokens(build(1), pixels) == 16
    kept = build(1, TextMonkeyForConditionalGeneration, resampler=True, r=5)
    assert visual_tokens(kept, pixels) == 5


def test_guesses_are_those_of_the_test_canvases() -> None:
    canvases = glyphs(50, generator(1))
    found = guesses(canvases)
    assert found["chance"] == 1 / PATTERNS
    counts = [int((canvases.patterns == number).sum()) for number in range(PATTERNS)]
    assert found["majority answer"] == pytest.approx(max(counts) / 200)
    assert COLORS > 4  # a color that is not there could be asked
