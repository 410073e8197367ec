"""`Store`: items and events in SQL."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Row, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL

from fitting.database import open_database
from fitting.events import Event, EventKind
from fitting.garment import Category
from fitting.item import Item
from fitting.notes import Review
from fitting.tables import events, items, looks, reviews, settings
from fitting.vectors import batches

BATCH = 500  # rows a statement: SQLite allows some 30,000 values
FIELDS = tuple(column.name for column in items.columns if column.name not in ("place", "sample"))  # of an item's row


@dataclass(frozen=True)
class Look:
    """What was found in a picture.

    Attributes:
        key: of the picture's content, the category wanted and the network; also names the files.
        network: which network's space the embedding is in.
        embedding: (D,) float32, unit length.
        category: as found, or as wanted.
        worn: the picture showed a person wearing it.
        notes: sentences about it.
        made: when, in seconds since the epoch.
        described: there was no picture: the embedding is made of what the shop says of the item.
    """

    key: str
    network: str
    embedding: np.ndarray
    category: Category
    worn: bool
    notes: tuple[str, ...]
    made: float
    described: bool = False


class Store:
    """Items and events of one shop. One store serves many threads; so may several processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(writes=False)

    @classmethod
    def open(cls, address: str | URL) -> Store:
        """Open a database by URL; it is made, or brought up to date, if need be.

        Raises:
            ShopError: it cannot be opened.
        """
        return cls(open_database(address))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # What shoppers did

    def add(self, event: Event) -> None:
        """Write down what a shopper did. The same event twice is one event."""
        self.add_all([event])

    def add_all(self, new: Iterable[Event], simulated: bool = False) -> int:
        """Write down many events, all or none; returns how many were new."""
        with self._engine.begin() as connection:
            return add_events(connection, new, simulated)

    def events(self, shopper: str | None = None) -> list[Event]:
        """Events in order of time, of one shopper or of all, with items that the shop has."""
        wanted = select(events.c.shopper, events.c.item, events.c.kind, events.c.at)
        wanted = wanted.join(items, items.c.id == events.c.item).order_by(events.c.at, events.c.number)
        if shopper is not None:
            wanted = wanted.where(events.c.shopper == shopper)
        with self._reading.connect() as connection:
            return [Event(who, what, EventKind(kind), at) for who, what, kind, at in connection.execute(wanted)]

    def event_counts(self) -> dict[str, int]:
        """How many events there are, how many of them simulated, and of how many shoppers."""
        count = select(
            func.count(), func.count(case((events.c.simulated, 1))), func.count(events.c.shopper.distinct())
        ).select_from(events)
        with self._reading.connect() as connection:
            everything, simulated, shoppers = connection.execute(count).one()
        return {"events": everything, "simulated": simulated, "shoppers": shoppers}

    def forget(self, shopper: str) -> int:
        """Delete all that is known of a shopper; returns how many events went."""
        with self._engine.begin() as connection:
            return connection.execute(delete(events).where(events.c.shopper == shopper)).rowcount

    # What is on offer

    def items(self, pictures: Path) -> tuple[list[Item], np.ndarray]:
        """All items in the shop's order, and their embeddings.

        Args:
            pictures: the folder of copies.

        Returns:
            Items, and (N, D) float32, unit length, in the same order; (0, 0) without items.
        """
        wanted = select(items, looks.c.embedding, looks.c.described).join(looks).order_by(items.c.place, items.c.id)
        found: list[Item] = []
        embeddings = bytearray()
        with self._reading.connect() as connection:
            for row in connection.execution_options(yield_per=5000).execute(wanted):
                found.append(_item(row, pictures))
                embeddings += row.embedding
        vectors = np.frombuffer(embeddings, "<f4").astype(np.float32, copy=False)
        return found, vectors.reshape(len(found), -1) if found else np.empty((0, 0), np.float32)

    def vectors(self, ids: Collection[str]) -> dict[str, np.ndarray]:
        """Embeddings (D,) of some items by id; ids that the shop does not have are left out."""
        wanted = select(items.c.id, looks.c.embedding).join(looks)
        found: dict[str, np.ndarray] = {}
        with self._reading.connect() as connection:
            for batch in batches(ids, BATCH):
                for item_id, embedding in connection.execute(wanted.where(items.c.id.in_(batch))):
                    found[item_id] = np.frombuffer(embedding, "<f4").astype(np.float32)
        return found

    def look(self, key: str) -> Look | None:
        """What was found in a picture before."""
        with self._reading.connect() as connection:
            row = connection.execute(select(looks).where(looks.c.key == key)).one_or_none()
        return None if row is None else _look(row)

    def look_of(self, item_id: str) -> Look | None:
        """What was found in an item's picture."""
        with self._reading.connect() as connection:
            wanted = select(looks).join(items, items.c.look == looks.c.key).where(items.c.id == item_id)
            row = connection.execute(wanted).one_or_none()
        return None if row is None else _look(row)

    def looks_known(self, keys: Collection[str]) -> dict[str, Category]:
        """Which pictures were looked at before, and what their garments are."""
        wanted = select(looks.c.key, looks.c.category)
        known: dict[str, Category] = {}
        with self._reading.connect() as connection:
            for batch in batches(keys, BATCH):
                rows = connection.execute(wanted.where(looks.c.key.in_(batch)))
                known |= {key: Category(category) for key, category in rows}
        return known

    def keep_looks(self, new: Iterable[Look]) -> None:
        """Keep what was found in pictures, whatever becomes of the import that wanted it."""
        rows = [
            {
                "key": look.key,
                "network": look.network,
                "embedding": np.ascontiguousarray(look.embedding, "<f4").tobytes(),
                "category": look.category.value,
                "worn": look.worn,
                "notes": json.dumps(look.notes, ensure_ascii=False),
                "made": look.made,
                "described": look.described,
            }
            for look in new
        ]
        with self._engine.begin() as connection:
            for batch in batches(rows, BATCH):
                connection.execute(insert(connection, looks).on_conflict_do_nothing(), batch)

    def drop_unused_looks(self, made_before: float) -> list[str]:
        """Forget pictures that no item shows any more; returns their keys."""
        unused = ~select(items.c.id).where(items.c.look == looks.c.key).exists()
        with self._engine.begin() as connection:
            gone = delete(looks).where(unused, looks.c.made < made_before).returning(looks.c.key)
            return list(connection.execute(gone).scalars())

    def networks(self) -> dict[str, int]:
        """Network -> how many items are in its space."""
        wanted = select(looks.c.network, func.count()).select_from(items.join(looks)).group_by(looks.c.network)
        with self._reading.connect() as connection:
            return {network: count for network, count in connection.execute(wanted)}

    def reviews(self, item_id: str, most: int = 200) -> list[Review]:
        """What customers wrote of an item, the latest to come first."""
        wanted = select(reviews.c.rating, reviews.c.text).where(reviews.c.item == item_id)
        with self._reading.connect() as connection:
            rows = connection.execute(wanted.order_by(reviews.c.number.desc()).limit(most))
            return [Review(rating, text) for rating, text in rows]

    # Settings

    def setting(self, name: str) -> str | None:
        """A setting's value; None where it was never set."""
        with self._reading.connect() as connection:
            return connection.execute(select(settings.c.value).where(settings.c.name == name)).scalar()

    def set(self, name: str, value: str) -> None:
        """Set a setting."""
        with self._engine.begin() as connection:
            set_setting(connection, name, value)

    def revision(self) -> int:
        """Grows whenever the items change, so that others know when to read them again."""
        return int(self.setting("revision") or 0)

    def editing(self) -> Any:
        """A transaction (context manager of a connection) to change the catalogue in, all or nothing."""
        return self._engine.begin()


