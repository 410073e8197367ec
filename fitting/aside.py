"""Rows laid aside while an import goes on: in a temporary database, so that a file may be larger than memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import Any, NamedTuple

from fitting.garment import Category


class Laid(NamedTuple):
    """A good row: a look's key, the category if the shop named it, and the item's other values."""

    id: str
    look: str
    category: Category | None
    values: dict[str, Any]


class Aside:
    """Good rows by id, and which ids the file lists at all. For one thread; gone when closed."""

    def __init__(self) -> None:
        self.unnamed: int | None = None  # the first line that does not even tell its id
        # Named "", SQLite makes a file that nobody else sees.
        self._base = sqlite3.connect("", isolation_level=None)
        self._base.execute("CREATE TABLE rows (id TEXT PRIMARY KEY, line INTEGER, look TEXT, content TEXT)")
        self._base.execute("CREATE TABLE refused (id TEXT PRIMARY KEY)")
        self._base.execute("BEGIN")  # never to be committed, and therefore fast

    def __enter__(self) -> Aside:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._base.close()

    def begin(self, item_id: str, line: int) -> int | None:
        """Expect a row; returns the line of an earlier row with the same id instead, if there is one."""
        before = self._base.execute("SELECT line FROM rows WHERE id = ?", (item_id,)).fetchone()
        if before is not None:
            return int(before[0])
        self._base.execute("INSERT INTO rows (id, line) VALUES (?, ?)", (item_id, line))
        return None

    def lay(self, row: Laid) -> None:
        """Lay an expected row aside."""
        content = json.dumps([row.category and row.category.value, row.values], ensure_ascii=False)
        self._base.execute("UPDATE rows SET look = ?, content = ? WHERE id = ?", (row.look, content, row.id))

    def refuse(self, item_id: str, line: int) -> None:
        """Remember that a row was there, though it cannot be used."""
        if item_id:
            self._base.execute("INSERT OR IGNORE INTO refused VALUES (?)", (item_id,))
        elif self.unnamed is None:
            self.unnamed = line

    def lists(self, item_id: str) -> bool:
        """Whether the file has a row of this id, good or not."""
        known = "SELECT 1 FROM rows WHERE id = ? UNION ALL SELECT 1 FROM refused WHERE id = ?"
        return self._base.execute(known, (item_id, item_id)).fetchone() is not None

    def __len__(self) -> int:
        return int(self._base.execute("SELECT count(*) FROM rows WHERE look IS NOT NULL").fetchone()[0])

    def __iter__(self) -> Iterator[Laid]:
        """Good rows, in the file's order."""
        laid = self._base.execute("SELECT id, look, content FROM rows WHERE look IS NOT NULL ORDER BY line")
        for item_id, look, content in laid:
            category, values = json.loads(content)
            yield Laid(item_id, look, category and Category(category), values)
