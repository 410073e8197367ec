"""Looks, consent and advice in a real browser, by mouse, by thumb and by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from browsing import (
    CONTRAST,
    addresses,
    choose_garment,
    choose_person,
    choose_photo,
    clipped,
    overlapping,
    served,
    status_of,
    unnamed,
    visiting,
)
from fakes import FakeRoom, FakeShop, shop
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from fitting.provenance import is_marked
from fitting.ui.blocks import build_app

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("GRADIO_HEARTBEAT_INTERVAL", "1")
        catalogue, people = shop(tmp_path_factory.mktemp("shop"))
        with served(build_app(FakeRoom(), FakeShop(catalogue), people)) as address:  # type: ignore[arg-type]
            yield address


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    noise = np.random.default_rng(abs(hash(str(tmp_path)))).integers(60, 220, (64, 48, 3), dtype=np.uint8)
    path = tmp_path / "holiday.jpg"
    Image.fromarray(noise).resize((480, 640)).save(path)
    return path


def worn(page: Page, *titles: str) -> None:
    """The row says that these are worn, and the result is there."""
    expect(page.locator("#look li")).to_have_text([re.compile(title) for title in titles])
    expect(page.locator("#download")).to_be_visible()


def dressed(page: Page, *titles: str) -> None:
    choose_person(page)
    for title in titles:
        choose_garment(page, title)
        page.locator("#go").click()
        expect(page.locator("#look li").filter(has_text=title)).to_be_visible()
    expect(page.locator("#download")).to_be_visible()


def test_an_outfit_is_built_taken_apart_kept_and_shared(browser: Browser, address: str, tmp_path: Path) -> None:
    with visiting(browser, address) as page:
        dressed(page, "Red top", "Green skirt")
        worn(page, "Green skirt", "Red top")
        page.locator("#look [data-act=keep]").click()
        expect(page.locator("#kept li")).to_have_count(1)
        choose_garment(page, "Blue dress")
        page.locator("#go").click()
        worn(page, "Blue dress")
        expect(page.locator("#status")).to_contain_text("Blue dress takes the place of Green skirt and Red top.")
        page.locator("#look [data-act=keep]").click()
        expect(page.locator("#kept li")).to_have_count(2)
        page.locator("#look [data-act=undo]").click()
        worn(page, "Green skirt", "Red top")
        page.get_by_role("button", name="Take off: Red top").click()
        worn(page, "Green skirt")
        page.locator("#look [data-act=afresh]").click()
        expect(page.locator("#status")).to_contain_text("You wear nothing from here")
        expect(page.locator("#result")).to_be_hidden()
        page.locator("#kept [data-act=again]").last.click()
        worn(page, "Blue dress")
        page.locator("#kept [data-act=compare]").click()
        expect(page.locator("#kept figure")).to_have_count(2)
        expect(page.locator("#kept figcaption").first).to_have_text("Green skirt and Red top")
        page.keyboard.press("Escape")
        page.locator("#kept [data-act=collect]").click()
        with page.expect_download() as download:
            page.locator("#collage").click()
        download.value.save_as(tmp_path / "looks.jpg")
        with Image.open(tmp_path / "looks.jpg") as got:
            assert is_marked(got) and got.width > got.height
        assert unnamed(page) == []
        kept = addresses(page, "#kept")
        assert [status_of(source) for source in kept] == [200] * len(kept)
        page.locator("#forget").click()
        expect(page.locator("#kept section")).to_have_count(0)
        assert all(status_of(source) in (403, 404) for source in kept)


def test_the_picture_fills_the_screen_and_grows(browser: Browser, address: str) -> None:
    with visiting(browser, address, viewport=PHONE) as page:
        dressed(page, "Red top")
        page.locator("#slider .zoom").click()
        sight = page.locator("#slider .sight")
        small = sight.locator("img").bounding_box()
        sight.click()
        expect(sight).to_have_attribute("aria-pressed", "true")
        large = sight.locator("img").bounding_box()
        assert small and large and large["height"] > 1.5 * small["height"]
        page.keyboard.press("Escape")
        expect(sight).to_be_hidden()


def test_ones_own_photo_is_asked_about_once_a_visit(browser: Browser, address: str, photo: Path) -> None:
    with visiting(browser, address) as page:
        dressed(page, "Red top")
        expect(page.locator("#agree")).to_be_hidden()
        choose_photo(page, photo)
        page.locator("#go").click()
        expect(page.locator("#consent")).to_contain_text("I am 18 or older")
        assert overlapping(page) == [] and clipped(page) == []
        page.locator("#agree").click()
        expect(page.locator("#agree")).to_be_hidden()
        worn(page, "Red top")
        page.locator("#forget").click()
        expect(page.locator("#status")).to_contain_text("are deleted")
        choose_photo(page, photo)
        page.locator("#go").click()
        expect(page.locator("#agree")).to_be_visible()


def test_a_photo_that_could_be_better_gets_advice_at_once(browser: Browser, address: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(7).integers(5, 60, (640, 480, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "night.png")
    with visiting(browser, address) as page:
        choose_photo(page, tmp_path / "night.png")
        expect(page.locator("#photo-note")).to_contain_text("rather dark")
        page.locator(".guide summary").click()
        expect(page.locator(".guide")).to_contain_text("One person who faces the camera")
        assert overlapping(page) == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light"), (320, "light")])
def test_looks_fit_and_can_be_read(browser: Browser, address: str, width: int, scheme: str) -> None:
    with visiting(browser, address, color_scheme=scheme, viewport={"width": width, "height": 844}) as page:
        dressed(page, "Red top", "Green skirt", "Brown coat")
        page.locator("#look [data-act=keep]").click()
        expect(page.locator("#kept li")).to_have_count(1)
        page.locator("#kept [data-act=collect]").click()
        expect(page.locator("#collage")).to_be_visible()
        assert clipped(page) == [] and overlapping(page) == [] and page.evaluate(CONTRAST) == []
        for button in page.locator(":is(#look, #kept) button:visible").all():
            box = button.bounding_box()
            assert box and box["height"] >= 44 and box["width"] >= 44
        if width < 700:
            page.evaluate("window.scrollTo(0, 0)")
            expect(page.locator("#go")).to_be_in_viewport()
            page.locator("#look [data-act=another]").click()
            expect(page.locator("#shelf .thumbnail-item").first).to_be_in_viewport()


def test_four_visitors_at_once_each_get_their_own(browser: Browser, address: str) -> None:
    titles = ("Red top", "Green skirt", "Blue dress", "Brown coat")
    with ExitStack() as stack:
        pages = [stack.enter_context(visiting(browser, address)) for _ in titles]
        for page, title in zip(pages, titles, strict=True):
            choose_person(page)
            choose_garment(page, title)
        for page in pages:
            page.locator("#go").click()
        sources: set[str] = set()
        for page, title in zip(pages, titles, strict=True):
            worn(page, title)
            sources |= set(addresses(page, "#slider .compare > :not(dialog)", "#slider .compare"))
        assert len(sources) == 2 * len(titles)


def reach(page: Page, selector: str, backwards: bool = False) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(60):
        page.keyboard.press("Shift+Tab" if backwards else "Tab")
        if page.evaluate("selector => Boolean(document.activeElement?.closest(selector))", selector):
            return
    pytest.fail(f"{selector} is not reached by Tab")


def test_everything_can_be_done_by_keyboard(browser: Browser, address: str, tmp_path: Path) -> None:
    with visiting(browser, address) as page:
        reach(page, "#people .thumbnail-item")
        page.keyboard.press("Enter")
        expect(page.locator("#photo-note")).to_contain_text("Somebody in grey")
        reach(page, "#shelf .thumbnail-item")
        page.keyboard.press("Enter")
        expect(page.locator("#chosen")).to_contain_text("Red top")
        reach(page, "#go")
        page.keyboard.press("Enter")
        worn(page, "Red top")
        reach(page, "#slider input")
        page.keyboard.press("ArrowLeft")
        reach(page, "#slider .zoom")
        page.keyboard.press("Enter")
        expect(page.locator("#slider dialog")).to_be_visible()
        page.keyboard.press("Escape")
        reach(page, "#look [data-act=keep]")
        page.keyboard.press("Enter")
        expect(page.locator("#kept li")).to_have_count(1)
        reach(page, "#download")
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        download.value.save_as(tmp_path / "got.png")
        reach(page, "#look [data-act=off]", backwards=True)
        page.keyboard.press("Enter")
        expect(page.locator("#status")).to_contain_text("You wear nothing from here")
        reach(page, "#forget", backwards=True)
        page.keyboard.press("Enter")
        expect(page.locator("#status")).to_contain_text("are deleted")
