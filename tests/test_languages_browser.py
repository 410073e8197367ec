"""The page in a real browser, in three languages: chosen by the browser, switched by a link, remembered."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import (
    addresses,
    choose_garment,
    choose_person,
    choose_photo,
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
from playwright.sync_api import Browser, Page, expect

from fitting.ui.blocks import build_app
from fitting.ui.serving import assets
from fitting.ui.shelves import load_people

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("GRADIO_HEARTBEAT_INTERVAL", "1")
        offer, adviser = advised(wardrobe(tmp_path_factory.mktemp("shop"), 4, 3))
        app = build_app(FakeRoom(), offer, load_people(assets()), adviser)  # type: ignore[arg-type]
        with served(app) as address:
            yield address


def switch_to(page: Page, language: str) -> None:
    page.locator(f".languages a[hreflang='{language}']").click()
    page.wait_for_url(f"**lang={language}*")
    expect(page.locator("#shelf .thumbnail-item").first).to_be_visible(timeout=30_000)


def dress_somebody(page: Page) -> None:
    choose_person(page)
    choose_garment(page, "Upper 1")
    try_on(page)


def test_a_visit_in_chinese_then_in_spanish(browser: Browser, address: str, tmp_path: Path) -> None:
    with visiting(browser, f"{address}/?item=upper-1", locale="zh-CN") as page:
        html = page.locator("html")
        expect(html).to_have_attribute("lang", "zh-CN")
        expect(page.locator("#go")).to_have_text("试穿")
        expect(page.get_by_role("navigation", name="语言").get_by_text("简体中文")).to_have_attribute(
            "aria-current", "true"
        )
        choose_person(page)
        expect(page.locator("#photo-note")).to_contain_text("示例人物：棕色长发女士")
        switch_to(page, "es")
        assert "item=upper-1" in page.url, "the rest of the address stays"
        expect(html).to_have_attribute("lang", "es")
        expect(page.locator("#photo-note")).to_contain_text("Persona de muestra: Mujer de pelo castaño largo")
        expect(page.locator("#chosen")).to_contain_text("Has elegido: Upper 1")
        remove = page.get_by_role("button", name="Quitar imagen").or_(page.get_by_label("Remove Image")).first
        remove.click()
        expect(page.locator("#photo img")).to_have_count(0)
        black = tmp_path / "black.png"
        Image.new("RGB", (300, 400)).save(black)
        page.locator("#photo input[type=file]").first.set_input_files(str(black))
        expect(page.locator("#photo-note .error")).to_be_visible()
        remove.click()
        dress_somebody(page)
        expect(page.locator("#status")).to_contain_text("Lo llevas como una parte de arriba.")
        expect(page.locator("#download")).to_have_text("Descargar imagen")
        expect(page.locator("#recommended h2").last).to_have_text("También te puede gustar")
        assert unnamed(page) == []
        page.goto(address, wait_until="domcontentloaded")
        expect(page.locator("#go")).to_have_text("Probármelo", timeout=30_000)


def test_a_visit_goes_on_in_another_language(browser: Browser, address: str, tmp_path: Path) -> None:
    Image.linear_gradient("L").resize((480, 640)).convert("RGB").save(tmp_path / "me.png")
    with visiting(browser, f"{address}/?item=upper-2") as page:
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url))
        choose_photo(page, tmp_path / "me.png")
        choose_garment(page, "Upper 1")
        try_on(page)
        page.locator("#look [data-act=keep]").click()
        expect(page.locator("#kept li")).to_have_count(1)
        expect(page.locator("#recommended .view.worn").first).to_be_visible()
        page.locator("#recommended [data-act=like]").first.click()
        liked = page.locator("#recommended [data-item]").first.get_attribute("data-item")
        page.locator("#search").get_by_role("textbox").fill("upper")
        expect(page.locator("#found")).to_contain_text("4")
        theirs = addresses(page, "#photo", "#slider .compare", "#kept", "#recommended .worn")
        switch_to(page, "es")
        assert "item=upper-2" in page.url
        expect(page.locator("#photo img")).to_be_visible()
        expect(page.locator("#chosen")).to_contain_text("Has elegido: Upper 1")
        expect(page.locator("#detail")).to_contain_text("Upper 1")
        expect(page.locator("#status")).to_contain_text("Lo llevas como una parte de arriba.")
        expect(page.locator("#look")).to_contain_text("Llevas puesto")
        expect(page.locator("#look li")).to_have_count(1)
        expect(page.locator("#kept h2")).to_have_text("Looks guardados")
        expect(page.locator("#kept li")).to_have_count(1)
        expect(page.locator("#recommended h2").last).to_have_text("También te puede gustar")
        expect(page.locator(f"#recommended [data-item='{liked}'] [aria-pressed=true]")).to_be_visible()
        expect(page.locator("#download")).to_have_text("Descargar imagen")
        expect(page.locator("#search").get_by_role("textbox")).to_have_value("upper")
        expect(page.locator("#recommended .waiting")).to_have_count(0)
        for image in page.locator("#slider .compare > img, #kept li img").all():
            expect(image).to_have_js_property("complete", True)
            assert image.evaluate("image => image.naturalWidth") > 0
        assert page.evaluate("sessionStorage.length") == 0 and "visit" not in page.url
        page.wait_for_timeout(2500)  # by now the server knows that the page before is gone
        assert {status_of(source) for source in theirs} == {200}
        choose_garment(page, "Upper 3")
        try_on(page)
        expect(page.locator("#look li")).to_contain_text(["Upper 3"])
        theirs += addresses(page, "#photo", "#slider .compare", "#kept", "#recommended .worn")
        page.locator("#forget").click()
        expect(page.locator("#status")).to_contain_text("Hemos borrado")
        assert all(status_of(source) in (403, 404) for source in theirs)
        tokens = [url for url in sent if "between" in url or "visit" in url]
        assert tokens == [], "nothing of it is in an address, where logs would have it"


def test_closing_the_page_after_a_switch_deletes_the_visit(browser: Browser, address: str, tmp_path: Path) -> None:
    Image.radial_gradient("L").resize((480, 640)).convert("RGB").save(tmp_path / "me.png")
    with visiting(browser, address) as page:
        choose_photo(page, tmp_path / "me.png")
        choose_garment(page, "Upper 1")
        try_on(page)
        switch_to(page, "zh-CN")
        expect(page.locator("#photo img")).to_be_visible()
        theirs = addresses(page, "#photo", "#slider .compare")
        assert {status_of(source) for source in theirs} == {200}
    deadline = time.monotonic() + 20
    while any(status_of(source) == 200 for source in theirs) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert all(status_of(source) in (403, 404) for source in theirs)


def test_where_no_token_comes_the_switch_is_a_link(browser: Browser, address: str) -> None:
    with visiting(browser, address) as page:
        choose_person(page)
        page.route("**/run/predict*", lambda route: route.fulfill(status=429, json={"error": "Too often."}))
        page.locator(".languages a[hreflang='es']").click()
        page.wait_for_url("**lang=es*")
        page.unroute("**/run/predict*")
        expect(page.locator("#go")).to_have_text("Probármelo", timeout=30_000)


def test_a_browser_of_another_language_gets_the_first_and_an_address_any(browser: Browser, address: str) -> None:
    with visiting(browser, address, locale="de-DE") as page:
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.locator("#go")).to_have_text("Try it on")
    with visiting(browser, f"{address}/?lang=es", locale="en-GB") as page:
        expect(page.locator("#go")).to_have_text("Probármelo")


def test_programs_are_answered_in_english_unless_they_ask(address: str, tmp_path: Path) -> None:
    def told(path: str = "", **headers: str) -> str:
        body = json.dumps({"data": ["no such item", "auto", 1], "session_hash": None}).encode()
        wanted = {
            "content-type": "application/json",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        begun = urllib.request.Request(f"{address}/gradio_api/call/recommend{path}", body, wanted)
        with urllib.request.urlopen(begun, timeout=60) as answer:
            event = json.load(answer)["event_id"]
        with urllib.request.urlopen(f"{address}/gradio_api/call/recommend/{event}", timeout=60) as answer:
            return answer.read().decode()

    assert "The catalogue has no such garment." in told()
    assert "Esa prenda no est" in told(accept_language="es-AR,es;q=0.9")


@pytest.mark.parametrize("language", ["es", "zh-CN"])
def test_nothing_is_clipped_in_any_language(browser: Browser, address: str, language: str) -> None:
    with visiting(browser, f"{address}/?lang={language}") as page:
        for width, height in ((1280, 900), (768, 1024), (390, 844), (320, 640)):
            page.set_viewport_size({"width": width, "height": height})
            assert clipped(page) == [] and overlapping(page) == [], width
        page.set_viewport_size({"width": 1280, "height": 900})
        dress_somebody(page)
        for width, height in ((1280, 900), (390, 844), (320, 640)):
            page.set_viewport_size({"width": width, "height": height})
            assert clipped(page) == [] and overlapping(page) == [], width
