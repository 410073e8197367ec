"""What Gradio keeps of a session as long as it runs, made small and bounded.

A call by program is a session of its own to Gradio, and no session is dropped before ten thousand others came. Each
would hold the description of every component of the page, which takes longer to make than some calls do to answer,
and serves links to a page's state, which this app does not offer.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio import state_holder
from gradio.utils import LRUCache
from starlette.types import ASGIApp, Receive, Scope, Send

KEPT = 2000  # sessions remembered at most; as many as Gradio keeps messages for
TIDIED = 500  # answers after which names of files that are gone are dropped
_ANSWER = re.compile(r"/gradio_api/call/(?:v2/)?[\w-]+/(\w+)$")


class Session(state_holder.SessionState):
    """A session that describes components only when they change."""

    def __init__(self, blocks: Any) -> None:
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks={}))  # type: ignore[arg-type]


def bound(app: gr.Blocks) -> None:
    """Make sessions small from now on, and let go of those that are long over; call it before the app is launched."""
    state_holder.SessionState = Session  # type: ignore[misc]
    app._queue.pending_event_ids_session = LRUCache(KEPT)  # otherwise it only ever grows


def tidy(app: gr.Blocks) -> None:
    """Drop names of files that are gone: Gradio keeps those that it did not delete itself."""
    for names in app.temp_file_sets:
        names.difference_update([name for name in list(names) if not Path(name).exists()])


class Answered:
    """Drop the session of a call by program once its answer was fetched. Files of the visit stay for a while.

    Args:
        blocks: the page, whose sessions they are.
    """

    def __init__(self, app: ASGIApp, blocks: gr.Blocks) -> None:
        self.app = app
        self.blocks = blocks
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
        found = _ANSWER.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if found is None:
            return
        self._count += 1
        if self._count % TIDIED == 0:
            tidy(self.blocks)
        event, queue = found[1], self.blocks._queue  # a call that names no session has its event's name for one
        if not queue.pending_event_ids_session.get(event):  # or the answer is still to come
            for kept in (queue.pending_event_ids_session, queue.pending_messages_per_session):
                kept.pop(event, None)
            holder = self.blocks.state_holder
            holder.session_data.pop(event, None)
            holder.time_last_used.pop(event, None)
