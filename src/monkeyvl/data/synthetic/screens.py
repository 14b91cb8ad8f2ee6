"""Screens of computers and phones: desktops, windows, menus, dialogs, apps; what can be clicked where."""

from __future__ import annotations

import random

from monkeyvl.data.synthetic import names
from monkeyvl.data.synthetic import screens_content as content
from monkeyvl.data.synthetic.canvas import Sample
from monkeyvl.data.synthetic.degrade import finish
from monkeyvl.data.synthetic.questions_screen import screen_exchanges
from monkeyvl.data.synthetic.screens_apps import WINDOWS, title_bar
from monkeyvl.data.synthetic.screens_parts import Surface, Theme, wallpaper
from monkeyvl.data.synthetic.screens_phone import phone
from monkeyvl.data.synthetic.text_kit import grey, ink_on, mixed, pick_face, vivid

# Sizes of screens in pixels.
SIZES = ((1024, 768), (1024, 768), (1024, 768), (1280, 720), (1280, 800), (1152, 864), (1366, 768))
PHONES = ((360, 640), (360, 780), (412, 860), (450, 900))
# Below so many letters a row a screen is shown as a phone's or as one small dialog.
NARROW = 32


def _theme(rng: random.Random, px: int) -> Theme:
    dark = rng.random() < 0.15
    paper = grey(rng, 25, 60) if dark else grey(rng, 240, 255)
    bar = rng.choice(
        (grey(rng, 200, 235), grey(rng, 30, 70), mixed(vivid(rng), paper, 0.3), mixed(vivid(rng), paper, 0.8))
    )
    return Theme(
        face=pick_face(rng, *(("mono", "serif") if rng.random() < 0.06 else ("sans", "sans", "condensed"))),
        px=px,
        bar=bar,
        paper=paper,
        accent=mixed(vivid(rng), (255, 255, 255), rng.choice((0.0, 0.2))),
        border=mixed(paper, ink_on(paper), rng.uniform(0.12, 0.3)),
        round=rng.choice((0, 0, px // 4, px // 2)),
    )


def _taskbar(rng: random.Random, screen: Surface, open_windows: list[str]) -> float:
    """A bar along the lower edge; returns its upper edge."""
    theme = screen.theme
    width, height = screen.size
    px, bar = theme.px, rng.choice((grey(rng, 10, 50), grey(rng, 215, 240), theme.bar))
    top = height - rng.choice((1.6, 2.0, 2.6)) * px
    screen.fill((0, top, width, height), bar)
    ink, size = ink_on(bar), 1.1 * px
    middle = (top + height) / 2
    screen.paper, paper = bar, screen.paper
    screen.icon("apps", 0.5 * px, middle - size / 2, size, known=False)
    screen.add("start menu", "icon", (0, top, 2 * px, height))
    x = 2.6 * px
    for name in rng.sample(("folder", "globe", "terminal", "search"), rng.randint(0, 3)):
        screen.icon(name, x, middle - size / 2, size)
        x += 1.9 * px
    end = width - 9 * px
    for name in open_windows:
        length = min(11 * px, end - x)
        if length < 5 * px:
            break
        screen.fill((x, top + 2, x + length, height - 2), mixed(bar, theme.accent, 0.6))
        shown = screen.text(
            x + 0.4 * px, middle - 0.6 * px, name, length - px, ink_on(mixed(bar, theme.accent, 0.6))
        )
        if shown:
            screen.add(shown, "task bar button", (x, top, x + length, height))
        x += length + 0.3 * px
    if end > x:
        screen.icon("volume", end, middle - size / 2, size, ink)
        screen.icon("bell", end + 1.9 * px, middle - size / 2, size, ink)
        shown = screen.text(end + 4 * px, middle - 0.6 * px, content.clock(rng), 6 * px, ink, role="clock")
        screen.add("clock", "clock", (end + 3.8 * px, top, width, height), shown)
    screen.paper = paper
    return top


def _icons(rng: random.Random, screen: Surface, bottom: float, amount: float) -> None:
    px = screen.theme.px
    each = 7 * px
    rows = max(1, int((bottom - px) / (6 * px)))
    count = max(1, round(amount * rng.randint(2, 16)))
    for number in range(count):
        column, row = divmod(number, rows)
        x, y = 0.6 * px + column * each, 0.8 * px + row * 6 * px
        if x + each > screen.size[0] or y + 6 * px > bottom:
            break
        name = rng.choice((rng.choice(content.APPS), content.folder_name(rng), content.file_name(rng)))
        sign = content.APP_ICONS.get(name, "file" if "." in name else "folder")
        screen.icon(
            sign, x + each / 2 - 1.4 * px, y, 2.8 * px, mixed(vivid(rng), (255, 255, 255), 0.4), known=False
        )
        length = min(each - 0.4 * px, screen.font().getlength(name))
        left = x + (each - length) / 2
        plate = (left - 2, y + 3.2 * px, left + length + 2, y + 4.6 * px)
        # Letters on a picture get a shade behind them.
        screen.fill(plate, (30, 30, 40))
        shown = screen.text(left, y + 3.3 * px, name, each - 0.4 * px + 1, (255, 255, 255))
        if shown:
            screen.add(shown, "desktop icon", (x + 0.5 * px, y, x + each - 0.5 * px, y + 4.8 * px))


def _dialog(rng: random.Random, theme: Theme, most: tuple[float, float]) -> Surface:
    """A window with a message, fields, options and buttons; at most `most` pixels in width and height."""
    px = theme.px
    width = int(min(most[0], rng.uniform(20, 34) * px))
    fields = rng.sample(content.FIELDS, rng.choice((0, 0, 1, 2, 3)))
    options = rng.sample(content.OPTIONS, rng.choice((0, 0, 1, 2)))
    text = content.message(rng) if not fields or rng.random() < 0.4 else ""
    height = int(min(most[1], (10 + 3.2 * len(fields) + 2 * len(options)) * px))
    window = Surface(width, height, theme)
    top = title_bar(
        rng,
        window,
        rng.choice((names.work(rng), "Question", "Warning", "Error", "Save as", "Options", names.firm(rng))),
    )
    y, bottom = top + px, height - theme.row - 1.2 * px
    y = window.paragraph(px, y, text, width - 2 * px, bottom) + 0.5 * px
    label = min(8 * px, 0.35 * width)
    for name in fields:
        if y + theme.row > bottom:
            break
        window.text(px, y + 0.4 * px, name, label)
        window.field(
            px + label,
            y,
            width - 2 * px - label,
            name,
            rng.choice(("", names.scramble(rng), names.person(rng))),
        )
        y += theme.row + 0.6 * px
    for name in options:
        if y + 1.5 * px > bottom:
            break
        window.check(px, y, name, rng.random() < 0.5, round_box=rng.random() < 0.3)
        y += 2 * px
    x = width - 0.8 * px
    for number, name in enumerate(rng.sample(content.BUTTONS, rng.randint(1, 3))):
        length = max(5 * px, window.font().getlength(name) + 1.6 * px)
        if x - length < 0.5 * px:
            break
        window.button(
            x - length,
            bottom + 0.6 * px,
            name,
            theme.accent if number == 0 and rng.random() < 0.5 else None,
            length,
        )
        x -= length + 0.7 * px
    window.canvas.draw.rectangle((0, 0, width - 1, height - 1), outline=theme.border)
    return window


def _menu(rng: random.Random, theme: Theme, items: list[str], role: str) -> Surface:
    """A list of commands, some with a key beside them."""
    px, row = theme.px, 1.75 * theme.px
    keys = [content.shortcut(rng) if rng.random() < 0.3 else "" for _ in items]
    probe = theme.face.font(px)
    width = int(
        max(probe.getlength(item) for item in items) + max(probe.getlength(key) for key in keys) + 4 * px
    )
    menu = Surface(width, int(row * len(items) + 0.8 * px), theme)
    menu.canvas.draw.rectangle((0, 0, width - 1, menu.size[1] - 1), outline=theme.soft)
    chosen = rng.randrange(len(items)) if rng.random() < 0.3 else -1
    for number, (item, key) in enumerate(zip(items, keys, strict=True)):
        y = 0.4 * px + number * row
        paper = theme.accent if number == chosen else theme.paper
        menu.fill((1, y, width - 2, y + row), paper)
        shown = menu.text(px, y + 0.25 * px, item, width - px, ink_on(paper))
        menu.text(
            width - px - probe.getlength(key), y + 0.25 * px, key, 20 * px, mixed(ink_on(paper), paper, 0.4)
        )
        if shown:
            menu.add(shown, role, (0, y, width, y + row))
    return menu


def _desktop(rng: random.Random, width: int, height: int, theme: Theme, amount: float) -> Surface:
    screen = Surface(width, height, theme, mixed(vivid(rng), (0, 0, 0), 0.3))
    wallpaper(rng, screen, (0, 0, width, height))
    opened = rng.sample(list(WINDOWS), rng.choices((0, 1, 2), (2, 6 + 6 * amount, 4 * amount))[0])
    bottom = _taskbar(rng, screen, [f"{names.work(rng)} - {name}" for name in opened])
    full = bool(opened) and rng.random() < 0.6
    if not full:
        _icons(rng, screen, bottom, 0.3 + amount)
    px = theme.px
    for number, name in enumerate(opened):
        last = number == len(opened) - 1
        if full and last:
            place, size = (0, 0), (width, int(bottom))
        else:
            size = (int(rng.uniform(0.45, 0.75) * width), int(rng.uniform(0.5, 0.8) * bottom))
            place = (rng.randint(0, width - size[0]), rng.randint(0, int(bottom) - size[1]))
        window = Surface(*size, theme)
        top = title_bar(rng, window, f"{content.page_title(rng)} - {name}")
        WINDOWS[name](rng, window, top)
        window.canvas.draw.rectangle((0, 0, size[0] - 1, size[1] - 1), outline=theme.soft)
        screen.lay(window, *place)
    _over(rng, screen, theme, px, bottom)
    return screen


def _over(rng: random.Random, screen: Surface, theme: Theme, px: int, bottom: float) -> None:
    """What opens above the windows: the menu of a menu bar, a context menu, a dialog."""
    width = screen.size[0]
    kind = rng.random()
    menus = [one for one in screen.elements if one.role == "menu"]
    if menus and kind < 0.35:
        bar = rng.choice(menus)
        items = list(content.MENUS[bar.name])
        rng.shuffle(items)
        menu = _menu(rng, theme, items, "menu item")
        x, y = int(bar.box[0]), int(bar.box[3])
        if x + menu.size[0] < width and y + menu.size[1] < bottom:
            screen.lay(menu, x, y)
            return
    if kind < 0.5:
        menu = _menu(rng, theme, rng.sample(content.CONTEXT, rng.randint(4, 12)), "menu item")
        if menu.size[0] < width and menu.size[1] < bottom:
            screen.lay(menu, rng.randint(0, width - menu.size[0]), rng.randint(0, int(bottom) - menu.size[1]))
    elif kind < 0.72 and bottom > 14 * px:
        dialog = _dialog(rng, theme, (0.9 * width, bottom - px))
        screen.lay(
            dialog, rng.randint(0, width - dialog.size[0]), rng.randint(0, int(bottom) - dialog.size[1])
        )


def make_screen(
    rng: random.Random,
    width: int = 0,
    font_px: tuple[int, int] = (11, 15),
    strength: float = 0.2,
    longest: int = 400,
    amount: float = 0.6,
    places: bool = True,
) -> Sample:
    """A screen `width` pixels wide (0: a usual size), as high as screens of that width are.

    `amount` sets how much is open. The clickable elements are in `structure["elements"]` and, by their
    names where these are unique, in `marks`.
    """
    px = rng.randint(*font_px)
    if not width:
        width, height = rng.choice(PHONES if rng.random() < 0.2 else SIZES)
    else:
        narrow = width < NARROW * px
        height = round(width * (rng.choice((0.8, 1.2, 1.8)) if narrow else rng.choice((0.75, 0.5625, 0.625))))
    theme = _theme(rng, px)
    if height > width or (width < NARROW * px and rng.random() < 0.5):
        screen = phone(rng, width, height, theme)
    elif width < NARROW * px:
        screen = Surface(width, height, theme, mixed(vivid(rng), (0, 0, 0), 0.3))
        wallpaper(rng, screen, (0, 0, width, height))
        dialog = _dialog(rng, theme, (width, height))
        screen.lay(dialog, rng.randint(0, width - dialog.size[0]), rng.randint(0, height - dialog.size[1]))
    else:
        screen = _desktop(rng, width, height, theme, amount)
    canvas = screen.canvas
    finish(canvas, rng, "screen", strength)
    known = [one.name for one in screen.elements]
    canvas.marks = {one.name: one.box for one in screen.elements if known.count(one.name) == 1}
    exchanges = screen_exchanges(rng, screen.elements, canvas, longest, places, screen.cut)
    elements = [
        {"name": one.name, "role": one.role, "box": [round(value) for value in one.box], "value": one.value}
        for one in screen.elements
    ]
    structure = {"kind": "screen", "elements": elements}
    return Sample(canvas.image, canvas.lines, canvas.characters, exchanges, {}, structure, canvas.marks)
