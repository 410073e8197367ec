"""How a server stops: nothing more is taken, what is in hand is finished, visitors' files go, and only then it ends."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import gradio as gr

from fitting.ui.serving import PREFIX
from fitting.ui.traffic import Traffic

log = logging.getLogger(__name__)

FETCH = 1.0  # seconds left to fetch the pictures that were finished last
UNASKED = "cards"  # the line of pictures that nobody waits for


def serve(app: gr.Blocks, traffic: Traffic, finish_seconds: float) -> None:
    """Wait until the process is told to stop (SIGTERM, Ctrl-C), and then stop the app, which was launched before.

    Args:
        finish_seconds: for what is in hand. If it takes longer, this ends the process itself.
    """
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) > 1:  # whoever asks twice does not want to wait
            _delete_uploads()
            os._exit(1)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    while not asked and app.is_running:
        time.sleep(0.1)
    traffic.closing = True
    held = in_hand(app, traffic)
    log.info("stopping", extra={"told": {"in_hand": held}})
    left = _finish(app, traffic, time.monotonic() + finish_seconds)
    if held and not left:
        time.sleep(FETCH)
    log.info("stopped", extra={"told": {"finished": max(held - left, 0), "given_up": left}})
    _delete_uploads()
    if not left:
        app.close(verbose=False)
    else:  # its threads would be waited for
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


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
