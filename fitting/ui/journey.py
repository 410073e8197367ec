"""A shopper's way through the fitting room: one method for each thing they can do."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from fitting.advice import advice
from fitting.catalogue import Catalogue
from fitting.errors import FittingError, GarmentError, PhotoError
from fitting.events import EventKind
from fitting.item import Item
from fitting.room import FittingRoom
from fitting.ui import words
from fitting.ui.adviser import Adviser
from fitting.ui.shelves import (
    UNSELECTED,
    SamplePerson,
    ShopFront,
)
from fitting.ui.telling import counted, decoded
from fitting.ui.turns import Turns
from fitting.ui.visits import Said, Visit, Visits
from fitting.ui.wearing import OWN, cleared


def cache_folder() -> Path:
    """Where Gradio puts uploads, and the only folder that is served."""
    return Path(get_upload_folder())


@dataclass(frozen=True)
class Journey:
    """What happens when a shopper does something; the answers are values for the page's components."""

    room: FittingRoom
    shop: ShopFront
    people: Sequence[SamplePerson]
    visits: Visits
    adviser: Adviser
    turns: Turns

    @property
    def catalogue(self) -> Catalogue:
        """What is on offer now: it may change at any time."""
        return self.shop.catalogue()

    def check_photo(self, photo: str | None, request: gr.Request) -> tuple[str, Any]:
        """Look at a new photo at once, so that advice comes before the wait. No sample person is chosen then."""
        nobody = gr.update(selected_index=UNSELECTED)
        if photo is None:
            return words.note(words.PHOTO_ADVICE), nobody
        self.visits.keep(_session(request), "photo", photo)
        visit = self._another_photo(request)
        try:
            with self.turns.at_once():
                person = self.room.understand_person(decoded(photo, PhotoError))
        except Exception as error:
            return visit.say("photo", partial(_wrong, counted(error))), nobody
        return visit.say("photo", partial(_looked_at, advice(person), tuple(person.notes))), nobody

    def drop_photo(self, request: gr.Request) -> tuple[str, Any]:
        self.visits.drop(_session(request), "photo")
        said = self._another_photo(request).say("photo", lambda: words.note(words.PHOTO_ADVICE))
        return said, gr.update(selected_index=UNSELECTED)

    def choose_person(self, event: gr.SelectData, request: gr.Request) -> tuple[str, str]:
        self.visits.drop(_session(request), "photo")
        person = self.people[event.index]
        # Gradio would copy it there all the same; known now, it can be worn before the page has shown it.
        photo = save_file_to_cache(person.picture, str(self.visits.root))
        visit = self._another_photo(request, photo, event.index)
        return photo, visit.say("photo", lambda: words.note(words.chosen_person(person.title), "good"))

    def choose_item(self, shown: list[str], event: gr.SelectData, request: gr.Request) -> tuple[str | None, str, str]:
        visit = self._visit(request)
        try:
            item = _pressed(self.catalogue, shown, event)
        except KeyError:  # sold out and gone since the page was opened
            return None, visit.say("chosen", lambda: _wrong(lambda: words.NO_SUCH_ITEM)), words.AUTO
        visit.shopper.did(item.id, EventKind.VIEWED)
        visit.shopper.choose(item.id)
        said = visit.say("chosen", lambda: words.note(words.chosen_item(item.title), "good"))
        return item.id, said, words.AUTO

    def choose_own(self, picture: str | None, request: gr.Request) -> tuple[str | None, str]:
        """Look at a garment that the shopper brings, and say what it was taken for."""
        if picture is None:
            return None, words.note(words.CHOSEN_NOTHING)
        self.visits.keep(_session(request), "garment", picture)
        visit = self._visit(request)
        try:
            with self.turns.at_once():
                garment = self.room.understand_garment(decoded(picture, GarmentError))
        except Exception as error:
            return None, visit.say("chosen", partial(_wrong, counted(error)))
        visit.wardrobe.brought = picture, garment
        visit.shopper.choose(self.adviser.most_like(garment), own=True)
        category, notes = garment.category, list(garment.notes)
        found = partial(words.chosen_own, category)
        return OWN, visit.say("chosen", lambda: words.note(found(), "good") + words.notes(notes))

    def drop_own(self, request: gr.Request) -> tuple[None, str]:
        self.visits.drop(_session(request), "garment")
        return None, self._visit(request).say("chosen", lambda: words.note(words.CHOSEN_NOTHING))

    def forget(self, request: gr.Request) -> tuple[Any, ...]:
        """Delete what the visitor gave and what was made from it, and clear the page."""
        self.leave(request)
        advice, nothing_chosen = words.note(words.PHOTO_ADVICE), words.note(words.CHOSEN_NOTHING)
        nobody = gr.update(selected_index=UNSELECTED)
        shown = *cleared(words.note(words.FORGOTTEN, "good")), "", gr.update(visible=False)
        return None, advice, nobody, None, None, nothing_chosen, *shown, "", ""

    def leave(self, request: gr.Request) -> None:
        self.end(_session(request))

    def end(self, session: str) -> None:
        """Delete what a session gave and what was made from it."""
        for path in self.visits.uploads(session):
            self._forget_in_memory(path)
        self.visits.end(session)

    def _another_photo(self, request: gr.Request, sample: str | None = None, person: int | None = None) -> Visit:
        """What is being drawn on the photo before is of no interest any more. Whose the new one is matters."""
        visit = self._visit(request)
        wardrobe = visit.wardrobe
        wardrobe.sample, wardrobe.stand_in, wardrobe.person = sample is not None, sample, person
        visit.shopper.stop()
        return visit

    def _visit(self, request: gr.Request) -> Visit:
        return self.visits.of(_session(request))

    def _forget_in_memory(self, path: Path) -> None:
        with suppress(FittingError):  # what could not be opened was never kept
            self.room.forget(decoded(str(path), PhotoError))


def _looked_at(better: Sequence[str], notes: Sequence[str]) -> str:
    """What is said of a photo: how it could be better, and what was noted about who is in it."""
    said = words.note(words.PHOTO_USABLE if better else words.PHOTO_FINE, "info" if better else "good")
    return said + words.notes([*map(words.say, better), *notes])


def _wrong(why: Said) -> str:
    return words.note(why(), "error")


def _session(request: gr.Request) -> str:
    return request.session_hash or ""


def _pressed(catalogue: Catalogue, shown: Sequence[str], event: gr.SelectData) -> Item:
    """The item whose picture was pressed.

    While a search is under way the page still shows the garments from before, and what is at a place there is not what
    the server has there by now: the picture tells.

    Raises:
        KeyError: the catalogue has it no more.
    """
    at_place = catalogue.get(shown[event.index]) if event.index < len(shown) else None
    picture = _name_of(event)
    if at_place is not None and picture in (None, at_place.picture.name):
        return at_place
    alike = [item for item in catalogue if item.picture.name == picture]
    if len(alike) != 1:  # items without a picture of their own share one
        raise KeyError(picture)
    return alike[0]


def _name_of(event: gr.SelectData) -> str | None:
    """The file of the picture that was pressed in a gallery; None where the page does not tell."""
    value = getattr(event, "value", None)
    image = value.get("image") if isinstance(value, dict) else None
    name = image.get("orig_name") if isinstance(image, dict) else None
    return name if isinstance(name, str) else None
