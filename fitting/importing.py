"""A shop's CSV files into its store: every good row or none, the same again when repeated, however long the files.

Rows are read one at a time and laid aside. Pictures are looked at meanwhile, and what was seen is kept at once, so
that an interrupted import does not look twice. The items change at the end, in one transaction.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection

from fitting import store as sql
from fitting.aside import Aside, Laid
from fitting.attributes import Description
from fitting.errors import GarmentError, ShopError
from fitting.images import MAX_BYTES
from fitting.in_order import in_order
from fitting.looks import Looks
from fitting.products import Product, named_category
from fitting.reading import Progress, Report, read_orders, read_products
from fitting.reviewing import add_reviews, of_known_items
from fitting.spreadsheet import Problem
from fitting.store import Look, Store
from fitting.vectors import batches

TOGETHER = 16  # looks kept in one go
UNUSED_FOR = 24 * 3600.0  # seconds that the copy of a picture is left for those who still show it
_EMPTY = {
    "price": None,
    "colours": "[]",
    "pattern": None,
    "sleeve": None,
    "neckline": None,
    "description": None,
    "url": None,
    "stock": None,
}


class NothingUsableError(ShopError):
    """No row of the products file can be used. `report` says why."""

    def __init__(self, name: str, report: Report) -> None:
        super().__init__(f"{name} has no row that can be used. The shop is as it was.")
        self.report = report


class _Recent:
    """Pictures that are being looked at, or were and may not be kept yet: each is looked at by one thread alone."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._looks: dict[str, Future[None]] = {}

    def once(self, key: str, look: Callable[[], Look]) -> Look | None:
        """The look, or None where another thread has it; its error, where it failed."""
        with self._lock:
            first = key not in self._looks
            done = self._looks.setdefault(key, Future())
        if not first:
            return done.result()
        try:
            found = look()
        except BaseException as error:
            done.set_exception(error)
            raise
        done.set_result(None)
        return found

    def forget(self, keys: Iterable[str]) -> None:
        """These are kept now, and found there."""
        with self._lock:
            for key in keys:
                self._looks.pop(key, None)


