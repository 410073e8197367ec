"""`Item`: a garment on offer, and what its values may be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from fitting.garment import Category

_REQUIRED = ("id", "title", "category", "picture")
_DETAILS = ("pattern", "sleeve", "neckline", "description", "url")
_OPTIONAL = ("price", "colours", "stock", "added", *_DETAILS)
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
        description: plain text.
        url: where it is sold, http or https.
        stock: how many are left; None where the shop does not count.
        added: when the shop first offered it, in seconds since the epoch.
        described: it has no picture of its own, and is known by what the shop says of it; `picture` stands in.
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
    description: str | None = None
    url: str | None = None
    stock: int | None = None
    added: float = 0.0
    described: bool = False

    @property
    def in_stock(self) -> bool:
        """Whether it can be bought."""
        return self.stock is None or self.stock > 0

    @classmethod
    def from_row(cls, row: Mapping[str, Any], folder: Path) -> Item:
        """Read an item, checking every value.

        Args:
            row: id, title, category, picture (a path inside `folder`); optionally price, colours, pattern,
                sleeve, neckline, description, url, stock, added (a date such as "2026-03-01").
            folder: where pictures are.

        Raises:
            ValueError: a value is missing, unknown or wrong, or the picture is not there. Says which and why.
        """
        unknown = set(row) - {*_REQUIRED, *_OPTIONAL, *_IGNORED}
        if unknown:
            raise ValueError(f"unknown field {', '.join(sorted(map(repr, unknown)))}")
        texts = {name: _text(row.get(name), name) for name in _REQUIRED}
        details: dict[str, Any] = {name: _text(row[name], name) for name in _DETAILS if row.get(name) is not None}
        if "url" in details:
            details["url"] = web_address(details["url"])
        return cls(
            id=texts["id"],
            title=texts["title"],
            category=_category(texts["category"]),
            picture=_picture(texts["picture"], folder),
            price=_price(row.get("price")),
            colours=_colours(row.get("colours")),
            stock=_stock(row.get("stock")),
            added=_added(row.get("added")),
            **details,
        )


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
    try:
        there = picture.is_file()
    except OSError:  # a name that is too long
        there = False
    if not there:
        raise ValueError(f"picture {value!r} does not exist")
    return picture


def _price(value: Any) -> float | None:
    if value is None:
        return None
    # True is an int to Python, but nobody means it as a price.
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    try:
        price = float(value) if is_number else math.nan
    except OverflowError:
        price = math.inf
    if not math.isfinite(price) or price < 0:
        raise ValueError(f"price must be a number that is not negative, not {value!r}")
    return price


def _colours(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError(f"colours must be a list of names, not {value!r}")
    return tuple(_text(colour, "each of the colours") for colour in value)


def web_address(value: str) -> str:
    """The address, if it is one that may be put into a page. Raises ValueError."""
    if not value.lower().startswith(("http://", "https://")):
        raise ValueError(f"url must begin with http:// or https://, not {value[:40]!r}")
    return value


def _stock(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"stock must be a whole number that is not negative, not {value!r}")
    return value


def _added(value: Any) -> float:
    """A day, as the moment it began in UTC."""
    if value is None:
        return 0.0
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f'added must be a date such as "2026-03-01", not {value!r}') from None
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp()
