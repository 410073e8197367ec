"""What goes wrong: in a visitor's words, and counted by kind."""

from __future__ import annotations

import errno
import inspect
import logging
import threading
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

import gradio as gr
from PIL import Image
from sqlalchemy.exc import SQLAlchemyError

from fitting import images
from fitting.errors import FittingError, GarmentError, PhotoError, ShopError, WeightsError
from fitting.ui import words
from fitting.ui.languages import told

log = logging.getLogger(__name__)

KINDS: dict[str, tuple[type[Exception], ...]] = {  # what a class's errors are counted as; the first that fits
    "photo": (PhotoError,),
    "garment": (GarmentError,),
    "refused": (FittingError,),
    "shop": (ShopError, SQLAlchemyError),
    "weights": (WeightsError,),
}
FULL, BROKEN = "full", "broken"  # no room on the disk; everything else
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_met: Counter[str] = Counter()
_lock = threading.Lock()


def kind_of(error: BaseException) -> str:
    """What an error is counted as."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return FULL
    return next((kind for kind, classes in KINDS.items() if isinstance(error, classes)), BROKEN)


def met() -> dict[str, int]:
    """Kind -> how many errors visitors and programs have met since this process began."""
    with _lock:
        return {kind: _met[kind] for kind in (*KINDS, FULL, BROKEN)}


def spoken(error: Exception) -> str:
    """What the visitor is told. Only a `FittingError` was written for them; the rest goes to the log."""
    return counted(error)()


def counted(error: Exception) -> Callable[[], str]:
    """What the visitor is told, in the language that it is read in; the error itself is counted, and let go."""
    kind = kind_of(error)
    with _lock:
        _met[kind] += 1
    if isinstance(error, FittingError):
        text = str(error)
        return lambda: told(text)
    log.error("a visitor met an unexpected error", exc_info=error)
    return lambda: words.BUSY if kind == FULL else words.BROKEN


def in_words(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a function of the page raises unexpectedly is told in a sentence, instead of printed. It may not be a
    coroutine."""

    def said(error: Exception) -> Exception:
        if isinstance(error, gr.Error):
            return error
        return gr.Error(spoken(error), title=words.SORRY, print_exception=False)

    if inspect.isgeneratorfunction(function):

        @wraps(function)
        def steps(*given: Any, **named: Any) -> Any:
            try:
                yield from function(*given, **named)
            except Exception as error:
                raise said(error) from None

        return steps

    @wraps(function)
    def answer(*given: Any, **named: Any) -> Any:
        try:
            return function(*given, **named)
        except Exception as error:
            raise said(error) from None

    return answer


def decoded(path: str | None, error: type[FittingError]) -> Image.Image:
    """A visitor's picture, opened. Raises the given error, also where the file is gone."""
    try:
        return images.decode(path or "", error)
    except FileNotFoundError:
        raise error(words.GONE) from None
