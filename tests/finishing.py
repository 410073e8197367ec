"""A studio that only tints, and a visitor who presses its button: what tests of the finish on the page share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from visitor import Visitor

from fitting.room import TryOn
from fitting.studio import Finished, Outcome, Settings, Step
from fitting.ui.finishing import Finishing
from fitting.ui.studio_panel import NAMES, Shown


class FakeStudio:
    """Tints the edit region, at its own pace; or says that it came to nothing. Notes what it was given.

    While `held`, no finish gets beyond its second step, but by being cancelled.
    """

    def __init__(self, steps: int = 2, delay: float = 0.0, outcome: Outcome = Outcome.DONE) -> None:
        self.steps, self.delay, self.outcome = steps, delay, outcome
        self.given: tuple[TryOn, Any] | None = None
        self.seeds: list[int] = []
        self.done = 0  # steps of the last finish
        self.ended: Outcome | None = None  # how the last finish did
        self.pace: float | None = None
        self.held = False

    def finish(
        self,
        tryon: TryOn,
        garment: Any,
        settings: Settings,
        progress: Callable[[Step], None],
        cancelled: Callable[[], bool],
    ) -> Finished:
        self.given, self.done = (tryon, garment), 0
        self.seeds.append(settings.seed)
        small = tryon.picture.resize((30, 40))
        for number in range(1, self.steps + 1):
            time.sleep(self.delay)
            self.done = number
            progress(Step(number, self.steps, small))
            while self.held and number == 2 and not cancelled():
                time.sleep(0.01)
            if cancelled():
                self.ended = Outcome.STOPPED
                return Finished(tryon, self.ended, settings.seed, number, None)
        picture = tryon.picture.copy()
        if self.outcome is Outcome.DONE:
            picture.paste("#d0b040", mask=tryon.edit_region)
        self.ended = self.outcome
        return Finished(replace(tryon, picture=picture), self.outcome, settings.seed, self.steps, 1.75)

    def remember(self, finished: Finished) -> None:
        self.pace = finished.seconds_per_step or self.pace

    def gpu_seconds(self, settings: Settings) -> int:
        return 60 if self.pace is None else round(settings.steps * self.pace) + 21


def finishing(visitor: Visitor, studio: FakeStudio | None = None) -> Finishing:
    return Finishing(visitor.wearing, lambda: studio or FakeStudio())  # type: ignore[arg-type,return-value]


def named(page: Shown) -> dict[str, Any]:
    return dict(zip(NAMES, page, strict=True))


def queued(finishing: Finishing, request: Any) -> list[dict[str, Any]]:
    """What is said until their turn has come."""

    async def all_of_it() -> list[dict[str, Any]]:
        return [named(page) async for page in finishing.begin(request)]

    return asyncio.run(all_of_it())


def pressed(finishing: Finishing, visitor: Visitor) -> list[dict[str, Any]]:
    """All that the page gets for a press of the button."""
    return [*queued(finishing, visitor.request), *map(named, finishing.run(visitor.request))]


def made(visitor: Visitor) -> list[Path]:
    """Files of the studio's that are still there."""
    visit = visitor.journey.visits.of(visitor.name)
    return [path for folder in visit.folders.get("studio", []) for path in folder.iterdir()]
