"""What strangers may ask of the server: see `hostile.py`.

An input is a request as it goes over the wire: a line with method and address, headers, an empty line, a body.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import os
import re
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from hostile import ROOT, Target  # isort: skip  # it finds what comes next

from browsing import served
from fakes import FakeRoom, advised, wardrobe
from mutations import after, of_json
from PIL import Image
from starlette.responses import PlainTextResponse

from fitting.settings import Settings
from fitting.ui.blocks import build_app
from fitting.ui.guard import Guard, Limiter
from fitting.ui.routes import lifespan_of, routes_of, tools_of

SETTINGS = Settings(requests_per_minute=0, uploads_per_minute=0, tries_per_minute=0, upload_mb=1, agents=True)
REFUSALS = (400, 403, 404, 405, 406, 411, 413, 415, 421, 422, 429, 503)
ENDLESS = re.compile(r"/gradio_api/(heartbeat|queue/data)")
JSON = "content-type: application/json"
_WORDS = (
    *b"GET POST /gradio_api/ /call/ /run/ queue/join upload file= proxy= /mcp .. %2e %00 // /picture/".split(),
    *b'PHOTO {"data": "fn_index": "session_hash": "event_data": {"path": "url": "meta": [[ null 1e999'.split(),
    *b'content-length: x-forwarded-for: 192.0.2.1 ::1 https:// file:///etc/passwd "orig_name": "\\u0000" -1'.split(),
)
_CHANGES = [after(b"\n\n", of_json)]


@dataclass(frozen=True)
class Asked:
    """A request, taken apart."""

    method: str
    address: str
    headers: list[tuple[str, str]]
    body: bytes

    @classmethod
    def of(cls, content: bytes) -> Asked:
        """Whatever bytes there are, as a request."""
        head, _, body = content.partition(b"\n\n")
        first, *lines = head.decode("latin-1").split("\n")
        method, _, address = first.partition(" ")
        headers = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        return cls(method, address or "/", [(name, value) for name, value in headers if name], body)


def _request(first: str, body: Any = None, *headers: str) -> bytes:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return "\n".join((first, *headers, "", "")).encode() + content


def _form(content: bytes) -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + content + b"\r\n--x--\r\n"


def _usual(functions: dict[str, tuple[int, int]]) -> dict[str, bytes]:
    """Requests as the page and programs make them; PHOTO stands for the path of an uploaded photo.

    Args:
        functions: of the page, by name: number, and how many values each takes.
    """
    file = {"path": "PHOTO", "meta": {"_type": "gradio.FileData"}}
    tool = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    found: dict[str, tuple[Any, ...]] = {
        "page": ("GET /?item=upper-1&lang=es",),
        "file": ("GET /gradio_api/file=PHOTO",),
        "picture": ("GET /picture/upper-1",),
        "catalogue": ("POST /gradio_api/call/catalogue", {"data": ["top", "upper", "blue", 5, 0]}, JSON),
        "by_name": ("POST /gradio_api/call/v2/catalogue", {"search": "top", "limit": 3}, JSON),
        "recommend": ("POST /gradio_api/call/recommend", {"data": ["upper-1", "auto", 3]}, JSON),
        "try_on": ("POST /gradio_api/call/try_on", {"data": [file, None, "upper-1", "auto"]}, JSON),
        "own": ("POST /gradio_api/call/try_on", {"data": [file, file, None, "dress"], "session_hash": "abc"}, JSON),
        "direct": ("POST /gradio_api/run/catalogue", {"data": ["", "auto", None, 1, 0]}, JSON),
        "upload": ("POST /gradio_api/upload", _form(b"\x89PNG"), "content-type: multipart/form-data; boundary=x"),
        "reset": ("POST /gradio_api/reset", {"event_id": "x"}, JSON),
        "cancel": ("POST /gradio_api/cancel", {"session_hash": "a", "fn_index": 1, "event_id": "x"}, JSON),
        "tools": ("POST /mcp", {**tool, "params": {"name": "catalogue", "arguments": {"search": "top"}}}, *_AGENT),
        "agent": ("POST /mcp", {**tool, "params": {"name": "try_on", "arguments": {"photo": "iVBO"}}}, *_AGENT),
    }
    data: dict[str, list[Any]] = {"dress": [file, "upper-1", None, "auto"], "check_photo": [file]}
    data |= {"choose_item": [["upper-1"]], "wear": [file, ["upper-1"]]}
    pressed = {"index": 0, "item": "upper-1"}
    for name, (number, count) in functions.items():
        body = {
            "data": data.get(name, [None] * count),
            "fn_index": number,
            "session_hash": "abc",
            "event_data": pressed,
        }
        found.setdefault(name, ("POST /gradio_api/queue/join", body, JSON, "x-gradio-user: app"))
    found["deep"] = ("POST /gradio_api/call/catalogue", b"[" * 5000, JSON)
    return {name: _request(*parts) for name, parts in found.items()}


_AGENT = (JSON, "accept: application/json, text/event-stream")


def guard(folder: Path) -> Target:
    """`Guard` before an app that takes whatever is let in."""
    reached: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])
        more = True
        while more:
            more = (await receive()).get("more_body", False)
        await PlainTextResponse("let in")(scope, receive, send)

    guarded, loop = Guard(app, SETTINGS, Limiter(SETTINGS), [folder], {"try_on", 3}), asyncio.new_event_loop()

    def check(content: bytes) -> bool:
        asked = Asked.of(content)
        address, _, query = asked.address.partition("?")
        half = len(asked.body) // 2
        parts = [{"type": "http.request", "body": asked.body[:half], "more_body": True}]
        parts.append({"type": "http.request", "body": asked.body[half:], "more_body": False})
        sent: list[Any] = []

        async def receive() -> Any:
            return parts.pop(0) if parts else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": asked.method, "path": unquote(address), "query_string": query.encode()}
        scope["headers"] = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in asked.headers]
        reached.clear()
        loop.run_until_complete(guarded({**scope, "client": ("192.0.2.1", 1)}, receive, send))
        started = [message for message in sent if message["type"] == "http.response.start"]
        assert len(started) == 1 and not sent[-1].get("more_body"), "no answer, or several"
        if reached:
            assert not re.search(r"proxy=|file=\w+:/", reached[0]), "let in what fetches from elsewhere"
        else:
            assert started[0]["status"] in (*REFUSALS, 200), started[0]["status"]
        return bool(reached)

    return Target("guard", check, _usual({"dress": (3, 4)}), _WORDS, mutations=_CHANGES, close=loop.close)


class _Heard(logging.Handler):
    """Errors that are logged: something broke that nobody expected."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.broken: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.broken.append(f"{record.name}: {record.getMessage()[:80]}: {type(error).__name__}: {str(error)[:200]}")


