"""A garment cut out of the photo of somebody who wears it, and moved a little: an honest input for a known answer."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fitting import cutout
from fitting.errors import GarmentError
from fitting.garment import LEAST, PARTS, Category, Garment, GarmentNet, embed
from fitting.images import to_unit
from fitting.person import Part, Person
from fitting.warp import warp

NOT_WORN = "Too little of this garment is seen on the person in the photo."
ROOM = 0.14  # around the cut-out, of its longer side, for what the deformation moves outwards


def worn_category(person: Person) -> Category:
    """The largest garment that a person wears."""
    parts = {Category.UPPER: Part.UPPER, Category.DRESS: Part.DRESS, Category.LOWER: Part.LOWER}
    return max(parts, key=lambda category: int((person.parsing == parts[category]).sum()))


def worn_garment(net: GarmentNet, person: Person, category: Category, rng: np.random.Generator) -> Garment:
    """Cut what a person wears out of the photo by its parsing, deform it, and lay it on white.

    A cut-out as it was worn would fit without being moved, and measure nothing.

    Raises:
        GarmentError: too little of it is seen.
    """
    unit = to_unit(person.photo)
    height, width = unit.shape[-2:]
    worn = (person.parsing == PARTS[category])[None].float()
    mask = cutout.main_pieces(person.frame.place(worn, height, width)[0])
    box = cutout.box_of(mask, cutout.MARGIN)
    if box is None or max(cutout.size(box)) < LEAST:
        raise GarmentError(NOT_WORN)
    cut = cutout.crop(unit, cutout.part(mask[None], box)[0], box)
    if cut is None:
        raise GarmentError(NOT_WORN)
    image, mask = deformed(cut.image, cut.mask, rng)
    return Garment(image, mask, category, embed(net, image, mask), True)


def deformed(image: Tensor, mask: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Turn by up to 7 degrees, scale by up to 8 % along each side, slant a little, and bend smoothly.

    Args:
        image: (3, H, W) in [0, 1].
        mask: (H, W) in [0, 1].
        rng: decides; the same state gives the same garment.

    Returns:
        (3, h, w), (h, w): on white, cropped to the garment with the usual margin.
    """
    edge = round(ROOM * max(mask.shape))
    cut = torch.cat([image - 1, mask[None]])  # warp() leaves zeros outside: white is 0 here
    cut[:3] *= mask
    cut = F.pad(cut, (edge, edge, edge, edge))
    moved = warp(cut[None], _bend(cut.shape[-2:], rng)[None])[0]
    shade = moved[3].clamp(0, 1)
    box = cutout.box_of(shade, cutout.MARGIN)
    if box is None:
        raise GarmentError(NOT_WORN)
    return cutout.part(moved[:3] + 1, box).clamp(0, 1).clone(), cutout.part(shade[None], box)[0].clone()


def _bend(size: torch.Size, rng: np.random.Generator) -> Tensor:
    """(2, H, W) displacement in pixels."""
    rows, columns = size
    angle, slant = np.radians(rng.uniform(-7, 7)), rng.uniform(-0.05, 0.05)
    wide, high = rng.uniform(0.92, 1.08, 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = torch.from_numpy(turn @ np.array([[wide, slant], [0.0, high]])).float()
    y, x = torch.meshgrid(torch.arange(rows) + 0.5 - rows / 2, torch.arange(columns) + 0.5 - columns / 2, indexing="ij")
    points = torch.stack([x, y])
    waves = torch.from_numpy(rng.normal(0, 0.016 * max(size), (1, 2, 4, 4))).float()
    smooth = F.interpolate(waves, size=(rows, columns), mode="bicubic", align_corners=True)[0]
    return torch.einsum("ij,jhw->ihw", matrix, points) - points + smooth
