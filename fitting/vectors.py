"""Nearest items by embedding: exact search in memory, and what any other vector store must offer instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np

from fitting.garment import Category

Record = TypeVar("Record")
Hit = tuple[str, float]  # an item's id, and the cosine of its embedding and the query
CHUNK = 1 << 15  # vectors compared at once: the scores of a few queries stay in the processor's cache


class Index(Protocol):
    """Finds items by embedding."""

    def search(
        self, queries: np.ndarray, count: int, category: Category | None = None, in_stock: bool = True
    ) -> list[list[Hit]]:
        """The nearest items of every query, best first.

        Args:
            queries: (Q, D) float32, unit length.
            count: at most so many a query.
            category: of this category alone.
            in_stock: only what can be bought.

        Raises:
            ShopError: it does not answer.
        """
        ...


class ExactIndex:
    """Compares a query with every embedding, so that nothing is ever missed.

    Items lie in memory by category and stock: a filter then costs nothing, it saves work. Of equally near items
    the one earlier in the shop's order comes first.
    """

    def __init__(
        self, ids: Sequence[str], vectors: np.ndarray, categories: Sequence[Category], in_stock: Sequence[bool]
    ) -> None:
        """
        Args:
            ids: of N items.
            vectors: (N, D) float32, unit length.
            categories, in_stock: of the items, in the same order.
        """
        if not len(ids) == len(vectors) == len(categories) == len(in_stock):
            raise ValueError("ids, vectors, categories and in_stock must be of the same items")
        self._ids = ids
        numbers = {category: number for number, category in enumerate(Category)}
        kinds = np.fromiter((numbers[category] for category in categories), np.int64, len(ids))
        groups = 2 * kinds + ~np.asarray(in_stock, bool)
        self._places = np.argsort(groups, kind="stable")  # row here -> place in the shop's order
        sorted_already = bool((self._places[1:] > self._places[:-1]).all())
        self._vectors = np.ascontiguousarray(vectors if sorted_already else vectors[self._places], np.float32)
        ends = np.searchsorted(groups[self._places], np.arange(2 * len(numbers) + 1))
        self._bounds = {
            (category, stock): (int(ends[2 * number + missing]), int(ends[2 * number + missing + 1]))
            for category, number in numbers.items()
            for missing, stock in enumerate((True, False))
        }

    def search(
        self, queries: np.ndarray, count: int, category: Category | None = None, in_stock: bool = True
    ) -> list[list[Hit]]:
        """See `Index.search`."""
        queries = np.ascontiguousarray(queries, np.float32)
        best = [_Best(count) for _ in queries]
        size = max(CHUNK // 32, 1)  # of the first pieces: whoever knows a few good ones can pass over most of the rest
        for start, stop in self._ranges(category, in_stock):
            while start < stop:
                last = min(start + size, stop)
                part = self._vectors[start:last]
                # One query alone is a matrix times a vector, for which BLAS is as fast as memory.
                scores = (part @ queries[0])[:, None] if len(queries) == 1 else part @ queries.T  # (rows, Q)
                for kept, column in zip(best, np.ascontiguousarray(scores.T), strict=True):
                    kept.offer(column, self._places[start:last])
                start, size = last, min(4 * size, CHUNK)
        return [[(self._ids[place], score) for place, score in kept.result()] for kept in best]

    def _ranges(self, category: Category | None, in_stock: bool) -> list[tuple[int, int]]:
        """Rows that pass the filter; neighbours are joined."""
        joined: list[tuple[int, int]] = []
        for (kind, stock), (start, stop) in self._bounds.items():
            if start == stop or (category is not None and kind != category) or (in_stock and not stock):
                continue
            if joined and joined[-1][1] == start:
                start = joined.pop()[0]
            joined.append((start, stop))
        return joined


class _Best:
    """The highest scores seen so far for one query."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.scores = np.empty(0, np.float32)
        self.places = np.empty(0, np.int64)

    def offer(self, scores: np.ndarray, places: np.ndarray) -> None:
        """Keep those of (rows,) scores that are among the best."""
        if self.count <= 0:
            return
        full = len(self.scores) == self.count
        rows = np.flatnonzero(scores >= self.scores.min()) if full else np.arange(len(scores))
        if len(rows) > self.count:
            rows = rows[_highest(scores[rows], places[rows], self.count)]
        together = np.concatenate([self.scores, scores[rows]]), np.concatenate([self.places, places[rows]])
        kept = _highest(*together, self.count)
        self.scores, self.places = together[0][kept], together[1][kept]

    def result(self) -> list[tuple[int, float]]:
        """Places and scores, the best first."""
        order = np.lexsort((self.places, -self.scores))
        return [(int(self.places[row]), float(self.scores[row])) for row in order]


def _highest(scores: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """Rows of the `count` highest scores, in any order; among equals those earlier in the shop."""
    if len(scores) <= count:
        return np.arange(len(scores))
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > least)
    equal = np.flatnonzero(scores == least)
    equal = equal[np.argsort(places[equal], kind="stable")]
    return np.concatenate([above, equal[: count - len(above)]])


def batches(values: Iterable[Record], size: int) -> Iterator[list[Record]]:
    """Lists of at most `size` values."""
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch
