"""Those who wait: how many are worked on at once, who is told what, and what is left of them afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from browsing import served
from fakes import FakeRoom, advised, wardrobe
from PIL import Image
from test_guard import Answer, ask, call, upload

from fitting.cores import cores
from fitting.settings import Settings
from fitting.ui import words
from fitting.ui.blocks import build_app
from fitting.ui.routes import routes_of
from fitting.ui.sessions import Session, tidy
from fitting.ui.turns import MOST, share_cores, together
from fitting.ui.waiting import Line

Opened = tuple[gr.Blocks, str, str]
SETTINGS = Settings(queue=2, at_once=2, proxies=1)


class SlowRoom(FakeRoom):
    """Begins a try-on when it is told that somebody came, and ends it when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = threading.Semaphore(0)
        self.may_go = threading.Event()

    def try_on(self, *given: Any, **options: Any) -> Any:
        self.inside.release()
        assert self.may_go.wait(30)
        return super().try_on(*given, **options)


@pytest.fixture(scope="module")
def room() -> SlowRoom:
    return SlowRoom()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, room: SlowRoom) -> Iterator[Opened]:
    """The app, its address, and a photo that was uploaded to it."""
    folder = tmp_path_factory.mktemp("waiting")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "cache"))
        shop, adviser = advised(wardrobe(folder))
        app = build_app(room, shop, [], adviser, SETTINGS)  # type: ignore[arg-type]
        with served(app, settings=SETTINGS, routes=routes_of(app, shop)) as address:
            Image.linear_gradient("L").resize((90, 120)).convert("RGB").save(folder / "me.png")
            yield app, address, json.loads(upload(address, folder / "me.png").body)[0]
            room.may_go.set()


def asked(address: str, photo: str, **headers: str) -> Answer:
    data = [{"path": photo, "meta": {"_type": "gradio.FileData"}}, None, "upper-1", "auto"]
    return call(address, "try_on", {"data": data}, **headers)


def answer(address: str, called: Answer) -> str:
    return ask(address, "GET", f"/gradio_api/call/try_on/{json.loads(called.body)['event_id']}").body.decode()


def test_a_full_room(opened: Opened, room: SlowRoom) -> None:
    app, address, photo = opened
    assert json.loads(ask(address, "GET", "/waiting").body) == {"waiting": 0, "seconds": None}
    let_in = [asked(address, photo) for _ in range(2)]
    assert all(room.inside.acquire(timeout=30) for _ in let_in), "two are worked on at the same time"
    let_in += [asked(address, photo) for _ in range(2)]
    assert Line(app).full and len(Line(app)) == 2
    assert not room.inside.acquire(timeout=0.1), "and no more than two"
    refused = asked(address, photo, accept_language="es")
    assert refused.status == 503 and int(refused.headers["retry-after"]) >= 1
    assert json.loads(refused.body)["detail"].startswith("El probador está lleno")
    shown = asked(address, photo, x_gradio_user="app")
    assert shown.status == 429, "the page would say something else"
    assert json.loads(shown.body)["detail"] == words.BUSY
    room.may_go.set()
    assert all("event: complete" in answer(address, called) for called in let_in)
    said = json.loads(ask(address, "GET", "/waiting").body)
    assert said["waiting"] == 0 and said["seconds"] >= 0
    assert "event: complete" in answer(address, asked(address, photo)), "there is room again"


def test_nothing_of_a_call_by_program_stays_in_memory(opened: Opened, room: SlowRoom) -> None:
    app, address, photo = opened
    room.may_go.set()
    for _ in range(3):
        assert "event: complete" in answer(address, asked(address, photo))
    queue, holder = app._queue, app.state_holder
    kept = (queue.pending_event_ids_session, queue.pending_messages_per_session)
    until = time.monotonic() + 20  # it goes just after the answer
    while any(map(len, (*kept, holder.session_data, holder.time_last_used))) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(map(len, (*kept, holder.session_data, holder.time_last_used)))
    assert len(queue.event_analytics) <= int(os.environ.get("GRADIO_ANALYTICS_MAX_EVENTS", 10_000))


def test_a_session_describes_no_component_that_never_changed() -> None:
    with gr.Blocks() as app:
        said, kept = gr.Textbox("before"), gr.State("mine")
    session = Session(app)
    assert not list(session.components)
    assert session[kept._id] == "mine" and session[said._id] is said
    session[kept._id] = "changed"
    session._update_value_in_config(said._id, "after")
    assert session[kept._id] == "changed"
    assert [one["props"]["value"] for one in session.components if one["id"] == said._id] == ["after"]


def test_names_of_files_that_are_gone_are_dropped(tmp_path: Path) -> None:
    with gr.Blocks() as app:
        gr.Textbox()
    (tmp_path / "here.png").touch()
    names = {str(tmp_path / "here.png"), str(tmp_path / "gone.png")}
    app.temp_file_sets.append(names)
    tidy(app)
    assert names == {str(tmp_path / "here.png")}


def test_a_line_gets_longer_with_everybody_in_it() -> None:
    with gr.Blocks() as app:
        gr.Button().click(lambda: None, concurrency_id="room")
    app.queue(max_size=32)
    (fn,) = app.fns.values()
    queue = app._queue
    assert Line(app).seconds() is None
    queue.create_event_queue_for_fn(fn)
    line = queue.event_queue_per_concurrency_id["room"]
    line.concurrency_limit = 2
    queue.process_time_per_fn[fn].add(3.0)
    queue.process_time_per_fn[fn].add(5.0)
    assert Line(app).seconds() == 4.0
    line.current_concurrency = 2
    assert Line(app).seconds() == 6.0, "half a try-on until one of two is done"
    line.queue.extend([None] * 4)  # type: ignore[list-item]
    assert Line(app).seconds() == 14.0


SETTLED = """
import os, sys
from fitting.cores import settle
settle()
assert "torch" not in sys.modules, "too late for its threads otherwise"
print(os.environ["GOMP_SPINCOUNT"])
"""


@pytest.mark.parametrize("wanted", [None, "77"])
def test_threads_wait_briefly_unless_the_host_wants_otherwise(wanted: str | None) -> None:
    host = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    host |= {} if wanted is None else {"GOMP_SPINCOUNT": wanted}
    told = subprocess.run([sys.executable, "-c", SETTLED], env=host, check=True, capture_output=True, text=True).stdout
    assert told.strip() == (wanted or "10000")


def test_cores_are_divided_among_those_who_are_worked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    assert cores() >= 1 and together(0) == min(cores(), MOST) and together(7) == 7
    monkeypatch.setattr("fitting.ui.turns.cores", lambda: 6)
    before, told = torch.get_num_threads(), []
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    for at_once in (0, 1, 3, 12):
        share_cores(at_once)
    assert told == [6 // MOST, 6, 2, 1] and torch.get_num_threads() == before
