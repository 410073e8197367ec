"""A shop's reviews file: what customers wrote of items."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from fitting import store as sql
from fitting.notes import Review
from fitting.products import TEXT_LENGTH
from fitting.reading import Progress, Report, read_rows
from fitting.spreadsheet import Problem, Sheet
from fitting.tables import ID_LENGTH, reviews
from fitting.vectors import batches

REVIEW_COLUMNS: dict[str, tuple[str, ...]] = {
    "item": ("product", "productid", "itemid", "sku", "id", "handle", "producthandle", "articlenumber"),
    "rating": ("stars", "score", "reviewrating"),
    "text": ("review", "reviewtext", "body", "comment", "content"),
}
REVIEW_REQUIRED = ("item", "text")


class Told(Protocol):
    """Something that is told of an item."""

    @property
    def item(self) -> str:
        """Its id."""


OfItem = TypeVar("OfItem", bound=Told)


@dataclass(frozen=True)
class Written:
    """A row of a reviews file, checked."""

    item: str
    review: Review


def read_reviews(
    path: Path, remarks: list[str], progress: Progress = lambda share: None
) -> Iterator[tuple[int, Written] | Problem]:
    """Line and review, or what is wrong, of every row. See `fitting.reading.read_products`."""
    return read_rows(Sheet(path, REVIEW_COLUMNS, REVIEW_REQUIRED), "item", read_review, remarks, progress)


def read_review(row: Mapping[str, str]) -> Written:
    """Check a row. Raises ValueError: says what is wrong with it."""
    if not row["item"] or len(row["item"]) > ID_LENGTH:
        raise ValueError("item is missing" if not row["item"] else f"item must be at most {ID_LENGTH} characters")
    if not row["text"]:
        raise ValueError("text is missing")
    return Written(row["item"], Review(_rating(row.get("rating", "")), row["text"][:TEXT_LENGTH]))


def add_reviews(path: Path, connection: Connection, report: Report, progress: Progress) -> None:
    """Write down the reviews of items that the shop has; one that is there already is not added again."""
    for good in of_known_items(path, read_reviews(path, report.remarks, progress), connection, report):
        report.reviews += _insert(connection, good)


def of_known_items(
    path: Path, rows: Iterable[tuple[int, OfItem] | Problem], connection: Connection, report: Report
) -> Iterator[list[OfItem]]:
    """What rows of a file say of items that the shop has, some at a time; the others are refused."""
    for batch in batches(rows, sql.BATCH):
        known = sql.known_items(connection, {row[1].item for row in batch if not isinstance(row, Problem)})
        good = []
        for row in batch:
            if isinstance(row, Problem):
                report.refuse(path, row)
            elif row[1].item in known:
                good.append(row[1])
            else:
                report.refuse(path, Problem(row[0], row[1].item, "the shop has no such item"))
        yield good


def _insert(connection: Connection, written: Iterable[Written]) -> int:
    rows = [
        {"item": one.item, "rating": one.review.rating, "text": one.review.text, "digest": _digest(one)}
        for one in written
    ]
    if not rows:
        return 0
    statement = sql.insert(connection, reviews).on_conflict_do_nothing().returning(reviews.c.number)
    return len(connection.execute(statement, rows).all())


def _digest(written: Written) -> str:
    content = f"{written.item}\n{written.review.rating}\n{written.review.text}"
    return hashlib.sha256(content.encode()).hexdigest()[:40]


def _rating(text: str) -> int | None:
    """Stars as people export them: `4`, `4.0`, `4,5`, `4/5`; None where there are none."""
    if not text:
        return None
    found = re.fullmatch(r"(\d(?:[.,]\d+)?)(?:\s*/\s*5)?", text)
    stars = float(found[1].replace(",", ".")) if found else 0.0
    if not 1 <= stars <= 5:
        raise ValueError(f"rating must be a number of stars from 1 to 5, not {text[:40]!r}")
    return int(stars + 0.5)
