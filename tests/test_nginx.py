"""The app behind a real nginx, set up word for word as docs/hosting.md says."""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from browsing import choose_garment, choose_photo, try_on
from gradio_client import Client, handle_file
from hosting import Host, hosted
from PIL import Image
from playwright.sync_api import Browser, expect
from processes import absent

pytestmark = pytest.mark.browser

GUIDE = Path(__file__).parent.parent / "docs" / "hosting.md"
TRIES = 6  # a minute, of one client


@dataclass(frozen=True)
class Front:
    """An nginx, and the app behind it."""

    port: int
    app: Host

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """As anybody may: code and body of the answer."""
        trusting = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=trusting)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def nginx() -> str:
    """Path of the program; skips the tests, or fails in CI, where there is none."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None or shutil.which("openssl") is None:
        absent("nginx or openssl is not installed (Debian: apt-get install nginx-light openssl)")
    return found


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    program, folder = nginx(), tmp_path_factory.mktemp("nginx")
    key = ["-keyout", str(folder / "room.key"), "-out", str(folder / "room.pem"), "-days", "2"]
    asked = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=room.shop.example", *key]
    subprocess.run(asked, check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"proxies": "1", "embed_from": "https://shop.example", "metrics": "true", "tries_per_minute": str(TRIES)}
    (folder / "app").mkdir()
    with hosted(folder / "app", 0.2, **settings) as app:
        recipe = written(folder, port, app.port)
        process = subprocess.Popen([program, "-c", str(recipe), "-p", str(folder), "-e", str(folder / "said")])
        try:
            started = Front(port, app)
            until_there(started)
            yield started
        finally:
            process.terminate()
            process.wait(30)


def written(folder: Path, port: int, app: int) -> Path:
    """The documented server, at other ports and with a certificate of the tests' own."""
    (server,) = re.findall(r"```nginx\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S)
    for known, here in (
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        ("127.0.0.1:7860", f"127.0.0.1:{app}"),
        ("/etc/ssl/room", f"{folder}/room"),
    ):
        assert known in server, known
        server = server.replace(known, here)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    whole = f"daemon off;\nuser root;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{places}{server}}}\n"
    recipe = folder / "nginx.conf"
    recipe.write_text(whole if os.getuid() == 0 else whole.replace("user root;\n", ""), encoding="utf-8")
    return recipe


def until_there(front: Front) -> None:
    for _ in range(200):
        try:
            assert front.ask("GET", "/health")[0] == 200
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail("nginx does not answer")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "me.png"
    Image.linear_gradient("L").resize((300, 400)).convert("RGB").save(path)
    return path


def test_a_visit_through_nginx(browser: Browser, front: Front, photo: Path) -> None:
    context = browser.new_context(ignore_https_errors=True)
    try:
        page, asked = context.new_page(), set[str]()
        page.on("request", lambda request: asked.add(request.url.split("/")[2]) if "://" in request.url else None)
        page.goto(front.address, wait_until="domcontentloaded")
        expect(page.locator("#shelf .thumbnail-item").first).to_be_visible(timeout=30_000)
        choose_photo(page, photo)
        choose_garment(page, "Upper 1")
        try_on(page)
        assert asked == {f"127.0.0.1:{front.port}"}, "nothing is asked for past nginx, or without TLS"
        result = str(page.locator("#slider .compare > img").first.evaluate("image => image.src"))
        path = result.removeprefix(front.address)
        assert front.ask("GET", path)[0] == 200
        page.close()  # the heartbeat ends, and nginx tells the app so
        for _ in range(200):
            if front.ask("GET", path)[0] in (403, 404):
                return
            time.sleep(0.1)
        pytest.fail("the visit is not over, and its picture still there")
    finally:
        context.close()


@pytest.mark.filterwarnings("ignore")  # of the client, which does not verify the certificate
def test_a_program_is_answered_while_the_work_goes_on(front: Front, photo: Path) -> None:
    client = Client(front.address, verbose=False, ssl_verify=False)
    job = client.submit(photo=handle_file(str(photo)), item="upper-1", api_name="/try_on")
    picture, category, _ = job.result(timeout=120)
    assert category == "upper" and Path(picture).stat().st_size > 0
    client.close()


def form(size: int) -> tuple[bytes, dict[str, str]]:
    """An upload of so many bytes."""
    edge = secrets.token_hex(8)
    head = f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'.encode()
    body = head + bytes(size) + f"\r\n--{edge}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={edge}"}


def test_pictures_pass_up_to_the_apps_own_limit(front: Front) -> None:
    body, headers = form(25 * 2**20 - 4096)
    assert front.ask("POST", "/gradio_api/upload", body, **headers)[0] == 200
    body, headers = form(27 * 2**20)
    with suppress(ConnectionError, ssl.SSLError):  # it may be cut off before all was sent
        assert front.ask("POST", "/gradio_api/upload", body, **headers)[0] == 413


def test_who_asks_is_who_nginx_saw_whatever_they_write(front: Front) -> None:
    """A client that names another address with every request is counted as one all the same."""
    body = json.dumps({"data": ["no such picture", "upper-1", "auto"]}).encode()
    codes = [
        front.ask(
            "POST",
            "/gradio_api/call/try_on",
            body,
            **{"Content-Type": "application/json", "X-Forwarded-For": f"203.0.113.{k}"},
        )[0]
        for k in range(2 * TRIES)
    ]
    assert 429 in codes


def test_what_is_not_for_visitors_stays_inside(front: Front) -> None:
    assert front.ask("GET", "/metrics")[0] == 403 and front.ask("GET", "/mcp")[0] == 403
    assert front.app.ask("GET", "/metrics")[0] == 200, "the host itself sees it"
