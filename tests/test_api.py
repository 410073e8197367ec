"""The app for programs: the catalogue, the documentation's snippets, health, pictures, figures, agents' tools."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browsing import served
from fakes import FakeRoom, advised, wardrobe
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image
from test_guard import ask

from fitting.catalogue import Catalogue
from fitting.errors import ShopError
from fitting.finder import COLOURS
from fitting.provenance import is_marked
from fitting.settings import Settings
from fitting.ui import words
from fitting.ui.blocks import build_app
from fitting.ui.guard import Limiter
from fitting.ui.routes import lifespan_of, metrics_of, routes_of, tools_of

DOCS = Path(__file__).parent.parent / "docs" / "api.md"
SETTINGS = Settings(metrics=True, agents=True)


def shop_of(folder: Path) -> Catalogue:
    """Nine tops, the first of them striped, and three of every other kind."""
    plain = wardrobe(folder)
    first = replace(plain.items[0], title="Striped top", colours=("navy",), url="https://shop.example/1")
    return Catalogue([first, *plain.items[1:]], "EUR", plain.vectors, revision=1)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("cache")))
        opened, adviser = advised(shop_of(tmp_path_factory.mktemp("shop")))
        limiter, metrics = Limiter(SETTINGS), metrics_of(SETTINGS)
        assert metrics is not None
        room = metrics.watch(FakeRoom())  # type: ignore[arg-type]
        tools = tools_of(SETTINGS, room, opened, adviser, limiter)
        app = build_app(room, opened, [], adviser)
        routes, lifespan = routes_of(app, opened, metrics, tools), lifespan_of(tools)
        with served(app, settings=SETTINGS, limiter=limiter, routes=routes, lifespan=lifespan) as found:
            yield found


@pytest.fixture(scope="module")
def client(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    downloads = str(tmp_path_factory.mktemp("downloads"))
    client = Client(address, verbose=False, download_files=downloads, httpx_kwargs={"timeout": 60})
    yield client
    client.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the snippets run: with a photo."""
    Image.linear_gradient("L").resize((300, 400)).convert("RGB").save(tmp_path / "photo.jpg")
    return tmp_path


def test_the_catalogue_comes_in_pages(client: Client) -> None:
    first = client.predict(limit=10, api_name="/catalogue")
    rest = client.predict(limit=10, offset=10, api_name="/catalogue")
    assert first["total"] == rest["total"] == 18 and first["currency"] == "EUR"
    ids = [item["id"] for item in (*first["items"], *rest["items"])]
    assert len(first["items"]) == 10 and len(set(ids)) == 18
    assert first["items"][0] == {
        "id": "upper-1",
        "title": "Striped top",
        "category": "upper",
        "price": 10.0,
        "colours": ["navy"],
        "description": "",
        "url": "https://shop.example/1",
        "picture": "/picture/upper-1",
    }


def test_the_catalogue_is_searched(client: Client) -> None:
    assert [item["id"] for item in client.predict(search="stripd", api_name="/catalogue")["items"]] == ["upper-1"]
    assert client.predict(colour="blue", api_name="/catalogue")["total"] == 1
    assert client.predict(category="dress", api_name="/catalogue")["total"] == 3
    assert client.predict(search="bicycle", api_name="/catalogue")["items"] == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"category": "hat"}, words.NO_SUCH_CATEGORY),
        ({"colour": "puce"}, words.no_such_colour(COLOURS)),
        ({"limit": 0}, words.count_between(1, 100)),
        ({"limit": 101}, words.count_between(1, 100)),
        ({"offset": -1}, words.count_between(0, 10**9)),
        ({"search": ["x"]}, words.SEARCH_IN_WORDS),
    ],
)
def test_a_catalogue_that_cannot_be_had_is_told(client: Client, given: dict[str, object], said: str) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(**given, api_name="/catalogue")
    assert str(caught.value) == said


def test_an_items_picture_is_found_by_its_id(address: str) -> None:
    answer = ask(address, "GET", "/picture/upper-1")
    assert answer.status == 200 and answer.headers["cache-control"] == "public, max-age=3600"
    assert Image.open(io.BytesIO(answer.body)).size == (96, 128)
    for nothing in ("no-such-item", "..%2f..%2fetc%2fpasswd", "/etc/passwd"):
        assert ask(address, "GET", f"/picture/{nothing}").status == 404


def test_health_and_readiness(address: str) -> None:
    assert json.loads(ask(address, "GET", "/health").body) == {"status": "ok"}
    assert json.loads(ask(address, "GET", "/ready").body) == {"status": "ready"}


def snippet(language: str, address: str, item: str = "upper-1") -> str:
    """What the documentation says, with this server's address."""
    found = re.search(rf"^```{language}\n(.*?)^```$", DOCS.read_text(encoding="utf-8"), re.M | re.S)
    assert found and "http://127.0.0.1:7860" in found[1]
    return found[1].replace("http://127.0.0.1:7860", address).replace("ITEM", item)


