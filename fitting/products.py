"""Rows of a shop's CSV files, read as people write them: products, and what was ordered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path, PureWindowsPath
from typing import Any, TypeVar

from fitting.events import Event, EventKind
from fitting.garment import Category
from fitting.item import web_address
from fitting.tables import ID_LENGTH

Value = TypeVar("Value")

# Column -> other names it goes by in shops' exports.
PRODUCT_COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("sku", "productid", "itemid", "handle", "articlenumber"),
    "title": ("name", "productname", "product"),
    "category": ("wornas", "kind"),
    "picture": ("image", "photo", "file", "filename", "imagefile", "picturefile"),
    "description": ("details", "text"),
    "colours": ("colour", "colors", "color"),
    "price": ("saleprice", "retailprice", "grossprice"),
    "url": ("link", "address", "producturl"),
    "stock": ("quantity", "qty", "inventory", "available", "instock"),
    "pattern": (),
    "sleeve": ("sleeves", "sleevelength"),
    "neckline": ("neck",),
    "added": ("created", "createdat", "dateadded"),
}
PRODUCT_REQUIRED = ("id", "title", "picture")
ORDER_COLUMNS: dict[str, tuple[str, ...]] = {
    "shopper": ("customer", "customerid", "shopperid", "user", "userid", "buyer"),
    "item": ("product", "productid", "itemid", "sku", "id", "handle", "articlenumber"),
    "at": ("date", "time", "datetime", "orderdate", "timestamp", "orderedat", "createdat"),
    "kind": ("event", "eventtype", "action", "type"),
}
ORDER_REQUIRED = ("shopper", "item", "at")

TITLE_LENGTH, TEXT_LENGTH = 300, 5000
_AUTOMATIC = ("", "auto", "automatic")
_CALLED = {
    Category.UPPER: "top tops tee tees t-shirt t-shirts shirt shirts blouse blouses sweater sweaters jumper jumpers "
    "pullover pullovers sweatshirt sweatshirts hoodie hoodies cardigan cardigans polo polos",
    Category.LOWER: "trousers pants jeans skirt skirts shorts leggings bottoms",
    Category.DRESS: "dresses gown gowns jumpsuit jumpsuits",
    Category.OUTER: "jacket jackets coat coats outerwear blazer blazers parka parkas",
}
_CATEGORIES = {word: category for category, words in _CALLED.items() for word in (category.value, *words.split())}
_MONEY = r"(?:\s*(?:[^\W\d_]{1,3}\.?|[£$€¥₹₩₺])\s*)"  # a currency's sign or code, before or after a price
_KINDS = {kind.value: kind for kind in EventKind}
_PLENTY = ("yes", "true", "in stock", "available")
_NONE_LEFT = ("no", "false", "out of stock", "sold out", "unavailable")


@dataclass(frozen=True)
class Product:
    """A row of a products file, checked.

    Attributes:
        category: None where the network shall find it.
        picture: its file; None where there is none.
        lacking: why there is none.
        values: the other fields of an item that the file has, by their names in the store.
    """

    id: str
    category: Category | None
    picture: Path | None
    values: dict[str, Any]
    lacking: str = ""


class NoPictureError(ValueError):
    """A row names no picture, or one that is not there."""


def read_product(row: Mapping[str, str], folder: Path, pictureless: bool = False) -> Product:
    """Check a row and read its values.

    Args:
        row: column -> text, of the columns that the file has.
        folder: where pictures are.
        pictureless: whether a row may be without a picture.

    Raises:
        ValueError: says everything that is wrong with it.
    """
    reasons: list[str] = []
    lacking = ""

    def read(column: str, reader: Callable[[str], Value]) -> Value | None:
        try:
            return reader(row.get(column, ""))
        except NoPictureError:
            raise
        except ValueError as error:
            reasons.append(str(error))
            return None

    item_id = read("id", lambda text: _filled(text, "id", ID_LENGTH))
    values: dict[str, Any] = {"title": read("title", lambda text: _filled(text, "title", TITLE_LENGTH))}
    category = read("category", _category)
    try:
        picture = read("picture", lambda text: _picture(text, folder, pictureless))
    except NoPictureError as error:
        picture, lacking = None, str(error)
    readers: dict[str, Callable[[str], Any]] = {
        "description": lambda text: text[:TEXT_LENGTH] or None,
        "colours": _colours,
        "price": read_price,
        "url": lambda text: web_address(text) if text else None,
        "stock": read_stock,
        "added": lambda text: read_time(text) if text else None,
    }
    readers |= {name: lambda text: text[:TITLE_LENGTH] or None for name in ("pattern", "sleeve", "neckline")}
    values |= {column: read(column, reader) for column, reader in readers.items() if column in row}
    if reasons or item_id is None:
        raise ValueError("; ".join(reasons))
    values["picture"] = row["picture"]
    return Product(item_id, category, picture, values, lacking)


def read_order(row: Mapping[str, str]) -> Event:
    """Check a row of an orders file. Without a kind, something was bought.

    Raises:
        ValueError: says what is wrong with it.
    """
    kind = row.get("kind", "").lower() or "bought"
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(_KINDS)}, not {kind[:40]!r}")
    shopper, item = _filled(row["shopper"], "shopper", ID_LENGTH), _filled(row["item"], "item", ID_LENGTH)
    return Event(shopper, item, _KINDS[kind], read_time(_filled(row["at"], "at", 40)))


def read_price(text: str) -> float | None:
    """A price as people write it: `12.50`, `12,50`, `£1,234.50`, `1.234,50 EUR`; None where there is none.

    The last of two different separators is the decimal one. A single one before exactly three digits separates
    thousands (`1,234`), except after a lone zero.

    Raises:
        ValueError: it is not a price.
    """
    if not text:
        return None
    wrong = ValueError(f"price must be a number such as 24.90, not {text[:40]!r}")
    shape = re.fullmatch(rf"{_MONEY}?(\d[\d.,'\s]*?)(?:[.,][-–—]+)?{_MONEY}?", text.strip())
    if shape is None:
        raise wrong
    number = re.sub(r"['\s]", "", shape[1])
    if number.endswith((".", ",")):
        raise wrong
    last = max(number.rfind("."), number.rfind(","))
    if last >= 0:
        whole, mark, rest = number[:last], number[last], number[last + 1 :]
        if mark in whole or (len(rest) == 3 and whole != "0" and not {".", ","} & set(whole)):
            whole, rest = number, ""  # every mark separates thousands
        other = {"."} | {","} if not rest else {".", ","} - {mark}
        groups = re.split("[" + "".join(other) + "]", whole)
        if any(len(group) != 3 for group in groups[1:]) or len(set(re.findall("[.,]", whole))) > 1:
            raise wrong
        number = "".join(groups) + (f".{rest}" if rest else "")
    if len(number.partition(".")[0]) > 10:
        raise wrong
    return float(number)


def read_stock(text: str) -> int | None:
    """How many are left: `12`, `12.0`, `sold out`; None where the shop does not count (empty, or `in stock`).

    Raises:
        ValueError: it is neither.
    """
    if not text or text.lower() in _PLENTY:
        return None
    if text.lower() in _NONE_LEFT or re.fullmatch(r"-\d{1,9}(\.0+)?", text):  # oversold
        return 0
    if not re.fullmatch(r"\d{1,9}([.,]0+)?", text):
        raise ValueError(f"stock must be a whole number such as 12, not {text[:40]!r}")
    return int(re.split("[.,]", text)[0])


def read_time(text: str) -> float:
    """Seconds since the epoch, from such seconds, or a date and perhaps a time; UTC where no zone is said.

    Raises:
        ValueError: it is neither, or says day and month in an order that cannot be known.
    """
    if re.fullmatch(r"\d{9,10}(\.\d+)?", text):
        return float(text)
    german = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(.*)", text)
    if german:
        text = f"{german[3]}-{german[2]:0>2}-{german[1]:0>2}{german[4]}"
    text = re.sub(r"[zZ]$", "+00:00", re.sub(r" (UTC|GMT)$", "+00:00", text))
    text = re.sub(r" ([+-]\d{2}):?(\d{2})$", r"\1:\2", text)
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError(f"dates must be written as 2026-03-01 or 2026-03-01 14:30, not {text[:40]!r}") from None


def _filled(text: str, name: str, length: int) -> str:
    if not text:
        raise ValueError(f"{name} is missing")
    if len(text) > length or "\n" in text or "\r" in text:
        raise ValueError(f"{name} must be one line of at most {length} characters")
    return text


def _category(text: str) -> Category | None:
    if text.lower() in _AUTOMATIC:
        return None
    if text.lower() not in _CATEGORIES:
        known = ", ".join(category.value for category in Category)
        raise ValueError(f"category must be one of {known}, or empty to have it found, not {text[:40]!r}")
    return _CATEGORIES[text.lower()]


def garments_named(text: str) -> set[Category]:
    """Categories of the garments that a text names."""
    return {_CATEGORIES[word] for word in re.findall(r"[a-z]+(?:-[a-z]+)?", text.lower()) if word in _CATEGORIES}


def named_category(title: str) -> Category | None:
    """The category that a title's words name, such as "Linen trousers"; None where they name none or several."""
    found = garments_named(title)
    return found.pop() if len(found) == 1 else None


