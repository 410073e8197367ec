"""What the running app does under load: one visitor, then many at once, a full queue, and a thousand try-ons in a row.

    pip install -e '.[bench]'
    python benchmarks/load.py --json benchmarks/load.json

`app.py` runs in a process of its own with the shipped weights and the limits per client lifted; Locust drives it
through the HTTP API as docs/api.md shows. A try-on is an upload, the call, the answer and the picture fetched. Every
visitor has a photo of their own, so that nothing is remembered between try-ons; the one visitor goes through all of
them in turn. Every answer is compared with the answer to the same request asked alone: category, notes, and the
picture's file byte by byte.
"""

from __future__ import annotations

# Locust comes first: it makes sockets cooperative.
from locust import User, task  # isort: skip
from locust.env import Environment  # isort: skip

import argparse
import itertools
import json
import platform
import secrets
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import gevent

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from running import JSON, Answer, App, Client, RefusedError, Wish, running, wishes
from stages import SIZE

from fitting.cores import cores
from fitting.ui.turns import together

BOUND = 32  # visitors who may wait; the app's own default
WARM_UP = 0.3  # share of the try-ons in a row, before memory counts
STEADY = 4  # visitors who make those


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where the numbers go; without it they are only shown")
    parser.add_argument(
        "--seconds", type=float, default=120, help="that one visitor, and then all of them, are watched"
    )
    parser.add_argument("--visitors", type=int, default=32)
    parser.add_argument("--try-ons", type=int, default=1000, help="in a row, to look for leaks; 0 for none")
    parser.add_argument("--at-once", type=int, default=0, help="the app's setting `at_once`")
    options = parser.parse_args()
    # A visit ends after a silent minute here, so that what visits leave behind is part of the measurement.
    settings = {"FITTING_QUEUE": str(BOUND), "FITTING_VISIT_MINUTES": "1", "FITTING_AT_ONCE": str(options.at_once)}
    with running(settings) as app:
        numbers = measure(app, options)
    numbers |= {"machine": f"{platform.machine()}, {cores()} cores, Python {platform.python_version()}"}
    text = json.dumps(numbers, indent=2, ensure_ascii=False) + "\n"
    if options.json:
        options.json.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def measure(app: App, options: argparse.Namespace) -> dict[str, Any]:
    """Everything, phase by phase."""
    client = Client(app.address)
    numbers: dict[str, Any] = {"at_once": together(options.at_once), "megabytes_started": round(app.megabytes())}
    files = app.files()
    asked = wishes(client, options.visitors, SIZE)
    alone = {wish: client.try_on(wish) for wish in asked}
    one = Crowd(app, asked, alone, shared=True)
    numbers["one_visitor"] = one.watched(1, options.seconds)
    all_ = Crowd(app, asked, alone)
    numbers["all_visitors"] = all_.watched(options.visitors, options.seconds, lambda: estimates(app, asked[0]))
    numbers |= comparison(numbers["one_visitor"], numbers["all_visitors"])
    numbers["visitors"], numbers["pictures"] = options.visitors, len({answer.picture for answer in alone.values()})
    numbers["queue"] = full_queue(app, asked[0])
    crowds = [one, all_]
    if options.try_ons:
        crowds.append(Crowd(app, asked, alone, shared=True, most=options.try_ons))
        numbers["memory"] = crowds[-1].in_a_row(files)
    for name in ("compared", "differing"):
        numbers[f"answers_{name}"] = sum(getattr(crowd, name) for crowd in crowds)
    numbers["failures"] = dict(sum((crowd.failures for crowd in crowds), Counter()))
    return numbers


def comparison(one: dict[str, float], all_: dict[str, float]) -> dict[str, float]:
    """What many make of the cores, beside what one does.

    Cores in use are the server's CPU seconds by seconds passed. The client runs on the same machine and is not counted.
    """
    rates = all_["per_second"], one["per_second"]
    return {
        "throughput_by_one_times_cores": round(rates[0] / (rates[1] * all_["cores_in_use"]), 3),
        "throughput_by_one": round(rates[0] / rates[1], 3),
        "cpu_seconds_each_by_one": round(all_["cpu_seconds_each"] / one["cpu_seconds_each"], 3),
    }


