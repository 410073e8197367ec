"""Arms and legs: their bent middle lines, how thick they are, and masks of them.

Points are (x, y) on the person's 512x384 grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fitting.frame import GRID
from fitting.person import Part

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Limb:
    """A bent limb: its middle line and half widths.

    Attributes:
        line: (N, 2) from its root to its end, smooth at the joint.
        half: (N,) half width of the bare limb.
        shown: (2, N) how far skin that the photo shows reaches to the left and right of the line; `half` elsewhere.
        seen: the whole limb lies in the picture and was seen.
    """

    line: Points
    half: Points
    shown: Points
    seen: bool


def sample(values: NDArray, points: Points) -> NDArray:
    """Nearest values of a grid map at points (..., 2)."""
    cells = np.floor(points).astype(int)
    columns = np.minimum(np.maximum(cells[..., 0], 0), GRID[1] - 1)  # np.clip is slow on few values
    rows = np.minimum(np.maximum(cells[..., 1], 0), GRID[0] - 1)
    return values[rows, columns]


def smooth_line(points: Points, count: int = 33, soften: float = 0.09) -> Points:
    """A polyline resampled by share of each bone, its corners rounded."""
    at = np.linspace(0, len(points) - 1, count)
    line = np.stack([np.interp(at, np.arange(len(points)), points[:, axis]) for axis in (0, 1)], -1)
    reach = max(int(soften * count), 1)
    kernel = np.hanning(2 * reach + 3)[1:-1]
    kernel /= kernel.sum()
    padded = np.concatenate(
        [
            line[0] - (line[1] - line[0]) * np.arange(reach, 0, -1)[:, None],
            line,
            line[-1] + (line[-1] - line[-2]) * np.arange(1, reach + 1)[:, None],
        ]
    )
    return np.stack([np.convolve(padded[:, axis], kernel, "valid") for axis in (0, 1)], -1)


def limb_of(
    joints: Points,
    seen: NDArray[np.bool_],
    root: int,
    step: int,
    half: Points,
    at: tuple[float, ...],
    inside: NDArray[np.bool_],
    parsing: NDArray[np.int64],
) -> Limb:
    chain = [root, root + step, root + 2 * step]
    line = smooth_line(joints[chain])
    along = np.linspace(0, 1, len(line))
    bare = np.interp(along, at, half)
    tangent = np.gradient(line, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-6)
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], -1)
    skin = (parsing == Part.ARMS) | (parsing == Part.LEGS)
    reach = np.stack([reach_within(line, side * normal, bare * 1.9, skin) for side in (1.0, -1.0)])
    bared = sample(skin, line)
    thick = np.where(bared, np.clip(reach.mean(0), 0.8 * bare, 1.35 * bare), bare)
    shown = np.where(bared, np.clip(reach, 0.6 * bare, 1.8 * bare), bare)
    return Limb(line, _soft(thick), np.stack([_soft(shown[0]), _soft(shown[1])]), bool(seen[chain].all()))


def reach_within(start: Points, direction: Points, most: Points, inside: NDArray[np.bool_]) -> Points:
    """How far one can go from each start (N, 2) before leaving the silhouette."""
    steps = np.linspace(0, 1, 25)[None, :, None]
    points = start[:, None] + direction[:, None] * steps * np.broadcast_to(most, len(start))[:, None, None]
    within = sample(inside, points)
    first = np.where(within.all(1), steps.shape[1], np.argmin(within, 1))
    return first / steps.shape[1] * most


def _soft(values: Points) -> Points:
    kernel = np.array([1.0, 2, 3, 2, 1]) / 9
    return np.convolve(np.pad(values, 2, mode="edge"), kernel, "valid")


def limb_mask(limb: Limb, start: float, end: float, grow: float) -> NDArray[np.bool_]:
    """(512, 384) bool: the limb between two shares of its length, drawn as a chain of discs.

    Every disc covers one run of cells in a row; runs are marked by where they start and end, and summed up.
    """
    mask = np.zeros(GRID, bool)
    along = np.linspace(0, 1, len(limb.line))
    share = np.linspace(start, end, 40)
    x, y, radius = (np.interp(share, along, v)[:, None] for v in (*limb.line.T, limb.half * grow))
    top, bottom = max(int((y - radius).min()) - 1, 0), min(int((y + radius).max()) + 2, GRID[0])
    if top >= bottom:
        return mask
    within = radius**2 - (np.arange(top, bottom) + 0.5 - y) ** 2
    width = np.sqrt(np.maximum(within, 0))
    first = np.minimum(np.maximum(np.ceil(x - width - 0.5), 0), GRID[1]).astype(int)
    after = np.minimum(np.maximum(np.floor(x + width - 0.5) + 1, 0), GRID[1]).astype(int)
    disc, row = np.nonzero((within >= 0) & (first < after))
    if not len(disc):
        return mask
    first, after = first[disc, row], after[disc, row]
    left, right = int(first.min()), int(after.max())
    wide = right - left + 1
    cells = (bottom - top) * wide
    starts = np.bincount(row * wide + first - left, minlength=cells)
    ends = np.bincount(row * wide + after - left, minlength=cells)
    mask[top:bottom, left:right] = (np.cumsum(starts - ends).reshape(-1, wide) > 0)[:, :-1]
    return mask


def polygon_mask(points: Points) -> NDArray[np.bool_]:
    """(512, 384) bool: cells inside a polygon (N, 2)."""
    image = Image.new("1", (GRID[1], GRID[0]))
    ImageDraw.Draw(image).polygon([(float(x) - 0.5, float(y) - 0.5) for x, y in points], fill=1)
    return np.array(image)
