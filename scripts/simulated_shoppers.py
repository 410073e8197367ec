"""The model of taste behind the sample shop's simulated shoppers.

Nobody did what these events tell. 2,000 shoppers, `simulated-0001` to `simulated-2000`, with a fixed seed:

* A shopper likes two families of colours and dislikes another one, likes one kind of pattern (plain, striped or
  busy) and one neckline, and has a budget for each category. Every item has an appeal that all shoppers share.
* Some categories matter more to a shopper than others; every second one wears neither skirts nor dresses.
* Looks matter: an item is worth more if its colour goes with what the shopper bought in other categories (neutrals
  and blue with everything, some pairs of colours with each other), less if two busy patterns would meet.
* What an item is worth to a shopper is the sum of these, with a penalty for what it costs above the budget, a wish
  for warm things in winter and cool ones in summer, and a dislike of buying the same colour and pattern of a category
  twice in a row.
* 35 % browse and never buy, 45 % come now and then, 20 % are regulars, with 1 to 3, 2 to 6 and 6 to 14 visits in
  the year up to 30 September 2026.
* A visit begins with an item drawn by appeal and worth. The next is, nine times in twenty, like the one before; one
  time in four, of another category and goes with the last one wanted; else drawn by worth. What is worth more is
  tried on, liked and bought more often; what is worth little and was tried on is now and then disliked. A visit ends
  with one purchase at most, sometimes with a second one of another category that goes with it. None is bought twice.
* Nobody sees an item before the shop has it. What arrived in the last week has no events.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np

from fitting.catalogue import Catalogue, Item
from fitting.events import Event, EventKind
from fitting.garment import Category

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
    "blue": "blue navy denim periwinkle sky indigo",
    "aqua": "teal turquoise aqua seafoam",
    "green": "green olive emerald moss mint jade sage lime",
    "red": "red burgundy rust brick terracotta",
    "pink": "pink rose coral salmon",
    "purple": "violet purple lilac lavender mauve orchid plum",
    "earth": "sand beige taupe brown yellow orange stone camel mustard",
}
NEUTRAL = ("white", "grey", "black", "earth", "blue")  # denim has made blue one
PAIRS = (
    ("blue", "earth"), ("blue", "white"), ("blue", "red"), ("blue", "pink"), ("green", "earth"), ("aqua", "earth"),
    ("aqua", "pink"), ("purple", "grey"), ("purple", "aqua"), ("pink", "grey"), ("red", "grey"), ("red", "black"),
    ("black", "white"), ("green", "purple"),
)  # fmt: skip
PATTERNS = {
    "plain": ("plain", "heather"),
    "striped": ("horizontal stripes", "vertical stripes", "colour block"),
    "busy": ("dots", "check", "floral", "camo"),
}
SLEEVES = {"sleeveless": 0.0, "cap": 0.2, "short": 0.35, "elbow": 0.6, "long": 1.0}  # how warm
WORDS = {  # the same for what has no sleeves, or whose cloth says more
    "shorts": 0.0, "linen": 0.2, "mini": 0.4, "tweed": 0.9, "joggers": 0.8, "coat": 1.2, "gilet": 0.9, "skirt": 0.5,
    "jeans": 0.7, "trousers": 0.7, "chinos": 0.6,
}  # fmt: skip
# Pairs of categories that are worn together.
TOGETHER = ({Category.UPPER, Category.LOWER}, {Category.UPPER, Category.OUTER}, {Category.LOWER, Category.OUTER},
            {Category.DRESS, Category.OUTER})  # fmt: skip
# Share of shoppers, whether they ever buy, fewest and most visits.
KINDS = ((0.35, False, 1, 3), (0.45, True, 2, 6), (0.20, True, 6, 14))


@dataclass(frozen=True)
class Shelf:
    """What the model knows of N items."""

    ids: list[str]
    category: np.ndarray  # (N,) number of the category
    family: np.ndarray  # (N,) number of the colour's family
    pattern: np.ndarray  # (N,) number of the pattern's kind
    neckline: np.ndarray  # (N,) 0 for none
    feminine: np.ndarray  # (N,) bool: a skirt or a dress
    warmth: np.ndarray  # (N,) about [0, 1]
    price: np.ndarray  # (N,) of the middle price of its category
    added: np.ndarray  # (N,) seconds
    appeal: np.ndarray  # (N,)
    likeness: np.ndarray  # (N, N)
    goes: np.ndarray  # (N, N) how well two items of different categories go together, in [-1, 1]; 0 if not worn so


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
    necklines = ["", *sorted({item.neckline for item in items if item.neckline})]
    categories = list(Category)
    category = np.array([categories.index(item.category) for item in items])
    family = np.array([family_of(item.colours[0]) for item in items])
    pattern = np.array([[item.pattern in names for names in PATTERNS.values()].index(True) for item in items])
    neckline = np.array([necklines.index(item.neckline or "") for item in items])
    warmth = np.array([warmth_of(item) for item in items])
    price = np.array([item.price or 0.0 for item in items])
    middle = np.array([np.median(price[category == number]) for number in category])
    likeness = sum((kind[:, None] == kind[None]).astype(float) for kind in (family, pattern, neckline))
    likeness += 1.5 * (category[:, None] == category[None]) - np.abs(warmth[:, None] - warmth[None])
    return Shelf(
        [item.id for item in items],
        category,
        family,
        pattern,
        neckline,
        np.array(["skirt" in item.title or item.category is Category.DRESS for item in items]),
        warmth,
        price / middle,
        np.array([item.added for item in items]),
        random.normal(0, 0.5, len(items)),
        likeness,
        going_together(items, family, pattern),
    )


def going_together(items: list[Item], family: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """(N, N) `Shelf.goes`."""
    names = list(FAMILIES)
    colours = np.full((len(names), len(names)), -0.6)
    for number, name in enumerate(names):
        if name in NEUTRAL:
            colours[number] = colours[:, number] = 0.4
    for number in range(len(names)):
        colours[number, number] = -0.1  # from head to foot in one colour: now and then
    for one, other in PAIRS:
        pair = names.index(one), names.index(other)
        colours[pair] = colours[pair[::-1]] = 1.0
    busy = pattern > 0
    goes = colours[family[:, None], family[None]] - 0.7 * (busy[:, None] & busy[None])
    worn = [[{one.category, other.category} in TOGETHER for other in items] for one in items]
    return np.clip(goes, -1, 1) * np.array(worn)


def family_of(colour: str) -> int:
    """Number of the family that a colour's name belongs to; the last word of the name says most."""
    words = colour.split()[::-1]
    for word in words:
        for number, names in enumerate(FAMILIES.values()):
            if word in names.split():
                return number
    raise ValueError(f"no family for the colour {colour!r}")


