"""Processes that are killed in the middle of their work, or told to stop: what was acknowledged is there, what was
begun is finished where there is time, and nothing else is left."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes import wardrobe
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from hosting import hosted
from PIL import Image
from processes import child, killed, stop_here
from shopping import PRODUCTS, fake_garment, write
from test_faults_weights import cut_short, damaged
from test_loop import PLAN, fresh
from torch import nn
from visitor import visiting

from fitting import importing
from fitting.events import Event, EventKind
from fitting.looks import Looks
from fitting.shop import Shop
from fitting.store import Store
from fitting.training import checkpoint
from fitting.training.loop import keep, reached, restore
from fitting.ui import words
from fitting.ui.serving import private_folder
from fitting.weights import REMEDY

Say = Callable[[Any], None]


def stop_at(call: int, say: Say) -> Callable[..., None]:
    """A function that stops the process for good when it is called for the so manyth time."""
    left = [call]

    def stop(*given: Any, **named: Any) -> None:
        left[0] -= 1
        if not left[0]:
            stop_here(say)

    return stop


def import_until(say: Say, folder: Path, products: Path, where: str) -> None:
    """Import, up to a moment at which the process stops."""
    Looks._understand = lambda self, picture, wanted: fake_garment(picture, wanted)  # type: ignore[method-assign]
    if where == "a picture is written":
        os.fsync = stop_at(5, say)  # the second picture's copy is there under another name
    elif where == "looks are kept":
        Store.keep_looks = stop_at(1, say)  # type: ignore[method-assign]
    elif where == "items change":
        importing.sql.revise = stop_at(1, say)  # the last thing within the transaction
    with Shop.open(folder, sample=False) as shop:
        if where == "it is done":
            shop.catalogue = stop_at(1, say)  # type: ignore[method-assign, assignment]
        shop.take_in(products)


def files_of(folder: Path) -> set[str]:
    return {path.name for kind in ("pictures", "cutouts") for path in (folder / kind).iterdir()}


@pytest.mark.usefixtures("fake_networks")
@pytest.mark.parametrize("where", ["a picture is written", "looks are kept", "items change", "it is done"])
def test_an_import_is_done_or_not_done(files: Path, tmp_path: Path, where: str) -> None:
    folder = tmp_path / "shop"
    first = write(files / "p.csv", PRODUCTS.splitlines()[0] + "\nred-top,Red top,upper,red.png,12.50,3,red\n")
    with Shop.open(folder, sample=False) as shop:
        shop.take_in(first)
        before = shop.catalogue().items
    complete = files_of(folder)
    second = write(files / "q.csv", PRODUCTS + "blue,Blue top,upper,blue.png,5,1,blue\n")
    killed(import_until, folder, second, where)
    with Shop.open(folder, sample=False) as shop:
        expected = 4 if where == "it is done" else 1
        assert len(shop.catalogue()) == expected
        if expected == 1:
            assert shop.catalogue().items == before
            left = files_of(folder) - complete
            assert left, "else there was nothing to be tidied up"
            shop.take_in(first)  # another import than the one that was killed
            assert shop.catalogue().items == before
        known = {item.picture.stem for item in shop.catalogue()}
        # Looks that were kept stay for a day, so that they need not be looked at again.
        kept = known | set(shop.store.looks_known({name.split(".")[0] for name in files_of(folder)}))
        assert {Path(name).stem for name in files_of(folder)} == kept
        report = shop.take_in(second)
        assert (report.new + report.unchanged, report.refused) == (4, 0) and len(shop.catalogue()) == 4


def add_events(say: Say, address: str) -> None:
    with Store.open(address) as store:
        for number in range(10**6):
            store.add(Event("anna", "a", EventKind.VIEWED, float(number)))
            say(number)


def test_events_that_were_acknowledged_are_there(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'shop.db'}"
    with child(add_events, address) as writing:
        acknowledged = [writing.hear() for _ in range(25)][-1]
        writing.kill()
    with Store.open(address) as store:
        assert store.event_counts()["events"] >= acknowledged + 1
        store.add(Event("anna", "a", EventKind.LIKED, 0.0))  # and it goes on


def keep_until(say: Say, folder: Path, call: int) -> None:
    """Write a checkpoint after every step, as training does."""
    torch.set_num_threads(1)
    os.fsync = stop_at(call, say)
    net = fresh()
    for step in range(1, PLAN.steps + 1):
        nn.init.constant_(net.weight, step)
        keep(folder, PLAN, step, net, net, net)  # type: ignore[arg-type]  # the first optimizer takes seconds


def test_training_goes_on_from_the_checkpoint_before(tmp_path: Path) -> None:
    killed(keep_until, tmp_path, 4)
    unfinished = tmp_path / checkpoint.NEW
    unfinished.write_bytes(unfinished.read_bytes()[:-1000])  # as if it had been killed a moment before
    net, average, optimizer = fresh(), fresh(), fresh()
    assert restore(tmp_path, PLAN, net, average, optimizer) == 3  # type: ignore[arg-type]
    assert not unfinished.exists()
    assert net.weight.flatten().tolist() == average.weight.flatten().tolist() == [3, 3, 3]
    keep(tmp_path, PLAN, 4, net, average, optimizer)  # type: ignore[arg-type]
    assert reached(tmp_path) == 4


def try_on_until(say: Say, parent: Path, files: Path) -> None:
    """Dress a visitor whose files lie in the process's own folder, up to half a picture of the result."""
    here = private_folder(parent)
    (here / "cache").mkdir()
    visitor = visiting(here, wardrobe(files))
    written = Path.write_bytes

    def half(path: Path, content: bytes) -> int:
        written(path, content[: len(content) // 2])
        stop_here(say)
        return 0

    Path.write_bytes = half  # type: ignore[method-assign, assignment]
    visitor.dress("upper-1")


def test_nothing_of_a_visitor_outlives_a_kill_by_more_than_the_next_start(tmp_path: Path) -> None:
    uploads, shop = tmp_path / "uploads", tmp_path / "shop"
    uploads.mkdir()
    shop.mkdir()
    killed(try_on_until, uploads, shop)
    (left,) = uploads.iterdir()
    assert {path.name for path in left.rglob("*") if path.is_file()} == {"photo.png", "before.jpg", "after.jpg"}
    started = private_folder(uploads)
    assert list(uploads.iterdir()) == [started] and not list(started.iterdir())
    started.rmdir()


def open_with(say: Say, weights: Path, log: Path) -> None:
    """Start the app with other weights."""
    import app
    import fitting.weights

    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), 2)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    os.environ.update(GRADIO_TEMP_DIR=str(log.parent / "uploads"), FITTING_LOG="json")
    fitting.weights.FOLDER = weights
    app.main()


