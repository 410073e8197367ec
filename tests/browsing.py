"""A real browser looking at a real server: what the browser tests share."""

from __future__ import annotations

import os
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from playwright.sync_api import Browser, Page, expect, sync_playwright
from processes import absent

from fitting.ui.serving import launch

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A camera that shows a test card, and no question whether it may be used.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def find_browser() -> str:
    """Path of a Chromium. Where there is none the test is skipped, or fails when CI is to be trusted."""
    for name in (os.environ.get("CHROMIUM", ""), *NAMES, MAC):
        if name and (found := shutil.which(name)):
            return found
    absent("no Chromium or Chrome was found; install chromium or point CHROMIUM at one")


@contextmanager
def running_browser() -> Iterator[Browser]:
    path = find_browser()
    expect.set_options(timeout=20_000)  # machines that test are often busy
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(app: gr.Blocks, **options: Any) -> Iterator[str]:
    """The app's address while it is served from this process; options go to `launch`."""
    # A port known to be free: looking for one, Gradio leaves a socket open for every port that is taken.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    here: dict[str, Any] = {"server_name": "127.0.0.1", "server_port": port}
    _, address, _ = launch(app, prevent_thread_lock=True, quiet=True, **here, **options)
    try:
        yield address.rstrip("/")
    finally:
        app.close(verbose=False)


@contextmanager
def visiting(browser: Browser, address: str, **options: Any) -> Iterator[Page]:
    """A new visitor's page, ready to use. Afterwards it must have thrown nothing."""
    options.setdefault("viewport", {"width": 1280, "height": 900})
    context = browser.new_context(**options)
    try:
        page = context.new_page()
        thrown: list[str] = []
        page.on("pageerror", lambda error: thrown.append(str(error)))
        # Not "networkidle": the heartbeat keeps a request open for good.
        page.goto(address, wait_until="domcontentloaded")
        expect(page.locator("#go")).to_be_visible(timeout=30_000)
        expect(page.locator("#shelf .thumbnail-item").first).to_be_visible(timeout=30_000)
        yield page
        assert not thrown, thrown
    finally:
        context.close()


def choose_photo(page: Page, path: Path | str) -> None:
    page.locator("#photo input[type=file]").first.set_input_files(str(path))
    expect(page.locator("#photo img")).to_be_visible()


def choose_person(page: Page) -> None:
    """The first of the sample people."""
    page.locator("#people .thumbnail-item").first.click()
    expect(page.locator("#photo img")).to_be_visible()


def choose_garment(page: Page, title: str) -> None:
    page.locator("#shelf").get_by_alt_text(title, exact=True).click()
    expect(page.locator("#chosen")).to_contain_text(title)


def try_on(page: Page, timeout: float = 30_000) -> None:
    """Press the button, agree if that is asked for, and wait for the result."""
    page.locator("#go").click()
    failure, done, agree = page.locator("#status .error"), page.locator("#download"), page.locator("#agree")
    expect(agree.or_(failure).or_(done).first).to_be_visible(timeout=timeout)
    if agree.is_visible():
        agree.click()
        expect(agree).to_be_hidden(timeout=timeout)
    expect(failure.or_(done)).to_be_visible(timeout=timeout)
    assert failure.count() == 0, failure.inner_text()
    page.wait_for_function(WHOLE, timeout=timeout)  # those of a result before may be there until then


WHOLE = """() => {
    const both = [...document.querySelectorAll("#slider .compare > img")];
    return both.length === 2 && both.every(image => image.complete && image.naturalWidth > 0);
}"""


def addresses(page: Page, *within: str) -> list[str]:
    """Where the pictures inside these elements come from."""
    found = page.locator(", ".join(f"{selector} img" for selector in within))
    return [str(image.evaluate("image => image.src")) for image in found.all()]


