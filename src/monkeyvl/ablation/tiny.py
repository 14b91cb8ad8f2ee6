"""A tiny Mini-Monkey on the pictures of `marks.py`: cut, trained and tested the same way in every study.

All questions about a picture share one sequence, each seeing the picture and itself alone, as in the training
of the embedded checkpoint; a question is one token and the answer is read off at its place.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from monkeyvl.ablation.fitting import fit
from monkeyvl.ablation.marks import (
    BRIGHT,
    DARK,
    LARGE,
    SHAPES,
    TILE,
    TILES,
    Asked,
    Picture,
    make_picture,
    make_tile,
)
from monkeyvl.ablation.study import Budget, Outcome
from monkeyvl.models.minimonkey import Cropping, MiniMonkeyImageProcessor
from monkeyvl.training.batch import question_mask

if TYPE_CHECKING:
    from monkeyvl.models.minimonkey import MiniMonkeyForConditionalGeneration

PATCH = 8  # pixels
TOKENS_PER_TILE = (TILE // PATCH // 2) ** 2
WIDTH, HEADS = 64, 4
VISION_LAYERS, TEXT_LAYERS = 2, 3
INITIAL = 0.1  # spread of the first weights
# ids: padding, start, image placeholder, a question a bright colour and one for the shape, the answers
PAD, START, IMAGE, FIRST_QUESTION = 0, 1, 2, 3
FIRST_ANSWER = FIRST_QUESTION + len(BRIGHT) + 1
ANSWERS = len(DARK) + len(SHAPES)
BASE_STEPS, BASE_BATCH = 750, 32
STEPS, BATCH, LEARNING_RATE = 400, 16, 3e-3
TEST, TEST_PICTURES = "test", 200


@dataclass(frozen=True)
class Cut:
    """How a study's variant cuts: by a `Cropping` of the library, or into overlapping tiles.

    Attributes:
        cropping: fields of `Cropping`; tiles of `TILE` pixels.
        overlapping: where tiles at full resolution begin, in pixels across; the whole picture comes last.
        whole: whether the view of the whole picture is among the tiles.
    """

    cropping: Cropping | None = None
    overlapping: tuple[int, ...] = ()
    whole: bool = True

    def __call__(self, images: Sequence[Image.Image]) -> tuple[Tensor, Tensor]:
        """Pixels (images, tiles, 3, TILE, TILE) and the layer of each tile (tiles,) as in `tile_layers`."""
        if self.overlapping:
            images = [tile for image in images for tile in self._overlapping(image)]
            pixels = _PROCESSOR(images=images, cropping=_GLOBAL, return_tensors="pt")["pixel_values"]
            count = len(self.overlapping) + 1
            return pixels.unflatten(0, (-1, count)), torch.tensor([0] * (count - 1) + [2])
        batch = _PROCESSOR(images=list(images), cropping=self.cropping, return_tensors="pt")
        count = int(batch["num_tiles"][0])  # all pictures have one size
        pixels, layers = batch["pixel_values"].unflatten(0, (-1, count)), batch["tile_layers"][:count]
        if self.whole:
            return pixels, layers
        return pixels[:, layers != 2], layers[layers != 2]

    def _overlapping(self, image: Image.Image) -> list[Image.Image]:
        return [*(image.crop((x, 0, x + TILE, TILE)) for x in self.overlapping), image]


_GLOBAL = Cropping(detail=None, adaptive=None)
_PROCESSOR = MiniMonkeyImageProcessor(tile_size=TILE, patch_size=PATCH)
_FIXED = Cropping(detail=(TILES, TILES), adaptive=None)
GLOBAL = Cut(_GLOBAL)
CUTS = {
    "global": GLOBAL,
    "fixed": Cut(_FIXED),
    "fixed without global": Cut(_FIXED, whole=False),
    "overlapping": Cut(overlapping=(0, 24, 40, 64)),
    "msac": Cut(Cropping(detail=(TILES, TILES), adaptive=(2, 2))),
}


def build(seed: int) -> MiniMonkeyForConditionalGeneration:
    """The model with the random weights of a seed: the same ones for all cuts."""
    from transformers import InternVLVisionConfig, LlamaConfig

    from monkeyvl.models.minimonkey import MiniMonkeyConfig, MiniMonkeyForConditionalGeneration

    torch.manual_seed(seed)
    vision = InternVLVisionConfig(
        hidden_size=WIDTH,
        num_hidden_layers=VISION_LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        image_size=TILE,
        patch_size=PATCH,
        attention_bias=True,
        layer_scale_init_value=1.0,
        initializer_range=INITIAL,
    )
    text = LlamaConfig(
        hidden_size=WIDTH,
        num_hidden_layers=TEXT_LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        intermediate_size=3 * WIDTH,
        vocab_size=FIRST_ANSWER + ANSWERS,
        pad_token_id=PAD,
        bos_token_id=START,
        eos_token_id=PAD,
        initializer_range=INITIAL,
        tie_word_embeddings=False,
    )
    config = MiniMonkeyConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=IMAGE,
        image_seq_length=TOKENS_PER_TILE,
        tie_word_embeddings=False,
        vision_feature_layer=-1,
    )
    return MiniMonkeyForConditionalGeneration(config)


def pictures(name: str, count: int) -> list[Picture]:
    """The pictures of a name, the same ones for every study and variant."""
    rng = random.Random(name)
    return [make_picture(rng) for _ in range(count)]


def questions(some: Sequence[Picture]) -> list[Asked]:
    """All questions about the pictures, one picture after the other."""
    return [one for picture in some for one in picture.asked]


def logits(model: MiniMonkeyForConditionalGeneration, cut: Cut, some: Sequence[Picture]) -> Tensor:
    """The logits of the answers (pictures, questions, answers)."""
    device = model.device
    pixels, _ = cut([one.image for one in some])
    tokens = pixels.shape[1] * TOKENS_PER_TILE
    asked = torch.tensor([[FIRST_QUESTION + one.question for one in picture.asked] for picture in some])
    count = asked.shape[1]
    start = torch.tensor([START] + [IMAGE] * tokens).expand(len(some), -1)
    owner = torch.tensor([0] * (1 + tokens) + list(range(1, 1 + count))).expand(len(some), -1)
    positions = torch.tensor([*range(1 + tokens), *[1 + tokens] * count]).expand(len(some), -1)
    output = model(
        input_ids=torch.cat([start, asked], dim=1).to(device),
        pixel_values=pixels.flatten(0, 1).to(device),  # (pictures, tiles, ...) -> (pictures * tiles, ...)
        num_tiles=torch.full((len(some),), pixels.shape[1]),
        attention_mask=question_mask(owner.to(device)),
        position_ids=positions.to(device),
        logits_to_keep=count,
        use_cache=False,
    )
    found: Tensor = output.logits[..., FIRST_ANSWER:]
    return found


def _fit(
    model: MiniMonkeyForConditionalGeneration,
    cut: Cut,
    batch_of: Callable[[int], list[Picture]],
    steps: int,
) -> None:
    device = model.device

    def loss_of(step: int) -> Tensor:
        batch = batch_of(step)
        answers = torch.tensor([one.answer for one in questions(batch)], device=device)
        return functional.cross_entropy(logits(model, cut, batch).flatten(0, 1), answers)

    fit(model, loss_of, steps, LEARNING_RATE)


@lru_cache(maxsize=8)
def base(seed: int, budget: Budget) -> MiniMonkeyForConditionalGeneration:
    """A model that has learnt to answer about single tiles: what all variants of a seed start from."""
    model = build(seed).to(budget.device)
    rng = random.Random(f"base {seed}")
    _fit(
        model,
        GLOBAL,
        lambda step: [make_tile(rng, step % 3) for _ in range(BASE_BATCH)],
        budget.steps(BASE_STEPS),
    )
    return model


@lru_cache(maxsize=32)
def trained(cut: Cut, seed: int, budget: Budget) -> MiniMonkeyForConditionalGeneration:
    """The seed's base, trained further on pictures cut so: the same ones for every cut, each seen once."""
    model = copy.deepcopy(base(seed, budget))
    rng = random.Random(f"train {seed}")
    _fit(model, cut, lambda step: [make_picture(rng) for _ in range(BATCH)], budget.steps(STEPS))
    return model


