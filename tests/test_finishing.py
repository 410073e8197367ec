"""The studio finish on the page: what its handlers answer, with a studio that only tints."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from fakes import FakeRoom, FakeShop, shop
from finishing import FakeStudio, finishing, made, named, pressed, queued
from PIL import Image
from safetensors.torch import save_file
from visitor import Visitor, visiting

from fitting import studio as engine
from fitting.errors import StudioError
from fitting.garment import Category
from fitting.provenance import is_marked
from fitting.settings import Settings
from fitting.studio import Outcome
from fitting.studio_licences import FLUX_1, RAIL
from fitting.ui import finishing as ui
from fitting.ui import words, zero
from fitting.ui.blocks import build_app
from fitting.ui.finishing import Finishing, finishing_of
from fitting.ui.languages import speaking
from fitting.ui.studio_panel import licence_note


@pytest.fixture
def visitor(tmp_path: Path) -> Visitor:
    return visiting(tmp_path, shop(tmp_path)[0])


def test_a_finish_starts_from_the_result_and_is_shown_step_by_step(visitor: Visitor) -> None:
    studio = FakeStudio(steps=3)
    page = finishing(visitor, studio)
    visitor.dress("red-top")
    visitor.dress("green-skirt")
    result = visitor.wardrobe.result
    waiting, *steps, done = pressed(page, visitor)
    assert "Getting the studio ready" in waiting["status"] and waiting["stop"]["visible"]
    assert not waiting["go"]["interactive"]
    assert [f"Step {number} of 3" in one["status"] for number, one in enumerate(steps, 1)] == [True] * 3
    assert all("data:image/jpeg;base64," in one["status"] and "<progress" in one["status"] for one in steps)
    assert "s to go" not in steps[0]["status"] and "about 0 s to go" in steps[-1]["status"]
    assert done["go"]["value"] == words.STUDIO_AGAIN and not done["stop"]["visible"]
    before, after = (part.split('"')[0] for part in done["slider"].split('src="gradio_api/file=')[1:3][::-1])
    assert before == result and Path(after) in made(visitor) and words.STUDIO_WITHOUT_ALT in done["slider"]
    with Image.open(done["download"]["value"]) as full, Image.open(after) as small:
        assert is_marked(full) and is_marked(small) and full.size == small.size == (300, 400)
    tryon, garments = studio.given
    assert [garment.category for garment in garments] == [Category.LOWER, Category.UPPER]
    left, top, right, bottom = tryon.edit_region.getbbox()
    assert (left, right) == (75, 225) and top == 132 and bottom == 300, "the whole outfit's region"


def test_one_studio_is_loaded_and_not_before_it_is_asked_for(visitor: Visitor) -> None:
    loaded: list[FakeStudio] = []

    def load() -> Any:
        loaded.append(FakeStudio())
        return loaded[-1]

    page = Finishing(visitor.wearing, load)
    visitor.dress("red-top")
    page.offer(visitor.request)
    assert not loaded
    threads = [threading.Thread(target=page._opened) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaded) == 1
    pressed(page, visitor)
    assert len(loaded) == 1


def test_the_button_is_there_with_a_result_and_each_press_gives_another(visitor: Visitor) -> None:
    studio = FakeStudio()
    page = finishing(visitor, studio)
    assert not named(page.offer(visitor.request))["panel"]["visible"]
    assert pressed(page, visitor)[-1]["status"] == words.note(words.STUDIO_NO_RESULT, "error")
    visitor.dress("red-top")
    assert named(page.offer(visitor.request))["panel"]["visible"]
    pressed(page, visitor)
    pressed(page, visitor)
    assert studio.seeds == [0, 1]
    kept = made(visitor)
    assert "slider" in (same := named(page.offer(visitor.request))) and same["slider"] != ""
    assert made(visitor) == kept, "the same result keeps its finish"
    visitor.dress("blue-dress")
    assert named(page.offer(visitor.request))["slider"] == "" and made(visitor) == []
    pressed(page, visitor)
    assert studio.seeds == [0, 1, 0]


def cancelled(page: Finishing, visitor: Visitor) -> None:
    assert words.STUDIO_STOPPED in named(page.cancel(visitor.request))["status"]


def dressed_anew(page: Finishing, visitor: Visitor) -> None:
    visitor.dress("green-skirt")


def another_photo(page: Finishing, visitor: Visitor) -> None:
    assert not named(page.gone(visitor.request))["panel"]["visible"]


def deleted(page: Finishing, visitor: Visitor) -> None:
    visitor.journey.forget(visitor.request)


@pytest.mark.parametrize("act", [cancelled, dressed_anew, another_photo, deleted])
def test_whatever_ends_it_ends_it_within_a_step(act: Callable[[Finishing, Visitor], None], visitor: Visitor) -> None:
    studio = FakeStudio(steps=50, delay=0.01)
    page = finishing(visitor, studio)
    visitor.dress("red-top")
    queued(page, visitor.request)
    run = page.run(visitor.request)
    assert "Step 1" in named(next(run))["status"]
    act(page, visitor)
    at = studio.done
    assert all("Step" not in named(page)["status"] and named(page)["slider"] == "" for page in run)
    assert studio.done <= at + 1 and studio.ended is Outcome.STOPPED
    page.offer(visitor.request)
    assert made(visitor) == []


def test_a_page_that_is_left_stops_it(visitor: Visitor) -> None:
    studio = FakeStudio(steps=50, delay=0.01)
    page = finishing(visitor, studio)
    visitor.dress("red-top")
    queued(page, visitor.request)
    run: Any = page.run(visitor.request)
    next(run)
    run.close()
    assert studio.done <= 3 and studio.ended is Outcome.STOPPED


def test_who_waits_is_told_how_many_are_before_them(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui, "LOOK", 0.02)
    page = finishing(visitor, FakeStudio(steps=50, delay=0.01))
    visitor.dress("red-top")
    others = [Visitor(**{**vars(visitor), "name": name}) for name in ("second", "third")]
    for other in others:
        other.dress("red-top")
    second, third = others
    queued(page, visitor.request)
    run = page.run(visitor.request)
    next(run)

    async def wait() -> tuple[list[str], int]:
        told, gone = [], 0
        behind = page.begin(second.request)
        told.append(named(await anext(behind))["status"])
        last = page.begin(third.request)
        told.append(named(await anext(last))["status"])
        page.cancel(second.request)  # leaves the line without a turn
        told.append(named(await anext(last))["status"])
        gone = len([one async for one in behind])
        page.cancel(visitor.request)
        assert [named(one)["status"] for one in run] == [words.note(words.STUDIO_STOPPED)]
        told.append(named(await anext(last))["status"])
        return told, gone

    told, gone = asyncio.run(wait())
    assert told == [
        words.note(words.studio_ahead(1)),
        words.note(words.studio_ahead(2)),
        words.note(words.studio_ahead(1)),
        words.note(words.STUDIO_OPENING),
    ]
    assert gone == 0 and list(page.run(second.request)) == []


@pytest.mark.parametrize(
    ("outcome", "said"),
    [(Outcome.OUT_OF_MEMORY, "STUDIO_NO_ROOM"), (Outcome.REFUSED, "STUDIO_REFUSED")],
)
def test_what_comes_to_nothing_is_told_and_the_picture_stays(visitor: Visitor, outcome: Outcome, said: str) -> None:
    page = finishing(visitor, FakeStudio(outcome=outcome))
    visitor.dress("red-top")
    last = pressed(page, visitor)[-1]
    assert last["status"] == words.note(getattr(words, said), "error")
    assert last["go"]["interactive"] and last["slider"] == ""
    assert Path(str(visitor.wardrobe.result)).is_file()


@pytest.mark.parametrize("error", [StudioError("Choose --memory offload in /secret."), RuntimeError("/secret")])
def test_what_fails_is_told_without_its_reasons(
    visitor: Visitor, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Any:
        raise error

    page = Finishing(visitor.wearing, broken)
    visitor.dress("red-top")
    last = pressed(page, visitor)[-1]
    assert last["status"] == words.note(words.STUDIO_FAILED, "error") and "/secret" in caplog.text
    page.load = lambda: FakeStudio()  # type: ignore[assignment,return-value]
    assert pressed(page, visitor)[-1]["status"] == words.note(words.STUDIO_DONE, "good"), "it can be tried again"


def test_a_garment_that_is_sold_out_meanwhile_is_told(visitor: Visitor) -> None:
    page = finishing(visitor)
    visitor.dress("red-top")
    visitor.wearing.shop.now = shop(Path(visitor.photo).parent)[0].__class__([], "")  # type: ignore[attr-defined]
    assert pressed(page, visitor)[-1]["status"] == words.note(words.NO_SUCH_ITEM, "error")


# Where it is on offer


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that looks like a model's, as long as nobody loads it."""
    folder = tmp_path / "secret-place" / "tiny"
    (folder / "unet").mkdir(parents=True)
    kinds = {"_class_name": "StableDiffusionInpaintPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    (folder / "model_index.json").write_text(json.dumps(kinds))
    save_file({"weight": torch.zeros(10)}, folder / "unet" / "diffusion_pytorch_model.safetensors")
    return folder


def test_it_is_off_unless_it_can_run(
    visitor: Visitor, model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert finishing_of(Settings(), visitor.wearing) is None
    asked = Settings(studio=str(model))
    assert finishing_of(asked, visitor.wearing) is None and "needs a graphics card" in caplog.text
    allowed = asked.model_copy(update={"studio_cpu": True, "studio_steps": 4, "studio_strength": 0.5})
    found = finishing_of(allowed, visitor.wearing)
    assert found is not None and (found.how.steps, found.how.strength) == (4, 0.5)
    assert found.model == "tiny" and "secret-place" not in licence_note(found.model, found.licence)
    monkeypatch.setattr(engine, "free_memory", lambda device: 2**20)
    assert finishing_of(allowed, visitor.wearing) is None and "graphics memory" in caplog.text
    monkeypatch.setattr(engine, "free_memory", lambda device: 2**36)
    assert finishing_of(allowed, visitor.wearing) is not None
    monkeypatch.setitem(sys.modules, "diffusers", None)
    assert finishing_of(allowed, visitor.wearing) is None and "pip install" in caplog.text


def test_a_page_with_a_studio_imports_none_of_it(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    for name in ("diffusers", "transformers"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    settings, room = Settings(studio=str(model), studio_cpu=True, languages=("en",)), FakeRoom()
    page = build_app(room, FakeShop(shop(tmp_path)[0]), settings=settings)  # type: ignore[arg-type]
    assert "studio-go" in {one["props"].get("elem_id") for one in page.config["components"]}
    assert not {"diffusers", "transformers"} & set(sys.modules)


def test_the_model_and_its_licence_are_named() -> None:
    assert licence_note("a <b>", None).startswith("Drawn by the model a &lt;b&gt;. Ask the shop")
    assert RAIL.name in licence_note("sd", RAIL) and words.STUDIO_BUSINESS not in licence_note("sd", RAIL)
    assert licence_note("flux", FLUX_1).endswith(words.STUDIO_BUSINESS)
    with speaking("es"):
        assert licence_note("flux", FLUX_1).startswith("Lo dibuja el modelo flux.")


def test_a_card_is_borrowed_for_as_long_as_steps_take(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def gpu(duration: Callable[..., int]) -> Callable[..., Any]:
        def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*given: Any) -> Any:
                asked.append(duration(*given))
                return function(*given)

            return call

        return wrap

    fake: Any = ModuleType("spaces")
    fake.GPU = gpu
    monkeypatch.setitem(sys.modules, "spaces", fake)
    page = finishing(visitor, FakeStudio())
    visitor.dress("red-top")
    pressed(page, visitor)
    pressed(page, visitor)
    assert asked == [60, 42], "a guess at first, then what the steps took"
    assert zero.on_card(len, 5) is not len
