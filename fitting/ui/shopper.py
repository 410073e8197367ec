"""What one visitor did, and what is on their shelves: in memory alone, and no longer than the visit lasts."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fitting.events import Event, EventKind
from fitting.item import Item


@dataclass
class Card:
    """An item on a shelf.

    Attributes:
        item: as the recommender knew it.
        why: the reason in a shopper's words and language; empty where there is none that can be proved.
        picture: path of the item on the visitor; without one, the shop's own picture is shown.
        waiting: whether it is still to be drawn on the visitor.
        beside: the garments that the picture shows it with, by their keys.
    """

    item: Item
    why: Callable[[], str] = str
    picture: str | None = None
    waiting: bool = True
    beside: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        return self.why()


@dataclass
class Shopper:
    """A visitor as the recommender knows them: a random id, and what they did in this visit.

    Hold `lock` to change the shelves. Nothing here is written down anywhere, and photos are no part of it.

    Attributes:
        in_view: id of the item that is chosen or worn; of the one most like it, where the garment is the visitor's own.
        own: whether the garment is the visitor's own.
        dressed: whether there was a first result; there are no shelves before.
        photo: path of the photo that cards are drawn on.
        goes_with, also_like: the two shelves.
        said: what a screen reader is told of the last change.
        asking: held while the recommender is asked for this visitor.
    """

    id: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    in_view: str | None = None
    own: bool = False
    dressed: bool = False
    photo: str | None = None
    goes_with: list[Card] = field(default_factory=list)
    also_like: list[Card] = field(default_factory=list)
    said: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    asking: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _events: dict[tuple[str, EventKind], Event] = field(default_factory=dict, repr=False)
    _round: int = 0
    _gone: bool = False

    def did(self, item: str, kind: EventKind) -> None:
        """Count something that the visitor did; done again, only the last time counts."""
        with self.lock:
            if self._gone:
                return
            self._events.pop((item, kind), None)
            latest = max((event.at for event in self._events.values()), default=0.0)
            at = max(time.time(), latest)  # a clock that is set back does not turn their order round
            self._events[item, kind] = Event(self.id, item, kind, at)

    def undo(self, item: str, kind: EventKind) -> None:
        with self.lock:
            self._events.pop((item, kind), None)

    def has(self, item: str, kind: EventKind) -> bool:
        with self.lock:
            return (item, kind) in self._events

    @property
    def events(self) -> list[Event]:
        """What the visitor did, the oldest first."""
        with self.lock:
            return list(self._events.values())

    def choose(self, item: str | None, own: bool = False) -> None:
        """Another garment is looked at: what is being drawn is of no interest any more."""
        with self.lock:
            self.in_view, self.own = item, own
            self.stop()

    def cards(self) -> Iterator[Card]:
        """Cards of both shelves, by turns, as they are seen."""
        for place in range(max(len(self.goes_with), len(self.also_like))):
            for shelf in (self.goes_with, self.also_like):
                yield from shelf[place : place + 1]

    def clear(self) -> None:
        """Take everything off the shelves."""
        with self.lock:
            self.stop()
            self.goes_with, self.also_like, self.said = [], [], ""

    def stop(self) -> int:
        """Stop drawing cards; returns the number of a new round of drawing."""
        with self.lock:
            self._round += 1
            return self._round

    def is_current(self, number: int) -> bool:
        """Whether a round of drawing is still wanted."""
        with self.lock:
            return self._round == number and not self._gone

    def forget(self) -> None:
        """The visit is over: drop everything, and take in nothing more."""
        with self.lock:
            self._gone = True
            self._events.clear()
            self.choose(None)
            self.dressed, self.photo = False, None
            self.clear()
