"""What a shopper does with a look: puts garments on, takes them off, goes back, begins anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
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
from fitting.ui.telling import counted, decoded
from fitting.ui.turns import Turns
from fitting.ui.visits import Said, Visit, VisitOverError, Visits

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
        catalogue, item, visit = self.shop.catalogue(), pressed(event), self.visit(request)
        if item is None or item not in catalogue:
            yield gr.skip(), gr.skip(), gr.skip(), gr.skip(), words.note(words.NO_SUCH_ITEM, "error"), *SAME[1:]
            return
        visit.shopper.choose(item)
        title = catalogue.get(item).title
        said = visit.say("chosen", lambda: words.note(words.chosen_item(title), "good"))
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
            said = partial(_as_worn, piece.category, False)
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

    def _with_choice(self, visit: Visit, choice: str | None, own: str | None, worn: str) -> tuple[Look, Said]:
        """The look with what is chosen, and what is said of that."""
        look = visit.wardrobe.look
        if choice is None or (choice == OWN and own is None):
            if not look.pieces:
                raise GarmentError(words.NO_GARMENT)
            return look, str  # another photo: the same look
        category = words.category_of(worn)
        piece = self._brought(visit, own or "", category) if choice == OWN else self._item(choice, category)
        gone, found = look.gives_way(piece), choice == OWN and category is None

        def said() -> str:
            off = words.note(words.in_place_of(piece.title, [worn.title for worn in gone])) if gone else ""
            return _as_worn(piece.category, found) + off

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
        return Piece(_own_key(own), lambda: words.OWN_PIECE, garment.category, garment)

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
        yield from self._show(visit, photo, look, str, progress, undone)

    def _show(
        self,
        visit: Visit,
        photo: str,
        look: Look,
        said: Said,
        progress: gr.Progress,
        undone: bool = False,
        tried: str | None = None,
    ) -> Iterator[Shown]:
        """Dress the visitor in a look, and show it, unless the page that asked is gone by then."""
        moves, wardrobe = visit.moves, visit.wardrobe
        try:
            person = decoded(photo, PhotoError)
            with self.turns.at_once():
                result = self._worn(person, look, progress)
            progress(words.SAVING[0], desc=words.SAVING[1])
            views = self._pictures(visit, person, result)
            with wardrobe.lock:
                if visit.moves != moves:
                    return
                # Those of the look before go now: it stays if these fail.
                self.visits.clear_pictures(visit, keep=(views.before, views.after))
                wardrobe.show(look, photo, views.after, undone, views)
            _tell_shopper(visit, look, tried)
            notes = list(result.notes)
            status, hidden = visit.say("status", lambda: said() + words.notes(notes)), gr.update(visible=False)
            both = views.html(words.wearing(look.titles))
            yield status, gr.update(visible=True), *both, hidden, wearing_html(wardrobe), hidden
            full = self.visits.save(visit, result.picture, "fitting-room.png", visible=self.mark)
            with wardrobe.lock:
                if wardrobe.views is views:
                    wardrobe.views = replace(views, full=full)
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

    def _pictures(self, visit: Visit, photo: Image.Image, result: TryOn) -> compare.Views:
        """Save the photo and the result as the page shows them."""
        shown = for_screen(result.picture)
        before = self.visits.save(visit, for_screen(photo), "before.jpg", made=False)
        after = self.visits.save(visit, shown, "after.jpg")
        return compare.Views(before, after, *shown.size, compare.cut_at(result.edit_region))

    def _bare(self, visit: Visit, undone: bool = False) -> Shown:
        """Nothing is worn: the page is as before the first result, but for the way back."""
        self.visits.clear_pictures(visit)
        visit.wardrobe.show(Look(), None, None, undone)
        row = wearing_html(visit.wardrobe)
        return *cleared(visit.say("status", lambda: words.note(words.NOTHING_ON))), row, gr.update(visible=False)

    def _failed(self, visit: Visit, photo: str | None, error: Exception) -> Shown:
        """The last result stays, unless it is of another photo."""
        visit.shopper.dressed &= photo is not None and photo == visit.shopper.photo
        why, closed = counted(error), gr.update(visible=False)
        status = visit.say("status", lambda: words.note(why(), "error"))
        wardrobe = visit.wardrobe
        if wardrobe.result is not None and photo == wardrobe.photo:
            return status, *SAME[1:6], closed
        self.visits.clear_pictures(visit)
        wardrobe.photo = wardrobe.result = wardrobe.views = None
        return *cleared(status), wearing_html(wardrobe), closed


def pressed(event: gr.EventData) -> str | None:
    """What was pressed, as the page says: an item, a garment or a look."""
    item = getattr(event, "item", None) if isinstance(event._data, dict) else None
    return item if isinstance(item, str) else None


def _as_worn(category: Category, found: bool) -> str:
    return words.note(words.worn_as(category, found), "good")


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