def add_events(connection: Connection, new: Iterable[Event], simulated: bool = False) -> int:
    """Write down events within a transaction; returns how many were new."""
    count = 0
    # What comes back is what was new; drivers do not agree on counting it.
    statement = insert(connection, events).on_conflict_do_nothing().returning(events.c.number)
    for batch in batches(new, 5000):
        rows = [
            {"shopper": e.shopper, "item": e.item, "kind": e.kind.value, "at": e.at, "simulated": simulated}
            for e in batch
        ]
        count += len(connection.execute(statement, rows).all())
    return count


def set_setting(connection: Connection, name: str, value: str) -> None:
    """Set a setting within a transaction."""
    statement = insert(connection, settings).values(name=name, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def make_room(connection: Connection, count: int) -> None:
    """Move all items that many places back, so that others can be put before them."""
    connection.execute(update(items).values(place=items.c.place + count))


def known_items(connection: Connection, ids: Collection[str]) -> dict[str, Row[Any]]:
    """Rows of those items that the shop has, by id."""
    found = connection.execute(select(items).where(items.c.id.in_(ids)))
    return {row.id: row for row in found}


def put_items(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Insert items, or replace those with the same ids. A row has `FIELDS`, `place` and `sample`."""
    statement = insert(connection, items)
    values = {name: statement.excluded[name] for name in rows[0] if name != "id"}
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values), rows)


def remove_items(connection: Connection, ids: Iterable[str]) -> int:
    """Take items out of the shop; returns how many."""
    count = 0
    for batch in batches(ids, BATCH):
        count += connection.execute(delete(items).where(items.c.id.in_(batch))).rowcount
    return count


def remove_sample(connection: Connection) -> int:
    """Take the sample shop's items and simulated shoppers out; returns how many items."""
    connection.execute(delete(events).where(events.c.simulated))
    return connection.execute(delete(items).where(items.c.sample)).rowcount


def all_ids(connection: Connection) -> list[str]:
    """The id of every item."""
    return list(connection.execute(select(items.c.id)).scalars())


def revise(connection: Connection) -> None:
    """Tell readers that the items have changed."""
    revision = connection.execute(select(settings.c.value).where(settings.c.name == "revision")).scalar()
    set_setting(connection, "revision", str(int(revision or 0) + 1))


def insert(connection: Connection, table: Any) -> Any:
    """An insert that can say what to do on conflict: each database has its own kind."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _item(row: Any, pictures: Path) -> Item:
    return Item(
        id=row.id,
        title=row.title,
        category=Category(row.category),
        picture=pictures / f"{row.look}.jpg",
        price=row.price,
        colours=tuple(json.loads(row.colours)),
        pattern=row.pattern,
        sleeve=row.sleeve,
        neckline=row.neckline,
        description=row.description,
        url=row.url,
        stock=row.stock,
        added=row.added,
        described=row.described,
    )


def _look(row: Any) -> Look:
    return Look(
        key=row.key,
        network=row.network,
        embedding=np.frombuffer(row.embedding, "<f4").astype(np.float32),
        category=Category(row.category),
        worn=row.worn,
        notes=tuple(json.loads(row.notes)),
        made=row.made,
        described=row.described,
    )
