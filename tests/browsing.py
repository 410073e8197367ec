"""A real browser looking at a real server: what the browser tests share."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

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
    message = "no Chromium or Chrome was found; install chromium or point CHROMIUM at one"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


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


def choose_garment(page: Page, title: str) -> None:
    page.locator("#shelf").get_by_alt_text(title, exact=True).click()
    expect(page.locator("#chosen")).to_contain_text(title)


def try_on(page: Page, timeout: float = 30_000) -> None:
    page.locator("#go").click()
    failure, done = page.locator("#status .error"), page.locator("#download")
    expect(failure.or_(done)).to_be_visible(timeout=timeout)
    assert failure.count() == 0, failure.inner_text()
    expect(page.locator("#slider img")).to_have_count(2)
    for image in page.locator("#slider img").all():
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("image => image.naturalWidth") > 0


def addresses(page: Page, *within: str) -> list[str]:
    """Where the pictures inside these elements come from."""
    found = page.locator(", ".join(f"{selector} img" for selector in within))
    return [str(image.evaluate("image => image.src")) for image in found.all()]
