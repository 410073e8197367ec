"""What is being answered over HTTP, and whether anything more is taken: a server that stops finishes what it began."""

from __future__ import annotations

import threading
import traceback
from collections import Counter

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fitting.ui import words
from fitting.ui.telling import FULL, kind_of, spoken

SOON = {"Retry-After": "10"}  # by then another process has taken over, or this one has been started anew
_UPLOAD = "/gradio_api/upload"
_LEAVING = ("/gradio_api/cancel", "/gradio_api/reset")  # makes work less, and is let in to the end


class Traffic:
    """Counts of one server. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: Counter[str] = Counter()
        self.in_hand = 0  # calls and uploads that are being answered
        self.closing = False  # nothing more is taken

    @property
    def answers(self) -> dict[str, int]:
        """Code of an answer -> how often it was given."""
        with self._lock:
            return dict(self._answers)

    def answered(self, code: int) -> None:
        with self._lock:
            self._answers[str(code)] += 1

    def hold(self, change: int) -> None:
        """One more is in hand (1), or one less (-1)."""
        with self._lock:
            self.in_hand += change


class Tally:
    """Counts every answer that the app within gives."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self.app = app
        self.traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.traffic.answered(message["status"])
            await send(message)

        await self.app(scope, receive, counted if scope["type"] == "http" else send)


class Door:
    """Lets calls and uploads in until the server closes, and says in a sentence if the disk is full."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self.app = app
        self.traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            return await self.app(scope, receive, send)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if self.traffic.closing and not path.startswith(_LEAVING):
            return await _busy(path)(scope, receive, send)
        self.traffic.hold(1)
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, sent)
        except OSError as error:
            if begun or kind_of(error) != FULL:
                raise
            spoken(error)  # counts it, and tells the log
            traceback.clear_frames(error.__traceback__)  # and with them the file that could not be written is closed
            await _busy(path)(scope, receive, send)
        finally:
            self.traffic.hold(-1)


def _busy(path: str) -> Response:
    if path.rstrip("/") == _UPLOAD:  # Gradio shows the answer to an upload as it comes
        return PlainTextResponse(words.BUSY, 503, SOON)
    return JSONResponse({"detail": words.BUSY, "error": words.BUSY}, 503, SOON)
