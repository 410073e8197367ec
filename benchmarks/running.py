"""The real app in a process of its own, and what programs do with it over HTTP: for benchmarks of the server."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from PIL import Image, ImageEnhance, ImageOps
from stages import ASSETS, photo_of

ROOT = Path(__file__).resolve().parent.parent
FREE = {f"FITTING_{what}_PER_MINUTE": "0" for what in ("REQUESTS", "UPLOADS", "TRIES")}  # all come from one address
JSON = {"Content-Type": "application/json"}


class RefusedError(Exception):
    """A call was refused: its status, the sentence, and in how many seconds to come back; 0 where none are said."""

    def __init__(self, status: int, said: str, after: float) -> None:
        super().__init__(f"{status}: {said}")
        self.status, self.said, self.after = status, said, after


@dataclass(frozen=True)
class App:
    """The running app.

    Attributes:
        address: host and port.
        process: to read its CPU seconds and memory.
        folder: holds its shop and all of its temporary files.
    """

    address: str
    process: psutil.Process
    folder: Path

    def cpu(self) -> float:
        """CPU seconds used so far, of all its threads."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def megabytes(self) -> float:
        """Resident memory."""
        return float(self.process.memory_info().rss / 2**20)

    def files(self) -> int:
        """Files in its temporary folder: those of the page, uploads and results."""
        return sum(path.is_file() for path in (self.folder / "tmp").rglob("*"))


@contextmanager
def running(settings: Mapping[str, str]) -> Iterator[App]:
    """Start `app.py` with these variables in its environment and stop it in the end."""
    with tempfile.TemporaryDirectory() as name, socket.socket() as probe:
        folder = Path(name)
        (folder / "tmp").mkdir()
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        own = {"GRADIO_SERVER_PORT": str(port), "FITTING_SHOP": str(folder / "shop"), "TMPDIR": str(folder / "tmp")}
        environment = {**os.environ, **FREE, **own, **settings}
        server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        try:
            yield _ready(App(f"127.0.0.1:{port}", psutil.Process(server.pid), folder))
        finally:
            server.terminate()
            server.wait(60)


def _ready(app: App) -> App:
    for _ in range(2400):
        if not app.process.is_running() or app.process.status() == psutil.STATUS_ZOMBIE:
            raise RuntimeError("app.py stopped")
        try:
            if Client(app.address).get("/ready")[0] == 200:
                return app
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("app.py does not answer")


@dataclass(frozen=True)
class Wish:
    """A request for a try-on: a photo (the content of a JPEG file) and an item of the catalogue."""

    photo: bytes
    item: str


@dataclass(frozen=True)
class Answer:
    """What was answered: where the garment is worn, the notes, and a digest of the picture's file."""

    category: str
    notes: tuple[str, ...]
    picture: str


class Client:
    """One connection to the app. Not for several threads."""

    def __init__(self, address: str, timeout: float = 600.0) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=timeout)

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Any:
        """What is answered, as JSON. Raises RefusedError."""
        self._connection.request("POST", path, body, dict(headers))
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            try:
                said = json.loads(content)["detail"]
            except (ValueError, KeyError, TypeError):
                said = content.decode("utf-8", "replace")
            raise RefusedError(answer.status, str(said), float(answer.headers.get("Retry-After", 0)))
        return json.loads(content)

    def ask(self, endpoint: str, data: Sequence[Any]) -> Any:
        """Call a named endpoint and wait for what it says. Raises RefusedError."""
        return self.answer(endpoint, self.call(endpoint, data))

    def call(self, endpoint: str, data: Sequence[Any]) -> str:
        """Call a named endpoint: the event's number. Raises RefusedError."""
        body = json.dumps({"data": data}).encode()
        return str(self.post(f"/gradio_api/call/{endpoint}", body, JSON)["event_id"])

    def answer(self, endpoint: str, event: str) -> Any:
        """Wait for what an event says. Raises RefusedError."""
        _, events = self.get(f"/gradio_api/call/{endpoint}/{event}")
        kind, _, said = events.decode().strip().rpartition("event: ")[2].partition("\ndata: ")
        if kind != "complete":
            raise RefusedError(200, said, 0)
        return json.loads(said)

    def upload(self, photo: bytes) -> dict[str, Any]:
        """Upload a photo: its name in a call."""
        start = b'--limit\r\nContent-Disposition: form-data; name="files"; filename="photo.jpg"\r\n\r\n'
        body = start + photo + b"\r\n--limit--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=limit"}
        (path,) = self.post("/gradio_api/upload", body, headers)
        return {"path": path, "meta": {"_type": "gradio.FileData"}}

    def try_on(self, wish: Wish) -> Answer:
        """All that a program does for one try-on, the picture fetched. Raises RefusedError."""
        picture, category, notes = self.ask("try_on", [self.upload(wish.photo), None, wish.item, "auto"])
        status, content = self.get(urlsplit(picture["url"]).path)
        if status != 200:
            raise RefusedError(status, "the picture cannot be fetched", 0)
        return Answer(category, tuple(notes), hashlib.sha256(content).hexdigest())

    def waiting(self) -> dict[str, Any]:
        """What the app says of its line."""
        return dict(json.loads(self.get("/waiting")[1]))


def wishes(client: Client, count: int, size: tuple[int, int]) -> list[Wish]:
    """So many requests, no two with the same photo: sample people on pages of this size, as they are, mirrored,
    lighter and darker; and garments from all over the catalogue."""
    items = client.ask("catalogue", ["", "auto", None, 100, 0])[0]["items"]
    people = [photo_of(path, size) for path in sorted((ASSETS / "people").glob("*.jpg"))]
    found = []
    for number in range(count):
        turn, place = divmod(number, len(people))
        photo = ImageOps.mirror(people[place]) if turn % 2 else people[place]
        photo = ImageEnhance.Brightness(photo).enhance(1 + 0.05 * (turn // 2) * (-1) ** turn)
        found.append(Wish(_jpeg(photo), items[number * len(items) // count]["id"]))
    return found


def _jpeg(photo: Image.Image) -> bytes:
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=90)
    return file.getvalue()
