"""`Recommender`: for a visitor, items that the generator would have them like, each with its reasons."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from fitting import weights
from fitting.catalogue import Catalogue
from fitting.collaborative import Collaborative, collaborative
from fitting.condition import KINDS, Condition
from fitting.events import Event, EventKind
from fitting.garment import Category
from fitting.histories import NOTHING, Array, History, conditions, histories, interactions
from fitting.item import Item
from fitting.ranking import Serving, blended, days_since, diversified, draw, parts
from fitting.reasons import Reason, reasons
from fitting.recommend import Taste
from fitting.vectors import ExactIndex

NUMBERS = {category: number for number, category in enumerate(Category, start=1)}
COMPLETES = {  # what is worn together with each: nobody wears a dress with trousers, or with another top
    Category.UPPER: (Category.LOWER, Category.OUTER),
    Category.LOWER: (Category.UPPER, Category.OUTER),
    Category.DRESS: (Category.OUTER,),
    Category.OUTER: (Category.UPPER, Category.LOWER, Category.DRESS),
}
SMALL = 2000  # items that are all scored; of more, those near the generator's draws


@dataclass(frozen=True)
class Request:
    """Who looks for what.

    Attributes:
        shopper: id; None or an unknown one is a newcomer.
        viewed: id of the item being viewed or worn.
        category: of this category alone.
        count: at most so many items.
        seed: of the generator's noise; the same seed gives the same items.
    """

    shopper: str | None = None
    viewed: str | None = None
    category: Category | None = None
    count: int = 8
    seed: int = 0


@dataclass(frozen=True)
class Recommendation:
    """An item, its score, and what in the shopper's history moved it."""

    item: Item
    score: float
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Shelves:
    """What is shown beside an item.

    Attributes:
        goes_with: of the categories that complete the look (`COMPLETES`); empty in a shop that sells none of them.
        also_like: of the same category.
    """

    goes_with: list[Recommendation]
    also_like: list[Recommendation]


