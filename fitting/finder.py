"""`Finder`: what of a catalogue a shopper means by a few words, however they are spelt.

Words are looked up in an inverted index. A word that is not in it is taken for those within a small edit distance
(optimal string alignment: letters left out, added, changed or swapped), or for those that it begins.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from fitting.catalogue import Catalogue
from fitting.garment import Category
from fitting.item import Item

MAX_TEXT = 200  # letters of a search that are read
MAX_WORDS = 12
CLOSE = 0.72  # similarity from which a word counts as misspelt: one letter in four, two in eight
NEAR_BEST = 0.4  # of the best item's score, below which an item only happens to share a word

# How much a word says about an item by where it stands.
_TITLE, _COLOUR, _KIND, _DETAIL, _PROSE = 3.0, 2.5, 1.0, 1.5, 0.7

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_]+")  # Chinese and Japanese have no spaces: letter by letter
_MARKS = {"a", "an", "and", "the", "in", "of", "with", "for", "or", "to", "de", "con", "para", "el", "la", "y", "o"}

_KINDS = {  # names of categories: in English, Spanish and Chinese
    Category.UPPER: "top tops upper parte de arriba camiseta 上衣",
    Category.LOWER: "bottoms lower trousers pants skirt pantalón falda 裤 裙",
    Category.DRESS: "dress dresses gown vestido 连衣裙",
    Category.OUTER: "outer outerwear jacket coat chaqueta abrigo 外套",
}

COLOURS = {  # family -> names of colours in it
    "black": "black ebony jet onyx ink",
    "grey": "grey gray charcoal silver slate graphite anthracite ash stone smoke",
    "white": "white ivory cream ecru off-white snow pearl",
    "beige": "beige sand camel tan khaki nude taupe oatmeal",
    "brown": "brown chocolate cognac rust tobacco mocha chestnut bronze copper",
    "red": "red burgundy wine maroon crimson scarlet cherry brick bordeaux",
    "pink": "pink rose fuchsia magenta blush coral salmon raspberry",
    "orange": "orange apricot peach terracotta amber",
    "yellow": "yellow mustard gold lemon ochre saffron",
    "green": "green olive lime mint emerald sage forest teal khaki moss jade",
    "blue": "blue navy denim indigo turquoise aqua cyan azure cobalt royal sky",
    "purple": "purple violet lilac lavender plum mauve aubergine",
}
_FAMILY = {name: family for family, names in reversed(COLOURS.items()) for name in names.split()}


@dataclass(frozen=True)
class Wanted:
    """What is looked for. Whatever is left empty narrows nothing.

    Attributes:
        text: in a shopper's own words.
        category: where it is worn.
        colour: a family, one of `COLOURS`.
        least, most: prices, both included; items without a price are left out by either.
    """

    text: str = ""
    category: Category | None = None
    colour: str | None = None
    least: float | None = None
    most: float | None = None


class Finder:
    """An index of one state of a catalogue. Reading it is safe from several threads."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.items = [item for item in catalogue if item.in_stock]
        self._families = [families(item) for item in self.items]
        said: dict[str, dict[int, float]] = {}
        for place, item in enumerate(self.items):
            for word, weight in _words_of(item):
                weights = said.setdefault(word, {})
                weights[place] = max(weight, weights.get(place, 0.0))
        self._vocabulary = list(said)
        self._places = [np.fromiter(weights, np.int64) for weights in said.values()]
        self._weights = [np.fromiter(weights.values(), np.float32) for weights in said.values()]
        self._number = {word: number for number, word in enumerate(self._vocabulary)}

    def find(self, wanted: Wanted) -> list[Item]:
        """Items that fit, best first; in the shop's order where nothing is said in words."""
        fits = np.array([self._fits(place, wanted) for place in range(len(self.items))], bool)
        asked = [word for word in words_in(wanted.text[:MAX_TEXT]) if word not in _MARKS][:MAX_WORDS]
        if not asked:
            return [self.items[place] for place in np.flatnonzero(fits)]
        scores = np.where(fits, self._scores(asked), 0.0)
        best = scores.max(initial=0.0)
        order = np.argsort(-scores, kind="stable")
        return [self.items[place] for place in order if scores[place] > NEAR_BEST * best]

    def colours(self) -> list[str]:
        """Families of colours that the catalogue has."""
        there = set().union(*self._families)
        return [family for family in COLOURS if family in there]

    def prices(self) -> tuple[float, float] | None:
        """The lowest and the highest price; None where nothing has one, or all have the same."""
        known = [item.price for item in self.items if item.price is not None]
        return (min(known), max(known)) if known and min(known) < max(known) else None

    def _fits(self, place: int, wanted: Wanted) -> bool:
        item = self.items[place]
        if wanted.category is not None and item.category is not wanted.category:
            return False
        if wanted.colour is not None and wanted.colour not in self._families[place]:
            return False
        if wanted.least is None and wanted.most is None:
            return True
        least, most = wanted.least or 0.0, math.inf if wanted.most is None else wanted.most
        return item.price is not None and least <= item.price <= most

    def _scores(self, asked: list[str]) -> np.ndarray:
        """(N,) how well each item answers; 0 where it answers fewer than half of the words."""
        scores, answered = np.zeros(len(self.items), np.float32), np.zeros(len(self.items), np.int64)
        for word in asked:
            of_word = np.zeros(len(self.items), np.float32)
            for number, alike in self._meant(word):
                places = self._places[number]
                of_word[places] = np.maximum(of_word[places], alike * self._weights[number])
            scores += of_word
            answered += of_word > 0
        scores *= (answered / len(asked)) ** 2
        return np.where(2 * answered >= len(asked), scores, 0.0)

    def _meant(self, word: str) -> Iterator[tuple[int, float]]:
        """Words of the index that a word stands for, each with how surely, in (0, 1]."""
        if word in self._number:
            yield self._number[word], 1.0
            if len(word) < 3:
                return
        for number, known in enumerate(self._vocabulary):
            if len(word) > 1 and known != word and known.startswith(word):
                yield number, 0.8
        if word in self._number or len(word) < 4 or not self._vocabulary:
            return
        found = process.extract(
            word, self._vocabulary, scorer=OSA.normalized_similarity, score_cutoff=CLOSE, limit=20, processor=None
        )
        for _, alike, number in found:
            yield number, 0.8 * alike


def words_in(text: str) -> list[str]:
    """The words of a text as the index spells them: lower case, without accents and English plurals."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [_singular(word) for word in _WORD.findall(plain)]


def families(item: Item) -> set[str]:
    """Families of the colours that an item is said to have; by its title where the shop names none."""
    named = item.colours or (item.title,)
    return {_FAMILY[word] for name in named for word in words_in(name) if word in _FAMILY}


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _words_of(item: Item) -> Iterator[tuple[str, float]]:
    """Every word of an item, with how much it says."""
    parts: Iterable[tuple[str | None, float]] = (
        (item.title, _TITLE),
        (" ".join(item.colours), _COLOUR),
        (" ".join(families(item)), _COLOUR),
        (_KINDS[item.category], _KIND),
        (item.pattern, _DETAIL),
        (item.sleeve, _DETAIL),
        (item.neckline, _DETAIL),
        (item.description, _PROSE),
    )
    for text, weight in parts:
        for word in words_in(text or ""):
            if word not in _MARKS:
                yield word, weight
