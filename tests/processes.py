"""Other processes that really are stopped or killed, made from one that has everything imported already."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["shopping", "visitor", "fitting.shop", "fitting.training.loop", "app"])
PATIENCE = 120.0  # seconds: machines that test are often busy


class Child:
    """A process, and what it says. It is given a function to say something with before its other arguments."""

    def __init__(self, target: Callable[..., None], *given: Any) -> None:
        self._ear, mouth = CONTEXT.Pipe(duplex=False)
        self.process = CONTEXT.Process(target=_begin, args=(mouth, target, given), daemon=True)
        self.process.start()
        mouth.close()

    def hear(self) -> Any:
        """What it says next. Raises EOFError where it ended without a word."""
        if not self._ear.poll(PATIENCE):
            raise AssertionError("the process says nothing")
        return self._ear.recv()

    def kill(self) -> None:
        """As `kill -9` does: it cannot do anything about it."""
        self.process.kill()
        self.process.join(PATIENCE)

    def wait(self) -> int | None:
        """Its exit code, once it ended by itself."""
        self.process.join(PATIENCE)
        return self.process.exitcode

    def close(self) -> None:
        self.kill()
        self.process.close()
        self._ear.close()


@contextmanager
def child(target: Callable[..., None], *given: Any) -> Iterator[Child]:
    """A process that is gone at the end in any case."""
    started = Child(target, *given)
    try:
        yield started
    finally:
        started.close()


def killed(target: Callable[..., None], *given: Any) -> None:
    """Run a function in another process, and kill that as soon as it says something."""
    with child(target, *given) as running:
        assert running.hear() == "here"


def stop_here(say: Callable[[Any], None]) -> None:
    """Say where this process is, and do nothing more until it is killed."""
    say("here")
    time.sleep(10 * PATIENCE)


def _begin(mouth: Any, target: Callable[..., None], given: tuple[Any, ...]) -> None:
    target(mouth.send, *given)
