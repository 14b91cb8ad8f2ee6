"""What a station's contract says: who advertises for which office, what runs when and what it costs."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass

from monkeyvl.data.synthetic import words_lists, words_places
from monkeyvl.data.synthetic.canvas import Exchange

OFFICES = (
    "Governor",
    "Senate",
    "Congress",
    "Mayor",
    "Sheriff",
    "State House",
    "Council",
    "President",
    "Judge",
    "Treasurer",
)
SHOWS = ("News", "Early News", "Late News", "Morning Show", "Game Night", "Movie", "Soap", "Quiz", "Weather",
         "Sports Extra",
         "Talk Hour", "Midday", "Prime Drama", "Comedy Block", "Weekend Today", "Rotator", "Docu",
         "Court TV")  # fmt: skip


@dataclass(frozen=True)
class Spot:
    """One line of the order: what runs when, how often, at what rate."""

    start: str
    end: str
    days: str
    time: str
    show: str
    length: str
    count: int
    rate: float

    @property
    def amount(self) -> float:
        return round(self.count * self.rate, 2)


def advertiser(rng: random.Random) -> str:
    """A campaign as stations write it: committees, parties, codes between slashes."""
    first, last = rng.choice(words_lists.FIRST), rng.choice(words_lists.LAST)
    office = rng.choice(OFFICES)
    party = rng.choice("DRIG")
    cause = f"{rng.choice(words_lists.STEMS)} {rng.choice(words_lists.NOUNS).title()}"
    return rng.choice(
        (
            f"{last} for {office}", f"Friends of {first} {last}",
            f"POL/{first[0]} {last}/{party}/{office[:4]}",
            f"{first} {last} for {office}", f"Committee to Elect {last}", f"{cause} PAC",
            f"Citizens for {cause}",
            f"ISS/{cause}", f"{last}/{party}/{office}", f"{last.upper()} FOR {office.upper()}",
            f"{cause} Action Fund ({rng.randint(1000, 99999)})", f"{words_places.nonsense(rng)} Victory Fund",
            f"{last} {rng.randint(2010, 2030)} Inc", f"Vote {last} {office}",
            f"POL / {first} {last} / {office.upper()}",
        )
    )  # fmt: skip


def station_name(rng: random.Random) -> str:
    name = rng.choice("KW") + "".join(rng.choices(string.ascii_uppercase, k=3))
    return name + rng.choice(("", "-TV", f" {rng.randint(2, 60)}", "-DT"))


def sortable(date: str) -> tuple[int, int, int]:
    month, day, year = (int(part) for part in date.split("/"))
    return year, month, day


def make_spots(rng: random.Random, count: int) -> list[Spot]:
    year, month = rng.randint(2008, 2031), rng.randint(1, 12)
    form, century = rng.choice(
        (("{:02d}/{:02d}/{:02d}", 0), ("{:02d}/{:02d}/{:02d}", 0), ("{}/{}/{:02d}", 0), ("{}/{}/{}", 2000))
    )
    spots = []
    for _ in range(count):
        start = rng.randint(1, 22)
        end = start + rng.randint(0, 6)
        hour = rng.randint(1, 11)
        clock = rng.choice(("{0}:00 {2}-{1}:00 {2}", "{0}{3}-{1}{3}", "{0}:30{2}-{1}:30{2}", "{0}-{1}{3}"))
        half = rng.choice(("AM", "PM"))
        spots.append(
            Spot(
                form.format(month, start, century + year % 100),
                form.format(month, end, century + year % 100),
                "".join(letter if rng.random() < 0.5 else "-" for letter in "MTWTFSS"),
                clock.format(hour, hour + 1, half, half[0].lower()),
                f"{rng.choice(('M-F', 'Sa', 'Su', 'M-Su', 'Tu-Th'))} {rng.choice(SHOWS)}",
                rng.choice((":30", ":30", ":15", ":60")),
                rng.choice((1, 1, 2, 3, 4, 5, rng.randint(1, 20))),
                float(
                    rng.choice((rng.randint(2, 40) * 5, rng.randint(10, 95) * 10, rng.randint(4, 60) * 50))
                ),
            )
        )
    return spots


def questions(rng: random.Random, spots: list[Spot], dollars: str, heads: set[str]) -> list[Exchange]:
    found = [
        Exchange("How many lines does the order have?", str(len(spots))),
        Exchange("What is the amount in the last line?", dollars.format(spots[-1].amount)),
    ]
    if heads & {"Spots", "Qty", "# Spots"}:
        found.append(Exchange("How many spots were ordered in all?", str(sum(spot.count for spot in spots))))
    shows = [spot.show for spot in spots]
    single = [spot for spot in spots if shows.count(spot.show) == 1]
    if single and "Rate" in heads:
        one = rng.choice(single)
        found.append(Exchange(f"What is the rate of {one.show}?", dollars.format(one.rate)))
    return found
