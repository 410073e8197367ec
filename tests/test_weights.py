"""Weights are verified before use, and a refusal names the file, the reason and the remedy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fitting.errors import WeightsError
from fitting.person_net import PersonNet, PersonNetConfig
from fitting.weights import FOLDER, load, record, save, verify


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save(PersonNet(PersonNetConfig(width=16)), tmp_path / "person")
    record("person", tmp_path)
    return tmp_path


def test_saved_weights_load_with_their_config(folder: Path) -> None:
    net = load(PersonNet, "person", folder)
    assert net.config.width == 16
    assert not net.training
    again = load(PersonNet, "person", folder)
    image = torch.zeros(1, 3, 64, 64)
    assert torch.equal(net(image).parts, again(image).parts)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing", "unlisted"])
def test_damage_is_found_and_named(folder: Path, damage: str) -> None:
    path = folder / "person" / "model.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[-100] ^= 1
        path.write_bytes(content)
    elif damage == "missing":
        path.unlink()
    else:
        (folder / "manifest.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"(?s)(model\.safetensors|config\.json).*(Fetch|train)"):
        load(PersonNet, "person", folder)


def test_a_config_of_another_version_is_refused_with_the_remedy(folder: Path) -> None:
    (folder / "person" / "config.json").write_text(json.dumps({"depth": 3}))
    record("person", folder)
    with pytest.raises(WeightsError, match="Fetch"):
        load(PersonNet, "person", folder)


def test_every_shipped_file_is_the_one_in_the_manifest() -> None:
    manifest = json.loads((FOLDER / "manifest.json").read_text())
    files = [path for path in FOLDER.rglob("*.*") if path.suffix in (".safetensors", ".json")]
    shipped = {path.relative_to(FOLDER).as_posix() for path in files if path.parent != FOLDER}
    assert shipped == set(manifest)
    for file, digest in manifest.items():
        verify(FOLDER / file, digest)


OPENED = """
import sys
from fitting.imagine import Pictures
from fitting.notes import Notes
from fitting.profiles import Profiles
from fitting.recommend import Taste
from fitting.room import FittingRoom
from fitting.weights import load

FittingRoom.load()
for net, name in ((Taste, "recommender"), (Pictures, "pictures"), (Profiles, "profiles"), (Notes, "reviews")):
    load(net, name)
print("torch._dynamo" in sys.modules)
"""


def test_networks_are_opened_without_pytorchs_compiler() -> None:
    run = subprocess.run([sys.executable, "-c", OPENED], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False", "to draw first weights on the device meta brings it, 130 MB"
