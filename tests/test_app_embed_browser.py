"""Searching, links to a garment, and a shop's page that shows the room in a frame, in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browsing import addresses, choose_garment, choose_person, overlapping, served, try_on, visiting
from fakes import FakeRoom, advised, shop, wardrobe
from playwright.sync_api import Browser, expect

from fitting.catalogue import Catalogue
from fitting.settings import Settings
from fitting.ui.blocks import build_app
from fitting.ui.routes import routes_of

pytestmark = pytest.mark.browser

PAGE = Path(__file__).parent.parent / "docs" / "embed.html"


@contextmanager
def shops_page(folder: Path) -> Iterator[str]:
    """A shop's own server, of another origin than the room's."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    handler.func.log_message = lambda *_: None  # type: ignore[method-assign]
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Addresses of a room, and of a shop's product page that embeds it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("cache")))
        plain, here = wardrobe(tmp_path_factory.mktemp("shop")), tmp_path_factory.mktemp("page")
        opened, adviser = advised(Catalogue(plain.items, "EUR", plain.vectors, revision=1))
        _, people = shop(tmp_path_factory.mktemp("people"))
        app = build_app(FakeRoom(), opened, people, adviser)  # type: ignore[arg-type]
        with shops_page(here) as shops:
            settings = Settings(embed_from=(shops,))
            with served(app, settings=settings, routes=routes_of(app, opened)) as room:
                text = PAGE.read_text(encoding="utf-8")
                assert text.count("http://127.0.0.1:7860") == 1
                (here / "index.html").write_text(text.replace("http://127.0.0.1:7860", room), encoding="utf-8")
                yield room, f"{shops}/index.html"


def test_a_search_that_is_typed_and_filters(browser: Browser, places: tuple[str, str]) -> None:
    with visiting(browser, places[0]) as page:
        expect(page.locator("#shelf .thumbnail-item")).to_have_count(18)
        page.get_by_label("Search", exact=True).press_sequentially("dres 2")
        expect(page.locator("#shelf .thumbnail-item").first.locator("img")).to_have_attribute("alt", "Dress 2")
        expect(page.locator("#found")).to_contain_text("Found:")
        expect(page.locator("#shelf .selected")).to_have_count(0)
        page.get_by_label("Search", exact=True).fill("bicycle")
        expect(page.locator("#found")).to_contain_text("Nothing found")
        expect(page.locator("#shelf .thumbnail-item")).to_have_count(0)
        page.get_by_label("Search", exact=True).fill("")
        expect(page.locator("#shelf .thumbnail-item")).to_have_count(18)
        page.locator("#price-filter input").click()
        page.get_by_role("option", name="up to").click()
        expect(page.locator("#shelf .thumbnail-item")).to_have_count(5)


def test_a_garment_is_found_and_chosen_by_keyboard(browser: Browser, places: tuple[str, str]) -> None:
    with visiting(browser, places[0]) as page:
        page.get_by_label("Search", exact=True).focus()
        page.keyboard.type("outer")
        expect(page.locator("#shelf .thumbnail-item")).to_have_count(3)
        for _ in range(12):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.matches('#shelf .thumbnail-item')"):
                break
        page.keyboard.press("Enter")
        expect(page.locator("#chosen")).to_contain_text("Outer 1")


@pytest.mark.parametrize("width", [1280, 768, 390, 320])
def test_search_and_filters_fit(browser: Browser, places: tuple[str, str], width: int) -> None:
    with visiting(browser, places[0], viewport={"width": width, "height": 900}) as page:
        page.get_by_label("Search", exact=True).fill("top")
        expect(page.locator("#found")).to_contain_text("Found:")
        # On a phone more garments come by a swipe, so only what holds them has to fit.
        outside = """all => all.filter(one => !one.closest(".grid-wrap")).filter(one => {
            const box = one.getBoundingClientRect(), column = one.closest("#garment-column").getBoundingClientRect();
            return box.width && (box.left < column.left - 1 || box.right > column.right + 1);
        }).map(one => one.outerHTML)"""
        assert page.locator("#garment-column").locator("input, textarea, button, p, img").evaluate_all(outside) == []
        assert overlapping(page) == []
        low = "all => all.filter(one => one.getBoundingClientRect().height < 44).map(one => one.outerHTML)"
        assert page.locator("#search").locator("input, textarea").evaluate_all(low) == []


def test_a_link_opens_the_room_with_its_garment(browser: Browser, places: tuple[str, str]) -> None:
    with visiting(browser, f"{places[0]}/?item=dress-2") as page:
        expect(page.locator("#chosen")).to_contain_text("Dress 2")
        expect(page.locator("#shelf .selected img")).to_have_attribute("alt", "Dress 2")
        choose_person(page)
        try_on(page)
        expect(page.locator("#status")).to_contain_text("Worn as a dress.")
    with visiting(browser, f"{places[0]}/?item=gone") as page:
        expect(page.locator("#chosen .error")).to_contain_text("not on offer here")
        choose_garment(page, "Upper 1")


def test_a_shops_page_opens_the_room_in_a_frame(browser: Browser, places: tuple[str, str]) -> None:
    """The frame is of another origin, and asks for nothing anywhere but at the room."""
    room, shops = places
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page = context.new_page()
        asked: list[str] = []
        refused: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
        page.goto(shops, wait_until="domcontentloaded")
        expect(page.locator("#product")).to_have_js_property("complete", True)
        assert page.locator("#product").evaluate("image => image.naturalWidth") == 96
        page.get_by_role("link", name="Try it on").click()
        frame = page.frame_locator("iframe")
        expect(frame.locator("#chosen")).to_contain_text("Upper 1", timeout=30_000)
        frame.locator("#people .thumbnail-item").click()  # and at once, before the photo is there:
        frame.locator("#go").click()
        expect(frame.locator("#download")).to_be_visible(timeout=30_000)
        shown = frame.locator("#slider img.after").first
        expect(shown).to_have_js_property("complete", True)
        assert shown.evaluate("image => image.naturalWidth") == 300
        assert context.cookies() == [], "nothing that a browser could refuse to a frame"
        hosts = {urlsplit(address).netloc for address in asked if address.startswith("http")}
        assert hosts == {urlsplit(room).netloc, urlsplit(shops).netloc} and refused == []
        page.get_by_role("button", name="Close the fitting room").click()
        expect(page.locator("dialog")).not_to_be_visible()
    finally:
        context.close()


def test_no_other_page_may_show_the_room(browser: Browser, places: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(f'<iframe src="{places[0]}" width="900" height="600"></iframe>')
    with shops_page(tmp_path) as stranger:
        page = browser.new_page()
        try:
            with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
                page.goto(f"{stranger}/index.html")
            assert page.frames[1].locator("#go").count() == 0
        finally:
            page.close()


def test_the_page_asks_no_other_host_for_anything(browser: Browser, places: tuple[str, str]) -> None:
    asked: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page = context.new_page()
        refused: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
        page.goto(places[0], wait_until="domcontentloaded")
        expect(page.locator("#shelf .thumbnail-item").first).to_be_visible(timeout=30_000)
        choose_garment(page, "Upper 2")
        choose_person(page)
        try_on(page)
        expect(page.locator("#recommended .offer").first).to_be_visible()
        page.get_by_role("tab", name="My own picture").click()
        page.wait_for_timeout(500)
        hosts = {urlsplit(address).netloc for address in asked if address.startswith("http")}
        assert hosts == {urlsplit(places[0]).netloc} and refused == []
        assert all(address.startswith(places[0]) for address in addresses(page, "#slider", "#shelf"))
    finally:
        context.close()
