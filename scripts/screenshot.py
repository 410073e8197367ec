"""Take the pictures of the app in docs/screenshots anew: `.venv/bin/python scripts/screenshot.py`. Needs Chromium."""

from __future__ import annotations

import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PERSON, GARMENTS = 3, ("Turquoise ringer tee with charcoal trim", "Mid-blue straight jeans")
FOLDER = ROOT / "docs" / "screenshots"
VIEWS = [(width, height, scheme) for width, height in ((1280, 1250), (390, 844)) for scheme in ("light", "dark")]


def main() -> None:
    """Serve the real app with the sample shop, dress a sample person, and keep what the page looks like."""
    from fitting.room import FittingRoom
    from fitting.shop import Shop
    from fitting.ui.blocks import build_app
    from fitting.ui.serving import assets, launch, prepare
    from fitting.ui.shelves import load_people

    prepare()
    FOLDER.mkdir(exist_ok=True)
    flags = ["--headless", "--no-sandbox", "--disable-gpu"]
    with tempfile.TemporaryDirectory() as folder, Shop.open(Path(folder)) as shop:
        app = build_app(FittingRoom.load(), shop, load_people(assets()))
        _, address, _ = launch(app, prevent_thread_lock=True, quiet=True, allowed_paths=[str(shop.pictures)])
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
            for width, height, scheme in VIEWS:
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                page.goto(address, wait_until="domcontentloaded")
                dress(page)
                keep(page, FOLDER / f"result-{width}-{scheme}.png")
                page.close()
            browser.close()
        app.close(verbose=False)


def dress(page: Page) -> None:
    """A sample person in an outfit of two; on a phone its result is scrolled into view."""
    page.locator("#people .thumbnail-item").nth(PERSON).click(timeout=60_000)
    for title in GARMENTS:
        page.locator("#search textarea, #search input").first.fill(title)
        page.locator("#shelf").get_by_alt_text(title, exact=True).click(timeout=60_000)
        expect(page.locator("#chosen")).to_contain_text(title)
        page.locator("#go").click()
        expect(page.locator("#look li").filter(has_text=title)).to_be_visible(timeout=120_000)
    expect(page.locator("#download")).to_be_visible(timeout=120_000)
    page.locator("#search textarea, #search input").first.fill("")
    page.wait_for_timeout(4000)  # the garments are back, the cards are drawn
    if page.viewport_size and page.viewport_size["width"] > 700:
        page.evaluate("scrollTo(0, 0)")
    else:
        page.evaluate("document.querySelector('#result-column').scrollIntoView()")


def keep(page: Page, path: Path) -> None:
    """A palette keeps the file small; k-means chooses its colours well enough that nobody notices."""
    shot = Image.open(BytesIO(page.screenshot())).convert("RGB")
    shot.quantize(256, kmeans=6).save(path, optimize=True)


if __name__ == "__main__":
    main()
