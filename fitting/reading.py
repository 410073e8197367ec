"""A shop's CSV files, row by row: what is good in them, and what is not and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from fitting.aside import Aside
from fitting.errors import GarmentError
from fitting.events import Event
from fitting.images import decode
from fitting.products import (
    ORDER_COLUMNS,
    ORDER_REQUIRED,
    PRODUCT_COLUMNS,
    PRODUCT_REQUIRED,
    Product,
    named_category,
    read_order,
    read_product,
)
from fitting.spreadsheet import Problem, Sheet

LISTED = 1000  # problems of a file that a report lists; the rest is counted

Read = TypeVar("Read")
Progress = Callable[[float], None]  # told which share of the work is done


@dataclass
class Report:
    """What an import did.

    Attributes:
        new, changed, unchanged, removed: items.
        looked: pictures that had to be looked at.
        orders: events that were new.
        reviews: those that were new.
        refused: rows that could not be used.
        pictureless: items that are in the shop without a picture.
        problems: file name -> why; at most 1000 a file.
        remarks: sentences about how the files were read and what else was done.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    looked: int = 0
    orders: int = 0
    reviews: int = 0
    refused: int = 0
    pictureless: int = 0
    problems: dict[str, list[Problem]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def refuse(self, file: Path, problem: Problem) -> None:
        """Take note of a row that cannot be used."""
        self.refused += 1
        self._list(file, problem)

    def lacks_picture(self, file: Path, problem: Problem) -> None:
        """Take note of an item that is in the shop, but without a picture."""
        self.pictureless += 1
        self._list(file, problem)

    def _list(self, file: Path, problem: Problem) -> None:
        listed = self.problems.setdefault(file.name, [])
        if len(listed) < LISTED:
            listed.append(problem)


def read_products(
    path: Path,
    pictures: Path | None,
    remarks: list[str],
    progress: Progress = lambda share: None,
    pictureless: bool = False,
) -> Iterator[tuple[int, Product] | Problem]:
    """Line and product, or what is wrong, of every row of a products file.

    Args:
        pictures: the folder that picture names are relative to; the file's own folder by default.
        remarks: gets sentences about how the file was read.
        progress: told the share of the file that was taken so far.
        pictureless: whether a row may be without a picture.

    Raises:
        ShopError: the file cannot be read at all.
    """
    folder = (pictures or path.parent).resolve()
    sheet = Sheet(path, PRODUCT_COLUMNS, PRODUCT_REQUIRED)
    return read_rows(sheet, "id", lambda row: read_product(row, folder, pictureless), remarks, progress)


def read_orders(
    path: Path, remarks: list[str], progress: Progress = lambda share: None
) -> Iterator[tuple[int, Event] | Problem]:
    """Line and event, or what is wrong, of every row of an orders file. See `read_products`."""
    return read_rows(Sheet(path, ORDER_COLUMNS, ORDER_REQUIRED), "item", read_order, remarks, progress)


def read_rows(
    sheet: Sheet, name: str, check: Callable[[dict[str, str]], Read], remarks: list[str], progress: Progress
) -> Iterator[tuple[int, Read] | Problem]:
    """Line and what a row says, or what is wrong with it, of every row of a sheet.

    Args:
        sheet: is closed at the end.
        name: column that a problem is told by.
        check: raises ValueError, which says what is wrong with a row.
        remarks: gets sentences about how the file was read.
        progress: told the share of the file that was taken so far.
    """
    with sheet:
        remarks += sheet.remarks
        for line, row in sheet:
            progress(line / sheet.lines)
            if isinstance(row, str):
                yield Problem(line, "", row)
                continue
            try:
                yield line, check(row)
            except ValueError as error:
                yield Problem(line, row[name], str(error))


def check_products(
    path: Path,
    pictures: Path | None,
    report: Report,
    progress: Progress = lambda share: None,
    pictureless: bool = False,
) -> int:
    """Read a products file and open its pictures, but change nothing; returns how many rows are good.

    Args:
        pictureless: whether rows may be without a picture, if they say their category.

    Raises:
        ShopError: the file cannot be read at all.
    """
    good = 0
    with Aside() as aside:
        for row in read_products(path, pictures, report.remarks, progress, pictureless):
            if isinstance(row, Problem):
                report.refuse(path, row)
                continue
            line, product = row
            before = aside.begin(product.id, line)
            try:
                if before is not None:
                    raise GarmentError(f"line {before} has the same id")
            except GarmentError as error:
                report.refuse(path, Problem(line, product.id, str(error)))
                continue
            lacking = product.lacking or _unusable(product)
            if not lacking:
                good += 1
            elif pictureless and (product.category or named_category(product.values["title"] or "")):
                good += 1
                report.lacks_picture(path, Problem(line, product.id, f"without a picture: {lacking}"))
            else:
                report.refuse(path, Problem(line, product.id, lacking))
    return good


def _unusable(product: Product) -> str:
    """Why a picture cannot even be opened; empty where it can."""
    try:
        if product.picture is not None:
            decode(product.picture, GarmentError)
    except GarmentError as error:
        return str(error)
    except OSError as error:
        return f"the picture cannot be read: {error.strerror}"
    return ""
