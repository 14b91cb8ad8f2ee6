from __future__ import annotations

import io
import json
import random
import sys

import pytest
from transformers import AutoTokenizer

from monkeyvl.errors import CheckpointError
from monkeyvl.models.minimonkey.tokenization import load_tokenizer, read_sentencepiece, sentencepiece_to_fast

sentencepiece = pytest.importorskip("sentencepiece")

SIZE = 1200
RESERVED = 8  # pieces [UNUSED_TOKEN_0] ..., ids 3 to 10; the last two become <|im_end|> and <|im_start|>
ADDED = {9: "<|im_end|>", 10: "<|im_start|>", SIZE: "<img>", SIZE + 1: "</img>", SIZE + 2: "<IMG_CONTEXT>"}
ROLES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "</s>"}


def sentences(seed):
    chance = random.Random(seed)
    latin = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(1, 9))) for _ in range(300)]
    chinese = [
        "".join(chr(chance.randint(0x4E00, 0x4E60)) for _ in range(chance.randint(1, 4))) for _ in range(99)
    ]
    odd = ["aaaa", "aaaaa", "1,000.00", "\t", "  ", "\n\n", "=====", "é€", "😀"]
    return [
        " ".join(chance.choice(chance.choices([latin, chinese, odd], [8, 2, 1])[0]) for _ in range(9))
        for _ in range(2500)
    ]


def train(**flags):
    """A byte-pair model with the flags of the published one."""
    written = io.BytesIO()
    settings = {
        "model_type": "bpe",
        "vocab_size": SIZE,
        "byte_fallback": True,
        "split_digits": True,
        "allow_whitespace_only_pieces": True,
        "remove_extra_whitespaces": False,
        "normalization_rule_name": "identity",
        "user_defined_symbols": [f"[UNUSED_TOKEN_{number}]" for number in range(RESERVED)],
        "character_coverage": 0.999,
        "minloglevel": 2,
        "num_threads": 1,
    }
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences(0)), model_writer=written, **settings | flags
    )
    return written.getvalue()


def hostile(count):
    chance = random.Random(1)
    close = "aab bc  \n\t<>|▁é€😀中文0123[]_\u200b\u0301\ufeff\x00\x1f"
    whole = ["[UNUSED_TOKEN_1]", "<s>", "</s>", "<unk>", "<0x41>", "<|im_end|>", "<IMG_CONTEXT>", "▁", "￼"]
    lines = sentences(2)
    for number in range(count):
        kind = number % 5
        if kind == 0:
            yield "".join(chance.choices(close, k=chance.randint(0, 30)))
        elif kind == 1:
            yield "".join(
                chr(
                    chance.choice(
                        [chance.randint(32, 126), chance.randint(0xA0, 0x2FF), chance.randint(0x4E00, 0x9FFF)]
                    )
                )
                for _ in range(chance.randint(1, 20))
            )
        elif kind == 2:
            yield "a" * chance.randint(1, 60) + "b" * chance.randint(0, 5) + "a" * chance.randint(0, 30)
        elif kind == 3:
            yield " " * chance.randint(0, 9) + chance.choice(lines) + " \n"[number % 2] * chance.randint(0, 9)
        else:
            yield "".join(chance.choice([chance.choice(whole), chance.choice(lines)[:9]]) for _ in range(4))


@pytest.fixture(scope="module", params=[False, True], ids=["published flags", "dummy prefix"])
def trained(request):
    return train(add_dummy_prefix=request.param), request.param


@pytest.fixture
def folder(tmp_path):
    """An official folder's tokenizer files."""
    tokens = {number: {"content": token, "special": True} for number, token in ADDED.items()}
    named = {
        number: {"content": token, "special": True} for number, token in enumerate(["<unk>", "<s>", "</s>"])
    }
    settings = {
        **ROLES,
        "added_tokens_decoder": named | tokens,
        "additional_special_tokens": list(ADDED.values()),
        "auto_map": {"AutoTokenizer": ["tokenization_internlm2.InternLM2Tokenizer", None]},
        "tokenizer_class": "InternLM2Tokenizer",
        "model_max_length": 8192,
    }
    (tmp_path / "tokenizer.model").write_bytes(train(add_dummy_prefix=False))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    (tmp_path / "tokenization_internlm2.py").write_text("raise SystemExit('code of the checkpoint was run')")
    return tmp_path


def test_ids_and_texts_equal_sentencepiece(trained, tmp_path):
    data, prefix = trained
    (tmp_path / "tokenizer.model").write_bytes(data)
    reference = sentencepiece.SentencePieceProcessor(model_proto=data)
    model = read_sentencepiece(tmp_path / "tokenizer.model")
    assert [piece for piece, _, _ in model.pieces] == [reference.id_to_piece(at) for at in range(SIZE)]
    assert (model.byte_fallback, model.add_dummy_prefix) == (True, prefix)
    tokenizer = sentencepiece_to_fast(model, {**ROLES, "add_bos_token": False})
    tokenizer.split_special_tokens = True  # sentencepiece knows no special tokens in a text
    texts = list(hostile(2000))
    for text in texts:
        if prefix and "[UNUSED_TOKEN_1]" in text:
            continue  # only the very first section of a text has a prefix there, none behind a reserved piece
        ids = reference.encode(text)
        assert tokenizer.encode(text) == ids, text
        assert tokenizer.decode(ids) == reference.decode(ids), text
    pieces = [at for at in range(SIZE) if not (reference.is_control(at) or reference.is_byte(at) or at == 0)]
    chance = random.Random(3)
    for _ in range(300):
        ids = chance.choices(pieces, k=chance.randint(1, 12))
        assert tokenizer.decode(ids) == reference.decode(ids)


