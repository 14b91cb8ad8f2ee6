"""Questions about screens: where to click for a goal and a step, where an element is, what it says."""

from __future__ import annotations

import random
from collections.abc import Collection

from monkeyvl.answers import format_box, format_point
from monkeyvl.data.synthetic import names
from monkeyvl.data.synthetic.canvas import Canvas, Exchange
from monkeyvl.data.synthetic.screens_content import goal, url
from monkeyvl.data.synthetic.screens_parts import Element
from monkeyvl.data.synthetic.tasks import reading_exchanges
from monkeyvl.prompts import prompt

# What users do with elements of a role, {name} being the element's; {text} is anything to type.
STEPS: dict[str, tuple[str, ...]] = {
    "button": ("click the '{name}' button", "Click {name}", "Press the {name} button", "Select {name}"),
    "menu": ("Open the {name} menu", "click '{name}' in the menu bar", "Open {name}"),
    "menu item": ("Select '{name}' in the menu", "Click {name}", "Choose {name}",
                  "click the '{name}' option"),
    "field": ("Enter '{text}' in the {name} field", "click the {name}", "Type {text} into the {name}",
              "Click on the {name} box"),
    "tab": ("Switch to the tab '{name}'", "Open the {name} tab", "click the tab {name}"),
    "link": ("Open '{name}'", "Click the link {name}", "Open the page {name}"),
    "product": ("Open the product {name}", "Select '{name}'"),
    "icon": ("click the {name} icon", "Click {name}", "Use the {name} button of the tool bar"),
    "desktop icon": ("Double click the '{name}' icon on the desktop", "Open {name}",
                     "Start {name} from the desktop"),
    "task bar button": ("Switch to the window '{name}'", "click {name} in the task bar"),
    "folder": ("Double click to open the '{name}' folder", "Open the folder {name}"),
    "file": ("Double click the file {name}", "Open {name}"),
    "place": ("Open {name} in the side bar", "click '{name}'"),
    "cell": ("Select cell {name}", "Click the cell {name}", "Enter {text} in {name}"),
    "check box": ("Tick '{name}'", "click the check box {name}"),
    "radio button": ("Choose the option {name}", "click '{name}'"),
    "switch": ("Switch {name} on or off", "tap the switch of {name}"),
    "row": ("Open {name}", "Tap '{name}'"),
    "app": ("Open {name}", "Tap the {name} app"),
    "message": ("Open the message '{name}'", "Read {name}"),
    "clock": ("Open the clock", "click the time"),
}  # fmt: skip
DOUBLE = ("desktop icon", "folder", "file")
CLICK = (
    "Goal: {goal}. Current step: {step}. At which point should the mouse {click}?",
    "Goal: {goal}. Current step: {step}. At which point should the mouse {click}?",
    "{step}. At which point should the mouse {click}?",
    "Where to {click}: {step}?",
)
WHERE = ("Where is the {role} {name}?", "Locate the {role} '{name}'.", "Give the box of the {role} {name}.")
LISTS = (
    "List the {role}s.",
    "Which {role}s are there?",
    "Name all {role}s.",
    "What {role}s can be seen?",
    "Which {role}s are on the screen?",
)
VALUES = {
    "field": ("What is in the {name} field?", "What does the {name} say?", "What was typed into {name}?"),
    "cell": ("What is in cell {name}?", "What does cell {name} contain?"),
    "check box": ("Is '{name}' on or off?", "Is {name} ticked: on or off?"),
    "radio button": ("Is '{name}' on or off?",),
    "switch": ("Is {name} on or off?", "Is the switch {name} on?"),
    "clock": ("What time is it?", "What does the clock show?"),
    "message": ("Who wrote '{name}'?", "Whom is the message {name} from?"),
}
THERE = ("Is there a {role} called '{name}'?", "Can '{name}' be clicked here?")
COUNTS = ("How many {role}s are there?", "Count the {role}s.")
TITLE = ("What is the title of the window?", "What is written in the title bar?", "What is the heading?")
AT = ("What is at {point}?", "What is clicked at {point}?")
LISTED = (
    "button",
    "menu",
    "menu item",
    "tab",
    "link",
    "check box",
    "folder",
    "place",
    "app",
    "switch",
    "row",
    "desktop icon",
)
MOST_CLICKS, MOST_OTHERS = 4, 6


def _middle(element: Element) -> tuple[float, float]:
    x0, y0, x1, y1 = element.box
    return (x0 + x1) / 2, (y0 + y1) / 2


