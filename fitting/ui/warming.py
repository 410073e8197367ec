"""A first try-on behind everybody's back: what is prepared once is prepared before the first visitor comes."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from fitting.room import FittingRoom

log = logging.getLogger(__name__)


def warm(room: FittingRoom, photo: Path, garment: Path) -> threading.Thread:
    """Start a try-on of a sample person in a thread of its own, and forget them."""

    def work() -> None:
        try:
            person = room.understand_person(photo)
            room.try_on(person, garment)
            room.forget(person)
        except Exception:  # the app works without: the first visitor waits a little longer
            log.warning("the first try-on failed", exc_info=True)

    thread = threading.Thread(target=work, name="warming", daemon=True)
    thread.start()
    return thread
