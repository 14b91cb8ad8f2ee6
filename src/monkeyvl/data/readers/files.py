"""Files of rows, entry by entry, each with the line it begins in; image sizes without decoding."""

from __future__ import annotations

import json
import os
import re
import warnings
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from monkeyvl.data.rows import BadRow
from monkeyvl.errors import MonkeyVLError, UsageError
from monkeyvl.images import DEFAULT_LIMITS, FORMATS, open_image

_SPACE = re.compile(r"[\s,]*")
_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)


def open_rows(file: Path) -> Iterator[tuple[Any, str]]:
    """The entries of a JSONL file or of a JSON file that holds one list, and where each begins.

    A line of JSONL that is no JSON comes as a `BadRow`; of a JSON list nothing can be read after such a
    place.

    Raises:
        UsageError: no such file, or one that is no UTF-8 text.
    """
    if not file.is_file():
        raise UsageError(f"{file}: no such file")
    with file.open("rb") as stream:
        start = stream.read(4096)
    if b"\0" in start:
        raise UsageError(f"{file} is no UTF-8 text")
    yield from _listed(file) if is_list(start) else _lines(file)


def is_list(start: bytes) -> bool:
    """Whether a file that begins so is a JSON list and no JSONL."""
    return start.removeprefix(BOM_UTF8).lstrip()[:1] == b"["


def _lines(file: Path) -> Iterator[tuple[Any, str]]:
    with file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            where, written = f"{file} line {number}", line.removeprefix(BOM_UTF8).strip()
            if not written:
                continue
            try:
                yield json.loads(written.decode()), where
            except UnicodeDecodeError:
                yield BadRow(where, f"is no UTF-8 text: {written[:60]!r}"), where
            except (ValueError, RecursionError):
                yield BadRow(where, f"is no JSON: {written.decode()[:60]!r}"), where


def _listed(file: Path) -> Iterator[tuple[Any, str]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{file} is no UTF-8 text") from None
    decoder = json.JSONDecoder()
    at, line = text.index("[") + 1, 1
    counted = 0
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        line += text.count("\n", counted, at)
        counted = at
        where = f"{file} line {line}"
        if text[at : at + 1] == "]":
            return
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            yield BadRow(where, "is no JSON from here on: the rest of the file was not read"), where
            return
        yield value, where


def image_size(image: Path, where: str) -> tuple[int, int]:
    """Width and height in pixels as `open_image` gives them, from the file's header.

    Raises:
        BadRow: a missing file, one that is no image, or one of far too many pixels.
    """
    if not os.path.isfile(image):  # unlike Path's, never an error, such as for a name that is too long
        raise BadRow(where, f"the image is missing: {image}")
    try:
        if image.suffix.lower() == ".pdf":
            return open_image(image).size
        with _as_errors(), Image.open(image, formats=FORMATS) as opened:
            width, height = opened.size
            # Pillow decodes a PNG whole to look for EXIF behind its pixels.
            known = opened.format != "PNG" or "exif" in opened.info
            turned = known and opened.getexif().get(_ORIENTATION) in _TURNED
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadRow(
            where, f"{image} has more pixels than the limit of {DEFAULT_LIMITS.max_pixels:,}"
        ) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, MonkeyVLError):
        raise BadRow(where, f"{image} is no image that can be read") from None
    return (height, width) if turned else (width, height)


@contextmanager
def _as_errors() -> Iterator[None]:
    """Within it Pillow's warning of a huge image, which would be decoded, is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield
