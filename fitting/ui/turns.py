"""Who may use the processor: a visitor who waits for a result comes before pictures that nobody asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Shared by all visitors. Safe to use from several threads."""

    def __init__(self, patience: float = 5.0) -> None:
        """
        Args:
            patience: seconds after which the background has its turn even in the busiest room.
        """
        self._patience = patience
        self._asked = 0
        self._change = threading.Condition()
        self._drawing = threading.Lock()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """For what a visitor waits for. Waits for nothing itself."""
        with self._change:
            self._asked += 1
        try:
            yield
        finally:
            with self._change:
                self._asked -= 1
                self._change.notify_all()

    @contextmanager
    def in_background(self) -> Iterator[None]:
        """For one picture that can wait: one at a time, and when nobody waits for a result."""
        with self._drawing:
            with self._change:
                self._change.wait_for(lambda: not self._asked, self._patience)
            yield
