"""Where each pixel of a laid garment should come from, and which part each cell should be: rendered truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from fitting.cutout import size
from fitting.errors import FittingError
from fitting.frame import GRID, NET, Frame
from fitting.garment import Garment, GarmentNet, cut_out, glance_at
from fitting.images import to_unit
from fitting.person import Part
from fitting.training.labels import LabelledPerson
from fitting.warp import Laid, garment_frame

UNKNOWN = -32768  # in the stored flow: no garment there
STEPS = 32.0  # stored steps a pixel
NAMED = {"upper": Part.UPPER, "arms": Part.ARMS}  # parts whose overlap is reported


@dataclass(frozen=True)
class Target:
    """True flow and parsing.

    Attributes:
        points: (N, 2) x, y of pixels of the person's picture that show garment which the product picture shows too.
        places: (N, 2) where these lie in the garment's 3:4 view, in pixels of 256x192.
        parsing: (H, W) int64 of `Part`, at the picture's size.
        grain: pixels of the whole product picture at 256x192 to one of the view, which is a crop of it.
    """

    points: Tensor
    places: Tensor
    parsing: Tensor
    grain: float = 1.0


def rendered_target(
    flow: Path, person: LabelledPerson, net: GarmentNet, product: Tensor, garment: Garment
) -> Target | None:
    """Truth of a rendered set; None where the cut-out's place in the product picture is not known.

    Args:
        flow: the set's stored flow into the product picture, at every second pixel of the person's picture.
        person: who wears the garment.
        net: that cut the garment out.
        product: (3, H, W) uint8, the product picture.
        garment: cut out of it.
    """
    unit = to_unit(product)
    if garment.worn:  # cut out by the parsing of a person that is not there
        return None
    try:
        box = cut_out(net, unit, glance_at(net, unit)[1]).box
    except FittingError:
        return None
    scale = [cells / pixels for cells, pixels in zip(garment.mask.shape, size(box), strict=True)]
    with np.load(flow) as stored:
        moved, shown = stored["flow"], stored["vis"] & (stored["flow"][..., 0] > UNKNOWN)
    rows, columns = np.nonzero(shown)
    points = torch.from_numpy(np.stack([columns, rows], -1) * 2 + 0.5).float()
    there = torch.from_numpy(moved[shown].astype(np.float32)) / STEPS
    corner, factor = torch.tensor([box[1], box[0]]), torch.tensor([scale[1], scale[0]])
    view = garment_frame(garment)
    places = view.to_grid((there - corner) * factor) * (NET[1] / GRID[1])
    grain = view.height / scale[0] / product.shape[-2]
    codes = (person.allowed[..., None] >> np.arange(len(Part))) & 1
    return Target(points, places, torch.from_numpy(codes.argmax(-1)), grain)


def endpoint_error(flow: Tensor, frame: Frame, target: Target, smooth: bool = True) -> float:
    """Mean distance of a flow's end points from the true ones, in pixels of the 256x192 view, over visible pixels.

    Args:
        flow: (2, h, w) displacement in pixels of its own grid.
        frame: the person's, whose cells the flow starts from.
        target: the truth.
        smooth: read between cells; false takes the nearest, where layers meet.
    """
    columns = flow.shape[-1]
    start = frame.to_grid(target.points) * (columns / GRID[1])
    at = [start[:, 1].numpy() - 0.5, start[:, 0].numpy() - 0.5]
    read = [ndimage.map_coordinates(part.numpy(), at, order=int(smooth), mode="nearest") for part in flow.float()]
    ends = (start + torch.from_numpy(np.stack(read, -1))) * (NET[1] / columns)
    return float((ends - target.places).norm(dim=1).mean())


def topmost(laid: Laid) -> Tensor:
    """(2, 512, 384) the flow that is seen: of the front layer, and where there is none of the nearest one."""
    front = np.full(GRID, -1)
    for index, layer in enumerate(laid.layers):
        front[layer.coverage.numpy() > 0.5] = index
    if (front < 0).all():
        return laid.layers[-1].flow
    nearest = ndimage.distance_transform_edt(front < 0, return_distances=False, return_indices=True)
    chosen = torch.from_numpy(front[nearest[0], nearest[1]])
    flows = torch.stack([layer.flow for layer in laid.layers])
    return flows.gather(0, chosen.expand(1, 2, *GRID))[0]


def overlaps(found: Tensor, frame: Frame, target: Target) -> dict[str, tuple[int, int]]:
    """Intersection and union of each named part, in cells of 256x192.

    Args:
        found: (11, 256, 192) probabilities of `Part`.
        frame: the person's.
        target: the truth.
    """
    parts = F.one_hot(target.parsing, len(Part)).permute(2, 0, 1).float()
    truth, seen = frame.cut(parts, NET, fill=0.0).argmax(0).numpy(), found.argmax(0).numpy()
    return {name: _overlap(seen == part, truth == part) for name, part in NAMED.items()}


def _overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[int, int]:
    return int((one & other).sum()), int((one | other).sum())
