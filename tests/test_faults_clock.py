"""Clocks that jump: visits last as long as they do, limits hold, and what was done keeps its order."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from shopping import PRODUCTS, write

from fitting.events import EventKind
from fitting.importing import Import
from fitting.settings import Settings
from fitting.store import Store
from fitting.ui import visits as visiting
from fitting.ui.guard import Limiter
from fitting.ui.shopper import Shopper
from fitting.ui.visits import Visits

HOUR, DAY = 3600.0, 24 * 3600.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the wall clock so many seconds off; what counts seconds from the machine's start goes on."""
    real = time.time

    def jump(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: real() + seconds)

    return jump


def test_a_visit_ends_when_it_was_silent_and_not_when_the_clock_says_so(
    tmp_path: Path, clock: Callable[[float], None]
) -> None:
    visits = Visits(tmp_path, max_age=0.8)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"a photo")
    visits.keep("me", "photo", photo)
    for jump in (DAY, -DAY):
        clock(jump)
        for _ in range(6):  # swept meanwhile
            time.sleep(0.05)
            visits.of("me")
            assert photo.exists()
    deadline = time.monotonic() + 20
    while photo.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not photo.exists()


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_nobody_is_locked_out_when_the_clock_is_set_and_limits_hold_afterwards(
    clock: Callable[[float], None], jump: float
) -> None:
    limiter = Limiter(Settings(tries_per_minute=5, uploads_per_minute=5))
    assert [limiter.allows("try", "me") for _ in range(6)] == [True] * 5 + [False]
    clock(jump)
    assert [limiter.allows("try", "me") for _ in range(6)] == [True] * 5 + [False], "no more than a minute's worth"
    clock(jump + 120)
    assert limiter.allows("try", "me")


def test_what_a_visitor_did_keeps_its_order_when_the_clock_is_set_back(clock: Callable[[float], None]) -> None:
    shopper = Shopper()
    shopper.did("first", EventKind.VIEWED)
    clock(-HOUR)
    shopper.did("second", EventKind.LIKED)
    clock(-DAY)
    shopper.did("third", EventKind.TRIED)
    events = shopper.events
    assert [event.item for event in events] == ["first", "second", "third"]
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert [event.item for event in sorted(events, key=lambda event: event.at)] == ["first", "second", "third"]


@pytest.mark.parametrize("jump", [365 * DAY, -365 * DAY])
def test_an_import_under_another_date_changes_and_loses_nothing(
    files: Path, store: Store, importer: Callable[..., Import], clock: Callable[[float], None], jump: float
) -> None:
    path = write(files / "p.csv", PRODUCTS)
    importer(path).run()
    before = store.items(Path("p"))[0]
    clock(jump)
    report = importer(path).run()
    assert (report.unchanged, report.looked) == (3, 0) and store.items(Path("p"))[0] == before


def test_an_upload_that_was_broken_off_goes_and_one_that_is_going_on_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits = Visits(tmp_path)
    (tmp_path / "tmpgoing_on").write_bytes(b"half a photo")
    visits._sweep_uploads()
    assert (tmp_path / "tmpgoing_on").exists()
    monkeypatch.setattr(visiting, "BROKEN_OFF", -1.0)
    visits._sweep_uploads()
    assert not list(tmp_path.iterdir())
