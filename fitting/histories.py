"""What each shopper did, as arrays, and batches of conditions made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from fitting.condition import DAY, KINDS, Condition
from fitting.events import LOUDNESS, Event, EventKind

Array = NDArray[Any]

LONGEST = 100  # events of a history that are looked at: the latest
_LOUD = np.array([LOUDNESS[kind] for kind in KINDS], np.float32)
BOUGHT = KINDS.index(EventKind.BOUGHT)
DISLIKED = KINDS.index(EventKind.DISLIKED)


@dataclass(frozen=True)
class History:
    """One shopper's events, the oldest first.

    Attributes:
        items: (L,) places in the catalogue.
        kinds: (L,) places in `KINDS`.
        at: (L,) seconds since the epoch.
    """

    items: Array
    kinds: Array
    at: Array

    def __len__(self) -> int:
        return len(self.items)

    def where(self, kept: Array) -> History:
        """The events at these places, or where this is true."""
        return History(self.items[kept], self.kinds[kept], self.at[kept])

    def latest(self, count: int = LONGEST) -> History:
        return self.where(np.arange(max(len(self) - count, 0), len(self)))

    def before(self, moment: float) -> History:
        return self.where(self.at < moment)

    @property
    def bought(self) -> Array:
        return np.unique(self.items[self.kinds == BOUGHT])

    @property
    def refused(self) -> Array:
        """Items that were disliked, and not bought all the same."""
        return np.setdiff1d(self.items[self.kinds == DISLIKED], self.bought)


NOTHING = History(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def histories(events: Iterable[Event], places: Mapping[str, int]) -> dict[str, History]:
    """Shopper -> history. Events with items that are not in the catalogue (any more) are left out."""
    rows: dict[str, list[tuple[float, int, int]]] = {}
    for event in events:
        place = places.get(event.item)
        if place is not None:
            rows.setdefault(event.shopper, []).append((event.at, place, KINDS.index(event.kind)))
    return {shopper: _history(sorted(found, key=lambda row: row[0])) for shopper, found in rows.items()}


def _history(rows: Sequence[tuple[float, int, int]]) -> History:
    at, items, kinds = zip(*rows, strict=True)
    return History(np.array(items, np.int64), np.array(kinds, np.int64), np.array(at, np.float64))


def interactions(found: Sequence[History], items: int) -> Any:
    """(shoppers, items) sparse matrix: how loud the loudest event of each pair was (`LOUDNESS`)."""
    rows = np.repeat(np.arange(len(found)), [len(history) for history in found])
    columns = np.concatenate([history.items for history in found] or [np.zeros(0, np.int64)])
    loud = _LOUD[np.concatenate([history.kinds for history in found] or [np.zeros(0, np.int64)])]
    order = np.lexsort((-loud, columns, rows))
    rows, columns, loud = rows[order], columns[order], loud[order]
    first = np.ones(len(rows), bool)
    first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    first &= loud > 0
    return sparse.csr_array((loud[first], (rows[first], columns[first])), shape=(len(found), items))


def conditions(
    found: Sequence[History],
    now: Sequence[float],
    features: Tensor,
    viewed: Sequence[int] | None = None,
    category: Sequence[int] | None = None,
    attributes: Tensor | None = None,
    longest: int = LONGEST,
) -> Condition:
    """What is known of shoppers.

    Args:
        found: their histories.
        now: when, for each.
        features: (N, D) of the catalogue.
        viewed: the place of the item in view, -1 for none.
        category: the wanted category from 1, 0 for any.
        attributes: (B, A).
        longest: events of a history that count: the latest.
    """
    found = [history.latest(longest) for history in found]
    columns = max([1, *(len(history) for history in found)])
    items = np.zeros((len(found), columns), np.int64)
    kinds, ages = np.zeros_like(items), np.zeros(items.shape, np.float32)
    present = np.zeros(items.shape, bool)
    for row, history in enumerate(found):
        number = len(history)
        items[row, :number], kinds[row, :number], present[row, :number] = history.items, history.kinds, True
        ages[row, :number] = np.maximum(now[row] - history.at, 0) / DAY
    there = torch.from_numpy(present)
    seen = torch.tensor([-1] * len(found) if viewed is None else list(viewed))
    return Condition(
        features[torch.from_numpy(items)] * there[..., None],
        torch.from_numpy(kinds),
        torch.from_numpy(ages),
        there,
        features[seen.clamp(min=0)] * (seen >= 0)[:, None],
        torch.tensor([0] * len(found) if category is None else list(category)),
        torch.zeros(len(found), 0) if attributes is None else attributes,
    )
