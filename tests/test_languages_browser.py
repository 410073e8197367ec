"""The page in a real browser, in three languages: chosen by the browser, switched by a link, remembered."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import choose_garment, choose_person, clipped, overlapping, served, try_on, unnamed, visiting
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
        black = tmp_path / "black.png"
        Image.new("RGB", (300, 400)).save(black)
        page.locator("#photo input[type=file]").first.set_input_files(str(black))
        expect(page.locator("#photo-note .error")).to_be_visible()
        page.get_by_role("button", name="Quitar imagen").or_(page.get_by_label("Remove Image")).first.click()
        dress_somebody(page)
        expect(page.locator("#status")).to_contain_text("Lo llevas como una parte de arriba.")
        expect(page.locator("#download")).to_have_text("Descargar imagen")
        expect(page.locator("#recommended h2").last).to_have_text("También te puede gustar")
        assert unnamed(page) == []
        page.goto(address, wait_until="domcontentloaded")
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
