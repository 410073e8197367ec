"""One thread for every test, so that sums come out the same on every machine; and fixtures that several files use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import torch
from postgres import postgres, postgres_server  # noqa: F401
from shopping import fake_networks, files, importer, store  # noqa: F401
from studying import inpainting, saved_model, studio, tiny_folder, tryon  # noqa: F401

if TYPE_CHECKING:
    from playwright.sync_api import Browser

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser, one for each file of tests: while it runs, nothing else can use asyncio in this thread."""
    from browsing import running_browser

    with running_browser() as browser:
        yield browser
