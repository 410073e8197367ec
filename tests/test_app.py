"""The app without a browser: files of a visit, what is said, and the endpoint for programs."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import gradio as gr
import pytest
from browsing import served
from fakes import FakeRoom, FakeShop, advised, shop
from gradio.data_classes import FileData
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from processes import PATIENCE
from shopping import PRODUCTS, write

from fitting.catalogue import Catalogue
from fitting.errors import PhotoError
from fitting.garment import Category
from fitting.provenance import is_marked
from fitting.settings import Settings
from fitting.shop import Shop
from fitting.ui import words
from fitting.ui.blocks import build_app
from fitting.ui.compare import comparison, cut_at
from fitting.ui.pictures import picture_input
from fitting.ui.serving import assets
from fitting.ui.shelves import load_people, shelf_choices, shelves
from fitting.ui.style import theme
from fitting.ui.telling import spoken
from fitting.ui.visits import VisitOverError, Visits


@pytest.fixture
def visits(tmp_path: Path) -> Visits:
    (tmp_path / "cache").mkdir()
    return Visits(tmp_path / "cache")


def upload(visits: Visits, name: str = "photo.jpg") -> Path:
    path = visits.root / name
    path.write_bytes(b"a photo")
    return path


def test_ending_a_visit_deletes_its_files_and_no_others(visits: Visits) -> None:
    mine, other = upload(visits, "mine.jpg"), upload(visits, "other.jpg")
    visits.keep("me", "photo", mine)
    visits.keep("somebody", "photo", other)
    made = Path(visits.save(visits.of("me"), Image.new("RGB", (9, 9)), "after.jpg"))
    assert made.is_file()
    visits.end("me")
    assert not mine.exists() and not made.exists() and not made.parent.exists() and other.exists()


def test_a_new_photo_replaces_the_one_before(visits: Visits) -> None:
    first, second = upload(visits, "first.jpg"), upload(visits, "second.jpg")
    visits.keep("me", "photo", first)
    visits.keep("me", "photo", second)
    assert not first.exists() and second.exists()
    visits.keep("me", "photo", second)
    assert second.exists(), "the same file again"


def test_a_file_that_two_visitors_uploaded_goes_with_the_last(visits: Visits) -> None:
    shared = upload(visits)
    for session in ("me", "somebody"):
        visits.keep(session, "photo", shared)
    visits.end("me")
    assert shared.exists()
    visits.end("somebody")
    assert not shared.exists()


def test_nothing_is_kept_for_a_visit_that_ended_meanwhile(visits: Visits) -> None:
    visit = visits.of("me")
    visits.end("me")
    with pytest.raises(VisitOverError):
        visits.save(visit, Image.new("RGB", (9, 9)), "after.jpg")
    assert list(visits.root.iterdir()) == []


def test_names_of_made_pictures_cannot_be_guessed(visits: Visits) -> None:
    same = Image.new("RGB", (9, 9))
    one, two = (Path(visits.save(visits.of("me"), same, "after.jpg")) for _ in range(2))
    assert one != two and len(one.parent.name) >= 32


def test_a_visit_that_falls_silent_is_ended(tmp_path: Path) -> None:
    visits = Visits(tmp_path, max_age=0.2)
    forgotten = upload(visits)
    visits.keep("me", "photo", forgotten)
    deadline = time.monotonic() + 10
    while forgotten.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not forgotten.exists()
    again = upload(visits)
    visits.keep("me", "photo", again)
    assert again.exists() and visits.uploads("me") == [again]


def test_files_outside_are_never_held_nor_deleted(visits: Visits, tmp_path: Path) -> None:
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(b"not theirs")
    (visits.root / "link.jpg").symlink_to(outside)
    for path in (outside, visits.root / "link.jpg", visits.root / ".." / "outside.jpg", visits.root):
        assert not visits.holds(path)
    visits.keep("me", "photo", outside)
    visits.end("me")
    assert outside.exists()


def test_only_fitting_errors_reach_the_visitor_and_the_rest_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert spoken(PhotoError("Choose another photo.")) == "Choose another photo."
    with caplog.at_level(logging.ERROR):
        assert spoken(RuntimeError("/secret/model.bin")) == words.BROKEN
    assert "unexpected" in caplog.text


def test_notes_cannot_carry_markup() -> None:
    assert "<img" not in words.note("<img src=x onerror=alert(1)>")


def test_a_comparison_names_its_pictures_and_states_their_size() -> None:
    html = comparison("/tmp/a b/before.jpg", "/tmp/after.jpg", Image.new("RGB", (30, 40)))
    assert html.count("alt=") == 3 and 'width="30" height="40"' in html and "/tmp/a%20b/before.jpg" in html


def test_a_comparison_begins_where_the_garment_is() -> None:
    region = Image.new("L", (200, 100))
    assert cut_at(region) == 50
    region.paste(255, (20, 10, 60, 90))
    assert cut_at(region) == 20


def test_there_are_words_for_every_category_and_stage() -> None:
    assert set(words.CATEGORIES) == set(Category)
    for category in Category:
        assert words.worn_as(category, True) and words.chosen_own(category)
    assert list(words.STAGES) == ["person", "garment", "warp", "compose"]
    fractions = [fraction for fraction, _ in words.STAGES.values()]
    assert fractions == sorted(fractions) and fractions[-1] < words.SAVING[0] < 1


def test_shelves_sort_by_category_or_else_by_pattern(tmp_path: Path) -> None:
    catalogue, _ = shop(tmp_path)
    by_category = shelves(catalogue)
    assert list(by_category) == ["everything", "upper", "lower", "dress", "outer"]
    assert [name for name, _ in shelf_choices(by_category)][:2] == ["Everything", "Top"]
    assert [item.title for item in by_category["dress"]] == ["Blue dress"]


def test_what_is_sold_out_is_on_no_shelf(tmp_path: Path) -> None:
    catalogue, _ = shop(tmp_path)
    items = [replace(item, stock=0) if item.title == "Blue dress" else item for item in catalogue]
    laid_out = shelves(Catalogue(items))
    assert "dress" not in laid_out and len(laid_out["everything"]) == 3


def test_our_own_people_are_there_and_named() -> None:
    people = load_people(assets())
    assert len(people) == 9 and len({person.title for person in people}) == 9
    assert all(person.picture.is_file() for person in people)


def test_a_picture_input_opens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    inside, outside = tmp_path / "cache" / "x" / "a.jpg", tmp_path / "b.jpg"
    inside.parent.mkdir(parents=True)
    for path in (inside, outside):
        path.write_bytes(b"no picture at all")
    with gr.Blocks():
        picture = picture_input()
    assert picture.preprocess(FileData(path=str(inside))) == str(inside)  # type: ignore[arg-type]
    assert picture.preprocess(None) is None
    with pytest.raises(gr.Error) as caught:
        picture.preprocess(FileData(path=str(outside)))  # type: ignore[arg-type]
    assert str(tmp_path) not in str(caught.value)


@dataclass(frozen=True)
class Server:
    address: str
    client: Client


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("cache")))
        catalogue, people = shop(tmp_path_factory.mktemp("shop"))
        opened, adviser = advised(catalogue)
        with served(build_app(FakeRoom(), opened, people, adviser)) as address:  # type: ignore[arg-type]
            downloads = str(tmp_path_factory.mktemp("downloads"))
            client = Client(address, verbose=False, download_files=downloads, httpx_kwargs={"timeout": 60})
            yield Server(address, client)
            client.close()


@pytest.mark.usefixtures("fake_networks")
def test_of_a_shop_only_the_items_pictures_are_served(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    with Shop.open(tmp_path / ".hidden" / "shop", sample=False) as opened:
        opened.take_in(write(files / "p.csv", PRODUCTS))
        catalogue = opened.catalogue()
        app = build_app(FakeRoom(), opened, [])  # type: ignore[arg-type]
        with served(app, allowed_paths=[str(opened.pictures)]) as address:
            picture = catalogue.items[0].picture
            with urllib.request.urlopen(f"{address}/gradio_api/file={picture}", timeout=60) as answer:
                assert answer.read() == picture.read_bytes()
            for path in (opened.folder / "shop.db", *opened.looks.cutouts.iterdir()):
                with pytest.raises(urllib.error.HTTPError) as caught:
                    urllib.request.urlopen(f"{address}/gradio_api/file={path}", timeout=60)
                with caught.value as refusal:
                    assert refusal.code in (403, 404)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.linear_gradient("L").resize((300, 400)).convert("RGB").save(path)
    return path


def test_endpoints_are_named_and_typed(server: Server) -> None:
    with urllib.request.urlopen(f"{server.address}/gradio_api/info", timeout=60) as answer:
        info = json.load(answer)
    assert list(info["named_endpoints"]) == ["/try_on", "/recommend", "/catalogue"]
    endpoint = info["named_endpoints"]["/recommend"]
    assert [field["parameter_name"] for field in endpoint["parameters"]] == ["viewed", "category", "count"]
    (answers,) = [field["python_type"]["type"] for field in endpoint["returns"]]
    assert answers.startswith("list[") and all(name in answers for name in ("id", "title", "price", "score", "reasons"))
    endpoint = info["named_endpoints"]["/try_on"]
    assert [field["parameter_name"] for field in endpoint["parameters"]] == ["photo", "garment", "item", "category"]
    assert [field["python_type"]["type"] for field in endpoint["returns"]] == ["filepath", "str", "list[str]"]


def test_try_on_a_catalogue_item_by_program(server: Server, photo: Path) -> None:
    picture, category, notes = server.client.predict(
        photo=handle_file(str(photo)), item="green-skirt", api_name="/try_on"
    )
    with Image.open(picture) as got, Image.open(photo) as given:
        assert got.size == given.size and got.getpixel((150, 200))[1] > 120
    assert category == "lower" and notes == []


def test_try_on_a_garment_picture_by_program(server: Server, photo: Path) -> None:
    for said, worn in (("auto", "dress"), ("outer", "outer")):
        _, category, _ = server.client.predict(
            photo=handle_file(str(photo)), garment=handle_file(str(photo)), category=said, api_name="/try_on"
        )
        assert category == worn


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"item": "no-such-thing"}, words.NO_SUCH_ITEM),
        ({"item": "red-top", "category": "hat"}, words.NO_SUCH_CATEGORY),
        ({}, words.NO_GARMENT),
        ({"item": "red-top", "photo": None}, words.NO_PHOTO),
        ({"item": "red-top", "photo": "photo.png"}, words.NO_PHOTO),
        ({"item": "red-top", "photo": {"path": "/etc/passwd"}}, words.GONE),
        ({"item": "red-top", "photo": {"path": str(assets() / "people.json")}}, words.GONE),
    ],
)
def test_programs_are_told_what_is_wrong(server: Server, photo: Path, given: dict[str, object], said: str) -> None:
    given = {"photo": handle_file(str(photo)), **given}
    with pytest.raises(AppError) as caught:
        server.client.predict(**given, api_name="/try_on")
    assert str(caught.value) == said


def test_recommend_by_program(server: Server, photo: Path) -> None:
    found = server.client.predict(viewed="red-top", count=2, api_name="/recommend")
    assert len(found) == 2 and "red-top" not in [entry["id"] for entry in found]
    assert [set(entry) for entry in found] == [{"id", "title", "price", "score", "reasons"}] * 2
    (only,) = server.client.predict(category="lower", api_name="/recommend")
    assert only["title"] == "Green skirt" and only["price"] is None and isinstance(only["score"], float)
    other = Client(server.address, verbose=False, download_files=str(photo.parent), httpx_kwargs={"timeout": 60})
    assert all(entry["reasons"] == [] for entry in other.predict(api_name="/recommend")), "nothing was done yet"
    other.predict(photo=handle_file(str(photo)), item="blue-dress", api_name="/try_on")
    reasons = {reason for entry in other.predict(api_name="/recommend") for reason in entry["reasons"]}
    other.close()
    assert reasons <= {"because you tried on Blue dress"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"viewed": "no-such-thing"}, words.NO_SUCH_ITEM),
        ({"category": "hat"}, words.NO_SUCH_CATEGORY),
        ({"count": 0}, words.count_between(1, 50)),
        ({"count": 10**6}, words.count_between(1, 50)),
        ({"count": "many"}, words.count_between(1, 50)),
    ],
)
def test_programs_that_ask_for_too_much_are_told(server: Server, given: dict[str, object], said: str) -> None:
    with pytest.raises(AppError) as caught:
        server.client.predict(**given, api_name="/recommend")
    assert str(caught.value) == said


def test_bad_files_are_refused_in_words_to_programs_too(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "page.jpg"
    path.write_text("<!doctype html>")
    with pytest.raises(AppError) as caught:
        server.client.predict(photo=handle_file(str(path)), item="red-top", api_name="/try_on")
    assert "JPG, PNG or WebP" in str(caught.value) and "/" not in str(caught.value)


def test_nothing_but_the_cache_is_served(server: Server) -> None:
    for path in ("/etc/passwd", str(assets() / "people.json"), str(Path(__file__).resolve()), "app.py"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{server.address}/gradio_api/file={path}", timeout=60)
        with caught.value as refusal:
            assert refusal.code in (403, 404)


HOST = """
import sys, time
from pathlib import Path
from fitting.ui.serving import private_folder, prepare
prepare()
import os
folder = Path(os.environ["GRADIO_TEMP_DIR"])
(folder / "photo.jpg").write_bytes(b"somebody")
print(folder, flush=True)
time.sleep(600)
"""


def host(temporary: Path) -> tuple[subprocess.Popen[str], Path]:
    """Another process that hosts the app, and its folder of uploads."""
    environment = {key: value for key, value in os.environ.items() if key != "GRADIO_TEMP_DIR"}
    environment["TMPDIR"] = str(temporary)
    process = subprocess.Popen([sys.executable, "-c", HOST], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_uploads_go_when_the_host_stops_or_else_at_its_next_start(tmp_path: Path) -> None:
    stopped, its_folder = host(tmp_path)
    crashed, left = host(tmp_path)
    with stopped, crashed:
        assert its_folder.is_dir(), "a second start leaves the first one's alone"
        stopped.terminate()
        stopped.wait(timeout=120)
        assert not its_folder.exists()
        crashed.kill()
        crashed.wait(timeout=120)
        assert (left / "photo.jpg").exists()
        with host(tmp_path)[0] as started:
            assert not left.exists()
            started.terminate()


TOLD_TOO_EARLY = """
import os, signal
import gradio as gr
from fitting.ui.closing import serve
from fitting.ui.serving import prepare
from fitting.ui.traffic import Traffic

