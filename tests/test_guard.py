"""What is let in, how often, what is refused and in which words, and what browsers are told."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browsing import served
from fakes import FakeRoom, advised, shop
from gradio_client import Client, handle_file
from PIL import Image

from fitting.settings import Settings
from fitting.ui import words
from fitting.ui.blocks import build_app
from fitting.ui.guard import Guard, Limiter, client_of, policy
from fitting.ui.serving import on_this_host

SETTINGS = Settings(embed_from=("https://shop.example",), uploads_per_minute=40, upload_mb=1, proxies=1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def address(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("cache")))
        catalogue, people = shop(pictures)
        opened, adviser = advised(catalogue)
        app = build_app(FakeRoom(), opened, people, adviser)  # type: ignore[arg-type]
        with served(app, settings=SETTINGS, allowed_paths=[str(pictures)]) as found:
            yield found


class Answer:
    """What was answered, headers in lower case."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        self.body = answer.read()


def ask(address: str, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """A request as it stands: no library makes it safer or tidier first."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def call(address: str, endpoint: str, data: object, **headers: str) -> Answer:
    path = f"/gradio_api/call/{endpoint}"
    return ask(address, "POST", path, json.dumps(data).encode(), content_type="application/json", **headers)


def upload(address: str, picture: Path, **headers: str) -> Answer:
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    body += picture.read_bytes() + b"\r\n--x--\r\n"
    kind = "multipart/form-data; boundary=x"
    return ask(address, "POST", "/gradio_api/upload", body, content_type=kind, **headers)


def test_every_answer_tells_browsers_what_they_may_do(address: str) -> None:
    for path in ("/", "/theme.css", "/gradio_api/info", "/gradio_api/nowhere"):
        headers = ask(address, "GET", path).headers
        rules = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
        assert rules["default-src"] == "'self'" and rules["object-src"] == "'none'"
        assert rules["frame-ancestors"] == "'self' https://shop.example"
        assert not any("http" in value for name, value in rules.items() if name != "frame-ancestors")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["permissions-policy"].startswith("camera=(self), microphone=()")
        assert "x-frame-options" not in headers, "it would forbid the shop's frame"


def test_nobody_else_shows_the_room_in_a_frame_unless_told() -> None:
    assert "frame-ancestors 'self'" in policy(())
    assert policy(()).endswith("frame-ancestors 'self'")


def test_a_space_is_shown_in_its_own_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert on_this_host(Settings()).embed_from == ()
    monkeypatch.setenv("SPACE_ID", "somebody/fitting-room")
    assert on_this_host(Settings()).embed_from == ("https://huggingface.co",)


def test_visitors_files_are_kept_by_nobody_and_the_shops_pictures_for_a_while(
    address: str, pictures: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (90, 120), "grey").save(tmp_path / "me.png")
    (path,) = json.loads(upload(address, tmp_path / "me.png", x_forwarded_for="192.0.2.1").body)
    mine = ask(address, "GET", f"/gradio_api/file={path}")
    assert mine.status == 200 and mine.headers["cache-control"] == "no-store"
    assert mine.headers["cross-origin-resource-policy"] == "same-origin"
    shops = ask(address, "GET", f"/gradio_api/file={pictures}/red-top.png")
    assert shops.status == 200 and shops.headers["cache-control"] == "private, max-age=3600"
    round_about = ask(address, "GET", f"/gradio_api/file={pictures}/../{pictures.name}/red-top.png")
    assert round_about.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/deep_link?session_hash=x"),
        ("GET", "/gradio_api/proxy=https://example.org/"),
        ("GET", "/gradio_api/file=http://127.0.0.1:1/"),
        ("GET", "/gradio_api/file=https://example.org/a.png"),
        ("GET", "/monitoring"),
        ("GET", "/monitoring/summary"),
        ("GET", "/gradio_api/runs"),
        ("GET", "/gradio_api/vibe-code/"),
        ("GET", "/gradio_api/file/etc/passwd"),
        ("GET", "/../../etc/passwd"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/gradio_api/process_recording"),
        ("POST", "/login"),
        ("PUT", "/"),
        ("DELETE", "/gradio_api/upload"),
    ],
)
def test_what_the_app_does_not_need_is_not_there(address: str, method: str, path: str) -> None:
    answer = ask(address, method, path)
    assert answer.status == 404 and json.loads(answer.body) == {"detail": words.NOTHING_HERE}


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """Another server, and what was asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_nothing_is_fetched_for_a_stranger(address: str, elsewhere: tuple[str, list[str]]) -> None:
    other, asked = elsewhere
    for named in (f"{other}/photo.png", "https://example.org/a.png", "HTTP://example.org", "ftp://x/y", "file:///etc"):
        meta = {"_type": "gradio.FileData"}
        for data in ([{"path": named, "url": named, "meta": meta}], [[{"a": {"path": named}}]]):
            answer = call(address, "try_on", {"data": data}, x_forwarded_for="192.0.2.2")
            assert answer.status == 400 and json.loads(answer.body)["detail"] == words.NO_ADDRESSES
            body = {"data": data, "fn_index": 0, "session_hash": "x"}
            path = "/gradio_api/queue/join"
            headers = {"content_type": "application/json", "x_forwarded_for": "192.0.2.2"}
            assert ask(address, "POST", path, json.dumps(body).encode(), **headers).status == 400
    nameless = {"url": f"{other}/photo.png", "meta": {"_type": "gradio.FileData"}}
    with_item = {"data": [nameless, None, "red-top", "auto"]}
    assert call(address, "try_on", with_item, x_forwarded_for="192.0.2.2").status == 200, "taken, and answered in words"
    assert asked == []


def test_a_call_is_json_and_short(address: str) -> None:
    nonsense = ask(address, "POST", "/gradio_api/call/try_on", b"{", content_type="application/json")
    assert nonsense.status == 400 and json.loads(nonsense.body)["detail"] == words.NO_JSON
    deep = ask(address, "POST", "/gradio_api/call/try_on", b"[" * 10**5, content_type="application/json")
    assert deep.status == 400
    long = ask(address, "POST", "/gradio_api/call/try_on", b" " * (2**20 + 1), content_type="application/json")
    assert long.status == 413 and json.loads(long.body)["detail"] == words.CALL_TOO_LONG


def test_an_upload_says_how_large_it_is_and_is_not_too_large(address: str, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(bytes(2**20 + 2**17))
    answer = upload(address, large, x_forwarded_for="192.0.2.3")
    assert answer.status == 413 and answer.body.decode() == words.too_large(1)
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    kind = {"Content-Type": "multipart/form-data; boundary=x", "X-Forwarded-For": "192.0.2.3"}
    connection.request("POST", "/gradio_api/upload", iter([b"--x--"]), kind, encode_chunked=True)
    assert connection.getresponse().status == 411
    connection.close()


def test_a_client_that_uploads_too_often_waits_and_no_other_does(address: str, tmp_path: Path) -> None:
    Image.new("RGB", (90, 120), "grey").save(tmp_path / "me.png")
    forged = "203.0.113.9, 192.0.2.4"  # whatever a client writes itself stands further left
    codes = [upload(address, tmp_path / "me.png", x_forwarded_for=forged).status for _ in range(41)]
    assert codes == [200] * 40 + [429]
    refused = upload(address, tmp_path / "me.png", x_forwarded_for="198.51.100.1, 192.0.2.4")
    assert refused.body.decode() == words.TOO_OFTEN and refused.headers["retry-after"] == "60"
    assert upload(address, tmp_path / "me.png", x_forwarded_for="192.0.2.5").status == 200
    assert call(address, "try_on", {"data": []}, x_forwarded_for="192.0.2.4").status != 429, "uploads alone"


def test_a_program_is_told_to_wait_in_words(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    Image.new("RGB", (90, 120), "grey").save(tmp_path / "me.png")
    app = build_app(FakeRoom(), advised(shop(pictures)[0])[0])  # type: ignore[arg-type]
    with served(app, settings=Settings(requests_per_minute=2)) as address:
        client = Client(address, verbose=False, download_files=str(tmp_path), httpx_kwargs={"timeout": 60})
        photo = handle_file(str(tmp_path / "me.png"))
        client.predict(photo=photo, item="red-top", api_name="/try_on")
        with pytest.raises(Exception, match="429"):
            client.predict(photo=photo, item="red-top", api_name="/try_on")
        client.close()
        answer = call(address, "try_on", {"data": []})
        assert answer.status == 429 and json.loads(answer.body)["detail"] == words.TOO_OFTEN


def test_try_ons_are_counted_and_questions_are_not(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    app = build_app(FakeRoom(), advised(shop(pictures)[0])[0])  # type: ignore[arg-type]
    number = next(fn._id for fn in app.fns.values() if fn.api_name == "try_on")
    with served(app, settings=Settings(tries_per_minute=2)) as address:
        assert [call(address, "try_on", {"data": []}).status == 429 for _ in range(3)] == [False, False, True]
        body = json.dumps({"data": [], "fn_index": number, "session_hash": "x"}).encode()
        assert ask(address, "POST", "/gradio_api/queue/join", body, content_type="application/json").status == 429
        assert call(address, "catalogue", {"data": ["", "auto", None, 1, 0]}).status == 200


def test_zero_is_no_limit() -> None:
    limiter = Limiter(Settings(tries_per_minute=0, uploads_per_minute=1))
    assert all(limiter.allows("try", "me") for _ in range(500))
    assert [limiter.allows("upload", "me") for _ in range(2)] == [True, False]
    assert limiter.allows("request", "me"), "each is counted by itself"


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "client"),
    [
        ("192.0.2.7", "203.0.113.1", 0, "192.0.2.7"),
        ("127.0.0.1", "203.0.113.1", 1, "203.0.113.1"),
        ("127.0.0.1", "forged, 203.0.113.1", 1, "203.0.113.1"),
        ("127.0.0.1", "forged, 203.0.113.1, 10.0.0.2", 2, "203.0.113.1"),
        ("127.0.0.1", "203.0.113.1", 3, "203.0.113.1"),
        ("127.0.0.1", "", 1, "127.0.0.1"),
        ("127.0.0.1", "no address", 1, "127.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "", 0, "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "", 0, "192.0.2.7"),
    ],
)
def test_who_a_client_is(peer: str, forwarded: str, proxies: int, client: str) -> None:
    assert client_of(peer, forwarded, proxies) == client


@pytest.mark.parametrize("origin", ["shop.example", "https://shop.example/page", "https://a; script-src *", "*"])
def test_only_origins_may_embed(origin: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        Settings(embed_from=(origin,))


def test_the_environment_lists_origins_with_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITTING_EMBED_FROM", "https://a.example https://*.b.example:8443")
    assert Settings().embed_from == ("https://a.example", "https://*.b.example:8443")


def test_the_guard_stands_before_the_app() -> None:
    assert Guard(None, SETTINGS, Limiter(SETTINGS), ["/tmp"]).public == ("/tmp/",)  # type: ignore[arg-type]
