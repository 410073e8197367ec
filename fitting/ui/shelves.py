"""How the shop is laid out: sample people, and garments sorted onto shelves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fitting.catalogue import Catalogue, Item
from fitting.garment import Category, Garment
from fitting.notes import Review
from fitting.ui import words
from fitting.ui.languages import told


class ShopFront(Protocol):
    """What the page needs of a `fitting.shop.Shop`."""

    def catalogue(self) -> Catalogue:
        """What is on offer now."""
        ...

    def garment(self, item_id: str) -> Garment:
        """An item's garment, ready to be worn. Raises KeyError."""
        ...

    def reviews(self, item_id: str) -> list[Review]:
        """What customers wrote of an item."""
        ...


EVERYTHING = "everything"  # the key of the shelf that has it all
UNSELECTED = -1  # told None, Gradio's gallery keeps its selection


@dataclass(frozen=True)
class SamplePerson:
    """Somebody to try garments on before giving a photo of one's own. The title is also the picture's alt text."""

    title: str
    picture: Path


def load_people(folder: Path) -> list[SamplePerson]:
    """The sample people of an assets folder, from its people.json."""
    rows = json.loads((folder / "people.json").read_text(encoding="utf-8"))["people"]
    return [SamplePerson(row["title"], folder / row["picture"]) for row in rows]


def shelves(catalogue: Catalogue) -> dict[str, list[Item]]:
    """Key -> items in stock, everything first; then by category, or by pattern where all are of one category."""
    items = [item for item in catalogue if item.in_stock]
    sorted_by: dict[str, list[Item]] = {}
    if len({item.category for item in items}) > 1:
        for category in Category:
            sorted_by[category.value] = [item for item in items if item.category == category]
    else:
        for pattern, _ in Counter(item.pattern for item in items if item.pattern).most_common():
            sorted_by[pattern] = [item for item in items if item.pattern == pattern]
    return {EVERYTHING: items, **{key: found for key, found in sorted_by.items() if found}}


def shelf_choices(keys: Iterable[str]) -> list[tuple[str, str]]:
    """Shelves to choose from, for the page: (what it is called, its key). Patterns have the shop's own names."""
    names = {EVERYTHING: words.EVERYTHING, **{category.value: name for category, name in words.CATEGORIES.items()}}
    return [(names.get(key, key.capitalize()), key) for key in keys]


def pictures_of(entries: Iterable[Item | SamplePerson]) -> list[tuple[str, str]]:
    """What a gallery shows: (path, caption), the caption being the alternative text too."""
    return [(str(entry.picture), told(entry.title)) for entry in entries]