def _click(rng: random.Random, element: Element, size: tuple[int, int]) -> Exchange:
    point = format_point(_middle(element), size, style="tokens")
    if rng.random() < 0.25:
        return Exchange(prompt("click", "embedded", text=element.name), point)
    text = rng.choice((names.scramble(rng), names.work(rng), names.person(rng), str(rng.randint(1, 9999))))
    if element.name == "address bar" and rng.random() < 0.7:
        text = url(rng)
    step = rng.choice(STEPS[element.role]).format(name=element.name, text=text).rstrip(".")
    click = "double-click" if element.role in DOUBLE and rng.random() < 0.8 else "click"
    question = rng.choice(CLICK).format(goal=goal(rng), step=step, click=click)
    return Exchange(question[0].upper() + question[1:], point)


def _others(
    rng: random.Random,
    elements: list[Element],
    unique: list[Element],
    canvas: Canvas,
    places: bool,
    cut: Collection[str],
) -> list[Exchange]:
    valued = [one for one in unique if one.value and one.role in VALUES]
    found = [
        Exchange(rng.choice(VALUES[one.role]).format(name=one.name), one.value)
        for one in rng.sample(valued, min(2, len(valued)))
    ]
    roles = [role for role in LISTED if any(one.role == role for one in elements)]
    if roles:
        role = rng.choice(roles)
        listed = [one.name for one in elements if one.role == role]
        if len(listed) <= 12 and role not in cut:
            wording, answer = (
                (rng.choice(COUNTS), str(len(listed)))
                if rng.random() < 0.3
                else (rng.choice(LISTS), ", ".join(listed))
            )
            question = wording.format(role=role).replace("boxs", "boxes").replace("switchs", "switches")
            found.append(Exchange(question, answer))
        said = rng.choice(listed)
        if rng.random() < 0.5:
            said = f"{rng.choice(names.NOUNS)} {rng.choice(names.NOUNS).lower()}"
        known = {one.name for one in elements}
        found.append(Exchange(THERE[0].format(role=role, name=said), "yes" if said in known else "no"))
    titles = [line.text for line in canvas.lines if line.role == "title"]
    if len(titles) == 1:
        found.append(Exchange(rng.choice(TITLE), titles[0]))
    if places and unique:
        one = rng.choice(unique)
        place = format_box(one.box, canvas.size, style="tokens")
        found.append(
            Exchange(rng.choice(WHERE).format(role=one.role, name=one.name), f"<ref>{one.name}</ref>{place}")
        )
        other = rng.choice(unique)
        point = format_point(_middle(other), canvas.size, style="tokens")
        found.append(Exchange(rng.choice(AT).format(point=point), other.name))
    if elements:
        kinds = [
            role
            for role in ("button", "icon", "field", "link", "menu item", "row", "cell", "app")
            if any(one.role == role for one in elements)
        ]
        shown = ", ".join(f"{role}s" for role in kinds)
        heading = f" with the title {titles[0]}" if titles else ""
        if kinds:
            found.append(Exchange(prompt("caption", "embedded"), f"A screen{heading}, showing {shown}."))
    return found


def screen_exchanges(
    rng: random.Random,
    elements: list[Element],
    canvas: Canvas,
    longest: int,
    places: bool,
    cut: Collection[str] = (),
) -> list[Exchange]:
    """Points to click (with `places`), values, lists, places; at most 12, of what has a name of its own.

    Of roles in `cut` some elements are partly hidden: these are neither counted nor listed.
    """
    known = [one.name.lower() for one in elements]
    unique = [one for one in elements if known.count(one.name.lower()) == 1]
    # Sheets have very many cells: they are not to crowd out the rest.
    rare = [one for one in unique if one.role != "cell" or rng.random() < 0.05]
    found = []
    if places:
        roles = sorted({one.role for one in rare})
        for _ in range(min(MOST_CLICKS, len(rare))):
            role = rng.choice(roles)
            found.append(_click(rng, rng.choice([one for one in rare if one.role == role]), canvas.size))
    others = _others(rng, elements, rare, canvas, places, cut)
    found += rng.sample(others, min(MOST_OTHERS, len(others)))
    reading = reading_exchanges(rng, canvas.lines, canvas.size, longest, places)
    found += rng.sample(reading, min(2 if found else 4, len(reading)))
    return list({one.question: one for one in found}.values())
