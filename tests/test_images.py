from __future__ import annotations

import contextlib
import io
import os
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from monkeyvl import images
from monkeyvl.errors import ImageError, MonkeyVLError, UsageError
from monkeyvl.images import DEFAULT_LIMITS, Limits, find_images, open_image, open_pages, parse_pages

RED, BLUE, WHITE, BLACK = (255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def two_halves(mode: str = "RGB", size: tuple[int, int] = (32, 16)) -> Image.Image:
    """Red left half, blue right half."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, size[0], size[1]))
    return image.convert(mode)


def near(pixel: Any, wanted: tuple[int, int, int], by: int = 6) -> bool:
    return all(abs(a - b) <= by for a, b in zip(pixel, wanted, strict=True))


def message(source: Any, error: type[MonkeyVLError] = ImageError, **options: Any) -> str:
    """The one line that opening `source` raises."""
    with pytest.raises(error) as raised:
        open_pages(source, **options)
    text = str(raised.value)
    assert type(raised.value) is error
    assert text
    assert text.isprintable()
    assert len(text) < 300
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return text


def png(width: int, height: int, rows: bytes = b"", depth: int = 8, kind: int = 2) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def tiff(tags: dict[int, tuple[int, int]], chain: int = 1) -> bytes:
    """A TIFF header with `chain` pages of the same (tag: (type, value)) entries and no pixels."""
    entries = b"".join(
        struct.pack("<HHI", tag, kind, 1) + struct.pack("<I", value)
        for tag, (kind, value) in sorted(tags.items())
    )
    size = 2 + len(entries) + 4
    pages = []
    for i in range(chain):
        after = 8 + (i + 1) * size if i + 1 < chain else 0
        pages.append(struct.pack("<H", len(tags)) + entries + struct.pack("<I", after))
    return b"II*\0" + struct.pack("<I", 8) + b"".join(pages)


GRAY_PAGE = {
    256: (4, 8),
    257: (4, 8),
    258: (3, 8),
    259: (3, 1),
    262: (3, 1),
    273: (4, 8),
    277: (3, 1),
    279: (4, 64),
}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_formats_open_from_path_bytes_and_file(kind: str, tmp_path: Path) -> None:
    data = encoded(two_halves(), kind, **({"quality": 95} if kind in ("JPEG", "WEBP") else {}))
    path = tmp_path / "image"  # no suffix: the content decides
    path.write_bytes(data)
    with path.open("rb") as file:
        for source in (path, str(path), data, bytearray(data), io.BytesIO(data), file):
            image = open_image(source)
            assert image.mode == "RGB"
            assert image.size == (32, 16)
            assert near(image.getpixel((4, 8)), RED, 12)
            assert near(image.getpixel((28, 8)), BLUE, 12)
    assert [page.page for page in open_pages(path)] == [None]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_animations_give_their_first_frame(kind: str) -> None:
    first, second = Image.new("RGB", (8, 8), RED), Image.new("RGB", (8, 8), BLUE)
    data = encoded(first, kind, save_all=True, append_images=[second])
    assert near(open_image(data).getpixel((4, 4)), RED, 12)
    assert len(open_pages(data)) == 1


def test_other_formats_are_never_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("PPM", "ICO", "PCX", "TGA", "JPEG2000", "EPS"):
        try:
            data = encoded(two_halves(size=(16, 16)), kind)
        except (OSError, KeyError):
            continue
        assert "is no image of a known kind" in message(data)
    seen = []
    real = Image.open
    monkeypatch.setattr(Image, "open", lambda *args, **kwargs: seen.append(kwargs) or real(*args, **kwargs))
    open_image(encoded(two_halves(), "PNG"))
    assert seen == [{"formats": images.FORMATS}]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(kind: str, orientation: int) -> None:
    upright = Image.new("RGB", (32, 16), WHITE)
    upright.paste(RED, (0, 0, 16, 8))  # top left
    upright.paste(BLUE, (16, 8, 32, 16))  # bottom right
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(turn[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossy = (
        {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    )
    data = encoded(stored, kind, exif=exif, **lossy)
    opened = open_image(data)
    assert opened.size == (32, 16)
    assert near(opened.getpixel((4, 3)), RED, 12)
    assert near(opened.getpixel((28, 12)), BLUE, 12)
    # The same picture, opened by the caller, and opened once more after that.
    again = open_image(Image.open(io.BytesIO(data)))
    assert again.tobytes() == opened.tobytes()
    assert open_image(again).tobytes() == opened.tobytes()


def test_damaged_exif_does_not_matter() -> None:
    data = encoded(two_halves(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff damaged")
    assert open_image(data).size == (32, 16)


def ramp16() -> np.ndarray:
    return np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_gray_is_scaled_not_clipped(kind: str) -> None:
    opened = np.asarray(open_image(encoded(Image.fromarray(ramp16()), kind)))
    assert np.abs(opened[..., 0].astype(float) - ramp16() / 257).max() <= 0.5
    assert (opened[..., 0] == opened[..., 2]).all()


def test_sixteen_bit_color_is_scaled() -> None:
    rows = b"".join(b"\0" + struct.pack(">HHH", 65535, 32768, 0) * 8 for _ in range(8))
    assert near(open_image(png(8, 8, rows, depth=16)).getpixel((3, 3)), (255, 128, 0), 1)


def test_white_is_zero_and_twelve_bit_tiffs() -> None:
    page = GRAY_PAGE | {258: (3, 16), 273: (4, 200), 279: (4, 128)}
    pixels = ramp16().astype("<u2").tobytes()
    black_is_zero, white_is_zero = (
        tiff(page | {262: (3, kind)}).ljust(200, b"\0") + pixels for kind in (1, 0)
    )
    assert open_image(black_is_zero).getpixel((0, 0)) == BLACK
    assert open_image(white_is_zero).getpixel((0, 0)) == WHITE
    assert open_image(white_is_zero).getpixel((7, 7)) == BLACK
    twelve = tiff(page | {258: (3, 12), 279: (4, 96)}).ljust(200, b"\0") + b"\xff" * 96
    assert open_image(twelve).getpixel((0, 0)) == WHITE


@pytest.mark.parametrize(
    ("levels", "wanted"),
    [
        (np.array([[0.0, 0.5, 1.0, 0.25]] * 4, np.float32), [0, 128, 255, 64]),
        (np.array([[0, 128, 255, 64]] * 4, np.float32), [0, 128, 255, 64]),
        (np.array([[0, 32896, 65535, 16448]] * 4, np.int32), [0, 128, 255, 64]),
        (np.array([[-300, 0, 300, -150]] * 4, np.int32), [0, 128, 255, 64]),
        (np.array([[0, np.nan, np.inf, 1]] * 4, np.float32), [0, 0, 255, 255]),
        (np.full((4, 4), 7e9, np.float32), [0, 0, 0, 0]),
    ],
)
def test_numbers_of_any_range(levels: np.ndarray, wanted: list[int]) -> None:
    for source in (Image.fromarray(levels), encoded(Image.fromarray(levels), "TIFF")):
        row = np.asarray(open_image(source))[0, :, 0].astype(int)
        assert np.abs(row - wanted).max() <= 1


def test_alpha_is_laid_over_white() -> None:
    rgba = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    rgba.paste((0, 0, 0, 128), (4, 0, 8, 8))
    for kind in ("PNG", "TIFF"):
        opened = open_image(encoded(rgba, kind))
        assert opened.getpixel((1, 1)) == WHITE
        assert near(opened.getpixel((6, 6)), (127, 127, 127), 1)
    assert open_image(encoded(rgba.convert("LA"), "PNG")).getpixel((1, 1)) == WHITE
    for mode in ("RGBa", "La"):  # premultiplied
        assert (
            open_image(rgba.convert("LA" if mode == "La" else "RGBA").convert(mode)).getpixel((1, 1)) == WHITE
        )


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_palette_with_transparency(kind: str) -> None:
    palette = two_halves("RGB").quantize(4)
    index = palette.getpixel((1, 1))
    opened = open_image(encoded(palette, kind, transparency=index))
    assert opened.getpixel((1, 1)) == WHITE
    assert near(opened.getpixel((30, 1)), BLUE)
    assert near(open_image(encoded(palette, kind)).getpixel((1, 1)), RED)


def test_transparent_color_and_partly_transparent_palette() -> None:
    assert open_image(encoded(two_halves(), "PNG", transparency=RED)).getpixel((1, 1)) == WHITE
    palette = two_halves().quantize(4)
    alphas = bytes([128] * 4)
    assert near(open_image(encoded(palette, "PNG", transparency=alphas)).getpixel((1, 1)), (255, 127, 127), 1)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk(kind: str) -> None:
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert near(open_image(encoded(cmyk, kind)).getpixel((8, 8)), RED, 8)


@pytest.mark.parametrize("mode", ["1", "L"])
def test_bilevel_and_gray(mode: str) -> None:
    image = Image.new(mode, (8, 8), 0)
    image.paste(255, (4, 0, 8, 8))
    for kind in ("PNG", "TIFF", "BMP"):
        opened = open_image(encoded(image, kind))
        assert (opened.getpixel((1, 1)), opened.getpixel((6, 1))) == (BLACK, WHITE)
    assert open_image(encoded(image.convert("1"), "TIFF", compression="group4")).getpixel((6, 1)) == WHITE


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "LA", "PA", "RGBA", "CMYK", "YCbCr", "HSV", "I;16", "I", "F"]
)
def test_pil_images_of_any_mode(mode: str) -> None:
    assert open_image(Image.new(mode, (8, 8))).mode == "RGB"


def test_the_callers_image_stays_as_it_is() -> None:
    mine = two_halves()
    opened = open_image(mine)
    opened.paste(WHITE, (0, 0, 32, 16))
    assert mine.getpixel((1, 1)) == RED


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (np.full((8, 9, 3), (255, 0, 0), np.uint8), RED),
        (np.full((8, 9, 4), (255, 0, 0, 0), np.uint8), WHITE),
        (np.full((8, 9), 255, np.uint8), WHITE),
        (np.full((8, 9, 1), 255, np.uint8), WHITE),
        (np.ones((8, 9), bool), WHITE),
        (np.full((8, 9), 65535, np.uint16), WHITE),
        (np.full((8, 9, 3), (65535, 0, 0), np.uint16), RED),
        (np.full((8, 9, 3), (1.0, 0, 0)), RED),
        (np.full((8, 9), 0.5, np.float16), (128, 128, 128)),
        (np.full((16, 18, 3), 255, np.uint8)[::2, ::2], WHITE),
    ],
)
def test_arrays(array: np.ndarray, wanted: tuple[int, int, int]) -> None:
    opened = open_image(array)
    assert opened.size == (9, 8)
    assert near(opened.getpixel((3, 3)), wanted, 1)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 8, 8), np.uint8), "not (3, 8, 8)"),
        (np.zeros((8,), np.uint8), "not (8,)"),
        (np.zeros((0, 8), np.uint8), "not (0, 8)"),
        (np.zeros((8, 8), np.int64), "not int64"),
        (np.zeros((8, 8), complex), "not complex128"),
        (np.full((8, 8), 255.0), "0..1"),
        (np.full((8, 8), np.nan), "0..1"),
        (np.full((8, 8), "x"), "not <U1"),
    ],
)
def test_arrays_that_are_no_images(array: np.ndarray, words: str) -> None:
    assert words in message(array, UsageError)


# ---- limits


def test_bytes_are_limited(tmp_path: Path) -> None:
    data = encoded(two_halves(), "BMP")
    path = tmp_path / "big.bmp"
    path.write_bytes(data)
    small = Limits(max_bytes=len(data) - 1)
    assert f"{len(data):,} bytes, the limit is {len(data) - 1:,}" in message(path, limits=small)
    assert "limit" in message(data, limits=small)
    assert "limit" in message(io.BytesIO(data), limits=small)
    assert open_image(path, Limits(max_bytes=len(data))).size == (32, 16)

    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            assert 0 < size <= 101  # never asked for everything
            return b"x" * size

    assert "limit of 100" in message(Endless(), limits=Limits(max_bytes=100))


def test_pixels_are_limited_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    assert "has 9000 x 9000 = 81,000,000 pixels, the limit is 80,000,000" in message(png(9000, 9000))
    assert "limit is 100" in message(encoded(two_halves(), "JPEG"), limits=Limits(max_pixels=100))
    assert "limit is 100" in message(two_halves(), limits=Limits(max_pixels=100))
    assert "limit is 100" in message(np.zeros((8, 16), np.uint8), limits=Limits(max_pixels=100))


def test_decompression_bombs() -> None:
    rows = bytes(30_000 * 3 + 1) * 8  # a few hundred bytes that speak of 900 million pixels
    assert "more pixels than the limit of 80,000,000" in message(png(30_000, 30_000, rows))
    assert "more pixels than the limit" in message(png(2**31 - 1, 2**31 - 1))
    # Pillow's own ceiling holds where the caller's limit is above it.
    ceiling = 2 * (Image.MAX_IMAGE_PIXELS or 0)
    assert f"limit of {ceiling:,}" in message(png(30_000, 30_000), limits=Limits(max_pixels=10**9))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP"])
def test_bombs_of_other_kinds(kind: str) -> None:
    data = bytearray(
        encoded(Image.new("L", (8, 8)).convert("P"), kind, **({} if kind != "WEBP" else {"lossless": True}))
    )
    if kind == "GIF":
        data[6:10] = struct.pack("<HH", 65535, 65535)
    elif kind == "BMP":
        data[18:26] = struct.pack("<ii", 60000, 60000)
    elif kind == "WEBP":
        data[21:25] = struct.pack("<I", (16382 << 14) | 16382)
    else:
        data = bytearray(tiff(GRAY_PAGE | {256: (4, 60000), 257: (4, 60000)}))
    assert "pixels" in message(bytes(data))


def test_tiff_with_one_huge_tile() -> None:
    tiled = GRAY_PAGE | {259: (3, 8), 322: (4, 60000), 323: (4, 60000), 324: (4, 8), 325: (4, 64)}
    del tiled[273], tiled[279]
    assert "has tiles of 3,600,000,000 pixels, the limit is 80,000,000" in message(tiff(tiled))


def test_least_side() -> None:
    assert "is 3 x 200 pixels, the least side is 4" in message(encoded(Image.new("RGB", (3, 200)), "PNG"))
    assert "is 1 x 1 pixels" in message(Image.new("RGB", (1, 1)))
    assert open_image(Image.new("RGB", (4, 200))).size == (4, 200)


# ---- what is no image


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_truncated(kind: str, tmp_path: Path) -> None:
    noise = Image.effect_noise((64, 64), 80).convert("RGB")
    data = encoded(noise, kind, **({"compression": "tiff_deflate"} if kind == "TIFF" else {}))
    path = tmp_path / f"half.{kind.lower()}"
    path.write_bytes(data[: len(data) // 2])
    assert str(path) in message(path)
    for part in (0.02, 0.2, 0.9):
        message(data[: int(len(data) * part)])


def test_a_decoders_words_are_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    class Leak(Exception):
        pass

    for error in (Leak, OSError, ValueError, MemoryError, SyntaxError, KeyError):

        def load(self: ImageFile.ImageFile, error: type[Exception] = error) -> None:
            raise error("secret at 0x7ffd1234")

        monkeypatch.setattr(ImageFile.ImageFile, "load", load)
        text = message(encoded(two_halves(), "PNG"))
        assert "0x7ffd" not in text
        assert "cannot be decoded" in text


def test_a_decoders_warnings_stay_silent() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        # What earlier tests left open may be closed, and told, at any time.
        warnings.simplefilter("ignore", ResourceWarning)
        message(png(9500, 9500))  # Pillow warns from 89 million pixels on
        message(tiff(GRAY_PAGE)[:40])
        assert seen == []
        warnings.warn("still heard", stacklevel=1)
        assert len(seen) == 1


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "lzma"])
def test_libtiff_does_not_write_on_the_terminal(compression: str, capfd: pytest.CaptureFixture[str]) -> None:
    noise = Image.effect_noise((24, 16), 90).convert("RGB")
    data = bytearray(encoded(noise, "TIFF", compression=compression))
    data[40:200] = bytes(range(95, 255))
    try:
        Image.open(io.BytesIO(data)).load()
    except OSError:
        assert capfd.readouterr().err
    message(bytes(data))
    assert capfd.readouterr().err == ""
    os.write(2, b"still there")
    assert capfd.readouterr().err == "still there"


def test_warnings_are_heard_again_after_threads() -> None:
    data = encoded(two_halves(), "PNG")
    before = list(warnings.filters)
    threads = [threading.Thread(target=lambda: [open_image(data) for _ in range(30)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


@pytest.mark.parametrize(
    "data",
    [
        *(
            b"\0",
            b"hello, this is text" * 10,
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
            b"GIF89a",
            b"BM",
            b"II*\0",
        ),
        *(b"RIFF\0\0\0\0WEBPVP8 ", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe-3.0 EPSF-3.0"),
        *(b"\0" * 5000, bytes(range(256)) * 40),
    ],
)
def test_no_images(data: bytes) -> None:
    assert message(data).startswith("image data: ")


def test_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.png"
    path.touch()
    assert message(path) == f"{path}: is empty (0 bytes)"
    assert message(b"") == "image data: is empty (0 bytes)"


def test_paths_that_cannot_be_used(tmp_path: Path) -> None:
    assert message(tmp_path / "none.png", UsageError) == f"{tmp_path / 'none.png'}: no such file"
    assert message(tmp_path, UsageError) == f"{tmp_path}: is a folder, not an image"
    assert "no such file" in message("", UsageError)
    assert "no such file" in message("nul\0in.png", UsageError)
    assert "no such file" in message("x" * 250, UsageError)
    assert r"line\nbreak" in message("line\nbreak.png", UsageError)
    for url in ("http://example.org/a.png", "https://example.org/a.png", "file:///etc/passwd"):
        assert "URLs are not opened" in message(url, UsageError)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_and_devices_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "is no regular file" in message(tmp_path / "pipe.png", UsageError)
    assert "is no regular file" in message("/dev/zero", UsageError)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_permission(tmp_path: Path) -> None:
    path = tmp_path / "mine.png"
    path.write_bytes(encoded(two_halves(), "PNG"))
    path.chmod(0)
    assert "permission denied" in message(path, UsageError)


def test_other_kinds_of_sources(tmp_path: Path) -> None:
    for source in (None, 7, [1, 2], object()):
        assert f"not {type(source).__name__}" in message(source, UsageError)
    text = tmp_path / "text"
    text.write_bytes(encoded(two_halves(), "PNG"))
    with text.open("r", encoding="latin-1") as file:
        assert 'open the file in binary mode ("rb")' in message(file, UsageError)
    file = io.BytesIO(b"closed")
    file.close()
    assert "cannot be read" in message(file, UsageError)


def fuzzed(kind: str) -> bytes:
    noise = Image.effect_noise((24, 16), 90).convert("RGB")
    if kind == "PDF":
        return pdf(["BT /F1 24 Tf 72 700 Td (Total 12.50) Tj ET"])
    if kind == "TIFF":
        return encoded(noise, kind, compression="tiff_lzw", save_all=True, append_images=[noise])
    return encoded(noise, kind)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PDF"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.data())
def test_malformed_files_are_read_or_refused(kind: str, seed: st.DataObject) -> None:
    if kind == "PDF":
        pytest.importorskip("pypdfium2")
    data = bytearray(_FUZZ.setdefault(kind, fuzzed(kind)))
    for _ in range(seed.draw(st.integers(1, 8))):
        at = seed.draw(st.integers(0, len(data) - 1))
        data[at] = seed.draw(st.integers(0, 255))
    cut = seed.draw(st.integers(0, len(data)))
    for source in (bytes(data), bytes(data[:cut])):
        with contextlib.suppress(ImageError):
            pages = open_pages(source, limits=Limits(max_pixels=2_000_000))
            assert all(page.image.mode == "RGB" for page in pages)


_FUZZ: dict[str, bytes] = {}


# ---- pages


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2", [2]),
        ("1-3", [1, 2, 3]),
        ("1,4-5", [1, 4, 5]),
        ("5,1", [5, 1]),
        ("1,1-2", [1, 2]),
        (" 1 , 2 - 3 ", [1, 2, 3]),
    ],
)
def test_parse_pages(text: str, wanted: list[int]) -> None:
    assert parse_pages(text, 5) == wanted


@pytest.mark.parametrize(
    "text",
    ["", ",", "0", "1,", "a", "-1", "1-", "3-1", "0-2", "1--2", "1.5", "٣", "1\n", "9" * 5000, "1-2-3"],
)
def test_parse_pages_refuses(text: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_pages(text, 5)
    assert str(error.value).isprintable()


def test_parse_pages_out_of_range() -> None:
    with pytest.raises(UsageError, match="page 6 is out of range: the document has 5 pages"):
        parse_pages("2-6", 5)
    with pytest.raises(UsageError, match=r"the document has 1 page$"):
        parse_pages("1-999999999", 1)  # and no list of a billion numbers is made


@given(st.text(max_size=20))
def test_parse_pages_of_any_text(text: str) -> None:
    try:
        numbers = parse_pages(text, 9)
    except UsageError:
        return
    assert numbers
    assert set(numbers) <= set(range(1, 10))


def pages_tiff(count: int, size: tuple[int, int] = (16, 16)) -> bytes:
    shades = [Image.new("L", size, 10 * i) for i in range(count)]
    return encoded(shades[0], "TIFF", save_all=True, append_images=shades[1:])


def test_tiff_pages() -> None:
    data = pages_tiff(5)
    shades = [(page.page, page.image.getpixel((3, 3))[0]) for page in open_pages(data)]
    assert shades == [(1, 0), (2, 10), (3, 20), (4, 30), (5, 40)]
    shades = [(page.page, page.image.getpixel((3, 3))[0]) for page in open_pages(data, "4,1-2")]
    assert shades == [(4, 30), (1, 0), (2, 10)]
    assert open_image(data).getpixel((3, 3)) == BLACK
    assert "page 6 is out of range: the document has 5 pages" in message(data, UsageError, pages="6")
    assert [page.page for page in open_pages(pages_tiff(1))] == [None]
    assert [page.page for page in open_pages(pages_tiff(1), "1")] == [1]


def test_tiff_page_limits() -> None:
    data = pages_tiff(5)
    assert "has more than 4 pages" in message(data, limits=Limits(max_pages=4))
    assert "3 pages asked for, the limit is 2" in message(data, pages="1-3", limits=Limits(max_pages=2))
    assert len(open_pages(data, "1-2", Limits(max_pages=2))) == 2
    together = message(data, limits=Limits(max_pixels=16 * 16 * 4))
    assert "page 5: the pages together have more pixels than the limit of 1,024" in together


def test_tiff_pages_are_not_counted_further_than_needed() -> None:
    data = tiff(GRAY_PAGE, chain=100_000)
    assert "has more than 20 pages" in message(data)


def test_endless_tiff_ends() -> None:
    data = bytearray(tiff(GRAY_PAGE, chain=2)).ljust(400, b"\0")
    second_next = 8 + 2 * (2 + 12 * len(GRAY_PAGE) + 4) - 4
    data[second_next : second_next + 4] = struct.pack("<I", 8)  # the second page is followed by the first
    assert len(open_pages(bytes(data))) == 2


def test_only_documents_have_pages() -> None:
    assert 'pages "1": image data is no PDF or TIFF' in message(
        encoded(two_halves(), "PNG"), UsageError, pages="1"
    )
    assert "an image in memory has no pages" in message(two_halves(), UsageError, pages="1")


def pdf(contents: list[str], size: tuple[float, float] = (595, 842)) -> bytes:
    """A PDF with one page for each content stream; /F1 is Helvetica."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    kids = []
    for content in contents:
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size[0]} {size[1]}] /Contents {len(objects)} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
    objects[1] = f"<< /Type /Pages /Count {len(contents)} /Kids [{' '.join(kids)}] >>"
    out = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode()
    return out + f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()


