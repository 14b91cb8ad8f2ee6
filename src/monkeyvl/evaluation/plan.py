"""What a run asks, fixed before it starts: batches, their order, and the facts of every row.

A batch is answered as a whole, so which examples share one decides the last digits of the arithmetic; it must
not depend on where an earlier run was stopped.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import Any

from monkeyvl.adapters import CONFIG, WEIGHTS, base_of, check_adapter
from monkeyvl.checkpoints import family_of, name_of, resolve, weight_files
from monkeyvl.errors import UsageError
from monkeyvl.evaluation.sets import Example
from monkeyvl.evaluation.splits import file_sha256
from monkeyvl.prompts import QUESTIONS, prompt
from monkeyvl.remote import FAMILY, find_service, is_service

PACKAGES = ("monkeyvl", "torch", "transformers", "tokenizers", "numpy", "pillow")
TRUTH = ("answers", "answer_list", "boxes", "ignore", "point", "type")
MINIMONKEY = "minimonkey"
# Some presets cut an image into more tokens than Mini-Monkey's context of 8192 holds: the rest of it is for
# the question and the answer.
MOST_IMAGE_TOKENS = 7680


@dataclass(frozen=True)
class Model:
    """The model of a run: what answers call it, the wording it knows, and a hash of all its files."""

    name: str
    family: str
    sha256: str


@dataclass(frozen=True)
class Conditions:
    """Under which conditions the questions are asked; `Assistant` explains the options."""

    model: Model
    cropping: str | None = None
    compression: float = 0.0
    batch_size: int = 8
    max_new_tokens: int | None = None
    seed: int = 0
    device: str | None = None
    dtype: str | None = None

    def __post_init__(self) -> None:
        from monkeyvl.cropping import Cropping
        from monkeyvl.generation import Settings

        if self.batch_size < 1:
            raise UsageError(f"batch_size is {self.batch_size}; it must be at least 1")
        Settings(self.max_new_tokens or 1, self.compression)
        if self.max_new_tokens == 0:
            raise UsageError("max_new_tokens is 0; it must be at least 1")
        if self.cropping is not None:
            Cropping.parse(self.cropping)
        if self.model.family == FAMILY and (self.cropping or self.compression or self.device or self.dtype):
            raise UsageError(
                "cropping, compression, device and dtype are for local models: a server has its own"
            )


def find_model(
    name_or_folder: str | None, api_model: str | None = None, adapter: Path | None = None
) -> tuple[str, Model]:
    """What `monkeyvl.load` takes (a checkpoint's folder, or a server and its model), and what a run states
    about it, with a LoRA adapter if one is given; nothing is loaded. Of a server's model the hash is that of
    its URL and name."""
    if is_service(name_or_folder):
        if adapter:
            raise UsageError(f"--adapter {adapter} is for local models: a server has its own")
        service = find_service(str(name_or_folder), api_model)
        return service.name, Model(service.name, FAMILY, sha256(service.name.encode()).hexdigest())
    if api_model:
        raise UsageError(f"--api-model {api_model} names a model of a server: --model openai:URL is missing")
    added = check_adapter(adapter) if adapter else None
    if added and name_or_folder is None:
        name_or_folder = base_of(added)
    folder = resolve(name_or_folder)
    weights = weight_files(folder)
    others = [file for file in folder.iterdir() if file.suffix in (".json", ".jinja", ".model", ".txt")]
    digest = sha256()
    for file in sorted({*weights, *others}):
        digest.update(f"{file.name} {file_sha256(file)}\n".encode())
    name = name_of(folder)
    if added:
        name = f"{name}+{added.name}"
        for part in (CONFIG, WEIGHTS):
            digest.update(f"adapter {part} {file_sha256(added / part)}\n".encode())
    return str(folder), Model(name, family_of(folder), digest.hexdigest())


@dataclass(frozen=True)
class Batch:
    """Examples that are answered together, with the longest answer they may give and the preset by which
    their images are cut where the run names none.

    Batches of one `chain` share images and are worked on by one process.
    """

    number: int
    chain: int
    examples: tuple[Example, ...]
    max_new_tokens: int
    cropping: str | None = None


def make_batches(examples: Sequence[Example], batch_size: int, max_new_tokens: int | None) -> list[Batch]:
    """Batches of at most `batch_size` examples, image by image, so that an image is encoded once.

    Only examples with the same longest answer and the same cropping share a batch, and an image's examples
    are not spread over two batches where one can hold them.
    """
    images: dict[Path, list[Example]] = {}
    for example in examples:
        images.setdefault(example.image, []).append(example)
    batches: list[Batch] = []
    filling: list[Example] = []
    limit: tuple[int, str] = (0, "")

    def close() -> None:
        if not filling:
            return
        chain = len(batches)
        if batches and batches[-1].examples[-1].image == filling[0].image:
            chain = batches[-1].chain
        batches.append(Batch(len(batches), chain, tuple(filling), limit[0], limit[1] or None))
        filling.clear()

    def kind(example: Example) -> tuple[int, str]:
        return max_new_tokens or example.rule.max_new_tokens, example.rule.cropping or ""

    for rows in images.values():
        for wanted, group in groupby(sorted(rows, key=kind), kind):
            members = list(group)
            if wanted != limit or len(filling) + len(members) > batch_size:
                close()
            limit = wanted
            for example in members:
                if len(filling) == batch_size:
                    close()
                filling.append(example)
    close()
    return batches


def parse_shard(text: str | None) -> tuple[int, int] | None:
    """(I, N) of "I/N", 1 <= I <= N."""
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(f'shard "{text[:40]}": write it as I/N, the first of four processes is 1/4')
    return int(found[1]), int(found[2])


def shard_of(batches: Sequence[Batch], shard: tuple[int, int] | None) -> list[Batch]:
    """The batches of one process: every N-th chain of them."""
    if shard is None:
        return list(batches)
    chains = list(dict.fromkeys(batch.chain for batch in batches))
    mine = set(chains[shard[0] - 1 :: shard[1]])
    return [batch for batch in batches if batch.chain in mine]


class Facts:
    """What is known of the rows before they are answered, in the form in which it is read back.

    Made anew whenever it is asked for, and rows share what is the same for many: large sets would not fit
    into the memory otherwise.
    """

    def __init__(self, conditions: Conditions) -> None:
        self.conditions = conditions
        self._versions = installed_versions()
        self._settings: dict[tuple[int, str | None], dict[str, Any]] = {}

    def of(self, example: Example, batch: Batch) -> dict[str, Any]:
        """The facts of an example's row; `batch` is the one in which it is asked."""
        rule, row, model = example.rule, example.row, self.conditions.model
        return {
            "set": example.set,
            "task": rule.task,
            "id": example.id,
            "batch": batch.number,
            "image": example.name,
            "image_sha256": example.sha256,
            "region": row["boxes"][0]["box"] if rule.region else None,
            "question": row["question"],
            "prompt": _asked(example, model.family),
            "metric": rule.metric,
            "also": list(rule.also),
            "group": str(row[rule.group]) if rule.group and row.get(rule.group) else None,
            "truth": {name: row[name] for name in TRUTH if name in row},
            "model": model.name,
            "model_sha256": model.sha256,
            "settings": self._settings_of(batch),
            "versions": self._versions,
        }

    def _settings_of(self, batch: Batch) -> dict[str, Any]:
        kind = batch.max_new_tokens, batch.cropping
        if kind not in self._settings:
            conditions = self.conditions
            self._settings[kind] = {
                "max_new_tokens": batch.max_new_tokens,
                **_cropping_of(batch, conditions),
                "compression": conditions.compression,
                "temperature": 0.0,
                "seed": conditions.seed,
                "batch_size": conditions.batch_size,
                "device": conditions.device,
                "dtype": conditions.dtype,
            }
        return self._settings[kind]


def _asked(example: Example, family: str) -> str:
    rule, question = example.rule, str(example.row["question"])
    if family in rule.wording:
        return rule.wording[family].replace("{question}", question)
    return prompt(rule.prompt, family, **({"question": question} if rule.prompt in QUESTIONS else {}))


def _cropping_of(batch: Batch, conditions: Conditions) -> dict[str, Any]:
    """The wanted cropping, else for Mini-Monkey that of the examples, kept within its context."""
    if conditions.cropping is None and batch.cropping and conditions.model.family == MINIMONKEY:
        return {"cropping": batch.cropping, "most_image_tokens": MOST_IMAGE_TOKENS}
    return {"cropping": conditions.cropping}


def installed_versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide an answer."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
