"""Values of every case, kept until they become means with intervals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from fitting.evaluation import bootstrap
from fitting.evaluation.bootstrap import Array, Estimate
from fitting.evaluation.lite0 import frechet_change, frechet_estimate

FRECHET = "lite0_frechet"
Key = tuple[str, str, str, str]  # dataset, row, region, metric


class Table:
    """Values by data set, row, region and metric, and the features that the Fréchet distance compares."""

    def __init__(self) -> None:
        self._values: dict[Key, list[float]] = {}
        self._weights: dict[Key, list[float]] = {}
        self._fake: dict[tuple[str, str], list[Array]] = {}
        self._real: dict[str, dict[str, Array]] = {}

    def add(self, key: Key, value: float, weight: float = 1.0) -> None:
        """A case's value; with a weight, the share of sums is reported instead of the mean."""
        self._values.setdefault(key, []).append(value)
        self._weights.setdefault(key, []).append(weight)

    def add_result(self, dataset: str, row: str, features: Array) -> None:
        self._fake.setdefault((dataset, row), []).append(features)

    def add_photo(self, dataset: str, name: str, features: Array) -> None:
        """A real photo's features; the same photo counts once."""
        self._real.setdefault(dataset, {}).setdefault(name, features)

    def take(self, other: Table) -> None:
        """Go on with another table's values after one's own."""
        for key, values in other._values.items():
            self._values.setdefault(key, []).extend(values)
            self._weights.setdefault(key, []).extend(other._weights[key])
        for place, results in other._fake.items():
            self._fake.setdefault(place, []).extend(results)
        for dataset, photos in other._real.items():
            self._real[dataset] = photos | self._real.get(dataset, {})

    def numbers(self) -> dict[str, Any]:
        """`{dataset: {row: {region: {metric: {mean, low, high}}}}}`."""
        found: dict[str, Any] = {}
        for key, values in self._values.items():
            _put(found, key, bootstrap.mean(values, self._weights[key]))
        return found

    def frechet(self, name: str, sets: Iterable[str], photos: Iterable[str]) -> dict[str, Any]:
        """`{name: {row: {"inside": {"lite0_frechet": ...}}}}` of the results of some sets to real photos of some."""
        found: dict[str, Any] = {}
        real = self._photos(photos)
        for row in self._rows():
            fake = self._results(sets, row)
            if len(fake) > 1 and len(real) > 1:
                _put(found, (name, row, "inside", FRECHET), frechet_estimate(fake, real))
        return found

    def changes(self, row: str, other: str) -> dict[str, Any]:
        """`{dataset: {region: {metric: ...}}}`: how far a row's means lie from another's, as a share.

        Metrics that are means of cases alone.
        """
        found: dict[str, Any] = {}
        for (dataset, of, region, metric), values in self._values.items():
            others = self._values.get((dataset, other, region, metric), [])
            plain = set(self._weights[dataset, of, region, metric]) == {1.0}
            if of == row and plain and len(others) == len(values):
                _put(found, (dataset, region, metric), bootstrap.change(values, others))
        return found

    def frechet_change(self, sets: Iterable[str], photos: Iterable[str], row: str, other: str) -> Estimate | None:
        real = self._photos(photos)
        fake, base = self._results(sets, row), self._results(sets, other)
        if len(fake) != len(base) or min(len(fake), len(real)) < 2:
            return None
        return frechet_change(fake, base, real)

    def _rows(self) -> list[str]:
        return list(dict.fromkeys(row for _, row in self._fake))

    def _results(self, sets: Iterable[str], row: str) -> Array:
        return np.array([one for dataset in sets for one in self._fake.get((dataset, row), [])])

    def _photos(self, sets: Iterable[str]) -> Array:
        return np.array([one for dataset in sets for one in self._real.get(dataset, {}).values()])


def _put(found: dict[str, Any], path: tuple[str, ...], value: Estimate) -> None:
    for step in path[:-1]:
        found = found.setdefault(step, {})
    found[path[-1]] = value


def merged(*tables: dict[str, Any]) -> dict[str, Any]:
    """Nested tables as one."""
    result: dict[str, Any] = {}
    for table in tables:
        for key, value in table.items():
            known = result.get(key)
            result[key] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return result
