"""The services on a real Ray cluster of two nodes: what is lost with a replica is asked again, and nobody notices."""

from __future__ import annotations

import importlib.util
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

if importlib.util.find_spec("ray") is None:  # not imported here: when it is, it reads whether tokens are asked for
    pytest.skip("Ray is not installed: pip install 'fitting-room[cluster]'", allow_module_level=True)

import far_room
from shopping import write

from fitting.cluster import bulk, wire
from fitting.cluster.calling import Line
from fitting.cluster.private import PRIVATE
from fitting.cluster.remote_room import RemoteRoom
from fitting.cluster.wire import Message
from fitting.images import to_tensor
from fitting.importing import Import
from fitting.provenance import is_marked
from fitting.store import Store

# Ray leaves sockets, files and event loops to the garbage collector.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.cluster]

VISITORS = 4
EACH = 10  # try-ons


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "TOGETHER", 2)


@pytest.fixture(scope="module")
def fallen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the number of the process that died."""
    return tmp_path_factory.mktemp("cluster") / "fallen"


@pytest.fixture(scope="module")
def cluster(fallen: Path) -> Iterator[str]:
    """Address of a service, on two nodes with a replica each."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in PRIVATE.items():
            patch.setenv(name, value)
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S", "0")  # nobody is behind when the tests end
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))  # replicas import what they answer with
        patch.setenv(far_room.FALLS, str(fallen))
        import ray
        from ray import serve
        from ray.cluster_utils import Cluster

        from fitting.cluster.deployments import Size, service

        node = {"num_cpus": 2, "object_store_memory": 80 * 2**20}
        nodes = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        try:
            nodes.add_node(**node)
            ray.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
            port = _free_port()
            serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
            serve.run(service(far_room.opened, Size(least=2, most=2, cpus=1)), name="dress", route_prefix="/dress")
            yield f"http://127.0.0.1:{port}"
        finally:
            serve.shutdown()
            ray.shutdown()
            nodes.shutdown()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_replica_dies_under_load_and_no_try_on_is_lost(cluster: str, fallen: Path) -> None:
    room = RemoteRoom(Line(cluster))
    photo = to_tensor(Image.new("RGB", (300, 400), "#808080"))
    person = wire.person_of(far_room.person(wire.of_pixels(photo)), photo)
    worn = wire.garment_of(far_room.garment(wire.of_pixels(to_tensor(Image.new("RGB", (96, 128), "#c22020")))))
    made: list[tuple[str, float]] = []
    failed: list[Exception] = []

    def visit() -> None:
        for turn in range(EACH):
            try:
                result = room.try_on(person, worn, engine="geometric" if turn == EACH // 3 else "gan")
            except Exception as error:
                failed.append(error)
                continue
            assert result.picture.getpixel((150, 200)) == (0xC2, 0x20, 0x20)
            assert result.picture.getpixel((5, 5)) == (0x80, 0x80, 0x80)
            made.append((result.notes[0], time.monotonic()))

    visitors = [threading.Thread(target=visit) for _ in range(VISITORS)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    room.close()
    assert failed == [] and len(made) == VISITORS * EACH
    gone = fallen.read_text()
    assert gone not in {process for process, _ in made[-VISITORS:]} and len({process for process, _ in made}) >= 2
    assert 1 <= room.line.asked_again <= VISITORS, "no more than what the replica had before it"


def test_looking_in_bulk_goes_on_where_it_was_stopped(cluster: str, tmp_path: Path) -> None:
    shop, looked = tmp_path / "shop", tmp_path / far_room.LOOKED
    shades = [40 + 20 * number for number in range(8)]
    for shade in shades:
        Image.new("RGB", (96, 128), (shade, 30, 30)).save(tmp_path / f"{shade}.png")
    Image.new("RGB", (96, 128)).save(tmp_path / "0.png")
    rows = [f"item {shade},Top,upper,{shade}.png" for shade in (*shades, 0)]
    products = write(tmp_path / "p.csv", "id,title,category,picture\n" + "\n".join([*rows, "gone,Top,upper,gone.png"]))

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    place = bulk.Place(shop)
    with pytest.raises(KeyboardInterrupt):
        bulk.embed(products, place, progress=stop, looks=far_room.FarLooks)
    before = looked.read_text().splitlines()
    assert bulk.TOGETHER <= len(before) < 9
    outcome = bulk.embed(products, place, looks=far_room.FarLooks)
    assert (outcome.done + outcome.known, outcome.failed) == (8, 2) and outcome.known >= bulk.TOGETHER
    assert dict(outcome.problems).keys() == {str(tmp_path / "0.png"), "gone"}
    after = [line for line in looked.read_text().splitlines() if line != "(0, 0, 0)"]
    assert len(set(after)) == 8 and len(after) <= 8 + bulk.TOGETHER, "at most what was in hand is looked at again"
    with Store.open(f"sqlite:///{shop / 'shop.db'}") as store:
        done = Import(store, far_room.FarLooks(shop), products).run()
    assert (done.new, done.looked) == (8, 0)


def test_dressing_in_bulk_makes_no_picture_twice(cluster: str, tmp_path: Path) -> None:
    shop, output, people = tmp_path / "shop", tmp_path / "out", tmp_path / "people"
    people.mkdir()
    for name, colour in (("anna", "#808080"), ("bob", "#909090"), ("nobody", "#000000")):
        Image.new("RGB", (60, 80), colour).save(people / f"{name}.png")
    for name in ("red", "blue"):
        Image.new("RGB", (96, 128), name).save(tmp_path / f"{name}.png")
    products = write(tmp_path / "p.csv", "id,title,category,picture\nred,Red,upper,red.png\na/b,Blue,upper,blue.png\n")
    with Store.open(f"sqlite:///{_made(shop) / 'shop.db'}") as store:
        Import(store, far_room.FarLooks(shop), products).run()
    given = bulk.Place(shop), sorted(people.iterdir()), output
    outcome = bulk.render(*given, room=far_room.Wardrobe)
    assert (outcome.done, outcome.known, outcome.failed) == (4, 0, 2) and outcome.problems[0][1] == "Nobody is there."
    assert sorted(path.name for path in (output / "anna").iterdir()) == [bulk.file_of("a/b"), "red.jpg"]
    with Image.open(output / "bob" / "red.jpg") as picture:
        assert is_marked(picture) and picture.size == (60, 80) and picture.getpixel((5, 5))[0] > 200
    times = {path: path.stat().st_mtime_ns for path in output.glob("*/*.jpg")}
    gone = output / "bob" / "red.jpg"
    gone.unlink()
    outcome = bulk.render(*given, room=far_room.Wardrobe)
    assert (outcome.done, outcome.known, outcome.failed) == (1, 3, 2)
    assert {path for path, at in times.items() if path.stat().st_mtime_ns != at} == {gone}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_no_two_items_share_a_file() -> None:
    ids = ["a/b", "a_b", "a b", "a%2Fb", "A" * 300, "A" * 301, "../../etc/passwd", "„Kleid“", "."]
    names = [bulk.file_of(item) for item in ids]
    assert len(set(names)) == len(ids) and all(len(name.encode()) < 200 and "/" not in name for name in names)
    assert bulk.file_of("red-top") == "red-top.jpg"


def test_photos_that_come_together_are_looked_at_together(cluster: str) -> None:
    answer = Line(cluster).ask("dress/gathered", Message())  # by a replica: only there Serve gathers
    found, passes = answer.tensor("others", torch.float32, 6, 2, 3), answer.about["passes"]
    assert all(bool((maps == 2 * number).all()) for number, maps in enumerate(found))
    assert sum(passes) == 12 and len(passes) < 6 and max(passes) <= 8
