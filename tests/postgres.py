"""A PostgreSQL server of the tests' own, where PostgreSQL is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from processes import absent
from sqlalchemy import create_engine, make_url, text


def program(name: str) -> str | None:
    """Debian keeps most of PostgreSQL's programs out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[str]:
    """URL of a database that is empty for every test."""
    yield postgres_server
    engine = create_engine(postgres_server.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a database, on a socket in a temporary folder."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'fitting-room[postgres]'")
    initdb, control = program("initdb"), program("pg_ctl")
    if initdb is None or control is None:
        absent("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    user = None
    if os.getuid() == 0:  # the server refuses to be root
        try:
            user = pwd.getpwnam("postgres").pw_name
        except KeyError:
            absent("PostgreSQL does not run as root, and there is no user postgres")
    folder = Path(tempfile.mkdtemp(prefix="fitting-pg-"))  # a socket's path must be short
    if user is not None:
        shutil.chown(folder, user)
    try:
        _run(folder, initdb, "-D", str(folder / "data"), "-A", "trust", "-U", "fitting", "-N")
        _start(folder, control)
        try:
            yield f"postgresql://fitting@/postgres?host={folder}"
        finally:
            _stop(folder, control)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def gone(address: str) -> Iterator[None]:
    """Within this, the server of a URL of ours does not run: it was stopped as if its machine had failed."""
    folder, control = Path(str(make_url(address).query["host"])), program("pg_ctl")
    assert control is not None
    _stop(folder, control)
    try:
        yield
    finally:
        _start(folder, control)


def _start(folder: Path, control: str) -> None:
    options = f"-k {folder} -h '' -F"
    _run(folder, control, "-D", str(folder / "data"), "-w", "-l", str(folder / "log"), "-o", options, "start")


def _stop(folder: Path, control: str) -> None:
    _run(folder, control, "-D", str(folder / "data"), "-m", "immediate", "stop")


def _run(folder: Path, *arguments: str) -> None:
    """Run a program as whoever owns the folder."""
    if os.getuid() == 0:
        # Not `user=`: for that Python forks, and a fork of a process in which gRPC has threads may crash.
        arguments = ("runuser", "-u", folder.owner(), "--", *arguments)
    subprocess.run(arguments, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=60)
