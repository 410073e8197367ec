"""From a network's coarse cut-out to one that follows the picture's own edges. Masks are (H, W) in [0, 1]."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from fitting.distance import distance_to
from fitting.planes import each

Box = tuple[int, int, int, int]  # top, left, bottom, right in pixels

LONGEST = 1024  # of what is cut out
MARGIN = 0.06  # left around it, of its longer side
GUIDE = 384  # longest side at which the guided filter's coefficients are found


class Cut(NamedTuple):
    """A piece cut out of a picture."""

    image: Tensor  # (3, h, w) in [0, 1]
    mask: Tensor  # (h, w) in [0, 1]
    box: Box  # where it was in the picture, in the picture's pixels


def size(box: Box) -> tuple[int, int]:
    """Rows and columns of a box."""
    return box[2] - box[0], box[3] - box[1]


def part(image: Tensor, box: Box) -> Tensor:
    """What a box holds of (C, H, W)."""
    return image[:, box[0] : box[2], box[1] : box[3]]


def crop(unit: Tensor, mask: Tensor, box: Box) -> Cut | None:
    """Refine a mask of a box at the size that is kept, and crop to what is left; None where nothing is.

    Args:
        unit: (3, H, W) in [0, 1], the picture.
        mask: (h, w), any size, covering the box.
        box: in the picture's pixels.
    """
    seen = part(unit, box)
    height, width = size(box)
    scale = min(1.0, LONGEST / max(height, width))
    image = resize(seen, (max(round(height * scale), 1), max(round(width * scale), 1)))
    fine = follow_edges(mask, image)
    inner = box_of(fine, MARGIN)
    if inner is None:
        return None
    place: Box = tuple(  # type: ignore[assignment]
        round(edge / scale) + start for edge, start in zip(inner, box[:2] * 2, strict=True)
    )
    return Cut(part(image, inner).clone(), part(fine[None], inner)[0].clone(), place)


def letterbox(image: Tensor, side: int) -> Tensor:
    """Fit (C, H, W) into (C, side, side), centred; the rest repeats the edge."""
    height, width = image.shape[-2:]
    rows, columns = _inner(height, width, side)
    top, left = (side - rows) // 2, (side - columns) // 2
    pads = (left, side - columns - left, top, side - rows - top)
    return F.pad(resize(image, (rows, columns))[None], pads, mode="replicate")[0]


def out_of_letterbox(square: Tensor, height: int, width: int) -> Tensor:
    """The part of a square map (side, side) that shows the picture, which was (height, width)."""
    rows, columns = _inner(height, width, len(square))
    top, left = (len(square) - rows) // 2, (len(square) - columns) // 2
    return square[top : top + rows, left : left + columns]


def _inner(height: int, width: int, side: int) -> tuple[int, int]:
    scale = side / max(height, width)
    return max(round(height * scale), 1), max(round(width * scale), 1)


def main_pieces(mask: Tensor, core: float = 0.5, share: float = 0.2, hole: float = 0.004) -> Tensor:
    """Keep the main piece of a mask, and what is nearly as large.

    Args:
        mask: (H, W) in [0, 1].
        core: pieces are what is above this; what is less sure stays only beside them.
        share: the area, to the largest piece's, from which another piece is kept.
        hole: the area, to the largest piece's, below which a hole is closed.
    """
    values = mask.numpy()
    pieces, count = ndimage.label(values > core)
    if count == 0:
        return main_pieces(mask) if core > 0.5 else mask
    areas = np.bincount(pieces.ravel())
    areas[0] = 0
    kept = (areas >= share * areas.max())[pieces]
    # The soft rim belongs to the piece that it surrounds.
    away = distance_to(kept)
    rim = max(0.02 * max(mask.shape), 2.0)
    solid = (away <= rim) & (values > 0.5)
    gaps, _ = ndimage.label(~solid)
    closed = (np.bincount(gaps.ravel()) < hole * areas.max())[gaps] & ~solid
    around = cv2.dilate(solid.view(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), iterations=2)
    cleaned = np.where((away <= rim) & around.view(np.bool_), values, 0)
    # Cloth is opaque: only its rim may be soft.
    deep = distance_to(~(solid | closed)) > rim
    return torch.from_numpy(np.where(closed | deep, 1.0, cleaned).astype(np.float32))


def box_of(mask: Tensor, margin: float = 0.0) -> Box | None:
    """The box of what is above a half, widened by `margin` of its longer side, within the picture."""
    rows, columns = (np.flatnonzero((mask.numpy() > 0.5).any(axis)) for axis in (1, 0))
    if len(rows) == 0:
        return None
    top, left, bottom, right = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
    extra = round(margin * max(bottom - top, right - left))
    height, width = mask.shape
    return max(top - extra, 0), max(left - extra, 0), min(bottom + extra, height), min(right + extra, width)


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """(C, H, W), float or uint8 -> (C, *size), antialiased."""
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    return F.interpolate(image[None], size=size, mode="bilinear", align_corners=False, antialias=True)[0]


def follow_edges(mask: Tensor, image: Tensor, radius: float = 0.04, smoothness: float = 1e-3) -> Tensor:
    """Let a soft mask follow the picture's edges.

    Guided filter with a colour guide (He et al. 2010, eqs. 14-16), its coefficients found on a smaller grid
    (He and Sun 2015, arXiv:1505.00996). Only the undecided rim changes.

    Args:
        mask: (h, w) in [0, 1], any size.
        image: (3, H, W) in [0, 1], the guide.
        radius: of the filter's window, as a share of the longest side.
        smoothness: the paper's epsilon.

    Returns:
        (H, W) in [0, 1].
    """
    height, width = image.shape[-2:]
    scale = min(1.0, GUIDE / max(height, width))
    size = max(round(height * scale), 1), max(round(width * scale), 1)
    guide, coarse = resize(image, size), resize(mask[None], size)
    reach = max(round(radius * max(size)), 1)
    products = torch.stack([guide[i] * guide[j] for i, j in _PAIRS])
    means = _window_mean(torch.cat([guide, coarse, products, guide * coarse]), reach)
    of_guide, of_mask = means[:3], means[3:4]
    system = [
        mean - of_guide[i] * of_guide[j] + (smoothness if i == j else 0.0)
        for (i, j), mean in zip(_PAIRS, means[4:10], strict=True)
    ]
    slope = _solve(system, means[10:] - of_guide * of_mask)
    offset = of_mask - (slope * of_guide).sum(0, keepdim=True)
    fine = F.interpolate(
        _window_mean(torch.cat([slope, offset]), reach)[None],
        (height, width),
        mode="bilinear",
        align_corners=False,
    )[0]
    refined = ((fine[:3] * image).sum(0) + fine[3]).clamp(0, 1)
    # The window mean blurs a straight edge over its own width; steepen it again about a half.
    refined = ((refined - 0.5) * 1.6 + 0.5).clamp(0, 1)
    rim = _rim(coarse, reach)
    rim = F.interpolate(rim[None], (height, width), mode="bilinear", align_corners=False)[0, 0]
    enlarged = F.interpolate(mask[None, None], (height, width), mode="bilinear", align_corners=False)[0, 0]
    return enlarged + (refined - enlarged) * rim


_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def _window_mean(maps: Tensor, reach: int) -> Tensor:
    """Mean of (C, H, W) over a square window, the window cut at the border."""
    side, border = 2 * reach + 1, cv2.BORDER_CONSTANT
    sums = each(maps, cv2.boxFilter, -1, (side, side), normalize=False, borderType=border)
    rows, columns = (_within(size, reach) for size in maps.shape[1:])
    return sums.div_(rows[:, None] * columns)


def _within(size: int, reach: int) -> Tensor:
    """How many cells of a line lie within reach of each of its cells."""
    place = torch.arange(size, dtype=torch.float32)
    return (place + reach).clamp(max=size - 1) - (place - reach).clamp(min=0) + 1


def _solve(system: list[Tensor], right: Tensor) -> Tensor:
    """Cramer's rule for a symmetric 3x3 system at every cell: much faster than a batched solver.

    Args:
        system: six (H, W), in the order of `_PAIRS`.
        right: (3, H, W).

    Returns:
        (3, H, W).
    """
    a, b, c, d, e, f = system  # rows a b c, b d e, c e f
    minors = d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b
    x, y, z = right
    determinant = a * minors[0] + b * minors[1] + c * minors[2]
    rows = minors[:3], (minors[1], *minors[3:5]), (minors[2], *minors[4:])
    return torch.stack([p * x + q * y + r * z for p, q, r in rows]) / determinant


def _rim(mask: Tensor, reach: int) -> Tensor:
    """(1, H, W): 1 within `reach` of where the mask crosses a half, fading to 0 beyond."""
    solid = (mask > 0.5).float()
    mixed = _window_mean(solid, reach)
    near = 1 - (2 * mixed - 1).abs()
    return (near * 4).clamp(0, 1)
