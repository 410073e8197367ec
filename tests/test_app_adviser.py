"""Behind the shelves: one recommender for everybody, whose turn it is, and the small figure that cards show."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fakes import advised, recommender, wardrobe
from PIL import Image
from visitor import Visitor, offered, visiting

from fitting.catalogue import Catalogue
from fitting.errors import WeightsError
from fitting.frame import GRID, Frame
from fitting.garment import Category
from fitting.person import Person
from fitting.recommender import Recommender
from fitting.ui import words
from fitting.ui.adviser import Adviser
from fitting.ui.browsing import Browsing
from fitting.ui.cards import HEIGHT, figure
from fitting.ui.offers import Finders
from fitting.ui.turns import Turns


@pytest.fixture
def visitor(tmp_path: Path) -> Visitor:
    return visiting(tmp_path, wardrobe(tmp_path))


def test_titles_cannot_carry_markup_and_prices_have_a_currency(tmp_path: Path) -> None:
    catalogue = wardrobe(tmp_path)
    evil = [replace(item, title=f'<img src=x onerror="alert(1)"> {item.id}') for item in catalogue]
    html = visiting(tmp_path, Catalogue(evil, "EUR", catalogue.vectors, revision=1)).try_on("upper-1")
    assert "<img src=x" not in html and 'onerror="' not in html and "€" in html


def test_prices_are_read_as_usual() -> None:
    assert words.price(1234.5, "EUR") == "€1,234.50" and words.price(20, "PLN") == "20.00 PLN"
    assert words.price(2600, "JPY") == "2,600 JPY" and words.price(5, "") == "5.00" and words.price(None, "EUR") == ""


def test_without_a_recommender_the_page_works_and_the_log_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(catalogue: Catalogue) -> Recommender:
        raise WeightsError("weights/recommender is missing")

    def another(catalogue: Catalogue) -> Recommender:
        return recommender(Catalogue(catalogue.items, "", catalogue.vectors[:, :5]))

    for load, said in ((missing, "weights/recommender is missing"), (another, "does not fit the catalogue")):
        caplog.clear()
        visitor = visiting(tmp_path, wardrobe(tmp_path), load)
        assert visitor.try_on("upper-1") == "" and visitor.choose("upper-2") == ""
        assert caplog.text.count(said) == 1


def test_a_recommender_is_built_once_for_each_revision(tmp_path: Path) -> None:
    built: list[int] = []

    def load(catalogue: Catalogue) -> Recommender:
        built.append(catalogue.revision)
        return recommender(catalogue)

    shop, _ = advised(wardrobe(tmp_path))
    adviser = Adviser(shop, load)
    threads = [threading.Thread(target=adviser.recommender) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == [1]
    shop.now = Catalogue(shop.now.items[:12], "EUR", shop.now.vectors[:12], revision=2)
    assert len(getattr(adviser.recommender(), "catalogue", ())) == 12 and built == [1, 2]


def test_a_catalogue_that_changes_shows_without_a_restart(visitor: Visitor) -> None:
    journey, old = visitor.journey, visitor.journey.catalogue
    browsing, nowhere = (
        Browsing(Finders(journey.shop), journey.visits),
        SimpleNamespace(query_params={}, session_hash="me"),
    )
    assert all("value" not in skipped for skipped in browsing.arrive(1, nowhere))  # type: ignore[arg-type]
    visitor.try_on("upper-1")
    fewer = [item for item in old if item.category is not Category.DRESS]
    journey.shop.now = Catalogue(fewer, "EUR", old.vectors[: len(fewer)], revision=2)  # type: ignore[attr-defined]
    shelf, _, _, gallery, shown, *_, revision = browsing.arrive(1, nowhere)  # type: ignore[arg-type]
    assert "dress" not in dict(shelf["choices"]).values() and revision == 2
    assert len(gallery["value"]) == len(shown) == len(fewer)
    assert len(browsing.find("", "dress", "", "")[1]) == 0, "a shelf that is gone is empty"
    choice, said, _ = journey.choose_item(["dress-1"], SimpleNamespace(index=0), visitor.request)  # type: ignore[arg-type]
    assert choice is None and words.NO_SUCH_ITEM in said
    assert not [item for item in offered(visitor.choose("upper-2")) if item.startswith("dress")]


def test_the_garment_is_chosen_whose_picture_was_pressed_wherever_it_stands_by_now(visitor: Visitor) -> None:
    journey, catalogue = visitor.journey, visitor.journey.catalogue

    def press(shown: list[str], index: int, item: str | None) -> str | None:
        picture = None if item is None else {"image": {"orig_name": catalogue.get(item).picture.name}, "caption": ""}
        event: Any = SimpleNamespace(index=index, value=picture)
        return journey.choose_item(shown, event, visitor.request)[0]

    assert press(["upper-1", "upper-2"], 1, "upper-2") == "upper-2"
    assert press(["upper-1", "dress-1"], 1, "upper-2") == "upper-2", "the list was another when it was pressed"
    assert press(["upper-1"], 1, "upper-2") == "upper-2" and press(["upper-1"], 1, None) is None
    gone: Any = SimpleNamespace(index=0, value={"image": {"orig_name": "gone.jpg"}, "caption": ""})
    assert journey.choose_item(["upper-1"], gone, visitor.request)[0] is None


def test_the_background_waits_for_who_waits_for_a_result() -> None:
    turns, order = Turns(patience=30.0), []
    begun, finish = threading.Event(), threading.Event()

    def result() -> None:
        with turns.at_once():
            begun.set()
            finish.wait(30)
            order.append("result")

    def card() -> None:
        with turns.in_background():
            order.append("card")

    threads = [threading.Thread(target=result), threading.Thread(target=card)]
    threads[0].start()
    begun.wait(30)
    threads[1].start()
    threads[1].join(0.05)
    finish.set()
    for thread in threads:
        thread.join()
    assert order == ["result", "card"]


def test_the_background_has_its_turn_in_the_busiest_room() -> None:
    turns = Turns(patience=0.01)
    with turns.at_once(), turns.in_background():
        pass


@pytest.mark.parametrize("frame", [Frame(300, 400, 900, 1200), Frame(-100, -50, 1500, 2000), Frame(0, 0, 90, 120)])
def test_a_figure_is_what_the_frame_shows_and_small(frame: Frame) -> None:
    ramp = torch.arange(1300).view(1, 1, -1).expand(3, 1800, -1) * 255 // 1299
    empty = torch.zeros(GRID)
    person = Person(ramp.to(torch.uint8), frame, torch.zeros(3, *GRID), empty.long(), torch.zeros(17, 3), empty)
    small = figure(person)
    assert max(small.photo.shape[-2:]) <= HEIGHT + 1
    # A point of the grid is at the same place of the picture as before.
    points = torch.tensor([[200.0, 200.0], [150.0, 300.0]])
    for before, after in zip(person.frame.to_photo(points), small.frame.to_photo(points), strict=True):
        x, y = int(before[0]), int(before[1])
        shown = small.photo[:, int(after[1]), int(after[0])].float()
        assert torch.allclose(shown, person.photo[:, y, x].float(), atol=4)


def test_nothing_is_left_in_memory_of_a_figure_but_the_photo_is(visitor: Visitor) -> None:
    room = visitor.journey.room
    for size in ((300, 400), (600, 800)):
        Image.linear_gradient("L").resize(size).convert("RGB").save(visitor.photo)
        visitor.journey.leave(visitor.request)
        room.remembered.clear()  # type: ignore[attr-defined]
        visitor.try_on("upper-1")
        list(visitor.draw())
        with Image.open(visitor.photo) as photo:
            assert set(room.remembered) == {photo.tobytes()}  # type: ignore[attr-defined]
    small = figure(room.understand_person(visitor.photo))
    assert small.photo.shape[-2:] == (HEIGHT, 360)
