"""The app in a process of its own, with stand-ins for networks and shop: what tests of its operation share."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes import FakeRoom, FakeShop, wardrobe
from processes import PATIENCE, Child, child

Say = Callable[[Any], None]


class HostedShop(FakeShop):
    """What `app.main` needs of a shop besides."""

    def __init__(self, folder: Path) -> None:
        super().__init__(wardrobe(folder))
        self.pictures = folder

    def __enter__(self) -> HostedShop:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def host(say: Say, folder: Path, port: int, delay: float, settings: dict[str, str]) -> None:
    """Run `app.py`, its output in `folder`/log."""
    from gradio import http_server

    import app
    from fitting.room import FittingRoom
    from fitting.shop import Shop

    for descriptor in (1, 2):
        os.dup2(os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
    sys.stdout, sys.stderr = (os.fdopen(descriptor, "w", buffering=1) for descriptor in (1, 2))
    os.chdir(folder)
    os.environ.update({"FITTING_LANGUAGES": "en", **settings, "GRADIO_TEMP_DIR": str(folder / "uploads")})
    http_server.INITIAL_PORT_VALUE = port
    (folder / "shop").mkdir()
    FittingRoom.load = classmethod(lambda cls, **options: FakeRoom(delay))  # type: ignore[assignment, method-assign]
    Shop.usual = classmethod(lambda cls, settings: HostedShop(folder / "shop"))  # type: ignore[assignment, method-assign]
    app.main()


@dataclass(frozen=True)
class Host:
    """A running app."""

    process: Child
    folder: Path
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Code and body of an answer; (0, b"") where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            kind = {"Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), kind)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 0, b""
        finally:
            connection.close()

    def until(self, path: str, found: str) -> str:
        """Ask until the answer has what this looks for, and return the answer."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            body = self.ask("GET", path)[1].decode()
            if re.search(found, body):
                return body
            time.sleep(0.02)
        raise AssertionError(f"{path} never had {found}: {self.log}")

    def stop(self) -> None:
        """As whoever runs it would."""
        assert self.process.process.pid is not None
        os.kill(self.process.process.pid, signal.SIGTERM)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")


@contextmanager
def hosted(folder: Path, delay: float = 0.0, **settings: str) -> Iterator[Host]:
    """The app, ready; settings are environment variables after `FITTING_`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {f"FITTING_{key.upper()}": value for key, value in settings.items()}
    with child(host, folder, port, delay, environment) as process:
        running = Host(process, folder, port)
        running.until("/ready", "ready")
        yield running
