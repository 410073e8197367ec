"""The command line: what it writes, what it says, and how it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fakes import FakeRoom
from PIL import Image
from typer.testing import CliRunner, Result

from fitting.cli import app
from fitting.errors import WeightsError
from fitting.room import FittingRoom


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a photo, a garment and things that are neither; the room is a stand-in."""
    Image.linear_gradient("L").resize((400, 300)).save(tmp_path / "photo.png")
    Image.new("RGB", (90, 120), "#c22020").save(tmp_path / "garment.png")
    Image.new("RGB", (90, 120), "black").save(tmp_path / "black.png")
    (tmp_path / "page.jpg").write_text("<!doctype html>")
    monkeypatch.setattr(FittingRoom, "load", lambda weights=None, device="cpu": FakeRoom())
    return tmp_path


def test_try_on_writes_the_picture_and_what_was_found(pictures: Path) -> None:
    out, report = pictures / "out.png", pictures / "out.json"
    result = run("try-on", pictures / "photo.png", pictures / "garment.png", "-o", out, "--json", report)
    assert result.exit_code == 0, result.output
    with Image.open(out) as got:
        assert got.size == (400, 300) and got.getpixel((200, 150)) == (194, 32, 32)
    found = json.loads(report.read_text())
    assert found["category"] == "dress" and (found["width"], found["height"]) == (400, 300)
    assert found["notes"] == ["Your left arm is outside the picture."]
    assert set(found["seconds"]) == {"person", "garment", "warp", "compose"}
    assert "Your left arm" in result.output


def test_the_category_can_be_said(pictures: Path) -> None:
    report = pictures / "out.json"
    for said in ("upper", "lower", "dress", "outer"):
        photo, garment = pictures / "photo.png", pictures / "garment.png"
        run("try-on", photo, garment, "-o", pictures / "out.jpg", "--category", said, "--json", report)
        assert json.loads(report.read_text())["category"] == said


@pytest.mark.parametrize(
    ("photo", "garment", "said"),
    [
        ("page.jpg", "garment.png", "This photo cannot be opened"),
        ("black.png", "garment.png", "No person was found"),
        ("photo.png", "page.jpg", "This garment picture cannot be opened"),
        ("photo.png", "black.png", "shows no garment"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence(pictures: Path, photo: str, garment: str, said: str) -> None:
    out = pictures / "out.png"
    result = run("try-on", pictures / photo, pictures / garment, "-o", out)
    assert result.exit_code == 1 and not out.exists()
    assert said in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.output


def test_missing_weights_are_a_sentence_too(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(weights: Path | None = None, device: str = "cpu") -> FakeRoom:
        raise WeightsError("weights/person/model.safetensors is missing.")

    monkeypatch.setattr(FittingRoom, "load", load)
    result = run("try-on", pictures / "photo.png", pictures / "garment.png", "-o", pictures / "out.png")
    assert result.exit_code == 1 and result.stderr == "weights/person/model.safetensors is missing.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("try-on", "missing.png", "garment.png", "-o", "out.png"),
        ("try-on", "photo.png", "garment.png"),
        ("try-on", "photo.png", "garment.png", "-o", "out.txt"),
        ("try-on", "photo.png", "garment.png", "-o", "nowhere/out.png"),
        ("try-on", "photo.png", "garment.png", "-o", "out.png", "--category", "hat"),
        ("train", "hat", "--data", "."),
        ("evaluate", "person", "--data", "nowhere", "--json", "out.json"),
    ],
)
def test_wrong_arguments_are_refused_before_any_work(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(pictures)
    monkeypatch.setattr(FittingRoom, "load", lambda *_: pytest.fail("worked"))
    assert run(*arguments).exit_code == 2


def stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **content: Any) -> None:
    module = ModuleType(name)
    vars(module).update(content)
    monkeypatch.setitem(sys.modules, name, module)
    parent, _, child = name.rpartition(".")
    monkeypatch.setattr(sys.modules[parent], child, module, raising=False)


@pytest.mark.parametrize("network", ["person", "garment"])
def test_train_passes_on_what_was_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: str) -> None:
    asked: list[tuple[Any, ...]] = []
    import fitting.training  # noqa: F401  the stand-in hangs on it

    stand_in(monkeypatch, f"fitting.training.{network}", **{f"train_{network}": lambda *given: asked.append(given)})
    monkeypatch.chdir(tmp_path)
    assert run("train", network, "--data", tmp_path).exit_code == 0
    assert run("train", network, "--data", tmp_path, "--folder", "x", "--minutes", 2, "--resume").exit_code == 0
    assert asked == [(tmp_path, Path("runs") / network, None, False), (tmp_path, Path("x"), 2.0, True)]


def test_evaluate_writes_numbers_and_sheets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fitting.evaluation  # noqa: F401  the stand-ins hang on it

    rooms: dict[Path | None, FakeRoom] = {}
    other_room = FakeRoom()
    monkeypatch.setattr(FittingRoom, "load", lambda weights=None, device="cpu": rooms.setdefault(weights, FakeRoom()))

    def measured(data: Path, room: FakeRoom, ablation: FakeRoom | None, limit: int | None, gallery: Any) -> Any:
        told = [ablation is other_room, limit, gallery.sheet().size]
        return {"data": data.name, "same": room is rooms[None], "told": told}

    def ablated(room: FakeRoom, weights: Path | None, folder: Path) -> FakeRoom:
        assert (room, weights, folder) == (rooms[None], None, tmp_path)
        return other_room

    stand_in(monkeypatch, "fitting.evaluation.tryon", evaluate=measured, ablated=ablated)
    stand_in(monkeypatch, "fitting.evaluation.tryon_sheet", Gallery=Sheet)
    stand_in(monkeypatch, "fitting.evaluation.unpaired_sheet", sheet=lambda data, room: Image.new("RGB", (10, 12)))
    report, sheet, other = tmp_path / "numbers.json", tmp_path / "sheet.png", tmp_path / "unpaired.png"
    basic = ("evaluate", "tryon", "--data", tmp_path, "--json", report)
    result = run(*basic, "--sheet", sheet, "--unpaired-sheet", other, "--ablation", tmp_path, "--limit", 3)
    assert result.exit_code == 0, result.output
    assert json.loads(report.read_text()) == {"data": tmp_path.name, "same": True, "told": [True, 3, [30, 20]]}
    for path, size in ((sheet, (30, 20)), (other, (10, 12))):
        with Image.open(path) as drawn:
            assert drawn.size == size
    assert run(*basic).exit_code == 0
    assert json.loads(report.read_text())["told"] == [False, None, [30, 20]]
    assert run("evaluate", "person", *basic[2:], "--limit", 3).exit_code == 2


class Sheet:
    """Stands in for the pictures kept while measuring."""

    def sheet(self) -> Image.Image:
        return Image.new("RGB", (30, 20))


def test_help_needs_no_networks() -> None:
    """Starting the program must not wait for torch or Gradio."""
    code = (
        "import sys, fitting.cli; from typer.testing import CliRunner; "
        "assert CliRunner().invoke(fitting.cli.app, ['--help']).exit_code == 0; "
        "print([name for name in ('torch', 'gradio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
