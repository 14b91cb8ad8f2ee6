"""Which images are for training and which for scoring, decided by the file's SHA-256 alone.

Only the sets that training may use are split; all others are scored whole. `recipes/splits.json` lists the
images of both parts; `python -m monkeyvl.evaluation.splits FOLDER FILE` writes it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from monkeyvl.errors import UsageError

SPLIT_SETS = ("deepform2020", "screenagent", "sroie", "tabfact_rendered")
SPLITS = ("score", "train", "all")
TRAIN_DIGITS, SCORE_DIGITS = frozenset("0123456789ab"), frozenset("cdef")


def split_of(sha256: str) -> str:
    """ "train" for a hash that begins with 0-b, "score" for c-f.

    Args:
        sha256: 64 hexadecimal digits of the image file, lower case.

    Raises:
        UsageError: for anything else.
    """
    if len(sha256) != 64 or not set(sha256) <= TRAIN_DIGITS | SCORE_DIGITS:
        raise UsageError(f"{sha256[:70]!r} is no SHA-256 in lower-case hexadecimal digits")
    return "train" if sha256[0] in TRAIN_DIGITS else "score"


def in_split(set_name: str, sha256: str, split: str) -> bool:
    """Whether an image belongs to the wanted part: "score", "train" or "all".

    Sets that training never uses are scored whole, so that their "train" part is empty.
    """
    if split not in SPLITS:
        raise UsageError(f"split {split!r}: one of {', '.join(SPLITS)}")
    if split == "all":
        return True
    return split == (split_of(sha256) if set_name in SPLIT_SETS else "score")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def list_splits(root: Path) -> dict[str, Any]:
    """The contents of `recipes/splits.json` for the sets below `root`: of each part, path and hash.

    Every `images` folder of a set counts (`dev`, `train_extra`).
    """
    sets: dict[str, dict[str, dict[str, str]]] = {}
    for name in SPLIT_SETS:
        parts: dict[str, dict[str, str]] = {"train": {}, "score": {}}
        for file in sorted((root / name).glob("**/images/*")):
            sha256 = file_sha256(file)
            parts[split_of(sha256)][file.relative_to(root / name).as_posix()] = sha256
        if not parts["train"] and not parts["score"]:
            raise UsageError(f"{root / name}: no images")
        sets[name] = parts
    return {"rule": "SHA-256 of the image file: 0-b train, c-f score", "sets": sets}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    text = json.dumps(list_splits(arguments.folder), indent=0, ensure_ascii=False)
    arguments.file.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
