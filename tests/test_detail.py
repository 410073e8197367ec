"""The panel under the chosen garment: what it says, of whom, and in a real browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from browsing import choose_garment, served, visiting
from fakes import FakeRoom, FakeShop, shop
from playwright.sync_api import Browser, expect

from fitting.catalogue import Catalogue, Item
from fitting.errors import WeightsError
from fitting.notes import NoteWriter, Review
from fitting.settings import Settings
from fitting.ui.blocks import build_app
from fitting.ui.detail import Detail, Writer

LABEL = "Machine-written example"


@pytest.fixture
def front(tmp_path: Path) -> FakeShop:
    catalogue, _ = shop(tmp_path)
    items = [
        replace(
            catalogue.get("red-top"),
            price=19.5,
            description="Soft <b>cotton</b>.",
            url="https://shop.example/1?a=1&b=2",
        ),
        replace(catalogue.get("green-skirt"), described=True),
        *list(catalogue)[2:],
    ]
    return FakeShop(Catalogue(items, "EUR", catalogue.vectors))


class Fixed(NoteWriter):
    """Writes one note, whatever it is about."""

    def __init__(self) -> None: ...

    def example(self, item_id: str, category: object, rating: int = 4) -> str:
        return "Runs a little small."


def test_it_says_what_the_shop_does_and_nothing_runs(front: FakeShop) -> None:
    found = Detail(front).show("red-top")
    assert "<h3>Red top</h3>" in found and "€19.50" in found
    assert "Soft &lt;b&gt;cotton&lt;/b&gt;." in found
    assert 'href="https://shop.example/1?a=1&amp;b=2"' in found and "noopener" in found
    assert LABEL not in found


@pytest.mark.parametrize("choice", [None, "own", "imagined-1", ""])
def test_what_is_not_the_shops_has_no_detail(front: FakeShop, choice: str | None) -> None:
    assert Detail(front).show(choice) == ""


def test_an_item_without_a_picture_says_so(front: FakeShop) -> None:
    assert "no picture" in Detail(front).show("green-skirt")
    assert "no picture" not in Detail(front).show("red-top")


def test_an_example_is_labelled_and_gives_way_to_reviews(front: FakeShop) -> None:
    detail = Detail(front, Writer(Fixed))
    found = detail.show("red-top")
    assert LABEL in found and "Runs a little small." in found and "Nobody said this" in found
    front.written["red-top"] = [Review(5, "The sleeves are <i>rather</i> long. Nice colour though.")]
    found = detail.show("red-top")
    assert LABEL not in found and "Runs a little small." not in found
    assert "The sleeves are &lt;i&gt;rather&lt;/i&gt; long." in found and "From 1 review" in found


def test_a_review_that_says_nothing_still_keeps_examples_away(front: FakeShop) -> None:
    front.written["red-top"] = [Review(5, "Ok.")]
    assert LABEL not in Detail(front, Writer(Fixed)).show("red-top")


def test_without_weights_there_are_no_examples(front: FakeShop) -> None:
    tried = []

    def missing() -> NoteWriter:
        tried.append(1)
        raise WeightsError("weights/reviews is missing")

    detail = Detail(front, Writer(missing))
    assert LABEL not in detail.show("red-top") + detail.show("blue-dress")
    assert len(tried) == 1


def test_examples_are_off_unless_the_shop_wants_them() -> None:
    assert Settings().example_notes is False


def test_the_shipped_writer_writes_what_may_be_shown(front: FakeShop) -> None:
    item: Item = front.now.get("red-top")
    writer = Writer()
    assert writer.example(item) == writer.example(item) != ""


@pytest.mark.browser
def test_the_panel_follows_the_choice(
    browser: Browser, front: FakeShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(Writer, "example", lambda self, item: "Runs a little small.")
    front.written["blue-dress"] = [Review(4, "Long enough even for tall people.")]
    page_of = build_app(FakeRoom(), front, [], settings=Settings(example_notes=True))  # type: ignore[arg-type]
    with served(page_of) as address, visiting(browser, address) as page:
        panel = page.locator("#detail")
        expect(panel).to_be_hidden()
        choose_garment(page, "Red top")
        expect(panel).to_contain_text("€19.50")
        expect(panel).to_contain_text(LABEL)
        choose_garment(page, "Blue dress")
        expect(panel).to_contain_text("Long enough even for tall people.")
        expect(panel).not_to_contain_text(LABEL)
        page.locator("#forget").click()
        expect(panel).to_be_hidden()
