"""What the server answers beside the page: its health, the items' pictures, figures for the host, and agents' tools."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import gradio as gr
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fitting.errors import ShopError
from fitting.room import FittingRoom
from fitting.settings import Settings
from fitting.ui import words
from fitting.ui.adviser import Adviser
from fitting.ui.guard import SPARE, Limiter
from fitting.ui.shelves import ShopFront
from fitting.ui.traffic import Traffic
from fitting.ui.waiting import Line

if TYPE_CHECKING:  # either needs an extra
    from fitting.ui.metrics import Metrics
    from fitting.ui.tools import Tools


def metrics_of(settings: Settings) -> Metrics | None:
    """Figures for the host, where the settings ask for them. Raises ShopError without the extra `metrics`."""
    if not settings.metrics:
        return None
    try:
        from fitting.ui.metrics import Metrics
    except ModuleNotFoundError:
        raise ShopError("The setting `metrics` needs: pip install 'fitting-room[metrics]'") from None
    return Metrics()


def tools_of(
    settings: Settings, room: FittingRoom, shop: ShopFront, adviser: Adviser, limiter: Limiter
) -> Tools | None:
    """Tools for agents, where the settings ask for them. Raises ShopError without the extra `mcp`."""
    if not settings.agents:
        return None
    try:
        from fitting.ui.tools import Tools
    except ModuleNotFoundError:
        raise ShopError("The setting `agents` needs: pip install 'fitting-room[mcp]'") from None
    return Tools(room, shop, adviser, settings, limiter)


def routes_of(
    app: gr.Blocks,
    shop: ShopFront,
    metrics: Metrics | None = None,
    tools: Tools | None = None,
    traffic: Traffic | None = None,
) -> list[BaseRoute]:
    """Routes for `fitting.ui.serving.launch`.

    Args:
        metrics: shown at /metrics, if there are any.
        tools: for agents, at /mcp, if there are any.
        traffic: says whether anything more is taken.
    """

    line = Line(app)

    def health(request: Request) -> Response:
        """Whether the server answers at all."""
        return JSONResponse({"status": "ok"})

    def ready(request: Request) -> Response:
        """Whether it can take another visitor: the networks are loaded before it answers anything."""
        reason = "closing" if traffic is not None and traffic.closing else _not_ready(app)
        return JSONResponse({"status": reason or "ready"}, 503 if reason else 200)

    async def waiting(request: Request) -> Response:
        """How many wait for a try-on, and how long one is likely to take that is asked for now."""
        return JSONResponse(line.said(), headers={"cache-control": "no-store"})

    def picture(request: Request) -> Response:
        """An item's picture, by the item's id: no path is given away."""
        try:
            path = shop.catalogue().get(request.path_params["item"]).picture
        except KeyError:
            return JSONResponse({"detail": words.NO_SUCH_ITEM}, 404)
        if not path.is_file():
            return JSONResponse({"detail": words.GONE}, 404)
        return FileResponse(path, headers={"cache-control": "public, max-age=3600"})

    found: list[BaseRoute] = [
        Route("/health", health),
        Route("/ready", ready),
        Route("/waiting", waiting),
        Route("/picture/{item:path}", picture),
    ]
    if metrics is not None:
        metrics.watch_queue(app._queue)
        if traffic is not None:
            metrics.watch_traffic(traffic)
        found.append(Route("/metrics", lambda request: Response(metrics.page(), media_type="text/plain")))
    if tools is not None:
        found.extend(tools.routes())
    return found


def lifespan_of(tools: Tools | None) -> Callable[[Any], Any] | None:
    """What has to run as long as the server does."""
    if tools is None:
        return None

    @asynccontextmanager
    async def running(app: Any) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(tools.running())
            yield

    return running


def _not_ready(app: gr.Blocks) -> str | None:
    if Line(app).full:
        return "the queue is full"
    folder = os.environ.get("GRADIO_TEMP_DIR", tempfile.gettempdir())
    if shutil.disk_usage(folder).free < SPARE:
        return "the disk is nearly full"
    return None
