"""Makes what the sample shop needs beside its garments: their embeddings, and simulated shoppers.

    python scripts/sample_shop.py            # both, into assets/
    python scripts/sample_shop.py --check    # says whether what is there is what this script makes

Nobody did what the events tell. 2,000 shoppers, `simulated-0001` to `simulated-2000`, come from a model of taste,
with a fixed seed:

* A shopper likes two families of colours and dislikes another one, likes one kind of pattern (plain, striped or
  busy) and one neckline, and has a budget. Every item has an appeal that all shoppers share.
* What an item is worth to a shopper is the sum of these, with a penalty for what it costs above the budget, a wish
  for sleeves that follows the season, and a dislike of buying the same colour and pattern twice in a row.
* 35 % browse and never buy, 45 % come now and then, 20 % are regulars, with 1 to 3, 2 to 6 and 6 to 14 visits in
  the year up to 30 September 2026.
* A visit begins with an item drawn by appeal and worth. The next is, one time in two, like the one before, else
  drawn by worth. What is worth more is tried on, liked and bought more often; what is worth little and was tried on
  is now and then disliked. At most one item a visit is bought, and none twice.
* Nobody sees an item before the shop has it. Six garments arrived two days before the end and have no events.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fitting import images
from fitting.catalogue import Catalogue, Item
from fitting.events import Event, EventKind
from fitting.garment import understand_garment
from fitting.looks import load_networks, network_name
from fitting.sample import EMBEDDINGS
from fitting.sample import SHOPPERS as SHOPPERS_FILE

ASSETS = Path(__file__).resolve().parent.parent / "assets"
SEED = 2026
SHOPPERS = 2000
DAY = 24 * 3600
END = datetime(2026, 10, 1, tzinfo=timezone.utc).timestamp()
START = END - 365 * DAY
NEW = END - 7 * DAY  # what arrived later nobody has seen yet

FAMILIES = {
    "white": "white ivory cream",
    "grey": "grey silver charcoal heather",
    "black": "black",
    "blue": "blue navy denim periwinkle sky",
    "aqua": "teal turquoise aqua seafoam",
    "green": "green olive emerald moss mint jade sage lime",
    "red": "red burgundy rust brick",
    "pink": "pink rose coral salmon",
    "purple": "violet purple lilac lavender mauve orchid",
    "earth": "sand beige taupe brown yellow orange",
}
PATTERNS = {
    "plain": ("plain", "heather"),
    "striped": ("horizontal stripes", "vertical stripes", "colour block"),
    "busy": ("dots", "check", "floral", "camo"),
}
SLEEVES = {"sleeveless": 0.0, "cap": 0.2, "short": 0.35, "elbow": 0.6, "long": 1.0}  # how warm
# Share of shoppers, whether they ever buy, fewest and most visits.
KINDS = ((0.35, False, 1, 3), (0.45, True, 2, 6), (0.20, True, 6, 14))


@dataclass(frozen=True)
class Shelf:
    """What the model knows of N items."""

    ids: list[str]
    family: np.ndarray  # (N,) number of the colour's family
    pattern: np.ndarray  # (N,) number of the pattern's kind
    neckline: np.ndarray  # (N,)
    warmth: np.ndarray  # (N,) in [0, 1]
    price: np.ndarray  # (N,)
    added: np.ndarray  # (N,) seconds
    appeal: np.ndarray  # (N,)
    likeness: np.ndarray  # (N, N)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the files differ")
    options = parser.parse_args()
    catalogue = Catalogue.load(ASSETS)
    events, embeddings = events_file(catalogue), embed(catalogue)
    if options.check:
        check(events, embeddings)
        return
    # Without a time in its header, the file is the same every time.
    (ASSETS / SHOPPERS_FILE).write_bytes(gzip.compress(events.encode(), 9, mtime=0))
    save_file(embeddings, ASSETS / EMBEDDINGS, {"network": network_name()})


def check(events: str, embeddings: dict[str, np.ndarray]) -> None:
    """Leave with a sentence if the files in assets/ are not what was made now."""
    if gzip.decompress((ASSETS / SHOPPERS_FILE).read_bytes()).decode() != events:
        sys.exit(f"assets/{SHOPPERS_FILE} is not what this script makes")
    shipped = load_file(ASSETS / EMBEDDINGS)
    # Processors round differently.
    if shipped.keys() != embeddings.keys() or any(shipped[name] @ found < 0.999 for name, found in embeddings.items()):
        sys.exit(f"assets/{EMBEDDINGS} is not what this script makes")


def events_file(catalogue: Catalogue) -> str:
    """Everybody's events in order of time, as a CSV file."""
    events = sorted(simulate(catalogue), key=lambda event: (event.at, event.shopper))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["shopper", "item", "kind", "at"])
    writer.writerows([event.shopper, event.item, event.kind.value, int(event.at)] for event in events)
    return text.getvalue()


def embed(catalogue: Catalogue) -> dict[str, np.ndarray]:
    """Each item's embedding (128,) by the shipped network."""
    torch.set_num_threads(1)
    garment_net, person_net = load_networks()
    found = {}
    for item in catalogue:
        pixels = images.to_tensor(images.decode(item.picture))
        found[item.id] = understand_garment(garment_net, pixels, item.category, person_net).embedding.numpy()
    return found


