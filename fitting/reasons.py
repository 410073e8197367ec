"""Why an item is on the shelf: what of the history it would have scored less without.

Attention weights are given beside each reason, but are no proof of one (Jain and Wallace 2019, arXiv:1902.10186).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitting.condition import KINDS
from fitting.events import LOUDNESS, EventKind
from fitting.histories import History

Array = NDArray[Any]
Scores = Callable[[Array], Array]  # (B, L) which events are kept -> (B, M) scores of M items

MOST = 2  # reasons an item
RANDOM = 8  # random removals that a reason is compared with
LOOKED_AT = 24  # items of a history that are tried as reasons: the latest


@dataclass(frozen=True)
class Reason:
    """An item of the history that moved another onto the shelf.

    Attributes:
        item: its id.
        kind: the loudest of what was done with it.
        drop: how much less the recommended item would score without it.
        attention: share of the generator's attention that it gets, in [0, 1].
    """

    item: str
    kind: EventKind
    drop: float
    attention: float


def reasons(scores: Scores, history: History, attention: Array, seed: int = 0) -> list[tuple[Reason, ...]]:
    """The reasons of M items, the strongest first; `Reason.item` holds a place in the catalogue.

    An item of the history is a candidate if the score drops when all its events are left out. The candidates shown
    must pass a deletion test: leaving all of them out costs more than leaving out as many others at random does,
    on average. Where there are no others to compare with, a drop alone counts.

    Args:
        scores: scores of the M items from parts of the history.
        history: L events, the oldest first.
        attention: (L,) weights.
    """
    whole = np.ones((1, len(history)), bool)
    owned = _latest(history.items, LOOKED_AT)
    without = np.stack([history.items != item for item in owned])
    scored = scores(np.concatenate([whole, without]))
    drops = scored[0] - scored[1:]  # (H, M)
    random = np.random.default_rng(seed)
    chosen = [_strongest(drops[:, column]) for column in range(drops.shape[1])]
    tests = [_removals(history, owned, picked, random) for picked in chosen]
    results = scores(np.concatenate(tests)) if tests else np.zeros((0, 0))
    found: list[tuple[Reason, ...]] = []
    start = 0
    for column, (picked, test) in enumerate(zip(chosen, tests, strict=True)):
        after = results[start : start + len(test), column]
        start += len(test)
        passed = len(picked) > 0 and (len(after) < 2 or after[0] < after[1:].mean())
        found.append(
            tuple(_reason(history, owned[row], drops[row, column], attention) for row in picked) if passed else ()
        )
    return found


def _latest(items: Array, count: int) -> Array:
    """Different items, the latest last."""
    _, back = np.unique(items[::-1], return_index=True)
    return items[::-1][np.sort(back)[:count]][::-1]


def _strongest(drops: Array) -> Array:
    order = np.argsort(-drops, kind="stable")[:MOST]
    return order[drops[order] > 1e-4]


def _removals(history: History, owned: Array, picked: Array, random: np.random.Generator) -> Array:
    """(1 + R, L): without the reasons, then without as many others, several times at random."""
    others = np.delete(np.arange(len(owned)), picked)
    removed = [owned[picked]]
    if len(picked) and len(others):
        number = min(len(picked), len(others))
        removed += [owned[random.choice(others, number, replace=False)] for _ in range(RANDOM)]
    return np.stack([~np.isin(history.items, items) for items in removed])


def _reason(history: History, item: int, drop: float, attention: Array) -> Reason:
    events = history.items == item
    kind = max((KINDS[number] for number in history.kinds[events]), key=lambda kind: LOUDNESS[kind])
    return Reason(str(int(item)), kind, float(drop), float(attention[events].sum()))
