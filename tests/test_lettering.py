from __future__ import annotations

import pytest
from PIL import Image, ImageDraw, ImageFont

from monkeyvl import lettering
from monkeyvl.lettering import FONT, Type, wrap


def drawn(text: str, size: int = 24) -> bytes:
    image = Image.new("L", (400, 60))
    Type(size).write(ImageDraw.Draw(image), (4, 4), text, 255)  # type: ignore[arg-type]
    return image.tobytes()


@pytest.mark.parametrize("text", ["Straße", "Ελληνικά", "Русский", "שלום", "مرحبا", "Հայերեն", "€ ≥ ½ → ✓"])
def test_the_bundled_font_has_the_glyphs(text: str) -> None:
    assert all(lettering._font_with(character) == FONT for character in text)
    assert all(lettering._has(FONT, character) for character in text if character != " ")


def test_a_missing_glyph_is_noticed() -> None:
    assert not lettering._has(FONT, "中")
    assert not lettering._has(FONT, "ह")


def test_other_fonts_are_used_for_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    # Stands for a font with the missing script: the same letters, from a file of another name.
    other = ImageFont.truetype(FONT, 24)
    monkeypatch.setattr(lettering, "_installed_fonts", lambda: ["other.ttc"])
    monkeypatch.setattr(
        lettering, "_has", lambda name, character: (name == "other.ttc") == (character >= "一")
    )
    monkeypatch.setattr(lettering, "_font", lambda name, size: other if name == "other.ttc" else FONT)
    lettering._font_with.cache_clear()
    try:
        runs = Type(24)._runs("ab 中文 cd\u0301e")
    finally:
        lettering._font_with.cache_clear()
    assert [(font is other, run) for font, run in runs] == [
        (False, "ab "),
        (True, "中文 "),
        (False, "cd\u0301e"),
    ]


def test_unknown_fonts_are_passed_over() -> None:
    lettering._installed_fonts.cache_clear()
    assert set(lettering._installed_fonts()) <= set(lettering.OTHER_FONTS)


def test_letters_are_drawn_inside_their_line() -> None:
    type_ = Type(24)
    image = Image.new("L", (type_.length("Ågjpq|") + 1, type_.line + 40))
    type_.write(ImageDraw.Draw(image), (0, 20), "Ågjpq|", 255)  # type: ignore[arg-type]
    box = image.getbbox()
    assert box is not None
    assert box[1] >= 20
    assert box[3] <= 20 + type_.line
    assert drawn("a") != drawn("b")


def test_wrap_breaks_at_spaces() -> None:
    type_ = Type(20)
    width = type_.length("one two three")
    assert wrap("one two three four", type_, width) == ["one two three", "four"]
    assert wrap("one two three", type_, width) == ["one two three"]
    assert wrap("one\ntwo\r\n\nthree", type_, width) == ["one", "two", "", "three"]
    assert wrap("", type_, width) == [""]
    assert wrap("  a \t b\x07c\ud800 ", type_, width) == ["a b c"]
    assert wrap("می\u200cخواهم", type_, width) == ["می\u200cخواهم"]


def test_wrap_breaks_words_that_are_longer_than_a_line() -> None:
    type_ = Type(20)
    width = type_.length("mmmmm")
    lines = wrap("a " + "m" * 12 + " b", type_, width)
    assert "".join(lines).replace(" ", "") == "a" + "m" * 12 + "b"
    assert all(type_.length(line) <= width for line in lines)
    assert wrap("中文字符没有空格", type_, type_.length("中文"))[0] == "中文"
    assert wrap("mmm", type_, 1) == ["m", "m", "m"]  # at least one letter a line


def test_wrap_shortens() -> None:
    type_ = Type(20)
    assert wrap("one two three four", type_, type_.length("three"), most=2) == ["one", "tw…"]