@dataclass
class Crowd:
    """Visitors who try on, one after the other, as fast as they are answered.

    Attributes:
        alone: the answer to every wish, asked alone.
        shared: every visitor takes the next wish, instead of having one of their own.
        most: try-ons in all.
        done: when each try-on was answered, and how many seconds it took.
        compared, differing: answers that were compared with those alone, and those that were not the same.
    """

    app: App
    wishes: list[Wish]
    alone: dict[Wish, Answer]
    shared: bool = False
    most: int | None = None
    done: list[tuple[float, float]] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    compared: int = 0
    differing: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._turns: Iterator[Wish] = itertools.cycle(self.wishes)
        self._asked = 0

    def try_on(self, client: Client, own: Wish) -> bool:
        """One try-on; returns False where there have been enough."""
        if self.most is not None and self._asked >= self.most:
            return False
        self._asked += 1
        wish = next(self._turns) if self.shared else own
        began = time.perf_counter()
        try:
            answer = client.try_on(wish)
        except RefusedError as error:
            self.failures[str(error)] += 1
            return True
        self.done.append((time.perf_counter(), time.perf_counter() - began))
        self.memory.append(self.app.megabytes())
        self.compared += 1
        self.differing += answer != self.alone[wish]
        return True

    def watched(self, count: int, seconds: float, meanwhile: Callable[[], dict[str, Any]] | None = None) -> dict:
        """So many visitors for so long, once each has had an answer."""
        with self._visiting(count):
            while len(self.done) + self.failures.total() < 2 * count:
                gevent.sleep(0.05)
            began, cpu = time.perf_counter(), self.app.cpu()
            asked = gevent.spawn(meanwhile) if meanwhile else None
            gevent.sleep(seconds)
            ended, cpu = time.perf_counter(), self.app.cpu() - cpu
            more = asked.get() if asked else {}
        took = [spent for at, spent in self.done if began <= at <= ended]
        centiles = statistics.quantiles(took, n=100, method="inclusive")
        return {
            "try_ons": len(took),
            "per_second": round(len(took) / (ended - began), 3),
            "seconds_p50": round(centiles[49], 3),
            "seconds_p99": round(centiles[98], 3),
            "cores_in_use": round(cpu / (ended - began), 3),
            "cpu_seconds_each": round(cpu / len(took), 3),
            **more,
        }

    def in_a_row(self, files: int) -> dict[str, Any]:
        """All try-ons there shall be, the memory after each of them, and what is left of so many files before."""
        assert self.most is not None
        with self._visiting(STEADY):
            while len(self.done) + self.failures.total() < self.most:
                gevent.sleep(0.2)
        warm = int(len(self.memory) * WARM_UP)
        slope = statistics.linear_regression(range(warm, len(self.memory)), self.memory[warm:]).slope
        gevent.sleep(90)  # visits are over after a minute, and looked for every quarter of one
        return {
            "try_ons": len(self.memory),
            "megabytes_after": {str(n): round(self.memory[n - 1]) for n in range(100, len(self.memory) + 1, 100)},
            "megabytes_most": round(max(self.memory)),
            "warm_up": warm,
            "megabytes_more_per_100": round(100 * slope, 2),
            "visitors_files_left": self.app.files() - files,
        }

    def _visiting(self, count: int) -> _Visiting:
        return _Visiting(self, count)


class _Visiting:
    """Locust's visitors, for as long as this is entered."""

    def __init__(self, crowd: Crowd, count: int) -> None:
        numbers = itertools.count()

        class Visitor(User):
            host: ClassVar[str] = crowd.app.address

            def on_start(self) -> None:
                self.wish = crowd.wishes[next(numbers) % len(crowd.wishes)]
                self.client = Client(crowd.app.address)

            @task
            def try_on(self) -> None:
                if not crowd.try_on(self.client, self.wish):
                    gevent.sleep(1)

        self._count = count
        self._runner = Environment(user_classes=[Visitor]).create_local_runner()

    def __enter__(self) -> None:
        self._runner.start(self._count, spawn_rate=self._count)

    def __exit__(self, *_: object) -> None:
        self._runner.quit()


def estimates(app: App, wish: Wish) -> dict[str, Any]:
    """Whether those who wait are told for how long: programs by /waiting, the page by messages in its queue."""
    client = Client(app.address)
    time.sleep(1)
    told, began = client.waiting()["seconds"], time.perf_counter()
    client.try_on(wish)
    took = time.perf_counter() - began
    config = json.loads(client.get("/config")[1])
    number = next(one["id"] for one in config["dependencies"] if one["api_name"] == "try_on")
    session = secrets.token_hex(8)
    data = [client.upload(wish.photo), None, wish.item, "auto"]
    body = json.dumps({"data": data, "fn_index": number, "session_hash": session}).encode()
    client.post("/gradio_api/queue/join", body, JSON)
    _, events = client.get(f"/gradio_api/queue/data?session_hash={session}")
    messages = [json.loads(line[6:]) for line in events.decode().splitlines() if line.startswith("data: ")]
    places = [one for one in messages if one["msg"] == "estimation"]
    return {
        "seconds_told_by_taken": told and round(told / took, 2),
        "page_told_its_place": len(places),
        "page_told_seconds": sum(one["rank_eta"] is not None for one in places),
    }


def full_queue(app: App, wish: Wish) -> dict[str, Any]:
    """Three times as many requests as may wait, one after the other and faster than they are worked on."""
    client = Client(app.address)
    while client.waiting()["waiting"]:
        time.sleep(0.5)
    data = [client.upload(wish.photo), None, wish.item, "auto"]
    accepted, sentences, after, most = [], Counter[str](), 0, 0
    for _ in range(3 * BOUND):
        try:
            accepted.append(client.call("try_on", data))
        except RefusedError as error:
            sentences[str(error)] += 1
            after += error.after > 0
        most = max(most, client.waiting()["waiting"])
    answered = sum(isinstance(client.answer("try_on", event), list) for event in accepted)
    return {
        "may_wait": BOUND,
        "asked": 3 * BOUND,
        "accepted": len(accepted),
        "answered": answered,
        "most_waiting": most,
        "refused": sentences.total(),
        "refused_with_a_time_to_come_back": after,
        "sentences": dict(sentences),
    }


if __name__ == "__main__":
    main()