def simulate(catalogue: Catalogue) -> Iterator[Event]:
    """Every shopper's events, one shopper after another."""
    random = np.random.default_rng(SEED)
    shelf = shelve(list(catalogue), random)
    kinds = random.permutation(np.repeat(np.arange(3), [round(share * SHOPPERS) for share, *_ in KINDS]))
    for number, kind in enumerate(kinds, start=1):
        _, buys, fewest, most = KINDS[kind]
        visits = int(random.integers(fewest, most + 1))
        yield from live(f"simulated-{number:04}", shelf, buys, visits, random)


def shelve(items: list[Item], random: np.random.Generator) -> Shelf:
    necklines = sorted({item.neckline or "" for item in items})
    family = np.array([family_of(item.colours[0]) for item in items])
    pattern = np.array([[item.pattern in names for names in PATTERNS.values()].index(True) for item in items])
    neckline = np.array([necklines.index(item.neckline or "") for item in items])
    warmth = np.array([SLEEVES[item.sleeve or "short"] for item in items])
    likeness = sum((kind[:, None] == kind[None]).astype(float) for kind in (family, pattern, neckline))
    return Shelf(
        [item.id for item in items],
        family,
        pattern,
        neckline,
        warmth,
        np.array([item.price or 0.0 for item in items]),
        np.array([item.added for item in items]),
        random.normal(0, 0.5, len(items)),
        likeness - np.abs(warmth[:, None] - warmth[None]),
    )


def family_of(colour: str) -> int:
    """Number of the family that a colour's name belongs to; the last word of the name says most."""
    words = colour.split()[::-1]
    for word in words:
        for number, names in enumerate(FAMILIES.values()):
            if word in names.split():
                return number
    raise ValueError(f"no family for the colour {colour!r}")


def live(shopper: str, shelf: Shelf, buys: bool, visits: int, random: np.random.Generator) -> Iterator[Event]:
    """A shopper's year."""
    families = random.permutation(len(FAMILIES))
    taste = np.zeros(len(shelf.ids))
    taste += 1.6 * np.isin(shelf.family, families[:2]) - 1.2 * (shelf.family == families[2])
    taste += 1.2 * (shelf.pattern == random.integers(3)) + 0.8 * (shelf.neckline == random.choice(shelf.neckline))
    taste -= 0.15 * np.clip(shelf.price - random.normal(26, 4), 0, None)
    taste += shelf.appeal
    owned: list[int] = []
    for day in np.sort(random.uniform(START, END, visits)):
        at = day - day % DAY + random.uniform(8, 22.5) * 3600
        if at >= END:
            at -= DAY
        worth = taste + 0.8 * season(at) * (shelf.warmth - 0.5)
        if owned:
            last = owned[-1]
            worth = worth - 1.0 * ((shelf.family == shelf.family[last]) & (shelf.pattern == shelf.pattern[last]))
        offered = (shelf.added <= at) & (shelf.added < NEW)
        yield from visit(shopper, shelf, worth, offered, buys, owned, at, random)


def season(at: float) -> float:
    """1 in the middle of January, -1 in the middle of July."""
    day = datetime.fromtimestamp(at, timezone.utc).timetuple().tm_yday
    return float(np.cos(2 * np.pi * (day - 15) / 365))


def visit(
    shopper: str,
    shelf: Shelf,
    worth: np.ndarray,
    offered: np.ndarray,
    buys: bool,
    owned: list[int],
    at: float,
    random: np.random.Generator,
) -> Iterator[Event]:
    """A visit to the shop; what is bought is added to what is owned."""

    def event(item: int, kind: EventKind, pause: float) -> Event:
        nonlocal at
        at += pause * random.uniform(0.5, 1.5)
        return Event(shopper, shelf.ids[item], kind, float(int(at)))

    left = offered.copy()
    wanted: list[int] = []
    current: int | None = None
    for _ in range(int(random.integers(2, 8))):
        if not left.any():
            break
        if current is not None and random.random() < 0.5:
            pull = 1.5 * shelf.likeness[current]
        else:
            pull = worth + (shelf.appeal if current is None else 0)
        current = draw(pull, left, random)
        left[current] = False
        yield event(current, EventKind.VIEWED, 25)
        if current in owned or random.random() > chance(worth[current] - 1.2):
            continue
        yield event(current, EventKind.TRIED, 20)
        if random.random() < chance(worth[current] - 2.5):
            yield event(current, EventKind.LIKED, 10)
        elif random.random() < chance(-worth[current] - 0.5):
            yield event(current, EventKind.DISLIKED, 10)
            continue
        wanted.append(current)
    if buys and wanted:
        best = max(wanted, key=lambda item: worth[item])
        if random.random() < chance(worth[best] - 1.5):
            owned.append(best)
            yield event(best, EventKind.BOUGHT, 60)


def draw(pull: np.ndarray, left: np.ndarray, random: np.random.Generator) -> int:
    """One of the items left, by the softmax of what pulls."""
    weights = np.where(left, np.exp(pull - pull[left].max()), 0)
    return int(random.choice(len(weights), p=weights / weights.sum()))


def chance(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))


if __name__ == "__main__":
    main()
