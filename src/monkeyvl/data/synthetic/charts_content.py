"""What made charts are about: groups, answers, amounts that nobody can guess, and titles that fit them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from monkeyvl.data.synthetic import names

TYPES = ("bar", "grouped bar", "stacked bar", "line", "pie", "dot")
_SUBJECTS = (
    "electric bicycles|school lunches|night trains|paper books|home gardens|local radio|public libraries|"
    "plastic bags|video calls|shared offices|village shops|used clothes|community choirs|street markets|"
    "rooftop panels|city buses|wooden toys|evening classes|chess clubs|mobile payments|frozen meals|"
    "tap water|farm visits|language lessons|board games|podcasts|ferries|heat pumps|dog parks|food trucks|"
    "drone delivery|museum visits|wind turbines|science shows|repair cafes|online exams|rail passes|"
    "standing desks|cooking courses|river swimming|bird watching|smart meters|garden sheds|comic books"
).split("|")  # fmt: skip
_VERBS = (
    "trust|worry about|have tried|would pay for|talk about|support|avoid|enjoy|plan to use|know little about|"
    "spend money on|welcome|doubt|learned about|recommend|gave up|dream of|complain about"
).split("|")
_PEOPLE = (
    "residents adults parents members students workers commuters visitors readers owners nurses teachers"
).split()
_GROUPS = (
    ("age", "18-29|30-49|50-64|65+|Under 18|Ages 16-24|Ages 25-54|Ages 55+"),
    ("schooling", "College+|Some college|HS or less|Postgrad|Trade school|No degree"),
    ("income", "<$30K|$30K-$75K|$75K+|Low|Middle|Upper"),
    ("home", "Urban|Suburban|Rural|Small town|Coast|Inland"),
    ("job", "Full time|Part time|Retired|Student|Self-employed|Job seeker"),
    ("party", "Liberal|Labour|Green|Centre|National|None"),
    ("gender", "Men|Women|All"),
    ("season", "Spring|Summer|Fall|Winter"),
    ("day", "Mon|Tue|Wed|Thu|Fri|Sat|Sun"),
    ("month", "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"),
)
_SCALES = (
    ("Favor", "Oppose", "Not sure"), ("Yes", "No", "Unsure"), ("Agree", "Disagree", "Neither"),
    ("Good", "Fair", "Poor"), ("Better", "Worse", "Same"), ("A lot", "A little", "None"),
    ("Daily", "Weekly", "Rarely", "Never"), ("Very", "Fairly", "Hardly", "No reply"),
    ("More", "Less", "Equal"), ("Major", "Minor", "No role"), ("Satisfied", "Dissatisfied", "No reply"),
)  # fmt: skip
_MONEY = ("exports", "wages", "rents", "sales", "fares", "budgets", "savings", "fees")


@dataclass(frozen=True)
class Series:
    """A name (empty where there is one series only) and a value for every label."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Chart:
    """A chart before it is drawn; `unit` stands before ("$") or after the numbers ("%")."""

    type: str
    title: str
    subtitle: str
    subject: str
    unit: str
    decimals: int
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    note: str
    source: str

    def written(self, value: float) -> str:
        """A value with its unit, as an answer."""
        number = f"{value:,.{self.decimals}f}"
        return f"${number}" if self.unit == "$" else number + self.unit

    def brief(self, rng: random.Random) -> Chart:
        """The chart with fewer words around it."""
        keep = rng.random() < 0.3
        return replace(self, subtitle="", note="", source=self.source if keep else "")


