"""A try-on taken apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from dressing import garment, person

from fitting.engine import Drawing
from fitting.explain import NAMES, explained, named_parts
from fitting.frame import GRID, NET
from fitting.garment import GarmentNet
from fitting.person import Part, PersonNet
from fitting.room import FittingRoom
from fitting.scene import dress


def drawing() -> Drawing:
    """The identity as flow; a garment in the middle, of which the target parsing expects more below."""
    shown = torch.zeros(NET)
    shown[80:160, 60:130] = 1
    target = torch.zeros(len(Part), *NET)
    target[Part.UPPER, 80:200, 60:130] = 1
    target[Part.BACKGROUND] = 1 - target[Part.UPPER]
    still = torch.zeros(2, *NET), shown, target, torch.zeros(3, *NET), shown, torch.ones(NET)
    return Drawing(*still, 0.3)


def test_every_picture_is_there_and_shows_the_working_grid() -> None:
    someone, worn = person(), garment("tee")
    pictures = explained(dress(someone, worn.category), worn, drawing())
    assert tuple(pictures) == NAMES
    for name, picture in pictures.items():
        wide = 2 if name == "flow_arrows" else 1
        assert picture.size == (wide * GRID[1], GRID[0]) and picture.mode == "RGB"


def test_disagreement_is_warm_where_the_garment_is_missing_and_only_there() -> None:
    someone, worn = person(), garment("tee")
    scene = replace(dress(someone, worn.category), edit_region=torch.ones(GRID))
    picture = np.asarray(explained(scene, worn, drawing())["disagreement"]).astype(int)
    missing, agreed = picture[370, 190], picture[240, 190]
    assert missing[0] > 180 and missing[2] < 80
    plain = np.asarray(explained(scene, worn, replace(drawing(), mask=drawing().target[Part.UPPER]))["disagreement"])
    assert np.array_equal(agreed, plain[240, 190])


def test_the_grid_lies_where_the_garment_shows() -> None:
    someone, worn = person(), garment("tee")
    scene = replace(dress(someone, worn.category), edit_region=torch.ones(GRID))
    grid = np.asarray(explained(scene, worn, drawing())["flow_grid"]).astype(int)
    inside, outside = grid[180:300, 130:250], grid[420:, :80]
    assert inside.std(axis=(0, 1)).min() > 20
    pale = np.asarray(someone.image[:, 420:, :80].permute(1, 2, 0)) * 255 * 0.45 + 255 * 0.55
    assert np.abs(outside - pale).max() < 3


def test_a_garment_that_does_not_show_has_no_arrows() -> None:
    someone, worn = person(), garment("tee")
    hidden = replace(drawing(), alpha=torch.zeros(NET))
    assert explained(dress(someone, worn.category), worn, hidden)["flow_arrows"].size == (768, 512)


def test_the_legend_names_what_is_seen() -> None:
    legend = named_parts(drawing())
    assert list(legend) == ["background", "upper"]
    assert all(colour.startswith("#") and len(colour) == 7 for colour in legend.values())


def test_a_room_without_a_gan_says_so() -> None:
    with pytest.raises(ValueError, match="no GAN"):
        FittingRoom(PersonNet().eval(), GarmentNet().eval()).explain(person(), garment("tee"))