@torch.no_grad()
def answered(
    model: MiniMonkeyForConditionalGeneration, cut: Cut, some: Sequence[Picture]
) -> tuple[float, ...]:
    """1.0 for each question about the pictures that is answered rightly, else 0.0."""
    chosen: list[int] = []
    for start in range(0, len(some), 50):
        found = logits(model, cut, some[start : start + 50])
        chosen += found.argmax(-1).flatten().tolist()
    return tuple(float(a == b.answer) for a, b in zip(chosen, questions(some), strict=True))


def score(cut: Cut, seed: int, budget: Budget) -> Outcome:
    """Trains with a cut and tests: what a variant comes to."""
    some = pictures(TEST, TEST_PICTURES)
    return outcome(answered(trained(cut, seed, budget), cut, some), some, costs(cut))


def costs(cut: Cut, dropped: int = 0) -> dict[str, float]:
    """What a picture costs; `dropped` of its visual tokens are not seen by the language model.

    GFLOP are counted from the sizes: two for each weight and token, and the products of attention.
    """
    tiles = cut([Image.new("RGB", (TILES * TILE, TILE))])[0].shape[1]
    patches = (TILE // PATCH) ** 2 + 1
    tokens = tiles * TOKENS_PER_TILE - dropped
    vision = tiles * (patches * 2 * VISION_LAYERS * 12 * WIDTH**2 + 4 * VISION_LAYERS * patches**2 * WIDTH)
    text = tokens * 2 * TEXT_LAYERS * 13 * WIDTH**2 + 4 * TEXT_LAYERS * tokens**2 * WIDTH
    return {"tiles": tiles, "visual tokens": tokens, "MFLOP a picture": round((vision + text) / 1e6, 1)}


def outcome(right: tuple[float, ...], some: Sequence[Picture], cost: Mapping[str, float]) -> Outcome:
    """The outcome of answers about pictures, in the order of `questions`."""
    asked = questions(some)
    numbers = [number for number, picture in enumerate(some) for _ in picture.asked]
    return Outcome(right, cost, tuple(one.group for one in asked), guesses(some), tuple(numbers))


def guesses(some: Sequence[Picture]) -> dict[str, float]:
    """What is right without looking: the commonest answer to each kind of question, and any of them."""
    large = Counter(one.answer for one in questions(some) if one.question == LARGE)
    small = Counter(one.answer for one in questions(some) if one.question != LARGE)
    most = max(large.values()) + max(small.values())
    return {"majority answer": most / (large.total() + small.total()), "chance": 1 / len(DARK)}