def run(command: list[str], text: str, folder: Path) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]} here")
    done = subprocess.run(command, input=text, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_snippet_runs(address: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = snippet("python", address).replace('"photo.jpg"', repr(str(folder / "photo.jpg")))
    exec(compile(text, "docs/api.md", "exec"), {})
    said = capsys.readouterr().out
    assert "['Striped top'" in said and "upper" in said


def test_the_curl_snippet_runs(address: str, folder: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    said = run(["sh", "-eu"], snippet("sh", address), folder)
    catalogue, advice, tried = re.findall(r"event: complete\ndata: (.*)", said)
    assert json.loads(catalogue)[0]["items"][0]["id"] == "upper-1" and len(json.loads(advice)[0]) == 3
    picture, category, _ = json.loads(tried)
    assert category == "upper" and picture["url"].startswith(address)


def test_the_javascript_snippet_runs(address: str, folder: Path) -> None:
    more = """
    import {readFileSync} from "node:fs";
    const {result, category} = await wear(new Blob([readFileSync("photo.jpg")]), "upper-1");
    console.log(category, result.type, result.size > 1000);
    await ask("try_on", null, null, "upper-1", "auto").catch(error => console.log("refused:", error.message));
    """
    said = run(["node", "--input-type=module"], snippet("js", address) + more, folder)
    assert "[ 'Striped top'" in said and "upper image/png true" in said and "refused:" in said


def test_figures_say_how_long_and_how_often_and_nothing_of_anybody(address: str, client: Client, folder: Path) -> None:
    from gradio_client import handle_file

    client.predict(photo=handle_file(str(folder / "photo.jpg")), item="upper-2", api_name="/try_on")
    Image.new("RGB", (300, 400)).save(folder / "black.png")
    with pytest.raises(AppError):
        client.predict(photo=handle_file(str(folder / "black.png")), item="upper-2", api_name="/try_on")
    text = ask(address, "GET", "/metrics").body.decode()
    assert re.search(r'fitting_stage_seconds_count\{stage="warp"\} [1-9]', text)
    assert re.search(r'fitting_try_ons_total\{outcome="done"\} [1-9]', text)
    assert 'fitting_try_ons_total{outcome="photo"} 1.0' in text and "fitting_queue_size 0.0" in text
    assert "upper-2" not in text and "photo.jpg" not in text and "127.0.0.1" not in text


def test_figures_and_tools_are_there_only_when_asked_for() -> None:
    nobody = Settings()
    assert metrics_of(nobody) is None
    assert tools_of(nobody, None, None, None, Limiter(nobody)) is None  # type: ignore[arg-type]
    assert lifespan_of(None) is None


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fitting.ui.metrics", None)
    with pytest.raises(ShopError, match=r"fitting-room\[metrics\]"):
        metrics_of(SETTINGS)


def test_an_agent_finds_and_wears_a_garment(address: str, folder: Path) -> None:
    """A real client of the protocol's own library, over HTTP."""
    mcp = pytest.importorskip("mcp", reason="mcp is in the mcp extra")
    photo = base64.b64encode((folder / "photo.jpg").read_bytes()).decode()

    async def visit() -> None:
        async with mcp.Client(f"{address}/mcp") as agent:
            tools = {tool.name: tool for tool in (await agent.list_tools()).tools}
            assert set(tools) == {"try_on", "recommend", "catalogue"}
            for tool in tools.values():
                assert tool.description and len(tool.description) > 80
                assert all("description" in field for field in tool.input_schema["properties"].values())
            found = await agent.call_tool("catalogue", {"search": "stripd top", "limit": 3})
            item = found.structured_content["items"][0]
            assert item["id"] == "upper-1"
            advice = await agent.call_tool("recommend", {"viewed": item["id"], "count": 2})
            assert len(advice.structured_content["items"]) == 2
            worn = await agent.call_tool("try_on", {"photo": photo, "item": item["id"]})
            picture, said = worn.content
            shown = Image.open(io.BytesIO(base64.b64decode(picture.data)))
            assert picture.mime_type == "image/jpeg" and shown.size == (300, 400) and is_marked(shown)
            assert "Worn as a top." in said.text and "exact fit" in said.text
            own = await agent.call_tool("try_on", {"photo": f"data:image/jpeg;base64,{photo}", "garment": photo})
            assert not own.is_error and "a dress" in own.content[1].text
            for given, why in (
                ({"photo": "http://127.0.0.1:9/photo.jpg", "item": "upper-1"}, words.NO_ADDRESSES),
                ({"photo": photo, "item": "no-such-thing"}, words.NO_SUCH_ITEM),
                ({"photo": photo}, words.NO_GARMENT),
                ({"photo": base64.b64encode(b"<!doctype html>").decode(), "item": "upper-1"}, "JPG, PNG or WebP"),
            ):
                refused = await agent.call_tool("try_on", given)
                assert refused.is_error and why in refused.content[0].text

    asyncio.run(visit())
