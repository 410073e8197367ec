"""A shop whose database and vectors are on servers of their own, named by nothing but two URIs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from shopping import PRODUCTS, write

from fitting.events import Event, EventKind
from fitting.garment import Category
from fitting.shop import Shop

OURS = "FITTING_TEST_MILVUS"  # URI of a Milvus to test with; without it one in another process stands in


@pytest.fixture
def milvus_server(tmp_path: Path) -> Iterator[str]:
    """URI of a server that speaks Milvus' protocol, over a socket and in a process of its own."""
    pytest.importorskip("pymilvus", reason="pymilvus is not installed: pip install 'fitting-room[milvus]'")
    if OURS in os.environ:
        yield os.environ[OURS]
        return
    pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: pip install 'fitting-room[milvus]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(tmp_path / "milvus")]
    server = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes], patience: float = 60.0) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until and server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("the vector server did not start")


@pytest.mark.usefixtures("fake_networks")
@pytest.mark.filterwarnings("ignore")  # of pymilvus and what it brings
def test_two_hosts_share_a_shop_by_two_uris(files: Path, tmp_path: Path, postgres: str, milvus_server: str) -> None:
    place = tmp_path / "pictures", postgres, milvus_server
    with Shop.open(*place, sample=False) as one, Shop.open(*place, sample=False) as other:
        one.take_in(write(files / "p.csv", PRODUCTS))
        assert [item.id for item in other.catalogue()] == ["red-top", "green-top", "trousers"]
        red = other.catalogue().vectors[0]
        assert [hit[0] for hit in other.catalogue().nearest(red, 3, Category.UPPER, in_stock=False)] == [
            "red-top",
            "green-top",
        ]
        event = Event("anna", "red-top", EventKind.BOUGHT, 1.0)
        one.store.add(event)
        assert other.store.events("anna") == [event] and other.store.forget("anna") == 1
        assert one.store.events() == []
        one.take_in(write(files / "p.csv", PRODUCTS.replace(",3,red", ",0,red")))  # sold out
        assert other.catalogue().nearest(red, 3, Category.UPPER) == []
        assert not list((tmp_path / "pictures").glob("*.db*"))
        one.take_in(write(files / "p.csv", "".join(PRODUCTS.splitlines(True)[::2])), prune=True)  # green alone stays
        assert [hit[0] for hit in other.catalogue().nearest(red, 3, in_stock=False)] == ["green-top"]
