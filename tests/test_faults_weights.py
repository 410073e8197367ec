"""Weights that are cut short, damaged or of another network: the file, the reason and the remedy are said, and what
does not need them goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import FakeShop, wardrobe
from typer.testing import CliRunner

from fitting import weights
from fitting.cli import app
from fitting.errors import WeightsError
from fitting.notes import NoteWriter
from fitting.person_net import PersonNet
from fitting.recommender import Recommender
from fitting.room import FittingRoom
from fitting.ui.adviser import Adviser
from fitting.ui.detail import Writer
from fitting.ui.shopper import Shopper

FILE = "model.safetensors"


def cut_short(path: Path) -> bytes:
    return path.read_bytes()[:-1]


def flipped(path: Path) -> bytes:
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    return bytes(content)


def swapped(path: Path) -> bytes:
    """Another network's weights, whole."""
    other = "person" if path.parent.name != "person" else "garment"
    return (weights.FOLDER / other / FILE).read_bytes()


def damaged(folder: Path, name: str, how: Callable[[Path], bytes]) -> Path:
    """The shipped weights, but for one file."""
    for path in weights.FOLDER.rglob("*.*"):
        there = folder / path.relative_to(weights.FOLDER)
        if path.is_file():
            there.parent.mkdir(parents=True, exist_ok=True)
            there.symlink_to(path)
    file = folder / name / FILE
    file.unlink()
    file.write_bytes(how(weights.FOLDER / name / FILE))
    return folder


@pytest.mark.parametrize(
    ("name", "how"),
    [("person", cut_short), ("garment", swapped), ("tryon/flow", flipped), ("tryon/generator", swapped)],
)
def test_the_room_does_not_open_and_says_which_file_why_and_what_to_do(
    tmp_path: Path, name: str, how: Callable[[Path], bytes]
) -> None:
    folder = damaged(tmp_path, name, how)
    with pytest.raises(WeightsError) as caught:
        FittingRoom.load(folder)
    said = str(caught.value)
    assert f"{name}/{FILE}" in said and "is damaged or was swapped" in said and said.endswith(weights.REMEDY)


def test_weights_of_another_network_do_not_fit_even_where_the_manifest_lists_them(tmp_path: Path) -> None:
    folder = damaged(tmp_path, "person", swapped)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").unlink()
    manifest[f"person/{FILE}"] = weights.sha256(folder / "person" / FILE)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match=r"person does not fit this version: (?s:.*)Fetch"):
        weights.load(PersonNet, "person", folder)


def test_a_command_says_it_in_a_sentence(tmp_path: Path) -> None:
    folder = damaged(tmp_path / "weights", "person", cut_short)
    for name in ("photo.png", "garment.png"):
        (tmp_path / name).touch()
    given = [str(tmp_path / "photo.png"), str(tmp_path / "garment.png"), "-o", str(tmp_path / "out.png")]
    done = CliRunner().invoke(app, ["try-on", *given, "--weights", str(folder)])
    assert done.exit_code == 1 and "Traceback" not in done.stderr and done.stderr.strip().endswith(weights.REMEDY)


def test_without_a_recommender_or_example_notes_the_rest_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    catalogue = wardrobe(tmp_path)
    folder = damaged(tmp_path / "weights", "recommender", flipped)
    (folder / "reviews" / FILE).unlink()
    (folder / "reviews" / FILE).write_bytes(b"")
    adviser = Adviser(FakeShop(catalogue), lambda found: Recommender.load(found, [], folder))
    assert adviser.shelves(Shopper(), 4).also_like == [] and adviser.recommend(Shopper(), None, None, 4) is None
    writer = Writer(lambda: NoteWriter.load(folder))
    assert writer.example(catalogue.items[0]) == "" == writer.example(catalogue.items[1])
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2, "each is said once"
    for said, name in zip(told, ("recommender", "reviews"), strict=True):
        assert f"{name}/{FILE} is damaged or was swapped" in said and said.endswith(weights.REMEDY)