class Recommender:
    """Serves one state of a catalogue; what shoppers do next is taken in with `note`.

    Items that came after training are served like all others, for only their pictures' embeddings are needed.
    """

    def __init__(
        self, taste: Taste, catalogue: Catalogue, events: Iterable[Event] = (), serving: Serving | None = None
    ) -> None:
        """
        Args:
            taste: trained players.
            catalogue: with embeddings.
            events: all that shoppers did, in any order.
        """
        self.taste, self.catalogue, self.serving = taste.eval(), catalogue, serving or Serving()
        self._items = catalogue.items
        self._places = {item.id: place for place, item in enumerate(self._items)}
        with torch.inference_mode():
            self.features = taste.features(torch.from_numpy(catalogue.vectors))
        kinds, stock = [item.category for item in self._items], [item.in_stock for item in self._items]
        self._index = ExactIndex([item.id for item in self._items], self.features.numpy(), kinds, stock)
        self._categories, self._stock = np.array([NUMBERS[kind] for kind in kinds]), np.array(stock)
        self._added = np.array([item.added for item in self._items])
        self._histories = histories(events, self._places)
        matrix = interactions(list(self._histories.values()), len(self._items))
        self._collaborative: Collaborative | None = collaborative(matrix) if matrix.nnz else None

    @classmethod
    def load(cls, catalogue: Catalogue, events: Iterable[Event] = (), folder: Path | None = None) -> Recommender:
        """With the shipped weights, or those in another folder.

        Raises:
            WeightsError: they are missing or damaged.
        """
        return cls(weights.load(Taste, "recommender", folder), catalogue, events)

    def note(self, event: Event) -> None:
        """Take in what a shopper just did. An item that the catalogue does not have is passed over."""
        for shopper, new in histories([event], self._places).items():
            old = self._histories.get(shopper, NOTHING)
            joined = [np.concatenate(pair) for pair in zip(vars(old).values(), vars(new).values(), strict=True)]
            self._histories[shopper] = History(*joined)

    def forget(self, shopper: str) -> None:
        """Drop a shopper's history."""
        self._histories.pop(shopper, None)

    def recommend(self, request: Request, now: float | None = None, explain: bool = True) -> list[Recommendation]:
        """Items for a visitor, best first; never what they bought or turned down.

        Args:
            request: who looks for what.
            now: seconds since the epoch; the clock's time by default.
            explain: also find the reasons.

        Raises:
            KeyError: the item in view is not in the catalogue.
        """
        return self.recommend_all([request], now, explain)[0]

    def recommend_all(
        self, requests: Sequence[Request], now: float | None = None, explain: bool = True
    ) -> list[list[Recommendation]]:
        """`recommend` for many visitors."""
        return [self._shelf(request, [request.category], _clock(now), explain) for request in requests]

    def shelves(self, request: Request, now: float | None = None, explain: bool = True) -> Shelves:
        """Both shelves beside the item in view; without one, the second holds items of every category.

        Raises:
            KeyError: the item in view is not in the catalogue.
        """
        moment = _clock(now)
        if request.viewed is None:
            return Shelves([], self._shelf(request, [None], moment, explain))
        same = self.catalogue.get(request.viewed).category
        sold = {item.category for item in self._items if item.in_stock}
        others = [category for category in COMPLETES[same] if category in sold]
        goes_with = self._shelf(request, others, moment, explain) if others else []
        return Shelves(goes_with, self._shelf(request, [same], moment, explain))

    def drawn(self, request: Request, count: int, now: float | None = None) -> torch.Tensor:
        """Features (count, D) of items that the generator would have a visitor like, whether they exist or not.

        Raises:
            KeyError: the item in view is not in the catalogue.
        """
        viewed = -1 if request.viewed is None else self.catalogue.place(request.viewed)
        condition = self._condition(request, self._history(request), viewed, _clock(now))
        with torch.inference_mode():
            return draw(self.taste, condition, count, request.seed)[0]

    def attended(self, request: Request, now: float | None = None) -> list[tuple[str, EventKind, float]]:
        """What a visitor did, the oldest first: item, what was done, and the share of the generator's attention.

        Raises:
            KeyError: the item in view is not in the catalogue.
        """
        recent = self._history(request).latest()
        viewed = -1 if request.viewed is None else self.catalogue.place(request.viewed)
        with torch.inference_mode():
            condition = self._condition(request, self._history(request), viewed, _clock(now))
            attention = self.taste.generator.encoder.attend(condition)[2][0].tolist()
        done = zip(recent.items.tolist(), recent.kinds.tolist(), attention, strict=False)
        return [(self._items[item].id, KINDS[kind], share) for item, kind, share in done]

    def _shelf(
        self, request: Request, categories: Sequence[Category | None], now: float, explain: bool
    ) -> list[Recommendation]:
        """The best of some categories, diversified."""
        history = self._history(request)
        viewed = -1 if request.viewed is None else self.catalogue.place(request.viewed)
        left_out = np.union1d(np.union1d(history.bought, history.refused), [viewed])
        asked = [replace(request, category=category) for category in categories]
        places: list[Array] = []
        scores: list[Array] = []
        for one in asked:
            condition = self._condition(one, history, viewed, now)
            found = self._candidates(one, condition, left_out)
            places.append(found)
            scores.append(self._scores(one, condition, history, found, now)[0])
        place, score = np.concatenate(places), np.concatenate(scores)
        order = diversified(score, self.features[place].numpy(), request.count, self.serving.diversity)
        why: dict[int, tuple[Reason, ...]] = {}
        for one, found in zip(asked, places, strict=True):
            shown = np.intersect1d(place[order], found)
            if explain and len(history) and len(shown):
                why |= self._reasons(one, history, viewed, shown, now)
        return [
            Recommendation(self._items[place[row]], float(score[row]), why.get(int(place[row]), ())) for row in order
        ]

    def _history(self, request: Request) -> History:
        return self._histories.get(request.shopper, NOTHING) if request.shopper is not None else NOTHING

    def _condition(self, request: Request, history: History, viewed: int, now: float) -> Condition:
        category = 0 if request.category is None else NUMBERS[request.category]
        attributes = torch.zeros(1, self.taste.config.attributes)
        return conditions([history], [now], self.features, [viewed], [category], attributes)

    def _candidates(self, request: Request, condition: Condition, left_out: Array) -> Array:
        """Places of items worth a score: all of a small catalogue, else those near the draws."""
        if len(self._items) <= SMALL:
            allowed = self._stock.copy()
            if request.category is not None:
                allowed &= self._categories == NUMBERS[request.category]
            allowed[left_out[left_out >= 0]] = False
            return np.asarray(np.flatnonzero(allowed))
        with torch.inference_mode():
            drawn = draw(self.taste, condition, self.serving.draws, request.seed)[0].numpy()
        near = self._index.search(drawn, self.serving.near + len(left_out), request.category)
        found = np.unique([self._places[item] for hits in near for item, _ in hits]).astype(np.int64)
        return np.setdiff1d(found, left_out)

    @torch.inference_mode()
    def _scores(self, request: Request, condition: Condition, history: History, places: Array, now: float) -> Array:
        """(B, M) blended scores of some items, for B variants of one visitor's condition."""
        drawn = draw(self.taste, condition, self.serving.draws, request.seed)
        linear = np.stack([self._linear(history, present, places) for present in condition.present.numpy()])
        ages = days_since(self._added[places], now)
        found = parts(self.taste, condition, drawn, self.features[torch.from_numpy(places)], linear, ages)
        return blended(found, self.taste.config.blend)

    def _linear(self, history: History, present: Array, places: Array) -> Array:
        """(M,) collaborative scores from what is present of a history."""
        recent = history.latest()
        kept = recent.where(present[: len(recent)])
        row = interactions([kept], len(self._items))
        if self._collaborative is None or not row.nnz:
            return np.zeros(len(places), np.float32)
        return self._collaborative.scores_of(row.indices, row.data, places)

    def _reasons(
        self, request: Request, history: History, viewed: int, places: Array, now: float
    ) -> dict[int, tuple[Reason, ...]]:
        recent = history.latest()
        condition = self._condition(request, history, viewed, now)
        with torch.inference_mode():
            attention = self.taste.generator.encoder.attend(condition)[2][0].numpy()

        def scores(kept: Array) -> Array:
            times = condition.take(torch.zeros(len(kept), dtype=torch.long))
            return self._scores(request, times.keeping(torch.from_numpy(kept)), history, places, now)

        found = reasons(scores, recent, attention[: len(recent)], request.seed)
        return {
            int(place): tuple(replace(reason, item=self._items[int(reason.item)].id) for reason in why)
            for place, why in zip(places, found, strict=True)
        }


def _clock(now: float | None) -> float:
    return time.time() if now is None else now


def because(reason: Reason, catalogue: Catalogue) -> str:
    """A reason as a visitor reads it."""
    verbs = {
        EventKind.BOUGHT: "bought",
        EventKind.LIKED: "liked",
        EventKind.TRIED: "tried on",
        EventKind.VIEWED: "looked at",
        EventKind.DISLIKED: "turned down",
    }
    return f"because you {verbs[reason.kind]} {catalogue.get(reason.item).title}"
