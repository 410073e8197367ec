"""What stands before the app: which requests are let in, how many of one client, and what browsers are told.

Gradio answers more addresses than this app needs, and fetches pictures from other servers where it is given their
address. None of that is let through: nothing is ever fetched on a stranger's behalf.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fitting.settings import Settings
from fitting.ui import words
from fitting.ui.calls import Key, Takes, asked_for, fits, names_a_file_elsewhere, parsed
from fitting.ui.waiting import Busy, Line, asks_as_page

log = logging.getLogger(__name__)

MAX_BODY = 2**20  # of a call: pictures are uploaded apart
FORM = 2**16  # what an upload carries beside the file
SPARE = 2**29  # of disk, below which no upload is taken

_READ = re.compile(
    r"/(?!monitoring)[\w-]*/?$"  # the page, its sub-pages, /config and the like
    r"|/(theme\.css|favicon\.ico|robots\.txt|manifest\.json|pwa_icon/\w+)$"
    r"|/(static|assets|svelte)/"
    r"|/gradio_api/(info|app_id|token|user|login_check)/?$"
    r"|/gradio_api/(openapi\.json|startup-events|theme\.css|upload_progress|queue/data)$"
    r"|/gradio_api/heartbeat/\w+$|/gradio_api/call/[\w/-]+$"
    r"|/gradio_api/file=(?!\w+:)"
    r"|/picture/."
)
_CALL = re.compile(r"/gradio_api/(queue/join|(run|api|call|call/v2)/[\w-]+/?)$")
_UPLOAD = "/gradio_api/upload"
_SMALL = re.compile(r"/gradio_api/(reset/?|cancel)$")
_AGENTS = "/mcp"  # their calls are measured where they are read


class Limiter:
    """How often a client may do something within a minute. Safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._limits = {
            "request": settings.requests_per_minute,
            "upload": settings.uploads_per_minute,
            "try": settings.tries_per_minute,
        }
        self._counter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def allows(self, what: str, client: str) -> bool:
        """Count one, unless there were too many already. `what` is request, upload or try."""
        limit = self._limits[what]
        return limit == 0 or self._counter.hit(RateLimitItemPerMinute(limit), what, client)


def client_of(peer: str, forwarded: str, proxies: int) -> str:
    """Whom requests are counted for.

    Args:
        peer: address of the other end of the connection.
        forwarded: the X-Forwarded-For header; each proxy appends the address that it was called from.
        proxies: how many proxies of the host's own stand in front. What is further left was written by strangers.

    Returns:
        An IPv4 address, or an IPv6 network: a household has a whole /64 to itself.
    """
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    named = hops[-min(proxies, len(hops))] if proxies and hops else peer
    try:
        address = ipaddress.ip_address(named)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)


