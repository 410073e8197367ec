"""How the app is served: what of it is on offer, what is not, and how pictures leave the server."""

from __future__ import annotations

import atexit
import fcntl
import inspect
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import gradio as gr
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from fitting.settings import Settings
from fitting.ui.calls import functions_of
from fitting.ui.guard import Guard, Limiter
from fitting.ui.languages.page import Reader
from fitting.ui.sessions import KEPT, Answered, bound
from fitting.ui.style import STYLE, theme
from fitting.ui.telling import in_words
from fitting.ui.traffic import Door, Tally, Traffic
from fitting.ui.waiting import Line

PREFIX = "fitting-room-"  # of folders for uploads and results, in the temporary folder or in GRADIO_TEMP_DIR


def prepare() -> threading.Event:
    """Settings that Gradio reads from the environment; call it before the app is built.

    Uploads get a folder of this process's own, which goes away with it, even when it is told to stop.

    Returns:
        set once the process was told to stop (SIGTERM). That ends it, but for where a library that is at work just
        then passes over the exit; for `fitting.ui.closing.serve`, which comes next.
    """
    told = threading.Event()

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        told.set()
        sys.exit(0)

    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # Or Gradio would sum up the last ten thousand calls after every single one, for a page that is not offered.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**12))
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
    # How soon a closed tab is noticed, and the visit deleted.
    os.environ.setdefault("GRADIO_HEARTBEAT_INTERVAL", "3")
    parent = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True)
    os.environ["GRADIO_TEMP_DIR"] = str(private_folder(parent))
    signal.signal(signal.SIGTERM, stop)  # else nothing registered below would run
    return told


def private_folder(parent: Path) -> Path:
    """A new folder that is deleted when this process exits; those that crashed processes left go now.

    A folder in use is locked for as long as its process lives, however that ends.
    """
    for leftover in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):  # in use, or somebody else's
            os.close(_locked(leftover))
            shutil.rmtree(leftover, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    _locked(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _locked(folder: Path) -> int:
    """A descriptor that holds the folder's lock. Raises OSError if another holds it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def launch(
    app: gr.Blocks,
    settings: Settings | None = None,
    limiter: Limiter | None = None,
    routes: Sequence[BaseRoute] = (),
    lifespan: Callable[[Any], Any] | None = None,
    traffic: Traffic | None = None,
    **options: Any,
) -> tuple[Any, str, str]:
    """Serve the app behind its guard; options go to `Blocks.launch` and win over ours.

    Args:
        routes, lifespan: what is served beside the page; see `fitting.ui.routes`.
        traffic: counts what is answered, and says whether anything more is taken.
    """
    settings = on_this_host(settings or Settings())
    public = options.get("allowed_paths", ())
    heavy = {
        key
        for fn in app.fns.values()
        if fn.concurrency_id in ("room", "studio-line")
        for key in (fn._id, fn.api_name)
        if key is not None
    }
    # Who calls is for the guard to find out: uvicorn by itself would believe any program on this machine.
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
    limiter = limiter or Limiter(settings)
    told = {"public": public, "heavy": heavy, "line": Line(app), "takes": functions_of(app)}
    guard = Middleware(Guard, settings=settings, limiter=limiter, **told)
    bound(app)
    traffic = traffic or Traffic()
    for fn in app.fns.values():
        if fn.fn is not None and not inspect.iscoroutinefunction(fn.fn) and not inspect.isasyncgenfunction(fn.fn):
            fn.fn = in_words(fn.fn)
    return app.launch(
        **{
            "theme": theme(settings.colour),
            "css_paths": [STYLE],
            "max_file_size": settings.upload_mb << 20,
            "run_history": False,  # Gradio would keep the addresses of photos in the browser's storage
            "footer_links": [],
            "show_error": False,
            "ssr_mode": False,
            "share": False,
            "pwa": False,
            "mcp_server": False,
            "enable_monitoring": False,
            "state_session_capacity": KEPT,
            "app_kwargs": {
                "middleware": [
                    Middleware(Tally, traffic=traffic),
                    Middleware(Reader, languages=settings.languages),
                    guard,
                    Middleware(Door, traffic=traffic),
                    Middleware(Answered, blocks=app),
                ],
                "routes": list(routes),
                "lifespan": lifespan,
            },
            **options,
        }
    )


def on_this_host(settings: Settings) -> Settings:
    """The settings with what the host asks for: a Hugging Face Space is shown in a frame of huggingface.co."""
    if "SPACE_ID" not in os.environ:
        return settings
    framed_by = dict.fromkeys((*settings.embed_from, "https://huggingface.co"))
    return settings.model_copy(update={"embed_from": tuple(framed_by)})


def assets() -> Path:
    """The folder of sample people and garments, beside the package."""
    return Path(__file__).resolve().parents[2] / "assets"
