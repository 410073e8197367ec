"""What so many visitors a day take: cores, memory, network and money, reckoned from the numbers measured here.

    python benchmarks/scaling.py                         # prints the tables
    python benchmarks/scaling.py --page docs/scaling.md  # and puts them between the page's two marks
    python benchmarks/scaling.py --try-ons 3 --cards 0 --price 0.02

Every assumption is an option. A day's work of a service is visitors x questions x processor time of a question
(`cluster.json`); its cores at the peak are the day's mean x `peak` / `used`, and its replicas have a core each, one
more than are needed so that one may be lost. Core-hours are paid for the work itself at the same `used`, as if
replicas came and went with the visitors, but never for fewer than the least number of replicas.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, fields, replace
from math import ceil
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BEGIN, END = "<!-- tables: made by benchmarks/scaling.py -->", "<!-- end of the tables -->"
VISITORS = (1_000, 100_000, 10_000_000)  # a day
DAY = 86_400.0
LEAST = 2  # replicas of a service, so that one may be lost
BULK = 1_000_000  # items looked at, or shown on ten people


@dataclass(frozen=True)
class Assumed:
    """What nobody measured: about visitors, and about the machines.

    Attributes:
        try_ons: of each visitor.
        photos: that each visitor brings.
        own: garments of their own that each visitor brings.
        cards: pictures drawn for the shelves beside each try-on; the page draws up to 12 while nobody waits.
        shelves: how often each visitor's shelves are filled.
        peak: work at the busiest time, to the day's mean.
        used: share of a core that is planned to be at work then.
        web: seconds of processor that the page itself takes a try-on: uploads, Gradio, pictures written.
        price: of a core-hour with its share of memory, in any currency.
    """

    try_ons: float = 5.0
    photos: float = 1.2
    own: float = 0.3
    cards: float = 6.0
    shelves: float = 8.0
    peak: float = 4.0
    used: float = 0.6
    web: float = 0.15
    price: float = 0.04


@dataclass(frozen=True)
class Service:
    """What a service does for each visitor.

    Attributes:
        seconds: of processor.
        bytes: on the way to it and back.
    """

    name: str
    seconds: float
    bytes: float = 0.0

    def cores(self, visitors: int) -> float:
        """At work on the mean of a day."""
        return visitors * self.seconds / DAY

    def replicas(self, visitors: int, assumed: Assumed) -> int:
        """At the peak, and one to lose."""
        return max(LEAST, ceil(self.cores(visitors) * assumed.peak / assumed.used) + 1)

    def core_hours(self, visitors: int, assumed: Assumed) -> float:
        """That a day is paid for."""
        return 24 * max(LEAST, self.cores(visitors) / assumed.used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, help="a page with both marks")
    for field in fields(Assumed):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=float, default=field.default)
    given = vars(parser.parse_args())
    page: Path | None = given.pop("page")
    text = tables(Assumed(**given), {path.stem: json.loads(path.read_text()) for path in HERE.glob("*.json")})
    sys.stdout.write(text + "\n")
    if page is not None:
        before, rest = page.read_text(encoding="utf-8").split(BEGIN)
        page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


def tables(assumed: Assumed, measured: dict[str, Any]) -> str:
    """All of them, from the JSON files by name."""
    parts = [
        ("What one machine does", rates(measured)),
        ("What is assumed", assumptions(assumed)),
        ("Visitors a day", plan(assumed, measured)),
        ("Only what visitors wait for: no pictures for shelves", plan(replace(assumed, cards=0.0), measured)),
        ("In bulk", bulk(assumed, measured)),
    ]
    return "\n\n".join(f"### {title}\n\n{text}" for title, text in parts)


def rates(measured: dict[str, Any]) -> str:
    """Core-seconds of each thing, and how many of them a core does in an hour."""
    rows: list[tuple[str, float, str]] = []
    cost = measured["cost"]
    for name, told in (
        ("first_garment", "app: a first garment on a new photo"),
        ("further_garment", "app: a further picture of a garment, same person"),
        ("known_garment", "app: a further garment of the shop, same person"),
    ):
        rows.append((told, cost["seconds"][name]["median"] * cost["threads"], "cost.json"))
    if "load" in measured:
        load = measured["load"]["all_visitors"]
        rows.append(("app: a try-on by program, everything counted", load["cpu_seconds_each"], "load.json"))
    told = {
        "person": "service: a person understood",
        "garment": "service: a garment understood",
        "try-on": "service: a try-on, of a known person and garment",
        "card": "service: a picture for a shelf",
        "shelves": "service: both shelves with reasons, 115 items",
        "front": "front: asking for a try-on",
        "embed": "bulk: a picture looked at, with its files",
    }
    rows += [(told[name], ms / 1000, "cluster.json") for name, ms in measured["cluster"]["cpu_ms"].items()]
    for items, found in measured["search"]["items"].items():
        ms = found["exact_16_queries_at_once"]["median_cpu_ms"]
        rows.append((f"search: 16 queries at once in {int(items):,} items", ms / 1000, "search.json"))
    lines = ["| | core-seconds | a core does in an hour | from |", "|---|---|---|---|"]
    lines += [f"| {what} | {seconds:.3g} | {3600 / seconds:,.0f} | `{where}` |" for what, seconds, where in rows]
    if "load" in measured:
        load = measured["load"]["all_visitors"]
        lines.append(
            f"\nUnder load the app made {load['per_second']:.2f} try-ons a second, with {load['cores_in_use']:.2f} "
            f"cores at work (`load.json`, {measured['load']['machine']})."
        )
    return "\n".join(lines)


def assumptions(assumed: Assumed) -> str:
    """Each with the option that changes it."""
    told = {line.split(":")[0].strip(): line.split(":", 1)[1].strip() for line in _described()}
    lines = ["| option | value | what |", "|---|---|---|"]
    for field in fields(assumed):
        option = f"--{field.name.replace('_', '-')}"
        lines.append(f"| `{option}` | {getattr(assumed, field.name):g} | {told[field.name]} |")
    return "\n".join(lines)


def _described() -> list[str]:
    text = (Assumed.__doc__ or "").split("Attributes:")[1]
    return [line for line in text.splitlines() if ":" in line]


def services(assumed: Assumed, measured: dict[str, Any]) -> list[Service]:
    """What each does for a visitor, from their counts and the times measured."""
    ms, sizes = measured["cluster"]["cpu_ms"], measured["cluster"]["kilobytes"]

    def work(**counts: float) -> tuple[float, float]:
        names = {name.replace("_", "-"): count for name, count in counts.items()}
        seconds = sum(count * ms[name] / 1000 for name, count in names.items())
        return seconds, sum(count * 1000 * sum(sizes[name].values()) for name, count in names.items())

    tries = assumed.try_ons
    drawn = tries * (1 + assumed.cards)
    return [
        Service("understand", *work(person=assumed.photos, garment=assumed.own)),
        Service("dress", *work(try_on=tries, card=tries * assumed.cards)),
        Service("recommend", *work(shelves=assumed.shelves)),
        Service("front", tries * assumed.web + drawn * ms["front"] / 1000),
    ]


def plan(assumed: Assumed, measured: dict[str, Any]) -> str:
    """Replicas, memory, network and money at every number of visitors."""
    doing = services(assumed, measured)
    held = measured["cluster"]["peak_megabytes"]
    gigabytes = [held.get(one.name, measured["cost"]["photo_12_megapixels"]["peak_megabytes"]) / 1000 for one in doing]
    head = ["visitors a day", "try-ons a second at the peak", *(f"`{one.name}`" for one in doing)]
    head += ["memory, GB", "network at the peak, Gbit/s", "core-hours a day", "cost a day", "cost of 1,000 visitors"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for visitors in VISITORS:
        replicas = [one.replicas(visitors, assumed) for one in doing]
        hours = sum(one.core_hours(visitors, assumed) for one in doing)
        traffic = 8 * sum(one.bytes for one in doing) * visitors / DAY * assumed.peak / 1e9
        cost = hours * assumed.price
        cells = [
            f"{visitors:,}",
            f"{visitors * assumed.try_ons / DAY * assumed.peak:,.2f}",
            *(f"{count:,}" for count in replicas),
            f"{sum(count * each for count, each in zip(replicas, gigabytes, strict=True)):,.0f}",
            f"{traffic:,.2f}",
            f"{hours:,.0f}",
            f"{cost:,.2f}",
            f"{1000 * cost / visitors:,.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    each = sum(one.seconds for one in doing)
    shares = ", ".join(f"{one.name} {one.seconds / each:.0%}" for one in doing)
    lines.append(f"\nA visitor takes {each:.1f} core-seconds: {shares}.")
    alone = {cores: cores * assumed.used / assumed.peak * DAY / each for cores in (2, 8, 32)}
    carried = ", ".join(f"{cores} cores {visitors:,.0f}" for cores, visitors in alone.items())
    lines.append(f"Without a cluster, one app carries so many visitors a day by the same count: {carried}.")
    return "\n".join(lines)


def bulk(assumed: Assumed, measured: dict[str, Any]) -> str:
    """Jobs for a catalogue of a million items."""
    ms = measured["cluster"]["cpu_ms"]
    jobs = {
        f"look at {BULK:,} pictures (`fitting bulk embed`)": BULK * ms["embed"],
        f"show ten people in {BULK:,} garments (`fitting bulk render`)": 10 * BULK * ms["try-on"],
    }
    lines = ["| job | core-hours | on 64 cores, hours | cost |", "|---|---|---|---|"]
    for name, spent in jobs.items():
        hours = spent / 3.6e6
        lines.append(f"| {name} | {hours:,.0f} | {hours / 64:,.1f} | {hours * assumed.price:,.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