def _picture(text: str, folder: Path, pictureless: bool) -> Path:
    """The picture's file, in the folder of pictures and nowhere else: files come from strangers."""
    lacking = NoPictureError if pictureless else ValueError
    if not text:
        raise lacking("picture is missing")
    if re.match(r"[a-z][a-z0-9+.-]+:", text, re.I):
        raise ValueError("picture must be a file, not an address; download it, and write the file's name")
    path = PureWindowsPath(text)  # which takes both / and \ for separators
    if path.is_absolute() or path.drive or path.root or ".." in path.parts:
        raise ValueError(f"picture must be a file in the folder of pictures, not {text[:80]!r}")
    picture = folder.joinpath(*path.parts)
    try:
        there = picture.is_file()
        inside = picture.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError):  # a name that is too long
        there = inside = False
    if there and not inside:  # a link that leads elsewhere
        raise ValueError(f"picture must be a file in the folder of pictures, not {text[:80]!r}")
    if not there:
        raise lacking(f"picture {text[:80]!r} does not exist in the folder of pictures")
    return picture


def _colours(text: str) -> tuple[str, ...]:
    names = (name.strip() for name in re.split(r"[,;/|]", text[:TITLE_LENGTH]))
    return tuple(dict.fromkeys(name for name in names if name))
