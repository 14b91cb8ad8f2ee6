"""Conversations to prompts that remember which words are the user's.

A chat template turns messages into one string, in which a `<|im_end|>` typed by a user looks like the
template's own. So message text is rendered between marks that nobody can guess, and the prompt keeps its
pieces apart: only pieces of the template may become special tokens.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jinja2.exceptions import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

from monkeyvl.errors import UsageError

__all__ = ["IMAGE", "OFFICIAL_CHAT_TEMPLATE", "Piece", "Prompt", "render"]

IMAGE = "<image>"  # stands for one image in a prompt's text

# The published bytes: the comma after the name is ASCII with a space, and no newline follows <|im_end|>.
_SYSTEM = (
    "你是由上海人工智能实验室联合商汤科技开发的书生多模态大模型，英文名叫InternVL, "
    "是一个有用无害的人工智能助手。"
)
OFFICIAL_CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\n" + _SYSTEM + "<|im_end|>{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>\n"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class Piece(NamedTuple):
    """A stretch of a prompt. Its kind is "template" (special tokens and image placeholders count), "text"
    (nothing is special) or "markup" (only grounding markup such as <ref> is)."""

    text: str
    kind: str


class Prompt(str):
    """A rendered conversation; a processor that gets it back still knows its pieces."""

    pieces: tuple[Piece, ...]

    def __new__(cls, pieces: Sequence[Piece]) -> Prompt:
        prompt = super().__new__(cls, "".join(piece.text for piece in pieces))
        prompt.pieces = tuple(pieces)
        return prompt

    def __getnewargs__(self) -> tuple[tuple[Piece, ...]]:  # type: ignore[override]
        return (self.pieces,)


def render(
    conversation: Sequence[Mapping[str, Any]],
    template: str,
    *,
    tools: Sequence[Any] | None = None,
    documents: Sequence[Mapping[str, Any]] | None = None,
    add_generation_prompt: bool = False,
    continue_final_message: bool | str = False,
    variables: Mapping[str, Any] | None = None,
) -> tuple[Prompt, list[Any]]:
    """Renders one conversation.

    Args:
        conversation: messages {"role", "content"}; content is a string or a list of parts
            {"type": "text", "text"} and {"type": "image"}, an image part with or without pixels under
            "image". In a text part with "markup": True the markup <ref>, <box>, <quad> and <point> counts.
        template: Jinja chat template.
        tools, documents, add_generation_prompt, continue_final_message: as in transformers.
        variables: what else the template may name, such as bos_token.

    Returns:
        the prompt, and for each image part in order its pixels, None where it has none.

    Raises:
        UsageError: for a conversation that is none, or one that the template refuses.
    """
    if not conversation:
        raise UsageError("an empty conversation; at least 1 message is needed")
    marks = _Marks()
    images: list[Any] = []
    lists = "type" in template  # a template that never looks at a part's type takes strings only
    messages = [_message(message, marks, images, lists) for message in conversation]
    try:
        rendered, _ = render_jinja_template(
            conversations=[messages],
            tools=marks.around(tools),
            documents=marks.around(documents),
            chat_template=template,
            add_generation_prompt=add_generation_prompt,
            continue_final_message=continue_final_message,
            **(variables or {}),
        )
    except (TemplateError, TypeError, ValueError) as error:
        raise UsageError(f"the chat template refuses the conversation: {marks.remove(str(error))}") from None
    return Prompt(marks.pieces(rendered[0])), images


def _message(message: Any, marks: _Marks, images: list[Any], lists: bool) -> dict[str, Any]:
    if (
        not isinstance(message, Mapping)
        or not isinstance(message.get("role"), str)
        or "content" not in message
    ):
        raise UsageError(f"a message is a mapping with role and content, not {_short(message)}")
    if not re.fullmatch(r"\w+", message["role"]):
        raise UsageError(f"a message's role is one word such as user, not {_short(message['role'])}")
    content = message["content"]
    if isinstance(content, str) or content is None:
        return {name: value if name == "role" else marks.around(value) for name, value in message.items()}
    if not isinstance(content, (list, tuple)):
        raise UsageError(f"a message's content is text or a list of parts, not {_short(content)}")
    parts = [_part(part, marks, images) for part in content]
    if not lists:
        content = "".join(f"{IMAGE}\n" if part["type"] == "image" else part["text"] for part in parts)
    rest = {name: marks.around(value) for name, value in message.items() if name not in ("role", "content")}
    return {"role": message["role"], "content": parts if lists else content, **rest}


def _part(part: Any, marks: _Marks, images: list[Any]) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind == "text" and isinstance(part.get("text"), str):
        return {
            "type": "text",
            "text": marks.around(part["text"], "markup" if part.get("markup") else "text"),
        }
    if kind == "image":
        sources = [name for name in ("url", "path", "base64") if part.get(name) is not None]
        if sources or isinstance(part.get("image"), (str, bytes)):
            raise UsageError(
                f'an image part holds pixels under "image", no {sources[0] if sources else "path"}: '
                "open files with monkeyvl.images.open_image"
            )
        images.append(part.get("image"))
        return {"type": "image"}
    raise UsageError(
        f'a part of a message is {{"type": "text", "text": ...}} or an image, not {_short(part)}'
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


class _Marks:
    """Marks around message text. White space at its ends stays outside, so that templates can strip it."""

    def __init__(self) -> None:
        self.secret = secrets.token_hex(8)
        self.count = 0
        self.pattern = re.compile(f"\ue000{self.secret}(begin|end)(text|markup)([0-9]+)\ue001")

    def around(self, value: Any, kind: str = "text") -> Any:
        if isinstance(value, Mapping):
            return {name: item if name == "type" else self.around(item, kind) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.around(item, kind) for item in value]
        if not isinstance(value, str) or not value.strip():
            return value
        self.count += 1
        core = value.strip()
        before, after = value[: value.index(core)], value[value.index(core) + len(core) :]
        begin, end = (f"\ue000{self.secret}{edge}{kind}{self.count}\ue001" for edge in ("begin", "end"))
        return f"{before}{begin}{core}{end}{after}"

    def remove(self, text: str) -> str:
        return self.pattern.sub("", text)

    def pieces(self, rendered: str) -> list[Piece]:
        pieces = []
        at, inside = 0, None
        for mark in self.pattern.finditer(rendered):
            edge, kind, number = mark.groups()
            if (edge == "begin") != (inside is None) or inside not in (None, number):
                raise UsageError(
                    "the chat template takes message text apart, so typed special tokens cannot be told"
                )
            pieces.append(Piece(rendered[at : mark.start()], "template" if edge == "begin" else kind))
            at, inside = mark.end(), number if edge == "begin" else None
        if inside is not None:
            raise UsageError(
                "the chat template takes message text apart, so typed special tokens cannot be told"
            )
        pieces.append(Piece(rendered[at:], "template"))
        return [piece for piece in pieces if piece.text]