def status_of(address: str) -> int:
    """What another client, without cookies or session, is answered."""
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def unnamed(page: Page) -> list[str]:
    """Pictures in view without an alternative text."""
    found = "all => all.filter(image => !image.alt.trim()).map(image => image.outerHTML)"
    return page.locator("img:visible").evaluate_all(found)


def clipped(page: Page) -> list[str]:
    """Controls, texts and pictures that reach outside the window or are cut off by what holds them."""
    return page.evaluate("""() => {
        const found = [];
        const seen = element => {
            const box = element.getBoundingClientRect(), style = getComputedStyle(element);
            return box.width > 0 && box.height > 0 && style.visibility !== "hidden" && style.opacity !== "0";
        };
        const all = document.querySelectorAll("button, label, input, select, h1, h2, h3, p, img, a, .caption-label");
        for (const element of all) {
            if (!seen(element) || element.closest(".hide, .unseen, [aria-hidden=true]")) continue;
            const name = element.tagName + " " + (element.id || element.alt || element.innerText || "").slice(0, 40);
            const box = element.getBoundingClientRect();
            const row = element.closest(".offers, .shelf .grid-wrap, .kept");  // more of it comes by a swipe
            if (!row && (box.left < -1 || box.right > window.innerWidth + 1)) found.push("outside: " + name);
            if (element.scrollWidth > element.clientWidth + 2 && element.clientWidth > 0
                && !["IMG", "INPUT"].includes(element.tagName)) found.push("text cut: " + name);
            for (let parent = element.parentElement; parent; parent = parent.parentElement) {
                if (parent === document.body || parent === row) break;
                const style = getComputedStyle(parent), frame = parent.getBoundingClientRect();
                if (style.overflowX !== "visible" && (box.left < frame.left - 2 || box.right > frame.right + 2))
                    found.push("cut off sideways: " + name);
            }
        }
        return found;
    }""")


def overlapping(page: Page) -> list[str]:
    """Pairs of controls that lie on one another."""
    return page.evaluate("""() => {
        const selector = "#go, #download, #forget, #photo, #people, #shelf, #shelf-filter, #own-garment, #slider, "
            + "#agree, #consent p, .wearing li, .doings button, .kept li, #collage, .guide summary, "
            + ".rack, .offer button, .offer p, #worn label, #chosen p, #status p, #photo-note p, h2, h3";
        const controls = [...document.querySelectorAll(selector)].filter(element => {
            const box = element.getBoundingClientRect();
            return box.width > 0 && box.height > 0 && getComputedStyle(element).position !== "fixed"; });
        const found = [];
        controls.forEach((a, i) => controls.slice(i + 1).forEach(b => {
            if (a.contains(b) || b.contains(a)) return;
            const p = a.getBoundingClientRect(), q = b.getBoundingClientRect();
            const width = Math.min(p.right, q.right) - Math.max(p.left, q.left);
            const height = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
            if (width > 1 && height > 1) found.push((a.id || a.innerText) + " on " + (b.id || b.innerText));
        }));
        return found;
    }""")


# WCAG 2.2, success criterion 1.4.3: at least 4.5:1 for text, against the nearest opaque background.
CONTRAST = """() => {
    const channels = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
    const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const background = element => {
        for (; element; element = element.parentElement) {
            const colour = channels(getComputedStyle(element).backgroundColor);
            if (colour.length < 4 || colour[3] > 0.99) return colour;
        }
        return [255, 255, 255];
    };
    const found = [];
    for (const element of document.querySelectorAll("button, label span, h1, h2, h3, p, a, .caption-label, input")) {
        const box = element.getBoundingClientRect(), style = getComputedStyle(element);
        if (!box.width || !box.height || style.opacity === "0" || element.type === "checkbox") continue;
        if (!(element.innerText || element.value || "").trim()) continue;
        const [dark, light] = [luminance(channels(style.color)), luminance(background(element))].sort((a, b) => a - b);
        const ratio = (light + 0.05) / (dark + 0.05);
        if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${element.tagName} ${(element.innerText || "").slice(0, 40)}`);
    }
    return found;
}"""
