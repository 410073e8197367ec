"""Reviews as short fit notes: sentences about how a garment fits and feels that say nothing of who wrote them.

Sentences in the first person, with numbers (heights, weights, sizes), with relatives or names are left out, so that
what is learned from them makes no personal claims. What remains is small letters of a short vocabulary.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fitting.errors import ShopError
from fitting.note_net import AGES, END, LONGEST, UNKNOWN, About
from fitting.notes import PERSONAL

FILE = Path("reviews") / "womens-clothing.parquet"
DEPARTMENTS = {"Tops": 1, "Bottoms": 2, "Dresses": 3, "Jackets": 4}  # places in `Category`, from 1; others are any
LEAST, SHORTEST = 5, 4  # how often a word is used, and words of a note
SPLITS = {"train": (0, 7), "test": (7, 8), "judge": (8, 10)}  # tenths of the reviews, at random
TOPIC = re.compile(
    r"\b(fit(s|ted|ting)?|siz(e|ed|es|ing)|small|large|big|true|petite|tall|long|short|length|waist|hips?|bust|chest|"
    r"shoulders?|sleeves?|arms?|tight|loose|roomy|boxy|snug|runs?|flattering|comfortable|comfy|fabric|material|soft|"
    r"thin|thick|sheer|stretchy?|quality|colou?rs?|drapes?|flows?|cut)\b"
)
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[.,!]")


@dataclass(frozen=True)
class Note:
    """One sentence, and the review it is from.

    Attributes:
        words: small letters; commas, full stops and exclamation marks are words.
        category: from 1, 0 for others.
        rating: 1 to 5.
        recommended: 1 no, 2 yes.
        age: band from 1.
    """

    words: tuple[str, ...]
    category: int
    rating: int
    recommended: int
    age: int


def read_notes(data: Path, split: str, personal: bool = False) -> list[Note]:
    """The notes of a split (`SPLITS`), in the file's order.

    Args:
        personal: every sentence, whatever it is about: for judging ratings, not for learning to write.

    Raises:
        ShopError: there are no reviews, or the packages that read them are not installed.
    """
    low, high = SPLITS[split]
    rows = list(_reviews(data / FILE))
    tenth = np.random.default_rng(0).integers(0, 10, len(rows))
    notes: list[Note] = []
    for row, place in zip(rows, tenth, strict=True):
        if low <= place < high:
            notes += [Note(words, *row[1:]) for words in sentences(row[0], personal)]
    return notes


def sentences(text: str, personal: bool = False) -> Iterator[tuple[str, ...]]:
    """Sentences of a review that can be notes, as words."""
    for sentence in re.split(r"(?<=[.!?])\s+|\n+|\.\.+", text.lower().replace("\r", "\n")):
        words = tuple(_WORD.findall(sentence))
        if SHORTEST <= len(words) <= LONGEST and (
            personal or (TOPIC.search(sentence) and not PERSONAL.search(sentence))
        ):
            yield words


def band(age: int) -> int:
    """The band of an age, from 1."""
    return 1 + sum(age >= start for start in AGES)


def vocabulary(notes: list[Note]) -> tuple[str, ...]:
    """The words that are used often enough, the most frequent first, after the end and the unknown word."""
    count = Counter(word for note in notes for word in note.words)
    return ("", "?", *(word for word, times in count.most_common() if times >= LEAST))


def tensors(notes: list[Note], words: tuple[str, ...]) -> tuple[Tensor, About]:
    """(N, LONGEST) words by their places, and what the notes are about."""
    places = {word: place for place, word in enumerate(words)}
    written = np.full((len(notes), LONGEST), END, np.int64)
    for row, note in enumerate(notes):
        written[row, : len(note.words)] = [places.get(word, UNKNOWN) for word in note.words]
    about = torch.tensor([(note.category, note.rating, note.recommended, note.age) for note in notes])
    return torch.from_numpy(written), About(*about.T)


def _reviews(path: Path) -> Iterator[tuple[str, int, int, int, int]]:
    """Text, category, rating, recommended, age band of every review with a text."""
    if not path.is_file():
        raise ShopError(f"{path} is missing: it holds the reviews to learn from.")
    try:
        import pandas
    except ImportError:
        raise ShopError("reading the reviews needs pandas: pip install 'fitting-room[train]'") from None
    table = pandas.read_parquet(path)
    columns = ("Review Text", "Department Name", "Rating", "Recommended IND", "Age")
    for text, department, rating, recommended, age in zip(*(table[name] for name in columns), strict=True):
        if isinstance(text, str):
            yield text, DEPARTMENTS.get(department, 0), int(rating), 1 + int(recommended), band(int(age))
