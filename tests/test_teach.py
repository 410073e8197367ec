"""Sets to teach the GAN with, the studio on the command line, and its benchmark."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import dressing
import pytest
import torch
from PIL import Image
from studying import QUICK, DrawnRoom, changed
from torch import Tensor
from typer.testing import CliRunner

from fitting.cli import app
from fitting.errors import StudioError
from fitting.room import FittingRoom, TryOn
from fitting.studio import Studio
from fitting.teach import ITEMS, MANIFEST, Plan, lessons, teach


@pytest.fixture
def plan_of_five(tmp_path: Path) -> Plan:
    for name, colours in {"people": ("grey", "white", "black"), "garments": ("red", "blue")}.items():
        (tmp_path / name).mkdir()
        for colour in colours:
            Image.new("RGB", (96, 128), colour).save(tmp_path / name / f"{colour}.png")
    return Plan.of(tmp_path / "people", tmp_path / "garments", 5, seed=7, settings=QUICK)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


RIGHT: dict[str, object] = {"name": "Apache-2.0", "known": True, "note": ""}


def test_a_set_is_the_same_however_often_it_was_interrupted(
    tmp_path: Path, studio: Studio, plan_of_five: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    room: Any = DrawnRoom()
    whole = teach(room, studio, plan_of_five, tmp_path / "whole", RIGHT)
    assert whole["written"] + whole["passed"] == 5 and whole["passed"] in (1, 2) and whole["before"] == 0
    manifest = json.loads((tmp_path / "whole" / MANIFEST).read_text())
    assert manifest["licence"] == RIGHT and manifest["model"] == "tiny" and manifest["seed"] == 7

    first = teach(room, studio, replace(plan_of_five, count=2), tmp_path / "parts", RIGHT)
    rows = (tmp_path / "parts" / ITEMS).read_text()
    (tmp_path / "parts" / ITEMS).write_text(rows.splitlines()[0] + '\n{"number": 1, "per')  # the power went off
    before = room.dressed
    second = teach(room, studio, plan_of_five, tmp_path / "parts", RIGHT)
    assert first["written"] + first["passed"] == 2 and second["before"] == 1
    assert room.dressed - before == second["written"]
    one, other = contents(tmp_path / "whole"), contents(tmp_path / "parts")
    one_rows, other_rows = (text.pop(ITEMS).decode().splitlines() for text in (one, other))
    assert one == other and one_rows == [row for row in other_rows if not row.endswith('"per')]


def test_lessons_can_be_read_and_change_only_what_the_region_says(
    tmp_path: Path, studio: Studio, plan_of_five: Plan
) -> None:
    room: Any = DrawnRoom()
    teach(room, studio, plan_of_five, tmp_path / "set", RIGHT)
    read = list(lessons(tmp_path / "set"))
    assert len(read) >= 3 and [lesson.number for lesson in read] == sorted(lesson.number for lesson in read)
    for lesson in read:
        assert lesson.garment.mode == lesson.warped.mode == "RGBA" and lesson.region.mode == "L"
        nowhere = lesson.region.point(lambda value: 0 if value else 255)
        assert changed(lesson.student, lesson.teacher, nowhere) == 0
        assert changed(lesson.student, lesson.teacher, lesson.region) > 0.5
    with pytest.raises(StudioError, match="holds no set"):
        next(lessons(tmp_path / "people"))


def test_another_set_is_not_mixed_in(tmp_path: Path, studio: Studio, plan_of_five: Plan) -> None:
    room: Any = DrawnRoom()
    small = replace(plan_of_five, count=1)
    teach(room, studio, small, tmp_path / "set", RIGHT)
    Image.new("RGB", (96, 128), "green").save(tmp_path / "people" / "green.png")
    more = replace(small, people=(*small.people, tmp_path / "people" / "green.png"))
    for other, name in ((replace(small, seed=8), "seed"), (more, "people")):
        with pytest.raises(StudioError, match=f"begun with other {name}"):
            teach(room, studio, other, tmp_path / "set", RIGHT)


def test_teaching_stops_when_the_card_is_full_and_goes_on_later(
    tmp_path: Path, studio: Studio, plan_of_five: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    room: Any = DrawnRoom()

    def full(*_: Any, **__: Any) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(studio.pipeline.unet, "forward", full)
    with pytest.raises(StudioError, match="ran out of memory"):
        teach(room, studio, plan_of_five, tmp_path / "set", RIGHT)
    monkeypatch.undo()
    assert teach(room, studio, plan_of_five, tmp_path / "set", RIGHT)["written"] >= 3


# The command line


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan_of_five: Plan) -> Path:
    monkeypatch.setattr(FittingRoom, "load", lambda weights=None, device="cpu": CommandRoom())
    return tmp_path


class CommandRoom(DrawnRoom):
    def try_on(self, photo: Any, garment: Any, category: Any = None) -> TryOn:
        opened = photo if isinstance(photo, Image.Image) else Image.open(photo)
        return super().try_on(opened, dressing.garment())


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_try_on_with_a_studio(files: Path, saved_model: Path, tryon: TryOn) -> None:
    told = ("try-on", files / "people" / "grey.png", files / "garments" / "red.png", "-o", files / "out.png")
    result = run(*told, "--studio", saved_model, "--studio-device", "cpu", "--steps", 3, "--json", files / "out.json")
    assert result.exit_code == 0, result.output
    with Image.open(files / "out.png") as made:
        assert changed(made, tryon.picture, tryon.edit_region) > 0.5
    assert json.loads((files / "out.json").read_text())["seconds"]["studio"] > 0


def test_a_studio_that_cannot_be_had_is_told_before_the_work(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FittingRoom, "load", lambda *_: pytest.fail("worked"))
    told = ("try-on", files / "people" / "grey.png", files / "garments" / "red.png", "-o", files / "out.png")
    result = run(*told, "--studio", "no such model", "--studio-device", "cpu")
    assert result.exit_code == 1 and "no such model" in result.stderr and "Traceback" not in result.output
    assert not (files / "out.png").exists()


def test_teach_on_the_command_line(files: Path, saved_model: Path) -> None:
    told = ("teach", "--people", files / "people", "--garments", files / "garments", "-o", files / "set", "-n", 2)
    more = ("--studio-device", "cpu", "--steps", 2, "--seed", 3)
    refused = run(*told, *more, "--model", saved_model)
    assert refused.exit_code == 1 and "--i-have-the-right" in refused.stderr and not (files / "set").exists()
    forbidden = run(*told, *more, "--model", "black-forest-labs/FLUX.1-Fill-dev", "--i-have-the-right")
    assert forbidden.exit_code == 1 and "does not let" in forbidden.stderr
    result = run(*told, *more, "--model", saved_model, "--i-have-the-right")
    assert result.exit_code == 0, result.output
    assert json.loads((files / "set" / MANIFEST).read_text())["licence"]["known"] is False
    assert len((files / "set" / ITEMS).read_text().splitlines()) == 2


# The benchmark for people with a card


def test_the_benchmark_measures_with_and_without_the_finish(
    tmp_path: Path, saved_model: Path, tryon: TryOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parent.parent / "benchmarks"))
    benchmark: Any = importlib.import_module("studio")
    (tmp_path / "one").mkdir()
    for name in ("person", "garment"):
        Image.new("RGB", (96, 128), "grey").save(tmp_path / "one" / f"{name}.png")
    tryon.picture.save(tmp_path / "one" / "target.png")
    (tmp_path / "none").mkdir()
    room = DrawnRoom()
    monkeypatch.setattr(room, "try_on", lambda photo, garment: tryon)
    cases = benchmark.dressed(room, tmp_path)
    assert len(cases) == 1
    cases = [replace(cases[0], target=tryon.picture)]
    row = benchmark.measure(str(saved_model), cases, QUICK, "cpu")
    assert row["gan_distance"] == 0 < row["studio_distance"] and row["outcomes"]["done"] == 1
    assert row["finish_seconds"] > 0 and row["step_seconds"] > 0 and row["peak_bytes"] is None
    refused = benchmark.measure("no such model", cases, QUICK, "cpu")
    lines = benchmark.table([row, refused]).splitlines()
    assert "1/1" in lines[2] and "no such model" in lines[3]
    assert {line.count("|") for line in lines} == {len(benchmark.COLUMNS) + 1}
