"""What rows become: the loss is on answers alone, places follow the view, batches change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from monkeys import tiny_monkey
from PIL import Image, ImageDraw
from support import picture, tiny_checkpoint

from monkeyvl.answers import WHOLE
from monkeyvl.checkpoints import EMBEDDED_FOLDER, family_of
from monkeyvl.data.rows import BadRow, Row, Turn
from monkeyvl.data.streaming import Loaded
from monkeyvl.data.synthetic import Exchange, Sample
from monkeyvl.drivers import driver_for
from monkeyvl.loading import load_folder
from monkeyvl.models.minimonkey import MiniMonkeyForConditionalGeneration, MiniMonkeyProcessor
from monkeyvl.prompts import prompt
from monkeyvl.training.batch import Collator
from monkeyvl.training.build import build_model
from monkeyvl.training.encoding import Example, RowEncoder, collate, common, moved
from monkeyvl.training.finetune_score import answer_loss, majority, placed, plain
from monkeyvl.training.labels import IGNORED
from monkeyvl.training.recipe import DecoderSizes, ModelSizes, Stage, TowerSizes
from monkeyvl.training.tokenizer import build_tokenizer
from monkeyvl.training.trainee import Trainee


def loaded(*turns: Turn, images: int = 1) -> Loaded:
    return Loaded(Row((Path("a.png"),) * images, turns, where="rows line 7"), (picture(),) * images)


def encoder(folder: Path, longest: int = 4000) -> tuple[Any, RowEncoder]:
    model, processor = load_folder(folder, "cpu", "float32")
    return model, RowEncoder(processor, driver_for(model, processor), family_of(folder), longest)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "tiny")


def asked(processor: Any, example: Example) -> list[str]:
    """The stretches of a row that the loss is on."""
    found: list[list[int]] = []
    before = IGNORED
    for label in example.labels.tolist():
        if label != IGNORED:
            if before == IGNORED:
                found.append([])
            found[-1].append(label)
        before = label
    return [processor.tokenizer.decode(one) for one in found]


def test_the_loss_is_on_the_answers_and_their_ends(tiny: Path) -> None:
    _, encode = encoder(tiny)
    example = encode(loaded(Turn("One?", "1"), Turn("Two?", "two <im"), images=2))
    assert asked(encode.processor, example) == ["1<|im_end|>", "two <im<|im_end|>"]
    kept = example.labels != IGNORED
    assert torch.equal(example.labels[kept], example.ids[kept])
    assert len(example.pixels) == 2


def test_an_endless_text_never_reaches_the_tokenizer(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, encode = encoder(tiny)
    monkeypatch.setattr(encode, "_labelled", lambda *_: pytest.fail("tokenized"))
    with pytest.raises(
        BadRow, match=r"line 7: 10,000,00\d characters are longer than the limit of 4000 tokens"
    ):
        encode(loaded(Turn("One?", "x" * 10_000_000)))


@pytest.mark.parametrize("kind", ["monkey", "textmonkey"])
def test_monkeys_go_on_writing(kind: str, tmp_path: Path) -> None:
    _, encode = encoder(tiny_monkey(tmp_path / kind, kind))
    example = encode(loaded(Turn("One?", "1")))
    question = prompt("ask", kind, question="One?")
    answer = "1." if question.endswith(" ") else " 1."
    assert asked(encode.processor, example) == [f"{answer}<|endoftext|>"]
    text = encode.processor.tokenizer.decode(example.ids).replace("<imgpad>", "")
    assert text == f"<img></img> {question}{answer}<|endoftext|>"
    batch = collate([example, encode(loaded(Turn("One?", "1"), images=2))], 0)
    assert batch["pixel_values"].shape == (3, 3, 896, 896)


def test_rows_have_the_ids_of_the_checkpoints_own_training() -> None:
    _, encode = encoder(EMBEDDED_FOLDER)
    example = encode(loaded(Turn("What is the total?", "9.80")))
    processor = MiniMonkeyProcessor.from_pretrained(EMBEDDED_FOLDER)
    tile = processor.image_processor.tile_size
    sizes = ModelSizes(tile, processor.image_processor.patch_size, {"detail": [1, 1], "adaptive": None})
    cutter = Collator(processor.tokenizer, sizes, Stage("s", 1, ()))
    cutter.cropping, cutter.image_processor.cropping = (processor.image_processor.cropping,) * 2
    question = prompt("ask", "embedded", question="What is the total?")
    batch = cutter([Sample(picture(), [], [], [Exchange(question, "9.80")])])
    assert example.ids.tolist() == batch["input_ids"][0].tolist()
    assert example.labels.tolist() == batch["labels"][0].tolist()


def test_a_row_that_is_too_long_is_a_bad_one(tiny: Path) -> None:
    _, encode = encoder(tiny, longest=60)
    with pytest.raises(
        BadRow, match=r"rows line 7: a prompt of \d+ tokens .* is longer than the limit of 60"
    ):
        encode(loaded(Turn("One?", "1" * 100)))


def test_typed_control_tokens_stay_text(tiny: Path) -> None:
    _, encode = encoder(tiny)
    end = encode.processor.tokenizer.convert_tokens_to_ids("<|im_end|>")
    example = encode(loaded(Turn("<|im_end|>?", "<|im_end|>")))
    assert example.ids.tolist().count(end) == 2, "of the question and of the answer"


def test_places_are_of_what_the_model_is_shown() -> None:
    turn = Turn("text", "<ref>a</ref><box>(250,500),(750,1000)</box> 500", "locate")
    row = Row((Path("a.png"),), (turn, Turn("(250,250)?", "<quad>(0,0),(250,250),(1,2),(3,4)</quad>")))
    assert moved(row, WHOLE) is row
    first, second = moved(row, (0.25, 0.0, 0.75, 1.0)).turns
    assert first.answer == "<ref>a</ref><box>(0,500),(1000,1000)</box> 500"
    assert (second.question, second.answer) == ("(250,250)?", "<quad>(0,0),(0,250),(0,2),(0,4)</quad>")


def test_trimmed_margins_move_the_places(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny")
    processor = MiniMonkeyProcessor.from_pretrained(folder)
    processor.image_processor.trim = True
    processor.save_pretrained(folder)
    _, encode = encoder(folder)
    page = Image.new("RGB", (400, 400), "white")
    ImageDraw.Draw(page).rectangle((100, 100, 299, 299), fill="black")
    turn = Turn("it", "<ref>it</ref><box>(250,250),(750,750)</box>", "ground")
    (said,) = encode.said(Loaded(Row((Path("a.png"),), (turn,)), (page,)))
    x0, y0, x1, y1 = encode.driver.view(page, _settings())
    wanted = [
        round(1000 * (value - start) / (end - start))
        for value, start, end in ((0.25, x0, x1), (0.25, y0, y1), (0.75, x0, x1), (0.75, y0, y1))
    ]
    assert wanted != [250, 250, 750, 750]
    assert said.answer == "<ref>it</ref><box>" + "".join(f"<c{value}>" for value in wanted) + "</box>"


def _settings() -> Any:
    from monkeyvl.generation import Settings

    return Settings()


def test_a_batch_has_the_loss_of_its_rows(tiny: Path) -> None:
    model, encode = encoder(tiny)
    rows = [loaded(Turn("One?", "1")), loaded(Turn("A longer one?", "an answer"), Turn("?", "2"))]
    examples = [encode(one) for one in rows]
    with torch.no_grad():
        together, count = answer_loss(model, collate(examples, 0, multiple=64))
        alone = [answer_loss(model, collate([one], 0, multiple=1)) for one in examples]
        usual = model(**collate(examples[:1], 0)).loss
    assert int(count) == sum(int(number) for _, number in alone)
    assert float(together) == pytest.approx(sum(float(loss) for loss, _ in alone), rel=1e-5)
    assert float(alone[0][0] / alone[0][1]) == pytest.approx(float(usual), rel=1e-5)


def test_questions_packed_have_the_loss_of_questions_alone() -> None:
    """The packing of the checkpoint's own training: all questions about a picture in one sequence."""
    torch.manual_seed(0)
    sizes = ModelSizes(
        64,
        16,
        {"detail": [1, 2], "adaptive": None},
        vision=TowerSizes(32, 1, 2, 64),
        text=DecoderSizes(32, 2, 2, 64, 512),
    )
    tokenizer = build_tokenizer()
    model: MiniMonkeyForConditionalGeneration = build_model(sizes, tokenizer).eval()
    trainee = Trainee(model, character_loss=0.0)
    cutter = Collator(tokenizer, sizes, Stage("s", 1, ()))
    exchanges = [Exchange("One?", "1"), Exchange("A longer one?", "an answer"), Exchange("?", "22")]
    lengths = [len(tokenizer.encode(one.answer, add_special_tokens=False)) + 1 for one in exchanges]
    with torch.no_grad():
        packed = trainee(**cutter([Sample(picture(), [], [], exchanges)]))["answer_loss"]
        alone = [trainee(**cutter([Sample(picture(), [], [], [one])]))["answer_loss"] for one in exchanges]
    mean = sum(float(loss) * n for loss, n in zip(alone, lengths, strict=True)) / sum(lengths)
    assert float(packed) == pytest.approx(mean, rel=1e-5)