def test_the_app_does_not_start_with_damaged_weights_and_says_so_in_a_sentence(tmp_path: Path) -> None:
    folder, log = damaged(tmp_path / "weights", "person", cut_short), tmp_path / "log"
    with child(open_with, folder, log) as starting:
        assert starting.wait() == 1
    *_, last = log.read_text().splitlines()
    assert json.loads(last)["message"] == (
        f"{folder}/person/model.safetensors is damaged or was swapped: its SHA-256 is not the manifest's. {REMEDY}"
    )


@dataclass
class Story:
    """What happened at a host that had visitors and was stopped while one of them waited."""

    figures: str
    ready: str
    refused: tuple[int, bytes]
    result: Path
    code: int | None
    left: list[Path]
    log: list[dict[str, Any]]
    secrets: list[str]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("host")
    photo, empty, breaking = (folder / f"{name}-anna-on-holiday.png" for name in ("photo", "black", "white"))
    Image.linear_gradient("L").resize((300, 400)).convert("RGB").save(photo)
    Image.new("RGB", (300, 400)).save(empty)
    Image.new("RGB", (300, 400), "white").save(breaking)
    secret = {"log": "json", "metrics": "true", "vectors_token": "hush-token", "database": "postgresql://a:hush@db/s"}
    with hosted(folder, 0.1, **secret) as running:
        client = Client(running.address, verbose=False, download_files=str(folder / "got"))
        client.predict(search="somebody's birthday dress", api_name="/catalogue")
        client.predict(photo=handle_file(str(photo)), item="upper-1", api_name="/try_on")
        for path in (empty, breaking):
            with pytest.raises(AppError):
                client.predict(photo=handle_file(str(path)), item="upper-1", api_name="/try_on")
        figures = running.until("/metrics", r'fitting_errors_total\{kind="broken"\} 1')
        waiting = client.submit(photo=handle_file(str(photo)), item="upper-2", api_name="/try_on")
        running.until("/metrics", r'fitting_wait_seconds_count\{line="room"\} 4')
        running.stop()
        ready = running.until("/ready", "closing")
        refused = running.ask("POST", "/gradio_api/call/catalogue", {"data": ["", "auto", None, 1, 0]})
        result = Path(waiting.result(timeout=120)[0])
        code = running.process.wait()
        secrets = [client.session_hash, "holiday", "127.0.0.1", "birthday", "hush", str(folder / "uploads")]
        client.close()
        lines = [json.loads(line) for line in running.log.splitlines()]
        return Story(figures, ready, refused, result, code, list((folder / "uploads").iterdir()), lines, secrets)


