"""The catalogue on the page: what is shown of it, and what a link can choose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import FakeShop, wardrobe

from fitting.catalogue import Catalogue
from fitting.events import EventKind
from fitting.ui import words
from fitting.ui.browsing import ANY, MOST, PAGE, Browsing, _bands, _bounds
from fitting.ui.offers import Finders
from fitting.ui.shelves import EVERYTHING, UNSELECTED
from fitting.ui.visits import Visits


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return wardrobe(tmp_path)


@pytest.fixture
def browsing(catalogue: Catalogue, tmp_path: Path) -> Browsing:
    return Browsing(Finders(FakeShop(catalogue)), Visits(tmp_path / "cache"))


def visit(**parameters: str) -> Any:
    return SimpleNamespace(query_params=parameters, session_hash="me")


def test_everything_is_shown_and_nothing_said(browsing: Browsing, catalogue: Catalogue) -> None:
    gallery, shown, said, more = browsing.find("", EVERYTHING, ANY, ANY)
    assert shown == [item.id for item in catalogue] and said == ""
    assert "selected_index" not in gallery and gallery["visible"] and not more["visible"]


def test_what_is_chosen_stays_marked_as_long_as_it_is_shown(browsing: Browsing) -> None:
    gallery, shown, *_ = browsing.find("dress", EVERYTHING, ANY, ANY, "dress-2", ["upper-1", "dress-2"])
    assert shown[gallery["selected_index"]] == "dress-2"
    assert browsing.find("outer", EVERYTHING, ANY, ANY, "dress-2", shown)[0]["selected_index"] == UNSELECTED
    assert "selected_index" not in browsing.find("lower", EVERYTHING, ANY, ANY, "dress-2", ["outer-1"])[0]


def test_what_is_chosen_is_never_out_of_sight(browsing: Browsing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fitting.ui.browsing.PAGE", 2)
    gallery, shown, *_ = browsing.find("", EVERYTHING, ANY, ANY, "dress-2")
    assert shown[0] == "dress-2" and len(shown) == 2 and gallery["selected_index"] == 0


def test_what_is_found_is_counted(browsing: Browsing) -> None:
    gallery, shown, said, _ = browsing.find("dres", EVERYTHING, ANY, ANY)
    assert shown == ["dress-1", "dress-2", "dress-3"] and "Found: 3" in said and len(gallery["value"]) == 3


def test_nothing_found_says_what_to_do(browsing: Browsing) -> None:
    gallery, shown, said, more = browsing.find("bicycle", EVERYTHING, ANY, ANY)
    assert shown == [] and words.NOTHING_FOUND in said and not gallery["visible"] and not more["visible"]


def test_filters_of_category_and_price(browsing: Browsing) -> None:
    assert browsing.find("", "lower", ANY, ANY)[1] == ["lower-1", "lower-2", "lower-3"]
    bands = _bands(browsing.finders.now()[1], "EUR")
    assert [name for name, _ in bands] == ["up to €14.00", "€14.00 to €19.00", "€19.00 to €25.00", "€25.00 and more"]
    of_each = [browsing.find("", EVERYTHING, ANY, key)[1] for _, key in bands]
    assert set().union(*of_each) == {item.id for item in browsing.finders.now()[0]}
    assert of_each[0] == ["upper-1", "upper-2", "upper-3", "upper-4", "upper-5"]


@pytest.mark.parametrize(
    ("key", "bounds"), [("", (None, None)), ("-5.5", (None, 5.5)), ("5.0-", (5.0, None)), ("x-y", (None, None))]
)
def test_bounds_of_prices(key: str, bounds: tuple[float | None, float | None]) -> None:
    assert _bounds(key) == bounds


def test_ten_thousand_items_come_a_page_at_a_time(catalogue: Catalogue, tmp_path: Path) -> None:
    many = Catalogue([replace(catalogue.items[0], id=str(number), title=f"Top {number}") for number in range(10_000)])
    browsing = Browsing(Finders(FakeShop(many)), Visits(tmp_path / "cache"))
    gallery, shown, said, more = browsing.find("", EVERYTHING, ANY, ANY)
    assert len(gallery["value"]) == len(shown) == PAGE and more["visible"]
    assert words.found_more(10_000, PAGE) in said
    gallery, shown, _, more = browsing.more("", EVERYTHING, ANY, ANY, None, shown)
    assert len(gallery["value"]) == len(shown) == 2 * PAGE and more["visible"]
    _, shown, _, more = browsing.more("", EVERYTHING, ANY, ANY, None, [str(number) for number in range(MOST - PAGE)])
    assert len(shown) == MOST and not more["visible"]


def test_a_link_chooses_its_garment(browsing: Browsing) -> None:
    *_, gallery, shown, _, _, choice, chosen, _ = browsing.arrive(1, visit(item="dress-2"))
    assert choice == "dress-2" and words.chosen_item("Dress 2") in chosen
    assert shown[0] == "dress-2" and gallery["selected_index"] == 0 and len(shown) == len(set(shown)) == 18
    assert browsing.visits.of("me").shopper.has("dress-2", EventKind.VIEWED)


@pytest.mark.parametrize("named", ["no-such-thing", "", "<script>", "../../etc/passwd"])
def test_a_link_to_nothing_says_so(browsing: Browsing, named: str) -> None:
    answer = browsing.arrive(1, visit(item=named))
    assert len(answer) == 10 and words.NO_SUCH_ITEM_HERE in answer[8] and "<script>" not in answer[8]
    assert "value" not in answer[7]


def test_a_link_to_what_is_sold_out_says_so(catalogue: Catalogue, tmp_path: Path) -> None:
    gone = Catalogue([replace(catalogue.items[0], stock=0), *catalogue.items[1:]])
    browsing = Browsing(Finders(FakeShop(gone)), Visits(tmp_path / "cache"))
    assert words.NO_SUCH_ITEM_HERE in browsing.arrive(0, visit(item="upper-1"))[8]
