"""What a host may watch: how long try-ons take, what goes wrong, who waits. Nothing about any visitor.

Needs the extra `metrics` (prometheus_client).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from fitting.errors import FittingError, GarmentError, PhotoError
from fitting.room import FittingRoom, TryOn

SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)


class Metrics:
    """Counts of one app. Safe to use from several threads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._stages = Histogram(
            "fitting_stage_seconds",
            "Time of each stage of a try-on",
            ["stage"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._tried = Counter("fitting_try_ons", "Try-ons by outcome", ["outcome"], registry=self.registry)
        self._waiting = Gauge("fitting_queue_size", "Events that wait for their turn", registry=self.registry)

    def watch(self, room: FittingRoom) -> FittingRoom:
        """The same room, watched."""
        return _Watched(room, self)  # type: ignore[return-value]

    def count_waiting(self, size: Callable[[], int]) -> None:
        """Ask this, whenever somebody looks, how many wait."""
        self._waiting.set_function(lambda: float(size()))

    def told(self, result: TryOn) -> None:
        """Count a try-on that worked."""
        for stage, seconds in result.seconds.items():
            self._stages.labels(stage).observe(seconds)
        self._tried.labels("done").inc()

    def failed(self, error: BaseException) -> None:
        """Count one that did not: by whose picture, or by us."""
        kinds = {PhotoError: "photo", GarmentError: "garment", FittingError: "refused"}
        outcome = next((name for kind, name in kinds.items() if isinstance(error, kind)), "broken")
        self._tried.labels(outcome).inc()

    def page(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)


class _Watched:
    """A room whose try-ons are counted; in all else it is the room itself."""

    def __init__(self, room: FittingRoom, metrics: Metrics) -> None:
        self._room, self._metrics = room, metrics

    def __getattr__(self, name: str) -> Any:
        return getattr(self._room, name)

    def try_on(self, *given: Any, **options: Any) -> TryOn:
        try:
            result = self._room.try_on(*given, **options)
        except Exception as error:
            self._metrics.failed(error)
            raise
        self._metrics.told(result)
        return result