def _labels(rng: random.Random, count: int, ordered: bool) -> tuple[str, list[str]]:
    """A dimension and `count` labels, or fewer."""
    if ordered:
        step = rng.choice((1, 1, 2, 4, 5, 10))
        last = rng.randint(1990, 2026)
        years = [last - step * number for number in range(count)][::-1]
        if rng.random() < 0.15 and step == 1:
            return "year", [f"'{year % 100:02d}" for year in years]
        return "year", [str(year) for year in years]
    kind = rng.random()
    if kind < 0.3:
        return "country", rng.sample(names.COUNTRIES, count)
    if kind < 0.4:
        return "place", names.distinct(rng, names.place, count)
    if kind < 0.48:
        return "firm", names.distinct(rng, names.firm, count)
    if kind < 0.55:
        return "item", [text.capitalize() for text in rng.sample(_SUBJECTS, count)]
    if kind < 0.6:
        return "name", names.distinct(rng, lambda one: names.syllables(one).capitalize(), count)
    dimension, pool = rng.choice(_GROUPS)
    words = pool.split("|")
    start = rng.randrange(max(1, len(words) - count + 1))
    return dimension, words[start : start + count]


def _shares(rng: random.Random, count: int, least: int) -> list[float]:
    """Whole percents that make 100, or a little less where some gave no answer; each at least `least`."""
    whole = 100 - (rng.randint(0, 6) if rng.random() < 0.5 else 0)
    weights = [rng.random() + 0.05 for _ in range(count)]
    rest = whole - least * count
    parts = [least + int(rest * weight / sum(weights)) for weight in weights]
    parts[rng.randrange(count)] += whole - sum(parts)
    return [float(part) for part in parts]


def _walk(rng: random.Random, count: int, low: float, high: float, decimals: int) -> list[float]:
    value, values = rng.uniform(low, high), []
    for _ in range(count):
        values.append(round(value, decimals))
        value = min(high, max(low, value + rng.gauss(0, (high - low) / 7)))
    return values


def _source(rng: random.Random) -> str:
    kind = rng.choice(("INSTITUTE", "RESEARCH GROUP", "POLLING OFFICE", "DATA BUREAU", "OBSERVATORY"))
    return f"{rng.choice((names.place(rng), names.family(rng)))} {kind}".upper()


