"""A room whose try-ons are written down: how they ended and how long they took, but not whose they were."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fitting.room import FittingRoom, TryOn
from fitting.ui.telling import kind_of

if TYPE_CHECKING:  # needs an extra
    from fitting.ui.metrics import Metrics

log = logging.getLogger(__name__)


class Watched:
    """A room whose try-ons go to the log, and to the figures if there are any; in all else it is the room itself."""

    def __init__(self, room: FittingRoom, metrics: Metrics | None = None) -> None:
        self._room, self._metrics = room, metrics

    def __getattr__(self, name: str) -> Any:
        return getattr(self._room, name)

    def try_on(self, *given: Any, **options: Any) -> TryOn:
        try:
            result = self._room.try_on(*given, **options)
        except Exception as error:
            if self._metrics is not None:
                self._metrics.failed(error)
            log.info("try-on", extra={"told": {"outcome": kind_of(error)}})
            raise
        if self._metrics is not None:
            self._metrics.told(result)
        seconds = {stage: round(spent, 3) for stage, spent in result.seconds.items()}
        told = {"outcome": "done", "category": result.category.value, "seconds": seconds}
        log.info("try-on", extra={"told": told})
        return result
