"""What can be tried on: `Item`, and the `Catalogue` that holds them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitting.garment import Category

FILE = "catalogue.json"
_REQUIRED = ("id", "title", "category", "picture")
_DETAILS = ("pattern", "sleeve", "neckline")
_OPTIONAL = ("price", "colours", *_DETAILS)
_IGNORED = ("source",)  # where a picture comes from: for readers of the file, not for the app


@dataclass(frozen=True)
class Item:
    """A garment on offer.

    Attributes:
        id: unique within its catalogue.
        title: what the shop calls it.
        category: where it is worn.
        picture: file of its product picture.
        price: in the catalogue's currency, not negative; None when it has none.
        colours: names, the most prominent first.
        pattern, sleeve, neckline: in the shop's own words; None when not said or without meaning.
    """

    id: str
    title: str
    category: Category
    picture: Path
    price: float | None = None
    colours: tuple[str, ...] = ()
    pattern: str | None = None
    sleeve: str | None = None
    neckline: str | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any], folder: Path) -> Item:
        """Read an item, checking every value.

        Args:
            row: id, title, category, picture (a path inside `folder`); optionally price, colours, pattern,
                sleeve, neckline.
            folder: where pictures are.

        Raises:
            ValueError: a value is missing, unknown or wrong, or the picture is not there. Says which and why.
        """
        unknown = set(row) - {*_REQUIRED, *_OPTIONAL, *_IGNORED}
        if unknown:
            raise ValueError(f"unknown field {', '.join(sorted(map(repr, unknown)))}")
        texts = {name: _text(row.get(name), name) for name in _REQUIRED}
        details = {name: _text(row[name], name) for name in _DETAILS if row.get(name) is not None}
        return cls(
            id=texts["id"],
            title=texts["title"],
            category=_category(texts["category"]),
            picture=_picture(texts["picture"], folder),
            price=_price(row.get("price")),
            colours=_colours(row.get("colours")),
            **details,
        )


class Catalogue:
    """Items in the shop's order. Iterate over it, take `len`, or look one up by id."""

    def __init__(self, items: Iterable[Item], currency: str = "") -> None:
        """
        Args:
            items: with different ids.
            currency: of every price, an ISO 4217 code such as "EUR"; empty to show plain numbers.

        Raises:
            ValueError: two items have the same id.
        """
        self.currency = currency
        self._items: dict[str, Item] = {}
        for item in items:
            if item.id in self._items:
                raise ValueError(f"two items have the id {item.id!r}")
            self._items[item.id] = item

    @classmethod
    def load(cls, folder: str | Path) -> Catalogue:
        """Read `catalogue.json` and check that every picture it names is in the folder.

        Raises:
            FileNotFoundError: there is no catalogue.json.
            ValueError: the file is malformed; names the item and what is wrong with it.
        """
        folder = Path(folder)
        try:
            content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{FILE} is not valid JSON: {error}") from error
        rows = content.get("items") if isinstance(content, dict) else None
        if not isinstance(rows, list):
            raise ValueError(f'{FILE} must be an object with a list "items"')
        currency = content.get("currency", "")
        if not isinstance(currency, str):
            raise ValueError(f'{FILE}: "currency" must be a text, not {currency!r}')
        try:
            return cls((_read(row, number, folder) for number, row in enumerate(rows, start=1)), currency)
        except ValueError as error:
            raise ValueError(f"{FILE}: {error}") from error

    def get(self, item_id: str) -> Item:
        """The item with this id.

        Raises:
            KeyError: there is none.
        """
        return self._items[item_id]

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._items


def _read(row: Any, number: int, folder: Path) -> Item:
    """A row of the file as an item; an error names the row by its number and, if it has one, its id."""
    if not isinstance(row, dict):
        raise ValueError(f"item {number}: must be an object, not {row!r}")
    try:
        return Item.from_row(row, folder)
    except ValueError as error:
        name = f"item {number} ({row['id']!r})" if row.get("id") else f"item {number}"
        raise ValueError(f"{name}: {error}") from error


def _text(value: Any, name: str) -> str:
    if value is None:
        raise ValueError(f"{name} is missing")
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be a text, not {value!r}")
    return value.strip()


def _category(value: str) -> Category:
    try:
        return Category(value)
    except ValueError:
        known = ", ".join(category.value for category in Category)
        raise ValueError(f"category must be one of {known}, not {value!r}") from None


def _picture(value: str, folder: Path) -> Path:
    """The picture's file. Catalogues come from strangers, so none may name files outside its folder."""
    picture = folder / value
    if not picture.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"picture must be inside the catalogue's folder, not {value!r}")
    if not picture.is_file():
        raise ValueError(f"picture {value!r} does not exist")
    return picture


def _price(value: Any) -> float | None:
    if value is None:
        return None
    # True is an int to Python, but nobody means it as a price.
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0:
        raise ValueError(f"price must be a number that is not negative, not {value!r}")
    return float(value)


def _colours(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError(f"colours must be a list of names, not {value!r}")
    return tuple(_text(colour, "each of the colours") for colour in value)
