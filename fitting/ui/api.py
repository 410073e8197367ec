"""The same fitting room for programs: the named endpoints /try_on, /recommend and /catalogue."""

# Without `from __future__ import annotations`: Gradio reads the endpoint's types from the annotations themselves.

from typing import Any, Literal, TypedDict

import gradio as gr
from gradio.data_classes import FileData
from PIL import Image

from fitting import images
from fitting.errors import GarmentError, PhotoError
from fitting.events import EventKind
from fitting.garment import Garment
from fitting.recommender import because
from fitting.room import FittingRoom
from fitting.ui import words
from fitting.ui.adviser import Adviser
from fitting.ui.languages import told
from fitting.ui.look import garment_of
from fitting.ui.offers import Finders, add_catalogue, category_of, count_of, id_of
from fitting.ui.shelves import ShopFront
from fitting.ui.shopper import Shopper
from fitting.ui.telling import spoken
from fitting.ui.turns import Turns
from fitting.ui.visits import Visits

MOST = 50  # items recommended at once


class Suggestion(TypedDict):
    """An item that a visitor may like."""

    id: str
    title: str
    price: float | None
    score: float
    reasons: list[str]


def add_api(room: FittingRoom, shop: ShopFront, visits: Visits, adviser: Adviser, turns: Turns) -> None:
    """Add the endpoints to the app being built."""
    _add_try_on(room, shop, visits, turns)
    _add_recommend(visits, adviser)
    add_catalogue(Finders(shop))


def _add_try_on(room: FittingRoom, shop: ShopFront, visits: Visits, turns: Turns) -> None:

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
            worn_as = category_of(category)
            person = images.decode(_uploaded(visits, session, "photo", photo), PhotoError)
            if item is None:
                worn: Image.Image | Garment = images.decode(
                    _uploaded(visits, session, "garment", garment), GarmentError
                )
            else:
                worn = garment_of(shop, id_of(item))
            with turns.at_once():
                result = room.try_on(person, worn, worn_as)
            if item is not None and request.session_hash:  # what nobody in particular did counts for nobody
                visit.shopper.did(item, EventKind.TRIED)
            path = visits.save(visit, result.picture, "fitting-room.png")
        except Exception as error:
            raise gr.Error(spoken(error), title=words.SORRY, print_exception=False) from None
        return FileData(path=path), result.category.value, [told(note) for note in result.notes]

    gr.api(try_on, api_name="try_on", concurrency_id="room", concurrency_limit=1)


def _add_recommend(visits: Visits, adviser: Adviser) -> None:
    def recommend(
        viewed: str | None = None,
        category: Literal["auto", "upper", "lower", "dress", "outer"] = "auto",
        count: int = 8,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio hands it over
    ) -> list[Suggestion]:
        """Items that a visitor may like, the best first, by what they tried on in this session and what is in view.

        `viewed` is the id of an item of the catalogue; `category` narrows the choice, auto does not. The reasons
        are sentences such as "because you tried on ..."; prices are in the shop's currency.
        """
        shopper = visits.of(request.session_hash).shopper if request.session_hash else Shopper()
        try:
            wanted, number = category_of(category), count_of(count, 1, MOST)
            found = adviser.recommend(shopper, None if viewed is None else id_of(viewed), wanted, number)
        except Exception as error:
            raise gr.Error(spoken(error), title=words.SORRY, print_exception=False) from None
        if found is None:
            raise gr.Error(words.NO_ADVICE, title=words.SORRY, print_exception=False)
        entries, catalogue = found
        return [
            Suggestion(
                id=entry.item.id,
                title=entry.item.title,
                price=entry.item.price,
                score=entry.score,
                reasons=[told(because(reason, catalogue)) for reason in entry.reasons],
            )
            for entry in entries
        ]

    gr.api(recommend, api_name="recommend", concurrency_id="recommend", concurrency_limit=4)


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
