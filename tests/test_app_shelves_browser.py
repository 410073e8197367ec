"""The shelves beside a result in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browsing import (
    CONTRAST,
    choose_garment,
    choose_person,
    clipped,
    overlapping,
    served,
    status_of,
    try_on,
    unnamed,
    visiting,
)
from fakes import FakeRoom, advised, wardrobe
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from fitting.ui.blocks import build_app
from fitting.ui.shelves import SamplePerson

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def room() -> FakeRoom:
    return FakeRoom(delay=0.02)


@pytest.fixture(scope="module")
def address(room: FakeRoom, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("cache")))
        folder = tmp_path_factory.mktemp("shop")
        Image.new("RGB", (600, 800), "#808080").save(folder / "somebody.png")
        shop, adviser = advised(wardrobe(folder))
        people = [SamplePerson("Somebody in grey", folder / "somebody.png")]
        app = build_app(room, shop, people, adviser)  # type: ignore[arg-type]
        with served(app, allowed_paths=[str(folder)]) as address:
            yield address


def dressed(page: Page, garment: str = "Upper 1") -> None:
    """A first result."""
    choose_person(page)
    choose_garment(page, garment)
    try_on(page)


def drawn(page: Page) -> list[str]:
    """Where the cards' pictures come from, once all show the visitor."""
    expect(page.locator(".offer")).to_have_count(12)
    expect(page.locator(".view.worn")).to_have_count(12)
    for picture in page.locator(".view img").all():
        expect(picture).to_have_js_property("complete", True)
    return page.locator(".view img").evaluate_all("all => all.map(image => image.src)")


def card(page: Page, shelf: str, place: int) -> Locator:
    return page.locator(f"#{shelf} .offer").nth(place)


def press(where: Locator, name: str) -> None:
    where.get_by_role("button", name=name).click()


def test_a_result_brings_shelves_whose_cards_come_to_show_the_visitor(browser: Browser, address: str) -> None:
    with visiting(browser, address) as page:
        expect(page.locator("#recommended")).to_be_hidden()
        dressed(page)
        expect(page.get_by_role("heading", name="Goes with this")).to_be_visible()
        expect(page.get_by_role("heading", name="You may also like")).to_be_visible()
        height = page.locator("#recommended").bounding_box()
        sources = drawn(page)
        after = page.locator("#recommended").bounding_box()
        assert height and after and height["height"] == after["height"], "pictures change, the page does not jump"
        assert all(source.endswith("/card.jpg") for source in sources) and len(set(sources)) == 12
        assert unnamed(page) == []
        expect(card(page, "also-like", 0).locator("img")).to_have_attribute("alt", re.compile(r"^Upper \d, on you$"))
        expect(card(page, "also-like", 0)).to_contain_text(re.compile(r"Upper \d\s*€1\d\.00"))
        before = sources
        choose_garment(page, "Dress 1")
        expect(card(page, "also-like", 0)).to_contain_text("Dress")
        expect(page.locator("#also-like .offer")).to_have_count(2)
        expect(page.locator(".view.waiting")).to_have_count(0)
        now = page.locator(".view img").evaluate_all("all => all.map(image => image.src)")
        assert all(status_of(source) == (200 if source in now else 403) for source in before)


def test_wear_it_makes_a_new_result(browser: Browser, address: str) -> None:
    with visiting(browser, address) as page:
        dressed(page)
        drawn(page)
        first = page.locator("#slider img").last.get_attribute("src")
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        chosen = card(page, "goes-with", 0)
        title = chosen.locator("h3").inner_text()
        press(chosen, "Wear it")
        expect(page.locator("#chosen")).to_contain_text(f"Chosen: {title}")
        expect(page.locator("#slider img").last).not_to_have_attribute("src", first or "")
        expect(page.locator("#go")).to_be_in_viewport()
        expect(page.locator("#shelf .selected .caption-label")).to_have_text(title)
        expect(page.locator(".offer h3").get_by_text(title, exact=True)).to_have_count(0)
        expect(page.locator(".view.waiting")).to_have_count(0)


def test_not_for_me_puts_another_in_its_place_and_like_stays_pressed(browser: Browser, address: str) -> None:
    with visiting(browser, address) as page:
        dressed(page)
        drawn(page)
        liked = card(page, "also-like", 0).get_by_role("button", name="Like")
        liked.focus()
        page.keyboard.press("Enter")
        expect(liked).to_have_attribute("aria-pressed", "true")
        titles = page.locator("#also-like h3").all_inner_texts()
        away = card(page, "also-like", 1).get_by_role("button", name="Not for me")
        away.focus()
        page.keyboard.press("Enter")
        expect(card(page, "also-like", 1).locator("h3")).not_to_have_text(titles[1])
        expect(page.locator("#recommended [role=status]")).to_contain_text(f"{titles[1]} is gone. In its place:")
        assert page.evaluate("document.activeElement.innerText") == "Not for me", "the focus stays where it was"
        now = page.locator("#also-like h3").all_inner_texts()
        assert [now[0], *now[2:]] == [titles[0], *titles[2:]] and titles[1] not in now
        expect(liked).to_have_attribute("aria-pressed", "true")
        drawn(page)
        choose_garment(page, "Upper 1")
        drawn(page)
        assert titles[1] not in page.locator(".offer h3").all_inner_texts()


def test_delete_my_photo_clears_the_shelves(browser: Browser, address: str, room: FakeRoom) -> None:
    with visiting(browser, address) as page:
        dressed(page)
        sources = drawn(page)
        assert [status_of(source) for source in sources] == [200] * 12
        page.locator("#forget").click()
        expect(page.locator("#status")).to_contain_text("are deleted")
        expect(page.locator("#recommended")).to_be_hidden()
        assert all(status_of(source) in (403, 404) for source in sources)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_cards_are_even_readable_and_large_enough_to_press(
    browser: Browser, address: str, width: int, scheme: str
) -> None:
    with visiting(browser, address, color_scheme=scheme, viewport={"width": width, "height": 844}) as page:
        dressed(page)
        drawn(page)
        press(card(page, "also-like", 0), "Like")
        assert clipped(page) == [] and overlapping(page) == [] and page.evaluate(CONTRAST) == []
        for shelf in ("goes-with", "also-like"):
            boxes = [found.bounding_box() for found in page.locator(f"#{shelf} .offer").all()]
            assert len({(box["y"], box["width"], box["height"]) for box in boxes if box}) == 1, "all of one size"
        for button in page.locator(".offer button").all():
            box = button.bounding_box()
            assert box and box["height"] >= 44 and box["width"] >= 44
        card(page, "goes-with", 5).get_by_role("button", name="Like").focus()
        page.keyboard.press("Tab")
        last = card(page, "goes-with", 5).get_by_role("button", name="Not for me")
        expect(last).to_be_focused()
        expect(last).to_be_in_viewport()
        assert last.evaluate("button => getComputedStyle(button).outlineStyle") != "none"
