"""What the trainer is fed: labels where the letters are, questions that see the picture and themselves."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from transformers import DynamicCache

from monkeyvl.data.synthetic import Exchange, Sample, make_sample
from monkeyvl.data.synthetic.canvas import Canvas
from monkeyvl.data.synthetic.fonts import BUNDLED, load_font
from monkeyvl.models.minimonkey import crop_plan
from monkeyvl.training.batch import Collator, question_mask
from monkeyvl.training.build import build_model, build_processor
from monkeyvl.training.labels import CLASSES, IGNORED, character_labels
from monkeyvl.training.recipe import DecoderSizes, ModelSizes, Source, Stage, TowerSizes
from monkeyvl.training.samples import StageDataset
from monkeyvl.training.tokenizer import build_tokenizer
from monkeyvl.training.trainee import Trainee

SIZES = ModelSizes(
    tile_size=64,
    patch_size=16,
    cropping={"detail": [1, 4], "adaptive": [1, 2]},
    vision=TowerSizes(hidden_size=32, layers=1, heads=2, intermediate_size=64),
    text=DecoderSizes(hidden_size=32, layers=2, heads=2, intermediate_size=64, context=512),
)
STAGE = Stage(name="s", steps=1, data=(Source("lines", options={"size": [64, 64], "font_px": [14, 20]}),))


def page(text: str, size: tuple[int, int], at: tuple[int, int], px: int) -> Sample:
    canvas = Canvas(*size)
    canvas.write(*at, text, load_font(str(BUNDLED), px))
    return Sample(canvas.image, canvas.lines, canvas.characters, [Exchange("a?", "b"), Exchange("cc?", "dd")])


def test_letters_are_asked_where_they_stand() -> None:
    sample = page("A7", (64, 64), (0, 0), 16)
    labels = character_labels(sample, crop_plan((64, 64), {"detail": [1, 1], "adaptive": None}, 64), SIZES)
    assert labels.shape == (1, 16, 2)
    places = {
        (int(patch), int(half)): int(labels[0, patch, half])
        for patch, half in zip(*labels[0].nonzero(), strict=True)
    }
    (_, x_a, y_a, _), (_, x_7, y_7, _) = sample.characters
    expected = {
        (int(y_a // 16) * 4 + int(x_a // 16), int(x_a % 16 >= 8)): CLASSES["A"],
        (int(y_7 // 16) * 4 + int(x_7 // 16), int(x_7 % 16 >= 8)): CLASSES["7"],
    }
    assert places == expected


def test_every_layer_has_its_letters_and_the_illegible_are_ignored() -> None:
    sample = page("A", (128, 128), (100, 100), 20)
    plan = crop_plan((128, 128), SIZES.cropping, 64)
    labels = character_labels(sample, plan, SIZES)
    assert plan.detail == (2, 2)
    assert (labels[3] == CLASSES["A"]).sum() == 1, "the last detail tile shows it at full size"
    assert not labels[:3].any()
    assert (labels[-1] == CLASSES["A"]).sum() == 1, "10 px high in the global view"
    small = page("A", (128, 128), (100, 100), 12)
    assert (character_labels(small, plan, SIZES)[-1] == IGNORED).sum() == 1, "6 px high in the global view"


def test_a_question_sees_the_picture_and_itself() -> None:
    sample = page("A", (64, 64), (0, 0), 16)
    tokenizer = build_tokenizer()
    batch = Collator(tokenizer, SIZES, STAGE)([sample])
    ids, mask = batch["input_ids"][0], question_mask(batch["owner"])[0, 0]
    asked = (batch["labels"][0] != IGNORED).nonzero().flatten()
    assert tokenizer.decode(batch["labels"][0][asked]) == "b<|im_end|>dd<|im_end|>"
    picture = int((ids == tokenizer.convert_tokens_to_ids("</img>")).nonzero()[0]) + 2
    second = int(asked[2])  # first token of the second answer
    first = slice(picture, int(asked[1]) + 1)
    assert mask[second, :picture].all()
    assert not mask[second, first].any()
    assert mask[second, int(asked[1]) + 1 : second + 1].all()
    assert not mask[second, second + 1 :].any()
    assert batch["position_ids"][0, first.stop] == picture, "as if it were the only question"


def test_questions_together_give_the_logits_of_questions_alone() -> None:
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    model = build_model(SIZES, tokenizer).eval()
    collate = Collator(tokenizer, SIZES, STAGE)
    both = page("A", (64, 64), (0, 0), 16)
    alone = Sample(both.image, both.lines, both.characters, both.exchanges[1:])

    def answer_logits(sample: Sample, other: Sample | None = None) -> torch.Tensor:
        batch = collate([sample] if other is None else [sample, other])
        seen = []
        hook = model.register_forward_hook(lambda module, inputs, output: seen.append(output.logits))
        with torch.no_grad():
            Trainee(model)(**batch)
        hook.remove()
        return seen[0][0][batch["labels"][0] != IGNORED]

    together = answer_logits(both)
    assert torch.allclose(together[-3:], answer_logits(alone), atol=1e-5)
    longer = make_sample("receipt", random.Random(1), width=64, most_rows=5)
    assert torch.allclose(together, answer_logits(both, longer), atol=1e-5), "padding changes nothing"


def test_a_data_set_is_the_same_every_time() -> None:
    one, other = StageDataset(STAGE, 1, 4), StageDataset(STAGE, 1, 4)
    assert [one[i].exchanges for i in range(4)] == [other[i].exchanges for i in range(4)]
    assert one[0].exchanges != StageDataset(STAGE, 2, 4)[0].exchanges
    assert one[0].exchanges != StageDataset(STAGE, 1, 4, split="score")[0].exchanges


@pytest.mark.parametrize("text", ["12/03/2021", "É £5 \n€", "<|im_end|>", "日本"])
def test_the_tokenizer_gives_back_what_it_got(text: str) -> None:
    tokenizer = build_tokenizer()
    ids = tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_visual_tokens_are_asked_for_their_first_character() -> None:
    sample = page("A7", (64, 64), (34, 34), 16)  # in the lower right quarter
    tokenizer = build_tokenizer()
    stage = replace(STAGE, cropping={"detail": [1, 1], "adaptive": None})
    labels = Collator(tokenizer, SIZES, stage)([sample])["token_labels"]
    assert labels.tolist()[:3] == [IGNORED] * 3
    assert tokenizer.decode(labels[3:]) == "A"


@pytest.mark.parametrize(
    "question", ["Date?", "What is the total?", 'Where is "<box> É"?', "Read all the text."]
)
def test_training_asks_with_the_ids_that_the_processor_makes(question: str) -> None:
    sample = page("A", (64, 64), (0, 0), 16)
    asked = Sample(sample.image, sample.lines, sample.characters, [Exchange(question, "yes")])
    stage = replace(STAGE, cropping={"detail": [1, 1], "adaptive": None})
    trained = Collator(build_tokenizer(), SIZES, stage)([asked])["input_ids"][0].tolist()
    processor = build_processor(SIZES)
    content = [{"type": "image"}, {"type": "text", "text": question}]
    turns = [{"role": "user", "content": content}]
    prompt = processor.apply_chat_template(turns, add_generation_prompt=True)
    ids = processor(text=[prompt], num_tiles=[1], return_tensors="pt")["input_ids"][0].tolist()
    assert trained[: len(ids)] == ids
    assert build_tokenizer().decode(trained[len(ids) :]) == "yes<|im_end|>"


def test_long_answers_leave_room_for_short_ones() -> None:
    sample = page("A", (64, 64), (0, 0), 16)
    sample.exchanges[:] = [
        Exchange("a?", "long answer"),
        Exchange("b?", "bb"),
        Exchange("c?", "c"),
        Exchange("d?", "d"),
    ]
    tokenizer = build_tokenizer()
    batch = Collator(tokenizer, SIZES, replace(STAGE, questions=2, longest_answer=4))([sample])
    labels = batch["labels"][0]
    assert tokenizer.decode(labels[labels != IGNORED]) == "bb<|im_end|>c<|im_end|>"
    assert batch["owner"].max() == 2
    short = replace(SIZES, text=replace(SIZES.text, context=30))
    batch = Collator(tokenizer, short, STAGE)([sample])
    assert int(batch["position_ids"].max()) < 30
    assert batch["input_ids"].shape[1] <= 30


def test_processes_make_the_batches_that_one_would_make() -> None:
    sources = (*STAGE.data, Source("form", options={"width": 128, "font_px": [10, 12], "amount": 0.05}))
    stage = replace(STAGE, data=sources)
    alone, together = (
        list(
            torch.utils.data.DataLoader(
                StageDataset(stage, 1, 8),
                batch_size=2,
                num_workers=workers,
                collate_fn=Collator(build_tokenizer(), SIZES, stage),
            )
        )
        for workers in (0, 2)
    )
    for one, other in zip(alone, together, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_training_keeps_no_cache_of_keys_and_values(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = build_tokenizer()
    trainee = Trainee(build_model(SIZES, tokenizer))
    batch = Collator(tokenizer, SIZES, STAGE)([page("A", (64, 64), (0, 0), 16)])
    monkeypatch.setattr(DynamicCache, "update", lambda self, *args, **kwargs: 1 / 0)
    trainee(**batch)["loss"].backward()
    with pytest.raises(ZeroDivisionError):
        trainee.model(**{name: batch[name] for name in ("input_ids", "pixel_values", "num_tiles")})
