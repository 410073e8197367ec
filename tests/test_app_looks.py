"""Looks without a browser: what takes whose place, what is kept, shared and forgotten, and who agreed to what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fakes import wardrobe
from PIL import Image
from visitor import Visitor, pictures, unheard, visiting

from fitting.garment import Category
from fitting.provenance import is_marked
from fitting.ui import words
from fitting.ui.collage import HEIGHT, collage
from fitting.ui.look import KEPT, PAST, Look, Piece, Wardrobe
from fitting.ui.looks_html import wearing_html
from fitting.ui.wearing import OWN

TOP, OTHER, SKIRT, DRESS, COAT = (
    Piece(title.lower(), title, category)
    for title, category in (
        ("Top", Category.UPPER),
        ("Other", Category.UPPER),
        ("Skirt", Category.LOWER),
        ("Dress", Category.DRESS),
        ("Coat", Category.OUTER),
    )
)


@pytest.fixture
def visitor(tmp_path: Path) -> Visitor:
    return visiting(tmp_path, wardrobe(tmp_path))


def titles(visitor: Visitor) -> list[str]:
    return list(visitor.wardrobe.look.titles)


def pressing(item: str) -> Any:
    return gr.EventData(None, {"item": item})


def test_a_garment_takes_the_place_of_its_kind_and_a_dress_that_of_top_and_skirt() -> None:
    both = Look().wear(TOP).wear(SKIRT)
    assert both.titles == ("Skirt", "Top") and both.wear(COAT).titles == ("Skirt", "Top", "Coat")
    assert both.gives_way(OTHER) == (TOP,) and both.wear(OTHER).titles == ("Skirt", "Other")
    assert set(both.gives_way(DRESS)) == {TOP, SKIRT} and both.wear(COAT).wear(DRESS).titles == ("Dress", "Coat")
    assert Look().wear(DRESS).wear(SKIRT).titles == ("Skirt",)
    assert both.gives_way(TOP) == () and both.wear(TOP) == both
    worn_otherwise = Piece(TOP.key, TOP.title, Category.OUTER)
    assert both.wear(worn_otherwise).pieces == (SKIRT, worn_otherwise), "nobody wears one garment twice"


def test_only_so_many_looks_can_be_gone_back_to() -> None:
    mine = Wardrobe()
    for number in range(PAST + 5):
        mine.show(Look().wear(Piece(str(number), str(number), Category.UPPER)), "photo", "result")
    assert len(mine.past) == PAST
    mine.show(mine.look, "photo", "again")
    assert len(mine.past) == PAST and mine.past[-1].titles == (str(PAST + 3),)


def test_garments_are_worn_together_and_the_page_says_what_came_off(visitor: Visitor) -> None:
    visitor.dress("upper-1")
    first, _ = visitor.dress("lower-1")
    assert titles(visitor) == ["Lower 1", "Upper 1"] and words.in_place_of("", [""])[:5] not in first[0]
    assert "You in Lower 1 and Upper 1" in first[2] and first[5].count('data-act="off"') == 2
    first, _ = visitor.dress("dress-1")
    assert titles(visitor) == ["Dress 1"] and words.in_place_of("Dress 1", ["Lower 1", "Upper 1"]) in first[0]


def test_taking_off_undoing_and_starting_afresh(visitor: Visitor) -> None:
    for item in ("upper-1", "lower-1"):
        visitor.dress(item)
    request, photo, wearing = visitor.request, visitor.photo, visitor.wearing
    first, _ = list(wearing.take_off(photo, pressing("upper-1"), request, unheard))
    assert titles(visitor) == ["Lower 1"] and "Upper 1" not in first[2]
    list(wearing.undo(photo, request, unheard))
    assert titles(visitor) == ["Lower 1", "Upper 1"]
    bare = wearing.start_afresh(request)
    assert titles(visitor) == [] and bare[1]["visible"] == "hidden" and 'data-act="undo"' in bare[5]
    assert list(visitor.journey.visits.root.glob("*/after.jpg")) == []
    list(wearing.undo(photo, request, unheard))
    assert titles(visitor) == ["Lower 1", "Upper 1"]
    for _ in range(5):
        last = list(wearing.undo(photo, request, unheard))
    assert titles(visitor) == [] and visitor.wardrobe.past == [] and len(last) == 1


def test_another_photo_wears_the_same_look(visitor: Visitor) -> None:
    visitor.dress("upper-1")
    visitor.photo = str(Image.new("RGB", (300, 400), "grey").save(visitor.photo + ".png") or visitor.photo + ".png")
    visitor.dress(None)
    assert titles(visitor) == ["Upper 1"] and visitor.wardrobe.photo == visitor.photo


def test_what_fails_leaves_the_look_and_its_picture(visitor: Visitor) -> None:
    visitor.dress("upper-1")
    (failed,) = visitor.dress("no-such-item")
    assert words.NO_SUCH_ITEM in failed[0] and titles(visitor) == ["Upper 1"]
    assert Path(visitor.wardrobe.result or "").is_file() and "visible" not in failed[1]
    black = Path(visitor.photo).with_name("black.png")
    Image.new("RGB", (300, 400)).save(black)
    visitor.photo = str(black)
    (failed,) = visitor.dress("upper-2")
    assert failed[1]["visible"] == "hidden" and visitor.wardrobe.result is None


def test_ones_own_garment_joins_the_look_and_shows_no_path(visitor: Visitor) -> None:
    visitor.dress("outer-1")
    first, _ = visitor.dress(OWN, visitor.photo, Category.UPPER.value)
    assert titles(visitor) == [words.OWN_PIECE, "Outer 1"] and str(visitor.journey.visits.root) not in first[5]
    assert visitor.shopper.in_view != OWN


def test_a_photo_of_ones_own_needs_an_agreement_and_a_sample_person_none(visitor: Visitor) -> None:
    given = visitor.photo, "upper-1", None, words.AUTO, visitor.request, unheard
    (asked,) = list(visitor.wearing.dress(*given))
    assert words.CONSENT_ASKED in asked[0] and asked[6]["visible"] is True and visitor.wardrobe.result is None
    shown, _ = list(visitor.wearing.agree(*given))
    assert shown[6]["visible"] is False and titles(visitor) == ["Upper 1"]
    assert len(list(visitor.wearing.dress(*given))) == 2, "asked once a visit"
    visitor.journey.leave(visitor.request)
    assert len(list(visitor.wearing.dress(*given))) == 1, "and in the next visit again"
    visitor.wardrobe.sample = True
    assert len(list(visitor.wearing.dress(*given))) == 2


def test_a_sample_person_can_be_dressed_before_the_page_shows_them(visitor: Visitor) -> None:
    journey, request = visitor.journey, visitor.request
    photo, _ = journey.choose_person(gr.SelectData(None, {"index": 0, "value": None}), request)
    assert journey.visits.holds(photo)
    visitor.photo = None  # type: ignore[assignment]
    visitor.dress("upper-1")
    assert titles(visitor) == ["Upper 1"] and visitor.wardrobe.photo == photo
    journey.drop_photo(request)
    (failed,) = visitor.dress("upper-2")
    assert words.NO_PHOTO in failed[0]


def test_looks_are_kept_shared_and_put_on_again(visitor: Visitor) -> None:
    request, keeping = visitor.request, visitor.keeping
    assert words.NOTHING_TO_KEEP in keeping.keep(request)[0] or keeping.keep(request)[0] == ""
    visitor.dress("upper-1")
    row, kept = keeping.keep(request)
    assert words.KEPT_ONE in row and "Look 1: Upper 1" in kept
    assert words.KEPT_ALREADY in keeping.keep(request)[0]
    visitor.dress("lower-1")
    keeping.keep(request)
    one, two = visitor.wardrobe.kept
    html = keeping.share(pressing(f"{two.id} {one.id} nonsense"), request)
    (path,) = visitor.journey.visits.root.glob("*/fitting-room-looks.jpg")
    assert str(path) in html
    with Image.open(path) as picture:
        assert picture.format == "JPEG" and is_marked(picture) and picture.width > 2 * 700 * HEIGHT / 960
    assert words.CHOOSE_LOOKS in keeping.share(pressing(""), request) and not path.exists()
    list(visitor.wearing.put_on(visitor.photo, pressing(one.id), request, unheard))
    assert titles(visitor) == ["Upper 1"]
    keeping.remove(pressing(one.id), request)
    assert not Path(one.picture).exists() and Path(two.picture).is_file()
    visitor.journey.leave(request)
    assert not Path(two.picture).exists() and two not in visitor.wardrobe.kept


def test_only_so_many_looks_are_kept(visitor: Visitor) -> None:
    for number in range(1, KEPT + 2):
        visitor.dress(f"upper-{number}")
        row, _ = visitor.keeping.keep(visitor.request)
    assert len(visitor.wardrobe.kept) == KEPT and words.KEPT_FULL in row


def test_nothing_is_kept_of_a_visit_that_is_over(visitor: Visitor) -> None:
    visitor.dress("upper-1")
    mine = visitor.wardrobe
    visitor.keeping.keep(visitor.request)
    visitor.journey.leave(visitor.request)
    assert mine.look == Look() and mine.kept == [] and mine.past == [] and not mine.agreed
    assert list(visitor.journey.visits.root.iterdir()) == [Path(visitor.photo)], "whose visit did not claim it"


def test_titles_cannot_carry_markup() -> None:
    mine = Wardrobe()
    mine.show(Look().wear(Piece('"><b>', "<script>", Category.UPPER)), "photo", "result")
    assert "<script>" not in wearing_html(mine) and "<b>" not in wearing_html(mine)


def test_a_collage_holds_every_picture_and_whatever_names(tmp_path: Path) -> None:
    tall, wide = Image.new("RGB", (300, 900), "red"), Image.new("RGB", (900, 300), "blue")
    sheet = collage(
        [(tall, ["Donaudampfschifffahrtselektrizitätenhauptbetriebswerk"]), (wide, ["棉质衬衫", "x"])], "商店"
    )
    colours = {colour for _, colour in sheet.getcolors(10**6) or []}
    assert {(255, 0, 0), (0, 0, 255)} <= colours and sheet.height > HEIGHT
    with pytest.raises(ValueError, match="needs a look"):
        collage([], "")


def test_cards_are_pressed_into_the_look(visitor: Visitor) -> None:
    visitor.try_on("upper-1")
    item = next(card.item for card in visitor.shopper.goes_with if card.item.category is Category.LOWER)
    list(visitor.wearing.wear(visitor.photo, [], pressing(item.id), visitor.request, unheard))
    assert titles(visitor) == [item.title, "Upper 1"]
    assert item.id not in pictures(visitor.recommended.lay_out(visitor.photo, visitor.request))
