"""Images opened safely: named formats only, bounded bytes, pixels and pages, always upright RGB.

A file is read whole (up to `Limits.max_bytes`), its header is judged against the limits, and only then is it
decoded. What a decoder says about a broken file is never repeated: elsewhere such texts leaked addresses.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import os
import re
import stat
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from monkeyvl.errors import ImageError, MonkeyVLError, UsageError
from monkeyvl.pixels import from_array, upright_rgb

# Pillow knows some forty formats; the decompression bombs of the last years sat in those that nobody sends.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".pdf"})

PDF_DPI = 200  # 8-point print becomes 22 pixels high
PDF_SIDE = 1000  # small pages (labels, tickets) are enlarged until the long side has this many pixels
PDF_PIXELS = 10_000_000  # posters are drawn with at most this many pixels a page

# Pillow logs some complaints about broken files; without a handler they would land on the terminal.
logging.getLogger("PIL").addHandler(logging.NullHandler())
_PDFIUM = threading.Lock()  # pdfium is not thread-safe
_TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 322, 323


@dataclass(frozen=True)
class Limits:
    """What is opened at most. All pages opened in one call share `max_pixels`."""

    max_bytes: int = 128 * 2**20
    max_pixels: int = 80_000_000  # an A3 scan at 600 dpi has 70 million
    min_side: int = 4
    max_pages: int = 20


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Page:
    """One RGB image; `page` counts from 1 in a PDF or a TIFF of several pages and is None elsewhere."""

    image: Image.Image
    page: int | None


def open_image(source: Any, limits: Limits = DEFAULT_LIMITS) -> Image.Image:
    """The image as upright 8-bit RGB; of a PDF or TIFF the first page, of a GIF the first frame.

    `source` is a path, bytes, a binary file object, a PIL image, or a numpy array of shape (height, width) or
    (height, width, 1 | 3 | 4), of bool, uint8, uint16, or floats in 0..1. EXIF orientation is applied,
    transparency is laid over white, 16 bits are scaled to 8.

    Raises ImageError for what is no readable image or beyond `limits`, UsageError for a path or an argument
    that cannot be used; each with one line.
    """
    return _open(source, None, limits, first_only=True)[0].image


def open_pages(source: Any, pages: str | None = None, limits: Limits = DEFAULT_LIMITS) -> list[Page]:
    """All pages of `source`, or those that `pages` names ("2", "1-3", "1,4-5"), as upright RGB images.

    PDF needs the extra `monkeyvl[pdf]`; its pages are drawn at 200 dpi, small ones larger, huge ones smaller.
    Raises as `open_image` does, and UsageError where `pages` names a page that is not there.
    """
    return _open(source, pages, limits, first_only=False)


def parse_pages(text: str, count: int) -> list[int]:
    """Page numbers, from 1, that `text` ("2", "1-3", "1,4-5") names in a document of `count` pages.

    In the order given, without repeats. Raises UsageError.
    """
    numbers: dict[int, None] = {}
    for part in text.split(","):
        found = re.fullmatch(r" *([0-9]{1,9}) *(?:- *([0-9]{1,9}) *)?", part)
        if not found:
            raise UsageError(f'pages "{_shown(text)}": write them as "2", "1-3" or "1,4-5"')
        first, last = int(found[1]), int(found[2] or found[1])
        if first < 1 or last < first:
            raise UsageError(f'pages "{_shown(text)}": pages count from 1 and ranges go upwards')
        if last > count:
            raise UsageError(f"page {last} is out of range: the document has {_counted(count)}")
        numbers.update(dict.fromkeys(range(first, last + 1)))
    return list(numbers)


def find_images(folder: str | os.PathLike[str]) -> list[Path]:
    """Image and PDF files (by suffix) in `folder` and the folders below it, sorted; hidden ones are left out.

    Raises UsageError where `folder` is none.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UsageError(f"{_shown(str(root))}: no such folder")
    return sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and path.is_file()
    )


def _open(source: Any, pages: str | None, limits: Limits, first_only: bool) -> list[Page]:
    numpy = sys.modules.get("numpy")
    if isinstance(source, Image.Image) or (numpy and isinstance(source, numpy.ndarray)):
        if pages is not None:
            raise UsageError(f'pages "{_shown(pages)}": an image in memory has no pages')
        image = source if isinstance(source, Image.Image) else from_array(source)
        _check_pixels("image", image, limits)
        with _one_line_for("image"):
            return [Page(upright_rgb(image), None)]
    data, name = _read(source, limits)
    # Some writers put a byte order mark or white space before the header.
    if data[:64].lstrip(b"\xef\xbb\xbf\0 \t\r\n").startswith(b"%PDF-"):
        return _pdf_pages(data, name, pages, limits, first_only)
    return _image_pages(data, name, pages, limits, first_only)


