"""What a shop says of a garment, as numbers: category, colours, pattern, sleeve, neckline, and words.

Shops write these as they please, so that everything is found by words, in the fields first and then in the title.
Colours are where they lie in CIELAB: a name that no garment had before still has neighbours.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitting.garment import CATEGORIES, Category
from fitting.item import Item

Array = NDArray[np.float32]

_COLOURS = (
    "white:fafafa ivory:f4f0e0 cream:f2ead2 pearl:ecebe6 snow:f6f6f8 ecru:e6dcc4 beige:d9c8a9 sand:d3bf98 "
    "stone:bdb3a1 taupe:8f8172 tan:c49a6c camel:bd9257 khaki:a39a6c brown:6b4a32 chocolate:4a2e20 "
    "cognac:9a5a32 caramel:b5763c rust:a4492a terracotta:bd6347 brick:9c3b30 copper:b06a43 bronze:8c6b3f "
    "gold:cfa63a mustard:c9a227 ochre:c28a2b yellow:f2cf3a lemon:f4e66a amber:e8a33a orange:e8792b "
    "apricot:f2b184 peach:f4bd9d coral:ef7563 salmon:ee8f7d red:c22a2c scarlet:cc2a20 crimson:a81e36 "
    "cherry:99142d burgundy:641c2d wine:5e1f31 maroon:5c1c22 bordeaux:571b2b raspberry:b0275a pink:eb9bb4 "
    "rose:d6899b blush:ecc8c3 fuchsia:cf2f86 magenta:bc2a7e orchid:bb74bd mauve:aa8399 lilac:bfa5d2 "
    "lavender:bcb1dd periwinkle:8f9bdc violet:7450a6 purple:673b8c plum:5b2c50 aubergine:3f2238 grape:5b3470 "
    "indigo:35357f navy:1e2747 midnight:171d38 blue:2f5fae royal:2b45a5 cobalt:2646a3 sapphire:1f4a93 "
    "denim:4b658d sky:93c2e6 azure:4b9ce0 powder:b6cfe4 steel:6e8ba5 petrol:1d5260 teal:1f7a7a "
    "turquoise:38b9b4 aqua:73cfd0 cyan:35b7cf seafoam:96d4bd mint:aee0c4 jade:3f9d78 emerald:1d8a5c "
    "green:3a8a4a forest:234d31 bottle:1c4030 moss:6c7440 olive:6a6a3a sage:9dab8c lime:a9cd4c khaki:8d865c "
    "grey:888a8c gray:888a8c silver:bcc0c3 ash:a5a7a6 slate:5c6773 charcoal:40444a graphite:46484b "
    "anthracite:34373a black:191919 nude:dcb99c multicolour:8a8080"
)
COLOURS = {name: tuple(bytes.fromhex(code)) for name, _, code in (e.partition(":") for e in _COLOURS.split())}
SHADES = {"light": 14.0, "pale": 16.0, "pastel": 16.0, "dark": -16.0, "deep": -12.0, "bright": 4.0, "mid": 0.0}
PATTERNS = {
    "plain": "plain solid unicolour uni",
    "heather": "heather melange marl",
    "horizontal": "horizontal breton striped stripe stripes hoops",
    "vertical": "vertical pinstripe pinstripes",
    "check": "check checks checked plaid tartan gingham",
    "dots": "dot dots dotted polka spots spotted",
    "floral": "floral flower flowers botanical",
    "camo": "camo camouflage",
    "block": "block colourblock panel ringer",
    "print": "print printed graphic logo badge",
    "animal": "animal leopard zebra snake",
    "lace": "lace crochet embroidered broderie",
}
NECKLINES = {
    "crew": "crew round roundneck",
    "v": "v v-neck vneck",
    "turtle": "turtle turtleneck roll polo-neck rollneck mock",
    "scoop": "scoop",
    "square": "square",
    "boat": "boat bateau",
    "collar": "collar collared shirt polo button-down",
    "hood": "hood hooded hoodie",
}
SLEEVES = {  # how much of the arm is covered
    "sleeveless": 0.0, "tank": 0.0, "strapless": 0.0, "vest": 0.0, "gilet": 0.0, "camisole": 0.0, "cap": 0.2,
    "short": 0.35, "short-sleeve": 0.35, "short-sleeved": 0.35, "tee": 0.35, "t-shirt": 0.35, "elbow": 0.55,
    "half": 0.5, "three-quarter": 0.75, "3/4": 0.75, "long": 1.0, "long-sleeve": 1.0, "long-sleeved": 1.0,
    "cuffs": 1.0, "sweater": 1.0, "jumper": 1.0, "hoodie": 1.0,
}  # fmt: skip
TYPES = {
    "tee": "tee tees t-shirt t-shirts tshirt",
    "tank": "tank vest undershirt camisole singlet",
    "longsleeve": "longsleeve",
    "top": "top tops",
    "shirt": "shirt shirts",
    "blouse": "blouse blouses",
    "polo": "polo polos",
    "tunic": "tunic tunics",
    "sweater": "sweater sweaters jumper jumpers pullover cardigan knit turtleneck",
    "hoodie": "hoodie hoodies sweatshirt sweatshirts",
    "jeans": "jeans denim",
    "trousers": "trousers pants chinos chino slacks",
    "joggers": "joggers leggings tracksuit",
    "shorts": "shorts",
    "skirt": "skirt skirts",
    "dress": "dress dresses gown",
    "jumpsuit": "jumpsuit playsuit",
    "blazer": "blazer blazers",
    "jacket": "jacket jackets bomber outwear anorak",
    "coat": "coat coats parka trench",
    "gilet": "gilet waistcoat bodywarmer",
}
CUTS = {
    "mini": "mini",
    "midi": "midi knee",
    "maxi": "maxi full-length",
    "slim": "slim skinny fitted bodycon",
    "wide": "wide loose relaxed oversized boxy flared",
    "straight": "straight",
    "cropped": "cropped crop",
}
CLOTHS = {
    "denim": "denim jeans",
    "cord": "cord corduroy",
    "linen": "linen",
    "wool": "wool tweed knit cashmere",
    "leather": "leather suede",
    "satin": "satin silk",
    "quilted": "quilted padded puffer down",
    "chino": "chino chinos twill",
    "jersey": "jersey",
    "fleece": "fleece",
}
FAMILIES = ("white", "grey", "black", "blue", "teal", "green", "red", "orange", "yellow", "pink", "purple", "brown")
HASHED = 96  # places of the words that no list knows
LONGEST = 60  # words of a description that count
_LISTS = (PATTERNS, NECKLINES, TYPES, CUTS, CLOTHS)
WIDTH = len(CATEGORIES) + 10 + len(FAMILIES) + sum(map(len, _LISTS)) + 2 + HASHED
_WORD = re.compile(r"[a-z0-9/]+(?:-[a-z]+)?")


@dataclass(frozen=True)
class Description:
    """What is said of a garment; every field but the category may be empty."""

    category: Category
    title: str = ""
    colours: tuple[str, ...] = ()
    pattern: str = ""
    sleeve: str = ""
    neckline: str = ""
    text: str = ""

    @classmethod
    def of(cls, item: Item) -> Description:
        """What a catalogue says of an item."""
        details = (item.pattern or "", item.sleeve or "", item.neckline or "", item.description or "")
        return cls(item.category, item.title, item.colours, *details)


def numbers(said: Description) -> Array:
    """(WIDTH,) what is said, as numbers of about unit size; what is not said is 0."""
    title, text = words(said.title), words(said.text)[:LONGEST]
    fields = [words(field) for field in (said.pattern, said.neckline)]
    known = [float(said.category is category) for category in CATEGORIES]
    found = _colours(said.colours, title)
    lists = [_named(named, [*field, *title]) for named, field in zip(_LISTS[:2], fields, strict=True)]
    lists += [_named(named, [*title, *text]) for named in _LISTS[2:]]
    sleeve = _sleeve([*words(said.sleeve), *title], said.category)
    loose = [word for word in [*title, *text] if len(word) > 1 and word not in _KNOWN]
    return np.array(
        [*known, *found, *(flag for flags in lists for flag in flags), *sleeve, *_hashed(loose)], np.float32
    )


def words(text: str) -> list[str]:
    """Small letters; of `V-neck` both `v-neck` and its halves."""
    found: list[str] = []
    for word in _WORD.findall(text.lower()):
        found += [word, *word.split("-")] if "-" in word else [word]
    return found


def lab_of(rgb: Iterable[float]) -> Array:
    """CIELAB of sRGB (..., 3) of 255, in the light of D65."""
    unit = np.asarray(list(rgb) if not isinstance(rgb, np.ndarray) else rgb, np.float64) / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    mixed = linear @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
    share = mixed / np.array([0.9505, 1.0, 1.089])
    root = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116)
    light, red, yellow = 116 * root[..., 1] - 16, root[..., 0] - root[..., 1], root[..., 1] - root[..., 2]
    return np.stack([light, 500 * red, 200 * yellow], -1).astype(np.float32)


def colour_named(rgb: Iterable[float]) -> str:
    """The name of a colour, sRGB of 255: the nearest in CIELAB."""
    names = [name for name in COLOURS if name not in ("multicolour", "gray", "nude")]
    apart = np.linalg.norm(lab_of(np.array([COLOURS[name] for name in names])) - lab_of(rgb), axis=1)
    return names[int(apart.argmin())]


def colour_meant(name: str) -> Array | None:
    """(3,) CIELAB of a shop's name for a colour, such as "pale lilac"; None where no word of it is a colour."""
    said = words(name)
    meant = [lab_of(COLOURS[word]) for word in said if word in COLOURS]
    if not meant:
        return None
    found = np.mean(meant, 0)
    found[0] += sum(SHADES.get(word, 0.0) for word in said)
    return found


