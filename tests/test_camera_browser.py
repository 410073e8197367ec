"""The camera on the page, and the outline to stand in, in a real browser whose camera shows a picture of ours."""

from __future__ import annotations

import io
import re
import urllib.request
from collections.abc import Iterator

import numpy as np
import pytest
from browsing import addresses, served, visiting
from fakes import FakeRoom, FakeShop, shop
from numpy.typing import NDArray
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page, expect

from fitting.ui import words
from fitting.ui.blocks import build_app

pytestmark = pytest.mark.browser
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

# A camera of this size that sees nothing but this colour.
CAMERA = """([width, height, colour]) => {
    const picture = document.createElement("canvas");
    Object.assign(picture, {width, height});
    const draw = () => Object.assign(picture.getContext("2d"), {fillStyle: colour}).fillRect(0, 0, width, height);
    setInterval(draw, 50);
    draw();
    navigator.mediaDevices.getUserMedia = async () => picture.captureStream(20);
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("cache")))
        catalogue, people = shop(tmp_path_factory.mktemp("shop"))
        with served(build_app(FakeRoom(), FakeShop(catalogue), people)) as address:  # type: ignore[arg-type]
            yield address


def look_into(page: Page, width: int, height: int, colour: str) -> None:
    """Turn the camera on."""
    page.evaluate(CAMERA, [width, height, colour])
    page.locator("#photo").get_by_label("Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    page.wait_for_function("document.querySelector('#photo video')?.currentTime > 0.3")


def seen(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.locator("#photo").screenshot())).convert("RGB")


def outline(page: Page) -> tuple[tuple[int, int, int, int], NDArray[np.uint8]]:
    """The box (left, top, right, bottom) within the photo's box where the outline changes what is seen, and its pixels
    as (n, 3)."""
    shown = seen(page)
    style = page.add_style_tag(content="#photo *::after { content: none !important; }")
    difference = ImageChops.difference(shown, seen(page)).convert("L").point(lambda value: 255 * (value > 24))
    style.evaluate("style => style.remove()")
    box = difference.getbbox()
    assert box is not None, "no outline is to be seen"
    return box, np.asarray(shown)[np.asarray(difference) > 0]


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (360, 640)])
def test_the_outline_lies_on_the_picture_and_fills_it(
    browser: Browser, address: str, screen: dict[str, int], width: int, height: int
) -> None:
    with visiting(browser, address, viewport=screen) as page:
        look_into(page, width, height, "#8a8178")
        left, top, right, bottom = outline(page)[0]
        frame, picture = page.locator("#photo").bounding_box(), page.locator("#photo video").bounding_box()
        assert frame and picture
        assert picture["width"] / picture["height"] == pytest.approx(width / height, rel=0.02), "nothing around it"
        x, y = picture["x"] - frame["x"], picture["y"] - frame["y"]
        assert x - 1 <= left and right <= x + picture["width"] + 1
        assert y - 1 <= top and bottom <= y + picture["height"] + 1
        assert bottom - top > 0.8 * picture["height"] and picture["height"] >= 200
        middle = x + picture["width"] / 2
        assert abs((left + right) / 2 - middle) <= 2
        for button in page.locator("#photo button:visible").all():
            box = button.bounding_box()
            assert box and box["width"] >= 44 and box["height"] >= 44
            assert box["y"] + box["height"] <= frame["y"] + frame["height"] + 1


@pytest.mark.parametrize("colour", ["#fafafa", "#202020", "#808080"])
def test_the_outline_shows_on_light_and_dark_and_catches_no_click(browser: Browser, address: str, colour: str) -> None:
    with visiting(browser, address, viewport=PHONE) as page:
        look_into(page, 480, 640, colour)
        pixels = outline(page)[1].astype(float).mean(1)
        behind = int(colour[1:3], 16)
        assert np.percentile(abs(pixels - behind), 90) > 90, "it stands out"
        box = page.locator("#photo video").bounding_box()
        assert box
        for share in (0.1, 0.3, 0.5, 0.7):
            there = [box["x"] + box["width"] / 2, box["y"] + box["height"] * share]
            assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).tagName", there) == "VIDEO"
        page.locator('#photo [aria-label="capture photo"]').click()
        expect(page.locator("#photo-note")).to_contain_text(re.compile(f"{words.PHOTO_FINE}|{words.PHOTO_USABLE}"))
        with urllib.request.urlopen(addresses(page, "#photo")[-1], timeout=60) as answer:
            content = answer.read()
        with Image.open(io.BytesIO(content)) as photo:
            assert photo.size == (480, 640)
            assert np.ptp(np.asarray(photo.convert("L")).astype(int)) <= 6, "the outline is not in the photo"
