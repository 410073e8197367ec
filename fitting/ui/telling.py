"""What goes wrong, in a visitor's words."""

from __future__ import annotations

import logging

from PIL import Image

from fitting import images
from fitting.errors import FittingError
from fitting.ui import words
from fitting.ui.languages import told

log = logging.getLogger(__name__)


def spoken(error: Exception) -> str:
    """What the visitor is told. Only a `FittingError` was written for them; the rest goes to the log."""
    if isinstance(error, FittingError):
        return told(str(error))
    log.error("a visitor met an unexpected error", exc_info=error)
    return words.BROKEN


def decoded(path: str | None, error: type[FittingError]) -> Image.Image:
    """A visitor's picture, opened. Raises the given error, also where the file is gone."""
    try:
        return images.decode(path or "", error)
    except FileNotFoundError:
        raise error(words.GONE) from None
