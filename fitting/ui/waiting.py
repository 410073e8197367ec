"""How long the line is: how many wait for the networks, how long that takes, and whether there is room for another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from fitting.ui import words

LINE = "room"  # the concurrency id of everything that needs the networks


class Line:
    """The line of an app's visitors and programs."""

    def __init__(self, app: gr.Blocks) -> None:
        self._app = app

    def __len__(self) -> int:
        """How many wait, not counting those whose turn it is."""
        line = self._app._queue.event_queue_per_concurrency_id.get(LINE)
        return len(line.queue) if line is not None else 0

    @property
    def full(self) -> bool:
        """Whether no more are let in; everything that waits counts, whatever it waits for."""
        queue = self._app._queue
        return queue.max_size is not None and len(queue) >= queue.max_size

    def seconds(self) -> float | None:
        """How long it is likely to take until what is asked for now would be done; None before anything was done."""
        queue = self._app._queue
        done = [times for fn, times in list(queue.process_time_per_fn.items()) if fn.concurrency_id == LINE]
        count = sum(times.count for times in done)
        if not count:
            return None
        each = sum(times.process_time for times in done) / count
        line = queue.event_queue_per_concurrency_id[LINE]
        limit = line.concurrency_limit or 1
        before = len(line.queue) + line.current_concurrency - limit + 1  # have to be done before one's turn
        return each * (1 + max(before, 0) / limit)

    def said(self) -> dict[str, Any]:
        """For programs: how many wait, and the seconds."""
        seconds = self.seconds()
        return {"waiting": len(self), "seconds": None if seconds is None else round(seconds, 1)}


class Busy:
    """Sends an answer on, unless it says that the queue is full: then in a sentence, and when to come back.

    Args:
        page: whether the page asked: it shows a sentence of its own for 503, in English, and ours for 429.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, seconds: Callable[[], float | None], page: bool):
        self._rest = scope, receive, send
        self._seconds = seconds
        self._code = 429 if page else 503
        self._refused = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 503:
            self._refused = True
            headers = {"Retry-After": str(math.ceil(max(self._seconds() or 0, 1)))}
            await JSONResponse({"detail": words.BUSY, "error": words.BUSY}, self._code, headers)(*self._rest)
        elif not self._refused:
            await self._rest[2](message)


def limit(app: gr.Blocks, at_once: int) -> None:
    """Let so many in line be worked on at the same time."""
    for fn in app.fns.values():
        if fn.concurrency_id == LINE:
            fn.concurrency_limit = at_once


def asks_as_page(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether a request was made by the page, and not by a program; to be told in its way, not to be trusted."""
    return (b"x-gradio-user", b"app") in headers
