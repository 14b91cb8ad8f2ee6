"""Open fonts of this computer as one deterministic list; the package's DejaVu Sans where there are none."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

# File-name beginnings of families whose Latin letters, digits and punctuation are complete and legible.
FAMILIES = (
    "DejaVuSans", "DejaVuSerif", "LiberationSans", "LiberationSerif", "LiberationMono", "Lato-",
    "OpenSans",
    "Carlito", "Nimbus", "NimbusMono", "C059", "P052", "URWBookman", "URWGothic", "ComicNeue", "Roboto",
    "Inconsolata", "OCRB", "EBGaramond", "Hack", "Cantarell", "Vollkorn", "NotoSansMono-", "NotoMono",
    "FiraCode",
    "Oxygen", "CourierPrime", "Courier Prime", "B612",
)  # fmt: skip
# Weights and styles so thin or slanted that a receipt would not be printed with them.
EXCLUDED = (
    "Thin",
    "Hairline",
    "ExtraLight",
    "Light",
    "Italic",
    "Oblique",
    "MathTeX",
    "Symbol",
    "-Obl",
    "-It",
    "OblI",
)
SUFFIXES = (".ttf", ".otf")
BUNDLED = Path(__file__).resolve().parents[2] / "assets" / "DejaVuSans.ttf"


def _folders() -> list[Path]:
    named = os.environ.get("MONKEYVL_FONTS")
    if named:
        return [Path(folder) for folder in named.split(os.pathsep)]
    home = Path.home()
    return [
        Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".fonts",
        home / ".local/share/fonts",        Path("/Library/Fonts"), Path("C:/Windows/Fonts"),
    ]  # fmt: skip


@lru_cache(maxsize=1)
def find_fonts() -> tuple[str, ...]:
    """Paths of the usable fonts, sorted by file name: a seed picks the same font on equal installations.

    `MONKEYVL_FONTS` (folders separated as in PATH) replaces the usual places.
    """
    found: dict[str, str] = {}
    for folder in _folders():
        for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
            name = path.name
            if (
                path.suffix.lower() in SUFFIXES
                and name.startswith(FAMILIES)
                and not any(part in name for part in EXCLUDED)
            ):
                found.setdefault(name, str(path))
    return tuple(found[name] for name in sorted(found)) or (str(BUNDLED),)


@lru_cache(maxsize=512)
def load_font(path: str, size: int) -> ImageFont.FreeTypeFont:
    """The font at `size` pixels, kept between calls; basic layout gives every character its own advance."""
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
