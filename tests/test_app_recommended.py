"""The shelves beside a result, without a browser: what counts, what is drawn, and what is forgotten."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import torch
from fakes import wardrobe
from PIL import Image
from visitor import Visitor, offered, pictures, unheard, visiting

from fitting.errors import GarmentError
from fitting.events import Event, EventKind
from fitting.garment import Category
from fitting.item import Item
from fitting.recommender import Recommender
from fitting.ui import words
from fitting.ui.cards import HEIGHT
from fitting.ui.recommended import SHELF, in_common
from fitting.ui.visits import Visits
from fitting.ui.wearing import OWN


@pytest.fixture
def visitor(tmp_path: Path) -> Visitor:
    return visiting(tmp_path, wardrobe(tmp_path))


def test_there_are_no_shelves_before_the_first_result(visitor: Visitor) -> None:
    assert visitor.choose("upper-1") == "" and list(visitor.draw()) == [""]
    html = visitor.try_on("upper-1")
    assert html.count('class="rack"') == 2 and offered(html)


def test_one_shelf_completes_the_look_and_the_other_holds_the_same_kind(visitor: Visitor) -> None:
    visitor.try_on("upper-1")
    goes_with, also_like = visitor.shopper.goes_with, visitor.shopper.also_like
    assert len(goes_with) == len(also_like) == SHELF
    assert Category.UPPER not in {card.item.category for card in goes_with}
    assert {card.item.category for card in also_like} == {Category.UPPER}
    assert "upper-1" not in [card.item.id for card in visitor.shopper.cards()]
    visitor.choose("dress-1")
    assert {card.item.category for card in visitor.shopper.also_like} == {Category.DRESS}


def test_a_shelf_with_nothing_on_it_is_not_shown(tmp_path: Path) -> None:
    html = visiting(tmp_path, wardrobe(tmp_path, others=0)).try_on("upper-1")
    assert words.GOES_WITH not in html and html.count('class="rack"') == 1


def test_what_a_visitor_does_counts(visitor: Visitor) -> None:
    visitor.choose("upper-1")
    visitor.try_on("upper-2")
    liked, refused = (card.item.id for card in visitor.shopper.also_like[:2])
    assert 'aria-pressed="true"' in visitor.press("favour", liked)
    visitor.press("refuse", refused)
    assert visitor.done() == {
        ("upper-1", EventKind.VIEWED),
        ("upper-2", EventKind.TRIED),
        (liked, EventKind.LIKED),
        (refused, EventKind.DISLIKED),
    }
    assert 'aria-pressed="true"' not in visitor.press("favour", liked)
    assert (liked, EventKind.LIKED) not in visitor.done()


def test_only_what_is_on_the_visitors_own_shelves_can_be_pressed(visitor: Visitor) -> None:
    visitor.try_on("upper-1")
    for item in ("upper-1", "no-such-thing", None, ["upper-2"]):
        visitor.press("favour", item)  # type: ignore[arg-type]
        visitor.press("refuse", item)  # type: ignore[arg-type]
    assert visitor.done() == {("upper-1", EventKind.TRIED)}


def test_another_takes_the_place_of_what_is_not_for_me_and_it_never_returns(visitor: Visitor) -> None:
    visitor.try_on("upper-1")
    before = offered(visitor.recommended._html(visitor.shopper))
    refused = visitor.shopper.also_like[1].item.id
    html = visitor.press("refuse", refused)
    after = offered(html)
    assert len(after) == len(before) == len(set(after)) and refused not in after
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 1, "all others stay where they are"
    assert f'role="status">{words.refused(visitor.journey.catalogue.get(refused).title, "")[:8]}' in html
    for item in visitor.journey.catalogue:
        assert refused not in offered(visitor.choose(item.id))


def test_a_shelf_runs_empty_in_the_end(visitor: Visitor) -> None:
    visitor.try_on("upper-1")
    for left in (6, 6, 5, 4, 3, 2, 1, 0):  # of eight other tops
        visitor.press("refuse", visitor.shopper.also_like[0].item.id)
        assert len(visitor.shopper.also_like) == left
    assert words.ALSO_LIKE not in visitor.recommended._html(visitor.shopper)


def test_cards_show_the_shops_picture_and_then_the_visitor_one_after_the_other(visitor: Visitor) -> None:
    plain = pictures(visitor.try_on("upper-1"))
    assert all(path.endswith(f"{item}.png") for item, path in plain.items())
    seen = [pictures(html) for html in visitor.draw()]
    assert len(plain) == 2 * SHELF
    for number, shown in enumerate(seen[: 2 * SHELF], start=1):
        assert list(shown) == list(plain) and sum(shown[item] != plain[item] for item in plain) == number
    for path in seen[-1].values():
        with Image.open(path) as picture:
            assert picture.format == "JPEG" and picture.height <= HEIGHT


def test_as_many_cards_are_drawn_together_as_there_are_painters(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = pictures(visitor.try_on("upper-1"))
    alone = [pictures(html) for html in visitor.draw()][-1]
    expected = {item: Path(path).read_bytes() for item, path in alone.items()}
    visitor.recommended.lay_out(None, visitor.request)  # another photo, and the same one again: all are drawn anew
    visitor.recommended.lay_out(visitor.photo, visitor.request)
    monkeypatch.setattr(visitor.recommended.turns, "painters", 3)
    together, save = threading.Barrier(3), visitor.recommended.visits.save

    def saved(*given: Any, **options: Any) -> str:
        together.wait(30)
        return save(*given, **options)

    monkeypatch.setattr(visitor.recommended.visits, "save", saved)
    seen = [pictures(html) for html in visitor.draw()]
    changed = [sum(shown[item] != plain[item] for item in plain) for shown in seen]
    assert changed[:4] == [3, 6, 9, 12]
    assert {item: Path(path).read_bytes() for item, path in seen[-1].items()} == expected


def test_a_card_keeps_its_picture_while_the_photo_is_the_same(visitor: Visitor) -> None:
    visitor.try_on("upper-1")
    *_, html = visitor.draw()
    before = pictures(html)
    again = pictures(visitor.choose("upper-2"))
    both = before.keys() & again.keys()
    assert both and all(again[item] == before[item] for item in both)
    *_, html = visitor.draw()
    kept = {Path(path).parent for path in pictures(html).values()}
    left = {path.parent for path in visitor.journey.visits.root.glob("*/card.jpg")}
    assert left == kept, "pictures of items on no shelf are deleted"
    other = Path(visitor.photo).with_name("other.png")
    Image.new("RGB", (300, 400), "grey").save(other)
    visitor.photo = str(other)
    assert all(path.endswith(".png") for path in pictures(visitor.choose("upper-2")).values())


def test_drawing_stops_when_something_else_is_chosen(visitor: Visitor) -> None:
    visitor.try_on("upper-1")
    drawing = visitor.draw()
    next(drawing)
    visitor.choose("upper-3")
    assert list(drawing) == [] and sum(card.picture is not None for card in visitor.shopper.cards()) <= 1
    assert visitor.journey.room.remembered, "a photo in use is remembered"  # type: ignore[attr-defined]


def test_a_newer_drawing_takes_over(visitor: Visitor) -> None:
    visitor.try_on("upper-1")
    old = visitor.draw()
    next(old)
    *_, html = visitor.draw()
    assert list(old) == [] and "waiting" not in html


def test_what_cannot_be_laid_on_keeps_its_own_picture_and_harms_no_other(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.try_on("upper-1")
    refused, broken = (card.item.id for card in visitor.shopper.goes_with[:2])
    garment = visitor.journey.shop.garment

    def failing(item_id: str) -> Any:
        if item_id == refused:
            raise GarmentError("We could not lay this garment on.")
        if item_id == broken:
            raise RuntimeError("broken")
        return garment(item_id)

    monkeypatch.setattr(visitor.journey.shop, "garment", failing)
    with caplog.at_level(logging.WARNING):
        *_, html = visitor.draw()
    plain = [item for item, path in pictures(html).items() if path.endswith(".png")]
    assert sorted(plain) == sorted([refused, broken]) and "waiting" not in html
    assert broken in caplog.text and refused not in caplog.text and visitor.photo not in caplog.text


def test_without_the_photo_cards_stay_plain(visitor: Visitor) -> None:
    visitor.try_on("upper-1")
    Path(visitor.photo).unlink()
    *_, html = visitor.draw()
    assert "waiting" not in html and all(path.endswith(".png") for path in pictures(html).values())


def test_leaving_forgets_everything_even_in_the_middle_of_drawing(visitor: Visitor) -> None:
    visitor.journey.visits.keep(visitor.name, "photo", visitor.photo)
    visitor.try_on("upper-1")
    drawing, shopper = visitor.draw(), visitor.shopper
    next(drawing)
    visitor.journey.leave(visitor.request)
    assert list(drawing) == [] and list(visitor.journey.visits.root.iterdir()) == []
    assert visitor.journey.room.remembered == []  # type: ignore[attr-defined]
    assert shopper.events == [] and list(shopper.cards()) == [] and shopper.in_view is None
    shopper.did("upper-1", EventKind.LIKED)
    assert shopper.events == [], "nothing is taken in afterwards"
    assert visitor.shopper.id != shopper.id and visitor.recommended.lay_out(visitor.photo, visitor.request) == ""


def test_the_recommender_knows_a_visitor_only_while_it_answers_them(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[Event] = []
    note = Recommender.note
    monkeypatch.setattr(Recommender, "note", lambda self, event: (noted.append(event), note(self, event))[1])
    visitor.choose("upper-2")
    visitor.try_on("upper-1")
    assert {(event.item, event.kind) for event in noted} == visitor.done()
    assert {event.shopper for event in noted} == {visitor.shopper.id}
    used = visitor.journey.adviser.recommender()
    assert used is not None and used._histories == {}


def test_a_silent_visit_is_forgotten_too(tmp_path: Path) -> None:
    visits = Visits(tmp_path, max_age=0.1)
    shopper = visits.of("me").shopper
    shopper.did("upper-1", EventKind.VIEWED)
    for _ in range(1000):
        if not shopper.events:
            break
        threading.Event().wait(0.01)
    assert shopper.events == []


def test_what_others_like_changes_nothing_for_me(visitor: Visitor) -> None:
    mine = offered(visitor.try_on("upper-1"))
    other = replace(visitor, name="somebody else")
    other.try_on("upper-1")
    for item in ("upper-2", "dress-1"):
        other.choose(item)
    for card in list(other.shopper.cards())[:5]:
        other.press("favour", card.item.id)
    other.press("refuse", other.shopper.also_like[0].item.id)
    assert offered(visitor.choose("upper-1")) == mine and visitor.shopper.id != other.shopper.id
    new = replace(visitor, name="somebody new")
    assert offered(new.try_on("upper-1")) == mine


def test_reasons_are_said_in_a_shoppers_words_and_only_if_they_are_proved(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.choose("upper-2")
    html = visitor.try_on("upper-1")
    reasons = {card.item.id: card.reason for card in visitor.shopper.cards()}
    assert any(reasons.values())
    assert set(filter(None, reasons.values())) <= {"because you looked at Upper 2"}  # not what is on them
    assert html.count('class="why"') == sum(map(bool, reasons.values()))
    monkeypatch.setattr(Recommender, "_reasons", lambda *_: {})  # none passed its test
    assert 'class="why"' not in visitor.choose("upper-1")


def test_the_garment_most_like_the_visitors_own_comes_first(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = visitor.journey.catalogue
    room = visitor.journey.room
    understand, mine = room.understand_garment, torch.from_numpy(catalogue.vectors[catalogue.place("dress-2")])
    monkeypatch.setattr(room, "understand_garment", lambda *given: replace(understand(*given), described=mine))
    visitor.journey.choose_own(visitor.photo, visitor.request)
    visitor.try_on(OWN, own=visitor.photo)
    assert visitor.shopper.also_like[0].item.id == "dress-2" and visitor.shopper.own
    visitor.press("refuse", "dress-2")
    visitor.recommended.lay_out(visitor.photo, visitor.request)
    assert "dress-2" not in [card.item.id for card in visitor.shopper.cards()]
    assert visitor.done() == {("dress-2", EventKind.DISLIKED)}, "what one brings is nothing of the shop's"


def test_wear_it_chooses_an_item_and_tries_it_on(visitor: Visitor) -> None:
    visitor.try_on("upper-1")
    item = visitor.shopper.goes_with[0].item
    event = gr.EventData(None, {"item": item.id})
    shown = ["upper-1", item.id]
    first, last = list(visitor.wearing.wear(visitor.photo, shown, event, visitor.request, unheard))
    assert first[3]["selected_index"] == 1
    assert first[0] == item.id and item.title in first[1] and first[2] == words.AUTO
    assert words.worn_as(item.category, False) in first[4] and last[8]["visible"] is True
    assert (item.id, EventKind.TRIED) in visitor.done() and visitor.shopper.in_view == item.id


def test_cards_show_their_garment_with_the_rest_of_the_look(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor.try_on("upper-1")
    worn: dict[str, list[Category]] = {}
    save = visitor.journey.visits.save

    def saved(*given: Any, **more: Any) -> str:
        path = save(*given, **more)
        worn[path] = tried[-2:]
        return path

    tried: list[Category] = []
    room, try_on = visitor.journey.room, visitor.journey.room.try_on

    def counted(person: Any, garment: Any, **options: Any) -> Any:
        tried.append(garment.category)
        return try_on(person, garment, **options)

    monkeypatch.setattr(room, "try_on", counted)
    monkeypatch.setattr(Visits, "save", lambda self, *given, **more: saved(*given, **more))
    list(visitor.draw())
    cards = {card.item.category: card for card in visitor.shopper.cards()}
    assert worn[cards[Category.LOWER].picture or ""] == [Category.LOWER, Category.UPPER], "the worn top over trousers"
    assert worn[cards[Category.OUTER].picture or ""][-1] is Category.OUTER
    assert cards[Category.LOWER].beside == ("upper-1",) and cards[Category.UPPER].beside == ()
    tops = sum(category is Category.UPPER for category in tried)
    lower = sum(card.item.category is Category.LOWER for card in visitor.shopper.cards())
    assert tops <= SHELF + lower + 1, "what is worn under jackets is drawn once for all of them"


def test_cards_are_drawn_anew_when_what_is_beside_them_changes(visitor: Visitor) -> None:
    visitor.try_on("upper-1")
    *_, html = visitor.draw()
    before = pictures(html)
    after = pictures(visitor.try_on("upper-2"))
    kinds = {item.id: item.category for item in visitor.journey.catalogue}
    both = before.keys() & after.keys()
    assert any(kinds[item] is Category.UPPER for item in both)
    for item in both:
        assert (after[item] == before[item]) is (kinds[item] in (Category.UPPER, Category.DRESS))


def test_a_failed_try_on_of_another_photo_clears_the_shelves(visitor: Visitor) -> None:
    assert visitor.try_on("upper-1") != ""
    visitor.press("favour", visitor.shopper.also_like[0].item.id)
    assert visitor.try_on("no-such-item") != "", "the shelves of the last result stay"
    black = Path(visitor.photo).with_name("black.png")
    Image.new("RGB", (300, 400)).save(black)
    visitor.photo = str(black)
    assert visitor.try_on("upper-1") == ""


def test_what_is_on_the_visitor_is_no_reason_but_what_two_garments_share_is_told() -> None:
    worn = Item("1", "Tee", Category.UPPER, Path("1.jpg"), colours=("navy", "white"), pattern="dots", neckline="V")
    assert in_common(replace(worn, id="2"), worn) == words.SAME_COLOUR
    assert in_common(replace(worn, colours=("white",)), worn) == words.SAME_PATTERN
    plain = replace(worn, colours=("red",), pattern="plain")
    assert in_common(plain, replace(worn, pattern="plain")) == words.SAME_NECKLINE
    assert in_common(replace(plain, neckline=None), replace(worn, pattern="plain")) == ""
    assert in_common(Item("3", "Skirt", Category.LOWER, Path("3.jpg")), worn) == ""