def _colours(named: tuple[str, ...], title: list[str]) -> list[float]:
    """The first two colours, and how much of each family there is."""
    meant = [found for found in map(colour_meant, named) if found is not None]
    if not meant:
        meant = [found for found in map(colour_meant, title) if found is not None]
    unique = [found for place, found in enumerate(meant) if not any(np.array_equal(found, m) for m in meant[:place])][
        :2
    ]
    placed: list[float] = []
    for place in range(2):
        there = place < len(unique)
        placed += [float(there), *(unique[place] / 50 - np.array([1.2, 0, 0]) if there else np.zeros(3))]
    several = [float(len(unique) > 1), float(len(meant) > 2)]
    shares = np.zeros(len(FAMILIES))
    for found in unique:
        apart = np.linalg.norm(_CENTRES - found, axis=1)
        near = np.exp(-((apart / 25) ** 2))
        shares += near / max(near.sum(), 1e-6) / len(unique)
    return [*placed, *several, *shares]


def _named(named: dict[str, str], said: list[str]) -> list[float]:
    return [float(any(word in said for word in others.split())) for others in named.values()]


def _sleeve(said: list[str], category: Category) -> list[float]:
    if category is Category.LOWER:
        return [0.0, 0.0]
    told = next((SLEEVES[word] for word in said if word in SLEEVES), None)
    return [0.0, 0.0] if told is None else [1.0, 2 * told - 1]


def _hashed(loose: list[str]) -> Array:
    """Words by the hash of their letters (Weinberger et al. 2009, arXiv:0902.2206), unit length."""
    found = np.zeros(HASHED, np.float32)
    for word in loose:
        code = zlib.crc32(word.encode())
        found[code % HASHED] += 1.0 if code & 0x10000 else -1.0
    return found / max(float(np.linalg.norm(found)), 1.0)


_CENTRES = np.stack([lab_of(COLOURS[name]) for name in FAMILIES])
_KNOWN = {word for named in _LISTS for others in named.values() for word in others.split()}
_KNOWN |= {*COLOURS, *SHADES, *SLEEVES, "neck", "with", "and", "the", "of", "a", "in", "for", "sleeve", "colour"}
