"""The drawn garments: the same every time, and those that ship are what the script draws."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from fitting.catalogue import Catalogue
from fitting.garment import Category

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import sample_garments
from drawn.wardrobe import DRESSES, GARMENTS, OUTER, SKIRTS, TROUSERS

ASSETS = Path(__file__).resolve().parent.parent / "assets"


@pytest.mark.parametrize("garment", ["grey-marl-joggers", "burgundy-quilted-gilet"])
def test_a_garment_that_ships_is_what_the_script_draws(garment: str) -> None:
    picture = sample_garments.draw(garment)
    assert (picture.mode, picture.size) == ("RGB", (384, 512))
    path = ASSETS / "garments" / f"{garment}.jpg"
    assert sample_garments.difference(picture, path) < sample_garments.ALIKE
    others = [sample_garments.difference(picture, path.with_name(f"{other}.jpg")) for other in GARMENTS]
    assert np.sort(others)[1] > 2 * sample_garments.ALIKE, "nor does it pass for another one"


def test_drawing_is_deterministic() -> None:
    pictures = [np.asarray(sample_garments.draw("brown-cord-button-mini-skirt")) for _ in range(2)]
    assert np.array_equal(*pictures)


def test_the_catalogue_sells_what_is_drawn() -> None:
    drawn = {item.id: item.category for item in Catalogue.load(ASSETS) if item.id in GARMENTS}
    assert drawn.keys() == GARMENTS.keys()
    for wardrobe, category in ((TROUSERS | SKIRTS, Category.LOWER), (DRESSES, Category.DRESS), (OUTER, Category.OUTER)):
        assert all(drawn[garment] is category for garment in wardrobe)
