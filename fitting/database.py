"""Opening the shop's database: SQLite in a file, or PostgreSQL by URL, brought up to date before it is used."""

from __future__ import annotations

from importlib import resources
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from fitting.errors import ShopError

PATIENCE = 60  # seconds to wait while another process writes
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
        engine = _sqlite(url) if url.get_backend_name() == "sqlite" else create_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError:
        raise ShopError("PostgreSQL needs a driver. Install it with: pip install 'fitting-room[postgres]'") from None
    try:
        with engine.begin() as connection:
            migrate(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        cause = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise ShopError(f"The shop's database {url.render_as_string()} cannot be opened: {cause}") from None
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


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": PATIENCE})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # the driver would begin transactions late, and none around DDL
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")  # shoppers read on while an import writes
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later would fail, not wait, if another wrote in between.
        kind = "IMMEDIATE" if connection.get_execution_options().get("writes", True) else ""
        connection.exec_driver_sql(f"BEGIN {kind}")

    return engine
