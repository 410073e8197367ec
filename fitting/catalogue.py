"""`Catalogue`: what can be tried on, and which of it looks alike."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from fitting.errors import ShopError
from fitting.garment import Category
from fitting.item import Item
from fitting.vectors import ExactIndex, Hit, Index

__all__ = ["Catalogue", "Item"]

log = logging.getLogger(__name__)

FILE = "catalogue.json"


class Catalogue:
    """Items in the shop's order, as they were when it was read. Iterate over it, take `len`, look one up by id, or
    find those that are near an embedding."""

    def __init__(
        self,
        items: Iterable[Item],
        currency: str = "",
        vectors: np.ndarray | None = None,
        index: Index | None = None,
        revision: int = 0,
    ) -> None:
        """
        Args:
            items: with different ids.
            currency: of every price, an ISO 4217 code such as "EUR"; empty to show plain numbers.
            vectors: (N, D) float32, unit length, the items' embeddings in the same order; without them nothing
                can be found by likeness.
            index: searches instead of the exact index, as long as it answers.
            revision: of the store that it was read from.

        Raises:
            ValueError: two items have the same id, or there are not as many vectors as items.
        """
        self.currency = currency
        self.revision = revision
        self._vectors = vectors
        self._index = index
        self._exact: ExactIndex | None = None
        self._lock = Lock()
        self._items: dict[str, Item] = {}
        for item in items:
            if item.id in self._items:
                raise ValueError(f"two items have the id {item.id!r}")
            self._items[item.id] = item
        self._places = {item_id: place for place, item_id in enumerate(self._items)}
        if vectors is not None and (vectors.ndim != 2 or len(vectors) != len(self._items)):
            raise ValueError(f"{len(self._items)} items need as many vectors, not {vectors.shape}")

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
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
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

    @property
    def items(self) -> tuple[Item, ...]:
        """All items, in the shop's order."""
        return tuple(self._items.values())

    @property
    def vectors(self) -> np.ndarray:
        """(N, D) float32, unit length: the items' embeddings, in the shop's order.

        Raises:
            ValueError: the catalogue was made without.
        """
        if self._vectors is None:
            raise ValueError("this catalogue has no embeddings; open it as a Shop")
        return self._vectors

    def place(self, item_id: str) -> int:
        """An item's place in `items` and `vectors`.

        Raises:
            KeyError: there is none with this id.
        """
        return self._places[item_id]

    def nearest(
        self,
        vector: np.ndarray,
        count: int,
        category: Category | None = None,
        in_stock: bool = True,
        without: Collection[str] = (),
    ) -> list[Hit]:
        """Items near an embedding, best first, each with its cosine.

        Args:
            vector: (D,), any length but zero.
            count: at most so many.
            category: of this category alone.
            in_stock: only what can be bought.
            without: ids to leave out.

        Raises:
            ValueError: the vector is zero, not finite or of another size, or the catalogue has no embeddings.
        """
        return self.nearest_to_each(np.asarray(vector)[None], count, category, in_stock, without)[0]

    def nearest_to_each(
        self,
        vectors: np.ndarray,
        count: int,
        category: Category | None = None,
        in_stock: bool = True,
        without: Collection[str] = (),
    ) -> list[list[Hit]]:
        """`nearest` for every row of (Q, D), in one pass over the items."""
        queries = np.asarray(vectors, np.float32)
        if not len(self):
            return [[] for _ in queries]
        if queries.ndim != 2 or queries.shape[1] != self.vectors.shape[1]:
            raise ValueError(f"embeddings are {self.vectors.shape[1]} numbers long; got {queries.shape}")
        lengths = np.linalg.norm(queries, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or (lengths == 0).any():
            raise ValueError("a vector to search by must be finite and not zero")
        left_out = set(without) & self._items.keys()
        found = self._search(queries / lengths, count + len(left_out), category, in_stock)
        # A store elsewhere may already know items that this catalogue does not.
        return [
            [hit for hit in hits if hit[0] not in left_out and hit[0] in self._items][: max(count, 0)] for hits in found
        ]

    def _search(self, queries: np.ndarray, count: int, category: Category | None, in_stock: bool) -> list[list[Hit]]:
        """By the index elsewhere, if there is one and it answers; else by comparing with every item."""
        if self._index is not None:
            try:
                return self._index.search(queries, count, category, in_stock)
            except ShopError as error:
                log.debug("searching without it: %s", error)
        return self._compared().search(queries, count, category, in_stock)

    def _compared(self) -> ExactIndex:
        with self._lock:
            if self._exact is None:
                kinds, stock = [item.category for item in self], [item.in_stock for item in self]
                self._exact = ExactIndex(list(self._items), self.vectors, kinds, stock)
            return self._exact

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
