"""Other processes that really are stopped or killed, made from one that has everything imported already."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, NoReturn

import pytest

HERE = Path(__file__).parent
CONTEXT = multiprocessing.get_context("forkserver")
PATIENCE = 300.0  # seconds: machines that test are often busy


class Child:
    """A process, and what it says. It is given a function to say something with before its other arguments."""

    def __init__(self, target: Callable[..., None], *given: Any) -> None:
        _begin_server(target.__module__)
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


def absent(what: str) -> NoReturn:
    """Skip what needs a program that is not there; in CI that is a failure, for nobody would read the notice."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


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


def _begin_server(module: str) -> None:
    """Start the process that all others are made from, with all that their functions need."""
    CONTEXT.set_forkserver_preload([module])
    with pytest.MonkeyPatch.context() as patch:  # it is not told where this one looks for modules
        patch.setenv("PYTHONPATH", os.pathsep.join((str(HERE), os.environ.get("PYTHONPATH", ""))))
        forkserver.ensure_running()


def _begin(mouth: Any, target: Callable[..., None], given: tuple[Any, ...]) -> None:
    target(mouth.send, *given)
