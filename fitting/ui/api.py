"""The same fitting room for programs: the named endpoint /try_on."""

# Without `from __future__ import annotations`: Gradio reads the endpoint's types from the annotations themselves.

from typing import Any, Literal

import gradio as gr
from gradio.data_classes import FileData

from fitting import images
from fitting.catalogue import Catalogue, Item
from fitting.errors import GarmentError, PhotoError
from fitting.garment import Category
from fitting.room import FittingRoom
from fitting.ui import words
from fitting.ui.journey import spoken
from fitting.ui.visits import Visits


def add_api(room: FittingRoom, catalogue: Catalogue, visits: Visits) -> None:
    """Add the endpoints to the app being built."""

    def try_on(
        photo: FileData,
        garment: FileData | None = None,
        item: str | None = None,
        category: Literal["auto", "upper", "lower", "dress", "outer"] = "auto",
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio hands it over
    ) -> tuple[FileData, str, list[str]]:
        """Show the person in a photo wearing a garment: a picture of one, or an item of the catalogue by id.

        Returns the picture at the photo's own size, where the garment was worn, and notes for the shopper. The
        picture is deleted with the session, or within the hour.
        """
        session = request.session_hash or "api"
        visit = visits.of(session)
        try:
            worn_as = _category(category)
            person = images.decode(_uploaded(visits, session, "photo", photo), PhotoError)
            if item is None:
                worn = images.decode(_uploaded(visits, session, "garment", garment), GarmentError)
            else:
                chosen = _item(catalogue, item)
                worn, worn_as = images.decode(chosen.picture, GarmentError), worn_as or chosen.category
            result = room.try_on(person, worn, worn_as)
            path = visits.save(visit, result.picture, "fitting-room.png", compress_level=1)
        except Exception as error:
            raise gr.Error(spoken(error), title=words.SORRY, print_exception=False) from None
        return FileData(path=path), result.category.value, list(result.notes)

    gr.api(try_on, api_name="try_on", concurrency_id="room", concurrency_limit=1)


def _uploaded(visits: Visits, session: str, place: str, file: Any) -> str:
    """The path of a file that the caller uploaded; no other file is ever opened for them."""
    error, missing = (PhotoError, words.NO_PHOTO) if place == "photo" else (GarmentError, words.NO_GARMENT)
    path = file.get("path") if isinstance(file, dict) else getattr(file, "path", None)
    if not isinstance(path, str):
        raise error(missing)
    if not visits.holds(path):
        raise error(words.GONE)
    visits.keep(session, place, path)
    return path


def _item(catalogue: Catalogue, item_id: str) -> Item:
    if item_id not in catalogue:
        raise GarmentError(words.NO_SUCH_ITEM)
    return catalogue.get(item_id)


def _category(name: str) -> Category | None:
    """Gradio does not hold callers to the endpoint's types."""
    if name == "auto":
        return None
    if name not in [category.value for category in Category]:
        raise GarmentError(words.NO_SUCH_CATEGORY)
    return Category(name)
