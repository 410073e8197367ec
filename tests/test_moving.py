"""A visit that goes to another page, as when the language is changed: what goes with it, and who may take it over."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from fakes import wardrobe
from PIL import Image
from visitor import Visitor, visiting

from fitting.garment import Category
from fitting.ui import words
from fitting.ui.browsing import ANY, Browsing
from fitting.ui.handing import Handovers
from fitting.ui.languages import speaking
from fitting.ui.look import Piece
from fitting.ui.moving import CATALOGUE, PARTS, Moving
from fitting.ui.offers import Finders
from fitting.ui.shelves import EVERYTHING
from fitting.ui.wearing import OWN

NEXT: Any = SimpleNamespace(session_hash="next", query_params={})
OTHER: Any = SimpleNamespace(session_hash="other", query_params={})


@pytest.fixture
def visitor(tmp_path: Path) -> Visitor:
    return visiting(tmp_path, wardrobe(tmp_path, 9, 3))


@pytest.fixture
def moving(visitor: Visitor) -> Moving:
    return moved_within(visitor, 60.0)


def moved_within(visitor: Visitor, seconds: float) -> Moving:
    journey = visitor.journey
    handovers = Handovers(journey.visits, journey.end, seconds)
    return Moving(journey, Browsing(Finders(journey.shop), journey.visits), visitor.recommended, handovers)


def offer(moving: Moving, visitor: Visitor, choice: str | None = "upper-1", own: str | None = None) -> str:
    looked = "upper", EVERYTHING, ANY, ANY, ["upper-1"]
    answer = moving.offer(visitor.photo, choice, own, words.AUTO, *looked, visitor.request)
    return re.findall('data-token="([^"]+)"', answer)[0]


def come(moving: Moving, token: str, request: Any = NEXT) -> dict[str, Any]:
    """What a page shows that brings a token."""
    first = moving.arrive(moving.journey.catalogue.revision, token, request)
    if "data-taken" not in first[-1]:
        return dict(zip(CATALOGUE, first, strict=False))
    return dict(zip(PARTS, moving.show(request), strict=True))


def shows_nothing(page: dict[str, Any]) -> bool:
    return all(shown == gr.skip() for shown in page.values())


def bring(visitor: Visitor) -> Path:
    """A photo of one's own, which the visit keeps account of."""
    visitor.journey.check_photo(visitor.photo, visitor.request)
    return Path(visitor.photo)


def pictures(visitor: Visitor) -> list[Path]:
    root = visitor.journey.visits.root
    return [path for path in root.rglob("*.*") if path.is_file() and path != Path(visitor.photo)]


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert true()


def test_the_next_page_shows_what_the_one_before_did_in_its_own_language(visitor: Visitor, moving: Moving) -> None:
    photo = bring(visitor)
    visitor.choose("upper-1")
    visitor.try_on("upper-1")
    list(visitor.draw())
    visitor.keeping.keep(visitor.request)
    before, there = visitor.wardrobe, pictures(visitor)
    token = offer(moving, visitor)
    moving.leave(visitor.request)
    assert photo.exists() and all(path.exists() for path in there), "the page is gone, and the next not come yet"
    with speaking("es"):
        page = come(moving, token)
    visit = moving.journey.visits.of("next")
    assert visit.wardrobe is before and visit.shopper.dressed
    assert page["photo"] == visitor.photo and page["choice"] == "upper-1" and page["search"] == "upper"
    assert "Has elegido: Upper 1" in page["chosen"] and "Lo llevas como una parte de arriba." in page["status"]
    assert "Tu foto" in page["advice"] or "foto" in page["advice"]
    assert "Antes" in page["slider"] and "after.jpg" in page["plain"] and page["panel"]["visible"] is True
    assert page["download"]["value"].endswith("fitting-room.png") and Path(page["download"]["value"]).exists()
    assert "Quítate" in page["look"] or "Quitar" in page["look"]
    assert "look.jpg" in page["kept"] and "card.jpg" in page["recommended"]
    assert "data-resumed" not in page["recommended"], "every card is drawn already"
    assert page["gallery"]["selected_index"] == page["shown"].index("upper-1")
    assert all(path.exists() for path in there)
    moving.journey.leave(NEXT)
    assert not photo.exists() and not any(path.exists() for path in there)


def test_a_token_works_once(visitor: Visitor, moving: Moving) -> None:
    bring(visitor)
    token = offer(moving, visitor)
    assert not shows_nothing(come(moving, token))
    assert shows_nothing(come(moving, token, OTHER)), "it was taken already"
    assert moving.journey.visits.uploads("next") and not moving.journey.visits.uploads("other")


def test_anothers_token_takes_nothing(visitor: Visitor, moving: Moving) -> None:
    bring(visitor)
    token = offer(moving, visitor)
    for guess in ("", "x" * len(token), token[:-1], token.swapcase()):
        assert shows_nothing(come(moving, guess, OTHER))
    assert moving.journey.visits.uploads("me") and not moving.journey.visits.uploads("other")
    assert len(token) >= 32


def test_only_the_last_token_of_a_visit_is_good(visitor: Visitor, moving: Moving) -> None:
    bring(visitor)
    first, second = offer(moving, visitor), offer(moving, visitor)
    assert first != second and shows_nothing(come(moving, first)) and not shows_nothing(come(moving, second))