def _read(source: Any, limits: Limits) -> tuple[bytes, str]:
    """The bytes of `source`, at most `limits.max_bytes`, and the name that error lines give it."""
    if isinstance(source, (str, os.PathLike)):
        name = _shown(os.fsdecode(source))
        data = _read_path(source, name, limits)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        name, data = "image data", bytes(source)
    elif callable(getattr(source, "read", None)):
        given = getattr(source, "name", None)
        name = _shown(given) if isinstance(given, str) else "image data"
        try:
            data = source.read(limits.max_bytes + 1)
        except (OSError, ValueError):  # ValueError: text that is not UTF-8, or a closed file
            raise UsageError(f"{name}: cannot be read") from None
        if not isinstance(data, bytes):
            raise UsageError(f'{name}: open the file in binary mode ("rb")')
    else:
        kinds = "a path, bytes, a binary file, a PIL image or a numpy array"
        raise UsageError(f"an image is {kinds}, not {type(source).__name__}")
    if not data:
        raise ImageError(f"{name}: is empty (0 bytes)")
    if len(data) > limits.max_bytes:
        raise ImageError(f"{name}: has more bytes than the limit of {limits.max_bytes:,}")
    return data, name


def _read_path(source: str | os.PathLike[str], name: str, limits: Limits) -> bytes:
    if re.match(r"[a-zA-Z]{2,9}://", name):
        raise UsageError(f"{name}: URLs are not opened; download the image first")
    try:
        status = os.stat(source)
        if stat.S_ISDIR(status.st_mode):
            raise UsageError(f"{name}: is a folder, not an image")
        if not stat.S_ISREG(status.st_mode):  # a pipe or a device could block, or never end
            raise UsageError(f"{name}: is no regular file")
        if status.st_size > limits.max_bytes:
            raise ImageError(f"{name}: has {status.st_size:,} bytes, the limit is {limits.max_bytes:,}")
        with open(source, "rb") as file:
            return file.read(limits.max_bytes + 1)
    except PermissionError:
        raise UsageError(f"{name}: may not be read (permission denied)") from None
    except MonkeyVLError:
        raise
    except (OSError, ValueError):  # ValueError: a NUL in the name
        raise UsageError(f"{name}: no such file") from None


def _image_pages(data: bytes, name: str, pages: str | None, limits: Limits, first_only: bool) -> list[Page]:
    with _one_line_for(name):
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        except Image.UnidentifiedImageError:
            kinds = "PNG, JPEG, WebP, GIF, BMP, TIFF or PDF"
            raise ImageError(f"{name}: is no image of a known kind ({kinds})") from None
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            limit = min(limits.max_pixels, 2 * (Image.MAX_IMAGE_PIXELS or limits.max_pixels))
            raise ImageError(f"{name}: has more pixels than the limit of {limit:,}") from None
        if image.format != "TIFF":
            if pages is not None:
                raise UsageError(f'pages "{_shown(pages)}": {name} is no PDF or TIFF and has no pages')
            _check_pixels(name, image, limits)
            return [Page(upright_rgb(image), None)]
        numbers = [1] if first_only else _tiff_numbers(image, name, pages, limits)
        opened = []
        pixels_left = limits.max_pixels
        for number in numbers:
            image.seek(number - 1)
            _check_pixels(name, image, limits, number, pixels_left)
            pixels_left -= image.width * image.height
            with _libtiff_silenced():
                opened.append(Page(upright_rgb(image), number))
        if pages is None and len(opened) == 1:
            return [Page(opened[0].image, None)]
        return opened


def _tiff_numbers(image: Image.Image, name: str, pages: str | None, limits: Limits) -> list[int]:
    # Pages are counted only as far as needed: a small file can chain any number of page headers.
    if pages is None:
        needed = limits.max_pages + 1
    else:
        needed = max((int(number) for number in re.findall(r"[0-9]{1,9}", pages)), default=1)
    count = 1
    with contextlib.suppress(EOFError):
        while count < needed:
            image.seek(count)
            count += 1
    return _selected(name, pages, count, limits)


def _selected(name: str, pages: str | None, count: int, limits: Limits) -> list[int]:
    numbers = range(1, count + 1) if pages is None else parse_pages(pages, count)
    if len(numbers) > limits.max_pages:
        raise ImageError(
            f"{name}: has more than {limits.max_pages} pages; choose at most {limits.max_pages} at a time, "
            f'such as "1-{limits.max_pages}"'
            if pages is None
            else f"{name}: {len(numbers):,} pages asked for, the limit is {limits.max_pages} at a time"
        )
    return list(numbers)


def _check_pixels(
    name: str, image: Image.Image, limits: Limits, page: int | None = None, pixels_left: int | None = None
) -> None:
    """Judge the header of `image` before its pixels are decoded."""
    width, height = image.size
    where = name if page in (None, 1) else f"{name}, page {page}"
    if min(width, height) < limits.min_side:
        raise ImageError(f"{where}: is {width} x {height} pixels, the least side is {limits.min_side}")
    if width * height > limits.max_pixels:
        raise ImageError(
            f"{where}: has {width} x {height} = {width * height:,} pixels, the limit is {limits.max_pixels:,}"
        )
    if pixels_left is not None and width * height > pixels_left:
        raise ImageError(
            f"{where}: the pages together have more pixels than the limit of {limits.max_pixels:,}; "
            "choose fewer at a time"
        )
    tags = getattr(image, "tag_v2", {})
    tile = tags.get(_TIFF_TILE_WIDTH, 1) * tags.get(_TIFF_TILE_HEIGHT, 1)
    if tile > limits.max_pixels:  # a small TIFF may be cut from one huge tile, which is decoded whole
        raise ImageError(f"{where}: has tiles of {tile:,} pixels, the limit is {limits.max_pixels:,}")


def _pdf_pages(data: bytes, name: str, pages: str | None, limits: Limits, first_only: bool) -> list[Page]:
    try:
        import pypdfium2
    except ImportError:
        raise ImageError(f"{name}: PDF needs an extra: pip install monkeyvl[pdf]") from None
    with _PDFIUM, _one_line_for(name, "PDF"):
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            if "password" in str(error).lower():
                raise ImageError(f"{name}: is an encrypted PDF; remove its password first") from None
            raise
        try:
            document.init_forms()  # so that what was filled into fields is drawn
            numbers = [1] if first_only else _selected(name, pages, len(document), limits)
            most = min(PDF_PIXELS, limits.max_pixels // len(numbers))
            return [Page(_pdf_page(document, n, f"{name}, page {n}", most, limits), n) for n in numbers]
        finally:
            document.close()


def _pdf_page(document: Any, number: int, name: str, most_pixels: int, limits: Limits) -> Image.Image:
    page = document[number - 1]
    width, height = page.get_size()  # points, 1/72 inch
    if not 0 < width * height < math.inf:
        raise ImageError(f"{name}: has no area")
    scale = max(PDF_DPI / 72, PDF_SIDE / max(width, height))
    # The renderer rounds both sides up: (width * scale + 1) * (height * scale + 1) <= most_pixels.
    area, around = width * height, width + height
    scale = min(scale, (math.sqrt(around**2 + 4 * area * (most_pixels - 1)) - around) / (2 * area))
    if min(width, height) * scale < limits.min_side:
        raise ImageError(f"{name}: is {width:g} x {height:g} points, too narrow to draw")
    image = page.render(scale=scale).to_pil().convert("RGB")
    page.close()
    return image


@contextlib.contextmanager
def _one_line_for(name: str, kind: str = "image") -> Iterator[None]:
    """Turn whatever a decoder raises into one line that repeats nothing of it; its warnings are silenced."""
    with _quiet:
        try:
            yield
        except MonkeyVLError:
            raise
        except Exception:
            raise ImageError(
                f"{name}: cannot be decoded; the {kind} is damaged, cut off or of an unsupported variant"
            ) from None


class _Quiet(contextlib.AbstractContextManager[None]):
    """`warnings.catch_warnings` for several threads: the first in silences, the last out restores."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._catch = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._catch = warnings.catch_warnings()
                self._catch.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *exc_info: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._catch.__exit__(None, None, None)


_quiet = _Quiet()


@contextlib.contextmanager
def _libtiff_silenced() -> Iterator[None]:
    """libtiff writes complaints straight to file descriptor 2; on a terminal that must stay for our one line.

    Only in the main thread: a server's threads keep their log.
    """
    try:
        if threading.current_thread() is not threading.main_thread():
            raise OSError
        kept = os.dup(2)
    except OSError:  # also: no stderr at all
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _shown(name: str) -> str:
    """`name` fit for one line on a terminal."""
    return name if name.isprintable() else name.encode("unicode_escape").decode("ascii")


def _counted(pages: int) -> str:
    return "1 page" if pages == 1 else f"{pages} pages"
