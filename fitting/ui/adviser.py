"""The recommender of the catalogue as it is now, for every visitor."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from fitting.catalogue import Catalogue
from fitting.errors import GarmentError, WeightsError
from fitting.events import Event
from fitting.garment import Category, Garment
from fitting.recommender import Recommendation, Recommender, Request, Shelves
from fitting.shop import Shop
from fitting.ui import words
from fitting.ui.shelves import ShopFront
from fitting.ui.shopper import Shopper

log = logging.getLogger(__name__)

AGAIN = 60.0  # seconds after which it is tried again to build a recommender: a database may be back
Load = Callable[[Catalogue], Recommender]
Answer = TypeVar("Answer")


class Adviser:
    """Builds a recommender once for each revision of the catalogue. Safe to use from several threads.

    What a visitor did is told to the recommender only while it answers them, and forgotten at once: so no visitor
    counts for another, and nothing is left of a visit that ended.
    """

    def __init__(self, shop: ShopFront, load: Load | None = None) -> None:
        """
        Args:
            load: makes a recommender; by default from the shipped weights and the events in the shop's store.
        """
        self._shop = shop
        self._load = load or self._shipped
        self._lock = threading.Lock()
        self._revision: int | None = None
        self._recommender: Recommender | None = None
        self._failed: float | None = None  # when it could not be built, though its weights are there

    def prepare(self) -> None:
        """Begin to build the recommender in the background, so that the first visitor need not wait for it."""
        threading.Thread(target=self.recommender, name="recommender", daemon=True).start()

    def recommender(self) -> Recommender | None:
        """The recommender of the catalogue as it is now; None where it cannot be used, and the log says why."""
        try:
            catalogue = self._shop.catalogue()
        except Exception:
            log.exception("the catalogue cannot be read: there are no recommendations")
            return None
        with self._lock:
            again = self._failed is not None and time.monotonic() - self._failed > AGAIN
            if self._revision != catalogue.revision or again:
                self._revision, self._recommender = catalogue.revision, self._built(catalogue)
            return self._recommender

    def shelves(self, shopper: Shopper, count: int) -> Shelves:
        """Both shelves for a visitor; empty where nothing can be recommended."""
        recommender = self.recommender()
        if recommender is None:
            return Shelves([], [])
        try:
            with _told(recommender, shopper):
                viewed = shopper.in_view if shopper.in_view in recommender.catalogue else None
                return recommender.shelves(Request(shopper.id, viewed, None, count))
        except Exception:
            log.exception("the recommender failed")
            return Shelves([], [])

    def recommend(
        self, shopper: Shopper, viewed: str | None, category: Category | None, count: int
    ) -> tuple[list[Recommendation], Catalogue] | None:
        """Items for a visitor, and the catalogue that they and their reasons are of; None without a recommender.

        Raises:
            GarmentError: there is no such item in view.
        """
        recommender = self.recommender()
        if recommender is None:
            return None
        if viewed is not None and viewed not in recommender.catalogue:
            raise GarmentError(words.NO_SUCH_ITEM)
        with _told(recommender, shopper):
            return recommender.recommend(Request(shopper.id, viewed, category, count)), recommender.catalogue

    def ask(self, events: Iterable[Event], question: Callable[[Recommender, str], Answer]) -> Answer | None:
        """Put a question to the recommender, which knows these events, under a name of their own, while it answers.

        Args:
            question: is given the recommender and that name.

        Returns:
            Its answer; None without a recommender.
        """
        recommender = self.recommender()
        if recommender is None:
            return None
        name = secrets.token_urlsafe(18)
        try:
            for event in events:
                recommender.note(replace(event, shopper=name))
            return question(recommender, name)
        finally:
            recommender.forget(name)

    def most_like(self, garment: Garment) -> str | None:
        """Id of the item on offer that looks most like a garment from elsewhere."""
        try:
            found = self._shop.catalogue().nearest(garment.embedding.cpu().numpy(), 1, garment.category)
        except ValueError:  # a catalogue without embeddings
            return None
        return found[0][0] if found else None

    def _built(self, catalogue: Catalogue) -> Recommender | None:
        self._failed = None
        try:
            recommender = self._load(catalogue)
            recommender.recommend(Request(count=1), explain=False)  # weights of another shape show here
        except WeightsError as error:
            log.warning("There are no recommendations: %s", error)
        except Exception as error:
            self._failed = time.monotonic()
            log.warning("There are no recommendations: the recommender does not fit the catalogue.", exc_info=error)
        else:
            return recommender
        return None

    def _shipped(self, catalogue: Catalogue) -> Recommender:
        if not isinstance(self._shop, Shop):
            raise WeightsError("this shop comes without a recommender")
        return Recommender.load(catalogue, self._shop.store.events())


@contextmanager
def _told(recommender: Recommender, shopper: Shopper) -> Iterator[None]:
    """The recommender knows what a visitor did in this visit, for as long as this lasts."""
    with shopper.asking:
        try:
            for event in shopper.events:
                recommender.note(event)
            yield
        finally:
            recommender.forget(shopper.id)
