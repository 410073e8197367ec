"""A database, a vector store or pictures that are gone for a while: visitors go on, and nobody has to mend anything."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import FakeRoom
from postgres import gone
from shopping import PRODUCTS, write
from starlette.applications import Starlette
from starlette.testclient import TestClient
from visitor import Visitor, visiting

from fitting import database, milvus
from fitting.catalogue import Catalogue
from fitting.errors import ShopError
from fitting.events import Event, EventKind
from fitting.recommender import Recommender
from fitting.settings import Settings
from fitting.shop import Shop
from fitting.ui import words
from fitting.ui.adviser import Adviser
from fitting.ui.blocks import build_app
from fitting.ui.browsing import Browsing
from fitting.ui.detail import Detail
from fitting.ui.offers import Finders
from fitting.ui.routes import routes_of
from fitting.ui.wearing import Wearing

pytestmark = pytest.mark.usefixtures("fake_networks")


def visitor_of(shop: Shop, folder: Path) -> Visitor:
    """Somebody who tries on what this shop has."""
    visitor = visiting(folder, shop.catalogue())
    visitor.wearing = Wearing(FakeRoom(), shop, visitor.wearing.visits, visitor.wearing.turns)  # type: ignore[arg-type]
    return visitor


def status(shown: list[tuple[Any, ...]]) -> str:
    return str(shown[0][0])


@pytest.fixture
def shop(files: Path, tmp_path: Path) -> Iterator[Shop]:
    with Shop.open(tmp_path / "shop", sample=False) as opened:
        opened.take_in(write(files / "p.csv", PRODUCTS))
        yield opened


def test_a_locked_database_is_read_on_and_an_import_says_so(
    shop: Shop, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.05)
    changed = write(files / "p.csv", PRODUCTS.replace("12.50", "9"))
    with Shop.open(tmp_path / "shop") as other, closing(sqlite3.connect(tmp_path / "shop" / "shop.db")) as locking:
        locking.execute("BEGIN IMMEDIATE")
        with pytest.raises(ShopError, match=r"the shop is as it was: database is locked\. Mend that"):
            other.take_in(changed)
        assert other.catalogue().get("red-top").price == 12.5 and other.garment("red-top") is not None
        locking.rollback()
        assert other.take_in(changed).changed == 1
    assert shop.catalogue().get("red-top").price == 9


@contextmanager
def moved(shop: Shop) -> Iterator[None]:
    """Within this, the shop's database file is somewhere else, as when a disk is not mounted."""
    file = shop.folder / "shop.db"
    file.rename(file.with_suffix(".away"))
    try:
        yield
    finally:
        file.with_suffix(".away").rename(file)


