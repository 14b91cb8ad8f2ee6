"""A tiny Monkey or TextMonkey on the canvases of `canvases.py`: all studies build, train and test it alike.

All questions about a canvas share one sequence, each seeing the canvas and itself alone, as in the training
of the embedded checkpoint; a question is one token and a plain answer is read off at its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from monkeyvl.ablation.canvases import COLORS, PATCH, PATTERNS, SIDE, WINDOW, Canvases
from monkeyvl.ablation.fitting import fit
from monkeyvl.models.monkey import MonkeyConfig, MonkeyForConditionalGeneration
from monkeyvl.models.textmonkey import TextMonkeyConfig, TextMonkeyForConditionalGeneration
from monkeyvl.training.batch import question_mask

WIDTH, HIDDEN = 32, 64  # of the vision tower, of the language model
LAYERS = 2  # of both
# ids: the plain questions and those for the answer with its place, by colour; the answers; places; the image
PLAIN, PLACED, ANSWERS = 0, COLORS, 2 * COLORS
PLACES = ANSWERS + PATTERNS
IMAGE = PLACES + SIDE // PATCH + 1  # its start; its end and the placeholder follow
BATCH, LEARNING_RATE = 32, 3e-3
TEST_CANVASES, TEST_SEED = 250, 1_000_003

# What is asked in a row: ids (canvases, tokens) and what follows each of them, -100 where nothing is asked.
Turn = tuple[Tensor, Tensor]


def build(
    seed: int, kind: type[MonkeyForConditionalGeneration] = MonkeyForConditionalGeneration, **vision: Any
) -> MonkeyForConditionalGeneration:
    """A model with the random weights of a seed.

    Args:
        seed: of the weights.
        kind: Monkey's class, or TextMonkey's or one made of it.
        vision: fields of its vision configuration that differ from a Monkey's without adapters, whose global
            view is left out, so that nothing but the windows shows what is asked.
    """
    fields: dict[str, Any] = {
        **{"image_size": SIDE, "window_size": WINDOW, "patch_size": PATCH, "width": WIDTH, "layers": LAYERS},
        **{"heads": 2, "mlp_ratio": 2.0, "output_dim": HIDDEN, "num_queries": 4, "pool_head_dim": 16},
        **{"lora_repeat_num": 0, "lora_rank": 4, "lora_mlp_rank": 4, "use_global": False},
        "initializer_range": 0.08,
    }
    config: type[MonkeyConfig] = MonkeyConfig
    if issubclass(kind, TextMonkeyForConditionalGeneration):
        config = TextMonkeyConfig
        fields |= {"add_window": False, "resampler": False, "attention_window": WINDOW // PATCH}
        fields |= {"window_pos": [1], "window_dim": [WIDTH], "window_head": [2]}
        fields |= {"resampler_dim": WIDTH, "resampler_heads": 2, "resampler_dim_head": 16}
    text = {
        **{"hidden_size": HIDDEN, "intermediate_size": 2 * HIDDEN, "num_hidden_layers": LAYERS},
        **{"num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": IMAGE + 3, "seq_length": 512},
        **{"max_position_embeddings": 512, "initializer_range": 0.08, "eos_token_id": IMAGE + 2},
    }
    ids = {"image_start_id": IMAGE, "image_end_id": IMAGE + 1, "image_pad_id": IMAGE + 2}
    torch.manual_seed(seed)
    return kind(config(vision_config={**fields, **vision}, text_config=text, **ids))


def visual_tokens(model: MonkeyForConditionalGeneration, pixels: Tensor) -> int:
    """Visual tokens of each of the canvases (canvases, 3, height, width)."""
    height, width = pixels.shape[2:]
    return model.config.num_image_tokens(height // WINDOW, width // WINDOW)


def plain_turns(canvases: Canvases) -> list[Turn]:
    """One turn for each question: its token, and the answer's after it."""
    asked = zip((PLAIN + canvases.colors).unbind(1), (ANSWERS + canvases.patterns).unbind(1), strict=True)
    return [(question[:, None], answer[:, None]) for question, answer in asked]


def logits(model: MonkeyForConditionalGeneration, pixels: Tensor, turns: Sequence[Turn]) -> Tensor:
    """The logits (canvases, tokens of all turns, vocabulary) of what follows each token of the turns."""
    images, device = len(pixels), model.device
    count = visual_tokens(model, pixels)
    start = torch.tensor([IMAGE] + [IMAGE + 2] * count + [IMAGE + 1]).expand(images, -1)
    lengths = [ids.shape[1] for ids, _ in turns]
    owner = [0] * start.shape[1] + [number for number, length in enumerate(lengths, 1) for _ in range(length)]
    place = [
        *range(start.shape[1]),
        *(start.shape[1] + token for length in lengths for token in range(length)),
    ]
    output = model(
        input_ids=torch.cat([start, *(ids for ids, _ in turns)], dim=1).to(device),
        pixel_values=pixels.to(device),
        attention_mask=question_mask(torch.tensor([owner], device=device)),
        position_ids=torch.tensor([place], device=device),
        logits_to_keep=sum(lengths),
        use_cache=False,
    )
    found: Tensor = output.logits
    return found


def train(
    model: MonkeyForConditionalGeneration,
    draw: Callable[[], Canvases],
    steps: int,
    turns_of: Callable[[Canvases], list[Turn]] = plain_turns,
) -> None:
    """Trains what requires a gradient, each step on new canvases; the loss is on answers only."""

    def loss_of(step: int) -> Tensor:
        canvases = draw()
        turns = turns_of(canvases)
        wanted = torch.cat([after for _, after in turns], dim=1).to(model.device)
        found = logits(model, canvases.pixels, turns)
        return functional.cross_entropy(found.flatten(0, 1), wanted.flatten(), ignore_index=-100)

    fit(model, loss_of, steps, LEARNING_RATE)


@torch.no_grad()
def test(model: MonkeyForConditionalGeneration, canvases: Canvases) -> tuple[float, ...]:
    """1.0 for each question, canvas by canvas, whose likeliest next token is the answer, else 0.0."""
    turns = plain_turns(canvases)
    wanted = torch.cat([after for _, after in turns], dim=1)
    right: list[Tensor] = []
    for start in range(0, len(wanted), 50):
        some = slice(start, start + 50)
        cut = [(ids[some], after[some]) for ids, after in turns]
        found = logits(model, canvases.pixels[some], cut).argmax(-1).cpu()  # (canvases, questions)
        right.append(found == wanted[some])
    return tuple(torch.cat(right).flatten().double().tolist())


def continued(
    trained: MonkeyForConditionalGeneration, model: MonkeyForConditionalGeneration
) -> MonkeyForConditionalGeneration:
    """`model` with the weights of `trained`; its parts that the other lacks start as they are."""
    model.load_state_dict(trained.state_dict(), strict=False)
    return model.to(trained.device)


def guesses(canvases: Canvases) -> dict[str, float]:
    """What is right without looking."""
    counts = canvases.patterns.flatten().bincount()
    return {"majority answer": float(counts.max() / counts.sum()), "chance": 1 / PATTERNS}


def picture_of(canvases: Canvases) -> tuple[int, ...]:
    """The canvas of each question, in the order of `test`."""
    count, asked = canvases.patterns.shape
    return tuple(number for number in range(count) for _ in range(asked))


def train_canvases(draw: Callable[[torch.Generator], Canvases], seed: int) -> Callable[[], Canvases]:
    """What gives the training canvases of a seed, new ones at every call."""
    source = torch.Generator().manual_seed(seed)
    return lambda: draw(source)
