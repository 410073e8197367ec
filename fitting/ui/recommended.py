"""The shelves beside a result: what is on them, drawn on the visitor, and what the visitor makes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace

import gradio as gr

from fitting.errors import FittingError, PhotoError
from fitting.events import EventKind
from fitting.item import Item
from fitting.outfit import Dresser, Outfit
from fitting.recommender import Recommendation, because
from fitting.room import FittingRoom
from fitting.ui import cards, languages, words
from fitting.ui.adviser import Adviser
from fitting.ui.look import Look, Piece, outfit_of
from fitting.ui.shelves import ShopFront
from fitting.ui.shopper import Card, Shopper
from fitting.ui.telling import decoded
from fitting.ui.turns import Turns
from fitting.ui.visits import Visit, VisitOverError, Visits

log = logging.getLogger(__name__)

SHELF = 6  # cards on a shelf

Figure = tuple[Dresser, Outfit]  # who dresses the visitor, and what the visitor wears already


@dataclass(frozen=True)
class Recommended:
    """What happens on the shelves; the answers are the HTML of both."""

    room: FittingRoom
    shop: ShopFront
    adviser: Adviser
    visits: Visits
    turns: Turns

    def lay_out(self, photo: str | None, request: gr.Request) -> str:
        """Fill the shelves anew for the garment that is chosen; there are none before the first result.

        Cards that are on the shelves already keep their pictures, unless the photo is another one now, or what is
        worn beside their garments.
        """
        visit = self._visit(request)
        shopper = visit.shopper
        if not shopper.dressed:
            shopper.clear()
            self._tidy(visit)
            return ""
        found = self.adviser.shelves(shopper, SHELF)
        with shopper.lock:
            look = visit.wardrobe.look
            kept = (card for card in shopper.cards() if not card.waiting and photo == shopper.photo)
            kept = (card for card in kept if card.beside == beside(look, card.item).keys)
            drawn = {card.item.id: card for card in kept}
            shopper.clear()
            shopper.photo = photo
            shopper.goes_with = self._cards(found.goes_with, shopper, drawn)
            shopper.also_like = self._cards(found.also_like, shopper, drawn)
            self._begin_with_likeness(shopper, drawn)
        self._tidy(visit)
        return self._html(shopper)

    def draw(self, request: gr.Request) -> Iterator[str]:
        """Draw the cards that wait on the visitor, a few at a time, until something else is chosen."""
        visit = self._visit(request)
        shopper = visit.shopper
        number = shopper.stop()  # a drawing that is still under way gives way to this one
        if self._next(shopper, number):
            look = visit.wardrobe.look
            painters = ThreadPoolExecutor(self.turns.painters, "painter")
            with self._figures(shopper.photo, look) as figures, painters, suppress(VisitOverError):
                while waiting := self._next(shopper, number):
                    with self.turns.in_background():
                        if shopper.is_current(number):
                            each = zip(waiting, figures, strict=False)  # as many as are left
                            drawn = [painters.submit(self._draw_one, *pair, look, visit, number) for pair in each]
                            for one in drawn:
                                one.result()
                    if shopper.is_current(number):
                        yield self._html(shopper)
        if shopper.is_current(number):
            yield self._html(shopper)

    def again(self, visit: Visit) -> str:
        """The same shelves on another page, which then asks for the cards that are still to be drawn."""
        visit.shopper.said = ""
        return cards.shelves_html(visit.shopper, self.shop.catalogue().currency, resumed=True)

    def favour(self, event: gr.EventData, request: gr.Request) -> str:
        """Like an item, or like it no more. The shelves stay as they are; the next ones will know."""
        shopper, item = self._pressed(event, request)
        if item is not None:
            if shopper.has(item, EventKind.LIKED):
                shopper.undo(item, EventKind.LIKED)
            else:
                shopper.did(item, EventKind.LIKED)
        return self._html(shopper)

    def refuse(self, event: gr.EventData, request: gr.Request) -> str:
        """Take an item off its shelf, for good; another takes its place."""
        shopper, item = self._pressed(event, request)
        if item is None:
            return self._html(shopper)
        shopper.undo(item, EventKind.LIKED)
        shopper.did(item, EventKind.DISLIKED)
        found = self.adviser.shelves(shopper, 2 * SHELF + 1)
        with shopper.lock:
            shown = {card.item.id for card in shopper.cards()}
            for shelf, others in ((shopper.goes_with, found.goes_with), (shopper.also_like, found.also_like)):
                new = [entry for entry in others if entry.item.id not in shown]
                for place in [place for place, card in enumerate(shelf) if card.item.id == item]:
                    gone = shelf[place].item.title
                    instead = self._cards(new[:1], shopper, {})
                    shelf[place : place + 1] = instead
                    shopper.said = words.refused(gone, instead[0].item.title if instead else None)
        return self._html(shopper)

    @contextmanager
    def _figures(self, photo: str | None, look: Look) -> Iterator[list[Figure | None]]:
        """For each painter, who dresses the person that cards are drawn on, and what that person wears.

        None if there is no photo any more. The small person is dropped from memory afterwards.
        """
        person, small, worn = None, None, Outfit()
        try:
            if photo is not None:
                person = self.room.understand_person(decoded(photo, PhotoError))
                small = cards.figure(person)
                self.room.share(person, small)
            worn = outfit_of(self.shop, look)
        except Exception as error:
            _note("the visitor cannot be drawn on cards", error)
        try:
            with ExitStack() as stack:
                figures: list[Figure | None] = [None] * self.turns.painters
                if small is not None:
                    figures = [(stack.enter_context(Dresser(self.room, small)), worn) for _ in figures]
                yield figures
        finally:
            if small is not None and small is not person:
                self.room.forget(small)

    def _draw_one(self, card: Card, figure: Figure | None, look: Look, visit: Visit, number: int) -> None:
        """Draw one card: its garment with the rest of the look. Where that cannot be, it keeps the shop's picture.

        Raises:
            VisitOverError: the visitor left.
        """
        path = None
        try:
            if figure is not None:
                dresser, worn = figure
                outfit = worn.wear(self.shop.garment(card.item.id))
                path = self.visits.save(visit, dresser.wear(outfit).picture, "card.jpg", "card")
        except VisitOverError:
            raise
        except Exception as error:
            _note(f"{card.item.id} cannot be drawn on a card", error)
        with visit.shopper.lock:
            if visit.shopper.is_current(number):
                card.picture, card.waiting, card.beside = path, False, beside(look, card.item).keys

    def _next(self, shopper: Shopper, number: int) -> list[Card]:
        """The next cards to draw, one for each painter, if this round of drawing is still wanted."""
        with shopper.lock:
            waiting = [card for card in shopper.cards() if card.waiting]
            return waiting[: self.turns.painters] if shopper.is_current(number) else []

    def _cards(self, found: list[Recommendation], shopper: Shopper, drawn: dict[str, Card]) -> list[Card]:
        """Cards for recommended items; those that were drawn before keep their pictures."""
        made = []
        for entry in found:
            old = drawn.get(entry.item.id)
            why = self._reason(entry, shopper)
            made.append(replace(old, item=entry.item, why=why) if old else Card(entry.item, why))
        return made

    def _reason(self, entry: Recommendation, shopper: Shopper) -> Callable[[], str]:
        """The strongest reason that is not what the visitor is trying on, for that is said of the whole shelf.

        Where there is no other, what both have in common, if anything: an observation, and not a reason.
        """
        catalogue = self.shop.catalogue()
        told = [reason for reason in entry.reasons if reason.item in catalogue]
        others = [reason for reason in told if reason.item != shopper.in_view]
        if others:
            said = because(others[0], catalogue)
            return lambda: languages.told(said)
        if not told or shopper.own:  # their own garment is on them, and not the item that stands for it
            return str
        item, worn = entry.item, catalogue.get(told[0].item)
        return lambda: in_common(item, worn)

    def _begin_with_likeness(self, shopper: Shopper, drawn: dict[str, Card]) -> None:
        """What looks most like the visitor's own garment comes first: it is in view only in its stead."""
        catalogue = self.shop.catalogue()
        if not shopper.own or shopper.in_view is None or shopper.in_view not in catalogue or not shopper.also_like:
            return
        if not shopper.has(shopper.in_view, EventKind.DISLIKED):
            first = self._cards([Recommendation(catalogue.get(shopper.in_view), 0.0)], shopper, drawn)
            shopper.also_like = [*first, *shopper.also_like][:SHELF]

    def _tidy(self, visit: Visit) -> None:
        """Delete pictures of items that are on no shelf any more."""
        with visit.shopper.lock:
            shown = [card.picture for card in visit.shopper.cards() if card.picture]
        self.visits.clear_pictures(visit, "card", shown)

    def _pressed(self, event: gr.EventData, request: gr.Request) -> tuple[Shopper, str | None]:
        """Whose card was pressed, and which item's: None if it is on no shelf of theirs."""
        shopper = self._visit(request).shopper
        item = getattr(event, "item", None)
        with shopper.lock:
            return shopper, item if any(card.item.id == item for card in shopper.cards()) else None

    def _html(self, shopper: Shopper) -> str:
        return cards.shelves_html(shopper, self.shop.catalogue().currency)

    def _visit(self, request: gr.Request) -> Visit:
        return self.visits.of(request.session_hash or "")


def beside(look: Look, item: Item) -> Look:
    """What stays on when an item is put on."""
    return look.wear(Piece(item.id, item.title, item.category)).without(item.id)


def in_common(item: Item, worn: Item) -> str:
    """What two garments share, in a shopper's words; empty where it is nothing that sets them apart from others."""
    if item.colours and worn.colours and item.colours[0] == worn.colours[0]:
        return str(words.SAME_COLOUR)
    if item.pattern and item.pattern == worn.pattern and item.pattern != "plain":
        return str(words.SAME_PATTERN)
    if item.neckline and item.neckline == worn.neckline:
        return str(words.SAME_NECKLINE)
    return ""


def _note(what: str, error: Exception) -> None:
    """Write down why something is missing from the shelves; what a visitor could mend is no news."""
    log.log(logging.DEBUG if isinstance(error, FittingError) else logging.WARNING, what, exc_info=error)