def api(folder: Path) -> Target:
    """The whole server over HTTP, with a stand-in for the networks."""
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
    (folder / "shop").mkdir(exist_ok=True)
    shop, adviser = advised(wardrobe(folder / "shop"))
    room: Any = FakeRoom()
    tools = tools_of(SETTINGS, room, shop, adviser, Limiter(SETTINGS))
    app = build_app(room, shop, [], adviser, SETTINGS)
    stack, heard = ExitStack(), _Heard()
    routes = routes_of(app, shop, None, tools)
    where = stack.enter_context(served(app, settings=SETTINGS, routes=routes, lifespan=lifespan_of(tools)))
    port = int(where.rpartition(":")[2])
    logging.getLogger().addHandler(heard)
    stack.callback(logging.getLogger().removeHandler, heard)
    Image.new("RGB", (90, 120), "grey").save(folder / "me.png")
    grey = (folder / "me.png").read_bytes()
    upload = _request("POST /gradio_api/upload", _form(grey), *_MULTIPART)
    photo = json.loads(_answer(port, Asked.of(upload))[1])[0]
    functions = {fn.fn.__name__: (number, len(fn.inputs)) for number, fn in app.fns.items() if fn.fn is not None}
    seeds = _usual(functions)

    def check(content: bytes) -> bool:
        asked = Asked.of(content.replace(b"PHOTO", photo.encode()))
        Path(photo).parent.mkdir(exist_ok=True)
        Path(photo).write_bytes(grey)  # or the first to have the visit deleted would be the last to have a photo
        heard.broken.clear()
        status, said = _answer(port, asked)
        used = status == 200
        if used and asked.method == "POST" and b'"event_id"' in said:
            with suppress(ValueError, KeyError):
                _, events = _answer(port, Asked("GET", f"/gradio_api/call/x/{json.loads(said)['event_id']}", [], b""))
                said += events
                used = b"event: complete" in events
        if status == 500:  # of Gradio's direct route, which says so of whatever is refused
            status = 422 if b'{"error":"' in said else status
        assert status in (*REFUSALS, 200, 202, 206, 304, 307, 308), f"status {status}: {said[:200]!r}"
        named = asked.address.startswith(("/gradio_api/call/", "/gradio_api/run/"))  # the rest only the page calls
        assert not [one for one in heard.broken if named or "ui.telling" not in one], heard.broken[0]
        for secret in (str(ROOT), "Traceback", "site-packages"):
            assert secret.encode() not in said, f"an answer that tells {secret!r}"
        return used

    return Target("api", check, seeds, _WORDS, mutations=_CHANGES, close=stack.close)


_MULTIPART = ("content-type: multipart/form-data; boundary=x",)


def _answer(port: int, asked: Asked) -> tuple[int, bytes]:
    """Status and body; of an answer that goes on for ever, its beginning. 400 where the server hangs up."""
    kept = [
        (name, value)
        for name, value in asked.headers
        if name not in ("content-length", "transfer-encoding", "connection")
    ]
    kept += [("host", f"127.0.0.1:{port}"), ("connection", "close"), ("content-length", str(len(asked.body)))]
    lines = [f"{asked.method} {asked.address} HTTP/1.1", *(f"{name}: {value}" for name, value in kept), "", ""]
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1") + asked.body)
        answer = http.client.HTTPResponse(connection, method=asked.method)
        try:
            answer.begin()
            return answer.status, b"" if ENDLESS.match(asked.address) else answer.read()
        except (http.client.HTTPException, ConnectionError):
            return 400, b""
        finally:
            answer.close()


TARGETS: dict[str, Callable[[Path], Target]] = {"guard": guard, "api": api}
