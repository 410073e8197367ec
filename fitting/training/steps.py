"""The steps of a training: counted, logged, kept from time to time, and ended in time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from fitting.training.loop import Plan, summary_writer

log = logging.getLogger(__name__)

T = TypeVar("T")


class Steps:
    """Goes through a plan's steps. What a step reports is averaged, and told to the log and to TensorBoard.

    Args:
        first: the step to begin with, as after a checkpoint.
        keep: writes a checkpoint after so many steps; called every few minutes, after the last step, and when time
            is up. It may write what there is to see to `writer`, too.
        folder: for TensorBoard's log; None writes none.
        minutes: stop after this long.
        every: steps that are averaged.
        stop: step to end before; by default the plan's last.
    """

    def __init__(
        self,
        plan: Plan,
        first: int,
        keep: Callable[[int], None],
        folder: Path | None,
        minutes: float | None = None,
        every: int = 100,
        stop: int | None = None,
    ) -> None:
        self.plan, self.first, self.keep, self.every = plan, first, keep, every
        self.stop = plan.steps if stop is None else min(stop, plan.steps)
        self.limit = None if minutes is None else minutes * 60
        self.writer: Any = summary_writer(folder) if folder is not None else None
        self.began = time.monotonic()
        self._told: dict[str, list[float]] = {}

    def __iter__(self) -> Iterator[int]:
        return self.through(range(self.first, self.stop))

    def through(self, steps: Iterable[T]) -> Iterator[T]:
        """The steps from the first one on, or what belongs to them, until the plan or the time is over."""
        kept = self.began
        try:
            for done, step in enumerate(steps, self.first + 1):
                yield step
                if done % self.every == 0:
                    self._log(done)
                now = time.monotonic()
                over = self.limit is not None and now - self.began > self.limit
                if over or done == self.stop or now - kept > self.plan.checkpoint_minutes * 60:
                    self.keep(done)
                    kept = time.monotonic()
                if over:
                    break
        finally:
            if self.writer is not None:
                self.writer.close()

    def report(self, numbers: dict[str, float]) -> None:
        """What came out of the step."""
        for name, value in numbers.items():
            self._told.setdefault(name, []).append(value)

    def write(self, numbers: dict[str, float], step: int) -> None:
        """Tell TensorBoard."""
        for name, value in numbers.items():
            if self.writer is not None:
                self.writer.add_scalar(name, value, step)

    def _log(self, done: int) -> None:
        means = {name: sum(values) / len(values) for name, values in self._told.items()}
        self._told.clear()
        text = " ".join(f"{name} {mean:.4f}" for name, mean in means.items())
        log.info("step %d/%d %s %.0f s", done, self.plan.steps, text, time.monotonic() - self.began)
        self.write(means, done)
