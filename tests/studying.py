"""A drawn person dressed, a tiny diffusion model and a studio that has it: what tests of the studio share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dressing
import pytest
import tiny_pipelines
import torch
from PIL import Image

from fitting.errors import StudioError
from fitting.images import to_tensor
from fitting.room import TryOn
from fitting.scene import dress
from fitting.studio import Settings, Studio
from fitting.tryon import compose
from fitting.underlay import undress
from fitting.warp import lay

QUICK = Settings(steps=3)


@pytest.fixture(scope="session")
def tryon() -> TryOn:
    person, garment = dressing.person(), dressing.garment()
    scene = dress(person, garment.category)
    composed = compose(scene, undress(scene), garment, lay(scene.body, garment))
    return TryOn(*composed.pictures(), garment.category, ("Kept.",), {"compose": 0.1})


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pipelines")


@pytest.fixture(scope="session")
def inpainting(tiny_folder: Path) -> Any:
    return tiny_pipelines.inpainting(tiny_folder / "words")


@pytest.fixture(scope="session")
def studio(inpainting: Any) -> Studio:
    return Studio(inpainting, "tiny")


@pytest.fixture(scope="session")
def saved_model(tiny_folder: Path, inpainting: Any) -> Path:
    """The tiny model in a folder, as a copy of one from the Hub."""
    inpainting.save_pretrained(tiny_folder / "secret-place" / "tiny")
    return tiny_folder / "secret-place" / "tiny"


def changed(one: Image.Image, other: Image.Image, where: Image.Image | None = None) -> float:
    """Share of pixels that differ, of all or of those where a mask is not 0."""
    apart = (to_tensor(one) != to_tensor(other)).any(0)
    inside = torch.ones_like(apart) if where is None else to_tensor(where)[0] > 0
    return float((apart & inside).sum() / inside.sum())


def outside(tryon: TryOn) -> Image.Image:
    return tryon.edit_region.point(lambda value: 0 if value else 255)


def check_untouched(before: TryOn, after: TryOn) -> None:
    assert changed(before.picture, after.picture, outside(before)) == 0
    assert after.picture.size == before.picture.size and after.edit_region == before.edit_region


class DrawnRoom:
    """Dresses a drawn person, whoever is in the photo; a black photo shows nobody."""

    engine = None

    def __init__(self) -> None:
        self.dressed = 0

    def understand_garment(self, picture: Any, category: Any = None) -> Any:
        return dressing.garment()

    def try_on(self, photo: Image.Image, garment: Any) -> TryOn:
        if not any(top for _, top in photo.getextrema()):
            raise StudioError("No person was found.")
        self.dressed += 1
        scene = dress(dressing.person(), garment.category)
        composed = compose(scene, undress(scene), garment, lay(scene.body, garment))
        return TryOn(*composed.pictures(), garment.category, (), {})
