"""Take the README's picture of the app anew: `.venv/bin/python scripts/screenshot.py`. Needs Chromium."""

from __future__ import annotations

import shutil
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PERSON, GARMENT = 0, "Teal and ochre striped tee"


def main() -> None:
    """Serve the real app, try a garment on a sample person, and keep what the page looks like."""
    from fitting.catalogue import Catalogue
    from fitting.room import FittingRoom
    from fitting.ui.blocks import build_app
    from fitting.ui.serving import assets, launch, prepare
    from fitting.ui.shelves import load_people

    prepare()
    app = build_app(FittingRoom.load(), Catalogue.load(assets()), load_people(assets()))
    _, address, _ = launch(app, prevent_thread_lock=True, quiet=True)
    with sync_playwright() as playwright:
        flags = ["--headless", "--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = browser.new_page(viewport={"width": 1280, "height": 960})
        page.goto(address, wait_until="domcontentloaded")
        page.locator("#people .thumbnail-item").nth(PERSON).click(timeout=60_000)
        page.locator("#shelf").get_by_alt_text(GARMENT, exact=True).click()
        expect(page.locator("#chosen")).to_contain_text(GARMENT)
        page.locator("#go").click()
        expect(page.locator("#download")).to_be_visible(timeout=120_000)
        page.wait_for_timeout(1000)
        shot = Image.open(BytesIO(page.screenshot(full_page=True))).convert("RGB")
        browser.close()
    app.close(verbose=False)
    # A palette keeps the file small; k-means chooses its colours well enough that nobody notices.
    shot.quantize(256, kmeans=6).save(ROOT / "docs" / "app.png", optimize=True)


if __name__ == "__main__":
    main()
