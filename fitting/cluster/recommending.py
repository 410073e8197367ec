"""The recommender elsewhere: what is asked of it, and what it answers.

Nothing is kept there of a visitor: whoever asks sends along what the visitor did, which is forgotten with the answer.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from threading import Lock
from typing import Any

import torch

from fitting import weights
from fitting.catalogue import Catalogue
from fitting.cluster.answering import Answers
from fitting.cluster.calling import Line
from fitting.cluster.wire import Message
from fitting.events import Event, EventKind
from fitting.garment import Category
from fitting.reasons import Reason
from fitting.recommend import Taste
from fitting.recommender import Recommendation, Recommender, Request, Shelves
from fitting.shop import Shop

MOST = 1000  # events sent along, draws asked for


class RemoteRecommender(Recommender):
    """Asks the service at an address; to whoever uses it, the same as `Recommender`. Serves one state of a catalogue,
    of which the service may already know the next: items that are not in this one are left out."""

    def __init__(self, line: Line, catalogue: Catalogue) -> None:
        self.line, self.catalogue = line, catalogue
        self._noted: dict[str, list[Event]] = {}

    @cached_property
    def taste(self) -> Taste:  # type: ignore[override]  # small, and needed only to look into the recommender
        """The players, in this process."""
        return weights.load(Taste, "recommender").eval()

    @cached_property
    def features(self) -> torch.Tensor:  # type: ignore[override]
        """(N, D) of the catalogue's items."""
        with torch.inference_mode():
            return self.taste.features(torch.from_numpy(self.catalogue.vectors))

    def note(self, event: Event) -> None:
        """Send this along with every later question about the shopper."""
        if event.item in self.catalogue:
            self._noted.setdefault(event.shopper, []).append(event)

    def forget(self, shopper: str) -> None:
        """Drop a shopper's history."""
        self._noted.pop(shopper, None)

    def recommend_all(
        self, requests: Sequence[Request], now: float | None = None, explain: bool = True
    ) -> list[list[Recommendation]]:
        """See `Recommender.recommend_all`."""
        answers = (self._ask("items", request, now, explain=explain) for request in requests)
        return [self._shelf(answer.about.get("items")) for answer in answers]

    def shelves(self, request: Request, now: float | None = None, explain: bool = True) -> Shelves:
        """See `Recommender.shelves`."""
        about = self._ask("shelves", request, now, explain=explain).about
        return Shelves(self._shelf(about.get("goes_with")), self._shelf(about.get("also_like")))

    def drawn(self, request: Request, count: int, now: float | None = None) -> torch.Tensor:
        """See `Recommender.drawn`."""
        return self._ask("drawn", request, now, count=count).tensor("features", torch.float32, count, None)

    def attended(self, request: Request, now: float | None = None) -> list[tuple[str, EventKind, float]]:
        """See `Recommender.attended`."""
        done = self._ask("attended", request, now).about.get("attended", ())
        return [(str(item), EventKind(kind), float(share)) for item, kind, share in done if item in self.catalogue]

    def _ask(self, question: str, request: Request, now: float | None, **more: Any) -> Message:
        if request.viewed is not None:
            self.catalogue.get(request.viewed)  # raises KeyError
        noted = self._noted.get(request.shopper or "", ())
        events = [(event.item, event.kind.value, event.at) for event in noted[-MOST:]]
        asked = {**asdict(request), "category": request.category.value if request.category else None}
        return self.line.ask(
            f"recommend/{question}", Message(about={**more, "asked": asked, "now": now, "did": events})
        )

    def _shelf(self, entries: Any) -> list[Recommendation]:  # type: ignore[override]
        return [
            Recommendation(self.catalogue.get(entry["item"]), float(entry["score"]), self._reasons(entry["reasons"]))
            for entry in entries or ()
            if entry["item"] in self.catalogue
        ]

    def _reasons(self, entries: Any) -> tuple[Reason, ...]:  # type: ignore[override]
        return tuple(
            Reason(item, EventKind(kind), drop, attention)
            for item, kind, drop, attention in entries
            if item in self.catalogue
        )


class Advice:
    """A shop's recommender as the shop is now, and its answers. Safe to use from several threads."""

    def __init__(
        self, shop: Shop, load: Callable[[Catalogue, Iterable[Event]], Recommender] = Recommender.load
    ) -> None:
        self._shop, self._load = shop, load
        self._lock = Lock()
        self._recommender: Recommender | None = None

    def answers(self) -> Answers:
        """By question."""
        return {"ready": self._ready, "items": self._items, "shelves": self._shelves, "drawn": self._drawn} | {
            "attended": self._attended
        }

    def recommender(self) -> Recommender:
        """Built once for each revision of the catalogue."""
        catalogue = self._shop.catalogue()
        with self._lock:
            if self._recommender is None or self._recommender.catalogue.revision != catalogue.revision:
                self._recommender = self._load(catalogue, self._shop.store.events())
            return self._recommender

    def _ready(self, message: Message) -> Message:
        return Message(about={"items": len(self.recommender().catalogue)})

    def _items(self, message: Message) -> Message:
        def ask(recommender: Recommender, request: Request, now: float | None) -> Message:
            found = recommender.recommend(request, now, bool(message.about.get("explain")))
            return Message(about={"items": _entries(found)})

        return self._told(message, ask)

    def _shelves(self, message: Message) -> Message:
        def ask(recommender: Recommender, request: Request, now: float | None) -> Message:
            found = recommender.shelves(request, now, bool(message.about.get("explain")))
            return Message(about={"goes_with": _entries(found.goes_with), "also_like": _entries(found.also_like)})

        return self._told(message, ask)

    def _drawn(self, message: Message) -> Message:
        count = min(int(message.about.get("count", 1)), MOST)
        return self._told(message, lambda r, request, now: Message({"features": r.drawn(request, count, now)}))

    def _attended(self, message: Message) -> Message:
        return self._told(message, lambda r, request, now: Message(about={"attended": r.attended(request, now)}))

    def _told(self, message: Message, ask: Callable[[Recommender, Request, float | None], Message]) -> Message:
        """Ask while the recommender knows what the visitor did, under a name that nobody else has."""
        asked, now = dict(message.about.get("asked") or {}), message.about.get("now")
        category = asked.get("category")
        request = Request(**{**asked, "category": Category(category) if category else None})
        recommender = self.recommender()
        if request.viewed is not None and request.viewed not in recommender.catalogue:
            request = replace(request, viewed=None)  # it was sold out a moment ago
        name = secrets.token_urlsafe(18)
        before = self._shop.store.events(request.shopper) if request.shopper is not None else []
        did = [Event(name, str(item), EventKind(kind), float(at)) for item, kind, at in message.about.get("did", ())]
        try:
            for event in [*(replace(event, shopper=name) for event in before), *did]:
                recommender.note(event)
            return ask(recommender, replace(request, shopper=name), now)
        finally:
            recommender.forget(name)


def _entries(found: Iterable[Recommendation]) -> list[dict[str, Any]]:
    return [
        {
            "item": entry.item.id,
            "score": entry.score,
            "reasons": [(why.item, why.kind.value, why.drop, why.attention) for why in entry.reasons],
        }
        for entry in found
    ]