def warmth_of(item: Item) -> float:
    """How warm an item is, about 0 to 1."""
    if item.category is not Category.UPPER:
        for word, warmth in WORDS.items():
            if word in item.title:
                return warmth
    return SLEEVES[item.sleeve or "short"]


def live(shopper: str, shelf: Shelf, buys: bool, visits: int, random: np.random.Generator) -> Iterator[Event]:
    """A shopper's year."""
    taste = taste_of(shelf, random)
    owned: list[int] = []
    for day in np.sort(random.uniform(START, END, visits)):
        at = day - day % DAY + random.uniform(8, 22.5) * 3600
        if at >= END:
            at -= DAY
        worth = taste + 0.8 * season(at) * (shelf.warmth - 0.5)
        if owned:
            last = owned[-1]
            same = (shelf.category == shelf.category[last]) & (shelf.family == shelf.family[last])
            worth = worth - 1.0 * (same & (shelf.pattern == shelf.pattern[last]))
            # What was bought last counts most, and a thing that one has nothing to wear with counts against itself.
            worth = worth + 1.5 * shelf.goes[owned[-4:]].mean(0)
        offered = (shelf.added <= at) & (shelf.added < NEW)
        yield from visit(shopper, shelf, worth, offered, buys, owned, at, random)


def taste_of(shelf: Shelf, random: np.random.Generator) -> np.ndarray:
    """(N,) what items are worth to a shopper who owns nothing, in no season."""
    families = random.permutation(len(FAMILIES))
    taste = 1.6 * np.isin(shelf.family, families[:2]) - 1.2 * (shelf.family == families[2])
    neckline = random.choice(shelf.neckline[shelf.neckline > 0])
    taste += 1.2 * (shelf.pattern == random.integers(3)) + 0.8 * (shelf.neckline == neckline)
    taste += random.normal(0, 0.5, len(Category))[shelf.category]
    taste += (0.8 if random.random() < 0.5 else -3.0) * shelf.feminine
    taste -= 3.75 * np.clip(shelf.price - random.normal(1.04, 0.16), 0, None)
    return taste + shelf.appeal


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
        current = draw(pull(shelf, worth, current, wanted, random), left, random)
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
    if buys:
        for item in bought(shelf, worth, wanted, random):
            owned.append(item)
            yield event(item, EventKind.BOUGHT, 60)


def pull(
    shelf: Shelf, worth: np.ndarray, current: int | None, wanted: list[int], random: np.random.Generator
) -> np.ndarray:
    """(N,) how strongly each item draws the eye next."""
    if current is None:
        return worth + shelf.appeal
    turn = random.random()
    if turn < 0.45:
        return 1.5 * shelf.likeness[current]
    if turn < 0.7 and wanted:
        goes = shelf.goes[wanted[-1]]
        return 0.6 * worth + 3.0 * goes - 4.0 * (goes == 0)
    return worth


def bought(shelf: Shelf, worth: np.ndarray, wanted: list[int], random: np.random.Generator) -> list[int]:
    """What a visit ends with: nothing, one item, or two that go together."""
    if not wanted:
        return []
    best = max(wanted, key=lambda item: worth[item])
    if random.random() >= chance(worth[best] - 1.5):
        return []
    others = [item for item in wanted if shelf.goes[best, item] > 0.3]
    if others and random.random() < 0.5:
        return [best, max(others, key=lambda item: worth[item])]
    return [best]


def draw(pull: np.ndarray, left: np.ndarray, random: np.random.Generator) -> int:
    """One of the items left, by the softmax of what pulls."""
    weights = np.where(left, np.exp(pull - pull[left].max()), 0)
    return int(random.choice(len(weights), p=weights / weights.sum()))


def chance(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))
