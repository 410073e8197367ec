"""What a shopper does with a look: puts garments on, takes them off, goes back, begins anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from fitting.errors import GarmentError, PhotoError
from fitting.events import EventKind
from fitting.garment import Category
from fitting.outfit import Dresser
from fitting.room import FittingRoom, TryOn
from fitting.ui import compare, words
from fitting.ui.look import Look, Piece, outfit_of
from fitting.ui.looks_html import wearing_html
from fitting.ui.shelves import UNSELECTED, ShopFront
from fitting.ui.telling import decoded, spoken
from fitting.ui.turns import Turns
from fitting.ui.visits import Visit, VisitOverError, Visits

OWN = "own"  # the choice of a visitor who brings a garment; otherwise it is an item's id
SCREEN = 1440  # longest side of the pictures shown on the page; the download has them all

Shown = tuple[Any, ...]  # status, panel, slider, plain, download, look, consent
SAME: Shown = tuple(gr.skip() for _ in range(7))


@dataclass(frozen=True)
class Wearing:
    """What happens when a shopper changes what they wear; the answers are values for the page's components."""

    room: FittingRoom
    shop: ShopFront
    visits: Visits
    turns: Turns
    mark: str = ""  # what is written into the corner of downloads

    def dress(
        self,
        photo: str | None,
        choice: str | None,
        own: str | None,
        worn: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio finds it by its default
    ) -> Iterator[Shown]:
        """Put the chosen garment on, beside what is worn: first the picture on the page, then the download."""
        visit = self.visit(request)
        photo = photo or visit.wardrobe.stand_in
        try:
            if photo is None:
                raise PhotoError(words.NO_PHOTO)
            if not visit.wardrobe.sample and not visit.wardrobe.agreed:
                yield words.note(words.CONSENT_ASKED), *SAME[1:6], gr.update(visible=True)
                return
            look, said = self._with_choice(visit, choice, own, worn)
        except Exception as error:
            yield self._failed(visit, photo, error)
            return
        yield from self._show(visit, photo, look, said, progress, tried=choice)

    def agree(
        self,
        photo: str | None,
        choice: str | None,
        own: str | None,
        worn: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[Shown]:
        """The visitor agrees that photos of theirs are worked on, for this visit, and goes on."""
        self.visit(request).wardrobe.agreed = True
        yield from self.dress(photo, choice, own, worn, request, progress)

    def wear(
        self,
        photo: str | None,
        shown: list[str],
        event: gr.EventData,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[Shown]:
        """Choose an item from below the result and put it on at once; in the catalogue it is marked, if it is shown."""
        catalogue, item = self.shop.catalogue(), pressed(event)
        if item is None or item not in catalogue:
            yield gr.skip(), gr.skip(), gr.skip(), gr.skip(), words.note(words.NO_SUCH_ITEM, "error"), *SAME[1:]
            return
        self.visit(request).shopper.choose(item)
        said = words.note(words.chosen_item(catalogue.get(item).title), "good")
        place = shown.index(item) if item in shown else UNSELECTED
        chosen = item, said, words.AUTO, gr.update(selected_index=place)
        for result in self.dress(photo, item, None, words.AUTO, request, progress):
            yield *chosen, *result
            chosen = gr.skip(), gr.skip(), gr.skip(), gr.skip()

    def wear_piece(
        self, photo: str | None, piece: Piece, request: gr.Request, progress: gr.Progress
    ) -> Iterator[Shown]:
        """Put a garment on that is neither the shop's nor the visitor's own."""
        visit = self.visit(request)
        if photo is None:
            yield self._failed(visit, photo, PhotoError(words.NO_PHOTO))
        elif not visit.wardrobe.sample and not visit.wardrobe.agreed:
            yield words.note(words.CONSENT_ASKED), *SAME[1:6], gr.update(visible=True)
        else:
            said = words.note(words.worn_as(piece.category, False), "good")
            yield from self._show(visit, photo, visit.wardrobe.look.wear(piece), said, progress)

    def take_off(
        self,
        photo: str | None,
        event: gr.EventData,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[Shown]:
        """Take a garment off; the rest is put on anew, from the photo up."""
        visit = self.visit(request)
        yield from self._change(visit, photo, visit.wardrobe.look.without(pressed(event) or ""), progress)

    def undo(
        self,
        photo: str | None,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[Shown]:
        """Go back to the look before."""
        visit = self.visit(request)
        past = visit.wardrobe.past
        if past:
            yield from self._change(visit, photo, past[-1], progress, undone=True)
        else:
            yield SAME

    def put_on(
        self,
        photo: str | None,
        event: gr.EventData,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[Shown]:
        """Put a look on again that was kept."""
        visit = self.visit(request)
        kept = visit.wardrobe.of(pressed(event))
        yield from self._change(visit, photo, kept.look, progress) if kept else [SAME]

    def start_afresh(self, request: gr.Request) -> Shown:
        """Take everything off. It can be undone."""
        return self._bare(self.visit(request))

    def visit(self, request: gr.Request) -> Visit:
        return self.visits.of(request.session_hash or "")

    def _with_choice(self, visit: Visit, choice: str | None, own: str | None, worn: str) -> tuple[Look, str]:
        """The look with what is chosen, and what is said of that."""
        look = visit.wardrobe.look
        if choice is None or (choice == OWN and own is None):
            if not look.pieces:
                raise GarmentError(words.NO_GARMENT)
            return look, ""  # another photo: the same look
        category = words.category_of(worn)
        piece = self._brought(visit, own or "", category) if choice == OWN else self._item(choice, category)
        gone = look.gives_way(piece)
        said = words.note(words.worn_as(piece.category, choice == OWN and category is None), "good")
        if gone:
            said += words.note(words.in_place_of(piece.title, [worn.title for worn in gone]))
        return look.wear(piece), said

    def _item(self, item_id: str, category: Category | None) -> Piece:
        try:
            item = self.shop.catalogue().get(item_id)
        except KeyError:
            raise GarmentError(words.NO_SUCH_ITEM) from None
        return Piece(item_id, item.title, category or item.category)

    def _brought(self, visit: Visit, own: str, category: Category | None) -> Piece:
        """The visitor's garment, as it was understood when it was brought, if it still is the same."""
        known = visit.wardrobe.brought
        if category is None and known is not None and known[0] == own:
            garment = known[1]
        else:
            with self.turns.at_once():
                garment = self.room.understand_garment(decoded(own, GarmentError), category)
        return Piece(_own_key(own), words.OWN_PIECE, garment.category, garment)

    def _change(
        self, visit: Visit, photo: str | None, look: Look, progress: gr.Progress, undone: bool = False
    ) -> Iterator[Shown]:
        """Another look, made of garments that are known."""
        if not look.pieces:
            yield self._bare(visit, undone)
            return
        if photo is None:
            yield self._failed(visit, photo, PhotoError(words.NO_PHOTO))
            return
        yield from self._show(visit, photo, look, "", progress, undone)

    def _show(
        self,
        visit: Visit,
        photo: str,
        look: Look,
        said: str,
        progress: gr.Progress,
        undone: bool = False,
        tried: str | None = None,
    ) -> Iterator[Shown]:
        """Dress the visitor in a look, and show it."""
        try:
            person = decoded(photo, PhotoError)
            with self.turns.at_once():
                result = self._worn(person, look, progress)
            progress(words.SAVING[0], desc=words.SAVING[1])
            before, after, *views = self._pictures(visit, person, result, look)
            self.visits.clear_pictures(visit, keep=(before, after))  # those of the look before: it stays if these fail
            visit.wardrobe.show(look, photo, after, undone)
            _tell_shopper(visit, look, tried)
            notes = said + words.notes(list(result.notes))
            row = wearing_html(visit.wardrobe)
            yield notes, gr.update(visible=True), *views, gr.update(visible=False), row, gr.update(visible=False)
            full = self.visits.save(visit, result.picture, "fitting-room.png", visible=self.mark)
            yield *SAME[:4], gr.update(value=full, visible=True), *SAME[5:]
        except VisitOverError:
            return
        except Exception as error:
            yield self._failed(visit, photo, error)

    def _worn(self, photo: Image.Image, look: Look, progress: gr.Progress) -> TryOn:
        pieces = look.pieces

        def tell(stage: str, number: int) -> None:
            share = (number + words.STAGES[stage][0]) / len(pieces)
            progress(share * 0.95, desc=words.stage(stage, pieces[number].title, number + 1, len(pieces)))

        tell("person", 0)
        person = self.room.understand_person(photo)
        with Dresser(self.room, person) as dresser:
            return dresser.wear(outfit_of(self.shop, look), tell)

    def _pictures(self, visit: Visit, photo: Image.Image, result: TryOn, look: Look) -> tuple[str, ...]:
        """Paths of the photo and of the result as the page shows them, and both views."""
        shown = for_screen(result.picture)
        before = self.visits.save(visit, for_screen(photo), "before.jpg", made=False)
        after = self.visits.save(visit, shown, "after.jpg")
        said = words.wearing(look.titles)
        cut = compare.cut_at(result.edit_region)
        return before, after, compare.comparison(before, after, shown, cut, said), compare.plain(after, shown, said)

    def _bare(self, visit: Visit, undone: bool = False) -> Shown:
        """Nothing is worn: the page is as before the first result, but for the way back."""
        self.visits.clear_pictures(visit)
        visit.wardrobe.show(Look(), None, None, undone)
        row = wearing_html(visit.wardrobe)
        return *cleared(words.note(words.NOTHING_ON)), row, gr.update(visible=False)

    def _failed(self, visit: Visit, photo: str | None, error: Exception) -> Shown:
        """The last result stays, unless it is of another photo."""
        visit.shopper.dressed &= photo is not None and photo == visit.shopper.photo
        status, closed = words.note(spoken(error), "error"), gr.update(visible=False)
        wardrobe = visit.wardrobe
        if wardrobe.result is not None and photo == wardrobe.photo:
            return status, *SAME[1:6], closed
        self.visits.clear_pictures(visit)
        wardrobe.photo = wardrobe.result = None
        return *cleared(status), wearing_html(wardrobe), closed


def pressed(event: gr.EventData) -> str | None:
    """What was pressed, as the page says: an item, a garment or a look."""
    item = getattr(event, "item", None) if isinstance(event._data, dict) else None
    return item if isinstance(item, str) else None


def _own_key(own: str) -> str:
    """What a brought garment is known by on the page, which shows no path of the server's."""
    return f"{OWN} {hashlib.sha256(own.encode()).hexdigest()[:16]}"


def _tell_shopper(visit: Visit, look: Look, tried: str | None) -> None:
    """There is a result: from now on there are shelves beside it, for what was put on last or is still on."""
    shopper = visit.shopper
    shopper.dressed = True
    items = [piece.key for piece in look.pieces if piece.brought is None]
    if tried is not None and tried in items:
        shopper.did(tried, EventKind.TRIED)
        shopper.choose(tried)
    elif tried is None and items and shopper.in_view not in items:
        shopper.choose(items[-1])


def for_screen(image: Image.Image) -> Image.Image:
    """A copy no larger than pages show it."""
    small = image.copy()
    small.thumbnail((SCREEN, SCREEN), Image.Resampling.LANCZOS)
    return small


def cleared(status: str) -> tuple[Any, ...]:
    """No result: status, panel, slider, plain, download."""
    return status, gr.update(visible="hidden"), "", "", gr.update(value=None, visible=False)