@dataclass(frozen=True)
class Import:
    """An import into one shop.

    Attributes:
        store, looks: of the shop.
        products, orders, reviews: the files; any may be missing.
        pictures: the folder that picture names are relative to; that of the products file by default.
        prune: take items out of the shop that the products file does not list.
        currency: of all prices; None leaves it as it is.
        workers: pictures looked at at once.
    """

    store: Store
    looks: Looks
    products: Path | None
    orders: Path | None = None
    pictures: Path | None = None
    prune: bool = False
    currency: str | None = None
    reviews: Path | None = None
    workers: int = max(1, min(os.cpu_count() or 1, 8))

    def run(self, progress: Progress = lambda share: None) -> Report:
        """Do it, or, if anything fails, leave the shop as it is.

        Raises:
            ShopError: a file cannot be read at all, or no product can be used.
        """
        report = Report()
        for key in self.store.drop_unused_looks(time.time() - UNUSED_FOR):
            self.looks.remove(key)
        self.looks.tidy(self.store.looks_known)
        with Aside() as aside:
            if self.products is not None:
                both = 0.9 if self.orders is not None else 1.0  # pictures take longest
                self._lay_aside(self.products, aside, report, lambda share: progress(both * share))
            with self.store.editing() as connection:
                if self.products is not None:
                    self._put(self.products, connection, aside, report)
                if self.orders is not None:
                    self._add_orders(self.orders, connection, report, lambda share: progress(0.9 + 0.1 * share))
                if self.reviews is not None:
                    add_reviews(self.reviews, connection, report, lambda share: progress(0.95 + 0.05 * share))
                if self.currency is not None:
                    sql.set_setting(connection, "currency", self.currency)
                if self.products is not None or self.currency is not None:
                    sql.revise(connection)
        return report

    def _lay_aside(self, products: Path, aside: Aside, report: Report, progress: Progress) -> None:
        """Check every row and look at every new picture."""
        seen: list[Look] = []
        recent = _Recent()
        try:
            rows = self._rows(products, aside, report, progress)
            for (line, product), found in in_order(partial(self._looked_at, recent), rows, self.workers):
                lacking = found if isinstance(found, str) else ""
                known = self._described(product) if isinstance(found, str) else found
                if known is None:
                    report.refuse(products, Problem(line, product.id, lacking))
                    continue
                key, look = known
                aside.lay(Laid(product.id, key, product.category, product.values))
                if look is not None:
                    seen.append(look)
                    report.looked += not look.described
                if lacking:
                    report.lacks_picture(products, Problem(line, product.id, f"imported without a picture: {lacking}"))
                if len(seen) >= TOGETHER:
                    self._keep(seen)
                    recent.forget(look.key for look in seen)
                    seen.clear()
        finally:
            self._keep(seen)

    def _keep(self, seen: list[Look]) -> None:
        self.store.keep_looks(seen)
        self.looks.kept(seen)

    def _rows(self, products: Path, aside: Aside, report: Report, progress: Progress) -> Iterator[tuple[int, Product]]:
        """Good rows, each id once."""
        for row in read_products(products, self.pictures, report.remarks, progress, self.looks.describes):
            if isinstance(row, Problem):
                aside.refuse(row.name, row.line)
                report.refuse(products, row)
                continue
            line, product = row
            before = aside.begin(product.id, line)
            if before is None:
                yield line, product
            else:
                report.refuse(products, Problem(line, product.id, f"line {before} has the same id"))

    def _looked_at(
        self, recent: _Recent, row: tuple[int, Product]
    ) -> tuple[tuple[int, Product], tuple[str, Look | None] | str]:
        """The key of what the picture shows and, if it was not seen before, what that is; or why it cannot be used."""
        product = row[1]
        if product.picture is None:
            return row, product.lacking
        try:
            if product.picture.stat().st_size > MAX_BYTES:  # or the whole file would be read to find out
                return row, f"This garment picture is larger than {MAX_BYTES >> 20} MB. Make it smaller."
            content = product.picture.read_bytes()
        except OSError as error:
            return row, f"the picture cannot be read: {error.strerror}"
        try:
            key = self.looks.key(content, product.category)
            if self.looks.has_picture(key) and self.store.look(key) is not None:
                return row, (key, None)
            return row, (key, recent.once(key, lambda: self.looks.look(content, product.category)))
        except GarmentError as error:
            return row, str(error)

    def _described(self, product: Product) -> tuple[str, Look | None] | None:
        """A look at what is said of an item, which has no picture of use; None where too little is said."""
        category = product.category or named_category(product.values["title"] or "")
        if category is None or not self.looks.describes:
            return None
        told = {name: product.values.get(name) or "" for name in ("title", "pattern", "sleeve", "neckline")}
        colours, text = product.values.get("colours") or (), product.values.get("description") or ""
        look = self.looks.describe(Description(category, colours=tuple(colours), text=text, **told))
        if self.store.look(look.key) is not None:
            self.looks.kept([look])
            return look.key, None
        return look.key, look

    def _put(self, products: Path, connection: Connection, aside: Aside, report: Report) -> None:
        """The rows laid aside become the shop's first items, in the file's order."""
        if not len(aside):
            raise NothingUsableError(products.name, report)
        if sample := sql.remove_sample(connection):
            report.remarks.append(f"The sample shop's {sample} garments and its simulated shoppers made room.")
        sql.set_setting(connection, "sample", "replaced")
        sql.make_room(connection, len(aside))
        place = 0
        for batch in batches(aside, sql.BATCH):
            self._put_batch(connection, batch, place, report)
            place += len(batch)
        if self.prune and aside.unnamed is not None:
            report.remarks.append(
                f"Nothing was removed: line {aside.unnamed} cannot be read, so it is not known which item it lists."
            )
        elif self.prune:
            gone = (item_id for item_id in sql.all_ids(connection) if not aside.lists(item_id))
            report.removed = sql.remove_items(connection, gone)

    def _put_batch(self, connection: Connection, batch: list[Laid], place: int, report: Report) -> None:
        old = sql.known_items(connection, [laid.id for laid in batch])
        found = self.store.looks_known({laid.look for laid in batch})
        rows: list[dict[str, Any]] = []
        for laid in batch:
            before = old.get(laid.id)
            # Columns that the file does not have stay as they are; empty cells do not.
            row = dict(before._mapping) if before is not None else {**_EMPTY, "added": time.time()}
            row |= {name: value for name, value in laid.values.items() if name != "added" or value is not None}
            category = laid.category or found[laid.look]
            row |= {"id": laid.id, "look": laid.look, "category": category.value, "sample": False}
            if "colours" in laid.values:
                row["colours"] = json.dumps(laid.values["colours"], ensure_ascii=False)
            if before is None:
                report.new += 1
            elif all(row[name] == before._mapping[name] for name in sql.FIELDS):
                report.unchanged += 1
            else:
                report.changed += 1
            rows.append(row | {"place": place + len(rows)})
        sql.put_items(connection, rows)

    def _add_orders(self, orders: Path, connection: Connection, report: Report, progress: Progress) -> None:
        """Write down what was done with items that the shop has."""
        for good in of_known_items(orders, read_orders(orders, report.remarks, progress), connection, report):
            if good:
                report.orders += sql.add_events(connection, good)