def test_reader_needs_no_sentencepiece(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    assert load_tokenizer(folder).encode("tale") == load_tokenizer(folder)("tale")["input_ids"]


def test_official_folder(folder, capfd, recwarn):
    tokenizer = load_tokenizer(folder)
    assert tokenizer.is_fast
    assert {token: tokenizer.convert_tokens_to_ids(token) for token in ADDED.values()} == {
        token: number for number, token in ADDED.items()
    }
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, 2)
    assert (len(tokenizer), tokenizer.model_max_length) == (SIZE + 3, 8192)
    ids = tokenizer.encode("<|im_start|>user\nis<|im_end|>")
    assert (ids[0], ids[1], ids[-1]) == (1, 10, 9)
    assert tokenizer.decode(ids[1:]) == "<|im_start|>user\nis<|im_end|>"
    assert tokenizer.decode(ids, skip_special_tokens=True) == "user\nis"
    assert capfd.readouterr().err == ""
    # What earlier tests left open may be closed, and told, at any time.
    assert not [one for one in recwarn if one.category is not ResourceWarning]


def test_the_old_name_of_a_taken_piece_is_text(folder):
    tokenizer = load_tokenizer(folder)
    assert tokenizer.encode("[UNUSED_TOKEN_1]", add_special_tokens=False) == [4]
    assert 9 not in tokenizer.encode("[UNUSED_TOKEN_6]")
    assert (
        tokenizer.decode(tokenizer.encode("[UNUSED_TOKEN_6]", add_special_tokens=False)) == "[UNUSED_TOKEN_6]"
    )


def test_added_tokens_file_alone(folder):
    (folder / "tokenizer_config.json").write_text(json.dumps({**ROLES, "add_bos_token": False}))
    (folder / "added_tokens.json").write_text(json.dumps({token: number for number, token in ADDED.items()}))
    tokenizer = load_tokenizer(folder)
    assert tokenizer.encode("<img><IMG_CONTEXT></img><|im_end|>") == [SIZE, SIZE + 2, SIZE + 1, 9]


def test_save_and_load(folder, tmp_path):
    tokenizer = load_tokenizer(folder)
    tokenizer.save_pretrained(tmp_path / "saved")
    for again in (load_tokenizer(tmp_path / "saved"), AutoTokenizer.from_pretrained(tmp_path / "saved")):
        for text in [*hostile(100), "<|im_start|>user\n"]:
            assert again.encode(text) == tokenizer.encode(text)
            assert again.decode(again.encode(text)) == tokenizer.decode(tokenizer.encode(text))
        assert (again.pad_token_id, again.model_max_length) == (2, 8192)


def test_tokenizer_json_is_preferred(folder, tmp_path):
    load_tokenizer(folder).save_pretrained(tmp_path / "both")
    (tmp_path / "both" / "tokenizer.model").write_bytes(b"not read")
    assert len(load_tokenizer(tmp_path / "both")) == SIZE + 3


def test_qwen_files(tmp_path):
    letters = {"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3}
    (tmp_path / "vocab.json").write_text(json.dumps(letters))
    (tmp_path / "merges.txt").write_text("#version: 0.2\na b\n")
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.is_fast
    assert tokenizer.encode("abb") == [2, 1]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"model_type": "unigram", "vocab_size": 600}, "model type 1"),
        ({"remove_extra_whitespaces": True}, "remove_extra_whitespaces"),
        ({"normalization_rule_name": "nmt_nfkc"}, "a normalization table"),
        ({"treat_whitespace_as_suffix": True}, "treat_whitespace_as_suffix"),
    ],
)
def test_other_models_are_refused_by_name(tmp_path, flags, message):
    (tmp_path / "tokenizer.model").write_bytes(train(**flags))
    with pytest.raises(CheckpointError, match=message):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"\xff" * 40, None])
def test_damaged_files_are_named(tmp_path, damage):
    data = train(add_dummy_prefix=False)[:-7] if damage is None else damage
    (tmp_path / "tokenizer.model").write_bytes(data)
    with pytest.raises(CheckpointError, match=r"tokenizer\.model: no sentencepiece model") as error:
        load_tokenizer(tmp_path)
    assert "\n" not in str(error.value)


def test_broken_settings_are_named(folder):
    (folder / "empty").mkdir()
    with pytest.raises(CheckpointError, match=r"no tokenizer\.json, tokenizer\.model or vocab\.json"):
        load_tokenizer(folder / "empty")
    (folder / "tokenizer_config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"tokenizer_config\.json: no JSON object"):
        load_tokenizer(folder)
    (folder / "tokenizer_config.json").write_text('{"bos_token": "<bos>"}')
    with pytest.raises(CheckpointError, match="bos_token is '<bos>', which has no id"):
        load_tokenizer(folder)
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"added_tokens_decoder": {SIZE + 5: {"content": "<x>"}}})
    )
    with pytest.raises(CheckpointError, match=f"ids between {SIZE} and {SIZE + 5} have no token"):
        load_tokenizer(folder)
