"""Shoppers' journeys through the app in a real browser."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
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
    try_on,
    unnamed,
    visiting,
)
from fakes import FakeRoom, FakeShop, shop
from PIL import Image
from playwright.sync_api import Browser, expect

from fitting.room import FittingRoom
from fitting.shop import Shop
from fitting.ui.blocks import build_app
from fitting.ui.serving import assets
from fitting.ui.shelves import load_people

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def room() -> FakeRoom:
    return FakeRoom(delay=0.05)


@pytest.fixture(scope="module")
def address(room: FakeRoom, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("GRADIO_HEARTBEAT_INTERVAL", "1")
        catalogue, people = shop(tmp_path_factory.mktemp("shop"))
        with served(build_app(room, FakeShop(catalogue), people)) as address:  # type: ignore[arg-type]
            yield address


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A portrait-shaped photo unlike any other, so that no two tests share an upload."""
    noise = np.random.default_rng(abs(hash(str(tmp_path)))).integers(40, 220, (64, 48, 3), dtype=np.uint8)
    path = tmp_path / "holiday.jpg"
    Image.fromarray(noise).resize((480, 640)).save(path)
    return path


def test_upload_choose_try_on_and_download(browser: Browser, address: str, photo: Path, tmp_path: Path) -> None:
    with visiting(browser, address) as page:
        choose_person(page)
        expect(page.locator("#people .selected")).to_have_count(1)
        page.get_by_label("Remove Image").first.click()
        choose_photo(page, photo)
        expect(page.locator("#photo-note .good")).to_contain_text("This photo works")
        expect(page.locator("#people .selected")).to_have_count(0)
        choose_garment(page, "Red top")
        try_on(page)
        expect(page.locator("#status")).to_contain_text("Worn as a top.")
        page.get_by_role("tab", name="Result only").click()
        result = page.locator("#plain img.after")
        expect(result).to_be_visible()
        assert result.evaluate("image => image.naturalWidth") == 480
        assert unnamed(page) == []
        with page.expect_download() as download:
            page.locator("#download").click()
        download.value.save_as(tmp_path / "got.png")
        with Image.open(tmp_path / "got.png") as got, Image.open(photo) as given:
            assert got.format == "PNG" and got.size == given.size
            assert got.getpixel((240, 320))[0] > 150, "wears red"
            assert got.getpixel((5, 5)) == given.getpixel((5, 5))


def test_sample_person_then_another_garment(browser: Browser, address: str) -> None:
    with visiting(browser, address) as page:
        page.locator("#people").get_by_alt_text("Somebody in grey").click()
        expect(page.locator("#photo img")).to_be_visible()
        choose_garment(page, "Red top")
        try_on(page)
        before = addresses(page, "#slider")
        choose_garment(page, "Green skirt")
        page.locator("#go").click()
        expect(page.locator("#status")).to_contain_text("Worn as trousers or a skirt.")
        expect(page.locator("#look li")).to_have_text([re.compile("Green skirt"), re.compile("Red top")])
        expect(page.locator("#slider img").last).not_to_have_attribute("src", before[2])
        expect(page.locator("#download")).to_be_visible()
        assert all(status_of(old) in (403, 404) for old in before), "pictures of the last garment are gone"


def test_own_garment_is_recognised_and_can_be_corrected(browser: Browser, address: str, photo: Path) -> None:
    with visiting(browser, address) as page:
        choose_photo(page, photo)
        page.get_by_role("tab", name="My own picture").click()
        page.locator("#own-garment input[type=file]").first.set_input_files(str(photo))
        expect(page.locator("#chosen")).to_contain_text("It looks like a dress")
        try_on(page)
        expect(page.locator("#status")).to_contain_text("We took it for a dress")
        page.locator("#worn").get_by_text("Jacket or coat").click()
        page.locator("#go").click()
        expect(page.locator("#status")).to_contain_text("Worn as a jacket or coat.")


def test_shelves_narrow_the_catalogue(browser: Browser, address: str) -> None:
    with visiting(browser, address) as page:
        expect(page.locator("#shelf .thumbnail-item")).to_have_count(4)
        page.locator("#shelf-filter input").click()
        page.get_by_role("option", name="Dress").click()
        expect(page.locator("#shelf .thumbnail-item")).to_have_count(1)
        choose_garment(page, "Blue dress")


def test_going_without_a_photo_or_a_garment(browser: Browser, address: str, photo: Path) -> None:
    with visiting(browser, address) as page:
        page.locator("#go").click()
        expect(page.get_by_role("alert")).to_contain_text("Choose a photo first")
        choose_photo(page, photo)
        page.locator("#go").click()
        page.locator("#agree").click()
        expect(page.get_by_role("alert")).to_contain_text("Choose a garment first")


BAD_PHOTOS = [
    ("page.jpg", b"<!doctype html><p>hello", "JPG, PNG or WebP"),
    ("nothing.jpg", b"", "empty"),
    ("half.png", b"\x89PNG\r\n\x1a\n" + bytes(100), "JPG, PNG or WebP"),
    ("black.png", None, "No person was found"),
    ("white.png", None, "Something went wrong on our side"),
]