def square(page: int) -> str:
    """A filled red square, one hundred points further right on each page."""
    return f"1 0 0 rg {100 * page - 90} 742 50 50 re f"


def test_pdf_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    assert message(pdf([""])) == "image data: PDF needs an extra: pip install monkeyvl[pdf]"


class TestPdf:
    @pytest.fixture(autouse=True)
    def _needs_pypdfium2(self) -> None:
        pytest.importorskip("pypdfium2")

    def test_pages_are_drawn_at_200_dpi(self) -> None:
        data = pdf([square(1), square(2), square(3)])
        pages = open_pages(data)
        assert [page.page for page in pages] == [1, 2, 3]
        for number, page in enumerate(pages, 1):
            assert page.image.mode == "RGB"
            assert abs(page.image.width - 595 * 200 / 72) <= 1
            assert abs(page.image.height - 842 * 200 / 72) <= 1
            x = round((100 * number - 65) * 200 / 72)
            assert page.image.getpixel((x, round(75 * 200 / 72))) == RED
            assert page.image.getpixel((5, 5)) == WHITE
        assert [page.page for page in open_pages(data, "3,1")] == [3, 1]
        assert open_image(data).tobytes() == pages[0].image.tobytes()

    def test_small_print_covers_enough_pixels(self) -> None:
        page = open_image(pdf(["BT /F1 8 Tf 72 700 Td (HHHH) Tj ET"]))
        dark = np.asarray(page.convert("L")) < 128
        rows = np.flatnonzero(dark.any(axis=1))
        assert rows.max() - rows.min() + 1 >= 15  # capitals of 8-point print

    def test_labels_are_enlarged_and_posters_reduced(self) -> None:
        assert abs(max(open_image(pdf([""], size=(144, 72))).size) - 1000) <= 1
        poster = open_image(pdf([""], size=(7200, 7200)))
        assert 0.99 * images.PDF_PIXELS < poster.width * poster.height <= images.PDF_PIXELS
        many = open_pages(pdf([""] * 4), limits=Limits(max_pixels=400_000))
        assert sum(page.image.width * page.image.height for page in many) <= 400_000

    def test_limits(self) -> None:
        data = pdf([""] * 5)
        assert "has more than 4 pages" in message(data, limits=Limits(max_pages=4))
        assert "5 pages asked for, the limit is 2" in message(data, pages="1-5", limits=Limits(max_pages=2))
        assert [page.page for page in open_pages(data, "5", Limits(max_pages=1))] == [5]
        assert open_image(data, Limits(max_pages=1)).mode == "RGB"
        assert "page 6 is out of range: the document has 5 pages" in message(data, UsageError, pages="6")
        assert "too narrow" in message(pdf([""], size=(14400, 1)))

    def test_encrypted(self) -> None:
        # Standard security handler, revision 2, 40 bits, with made-up keys: any password fails.
        data = pdf([""]).replace(
            b"/Root 1 0 R",
            b"/Root 1 0 R /ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <"
            + b"11" * 32 + b"> /U <" + b"22" * 32 + b"> >>",
        )  # fmt: skip
        assert message(data) == "image data: is an encrypted PDF; remove its password first"

    def test_broken(self, tmp_path: Path) -> None:
        path = tmp_path / "broken.pdf"
        path.write_bytes(b"%PDF-1.7\nnothing of the kind")
        assert message(path).startswith(f"{path}: cannot be decoded; the PDF is damaged")
        assert "PDF" in message(b"%PDF-")
        assert "PDF is damaged" in message(pdf([]))

    def test_byte_order_mark_and_white_space(self) -> None:
        assert open_image(b"\xef\xbb\xbf\n" + pdf([square(1)])).mode == "RGB"

    def test_threads(self) -> None:
        data = pdf([square(1)])
        seen: list[bytes] = []
        threads = [threading.Thread(target=lambda: seen.append(open_image(data).tobytes())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(seen) == 4
        assert len(set(seen)) == 1


# ---- folders and imports


def test_find_images(tmp_path: Path) -> None:
    for name in (
        "b.PNG",
        "a.jpg",
        "sub/c.tiff",
        "sub/d.pdf",
        ".hidden.png",
        ".git/e.png",
        "notes.txt",
        "._f.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "folder.png").mkdir()
    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert found == ["a.jpg", "b.PNG", "sub/c.tiff", "sub/d.pdf"]
    assert find_images(str(tmp_path / "folder.png")) == []
    for path in ("a.jpg", "none"):
        with pytest.raises(UsageError, match="no such folder"):
            find_images(tmp_path / path)


def test_default_limits() -> None:
    assert Limits() == DEFAULT_LIMITS
    assert DEFAULT_LIMITS.max_pixels <= (
        Image.MAX_IMAGE_PIXELS or 0
    )  # Pillow never warns about what is allowed


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, monkeyvl.images, monkeyvl.answers, monkeyvl.drawing\n"
        "print(sorted({'torch', 'transformers', 'numpy', 'pypdfium2'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
