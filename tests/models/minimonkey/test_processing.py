from __future__ import annotations

import copy
import json
import pickle
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoProcessor, PreTrainedTokenizerFast, pipeline
from transformers.models.auto.image_processing_auto import AutoImageProcessor

from monkeyvl.cropping import Cropping
from monkeyvl.errors import BudgetError, CheckpointError, MonkeyVLError, UsageError
from monkeyvl.models.minimonkey import MiniMonkeyImageProcessor, MiniMonkeyProcessor
from monkeyvl.models.minimonkey.chat import OFFICIAL_CHAT_TEMPLATE, Prompt

SPECIAL = {
    "<unk>": 300,
    "<s>": 301,
    "</s>": 302,
    "<|im_start|>": 310,
    "<|im_end|>": 314,
    "<img>": 315,
    "</img>": 316,
    "<IMG_CONTEXT>": 317,
    "<ref>": 318,
    "</ref>": 319,
}
SYSTEM = (
    "<|im_start|>system\n你是由上海人工智能实验室联合商汤科技开发的书生多模态大模型，英文名叫InternVL, "
    "是一个有用无害的人工智能助手。<|im_end|>"
)
TWO_TILES = Cropping(detail=(2, 2), adaptive=None)  # 3 tiles of 4 tokens


def make_tokenizer(special=True, **options):
    """Bytes and the special tokens, at ids that the reference model has."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(letters)} | SPECIAL
    backend = Tokenizer(models.BPE(vocabulary, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    for token in SPECIAL:
        flag = special or "im" not in token.lower()
        backend.add_tokens([AddedToken(token, normalized=False, special=flag)])
    backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 301)])
    named = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "</s>"}
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, clean_up_tokenization_spaces=False, **named | options
    )


@pytest.fixture(scope="module")
def processor():
    return MiniMonkeyProcessor(MiniMonkeyImageProcessor(tile_size=56), make_tokenizer())


@pytest.fixture(scope="module")
def picture():
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 130, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def folder(official, tmp_path_factory):
    """An official folder with tokenizer files, whose tokenizer brings the template of its language model."""
    path = tmp_path_factory.mktemp("checkpoint")
    shutil.copytree(official, path, dirs_exist_ok=True)
    make_tokenizer(chat_template="{% for m in messages %}{{ m.content }}{% endfor %}").save_pretrained(path)
    template = path / "chat_template.jinja"
    settings = json.loads((path / "tokenizer_config.json").read_text())
    settings["chat_template"] = template.read_text()
    settings["auto_map"] = {"AutoTokenizer": ["theirs.Tokenizer", None]}
    (path / "tokenizer_config.json").write_text(json.dumps(settings))
    (path / "preprocessor_config.json").write_text(
        json.dumps({"feature_extractor_type": "CLIPFeatureExtractor"})
    )
    template.unlink()
    return path


def user(*parts):
    return {
        "role": "user",
        "content": [{"type": "text", "text": p} if isinstance(p, str) else p for p in parts],
    }


def image(pixels=None):
    return {"type": "image"} if pixels is None else {"type": "image", "image": pixels}


def ids_of(processor, conversation, **options):
    made = processor.apply_chat_template(conversation, tokenize=True, return_dict=True, **options)
    return made["input_ids"][0]


def plain(text):
    return make_tokenizer().encode(text, add_special_tokens=False)


# The bytes of a prompt


@pytest.mark.parametrize(
    ("conversation", "expected"),
    [
        ([user("Who?")], f"<s>{SYSTEM}<|im_start|>user\nWho?<|im_end|>"),
        ([{"role": "user", "content": "Who?"}], f"<s>{SYSTEM}<|im_start|>user\nWho?<|im_end|>"),
        ([user(image(), "Who?")], f"<s>{SYSTEM}<|im_start|>user\n<image>\nWho?<|im_end|>"),
        (
            [user("First: ", image(), "Second: ", image(), "Compare.")],
            f"<s>{SYSTEM}<|im_start|>user\nFirst: <image>\nSecond: <image>\nCompare.<|im_end|>",
        ),
        (
            [user(image(), "Who?"), {"role": "assistant", "content": "Ann."}, user("Sure?")],
            f"<s>{SYSTEM}<|im_start|>user\n<image>\nWho?<|im_end|><|im_start|>assistant\nAnn.<|im_end|>"
            "<|im_start|>user\nSure?<|im_end|>",
        ),
        (
            [{"role": "system", "content": "Be brief."}, user("Who?")],
            "<s><|im_start|>system\nBe brief.<|im_end|><|im_start|>user\nWho?<|im_end|>",
        ),
    ],
)
def test_official_bytes_of_a_turn(processor, conversation, expected):
    before = copy.deepcopy(conversation)
    assert processor.apply_chat_template(conversation) == expected
    cued = processor.apply_chat_template(conversation, add_generation_prompt=True)
    assert cued == f"{expected}<|im_start|>assistant\n"
    assert conversation == before


def test_system_message_has_the_published_bytes():
    assert SYSTEM.removeprefix("<|im_start|>system\n") in OFFICIAL_CHAT_TEMPLATE
    assert "InternVL\x2c\x20是" in OFFICIAL_CHAT_TEMPLATE


def test_ids_are_those_of_the_whole_text(processor, picture):
    conversation = [
        user(image(picture), "Total?"),
        {"role": "assistant", "content": "8.20"},
        user("In\n\n words?"),
    ]
    text = processor.apply_chat_template(conversation, add_generation_prompt=True)
    tokens = 4 * processor.image_processor.plan(picture.size).num_tiles
    whole = text.replace("<image>", "<img>" + "<IMG_CONTEXT>" * tokens + "</img>")
    assert ids_of(processor, conversation, add_generation_prompt=True) == plain(whole)
    assert processor(images=picture, text=str(text))["input_ids"] == [plain(whole)]


def test_final_message_can_be_continued(processor):
    conversation = [user("Count."), {"role": "assistant", "content": "one, two <|im_end|>"}]
    text = processor.apply_chat_template(conversation, continue_final_message=True)
    assert text.endswith("<|im_start|>assistant\none, two <|im_end|>")
    assert ids_of(processor, conversation, continue_final_message=True)[-10:] == [*make_plain("<|im_end|>")]


def make_plain(text):
    """Ids of a text in which nothing is special."""
    return make_tokenizer().encode(text, add_special_tokens=False, split_special_tokens=True)


# Typed special tokens

HOSTILE = [
    *SPECIAL,
    "<image>",
    "<|im_",
    "end|>",
    "<IMG_",
    "CONTEXT>",
    "<",
    ">",
    "\n",
    " ",
    "<|im_start|>system\n",
    "你",
]


@given(
    st.lists(st.lists(st.sampled_from([*HOSTILE, "word "]), max_size=6).map("".join), min_size=1, max_size=3)
)
def test_typed_special_tokens_stay_text(texts):
    processor = MiniMonkeyProcessor(MiniMonkeyImageProcessor(tile_size=56), TOKENIZER)
    ids = ids_of(processor, [user(*texts)], add_generation_prompt=True)
    head = plain(f"<s>{SYSTEM}<|im_start|>user\n")
    tail = plain("<|im_end|><|im_start|>assistant\n")
    assert ids == head + make_plain("".join(texts)) + tail
    assert TOKENIZER.decode(ids[len(head) : -len(tail)]) == "".join(texts)


TOKENIZER = make_tokenizer()


@pytest.mark.parametrize("content", ["string", "parts"])
@pytest.mark.parametrize("role", ["user", "assistant", "system"])
def test_every_role_and_token(processor, picture, role, content):
    text = " ".join([*SPECIAL, "<image>"])
    message = {"role": role, "content": text if content == "string" else [{"type": "text", "text": text}]}
    ids = ids_of(processor, [message, user(image(picture), "?")])
    clean = ids_of(processor, [{**message, "content": "x"}, user(image(picture), "?")])
    for number in SPECIAL.values():
        assert ids.count(number) == clean.count(number)


def test_tokens_that_a_checkpoint_does_not_flag_as_special(picture):
    processor = MiniMonkeyProcessor(MiniMonkeyImageProcessor(tile_size=56), make_tokenizer(special=False))
    ids = ids_of(processor, [user(image(picture), "<IMG_CONTEXT></img><img>")])
    tokens = 4 * processor.image_processor.plan(picture.size).num_tiles
    assert [ids.count(number) for number in (315, 317, 316)] == [1, tokens, 1]


def test_markup_counts_only_where_it_is_asked_for(processor):
    text = "Where is <ref>the <|im_end|> cat</ref>?"
    assert 318 not in ids_of(processor, [user(text)])
    ids = ids_of(processor, [user({"type": "text", "text": text, "markup": True})])
    assert (ids.count(318), ids.count(319)) == (1, 1)
    assert ids.count(314) == 2  # system and user turn


def test_a_prompt_keeps_its_pieces(processor, picture):
    conversation = [user(image(), "typed <image> and <|im_end|>")]
    prompt = processor.apply_chat_template(conversation, add_generation_prompt=True)
    assert type(prompt) is Prompt
    expected = ids_of(processor, conversation, images=picture, add_generation_prompt=True)
    for same in (prompt, copy.deepcopy(prompt), pickle.loads(pickle.dumps(prompt))):
        assert processor(images=picture, text=same)["input_ids"] == [expected]
    with pytest.raises(UsageError, match="the text has 2 image placeholders for 1 images"):
        processor(images=picture, text=str.__str__(prompt) + "")


def test_raw_text_takes_placeholders_and_special_tokens(processor, picture):
    ids = processor(images=picture, text="<image>\nA<|im_end|>", cropping=TWO_TILES)["input_ids"]
    assert ids == [[301, 315, *[317] * 12, 316, *plain("\nA"), 314]]
    assert (
        processor(images=picture, text="<IMG_CONTEXT>", cropping=TWO_TILES)["input_ids"][0].count(317) == 12
    )
    assert processor(text="<s>A")["input_ids"] == [[301, *plain("A")]]
    assert processor(text="A", add_special_tokens=False)["input_ids"] == [plain("A")]


# Other chat templates


def test_a_native_template_with_its_own_placeholder(picture):
    native = (
        "{% for message in messages %}<|im_start|>{{ message.role }}\n{% if message.content is string %}"
        "{{ message.content }}{% else %}{% for part in message.content %}{% if part.type == 'image' %}"
        "<IMG_CONTEXT>\n{% else %}{{ part.text | trim }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n"
        "{% endfor %}"
    )
    processor = MiniMonkeyProcessor(
        MiniMonkeyImageProcessor(tile_size=56), make_tokenizer(chat_template=native)
    )
    assert processor.chat_template == native
    conversation = [user(image(picture), " <IMG_CONTEXT> <image> ")]
    ids = ids_of(processor, conversation, cropping=TWO_TILES)
    typed = make_plain("<IMG_CONTEXT> <image>")
    assert ids == [310, *plain("user\n"), 315, *[317] * 12, 316, *plain("\n"), *typed, 314, *plain("\n")]


def test_a_template_that_takes_only_strings(processor, picture):
    template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] + '\n' + m['content'] }}<|im_end|>{% endfor %}"
    )
    options = {"chat_template": template, "cropping": TWO_TILES}
    ids = ids_of(processor, [user("See ", image(picture), "<image>")], **options)
    start = [310, *plain("user\nSee "), 315, *[317] * 12, 316]
    assert ids == [*start, *plain("\n"), *make_plain("<image>"), 314]


def test_templates_get_variables_and_may_refuse(processor):
    template = (
        "{{ bos_token }}{{ mood }}{% if tools %}{{ tools[0].name }}{% endif %}{{ messages[0]['content'] }}"
    )
    options = {"chat_template": template, "mood": "calm ", "tools": [{"name": "<|im_end|>"}]}
    ids = ids_of(processor, [{"role": "user", "content": "!"}], **options)
    assert ids == [301, *plain("calm "), *make_plain("<|im_end|>"), *plain("!")]
    with pytest.raises(UsageError, match="chat template refuses the conversation: no 42"):
        processor.apply_chat_template(
            [user("42")], chat_template="{{ raise_exception('no ' + messages[0]['content']) }}"
        )
    with pytest.raises(UsageError, match="takes message text apart"):
        processor.apply_chat_template(
            [user("ab <|im_end|>")], chat_template="{{ messages[0].content.split()[-1] }}"
        )


# Batches, images, budgets


def test_batches_are_padded_left_with_images_in_order(processor, picture):
    wide = Image.new("RGB", (400, 90), "red")
    conversations = [[user(image(picture), "A?")], [user("None.")], [user(image(wide), "B", image(picture))]]
    made = processor.apply_chat_template(
        conversations,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        padding=True,
        add_generation_prompt=True,
    )
    rows = [ids_of(processor, conversation, add_generation_prompt=True) for conversation in conversations]
    width = max(map(len, rows))
    assert made["input_ids"].tolist() == [[302] * (width - len(row)) + row for row in rows]
    assert made["attention_mask"].tolist() == [[0] * (width - len(row)) + [1] * len(row) for row in rows]
    assert made["num_tiles"].tolist() == [
        processor.image_processor.plan(one.size).num_tiles for one in (picture, wide, picture)
    ]
    right = processor(
        text=["a", "bcd"], padding="max_length", max_length=6, padding_side="right", return_tensors="pt"
    )
    assert right["attention_mask"].tolist() == [[1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0]]
    assert processor(text=["a", "bcd"], padding=True, pad_to_multiple_of=8, return_tensors="np")[
        "input_ids"
    ].shape == (2, 8)


def test_inputs_are_what_the_model_takes(processor, picture):
    made = processor(images=[picture], text="<image>", return_tensors="pt")
    assert list(made) == processor.model_input_names
    assert made["pixel_values"].dtype == torch.float32
    assert made["input_ids"].dtype == made["num_tiles"].dtype == torch.int64
    assert list(processor(text="no image", return_tensors="pt")) == ["input_ids", "attention_mask"]
    assert list(processor(images=picture, return_tensors="pt")) == processor.image_processor.model_input_names


def test_images_encoded_before_are_counted_by_their_tiles(processor):
    made = processor(text=["<image> a", "<image><image>"], num_tiles=[1, 2, 3], padding=True)
    assert [row.count(317) for row in made["input_ids"]] == [4, 20]
    assert list(made) == ["input_ids", "attention_mask"]


def test_tile_size_changes_the_number_of_tokens(processor, picture):
    made = processor(images=picture, text="<image>", cropping=TWO_TILES, tile_size=84)
    assert made["input_ids"][0].count(317) == 3 * 9
    assert (
        processor(images=picture, text="<image>", images_kwargs={"cropping": TWO_TILES})["input_ids"][
            0
        ].count(317)
        == 12
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p, i: p(images=i, text="none"), "0 image placeholders for 1 images"),
        (lambda p, i: p(text="<image>"), "1 image placeholders for 0 images"),
        (
            lambda p, i: p(images=[i, i], text=["<image> a", "b"], padding=True),
            "1 image placeholders for 2 images",
        ),
        (
            lambda p, i: p(images=[[i], [i]], text=["<image><image>", ""]),
            "prompt 1 has 2 image placeholders for 1 images",
        ),
        (lambda p, i: p(), "neither images nor text"),
        (lambda p, i: p(text="", images=i, num_tiles=[1]), "images and num_tiles given"),
        (lambda p, i: p(text=[3]), "a prompt is text, not int"),
        (lambda p, i: p(text=["a", "bb"], return_tensors="pt"), "prompts of 2 to 3 tokens need padding=True"),
        (lambda p, i: p(text="a", padding="short"), "padding is .* not 'short'"),
        (lambda p, i: p(text="a", padding_side="top"), "padding_side is .* not 'top'"),
        (lambda p, i: p(text="a", padding="max_length"), "needs max_length"),
        (lambda p, i: p(text="a", truncation=True), "truncation would cut"),
        (lambda p, i: p(text="a", do_resize=True), "unknown processing setting 'do_resize'"),
        (lambda p, i: p(images="photo.png", text="<image>"), "not str; open files with"),
        (lambda p, i: p.apply_chat_template([]), "at least 1 message"),
        (lambda p, i: p.apply_chat_template("Who?"), "at least 1 message"),
        (lambda p, i: p.apply_chat_template([[]]), "at least 1 message"),
        (
            lambda p, i: p.apply_chat_template(["Who?"]),
            "a message is a mapping with role and content, not 'Who",
        ),
        (lambda p, i: p.apply_chat_template([{"role": "user"}]), "a message is a mapping"),
        (lambda p, i: p.apply_chat_template([{"role": "user<|im_end|>", "content": ""}]), "role is one word"),
        (
            lambda p, i: p.apply_chat_template([{"role": "user", "content": 3}]),
            "content is text or a list of parts",
        ),
        (lambda p, i: p.apply_chat_template([user({"type": "video"})]), "a part of a message is"),
        (
            lambda p, i: p.apply_chat_template([user({"type": "image", "url": "file:///etc"})]),
            "holds pixels .* no url",
        ),
        (lambda p, i: p.apply_chat_template([user(image("photo.png"))]), "holds pixels .* no path"),
        (
            lambda p, i: p.apply_chat_template([user(image())], tokenize=True),
            "1 image parts without pixels for 0 images",
        ),
        (
            lambda p, i: p.apply_chat_template([user("?")], tokenize=True, images=[i]),
            "0 image parts without pixels for 1",
        ),
        (
            lambda p, i: p.apply_chat_template([user("?")], return_assistant_tokens_mask=True),
            "is not supported",
        ),
    ],
)
def test_bad_use_is_one_line(processor, picture, call, message):
    with pytest.raises(MonkeyVLError, match=message) as error:
        call(processor, picture)
    assert isinstance(error.value, UsageError)
    assert "\n" not in str(error.value)


def test_prompts_beyond_the_context_are_refused_with_numbers(picture):
    processor = MiniMonkeyProcessor(
        MiniMonkeyImageProcessor(tile_size=56), make_tokenizer(model_max_length=20)
    )
    assert len(processor(images=picture, text="<image>abcde", cropping=TWO_TILES)["input_ids"][0]) == 20
    with pytest.raises(
        BudgetError, match=r"21 tokens .12 of images, 9 of text. is longer than the limit of 20"
    ):
        processor(images=picture, text="<image>abcdef", cropping=TWO_TILES)
    assert (
        len(
            processor(images=picture, text="<image>abcdef", cropping=TWO_TILES, max_length=21)["input_ids"][0]
        )
        == 21
    )
    narrow = Cropping(max_tokens=12, on_overrun="reduce")
    with pytest.warns(UserWarning, match="above max_tokens=12: reduced to"):
        assert len(processor(images=picture, text="<image>", cropping=narrow)["input_ids"][0]) <= 15


def test_a_tokenizer_must_have_the_image_tokens():
    cutter = MiniMonkeyImageProcessor(tile_size=56)
    with pytest.raises(CheckpointError, match="the tokenizer has no <img>"):
        MiniMonkeyProcessor(
            cutter, PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE({"a": 0}, [])))
        )
    with pytest.raises(CheckpointError, match="tokens_per_tile is 256, but a tile of 56 pixels makes 4"):
        MiniMonkeyProcessor(cutter, make_tokenizer(), tokens_per_tile=256)


# Folders, Auto classes, pipeline


def test_official_folder_gets_the_official_template(folder, capfd, recwarn):
    for load in (MiniMonkeyProcessor, AutoProcessor):
        processor = load.from_pretrained(folder)
        assert type(processor) is MiniMonkeyProcessor
        assert processor.chat_template == OFFICIAL_CHAT_TEMPLATE
        assert (processor.tokens_per_tile, processor.image_token_ids) == (4, [317, 315, 316])
    assert MiniMonkeyProcessor.from_pretrained(folder, cropping="demo").image_processor.cropping == "demo"
    assert capfd.readouterr().err == ""
    # What earlier tests left open may be closed, and told, at any time.
    assert not [one for one in recwarn if one.category is not ResourceWarning]


@pytest.mark.parametrize("template", [OFFICIAL_CHAT_TEMPLATE, "{{ messages[0]['content'][0]['type'] }}"])
def test_save_and_load(tmp_path, picture, template):
    cutter = MiniMonkeyImageProcessor(tile_size=56, cropping=TWO_TILES)
    processor = MiniMonkeyProcessor(cutter, make_tokenizer(model_max_length=99), chat_template=template)
    processor.save_pretrained(tmp_path)
    for load in (MiniMonkeyProcessor, AutoProcessor):
        again = load.from_pretrained(tmp_path)
        assert type(again) is MiniMonkeyProcessor
        assert again.chat_template == template
        assert again.to_dict() == processor.to_dict()
        assert again.tokenizer.model_max_length == 99
        for name, value in processor(images=picture, text="<image> 你 <|im_end|>").items():
            assert np.array_equal(again(images=picture, text="<image> 你 <|im_end|>")[name], value)
    assert AutoImageProcessor.from_pretrained(tmp_path).to_dict() == cutter.to_dict()


def test_pipeline_answers_as_the_model_does(folder, model, picture):
    chat = [user(image(picture), "Total?")]
    pipe = pipeline("image-text-to-text", model=str(folder))
    processor = pipe.processor
    options = {"max_new_tokens": 5, "do_sample": False}
    answer = pipe(text=chat, return_full_text=False, generate_kwargs=options)[0]["generated_text"]
    inputs = processor.apply_chat_template(
        chat, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    ids = model.generate(**inputs, **options)[0, inputs["input_ids"].shape[1] :]
    assert answer == processor.decode(ids, skip_special_tokens=True)
    assert len(ids) == 5
    raw = pipe(images=picture, text="<image>Total?", return_full_text=False, generate_kwargs=options)
    assert isinstance(raw[0]["generated_text"], str)
