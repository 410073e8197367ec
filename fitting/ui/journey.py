"""A shopper's way through the fitting room: one method for each thing they can do."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from PIL import Image

from fitting import images
from fitting.catalogue import Catalogue
from fitting.errors import FittingError, GarmentError, PhotoError
from fitting.events import EventKind
from fitting.garment import Category, Garment
from fitting.room import FittingRoom, TryOn
from fitting.ui import compare, words
from fitting.ui.adviser import Adviser
from fitting.ui.shelves import UNSELECTED, SamplePerson, ShopFront, pictures_of, shelves
from fitting.ui.turns import Turns
from fitting.ui.visits import Visit, VisitOverError, Visits

log = logging.getLogger(__name__)

OWN = "own"  # the choice of a visitor who brings a garment; otherwise it is an item's id
SCREEN = 1440  # longest side of the pictures shown on the page; the download has them all


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
    mark: str = ""  # what is written into the corner of downloads

    @property
    def catalogue(self) -> Catalogue:
        """What is on offer now: it may change at any time."""
        return self.shop.catalogue()

    def arrive(self, revision: int) -> tuple[Any, ...]:
        """A page is opened, which shows the catalogue as it was when the app started: renew it if need be."""
        catalogue = self.catalogue
        if catalogue.revision == revision:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        names = list(shelves(catalogue))
        return gr.update(choices=names, value=names[0]), *self.choose_shelf(names[0]), catalogue.revision

    def check_photo(self, photo: str | None, request: gr.Request) -> tuple[str, Any]:
        """Look at a new photo at once, so that advice comes before the wait. No sample person is chosen then."""
        nobody = gr.update(selected_index=UNSELECTED)
        if photo is None:
            return words.note(words.PHOTO_ADVICE), nobody
        self.visits.keep(_session(request), "photo", photo)
        self._visit(request).shopper.stop()
        try:
            with self.turns.at_once():
                person = self.room.understand_person(_decoded(photo, PhotoError))
        except Exception as error:
            return words.note(spoken(error), "error"), nobody
        return words.note(words.PHOTO_FINE, "good") + words.notes(list(person.notes)), nobody

    def drop_photo(self, request: gr.Request) -> tuple[str, Any]:
        self.visits.drop(_session(request), "photo")
        self._visit(request).shopper.stop()
        return words.note(words.PHOTO_ADVICE), gr.update(selected_index=UNSELECTED)

    def choose_person(self, event: gr.SelectData, request: gr.Request) -> tuple[str, str]:
        self.visits.drop(_session(request), "photo")
        self._visit(request).shopper.stop()
        person = self.people[event.index]
        return str(person.picture), words.note(words.chosen_person(person.title), "good")

    def choose_shelf(self, name: str) -> tuple[Any, list[str]]:
        laid_out = shelves(self.catalogue)
        items = laid_out.get(name, laid_out[words.EVERYTHING])
        return gr.update(value=pictures_of(items), selected_index=UNSELECTED), [item.id for item in items]

    def choose_item(self, shown: list[str], event: gr.SelectData, request: gr.Request) -> tuple[str | None, str, str]:
        try:
            item = self.catalogue.get(shown[event.index])
        except (KeyError, IndexError):  # sold out and gone since the page was opened
            return None, words.note(words.NO_SUCH_ITEM, "error"), words.AUTOMATIC
        shopper = self._visit(request).shopper
        shopper.did(item.id, EventKind.VIEWED)
        shopper.choose(item.id)
        return item.id, words.note(words.chosen_item(item.title), "good"), words.AUTOMATIC

    def choose_own(self, picture: str | None, request: gr.Request) -> tuple[str | None, str]:
        """Look at a garment that the shopper brings, and say what it was taken for."""
        if picture is None:
            return None, words.note(words.CHOSEN_NOTHING)
        self.visits.keep(_session(request), "garment", picture)
        try:
            with self.turns.at_once():
                garment = self.room.understand_garment(_decoded(picture, GarmentError))
        except Exception as error:
            return None, words.note(spoken(error), "error")
        self._visit(request).shopper.choose(self.adviser.most_like(garment), own=True)
        found = words.note(words.chosen_own(garment.category), "good")
        return OWN, found + words.notes(list(garment.notes))

    def drop_own(self, request: gr.Request) -> tuple[None, str]:
        self.visits.drop(_session(request), "garment")
        return None, words.note(words.CHOSEN_NOTHING)

    def dress(
        self,
        photo: str | None,
        choice: str | None,
        own: str | None,
        worn: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio finds it by its default
    ) -> Iterator[tuple[Any, ...]]:
        """Dress the shopper: first the picture on the page, then, once it is written, the download."""
        visit = self._visit(request)
        try:
            person, garment, category = self._wanted(photo, choice, own, worn)

            def tell(stage: str) -> None:
                progress(words.STAGES[stage][0], desc=words.STAGES[stage][1])

            with self.turns.at_once():
                result = self.room.try_on(person, garment, category, progress=tell)
            progress(words.SAVING[0], desc=words.SAVING[1])
            self.visits.clear_pictures(visit)  # those of the garment before
            self._tried(visit, choice)
            found = choice == OWN and category is None
            yield self._show(visit, person, result, found)
            full = self.visits.save(visit, result.picture, "fitting-room.png", visible=self.mark)
            yield gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.update(value=full, visible=True)
        except VisitOverError:
            return
        except Exception as error:
            visit.shopper.dressed &= photo is not None and photo == visit.shopper.photo
            yield _nothing(words.note(spoken(error), "error"))

    def wear(
        self,
        photo: str | None,
        shown: list[str],
        event: gr.EventData,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[tuple[Any, ...]]:
        """Choose an item from below the result and try it on at once; in the catalogue it is marked, if it is shown."""
        catalogue, item = self.catalogue, getattr(event, "item", None)
        if not isinstance(item, str) or item not in catalogue:
            yield gr.skip(), gr.skip(), gr.skip(), gr.skip(), *_nothing(words.note(words.NO_SUCH_ITEM, "error"))
            return
        self._visit(request).shopper.choose(item)
        said = words.note(words.chosen_item(catalogue.get(item).title), "good")
        place = shown.index(item) if item in shown else UNSELECTED
        chosen = item, said, words.AUTOMATIC, gr.update(selected_index=place)
        for result in self.dress(photo, item, None, words.AUTOMATIC, request, progress):
            yield *chosen, *result
            chosen = gr.skip(), gr.skip(), gr.skip(), gr.skip()

    def forget(self, request: gr.Request) -> tuple[Any, ...]:
        """Delete what the visitor gave and what was made from it, and clear the page."""
        self.leave(request)
        advice, nothing_chosen = words.note(words.PHOTO_ADVICE), words.note(words.CHOSEN_NOTHING)
        nobody = gr.update(selected_index=UNSELECTED)
        return None, advice, nobody, None, None, nothing_chosen, *_nothing(words.note(words.FORGOTTEN, "good")), ""

    def leave(self, request: gr.Request) -> None:
        session = _session(request)
        for path in self.visits.uploads(session):
            self._forget_in_memory(path)
        self.visits.end(session)

    def _wanted(
        self, photo: str | None, choice: str | None, own: str | None, worn: str
    ) -> tuple[Image.Image, Image.Image | Garment, Category | None]:
        if photo is None:
            raise PhotoError(words.NO_PHOTO)
        if choice is None or (choice == OWN and own is None):
            raise GarmentError(words.NO_GARMENT)
        said = {name: category for category, name in words.CATEGORIES.items()}.get(worn)
        if choice == OWN:
            return _decoded(photo, PhotoError), _decoded(own, GarmentError), said
        return _decoded(photo, PhotoError), garment_of(self.shop, choice), said

    def _tried(self, visit: Visit, choice: str | None) -> None:
        """There is a result: from now on there are shelves beside it."""
        shopper = visit.shopper
        shopper.dressed = True
        if choice is not None and choice != OWN:
            shopper.did(choice, EventKind.TRIED)
            shopper.choose(choice)

    def _show(self, visit: Visit, photo: Image.Image, result: TryOn, found: bool) -> tuple[Any, ...]:
        shown = _for_screen(result.picture)
        before = self.visits.save(visit, _for_screen(photo), "before.jpg", made=False)
        after = self.visits.save(visit, shown, "after.jpg")
        said = words.note(words.worn_as(result.category, found), "good") + words.notes(list(result.notes))
        pictures = compare.comparison(before, after, shown, cut_at(result.edit_region)), compare.plain(after, shown)
        return said, gr.update(visible=True), *pictures, gr.update(visible=False)

    def _visit(self, request: gr.Request) -> Visit:
        return self.visits.of(_session(request))

    def _forget_in_memory(self, path: Path) -> None:
        with suppress(FittingError):  # what could not be opened was never kept
            self.room.forget(_decoded(str(path), PhotoError))


def garment_of(shop: ShopFront, item_id: str) -> Garment:
    """An item's garment, without notes: what it is, the shop knows.

    Raises:
        GarmentError: there is no such item (any more).
    """
    try:
        return replace(shop.garment(item_id), notes=())
    except KeyError:
        raise GarmentError(words.NO_SUCH_ITEM) from None


def spoken(error: Exception) -> str:
    """What the visitor is told. Only a `FittingError` was written for them; the rest goes to the log."""
    if isinstance(error, FittingError):
        return str(error)
    log.error("a visitor met an unexpected error", exc_info=error)
    return words.BROKEN


def cut_at(edit_region: Image.Image) -> int:
    """Where before turns into after at first, in per cent of the width: in the middle of what has changed."""
    box = edit_region.getbbox()
    return 50 if box is None else round(50 * (box[0] + box[2]) / edit_region.width)


def _decoded(path: str | None, error: type[FittingError]) -> Image.Image:
    try:
        return images.decode(path or "", error)
    except FileNotFoundError:
        raise error(words.GONE) from None


def _for_screen(image: Image.Image) -> Image.Image:
    small = image.copy()
    small.thumbnail((SCREEN, SCREEN), Image.Resampling.LANCZOS)
    return small


def _nothing(status: str) -> tuple[Any, ...]:
    return status, gr.update(visible=False), "", "", gr.update(value=None, visible=False)


def _session(request: gr.Request) -> str:
    return request.session_hash or ""
