"""Opening the shop's database: SQLite in a file, or PostgreSQL by URL, brought up to date before it is used."""

from __future__ import annotations

import sqlite3
import time
from importlib import resources
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError, SQLAlchemyError

from fitting.errors import ShopError

PATIENCE = 60  # seconds to wait while another process writes
ANSWER = 10  # seconds in which a server must answer
_MIGRATING = 0x46495454  # what processes that open the same PostgreSQL database at once take turns by


def open_database(address: str | URL) -> Engine:
    """Connect, and run the migrations that the database has not seen.

    Args:
        address: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`.

    Raises:
        ShopError: the address is none of these, nothing answers, or a newer version made the database. Never
            tells the password.
    """
    url = _url(address)
    try:
        engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)
    except ModuleNotFoundError:
        raise ShopError("PostgreSQL needs a driver. Install it with: pip install 'fitting-room[postgres]'") from None
    try:
        with engine.begin() as connection:
            migrate(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        raise ShopError(f"The shop's database {url.render_as_string()} cannot be opened: {cause(error)}") from None
    except ShopError:
        engine.dispose()
        raise
    return engine


def migrate(connection: Connection, target: str = "head") -> None:
    """Bring the tables to a version, the newest by default; does nothing where they are.

    Raises:
        ShopError: a newer version of this program made them.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _MIGRATING})
    config = Config()
    config.set_main_option("script_location", str(resources.files("fitting.migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    script = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    known = {step.revision for step in script.walk_revisions()}
    if current is not None and current not in known:
        raise ShopError("A newer version of Fitting Room made the shop's database. Update Fitting Room to open it.")
    if target == "head":
        target = script.get_current_head() or "base"
        if current == target:
            return
        command.upgrade(config, target)
    else:
        command.downgrade(config, target)


def cause(error: Exception) -> str:
    """Why a database or a disk did not do what it was told, in a line and without what was to be written."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _url(address: str | URL) -> URL:
    try:
        url = make_url(address)
        backend = url.get_backend_name()
        if backend == "postgresql" and "+" not in url.drivername:
            url = url.set(drivername="postgresql+psycopg")
    except (ArgumentError, NoSuchModuleError):
        backend = ""
    # Hosts hand out both spellings of the scheme.
    if isinstance(address, str) and address.startswith("postgres://"):
        return _url(address.replace("postgres://", "postgresql://", 1))
    if backend not in ("sqlite", "postgresql"):
        raise ShopError("The shop's database must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.")
    return url


def _postgresql(url: URL) -> Engine:
    # A server that restarts takes its connections with it: each is tried before it is used.
    return create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args={"connect_timeout": ANSWER})


def _keep_log(cursor: sqlite3.Cursor) -> None:
    """Let shoppers read on while an import writes. For the lock that a new file needs for this SQLite itself does not
    wait."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": PATIENCE})
    file = Path(url.database) if url.database and url.database != ":memory:" else None
    opened = False

    @event.listens_for(engine, "do_connect")
    def not_anew(dialect: Any, record: Any, arguments: Any, options: Any) -> None:
        # SQLite would make an empty one in its place, and the shop would be lost in silence.
        if opened and file is not None and not file.exists():
            raise sqlite3.OperationalError("its file is gone")

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        nonlocal opened
        connection.isolation_level = None  # the driver would begin transactions late, and none around DDL
        cursor = connection.cursor()
        _keep_log(cursor)
        cursor.execute("PRAGMA synchronous = FULL")  # what was said to be written is, even when the power fails
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()
        record.info["file"], opened = _identity(file), True

    @event.listens_for(engine, "checkout")
    def same_file(connection: Any, record: Any, proxy: Any) -> None:
        # A connection to a file that was deleted or replaced would read, and write, what nobody else sees.
        if record.info["file"] != _identity(file):
            raise DisconnectionError("the file is another one now")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later would fail, not wait, if another wrote in between.
        kind = "IMMEDIATE" if connection.get_execution_options().get("writes", True) else ""
        connection.exec_driver_sql(f"BEGIN {kind}")

    return engine


def _identity(file: Path | None) -> tuple[int, int] | None:
    """What tells a file from another of the same name."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found is not None else None
