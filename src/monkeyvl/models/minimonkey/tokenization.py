"""Tokenizers of Mini-Monkey checkpoints, always the fast kind and never by code from the checkpoint.

Official folders ship InternLM2's sentencepiece model (`tokenizer.model`) with a slow Python class of their
own. It is read here, without the sentencepiece package, and rebuilt as merges of the tokenizers library.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, normalizers, processors
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast, Qwen2Tokenizer

from monkeyvl.errors import CheckpointError
from monkeyvl.models.minimonkey.files import find_file, hub_options, read_json

__all__ = ["SentencePieceModel", "load_tokenizer", "read_sentencepiece", "sentencepiece_to_fast"]

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)  # kinds of pieces
_BPE = 2  # sentencepiece's number for byte-pair encoding
_NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


@dataclass(frozen=True)
class SentencePieceModel:
    """What a `tokenizer.model` says.

    Attributes:
        pieces: (text, score, kind) of each id; kinds as in sentencepiece: 1 normal, 2 unknown, 3 control,
            4 user defined, 5 unused, 6 byte.
        byte_fallback: characters outside the vocabulary become byte pieces.
        add_dummy_prefix: a text starts with an added space.
    """

    pieces: tuple[tuple[str, float, int], ...]
    byte_fallback: bool
    add_dummy_prefix: bool


def load_tokenizer(name_or_folder: str | os.PathLike[str], **kwargs: Any) -> PreTrainedTokenizerFast:
    """The tokenizer of a checkpoint, from `tokenizer.json`, else `tokenizer.model`, else `vocab.json` and
    `merges.txt`. Classes named in its files are not imported.

    Args:
        name_or_folder: folder, or name on the hub.
        kwargs: where to look (revision, cache_dir, token, local_files_only, subfolder ...).

    Raises:
        CheckpointError: no tokenizer files, or ones that cannot be read.
    """
    hub = hub_options(kwargs)
    if find_file(name_or_folder, "tokenizer.json", **hub) is not None:
        return PreTrainedTokenizerFast.from_pretrained(name_or_folder, **hub)
    model = find_file(name_or_folder, "tokenizer.model", **hub)
    if model is not None:
        names = ("special_tokens_map.json", "tokenizer_config.json", "added_tokens.json")
        roles, settings, added = (read_json(name_or_folder, name, **hub) for name in names)
        return sentencepiece_to_fast(read_sentencepiece(model), {**roles, **settings}, added)
    if all(find_file(name_or_folder, name, **hub) is not None for name in ("vocab.json", "merges.txt")):
        return Qwen2Tokenizer.from_pretrained(name_or_folder, **hub)
    raise CheckpointError(
        f"{name_or_folder}: no tokenizer.json, tokenizer.model or vocab.json with merges.txt, so no tokenizer"
    )


def sentencepiece_to_fast(
    model: SentencePieceModel, settings: Mapping[str, Any], added: Mapping[str, int] | None = None
) -> PreTrainedTokenizerFast:
    """A fast tokenizer with the ids of a sentencepiece byte-pair model.

    Args:
        model: the model's content.
        settings: content of tokenizer_config.json: special tokens by role, `added_tokens_decoder`,
            `add_bos_token`, `model_max_length`, `chat_template`.
        added: content of added_tokens.json: token -> id.

    An added token may take the id of one of the model's pieces (InternLM2's `<|im_end|>` takes that of a
    reserved piece); the piece then no longer exists, so that typing its name gives ordinary text.
    """
    tokens = _added_tokens(model, settings, added or {})
    vocabulary = {piece: number for number, (piece, _, _) in enumerate(model.pieces) if number not in tokens}
    vocabulary.update({str(token): number for number, token in tokens.items()})
    unknown = next((piece for piece, _, kind in model.pieces if kind == UNKNOWN), None)
    backend = Tokenizer(
        BPE(
            vocab=vocabulary,
            merges=_merges(model),
            unk_token=unknown,
            fuse_unk=True,
            byte_fallback=model.byte_fallback,
        )
    )
    replace = normalizers.Replace(" ", "▁")
    steps = [normalizers.Prepend("▁"), replace] if model.add_dummy_prefix else [replace]
    backend.normalizer = normalizers.Sequence(steps)
    undo = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    if model.add_dummy_prefix:
        undo.append(decoders.Strip(" ", 1, 0))
    backend.decoder = decoders.Sequence(undo)
    for _, token in sorted(tokens.items()):
        (backend.add_special_tokens if token.special else backend.add_tokens)([token])
    roles = {name: _content(settings[name]) for name in _NAMED if settings.get(name) is not None}
    first = roles.get("bos_token")
    if first is not None and settings.get("add_bos_token", True):
        backend.post_processor = processors.TemplateProcessing(
            single=f"{first} $A",
            pair=f"{first} $A {first} $B",
            special_tokens=[(first, vocabulary[first])],
        )
    options = {name: settings[name] for name in ("model_max_length", "chat_template") if settings.get(name)}
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
        **roles,
        **options,
    )


def _added_tokens(
    model: SentencePieceModel, settings: Mapping[str, Any], added: Mapping[str, int]
) -> dict[int, AddedToken]:
    tokens: dict[int, AddedToken] = {}
    for number, (piece, _, kind) in enumerate(model.pieces):
        if kind in (CONTROL, UNKNOWN, USER_DEFINED):
            tokens[number] = AddedToken(piece, normalized=False, special=kind != USER_DEFINED)
    for content, number in added.items():
        tokens[int(number)] = AddedToken(content, normalized=False, special=True)
    for number, entry in (settings.get("added_tokens_decoder") or {}).items():
        flags = {name: bool(entry.get(name, False)) for name in ("lstrip", "rstrip", "single_word")}
        special = bool(entry.get("special", True))
        tokens[int(number)] = AddedToken(entry["content"], normalized=False, special=special, **flags)
    numbers = {str(token): number for number, token in tokens.items()}
    missing = [name for name in _NAMED if settings.get(name) and _content(settings[name]) not in numbers]
    if missing:
        raise CheckpointError(
            f"tokenizer: {missing[0]} is {_content(settings[missing[0]])!r}, which has no id"
        )
    beyond = sorted(number for number in tokens if number >= len(model.pieces))
    if beyond and beyond[-1] - len(model.pieces) >= len(beyond):
        raise CheckpointError(f"tokenizer: ids between {len(model.pieces)} and {beyond[-1]} have no token")
    return tokens


def _content(token: Any) -> str:
    return str(token["content"] if isinstance(token, Mapping) else token)


def _merges(model: SentencePieceModel) -> list[tuple[str, str]]:
    """Every way to put a piece together from two others, best score first: sentencepiece keeps scores, not
    merges."""
    numbers = {piece: number for number, (piece, _, kind) in enumerate(model.pieces) if kind == NORMAL}
    ways = []
    for piece, number in numbers.items():
        for cut in range(1, len(piece)):
            left, right = numbers.get(piece[:cut]), numbers.get(piece[cut:])
            if left is not None and right is not None:
                ways.append((-model.pieces[number][1], number, left, right, piece[:cut], piece[cut:]))
    return [(left, right) for *_, left, right in sorted(ways)]


def read_sentencepiece(path: str | os.PathLike[str]) -> SentencePieceModel:
    """Reads a `tokenizer.model` file (a protocol buffer).

    Raises:
        CheckpointError: the file is damaged, or holds a kind of model that is not served here: only byte-pair
            models that leave white space as it is are.
    """
    data = Path(path).read_bytes()
    try:
        return _sentencepiece(data, str(path))
    except (IndexError, struct.error, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{path}: no sentencepiece model ({len(data)} bytes): {error}") from None


def _sentencepiece(data: bytes, path: str) -> SentencePieceModel:
    pieces = []
    trainer: dict[int, Any] = {}
    normalizer: dict[int, Any] = {}
    for field, value in _fields(data):
        if field == 1:
            piece = dict(_fields(value))
            score = struct.unpack("<f", piece.get(2, b"\0\0\0\0"))[0]
            pieces.append((piece.get(1, b"").decode("utf-8"), score, int(piece.get(3, NORMAL))))
        elif field == 2:
            trainer = dict(_fields(value))
        elif field == 3:
            normalizer = dict(_fields(value))
    if not pieces:
        raise CheckpointError(f"{path}: no sentencepiece model: it has no pieces")
    unserved = {
        f"model type {trainer.get(3, 1)}": trainer.get(3, 1) != _BPE,
        "treat_whitespace_as_suffix": bool(trainer.get(24, 0)),
        "remove_extra_whitespaces": bool(normalizer.get(4, 1)),
        "unescaped white space": not normalizer.get(5, 1),
        "a normalization table": bool(normalizer.get(2, b"")),
    }
    for name, present in unserved.items():
        if present:
            raise CheckpointError(
                f"{path}: a sentencepiece model with {name} is not supported, only plain BPE"
            )
    return SentencePieceModel(tuple(pieces), bool(trainer.get(35, 0)), bool(normalizer.get(3, 1)))


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(number, value) of each field of a protocol buffer message: integers, or bytes for everything else."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value: Any
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            length, at = _varint(data, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise IndexError(f"wire type {kind} at byte {at}")
        if at + length > len(data):
            raise IndexError(f"it ends at byte {len(data)}, {at + length - len(data)} too early")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        shift += 7
        at += 1
        if byte < 128:
            return value, at
