"""Who may use the processor: a visitor who waits for a result comes before pictures that nobody asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fitting.cores import cores

MOST = 4  # try-ons at once by default: beyond that, the parts that Python does one at a time decide


def together(at_once: int) -> int:
    """How many try-ons are worked on at the same time, by the setting: 0 is one for each core, up to four.

    That is so with a graphics card, too, which counts for several at once: all but the networks needs the cores.
    """
    return at_once or min(cores(), MOST)


def share_cores(at_once: int) -> None:
    """Divide the cores among the try-ons that are worked on at the same time; call it before any is.

    Each keeps its share even while nobody else is there: networks count in another order on another number of threads,
    and a result shall not depend on who else tries something on.
    """
    import torch

    torch.set_num_threads(max(1, cores() // together(at_once)))


class Turns:
    """Shared by all visitors. Safe to use from several threads."""

    def __init__(self, patience: float = 5.0, painters: int = 1) -> None:
        """
        Args:
            patience: seconds after which the background has its turn even in the busiest room.
            painters: pictures that are drawn together in a turn of the background.
        """
        self.painters = painters
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
        """For pictures that can wait, as many as there are painters: when nobody waits for a result."""
        with self._drawing:
            with self._change:
                self._change.wait_for(lambda: not self._asked, self._patience)
            yield
