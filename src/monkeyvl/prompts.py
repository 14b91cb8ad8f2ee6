"""The wording of every task for every model family: one table, because a model knows the exact bytes it was
trained on.

Families: "minimonkey" is the chat wording of Mini-Monkey and the InternVL models (their grounding request is
InternVL's own; the requests for spotting and extraction are plain sentences, since none was published),
"embedded" is the wording that the checkpoint inside this package is trained with.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from monkeyvl.errors import UsageError

TASKS = ("ask", "read", "spot", "locate", "extract", "caption")

PROMPTS: dict[str, dict[str, str]] = {
    "minimonkey": {
        "ask": "{question}",
        "read": "Please read all the text in the image.",
        "spot": "Please read all the text in the image and give the bounding box of each piece of text, "
        "in the form <ref>text</ref><box>[[x1, y1, x2, y2]]</box>.",
        "locate": "Please provide the bounding box coordinate of the region this sentence describes: "
        "<ref>{text}</ref>",
        "extract": "Extract the values of these keys from the image: {keys}. Answer with one JSON object "
        "that has exactly these keys, and null where the image does not say.",
        "caption": "Please describe the image in detail.",
    },
    "embedded": {
        "ask": "{question}",
        "read": "Read all the text.",
        "spot": "Read all the text with boxes.",
        "locate": 'Where is "{text}"?',
        "extract": "What is the {key}?",
        "caption": "Describe the image.",
    },
}

FAMILIES = tuple(PROMPTS)

# How much a task may answer when the caller sets no limit, in tokens: a page is long, a value is short.
MAX_NEW_TOKENS = {"ask": 256, "read": 1024, "spot": 1024, "locate": 128, "extract": 256, "caption": 256}


def prompt(task: str, family: str, **fields: str) -> str:
    """The exact user text of a task.

    Args:
        task: one of `TASKS`.
        family: one of `FAMILIES`.
        fields: what the wording names: `question` (ask), `text` (locate), `key` (extract, embedded family) or
            `keys` (extract, minimonkey family; see `key_list`). Braces inside the values stay as they are.

    Raises:
        UsageError: for an unknown task or family, a missing field or an empty one.
    """
    if family not in PROMPTS:
        raise UsageError(f"unknown prompt family {family!r}: one of {', '.join(FAMILIES)}")
    if task not in PROMPTS[family]:
        raise UsageError(f"unknown task {task!r}: one of {', '.join(TASKS)}")
    for name, value in fields.items():
        if not value.strip():
            raise UsageError(f"the {name} is empty: {task} needs a {name}")
    try:
        return PROMPTS[family][task].format(**fields)
    except KeyError as missing:
        raise UsageError(f"{task} needs a {missing.args[0]}") from None


def has_markup(task: str, family: str) -> bool:
    """Whether a task's own wording holds grounding markup, which must reach the model as such."""
    return "<ref>" in PROMPTS[family][task]


def key_list(keys: Sequence[str]) -> str:
    """Keys as they stand in a one-prompt extraction: JSON strings, comma separated."""
    return ", ".join(json.dumps(key, ensure_ascii=False) for key in keys)


def embedded_prompt(task: str, **fields: str) -> str:
    """The wording of the embedded checkpoint, which the synthetic training data is made with."""
    return prompt(task, "embedded", **fields)


def embedded_locate(text: str) -> str:
    """The embedded checkpoint's question for the place of `text`."""
    return prompt("locate", "embedded", text=text)
