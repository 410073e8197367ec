"""A try-on taken apart, as pictures: which garment pixels went where, what shows, what will be what, what may change.

All are 3:4 views of the person at the size of the working grid, for people who want to look behind the result.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional as F

from fitting.anatomy import Part
from fitting.drawing import PALETTE
from fitting.engine import Drawing
from fitting.frame import GRID, NET
from fitting.garment import PARTS, Garment
from fitting.images import to_image, to_pixels
from fitting.scene import Scene
from fitting.warp import garment_frame, warp

SQUARES = 16  # of the grid across the garment's view
ARROWS = 60  # at most
NAMES = ("edit_region", "flow_grid", "flow_arrows", "alpha", "target_parsing", "disagreement")
_DARK, _LIGHT, _WARM = (30, 79, 66), (179, 210, 197), (214, 92, 40)


def explained(scene: Scene, garment: Garment, drawing: Drawing) -> dict[str, Image.Image]:
    """Pictures by name, in the order of `NAMES`.

    Args:
        scene: the person and where the photo may change.
        garment: as it was laid on.
        drawing: what the networks said of it.

    Returns:
        edit_region: the photo, tinted where it may change.
        flow_grid: a grid on the garment, carried to where the flow lays it.
        flow_arrows: the person beside the garment, joined where one's point finds the other's colour.
        alpha: how much of the garment shows, white is all.
        target_parsing: the part of the body that every cell is to become, in `PALETTE`'s colours.
        disagreement: where the parsing expects the garment and the flow finds none (warm), or the reverse (green).
    """
    photo = scene.person.image
    alpha = _large(drawing.alpha) * scene.edit_region
    parts = _large(drawing.target).argmax(0)
    pictures = [
        _tinted(photo, scene.edit_region, _LIGHT),
        _tinted(photo, torch.ones(GRID), (255, 255, 255), 0.55, _grid(drawing), alpha),
        _arrows(photo, garment, drawing),
        to_image(to_pixels(alpha.expand(3, -1, -1))),
        Image.fromarray(PALETTE[parts.numpy()]),
        _disagreement(scene, drawing),
    ]
    return dict(zip(NAMES, pictures, strict=True))


def named_parts(drawing: Drawing) -> dict[str, str]:
    """The parts that a target parsing shows, largest first, and their colour as #rrggbb: a legend."""
    counts = torch.bincount(drawing.target.argmax(0).flatten(), minlength=len(Part))
    order = [int(part) for part in counts.argsort(descending=True) if counts[part] > 0]
    return {Part(part).name.lower(): "#{:02x}{:02x}{:02x}".format(*PALETTE[part]) for part in order}


def _large(maps: Tensor) -> Tensor:
    return F.interpolate(maps.reshape(1, -1, *NET), size=GRID, mode="bilinear", align_corners=False)[0]


def _colour(rgb: tuple[int, int, int]) -> Tensor:
    return torch.tensor(rgb).float()[:, None, None] / 255


def _tinted(
    photo: Tensor,
    where: Tensor,
    tint: tuple[int, int, int],
    strength: float = 0.6,
    above: Tensor | None = None,
    cover: Tensor | None = None,
) -> Image.Image:
    """A photo (3, 512, 384), coloured where a map says so, and another picture laid over it where `cover` does."""
    picture = torch.lerp(photo, _colour(tint).expand_as(photo), where * strength)
    if above is not None and cover is not None:
        picture = torch.lerp(picture, above, cover)
    return to_image(to_pixels(picture.clamp(0, 1)))


def _grid(drawing: Drawing) -> Tensor:
    """A chequered garment, each square coloured by its place, where the flow carries it: (3, 512, 384)."""
    rows, columns = SQUARES * 4 // 3 + 1, SQUARES
    y, x = torch.meshgrid(torch.linspace(0, 1, rows), torch.linspace(0, 1, columns), indexing="ij")
    places = torch.stack([0.25 + 0.7 * x, 0.75 - 0.5 * y, 0.3 + 0.6 * y])
    odd = ((torch.arange(rows)[:, None] + torch.arange(columns)) % 2).float()
    squares = places * (0.65 + 0.35 * odd)
    board = squares.repeat_interleave(24, 1).repeat_interleave(24, 2)
    return warp(board[None], drawing.flow[None], GRID)[0].clamp(0, 1)


def _arrows(photo: Tensor, garment: Garment, drawing: Drawing) -> Image.Image:
    """Person left, garment right, and lines between points of the one and the places that they come from."""
    view = garment_frame(garment)
    mask = view.cut(garment.mask[None], GRID, 0.0)
    cloth = torch.lerp(torch.ones(3, *GRID), view.cut(garment.image), mask)
    sheet = Image.new("RGB", (2 * GRID[1], GRID[0]), "white")
    sheet.paste(to_image(to_pixels(photo.clamp(0, 1))), (0, 0))
    sheet.paste(to_image(to_pixels(cloth.clamp(0, 1))), (GRID[1], 0))
    pen = ImageDraw.Draw(sheet)
    for (x, y), (to_x, to_y) in zip(*_ends(drawing), strict=True):
        end = (GRID[1] + to_x, to_y)
        pen.line([(x, y), end], fill=_WARM, width=1)
        for at_x, at_y in ((x, y), end):
            pen.ellipse((at_x - 3, at_y - 3, at_x + 3, at_y + 3), fill=_DARK, outline="white")
    return sheet


def _ends(drawing: Drawing) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where arrows start on the person and end on the garment, in cells of the grid: two (N, 2) of x, y."""
    shown = np.argwhere(drawing.alpha.numpy() > 0.8)
    if len(shown) == 0:
        return np.zeros((0, 2)), np.zeros((0, 2))
    apart = max(round((len(shown) / ARROWS) ** 0.5), 1)
    regular = shown[(shown[:, 0] % apart == 0) & (shown[:, 1] % apart == 0)][:ARROWS]
    moved = drawing.flow.numpy()[:, regular[:, 0], regular[:, 1]].T
    starts = regular[:, ::-1] + 0.5
    return starts * (GRID[1] / NET[1]), (starts + moved) * (GRID[1] / NET[1])


def _disagreement(scene: Scene, drawing: Drawing) -> Image.Image:
    worn, photo = drawing.target[PARTS[scene.category]], scene.person.image
    more = _large(worn - drawing.mask) * scene.edit_region
    missing, surplus = more.clamp(min=0), (-more).clamp(min=0)
    picture = torch.lerp(photo, torch.ones_like(photo), 0.6)
    picture = torch.lerp(picture, _colour(_WARM).expand_as(photo), missing)
    picture = torch.lerp(picture, _colour(_DARK).expand_as(photo), surplus)
    return to_image(to_pixels(picture.clamp(0, 1)))
