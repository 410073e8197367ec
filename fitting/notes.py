"""Short fit notes: machine-written examples for an item without reviews, and a summary of real reviews.

An example is never a customer's words and knows nothing of the garment but its category; who shows one says so. A
summary invents nothing: it is sentences of the reviews themselves.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from fitting import weights
from fitting.garment import Category
from fitting.note_net import END, UNKNOWN, About, Notes
from fitting.products import garments_named

LENGTH = 120  # characters of an example
TRIES = 16  # examples written at once, of which the first that may be shown is
# What would claim a person behind the words, or facts that nobody measured.
PERSONAL = re.compile(
    r"\b(i|im|ive|id|i'm|i've|i'd|i'll|me|my|mine|myself|we|we're|we've|our|us|he|she|him|her|his|hers|husband|wife|"
    r"daughters?|sons?|friends?|mom|mum|mother|sisters?|boyfriend|girlfriend|kids?|baby|pregnan\w*|postpartum|nursing|"
    r"wedding|retailer|anthropologie|store|lbs?|pounds|inches|cups?|dd+|[a-z]*\d\w*|"
    r"jan|feb|mon|doctor|church|mrs?)\b|[\"$@#&/]"
)
SENTENCES, SENTENCE = 3, 160  # of a summary, and characters of each


@dataclass(frozen=True)
class Review:
    """What a customer of the shop wrote."""

    rating: int | None
    text: str


class NoteWriter:
    """Writes examples. The same item has the same example as long as the weights are the same."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes.eval()

    @classmethod
    def load(cls, folder: Path | None = None) -> NoteWriter:
        """With the shipped weights, or those in another folder.

        Raises:
            WeightsError: they are missing or damaged.
        """
        return cls(weights.load(Notes, "reviews", folder))

    def example(self, item_id: str, category: Category, rating: int = 4) -> str:
        """An example for an item; empty in the rare case that nothing written may be shown.

        Args:
            rating: the stars that somebody might give who wrote such a note.
        """
        seed = zlib.crc32(item_id.encode())
        place = 1 + list(Category).index(category)
        for note in self.write(place, rating, TRIES, seed):
            if showable(note) and suits(note, category):
                return note
        return ""

    def write(self, category: int, rating: int, count: int, seed: int, temperature: float | None = None) -> list[str]:
        """So many notes, unchecked.

        Args:
            category: from 1, in the order of `Category`; 0 for any.
            rating: stars from 1; 0 for any.
            temperature: by default the one that the weights were judged best at.
        """
        about = About(
            *(torch.full((count,), value) for value in (category, rating, (1 + (rating > 3)) * (rating > 0), 0))
        )
        config = self.notes.config
        random = torch.Generator().manual_seed(seed)
        written = self.notes.generator.write(about, random, temperature or config.temperature)
        return [
            sentence([config.words[place] for place in row if place not in (END, UNKNOWN)]) for row in written.tolist()
        ]


def sentence(words: Sequence[str]) -> str:
    """Words as a sentence: marks without a space before, a capital first letter, a full stop at the end."""
    text = re.sub(r" ([.,!])", r"\1", " ".join(words)).strip(" ,")
    text = re.sub(r"([.,!])[.,!]+", r"\1", text)
    if text and text[-1] not in ".!":
        text += "."
    return text[:1].upper() + text[1:]


def showable(note: str) -> bool:
    """Whether a note may be shown: neither short nor long, no personal claim, no word three times."""
    words = re.findall(r"[a-z']+", note.lower())
    if len(words) < 4 or len(note) > LENGTH or PERSONAL.search(note.lower()):
        return False
    return max(Counter(word for word in words if len(word) > 3).values(), default=0) < 3


def suits(note: str, category: Category) -> bool:
    """Whether a note names no garment of another category, and no word of weight twice."""
    words = re.findall(r"[a-z']+", note.lower())
    repeated = Counter(word for word in words if len(word) > 3 and word not in _COMMON)
    return garments_named(note) <= {category} and max(repeated.values(), default=0) < 2


def summary(reviews: Sequence[Review]) -> list[str]:
    """The sentences of reviews that say most of what all of them say, the most telling first, word for word.

    Each sentence counts by the words that other reviews use too, once for each review (Luhn 1958); what a chosen
    sentence has said counts no more (Carbonell and Goldstein 1998).
    """
    found = [
        (number, said)
        for number, review in enumerate(reviews)
        for said in re.split(r"(?<=[.!?])\s+|\n+", review.text.strip())
        if 15 <= len(said) <= SENTENCE
    ]
    used = Counter(word for review in reviews for word in set(_telling(review.text)))
    chosen: list[str] = []
    said_already: set[str] = set()
    for _ in range(min(SENTENCES, len(found))):
        worth = {}
        for place, (_, said) in enumerate(found):
            words = set(_telling(said)) - said_already
            worth[place] = sum(used[word] - 1 + 0.1 for word in words) / (4 + len(_telling(said)))
        best = max(worth, key=lambda place: worth[place])
        if worth[best] <= 0:
            break
        number, said = found[best]
        chosen.append(said)
        said_already |= set(_telling(said))
        found = [entry for entry in found if entry[0] != number]  # one sentence of each customer
        if not found:
            break
    return chosen


def _telling(text: str) -> list[str]:
    return [word for word in re.findall(r"[^\W\d_]{3,}", text.lower()) if word not in _COMMON]


_FREQUENT = (
    "the and for with this that was are but not you have had has very too just all from its it's they them there "
    "than then when what which who will would could should been being were can get got one two also only more most "
    "some any out over into about because after before did does don't didn't isn't wasn't really so"
)
_COMMON = frozenset(_FREQUENT.split())
