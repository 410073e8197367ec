"""Move a garment's pixels onto a person: `warp()`, and the geometric flow that needs no training.

A flow is a displacement in pixels of the view it was made for: at cell (row, column) it leads from that cell's
centre to the place in an equally large view of the garment whose colour belongs there. The view of a garment is
its whole 3:4 frame (`garment_frame`). Whatever predicts a flow, geometry here or a network later, is applied by
the same `warp()`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fitting.body import Body
from fitting.distance import box_around, nearest
from fitting.fill import blur, grow, push_pull
from fitting.frame import GRID, Frame, enlarge_part
from fitting.garment import Category, Garment
from fitting.landmarks import top_landmarks
from fitting.landmarks_lower import bottom_landmarks
from fitting.lower_pieces import bottom_pieces
from fitting.mesh import draw
from fitting.neckline import without_inside
from fitting.pieces import top_pieces
from fitting.planes import apart

RUN_ON = 16  # cells by which a layer's flow runs on past its edge


@dataclass(frozen=True)
class Layer:
    """One layer of a garment laid on a person; later layers lie in front of earlier ones.

    Attributes:
        flow: (2, 512, 384) float, displacement in grid pixels into the garment's view; 0 far from the layer.
        coverage: (512, 384) float in [0, 1], where the layer may show; the garment's own mask cuts the edge.
        piece: what it is: torso, sleeve, legs.
    """

    flow: Tensor
    coverage: Tensor
    piece: str


@dataclass(frozen=True)
class Laid:
    """A garment laid on a person.

    Attributes:
        layers: from back to front.
        image: (3, H, W) float in [0, 1], the garment's colours, continued beyond its edge, so that nothing of
            what it was photographed on shows through.
        mask: (H, W) float in [0, 1], what of the garment's picture may show; the inside of its back may not.
    """

    layers: tuple[Layer, ...]
    image: Tensor
    mask: Tensor


def warp(image: Tensor, flow: Tensor, size: tuple[int, int] | None = None) -> Tensor:
    """Apply a flow to an image of any resolution.

    Args:
        image: (B, C, H, W) float, the whole view that the flow leads into, at any resolution.
        flow: (B, 2, h, w) float, displacement x, y in pixels of an (h, w) view of the image.
        size: rows, columns of the result; (h, w) by default.

    Returns:
        (B, C, *size) float; zero outside the image.
    """
    rows, columns = flow.shape[-2:]
    size = (rows, columns) if size is None else size
    scaled = flow
    if tuple(size) != (rows, columns):
        scaled = F.interpolate(flow, size=size, mode="bilinear", align_corners=False)
    height, width = image.shape[-2:]
    # Centre of cell i of n, plus the displacement, as a share of the view; then as an index of the image.
    x = (torch.arange(size[1], dtype=flow.dtype, device=flow.device) + 0.5) / size[1]
    y = (torch.arange(size[0], dtype=flow.dtype, device=flow.device) + 0.5) / size[0]
    at_x = (x[None, None, :] + scaled[:, 0] / columns) * width - 0.5
    at_y = (y[None, :, None] + scaled[:, 1] / rows) * height - 0.5
    grid = torch.stack([_normal(at_x, width), _normal(at_y, height)], -1)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def move(image: NDArray[np.float32], flow: Tensor, size: tuple[int, int], part: tuple[slice, slice]) -> Tensor:
    """What `warp` makes of one image, but only a part of it; many times as fast.

    Args:
        image: (H, W, C), the whole view that the flow leads into (see `fitting.planes.side_by_side`).
        flow: (2, h, w) float, as for `warp`.
        size: rows, columns of the whole result.
        part: the rows and columns of it that are wanted.

    Returns:
        (C, *part) float; zero outside the image.
    """
    rows, columns = flow.shape[-2:]
    height, width = image.shape[:2]
    down, across = part
    at_x, at_y = enlarge_part(flow, size, part) * flow.new_tensor([width / columns, height / rows])[:, None, None]
    at_x += (torch.arange(across.start, across.stop) + 0.5) * (width / size[1]) - 0.5
    at_y += ((torch.arange(down.start, down.stop) + 0.5) * (height / size[0]) - 0.5)[:, None]
    moved = cv2.remap(image, at_x.numpy(), at_y.numpy(), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return apart(moved)


def _normal(index: Tensor, count: int) -> Tensor:
    """Pixel index -> [-1, 1] with aligned corners."""
    return index * (2 / max(count - 1, 1)) - 1


def garment_frame(garment: Garment) -> Frame:
    """The 3:4 view of a garment that flows lead into."""
    return Frame.whole(*garment.mask.shape)


def lay(body: Body, garment: Garment) -> Laid:
    """The geometric engine: lay a garment on a body."""
    frame, mask = garment_frame(garment), garment.mask
    if garment.category is Category.LOWER:
        pieces = bottom_pieces(bottom_landmarks(mask.numpy()), body)
    else:
        top = top_landmarks(mask.numpy(), True if garment.category is Category.OUTER else None)
        mask = without_inside(garment.image, mask, top)
        pieces = top_pieces(top, body, garment.category is Category.DRESS)
    drawings = [(piece, *draw(patches, GRID)) for piece, patches in pieces]
    drawings = [drawing for drawing in drawings if drawing[2].any()]
    layers = []
    for index, (piece, points, drawn) in enumerate(drawings):
        others = [other for at, (_, _, other) in enumerate(drawings) if at != index]
        layers.append(_layer(points, drawn, others, frame, piece))
    return Laid(tuple(layers), without_fringe(garment), ((mask - 0.3) / 0.5).clamp(0, 1))


def without_fringe(garment: Garment) -> Tensor:
    """Colours of the garment well inside its edge, continued outwards."""
    inside = grow(garment.mask > 0.9, -max(round(max(garment.mask.shape) / 200), 1))
    if inside.sum() < 50:
        return garment.image
    return push_pull(garment.image, inside.float())


def _layer(points: np.ndarray, drawn: np.ndarray, others: list[np.ndarray], frame: Frame, piece: str) -> Layer:
    """Garment points on the grid -> a layer whose flow runs on past its edge, so that enlarging stays clean.

    Where a piece meets another it reaches a little under it, so that the seam does not gape.
    """
    box = box_around(drawn, RUN_ON)
    filled = torch.from_numpy(points[nearest(drawn, box)[1:]]).float()
    source = frame.to_grid(filled).permute(2, 0, 1)
    rows, columns = (torch.arange(side.start, side.stop) + 0.5 for side in box)
    flow = torch.zeros(2, *GRID)
    flow[:, box[0], box[1]] = source - torch.stack(torch.meshgrid(rows, columns, indexing="ij")).flip(0)
    reach = torch.from_numpy(drawn)
    for other in others:
        reach = reach | (grow(reach, 2) & torch.from_numpy(other))
    coverage = ((blur(reach.float(), 1.1) - 0.5) * 1.6 + 0.5).clamp(0, 1)
    return Layer(flow, coverage, piece)