def used_during(shop: Shop, outage: Any, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What a visitor meets before, during and after an outage of the database."""
    event = Event("anna", "red-top", EventKind.LIKED, 1.0)
    shop.store.add(event)
    visitor = visitor_of(shop, folder)
    browsing, detail = Browsing(Finders(shop), visitor.wearing.visits), Detail(shop)
    assert words.BROKEN not in status(visitor.dress("red-top"))
    with outage:
        (row, *_) = browsing.find("red", "everything", "", "", None, [])
        assert row["value"][0][1] == "Red top", "the catalogue stays as it was"
        assert "Green top" in detail.show("green-top")
        assert words.BROKEN in status(visitor.dress("green-top"))
        assert shop.catalogue() is shop.catalogue()
        with pytest.raises(ShopError, match="the shop is as it was"):
            shop.take_in(None, write(folder / "o.csv", "shopper,item,at\nanna,red-top,2026-01-01\n"))
    assert [record.message for record in caplog.records].count(
        "the database does not answer; the catalogue stays as it was"
    ) == 1, "the log is not filled with it"
    assert words.BROKEN not in status(visitor.dress("green-top"))
    assert shop.store.events("anna") == [event], "what was acknowledged is there"
    shop.store.add(Event("anna", "green-top", EventKind.LIKED, 2.0))
    assert len(shop.store.events("anna")) == 2


def test_visitors_go_on_while_the_database_file_is_gone(
    shop: Shop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    used_during(shop, moved(shop), tmp_path, caplog)
    assert not [path for path in shop.folder.glob("*.away")]


def test_visitors_go_on_while_the_database_server_is_gone(
    postgres: str, files: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Shop.open(tmp_path / "shop", postgres, sample=False) as opened:
        opened.take_in(write(files / "p.csv", PRODUCTS))
        used_during(opened, gone(postgres), tmp_path, caplog)


def test_a_replaced_database_is_the_one_that_is_read(shop: Shop, files: Path, tmp_path: Path) -> None:
    """As when a backup is put in its place while the app runs."""
    with Shop.open(tmp_path / "other", sample=False) as other:
        other.take_in(write(files / "p.csv", PRODUCTS.replace("Red top", "Ruby top")))
        other.take_in(write(files / "p.csv", PRODUCTS.replace("Red top", "Scarlet top")))
    assert shop.catalogue().get("red-top").title == "Red top"
    (tmp_path / "other" / "shop.db").replace(tmp_path / "shop" / "shop.db")
    for leftover in (tmp_path / "shop").glob("shop.db-*"):
        leftover.unlink()
    assert shop.catalogue().get("red-top").title == "Scarlet top"


def test_a_recommender_that_could_not_be_built_is_built_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Catalogue] = []

    def load(catalogue: Catalogue) -> Recommender:
        asked.append(catalogue)
        raise OSError("the database does not answer")

    adviser = Adviser(shop, load)
    assert adviser.recommender() is None and adviser.recommender() is None and len(asked) == 1
    monkeypatch.setattr("fitting.ui.adviser.AGAIN", -1.0)
    assert adviser.recommender() is None and len(asked) == 2


@pytest.mark.filterwarnings("ignore")  # of pymilvus and what it brings
def test_search_goes_on_while_the_vector_store_is_gone(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pymilvus", reason="pymilvus is not installed: pip install 'fitting-room[milvus]'")
    pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: pip install 'fitting-room[milvus]'")
    from milvus_lite.adapter.grpc.server import start_server_in_thread

    def start(port: int = 0) -> Any:
        return start_server_in_thread(data_dir=str(tmp_path / "vectors"), host="127.0.0.1", port=port)

    monkeypatch.setattr(milvus, "SOON", 0.3)
    server, held, port = start()
    path = write(files / "p.csv", PRODUCTS)
    with Shop.open(tmp_path / "shop", vectors=f"http://127.0.0.1:{port}", sample=False) as shop:
        index = shop._index
        assert index is not None
        shop.take_in(path)
        query = shop.catalogue().vectors[0]
        found = shop.catalogue().nearest(query, 3)
        server.stop(grace=0).wait()
        held.close()
        assert [hit[0] for hit in shop.catalogue().nearest(query, 3)] == [hit[0] for hit in found]
        with pytest.raises(ShopError, match="did not answer"):  # at once: no visitor waits for it again
            index.search(query[None], 3)
        shop.take_in(write(path, PRODUCTS.replace(",3,red", ",0,red")))
        assert [hit[0] for hit in shop.catalogue().nearest(query, 3)] == ["trousers"], "sold out meanwhile"
        assert not index.wants_sync
        monkeypatch.setattr(milvus, "REST", -1.0)
        server, held, _ = start(port)
        deadline = time.monotonic() + 60  # gRPC itself waits for a second or more before it tries anew
        while index._failed is not None and time.monotonic() < deadline:
            shop.catalogue()
            time.sleep(0.05)
        assert index._failed is None and [hit[0] for hit in index.search(query[None], 3)[0]] == ["trousers"]
        index._client.drop_collection(index._collection)  # and it is back, but has lost everything
        assert [hit[0] for hit in shop.catalogue().nearest(query, 3)] == ["trousers"]
        shop.catalogue()
        assert index.count() == 3 and np.isclose(index.search(query[None], 3)[0][0][1], found[1][1], atol=1e-5)
    server.stop(grace=0).wait()
    held.close()


def test_pictures_that_are_gone_are_missed_by_nobody_else(
    shop: Shop, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    lost, whole = shop.catalogue().get("red-top"), shop.catalogue().get("green-top")
    for path in (lost.picture, *(shop.folder / "cutouts").glob(f"{lost.picture.stem}.*")):
        path.unlink()
    whole.picture.write_bytes(whole.picture.read_bytes()[:-100])  # cut short; its cut-out is there
    english = Settings(languages=("en",))
    app = build_app(FakeRoom(), shop, settings=english)  # type: ignore[arg-type]  # the page is built all the same
    with TestClient(Starlette(routes=routes_of(app, shop))) as client:
        answer = client.get("/picture/red-top")
        assert answer.status_code == 404 and answer.json() == {"detail": words.GONE}
        assert client.get("/picture/green-top").status_code == 200
    visitor = visitor_of(shop, tmp_path)
    assert words.BROKEN in status(visitor.dress("red-top"))
    assert words.BROKEN not in status(visitor.dress("green-top"))
    assert shop.take_in(files / "p.csv").looked == 2, "an import mends both"
    assert words.BROKEN not in status(visitor.dress("red-top"))
    assert whole.picture.read_bytes().endswith(b"\xff\xd9")