def test_a_visit_that_nobody_takes_over_is_deleted(visitor: Visitor) -> None:
    moving = moved_within(visitor, 0.2)
    photo = bring(visitor)
    visitor.try_on("upper-1")
    room: Any = moving.journey.room
    assert room.remembered
    token = offer(moving, visitor)
    moving.leave(visitor.request)
    wait_until(lambda: not photo.exists() and not pictures(visitor))
    wait_until(lambda: not room.remembered)
    assert shows_nothing(come(moving, token)), "it has expired"


def test_a_page_that_stays_after_all_keeps_its_visit(visitor: Visitor) -> None:
    moving = moved_within(visitor, 0.1)
    photo = bring(visitor)
    token = offer(moving, visitor)
    wait_until(lambda: not moving.handovers._pending)
    assert photo.exists() and shows_nothing(come(moving, token))
    moving.leave(visitor.request)
    assert not photo.exists(), "now it is gone for good"


def test_deleting_everything_makes_the_token_worthless(visitor: Visitor, moving: Moving) -> None:
    photo = bring(visitor)
    token = offer(moving, visitor)
    moving.journey.forget(visitor.request)
    assert not photo.exists()
    bring_again = visitor.journey.visits.of("me")  # the page goes on, with another visit
    assert shows_nothing(come(moving, token)) and visitor.journey.visits.of("me") is bring_again


def test_the_page_before_may_be_gone_only_later(visitor: Visitor, moving: Moving) -> None:
    photo = bring(visitor)
    come(moving, offer(moving, visitor))
    moving.leave(visitor.request)
    assert photo.exists(), "it is the next page's now"
    moving.leave(NEXT)
    assert not photo.exists()


def test_what_was_given_last_is_counted_to_the_next_page(visitor: Visitor, moving: Moving) -> None:
    """A photo that came, but was not looked at yet when the page was left."""
    token = offer(moving, visitor)
    come(moving, token)
    assert moving.journey.visits.uploads("next") == [Path(visitor.photo).resolve()]


def test_a_try_on_of_the_page_before_is_not_shown_to_the_next(visitor: Visitor, moving: Moving) -> None:
    bring(visitor)
    visitor.dress("upper-1")
    result = visitor.wardrobe.result

    def left_meanwhile(*_: Any, **__: Any) -> None:
        if visitor.journey.visits.uploads("me"):
            come(moving, offer(moving, visitor))

    steps = visitor.wearing.dress(visitor.photo, "upper-2", None, words.AUTO, visitor.request, left_meanwhile)
    assert list(steps) == []
    wardrobe = moving.journey.visits.of("next").wardrobe
    assert wardrobe.look.keys == ("upper-1",) and wardrobe.result == result and Path(str(result)).exists()


def test_ones_own_garment_and_the_tab_it_lies_in_go_along(visitor: Visitor, moving: Moving) -> None:
    bring(visitor)
    own = moving.journey.visits.root / "own.png"
    Image.new("RGB", (600, 800), (40, 90, 160)).save(own)
    visitor.journey.choose_own(str(own), visitor.request)
    visitor.dress(OWN, str(own))
    token = offer(moving, visitor, OWN, str(own))
    with speaking("zh-CN"):
        page = come(moving, token)
        mine = words.OWN_PIECE
    assert page["own"] == str(own) and page["tabs"]["selected"] == OWN
    assert mine in page["look"], "what the page itself names is named in its language"


def test_cards_that_wait_are_asked_for_by_the_next_page(visitor: Visitor, moving: Moving) -> None:
    bring(visitor)
    visitor.choose("upper-1")
    visitor.try_on("upper-1")
    drawing = visitor.draw()
    next(drawing)
    page = come(moving, offer(moving, visitor))
    assert "data-resumed" in page["recommended"]
    assert "waiting" not in list(visitor.recommended.draw(NEXT))[-1]
    assert list(drawing) == [], "the page before gave way"


def test_a_sample_person_stays_marked_and_their_picture_everybodys(visitor: Visitor, moving: Moving) -> None:
    event: Any = SimpleNamespace(index=0)
    photo, _ = visitor.journey.choose_person(event, visitor.request)
    visitor.photo = photo
    page = come(moving, offer(moving, visitor))
    assert page["people"]["selected_index"] == 0 and page["photo"] == photo
    moving.leave(NEXT)
    assert Path(photo).exists(), "others may be looking at it"


def test_without_a_token_a_page_arrives_as_ever(visitor: Visitor, moving: Moving) -> None:
    named: Any = SimpleNamespace(session_hash="new", query_params={"item": "upper-2"})
    page = come(moving, "", named)
    assert page["choice"] == "upper-2" and "photo" not in page
    visitor.name = "new"
    page = come(moving, offer(moving, visitor, "upper-2"))
    assert page["choice"] == "upper-2" and "Upper 2" in page["chosen"]


def test_a_piece_is_the_same_in_every_language() -> None:
    piece = Piece("own", lambda: words.OWN_PIECE, Category.UPPER)
    with speaking("es"):
        there = piece.title
    assert there != piece.title and piece == Piece("own", there, Category.UPPER)


def test_whoever_brought_no_token_is_shown_nothing_and_the_picture_inputs_stay_ours(
    visitor: Visitor, moving: Moving
) -> None:
    bring(visitor)
    offer(moving, visitor)
    page = dict(zip(PARTS, moving.show(OTHER), strict=True))
    assert page.pop("photo") is None and page.pop("own") is None
    assert shows_nothing(page)
