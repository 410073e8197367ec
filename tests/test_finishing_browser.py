"""The studio finish in a real browser, with a studio that only tints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import (
    CONTRAST,
    addresses,
    choose_garment,
    choose_person,
    clipped,
    overlapping,
    served,
    status_of,
    unnamed,
    visiting,
)
from fakes import FakeRoom, FakeShop, shop
from finishing import FakeStudio
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from fitting.provenance import is_marked
from fitting.settings import Settings
from fitting.studio import Studio
from fitting.ui.blocks import build_app

pytestmark = pytest.mark.browser
STEPS = 6


@pytest.fixture(scope="module")
def studio() -> FakeStudio:
    return FakeStudio(STEPS)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, studio: FakeStudio) -> Iterator[str]:
    def load(*_: Any) -> Any:
        return studio

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(Studio, "hindrance", lambda *_: None)
        patch.setattr(Studio, "load", load)
        catalogue, people = shop(tmp_path_factory.mktemp("shop"))
        settings = Settings(studio="somebody/a-model", languages=("en", "es"))
        room: Any = FakeRoom()
        with served(build_app(room, FakeShop(catalogue), people, None, settings)) as address:
            yield address


def dressed(page: Page, title: str) -> None:
    choose_person(page)
    choose_garment(page, title)
    page.locator("#go").click()
    expect(page.locator("#studio-go")).to_be_enabled()


def test_a_finish_is_asked_for_stopped_compared_saved_and_deleted(
    browser: Browser, address: str, studio: FakeStudio, tmp_path: Path
) -> None:
    phone = {"width": 390, "height": 844}
    with (
        visiting(browser, address) as page,
        visiting(browser, f"{address}/?lang=es", viewport=phone, color_scheme="dark") as other,
    ):
        said, heard = page.locator("#studio-status"), other.locator("#studio-status")
        expect(page.locator("#studio-go")).to_be_hidden()
        dressed(page, "Red top")
        dressed(other, "Blue dress")
        expect(page.locator("#studio-licence")).to_contain_text("somebody/a-model")
        studio.held = True
        page.locator("#studio-go").click()
        expect(said).to_contain_text(f"Step 2 of {STEPS}")
        expect(said.get_by_role("progressbar")).to_have_js_property("value", 2)
        expect(said.locator("img")).to_have_attribute("src", re.compile("^data:image/jpeg;base64,"))
        expect(page.locator("#studio-go")).to_be_disabled()
        other.locator("#studio-go").click()
        expect(heard).to_contain_text("Antes que tú: 1.")
        page.locator("#studio-stop").click()
        expect(said).to_contain_text("Stopped. Your picture stays as it was.")
        expect(heard).to_contain_text(f"Paso 2 de {STEPS}")
        assert clipped(other) == [] and overlapping(other) == [] and other.evaluate(CONTRAST) == []
        studio.held = False
        expect(other.locator("#studio-download")).to_be_visible()
        expect(said).to_contain_text("Stopped")
        expect(page.locator("#studio-go")).to_be_enabled()
        compare = other.locator("#studio-slider input[type=range]")
        compare.focus()
        before = int(compare.input_value())
        other.keyboard.press("ArrowRight")
        expect(compare).to_have_value(str(before + 1))
        expect(other.locator("#studio-slider .compare > img")).to_have_count(2)
        assert clipped(other) == [] and overlapping(other) == [] and other.evaluate(CONTRAST) == []
        assert unnamed(other) == []
        with other.expect_download() as download:
            other.locator("#studio-download").click()
        download.value.save_as(tmp_path / "studio.png")
        with Image.open(tmp_path / "studio.png") as got:
            assert is_marked(got) and got.getpixel((150, 180)) == (208, 176, 64)
        pictures = addresses(other, "#studio-slider")
        assert [status_of(source) for source in pictures] == [200] * len(pictures)
        other.locator("#forget").click()
        expect(other.locator("#studio-go")).to_be_hidden()
        expect(other.locator("#studio-slider img")).to_have_count(0)
        assert all(status_of(source) in (403, 404) for source in pictures)