told = prepare()
with gr.Blocks() as page:
    gr.Markdown("here")
page.launch(prevent_thread_lock=True, quiet=True)
try:
    signal.raise_signal(signal.SIGTERM)
except BaseException:
    pass  # as a library may, that is at work when the signal comes
serve(page, Traffic(), 1.0, told)
print("stopped", flush=True)
os._exit(0)
"""


def test_a_host_that_is_told_to_stop_while_it_starts_does() -> None:
    told = subprocess.run([sys.executable, "-c", TOLD_TOO_EARLY], capture_output=True, text=True, timeout=PATIENCE)
    assert told.returncode == 0 and told.stdout.endswith("stopped\n"), told.stderr


def test_importing_the_app_starts_nothing() -> None:
    import app

    assert callable(app.main) and not isinstance(getattr(app, "demo", None), gr.Blocks)


def test_made_pictures_say_so_and_the_visitors_own_does_not(visits: Visits) -> None:
    visit, picture = visits.of("me"), Image.new("RGB", (300, 400), "white")
    for name, made in (("after.jpg", True), ("fitting-room.png", True), ("before.jpg", False)):
        with Image.open(visits.save(visit, picture, name, made=made)) as saved:
            assert is_marked(saved) is made
    with Image.open(visits.save(visit, picture, "fitting-room.png", visible="AI-made picture")) as saved:
        assert saved.convert("L").getextrema()[0] < 200


def test_the_page_takes_name_and_colour_from_the_settings(tmp_path: Path) -> None:
    settings = Settings(name="Corner & Sons", tagline="Try <it>", colour="#7a1f3d")
    page = build_app(FakeRoom(), FakeShop(shop(tmp_path)[0]), settings=settings)  # type: ignore[arg-type]
    assert page.title == "Corner & Sons"
    told = json.dumps(page.get_config_file(), default=str)
    assert "Corner &amp; Sons" in told and "Try &lt;it&gt;" in told
    assert theme("#7a1f3d").primary_600 == "#7a1f3d" and theme().primary_600 == "#256250"
