"""The outline of a garment that lies flat, traced from its cut-out and turned upright by its own symmetry."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

Points = NDArray[np.float64]
WORK = 192  # longest side at which the outline is traced
_RING = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))


@dataclass(frozen=True)
class Outline:
    """The outline in upright half-plane form: `halves` are (N, 2) of (out, down), hem's middle to neck's middle."""

    halves: tuple[Points, Points]
    angle: float
    centre: Points
    scale: float

    def back(self, points: Points, side: int) -> Points:
        """Half-plane points -> picture points."""
        points = np.atleast_2d(points)
        flat = points * np.array([(-1.0, 1.0)[side], 1.0])
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turned = flat @ np.array([[cos, sin], [-sin, cos]])
        return (turned + self.centre) * self.scale

    @property
    def down(self) -> Points:
        return np.array([-np.sin(self.angle), np.cos(self.angle)])


def outline(mask: NDArray[np.float32]) -> Outline:
    """Trace a cut-out (H, W) in [0, 1]. Raises ValueError when there is nothing in it."""
    scale = max(max(mask.shape) / WORK, 1.0)
    small = ndimage.zoom(mask, 1 / scale, order=1, grid_mode=True, mode="nearest") if scale > 1 else mask
    solid = _main_part(small > 0.5)
    traced = _trace(solid)
    traced = ndimage.gaussian_filter1d(traced, 1.2, axis=0, mode="wrap")
    angle = _tilt(solid)
    centre = np.array(ndimage.center_of_mass(solid))[::-1] + 0.5
    cos, sin = np.cos(angle), np.sin(angle)
    upright = (traced - centre) @ np.array([[cos, -sin], [sin, cos]])
    middle = (upright[:, 0].min() + upright[:, 0].max()) / 2
    shift = np.clip(middle, -0.04 * np.ptp(upright[:, 0]), 0.04 * np.ptp(upright[:, 0]))
    upright[:, 0] -= shift
    centre = centre + np.array([cos, sin]) * shift
    factor = np.array([mask.shape[1] / small.shape[1], mask.shape[0] / small.shape[0]]).mean()
    return Outline(_halves(upright), float(angle), centre, float(factor))


def _main_part(solid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    opened = ndimage.binary_opening(np.pad(solid, 2), iterations=1)[2:-2, 2:-2]
    solid = opened if opened.any() else solid
    labels, count = ndimage.label(solid)
    if count == 0:
        raise ValueError("the garment's mask is empty")
    sizes = ndimage.sum_labels(solid, labels, range(1, count + 1))
    return ndimage.binary_fill_holes(labels == 1 + int(np.argmax(sizes)))


def _trace(solid: NDArray[np.bool_]) -> Points:
    """Moore-neighbour tracing: boundary pixels' centres in order, (N, 2) x, y, turning clockwise on screen."""
    padded = np.pad(solid, 1)
    start = tuple(np.argwhere(padded)[0])
    here, looking, path = start, 6, []
    for _ in range(8 * (sum(padded.shape) + 64) * 4):
        path.append(here)
        for turn in range(8):
            step = (looking + turn) % 8
            there = here[0] + _RING[step][0], here[1] + _RING[step][1]
            if padded[there]:
                break
        here, looking = there, (step + 5) % 8 if step % 2 else (step + 6) % 8
        if here == start and len(path) > 2:
            break
    return np.array(path, float)[:, ::-1] - 0.5


def _tilt(solid: NDArray[np.bool_]) -> float:
    """The angle in radians, within 28 degrees, by which the garment leans from upright, by mirror symmetry."""
    step = max(max(solid.shape) // 64, 1)
    rows, columns = np.nonzero(solid[::step, ::step])
    points = np.stack([columns, rows], -1) - np.array([columns.mean(), rows.mean()])
    size = int(np.abs(points).max() * 1.5) + 2
    best, best_score = 0.0, -1.0
    for degrees in range(-28, 29, 4):
        angle = np.deg2rad(degrees)
        cos, sin = np.cos(angle), np.sin(angle)
        turned = points @ np.array([[cos, -sin], [sin, cos]])
        image = np.zeros((2 * size, 2 * size), bool)
        cells = np.round(turned).astype(int) + size
        image[cells[:, 1], cells[:, 0]] = True
        image = ndimage.binary_closing(image)
        centre = (cells[:, 0].min() + cells[:, 0].max() + round(2 * turned[:, 0].mean() + 2 * size)) // 2
        mirrored = np.roll(image[:, ::-1], centre - (2 * size - 1), axis=1)
        score = (image & mirrored).sum() / (image | mirrored).sum() - 0.002 * abs(degrees)
        if score > best_score + 1e-9:
            best, best_score = angle, float(score)
    return best


def _halves(upright: Points) -> tuple[Points, Points]:
    """Split the closed outline at the axis: (out, down) paths from the hem's middle to the neck's middle."""
    near = np.abs(upright[:, 0]) < 1.5
    near = near if near.any() else np.abs(upright[:, 0]) <= np.abs(upright[:, 0]).min() + 1e-6
    candidates = np.nonzero(near)[0]
    low = candidates[np.argmax(upright[candidates, 1])]
    high = candidates[np.argmin(upright[candidates, 1])]
    path = np.roll(upright, -low, axis=0)
    cut = (high - low) % len(upright)
    first, second = path[: cut + 1], np.concatenate([path[cut:], path[:1]])[::-1]
    left, right = (first, second) if first[:, 0].mean() < second[:, 0].mean() else (second, first)
    return left * np.array([-1.0, 1.0]), right.copy()


def dents(path: Points) -> list[tuple[int, int, int, float]]:
    """Concavities of a half outline: (start, end, deepest index, depth) between neighbours on its convex hull."""
    hull = np.sort(ConvexHull(path + 1e-7 * np.arange(len(path))[:, None]).vertices)
    found = []
    for start, end in pairwise(hull.tolist()):
        if end - start < 3:
            continue
        chord = path[end] - path[start]
        offset = path[start : end + 1] - path[start]
        depth = np.abs(chord[0] * offset[:, 1] - chord[1] * offset[:, 0]) / max(np.hypot(*chord), 1e-6)
        deepest = int(np.argmax(depth))
        found.append((int(start), int(end), int(start) + deepest, float(depth[deepest])))
    return found
