"""Pieces of a prompt to ids.

Special tokens of the template become their ids here, by name. Everything else goes through a copy of the
tokenizer to which no token is special, so that no spelling of one in a message reaches its id.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tokenizers import AddedToken

from monkeyvl.models.minimonkey.chat import IMAGE, Piece

__all__ = ["MARKUP", "Encoder"]

MARKUP = ("<ref>", "</ref>", "<box>", "</box>", "<quad>", "</quad>", "<point>", "</point>")


class Encoder:
    """Encodes the pieces of prompts.

    Args:
        tokenizer: a fast tokenizer.
        image_tokens: id of each token that belongs to images, ordinary ones of the tokenizer included.
        placeholder: the one among them that stands alone for an image, as `<image>` does.
    """

    def __init__(self, tokenizer: Any, image_tokens: Mapping[str, int], placeholder: str) -> None:
        added = tokenizer.added_tokens_decoder
        special = {token.content for token in added.values() if token.special} | set(image_tokens)
        self._ids = {token.content: number for number, token in added.items()} | dict(image_tokens)
        self._control = {self._ids[content] for content in special} - {tokenizer.unk_token_id}
        self._placeholders = (IMAGE, placeholder)
        self._patterns = {
            "template": _pattern([IMAGE, *self._ids]),
            "markup": _pattern([token for token in MARKUP if token in special]),
            "text": _pattern([]),
        }
        self._plain = copy.deepcopy(tokenizer.backend_tokenizer)
        self._plain.no_truncation()
        self._plain.no_padding()
        self._plain.add_special_tokens([AddedToken(token, normalized=False) for token in image_tokens])
        self._plain.encode_special_tokens = True
        framed = tokenizer.backend_tokenizer.encode("a", add_special_tokens=True).ids
        bare = self._plain.encode("a", add_special_tokens=False).ids
        begin = next(at for at in range(len(framed)) if framed[at : at + len(bare)] == bare)
        self._before, self._after = framed[:begin], framed[begin + len(bare) :]

    def __deepcopy__(self, memo: Any) -> Encoder:
        return self  # never changes, and transformers copies a processor each time it prints or saves one

    def count_images(self, piece: Piece) -> int:
        """Number of images that a piece has a place for."""
        if piece.kind != "template":
            return 0
        return sum(found in self._placeholders for found in self._patterns["template"].findall(piece.text))

    def encode(self, pieces: Sequence[Piece]) -> Iterator[list[int] | None]:
        """Ids of the pieces in order; None stands for an image."""
        text = ""
        for piece in pieces:
            at = 0
            for found in self._patterns[piece.kind].finditer(piece.text):
                yield self._text(text + piece.text[at : found.start()])
                yield None if found.group() in self._placeholders else [self._ids[found.group()]]
                text, at = "", found.end()
            text += piece.text[at:]
        yield self._text(text)

    def framed(self, ids: list[int]) -> list[int]:
        """With the tokens that begin and end every text, the first ones unless they are there already."""
        begins = ids[: len(self._before)] == self._before
        return (ids if begins else self._before + ids) + self._after

    def _text(self, text: str) -> list[int]:
        ids = self._plain_ids(text)
        if not self._control.isdisjoint(ids):  # a vocabulary that spells a special token with ordinary pieces
            return [number for letter in text for number in self._plain_ids(letter)]
        return ids

    def _plain_ids(self, text: str) -> list[int]:
        return list(self._plain.encode(text, add_special_tokens=False).ids)


def _pattern(tokens: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(tokens, key=len, reverse=True)
    return re.compile("|".join(re.escape(token) for token in longest_first) or r"(?!)")
