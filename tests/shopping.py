"""A small shop's files and a stand-in for the networks that look at its pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fitting import images
from fitting.errors import GarmentError
from fitting.garment import Category, Garment
from fitting.importing import Import
from fitting.looks import Looks
from fitting.store import Store

COLOURS = {"red": "#c22020", "green": "#20a040", "blue": "#2040c0", "brown": "#705030"}


class FakeLooks(Looks):
    """Embeds a picture by its mean colour; a black one shows no garment, and a wide one shows trousers."""

    def __init__(self, folder: Path, network: str = "first") -> None:
        super().__init__(folder, network, self._never)
        self.looked = 0

    @staticmethod
    def _never() -> tuple[object, object]:  # type: ignore[override]
        raise AssertionError("networks were asked for")

    def _understand(self, picture: Image.Image, wanted: Category | None) -> Garment:
        self.looked += 1
        return fake_garment(picture, wanted)


def fake_garment(picture: Image.Image, wanted: Category | None) -> Garment:
    unit = images.to_unit(images.to_tensor(picture))
    mean = unit.mean((1, 2))
    if mean.max() < 0.02:
        raise GarmentError("This picture shows no garment.")
    embedding = torch.zeros(128)
    embedding[:3] = mean / mean.norm()
    found = Category.LOWER if picture.width > picture.height else Category.UPPER
    mask = torch.zeros(unit.shape[1:])
    mask[:, mask.shape[1] // 2 :] = 1
    return Garment(unit, mask, wanted or found, embedding, notes=() if wanted else ("A guess.",))


@pytest.fixture
def fake_networks(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every shop opened looks at pictures by `fake_garment`."""
    monkeypatch.setattr(Looks, "_understand", lambda self, picture, wanted: fake_garment(picture, wanted))
    return []


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with four pictures, one of them wide, one broken file, and one black picture."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (90, 120) if name != "brown" else (120, 90), colour).save(folder / f"{name}.png")
    Image.new("RGB", (90, 120)).save(folder / "black.png")
    (folder / "page.jpg").write_text("<!doctype html>")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> object:
    with Store.open(f"sqlite:///{tmp_path / 'shop.db'}") as opened:
        yield opened


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


PRODUCTS = """id,title,category,picture,price,stock,colours
red-top,Red top,upper,red.png,12.50,3,red
green-top,Green top,,green.png,"1,234.50",0,"green, lime"
trousers,Brown trousers,auto,brown.png,30,,brown
"""


@pytest.fixture
def importer(tmp_path: Path, store: Store) -> Callable[..., Import]:
    """Makes imports into one store, with one folder of looks."""
    looks = FakeLooks(tmp_path / "shop")

    def make(products: Path | None, orders: Path | None = None, **options: object) -> Import:
        return Import(store, options.pop("looks", looks), products, orders, workers=2, **options)  # type: ignore[arg-type]

    return make


def colour(catalogue_vectors: np.ndarray) -> list[str]:
    """The strongest of red, green, blue in each embedding."""
    return [["red", "green", "blue"][int(row[:3].argmax())] for row in catalogue_vectors]
