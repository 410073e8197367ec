"""What a host may watch: how long try-ons take, who waits and how long, what goes wrong. Nothing about any visitor.

Needs the extra `metrics` (prometheus_client). `docs/grafana.json` shows all of it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from fitting.lookups import Lookups
from fitting.room import FittingRoom, TryOn
from fitting.ui.telling import kind_of, met
from fitting.ui.traffic import Traffic
from fitting.ui.watched import Watched

SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
WAITED = (0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0)

Counts = Callable[[], Mapping[str, int]]


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
        self._waited = Histogram(
            "fitting_wait_seconds",
            "Time that events waited for their turn, by the line that they stood in",
            ["line"],
            buckets=WAITED,
            registry=self.registry,
        )
        self._tried = Counter("fitting_try_ons", "Try-ons by outcome", ["outcome"], registry=self.registry)
        self._waiting = Gauge("fitting_queue_size", "Events that wait for their turn", registry=self.registry)
        free = Gauge("fitting_disk_free_bytes", "Room for visitors' pictures", registry=self.registry)
        free.set_function(_free)
        self._read(lambda: [_family("fitting_errors", "Errors that visitors and programs met", "kind", met())])

    def watch(self, room: FittingRoom) -> FittingRoom:
        """The same room, watched."""
        lookups: Mapping[str, Lookups] = getattr(room, "lookups", {})
        self._read(lambda: [_lookups(lookups)])
        return Watched(room, self)  # type: ignore[return-value]

    def watch_queue(self, queue: Any) -> None:
        """Measure how long events wait in a Gradio queue, and ask it, whenever somebody looks, how many do."""
        self._waiting.set_function(lambda: float(len(queue)))
        begin = queue.process_events

        async def process_events(events: list[Any], *given: Any, **named: Any) -> None:
            for event in events:
                waited = time.monotonic() - event.enqueue_time
                self._waited.labels(str(event.concurrency_id)).observe(max(waited, 0.0))
            await begin(events, *given, **named)

        queue.process_events = process_events

    def watch_traffic(self, traffic: Traffic) -> None:
        """Count answers by their code, and what is being answered."""
        Gauge("fitting_in_hand", "Calls and uploads being answered", registry=self.registry).set_function(
            lambda: float(traffic.in_hand)
        )
        self._read(lambda: [_family("fitting_answers", "Answers over HTTP", "code", traffic.answers)])

    def told(self, result: TryOn) -> None:
        """Count a try-on that worked."""
        for stage, seconds in result.seconds.items():
            self._stages.labels(stage).observe(seconds)
        self._tried.labels("done").inc()

    def failed(self, error: BaseException) -> None:
        """Count one that did not: by whose picture, or by us."""
        self._tried.labels(kind_of(error)).inc()

    def page(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _read(self, families: Callable[[], Iterable[CounterMetricFamily]]) -> None:
        """Counts that others keep, read whenever somebody looks."""
        self.registry.register(_Counted(families))


class _Counted(Collector):
    def __init__(self, families: Callable[[], Iterable[CounterMetricFamily]]) -> None:
        self._families = families

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield from self._families()


def _family(name: str, about: str, label: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, about, labels=[label])
    for key, count in counts.items():
        family.add_metric([key], count)
    return family


def _lookups(caches: Mapping[str, Lookups]) -> CounterMetricFamily:
    about = "What was looked for in a cache, by whether it was there"
    family = CounterMetricFamily("fitting_cache_lookups", about, labels=["cache", "outcome"])
    for cache, lookups in caches.items():
        for outcome, count in lookups.counts.items():
            family.add_metric([cache, outcome], count)
    return family


def _free() -> float:
    """Bytes free on the disk that uploads and results lie on."""
    return float(shutil.disk_usage(os.environ.get("GRADIO_TEMP_DIR", tempfile.gettempdir())).free)
