"""The shop in SQL: the same in SQLite and in PostgreSQL, and its migrations."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from shopping import PRODUCTS, FakeLooks, write
from sqlalchemy import text

from fitting import store as sql
from fitting.database import migrate, open_database
from fitting.errors import ShopError
from fitting.events import Event, EventKind
from fitting.garment import Category
from fitting.importing import Import
from fitting.store import Look, Store
from fitting.tables import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'shop.db'}"
        return
    yield request.getfixturevalue("postgres")


def look(key: str, *values: float) -> Look:
    embedding = np.zeros(128, np.float32)
    embedding[: len(values)] = values
    return Look(key, "first", embedding, Category.UPPER, False, ("Été – a note.",), 7.0)


def row(item: str, place: int, key: str = "k") -> dict[str, object]:
    empty = dict.fromkeys(("price", "pattern", "sleeve", "neckline", "description", "url", "stock"))
    return {
        **empty,
        "id": item,
        "title": f"„{item}“",
        "category": "upper",
        "look": key,
        "picture": "a.png",
        "colours": "[]",
        "added": 3.0,
        "place": place,
        "sample": False,
    }


def test_items_and_events_come_back_as_they_went_in(address: str) -> None:
    with Store.open(address) as store:
        store.keep_looks([look("k", 1.0), look("l", 0.6, 0.8), look("unused", 1.0)])
        store.keep_looks([look("k", 0.0, 1.0)])  # known already
        with store.editing() as connection:
            sql.put_items(connection, [row("b", 1, "l"), row("a", 0)])
            sql.revise(connection)
        with store.editing() as connection:
            sql.put_items(connection, [{**row("b", 1, "l"), "price": 9.5, "stock": 2, "colours": '["vert"]'}])
            sql.revise(connection)
        items, vectors = store.items(Path("pictures"))
        assert [(item.id, item.title, item.price, item.stock) for item in items] == [
            ("a", "„a“", None, None),
            ("b", "„b“", 9.5, 2),
        ]
        assert items[1].colours == ("vert",) and items[1].picture == Path("pictures/l.jpg")
        assert vectors.shape == (2, 128) and vectors[:, :2].tolist() == [[1, 0], [np.float32(0.6), np.float32(0.8)]]
        assert store.revision() == 2 and store.networks() == {"first": 2}
        found = store.look("k")
        assert found is not None and (found.notes, found.made) == (("Été – a note.",), 7.0)
        assert list(store.vectors(["b", "nothing"])) == ["b"]
        assert store.drop_unused_looks(5.0) == [] and store.drop_unused_looks(8.0) == ["unused"]
        assert store.look_of("b") is not None and store.look_of("c") is None and store.look("unused") is None

        events = [Event("anna", "a", EventKind.VIEWED, 2.0), Event("bob", "b", EventKind.BOUGHT, 1.0)]
        assert store.add_all([*events, events[0]]) == 2
        store.add(Event("anna", "gone", EventKind.LIKED, 3.0))
        store.add(events[0])
        assert store.events() == [events[1], events[0]] and store.events("anna") == [events[0]]
        assert store.event_counts() == {"events": 3, "simulated": 0, "shoppers": 2}
        assert store.forget("anna") == 2 and store.events() == [events[1]]
    with Store.open(address) as store:  # again: nothing is lost, nothing to migrate
        assert len(store.items(Path("p"))[0]) == 2 and store.setting("currency") is None


def test_an_import_is_the_same_in_either(address: str, files: Path, tmp_path: Path) -> None:
    with Store.open(address) as store:
        orders = write(files / "o.csv", "shopper,item,at\nanna,red-top,2026-01-01\n")
        for expected in ((3, 0, 1), (0, 3, 0)):
            made = Import(store, FakeLooks(tmp_path / "shop"), write(files / "p.csv", PRODUCTS), orders, prune=True)
            report = made.run()
            assert (report.new, report.unchanged, report.orders) == expected
        assert [item.id for item in store.items(Path("p"))[0]] == ["red-top", "green-top", "trousers"]


def test_the_migrations_make_the_tables_that_the_program_uses(address: str) -> None:
    engine = open_database(address)
    try:
        with engine.begin() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
            migrate(connection, "base")
            assert connection.dialect.has_table(connection, "items") is False
            migrate(connection)
            migrate(connection)
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    finally:
        engine.dispose()


def test_a_database_of_a_newer_version_is_left_alone(address: str) -> None:
    engine = open_database(address)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(ShopError, match="newer version of Fitting Room"):
        Store.open(address)


def test_many_may_open_a_new_database_and_write_at_once(address: str) -> None:
    failed: list[Exception] = []

    def work(name: str) -> None:
        try:
            with Store.open(address) as store:
                for number in range(10):
                    store.add(Event(name, "a", EventKind.VIEWED, float(number)))
        except Exception as error:
            failed.append(error)

    workers = [threading.Thread(target=work, args=(f"shopper {number}",)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []
    with Store.open(address) as store:
        assert store.event_counts() == {"events": 40, "simulated": 0, "shoppers": 4}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("mysql://root:secret@localhost/shop", "must be sqlite:///FILE or postgresql://"),
        ("no address", "must be sqlite:///FILE or postgresql://"),
        ("sqlite:////nowhere/at/all/shop.db", "cannot be opened: unable to open database file"),
    ],
)
def test_what_cannot_be_opened_is_said_in_a_sentence(wrong: str, said: str) -> None:
    with pytest.raises(ShopError) as caught:
        Store.open(wrong)
    assert said in str(caught.value) and "secret" not in str(caught.value)


def test_a_server_that_does_not_answer_is_said_without_its_password() -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'fitting-room[postgres]'")
    with pytest.raises(ShopError, match="cannot be opened") as caught:
        Store.open("postgres://shop:secret@127.0.0.1:1/shop")
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop.db").write_text("Dear diary, " * 100)
    with pytest.raises(ShopError, match="cannot be opened"):
        Store.open(f"sqlite:///{tmp_path / 'shop.db'}")