def _note(rng: random.Random, subject: str) -> str:
    remarks = [
        f"Figures rounded. {names.place(rng)} not included.",
        f"{rng.randint(300, 9000)} replies; those without a reply left out.",
        f"{names.work(rng)} is counted with {subject} from {rng.randint(1980, 2020)} on.",
        f"Figures of {names.place(rng)} may not add up to the whole, as some gave more than one reply.",
        f'Those who wrote "{rng.choice(names.ADJECTIVES).lower()}" stand with "{names.work(rng)}".',
    ]
    parts = (
        [" ".join(("Note:", *rng.sample(remarks, rng.choice((1, 1, 2, 3)))))] if rng.random() < 0.6 else []
    )
    month = rng.choice(
        ("Jan.", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.")
    )
    parts.append(
        rng.choice(
            (
                f"Source: {names.family(rng)} poll, {month} {rng.randint(1, 28)}, {rng.randint(1996, 2026)}.",
                f"Source: {names.place(rng)} yearbook {rng.randint(1960, 2026)}, table {rng.randint(1, 90)}.",
                f"Poll of {rng.randint(400, 9000):,} people, {month} {rng.randint(1996, 2026)}.",
            )
        )
    )  # fmt: skip
    return " ".join(parts)


def _title(rng: random.Random, subject: str, dimension: str, labels: list[str], series: list[Series]) -> str:
    first = series[0].values
    top, bottom = labels[first.index(max(first))], labels[first.index(min(first))]
    titles = [
        f"Views of {subject} vary by {dimension}", f"{subject.capitalize()} in {names.place(rng)}",
        f"Who likes {subject}?", f"{subject.capitalize()}: the {rng.randint(1990, 2026)} figures",
        f"What {names.place(rng)} thinks of {subject}", f"{subject.capitalize()} by {dimension}",
        f"{names.family(rng)} report on {subject}",
        f"Do {rng.choice(_PEOPLE)} in {names.place(rng)} {rng.choice(_VERBS)} {subject}, and how often do "
        f"they {rng.choice(_VERBS)} {rng.choice(_SUBJECTS)}?",
        f"What {rng.choice(_PEOPLE)} and {rng.choice(_PEOPLE)} of {names.place(rng)} say about {subject}, "
        f"by {dimension}",
    ]  # fmt: skip
    if dimension == "year":
        trend = "Rise" if first[-1] > first[0] else "Fall" if first[-1] < first[0] else "No change"
        titles = [
            f"{trend} of {subject} since {labels[0]}", f"{subject.capitalize()}, {labels[0]} to {labels[-1]}",
            f"How {subject} changed in {names.place(rng)}",
        ]  # fmt: skip
    elif first.count(max(first)) == 1 and first.count(min(first)) == 1 and rng.random() < 0.5:
        titles = [f"{top} leads on {subject}, {bottom} comes last", f"{top} ahead of {bottom} on {subject}"]
    title = rng.choice(titles)
    return title.title() if rng.random() < 0.15 else title


def make_chart_content(rng: random.Random, kind: str, labels_at_most: int, series_at_most: int) -> Chart:
    """A chart of type `kind` (one of `TYPES`) with at most so many labels and series."""
    ordered = kind == "line" or (kind in ("bar", "grouped bar") and rng.random() < 0.25)
    most = max(2, labels_at_most)
    if kind == "line" and most > 4 and rng.random() < 0.4:
        most *= 2
    count = rng.randint(min(2 if kind == "pie" else 3, most), min(most, 6) if kind == "pie" else most)
    dimension, labels = _labels(rng, count, ordered)
    count = len(labels)
    subject, people = rng.choice(_SUBJECTS), rng.choice(_PEOPLE)
    several = kind in ("grouped bar", "stacked bar") or (kind in ("line", "dot") and rng.random() < 0.6)
    number = rng.randint(2, max(2, series_at_most)) if several else 1
    scale: tuple[str, ...] = rng.choice(_SCALES)
    unit, decimals = "%", 0
    subtitle = f"Share of {people} who {rng.choice(_VERBS)} {subject}"
    if kind == "pie":
        values = [tuple(_shares(rng, count, 4))]
    elif kind == "stacked bar":
        scale = scale if number <= len(scale) else _SCALES[7]
        rows = [_shares(rng, number, 10) for _ in range(count)]
        values = [tuple(row[at] for row in rows) for at in range(number)]
        subtitle = f"How {people} feel about {subject}, in percent"
    else:
        style = rng.random()
        low, high = 3.0, 95.0
        if style > 0.6:
            unit, low, high = "", 5.0, float(rng.choice((40, 300, 5000)))
            decimals = 1 if high == 40 else 0
            subtitle = f"Number of {people} with {subject}, in thousands"
        elif style > 0.45:
            unit, low, high, decimals = "$", 2.0, float(rng.choice((30, 900))), 0
            decimals = 2 if high == 30 else 0
            subtitle = f"Average {rng.choice(_MONEY)} for {subject}, in dollars"
        values = [tuple(_walk(rng, count, low, high, decimals)) for _ in range(number)] if ordered else [
            tuple(round(rng.uniform(low, high), decimals) for _ in range(count)) for _ in range(number)
        ]  # fmt: skip
    if kind != "stacked bar" and (number > len(scale) or rng.random() < 0.5):
        pool = rng.choice((names.COUNTRIES, _PEOPLE, names.NOUNS))
        scale = tuple(
            text.capitalize() for text in rng.sample([one for one in pool if one not in labels], number)
        )
    if number == 1 and not ordered and rng.random() < 0.5:
        values = [tuple(sorted(values[0], reverse=True))]
    series = [Series(scale[at] if number > 1 else "", values[at]) for at in range(number)]
    return Chart(
        kind, _title(rng, subject, dimension, labels, series), subtitle if rng.random() < 0.9 else "",
        subject,
        unit, decimals, tuple(labels), tuple(series), _note(rng, subject) if rng.random() < 0.85 else "",
        _source(rng) if rng.random() < 0.8 else "",
    )  # fmt: skip