@pytest.mark.filterwarnings("ignore")  # of the client, whose heartbeat ends with the server
def test_a_server_that_is_told_to_stop_finishes_what_it_began(story: Story) -> None:
    assert json.loads(story.ready) == {"status": "closing"}
    status, said = story.refused
    assert status in (429, 503) and json.loads(said)["detail"] == words.BUSY
    with Image.open(story.result) as picture:
        assert picture.size == (300, 400)
    assert story.code == 0 and story.left == [], "visitors' files are gone"
    assert next(line for line in story.log if line["message"] == "stopped")["given_up"] == 0


def test_the_log_is_one_object_a_line_and_tells_nothing_of_anybody(story: Story) -> None:
    text = json.dumps(story.log, ensure_ascii=False)
    for secret in story.secrets:
        assert secret not in text, secret
    for line in story.log:
        assert line["level"] in ("info", "warning", "error") and line["time"].endswith("Z") and line["logger"]
    outcomes = [line["outcome"] for line in story.log if line["message"] == "try-on"]
    assert outcomes == ["done", "photo", "broken", "done"]
    (broken,) = [line for line in story.log if line["level"] == "error"]
    assert broken["errors"][0]["kind"] == "RuntimeError" and "understand_person" in json.dumps(broken["errors"])
    assert "/secret/path" not in text


def test_the_log_begins_with_the_settings(story: Story) -> None:
    settings = story.log[0]["settings"]
    assert settings["log"] == "json" and settings["database"] == "postgresql://***@db/s"


def test_figures_tell_of_stages_lines_errors_and_answers(story: Story) -> None:
    for found in (
        'fitting_stage_seconds_count{stage="warp"} 1.0',
        'fitting_try_ons_total{outcome="photo"} 1.0',
        'fitting_wait_seconds_bucket{le="+Inf",line="room"} 3.0',
        'fitting_errors_total{kind="photo"} 1.0',
        'fitting_answers_total{code="200"}',
        "fitting_in_hand 0.0",
        "fitting_disk_free_bytes",
    ):
        assert found in story.figures, found


@pytest.mark.filterwarnings("ignore")
def test_what_takes_too_long_is_given_up(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (300, 400), "grey").save(photo)
    with hosted(tmp_path, 300.0, finish_seconds="0.1", metrics="true") as running:
        client = Client(running.address, verbose=False)
        client.submit(photo=handle_file(str(photo)), item="upper-1", api_name="/try_on")
        running.until("/metrics", r'fitting_wait_seconds_count\{line="room"\} 1')
        running.stop()
        assert running.process.wait() == 0 and list((tmp_path / "uploads").iterdir()) == []
        assert "INFO fitting.ui.closing: stopped finished=0 given_up=1" in running.log
        client.close()
