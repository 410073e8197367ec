"""The services on a real Ray cluster of two nodes: what is lost with a replica is asked again, and nobody notices."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("ray", reason="Ray is not installed: pip install 'fitting-room[cluster]'")

import far_room

from fitting.cluster import wire
from fitting.cluster.calling import Line
from fitting.cluster.remote_room import RemoteRoom
from fitting.images import to_tensor

# Ray leaves sockets, files and event loops to the garbage collector.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.cluster]

VISITORS = 4
EACH = 10  # try-ons


@pytest.fixture(scope="module")
def fallen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the number of the process that died."""
    return tmp_path_factory.mktemp("cluster") / "fallen"


@pytest.fixture(scope="module")
def cluster(fallen: Path) -> Iterator[str]:
    """Address of a service, on two nodes with a replica each."""
    from fitting.cluster.deployments import PRIVATE, Size, service

    with pytest.MonkeyPatch.context() as patch:
        for name, value in PRIVATE.items():
            patch.setenv(name, value)
        patch.setenv("RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S", "0")  # nobody is behind when the tests end
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))  # replicas import what they answer with
        patch.setenv(far_room.FALLS, str(fallen))
        import ray
        from ray import serve
        from ray.cluster_utils import Cluster

        node = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
        nodes = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        try:
            nodes.add_node(**node)
            ray.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
            port = _free_port()
            serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
            serve.run(service(far_room.opened, Size(least=2, most=2)), name="dress", route_prefix="/dress")
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