def policy(framed_by: Sequence[str]) -> str:
    """The content security policy. Gradio's page brings scripts in its HTML and makes functions of texts; everything
    else is narrow: nothing is loaded from, or sent to, another server.

    Args:
        framed_by: origins whose pages may show the room in a frame, besides our own.
    """
    rules = {
        "default-src": "'self'",
        "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "media-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self' data: blob:",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-src": "'self'",
        "frame-ancestors": " ".join(("'self'", *framed_by)),
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


@dataclass(frozen=True)
class Told:
    """Headers of every answer."""

    headers: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def by(cls, settings: Settings) -> Told:
        """The headers that these settings lead to."""
        said = {
            "content-security-policy": policy(settings.embed_from),
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "permissions-policy": "camera=(self), microphone=(), geolocation=(), display-capture=(), payment=()",
            "cross-origin-opener-policy": "same-origin",
        }
        if not settings.embed_from:  # for browsers older than frame-ancestors; it cannot name other origins
            said["x-frame-options"] = "SAMEORIGIN"
        return cls(tuple((name.encode(), value.encode()) for name, value in said.items()))


class Guard:
    """Let in what the app needs, so often, and tell browsers how to treat the answers.

    Args:
        heavy: functions of the app, by number and by name, that count as a try-on.
        public: folders whose pictures are for everybody's eyes; browsers may keep those, but no other file.
        takes: what the app's functions take; None to leave that to the app.
        line: of those who wait, to tell whoever finds it full when to come back.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        limiter: Limiter,
        public: Iterable[str | Path] = (),
        heavy: Collection[Key] = (),
        line: Line | None = None,
        takes: Takes | None = None,
    ) -> None:
        self.app = app
        self.settings = settings
        self.limiter = limiter
        self.told = Told.by(settings)
        self.heavy, self.takes = frozenset(heavy), takes
        self.seconds = line.seconds if line is not None else lambda: None
        self.public = tuple(f"{Path(folder).resolve()}/" for folder in public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # nothing here speaks it
            return
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        private = self._file_headers(path)

        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self.told.headers, *private]
            await send(message)

        refusal = self._refusal(scope["method"], path, scope)
        if refusal is None and scope["method"] == "POST" and (_CALL.match(path) or _SMALL.match(path)):
            receive, refusal = await self._looked_through(path, scope, receive)
            busy = Busy(scope, receive, send_told, self.seconds, asks_as_page(scope["headers"]))
            return await (refusal or self._answer)(scope, receive, busy)
        await (refusal or self._answer)(scope, receive, send_told)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer. Gradio stumbles over some requests that nobody's page or program sends."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception:
            if begun or scope["method"] != "POST":
                raise
            log.warning("a request was not understood", exc_info=True)
            is_upload = _UPLOAD in scope["path"]
            said = PlainTextResponse(words.NO_FORM, 400) if is_upload else _refused(words.NO_SUCH_CALL, 400)
            await said(scope, receive, send)

    def _file_headers(self, path: str) -> list[tuple[bytes, bytes]]:
        if "/file=" not in path:
            return []
        named = path.partition("/file=")[2]
        if ".." not in named and named.startswith(self.public):
            return [(b"cache-control", b"private, max-age=3600")]
        return [(b"cache-control", b"no-store"), (b"cross-origin-resource-policy", b"same-origin")]

    def _refusal(self, method: str, path: str, scope: Scope) -> Response | None:
        """Why a request is not let in; None if it is."""
        if method == "OPTIONS":
            return None
        if method in ("GET", "HEAD"):
            return None if _READ.match(path) else JSONResponse({"detail": words.NOTHING_HERE}, 404)
        is_call, is_upload = bool(_CALL.match(path)), path.rstrip("/") == _UPLOAD
        if method != "POST" or not (is_call or is_upload or _SMALL.match(path) or path == _AGENTS):
            return JSONResponse({"detail": words.NOTHING_HERE}, 404)
        headers = Headers(scope=scope)
        client = self._client(scope)
        if not self.limiter.allows("request", client) or (is_upload and not self.limiter.allows("upload", client)):
            return _told_to_wait(as_text=is_upload)
        return self._too_large(headers) if is_upload else None

    def _client(self, scope: Scope) -> str:
        peer = scope["client"][0] if scope.get("client") else ""
        return client_of(peer, Headers(scope=scope).get("x-forwarded-for", ""), self.settings.proxies)

    async def _looked_through(self, path: str, scope: Scope, receive: Receive) -> tuple[Receive, Response | None]:
        """Read a call, and give it back to be read again; or a refusal: it is too long, names files elsewhere, or
        asks for one try-on too many."""
        content, refusal = await _read(receive)
        if refusal is not None:
            return receive, refusal
        try:
            body = parsed(content)
            elsewhere = names_a_file_elsewhere(body)
        except (ValueError, RecursionError):
            return receive, _refused(words.NO_JSON, 400)
        if elsewhere:
            return receive, _refused(words.NO_ADDRESSES, 400)
        if _SMALL.match(path):
            return _again(content, receive), None
        if asked_for(path, body) in self.heavy and not self.limiter.allows("try", self._client(scope)):
            return receive, _told_to_wait(as_text=False)
        if self.takes is not None and not fits(path, body, self.takes):
            return receive, _refused(words.NO_SUCH_CALL, 400)
        return _again(content, receive), None

    def _too_large(self, headers: Headers) -> Response | None:
        """An upload's size is known before any of it is read."""
        stated = headers.get("content-length", "")
        if not stated.isdecimal():
            return PlainTextResponse(words.SIZE_UNKNOWN, 411)
        if len(stated) > 15 or int(stated) > (self.settings.upload_mb << 20) + FORM:
            return PlainTextResponse(words.too_large(self.settings.upload_mb), 413)
        if shutil.disk_usage(os.environ.get("GRADIO_TEMP_DIR", tempfile.gettempdir())).free < SPARE:
            return PlainTextResponse(words.BUSY, 503)
        return None


def _told_to_wait(as_text: bool) -> Response:
    headers = {"Retry-After": "60"}
    if as_text:  # Gradio shows the answer to an upload as it comes
        return PlainTextResponse(words.TOO_OFTEN, 429, headers)
    return JSONResponse({"detail": words.TOO_OFTEN, "error": words.TOO_OFTEN}, 429, headers)


def _refused(why: str, code: int) -> Response:
    return JSONResponse({"detail": why, "error": why}, code)  # Gradio's clients show the one or the other


async def _read(receive: Receive) -> tuple[bytes, Response | None]:
    """The body of a request; or a refusal, where it is too long for one."""
    content, more = b"", True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
        if len(content) > MAX_BODY:
            return b"", _refused(words.CALL_TOO_LONG, 413)
    return content, None


def _again(content: bytes, then: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> Message:
        return waiting.pop() if waiting else await then()

    return receive