def test_a_bad_photo_gets_a_sentence_and_shows_no_path(browser: Browser, address: str, tmp_path: Path) -> None:
    with visiting(browser, address) as page:
        choose_garment(page, "Red top")
        for name, content, said in BAD_PHOTOS:
            path = tmp_path / name
            if content is None:
                Image.new("RGB", (200, 300), path.stem).save(path)
            else:
                path.write_bytes(content)
            page.locator("#photo input[type=file]").first.set_input_files(str(path))
            expect(page.locator("#photo-note .error")).to_contain_text(said, timeout=30_000)
            page.locator("#go").click()
            if name == "page.jpg":
                page.locator("#agree").click()
            expect(page.locator("#status .error")).to_contain_text(said)
            text = page.locator("body").inner_text()
            for secret in ("/tmp", "/secret", "gradio", "Traceback", "Error", "PIL"):
                assert secret not in text
            page.get_by_label("Remove Image").first.click()
            expect(page.locator("#photo-note .error")).to_have_count(0)


def test_a_file_too_large_is_refused_in_words(browser: Browser, address: str, tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(26 * 2**20)
    with visiting(browser, address) as page:
        page.locator("#photo input[type=file]").first.set_input_files(str(path))
        toast = page.locator("[data-testid=toast-body]")
        expect(toast).to_contain_text("size", timeout=20_000)
        assert "/tmp" not in toast.inner_text()


def test_delete_my_photo_deletes_everything(browser: Browser, address: str, photo: Path, room: FakeRoom) -> None:
    with visiting(browser, address) as page:
        choose_photo(page, photo)
        page.get_by_role("tab", name="My own picture").click()
        page.locator("#own-garment input[type=file]").first.set_input_files(str(photo))
        expect(page.locator("#chosen")).to_contain_text("your own picture")
        try_on(page)
        page.get_by_role("tab", name="Result only").click()
        expect(page.locator("#plain img.after")).to_be_visible()
        kept = addresses(page, "#photo", "#own-garment", "#slider", "#plain")
        with page.expect_download() as download:
            page.locator("#download").click()
        kept.append(download.value.url)
        assert len(kept) == 8 and [status_of(address) for address in kept] == [200] * len(kept)
        with Image.open(photo) as given:
            content = given.convert("RGB").tobytes()
        assert content in room.remembered
        page.locator("#forget").click()
        expect(page.locator("#status")).to_contain_text("are deleted")
        expect(page.locator("#photo img")).to_have_count(0)
        expect(page.locator("#result")).not_to_be_visible()
        assert all(status_of(address) in (403, 404) for address in kept)
        assert content not in room.remembered


def test_closing_the_page_deletes_everything(browser: Browser, address: str, photo: Path) -> None:
    with visiting(browser, address) as page:
        choose_photo(page, photo)
        choose_garment(page, "Red top")
        try_on(page)
        page.locator("#look [data-act=keep]").click()
        expect(page.locator("#kept li")).to_have_count(1)
        kept = addresses(page, "#photo", "#slider", "#kept")
        assert [status_of(address) for address in kept] == [200] * 5
    with visiting(browser, address) as page:
        for _ in range(150):
            if all(status_of(address) in (403, 404) for address in kept):
                break
            page.wait_for_timeout(200)
        assert all(status_of(address) in (403, 404) for address in kept)


def test_a_photo_from_the_camera(browser: Browser, address: str) -> None:
    with visiting(browser, address, permissions=["camera"]) as page:
        page.locator("#photo").get_by_label("Capture from camera").click()
        page.get_by_text("Click to Access Webcam").click()
        # Until the first frame is there, the camera's picture is black.
        page.wait_for_function("document.querySelector('#photo video')?.currentTime > 0.3")
        page.locator('#photo [aria-label="capture photo"]').click()
        expect(page.locator("#photo-note .good")).to_contain_text("This photo works", timeout=30_000)
        choose_garment(page, "Red top")
        try_on(page)


def test_two_visitors_each_get_their_own(browser: Browser, address: str, photo: Path) -> None:
    with visiting(browser, address) as one, visiting(browser, address) as other:
        for page, title in ((one, "Red top"), (other, "Blue dress")):
            choose_photo(page, photo)
            page.locator("#go").click()
            page.locator("#agree").click()
            choose_garment(page, title)
        one.locator("#go").click()
        other.locator("#go").click()
        expect(one.locator("#status")).to_contain_text("Worn as a top.")
        expect(other.locator("#status")).to_contain_text("Worn as a dress.")
        assert not set(addresses(one, "#slider")) & set(addresses(other, "#slider"))
        other.locator("#forget").click()
        expect(other.locator("#status")).to_contain_text("are deleted")
        assert status_of(addresses(one, "#photo")[0]) == 200, "the very same file, still in use by another"


def test_no_request_leaves_the_machine_and_no_photo_is_stored_on_the_way(
    browser: Browser, address: str, photo: Path
) -> None:
    hosts = set()
    with visiting(browser, address) as page:
        page.context.on("request", lambda request: hosts.add(request.url.split("/")[2].split(":")[0]))
        page.reload(wait_until="domcontentloaded")
        choose_photo(page, photo)
        choose_garment(page, "Red top")
        try_on(page)
        with urllib.request.urlopen(addresses(page, "#photo")[0], timeout=60) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
        assert page.evaluate("Object.entries({...localStorage, ...sessionStorage}).join().includes('file=')") is False
    assert hosts == {"127.0.0.1"}


def test_nothing_is_clipped_or_overlapping_on_any_screen(browser: Browser, address: str, photo: Path) -> None:
    def check() -> None:
        for width in (1440, 1280, 768, 390, 320):
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_timeout(150)  # Gradio lays its tabs out anew
            assert clipped(page) == [], width
            assert overlapping(page) == [], width

    with visiting(browser, address) as page:
        check()
        choose_photo(page, photo)
        choose_garment(page, "Red top")
        try_on(page)
        check()
        page.get_by_role("tab", name="Result only").click()
        page.get_by_role("tab", name="My own picture").click()
        expect(page.locator("#own-garment")).to_be_visible()
        check()


def test_the_button_is_always_in_view_and_hides_nothing_for_good(browser: Browser, address: str) -> None:
    with visiting(browser, address) as page:
        expect(page.locator("#result")).to_be_hidden()
        for width, height in ((1024, 768), (768, 1024), (390, 844), (320, 640)):
            page.set_viewport_size({"width": width, "height": height})
            for share in (0, 0.5, 1):
                page.evaluate("share => window.scrollTo(0, share * document.documentElement.scrollHeight)", share)
                expect(page.locator("#go")).to_be_in_viewport(ratio=1)
            last, button = page.locator("footer p").last.bounding_box(), page.locator("#go").bounding_box()
            assert last and button and last["y"] + last["height"] <= button["y"], width


def test_on_a_phone_the_garments_are_a_short_way_down_and_nothing_jumps(browser: Browser, address: str) -> None:
    with visiting(browser, address, viewport={"width": 390, "height": 844}) as page:
        garments, people = page.locator("#garment-column"), page.locator("#people")
        before, row = garments.bounding_box(), people.bounding_box()
        assert before and row and before["y"] < 844, "they begin on the first screen"
        choose_person(page)
        expect(page.locator("#photo-note")).to_contain_text("Somebody in grey")
        assert people.bounding_box() == row, "what was pressed stays where it is"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_both_schemes(browser: Browser, address: str, scheme: str) -> None:
    with visiting(browser, address, color_scheme=scheme) as page:
        page.locator("#go").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert page.evaluate(CONTRAST) == []
        page.reload(wait_until="domcontentloaded")
        choose_person(page)
        choose_garment(page, "Red top")
        try_on(page)
        assert page.evaluate(CONTRAST) == []


def test_the_slider_moves_by_keyboard(browser: Browser, address: str) -> None:
    with visiting(browser, address) as page:
        choose_person(page)
        choose_garment(page, "Red top")
        try_on(page)
        handle = page.get_by_role("slider")
        handle.focus()
        first = int(handle.input_value())  # in the middle of what has changed
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        cut = "element => element.closest('.compare').style.getPropertyValue('--cut')"
        assert handle.evaluate(cut) == f"{first + 3}%"


def test_the_real_room_dresses_a_sample_person(browser: Browser, tmp_path: Path) -> None:
    """The whole product, nothing stood in for: our networks, a sample person, a garment of the catalogue."""
    with pytest.MonkeyPatch.context() as patch, Shop.open(tmp_path / "shop") as opened:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
        app = build_app(FittingRoom.load(), opened, load_people(assets()))
        allowed = [str(opened.pictures)]
        with served(app, allowed_paths=allowed) as address, visiting(browser, address) as page:
            expect(page.locator("#people .thumbnail-item")).to_have_count(len(load_people(assets())))
            choose_person(page)
            choose_garment(page, next(iter(opened.catalogue())).title)
            try_on(page, timeout=120_000)
            with page.expect_download() as download:
                page.locator("#download").click()
            download.value.save_as(tmp_path / "got.png")
    with Image.open(tmp_path / "got.png") as got, Image.open(load_people(assets())[0].picture) as given:
        before, after = np.asarray(given.convert("RGB")).astype(int), np.asarray(got).astype(int)
    changed = np.abs(before - after).max(2) > 8
    rows, columns = changed.shape
    assert 0.05 < changed.mean() < 0.6, "a garment's worth of the picture has changed"
    assert changed[rows // 3 : rows // 2, columns * 2 // 5 : columns * 3 // 5].mean() > 0.9, "on the chest"
    assert not changed[: rows // 10].any() and not changed[:, :4].any(), "and the background has not"
