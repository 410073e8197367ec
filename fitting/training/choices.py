"""What shoppers chose, and what was known of them before: batches for the recommender's training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fitting.condition import KINDS, Condition
from fitting.events import EventKind
from fitting.histories import LONGEST, History, conditions

Array = NDArray[Any]

VISIT_ALONE = 0.2  # share of choices of which no earlier visit is told, as of a browser
VISIT = 3600.0  # seconds: what was viewed longer before a choice was not in view any more
CHOICES = {EventKind.BOUGHT: 1.0, EventKind.LIKED: 0.7, EventKind.TRIED: 0.2}  # how often each kind is learned


@dataclass(frozen=True)
class Choices:
    """A batch of shoppers and what they chose.

    Attributes:
        condition: of B shoppers; holds nothing of what they chose.
        chosen: (B,) one item of each, the real sample.
        rows, items: (P,) pairs: shopper `rows[p]` of the batch chose item `items[p]`; `chosen` is among them.
        known_rows, known_items: pairs that are no candidates, for the condition tells of them: as it tells nothing of
            the chosen, whatever it tells of would be learned to be wrong.
        features: (N, D) of the items in this batch, where they are others than the source's.
    """

    condition: Condition
    chosen: Tensor
    rows: Tensor
    items: Tensor
    known_rows: Tensor
    known_items: Tensor
    features: Tensor | None = None


class ChoiceSource(Protocol):
    """Batches, each a pure function of its step."""

    features: Tensor  # (N, D)
    links: Any  # (N, N) weights of a linear model that the generator begins with; None for none

    def batch(self, step: int, size: int) -> Choices: ...


class Visits:
    """Choices in the order of time: the condition is what came before, and what else was viewed in that visit.

    Args:
        found: histories of shoppers.
        features: (N, D) of the catalogue.
        categories: (N,) the items' categories, from 1.
        links: see `ChoiceSource`.
        longest: events of a history that are looked at: the latest.
    """

    def __init__(
        self,
        found: Sequence[History],
        features: Tensor,
        categories: Array,
        seed: int = 0,
        links: Any = None,
        longest: int = LONGEST,
    ) -> None:
        self.features, self.links, self._longest = features, links, longest
        self._found, self._categories, self._seed = list(found), categories, seed
        weights = np.array([CHOICES.get(kind, 0.0) for kind in KINDS])
        owner = np.repeat(np.arange(len(found)), [len(history) for history in found])
        place = np.concatenate([np.arange(len(history)) for history in found] or [np.zeros(0, np.int64)])
        loud = weights[np.concatenate([history.kinds for history in found] or [np.zeros(0, np.int64)])]
        self._events = np.stack([owner, place], 1)[loud > 0]
        if not len(self._events):
            raise ValueError("there is nothing to learn: nobody bought, liked or tried anything")
        self._share = loud[loud > 0] / loud.sum()

    def batch(self, step: int, size: int) -> Choices:
        random = np.random.default_rng((self._seed, step))
        picked = self._events[random.choice(len(self._events), size, p=self._share)]
        past, now, viewed, chosen = [], [], [], []
        for owner, place in picked:
            history = self._found[owner]
            item, moment = history.items[place], history.at[place]
            told = (history.at < moment) & (history.items != item)
            if random.random() < VISIT_ALONE:
                told &= history.at > moment - VISIT
            before = history.where(told)
            past.append(before)
            now.append(moment)
            viewed.append(in_view(before, moment))
            chosen.append(item)
        known = [np.unique(history.items) for history in past]  # what is told is never what was chosen
        rows = np.repeat(np.arange(size), [len(items) for items in known])
        items = torch.tensor(np.array(chosen))
        category = self._categories[np.array(chosen)].tolist()
        condition = conditions(past, now, self.features, viewed, category, longest=self._longest)
        return Choices(
            condition, items, torch.arange(size), items, torch.from_numpy(rows), torch.from_numpy(np.concatenate(known))
        )


def in_view(before: History, moment: float) -> int:
    """The item viewed or tried last in the same visit; -1 where there was none."""
    if len(before) == 0 or moment - before.at[-1] > VISIT:
        return -1
    return int(before.items[-1])


@dataclass(frozen=True)
class Fold:
    """Interactions in two parts: what is told, and what has to be found from it.

    Attributes:
        told, hidden: (users, items) sparse.
        features: (N, D) of the items, made from what is told alone. Features made from what is hidden too give it
            away, above all that of rare items: a network learns to trust them more than it later should.
    """

    told: Any
    hidden: Any
    features: Tensor


class Sets:
    """Choices without order: part of what each user has is hidden, and has to be found from the rest.

    Args:
        folds: one at a time, in turn.
        features: (N, D) of the items, made from all interactions.
        longest: items of a history that are looked at.
        lost: of what is told, the greatest share that is kept back all the same.
        links: see `ChoiceSource`.
    """

    def __init__(
        self,
        folds: Sequence[Fold],
        features: Tensor,
        longest: int = 150,
        lost: float = 0.3,
        seed: int = 0,
        links: Any = None,
    ) -> None:
        self.features, self.links = features, links
        self._folds, self._longest, self._lost, self._seed = folds, longest, lost, seed
        sized = [(np.diff(fold.told.indptr) > 0) & (np.diff(fold.hidden.indptr) > 0) for fold in folds]
        self._users = [np.flatnonzero(both) for both in sized]

    def batch(self, step: int, size: int) -> Choices:
        random = np.random.default_rng((self._seed, step))
        fold, users = self._folds[step % len(self._folds)], self._users[step % len(self._folds)]
        users = random.choice(users, size, replace=len(users) < size)
        known = [row(fold.told, user) for user in users]
        chosen = [random.permutation(row(fold.hidden, user)) for user in users]
        told = [random.permutation(items)[int(len(items) * random.uniform(0, self._lost)) :] for items in known]
        return Choices(
            as_condition([items[: self._longest] for items in told], fold.features),
            torch.tensor([int(items[0]) for items in chosen]),
            *_pairs(chosen),
            *_pairs(known),
            fold.features,
        )


def row(interactions: Any, user: Any) -> Array:
    """The items that a user has."""
    items: Array = interactions.indices[interactions.indptr[user] : interactions.indptr[user + 1]]
    return items


def as_condition(found: Sequence[Array], features: Tensor) -> Condition:
    """Sets of items as histories of purchases, all of one moment."""
    kind = KINDS.index(EventKind.BOUGHT)
    made = [History(items, np.full(len(items), kind), np.zeros(len(items))) for items in found]
    return conditions(made, [0.0] * len(made), features, longest=max(map(len, made)))


def _pairs(found: Sequence[Array]) -> tuple[Tensor, Tensor]:
    rows = np.repeat(np.arange(len(found)), [len(items) for items in found])
    return torch.from_numpy(rows), torch.from_numpy(np.concatenate(found).astype(np.int64))