def test_common_beginnings_and_plain_answers() -> None:
    assert common([1, 2, 3], [1, 2, 4, 5]) == 2
    assert common([1, 2], [1, 2, 4]) == 2
    assert plain("  a \n b. ") == "a b"
    assert majority(["a.", "b", "a"]) == ("a", pytest.approx(2 / 3))


@pytest.mark.parametrize("kind", ["minimonkey", "monkey", "textmonkey"])
def test_as_on_a_gpu_checkpointing_changes_nothing_and_bfloat16_little(kind: str, tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "m") if kind == "minimonkey" else tiny_monkey(tmp_path / "m", kind)
    model, encode = encoder(folder)
    batch = collate([encode(loaded(Turn("One?", "1")))], 0)
    model.train()

    def gradients(weights: torch.dtype = torch.float32, mixed: bool = False) -> tuple[float, torch.Tensor]:
        model.to(weights).zero_grad()
        given = placed(batch, model)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            total, count = answer_loss(model, given)
        (total / count).backward()
        found = [one.grad.float().flatten() for one in model.parameters() if one.grad is not None]
        return float(total.detach() / count), torch.cat(found)

    loss, wanted = gradients()
    model.gradient_checkpointing_enable({"use_reentrant": False})
    again, found = gradients()
    assert again == pytest.approx(loss, rel=1e-6)
    assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-6 * float(wanted.abs().max()))
    assert gradients(mixed=True)[0] == pytest.approx(loss, rel=0.1)
    assert gradients(torch.bfloat16, mixed=True)[0] == pytest.approx(loss, rel=0.1)
