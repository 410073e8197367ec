"""How a server stops: nothing more is taken, what is in hand is finished, visitors' files go, and only then it ends."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import gradio as gr

from fitting.ui.serving import PREFIX
from fitting.ui.traffic import Traffic

log = logging.getLogger(__name__)

FETCH = 1.0  # seconds left to fetch the pictures that were finished last
HANG_UP = 1.0  # seconds for the server to close its connections
UNASKED = "cards"  # the line of pictures that nobody waits for


def serve(app: gr.Blocks, traffic: Traffic, finish_seconds: float, told: threading.Event) -> None:
    """Wait until the process is told to stop (SIGTERM, Ctrl-C), and then stop the app, which was launched before.

    Args:
        finish_seconds: for what is in hand; what takes longer is given up.
        told: set if the process was told to stop before; see `fitting.ui.serving.prepare`.
    """
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) > 1:  # whoever asks twice does not want to wait
            _delete_uploads()
            os._exit(1)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    log.info("serving", extra={"told": {"port": app.server_port}})
    while not asked and not told.is_set() and app.is_running:
        time.sleep(0.1)
    traffic.closing = True
    held = in_hand(app, traffic)
    log.info("stopping", extra={"told": {"in_hand": held}})
    left = _finish(app, traffic, time.monotonic() + finish_seconds)
    if held and not left:
        time.sleep(FETCH)
    log.info("stopped", extra={"told": {"finished": max(held - left, 0), "given_up": left}})
    _delete_uploads()
    _close(app)


def leave() -> NoReturn:
    """End the process, and whatever its threads may still be doing: waiting for them might take long, and taking the
    interpreter apart beneath them crashes it."""
    logging.shutdown()
    sys.stdout.flush()
    _delete_uploads()  # what was given up may have gone on, and been finished meanwhile
    os._exit(0)


def _close(app: gr.Blocks) -> None:
    """As `Blocks.close`, but hardly waiting for browsers to hang up: open pages keep a connection for good."""
    logging.getLogger("uvicorn.error").disabled = True  # what is cut off now is no error
    app._queue.close()
    app.is_running = False
    app.app.stop_event.set()
    if app.server is not None:
        app.server.should_exit = True
        app.server.thread.join(HANG_UP)


def in_hand(app: gr.Blocks, traffic: Traffic) -> int:
    """How many events and calls are worked on, or wait for it; without pictures that nobody asked for."""
    queue = app._queue
    working: list[Any] = [event for job in queue.active_jobs if job for event in job]
    waiting: list[Any] = [event for line in queue.event_queue_per_concurrency_id.values() for event in line.queue]
    return traffic.in_hand + sum(event.concurrency_id != UNASKED and event.alive for event in (*working, *waiting))


def _finish(app: gr.Blocks, traffic: Traffic, until: float) -> int:
    """Wait for what is in hand; returns how much of it is left when time is up."""
    while (left := in_hand(app, traffic)) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def _delete_uploads() -> None:
    """All that visitors gave and got: the folder is this process's own."""
    folder = os.environ.get("GRADIO_TEMP_DIR")
    if folder is not None and Path(folder).name.startswith(PREFIX):
        shutil.rmtree(folder, ignore_errors=True)
