"""Whoever cannot see the page well, or use a mouse, can use it all the same: axe, keyboard, focus, sizes, motion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import choose_garment, choose_person, choose_photo, served, try_on, unnamed, visiting
from fakes import FakeRoom, advised, wardrobe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from fitting.ui.blocks import build_app
from fitting.ui.serving import assets
from fitting.ui.shelves import load_people

pytestmark = pytest.mark.browser

# What axe finds inside Gradio's own components, which no setting of ours changes: (rule, where).
GRADIOS: list[tuple[str, str]] = []
SCREENS = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("cache")))
        offer, adviser = advised(wardrobe(tmp_path_factory.mktemp("shop"), 4, 3))
        app = build_app(FakeRoom(), offer, load_people(assets()), adviser)  # type: ignore[arg-type]
        with served(app) as address:
            yield address


def serious(page: Page) -> list[str]:
    """What axe calls serious or critical and is not Gradio's."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
        if not any(rule["id"] == known and where in str(node["target"]) for known, where in GRADIOS)
    ]


def dress_somebody(page: Page) -> None:
    choose_person(page)
    choose_garment(page, "Upper 1")
    try_on(page)
    expect(page.locator("#recommended .offer").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", list(SCREENS))
def test_axe_finds_nothing_serious_that_is_ours(browser: Browser, address: str, scheme: Any, screen: str) -> None:
    with visiting(browser, address, color_scheme=scheme, viewport=SCREENS[screen], reduced_motion="reduce") as page:
        assert serious(page) == [], "at the start"
        dress_somebody(page)
        assert serious(page) == [], "with a result"
        assert unnamed(page) == []


@pytest.mark.parametrize(("scheme", "language"), [("light", "es"), ("dark", "zh-CN")])
def test_axe_finds_nothing_in_what_opens_by_the_way(
    browser: Browser, address: str, scheme: Any, language: str, tmp_path: Path
) -> None:
    photo = tmp_path / "me.png"
    Image.linear_gradient("L").resize((300, 400)).convert("RGB").save(photo)
    with visiting(browser, f"{address}?lang={language}", color_scheme=scheme, reduced_motion="reduce") as page:
        page.locator("#guide summary").click()
        choose_photo(page, photo)
        choose_garment(page, "Upper 1")
        page.locator("#go").click()
        expect(page.locator("#agree")).to_be_visible()
        assert serious(page) == [], "the guide is open, and an agreement is asked for"
        try_on(page)
        page.locator("#slider button.zoom").click()
        expect(page.locator("#slider dialog")).to_be_visible()
        assert serious(page) == [], "in full"


def test_the_whole_way_by_keyboard_with_the_focus_in_sight(browser: Browser, address: str) -> None:
    with visiting(browser, address) as page:

        def go_to(selector: str) -> None:
            """Press Tab until the focus is there; wherever it is on the way, it must be seen."""
            for _ in range(150):
                page.keyboard.press("Tab")
                place = page.evaluate(FOCUS, selector)
                assert place != "unseen", page.evaluate("() => document.activeElement.outerHTML.slice(0, 300)")
                if place == "there":
                    return
            pytest.fail(f"{selector} is not reached by Tab")

        go_to(".languages a[hreflang=es]")
        go_to("#people .thumbnail-item")
        page.keyboard.press("Enter")
        expect(page.locator("#photo img")).to_be_visible()
        go_to("#shelf .thumbnail-item")
        page.keyboard.press("Enter")
        expect(page.locator("#chosen")).to_contain_text("Upper 1")
        page.locator("#people .thumbnail-item").first.focus()
        go_to("#go")
        page.keyboard.press("Enter")
        expect(page.locator("#download")).to_be_visible()
        go_to("#slider input")
        before = page.locator("#slider input").input_value()
        page.keyboard.press("ArrowRight")
        assert page.locator("#slider input").input_value() != before
        go_to("#download")
        go_to(".offer [data-act=like]")
        page.keyboard.press("Enter")
        expect(page.locator(".offer [data-act=like]").first).to_have_attribute("aria-pressed", "true")


# Whether the focus is on what is looked for, and whether it can be told by an outline, a shadow or a ring around it.
FOCUS = """selector => {
    const active = document.activeElement, box = active.getBoundingClientRect();
    const marked = element => {
        const style = getComputedStyle(element);
        return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== "none";
    };
    if (active === document.body) return "nowhere";
    const around = [active, active.parentElement, active.parentElement?.parentElement];
    const handle = active.closest(".compare");
    const ringed = handle && getComputedStyle(handle, "::after").outlineStyle !== "none";
    if (!box.width || !box.height || !(ringed || around.some(one => one && marked(one)))) return "unseen";
    return active.matches(selector) ? "there" : "elsewhere";
}"""

PRESSED = "button, a[href], input, select, [role=tab], [role=radio], label:has(input)"
SMALL = """([least, pressed]) => [...document.querySelectorAll(pressed)]
    .map(element => element.matches("label input") ? element.closest("label") : element)
    .filter(element => {
        const box = element.getBoundingClientRect(), style = getComputedStyle(element);
        if (element.matches("input[type=file]") || element.closest(".hide, [aria-hidden=true]")) return false;
        return box.width > 1 && box.height > 1 && style.visibility !== "hidden"
            && (box.width < least - 0.5 || box.height < least - 0.5);
    })
    .map(element => {
        const box = element.getBoundingClientRect();
        return `${Math.round(box.width)}x${Math.round(box.height)} ${element.outerHTML.slice(0, 120)}`;
    })"""


@pytest.mark.parametrize("screen", list(SCREENS))
def test_whatever_is_pressed_is_large_enough(browser: Browser, address: str, screen: str) -> None:
    with visiting(browser, address, viewport=SCREENS[screen]) as page:
        assert page.evaluate(SMALL, [44, PRESSED]) == []
        dress_somebody(page)
        assert page.evaluate(SMALL, [44, PRESSED]) == []


def test_nothing_moves_for_whoever_asked_for_less_motion(browser: Browser, address: str) -> None:
    moving = """() => [...document.querySelectorAll("*")].filter(element => {
        const style = getComputedStyle(element);
        return [style.animationDuration, style.transitionDuration].some(text =>
            text.split(",").some(one => parseFloat(one) * (one.trim().endsWith("ms") ? 1 : 1000) > 10));
    }).map(element => element.outerHTML.slice(0, 100))"""
    with visiting(browser, address, reduced_motion="reduce") as page:
        assert page.evaluate(moving) == []
        dress_somebody(page)
        assert page.evaluate(moving) == []
