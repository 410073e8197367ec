"""Landmarks of trousers, shorts and skirts that lie flat, read from their outline alone.

As with tops, each half is read in half-plane coordinates, from the crotch or the middle of the hem outward and up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitting.silhouette import Points, outline


@dataclass(frozen=True)
class Bottom:
    """Landmarks of trousers, shorts or a skirt; index 0 is the picture's left, 1 its right.

    Attributes:
        waist: (2, 2) corners; `top` the outline between them, left to right.
        outer: outline from waist corner to the outer end of the hem.
        inner: outline from crotch to the inner end of the hem; empty for a skirt.
        hem: for a skirt the outline from left to right; empty for legs.
        crotch: (2,) or None for a skirt.
        axis: (2,) unit vector from waist to hem.
    """

    waist: Points
    top: Points
    outer: tuple[Points, Points]
    inner: tuple[Points, Points]
    hem: Points
    crotch: Points | None
    axis: Points


def bottom_landmarks(mask: NDArray[np.float32]) -> Bottom:
    """Read trousers, shorts or a skirt. Raises ValueError when the mask is empty."""
    traced = outline(mask)
    height = float(np.ptp(np.concatenate(traced.halves)[:, 1]))
    halves = [_read_leg(path) for path in traced.halves]
    foot = max(float(path[:, 1].max()) for path in traced.halves)
    crotch = float(np.mean([path[0, 1] for path in traced.halves]))
    legs = foot - crotch > 0.1 * height

    def curves(index: int) -> tuple[Points, Points]:
        return traced.back(halves[0][index], 0), traced.back(halves[1][index], 1)

    tops, outer, inner = curves(0), curves(1), curves(2)
    top = np.concatenate([tops[0], tops[1][::-1]])
    hem = np.zeros((0, 2)) if legs else np.concatenate([inner[0][::-1], inner[1]])
    middle = traced.back(np.array([[0.0, crotch]]), 0)[0]
    return Bottom(
        np.stack([outer[0][0], outer[1][0]]),
        top,
        outer,
        inner if legs else (np.zeros((0, 2)),) * 2,
        hem,
        middle if legs else None,
        traced.down,
    )


def _read_leg(path: Points) -> tuple[Points, Points, Points]:
    """Half a lower garment: waist from the corner to the middle, outer edge down, and inner edge or hem out."""
    waist = int(np.argmax(path @ np.array([0.45, -1.0])))
    height = float(np.ptp(path[:, 1]))
    if path[:, 1].max() - path[0, 1] > 0.1 * height:
        middle = (path[0] + path[waist]) / 2
        below = np.arange(waist)
        tip = below[int(np.argmax(path[:waist, 1] + 0.2 * path[:waist, 0]))]
        along = (path[tip] - middle) / max(float(np.hypot(*(path[tip] - middle))), 1e-6)
        reach = (path[below] - middle) @ along
        end = below[reach >= reach.max() - 0.05 * height]
        inner, outer = int(end[0]), int(end[-1])
    else:
        inner = outer = int(np.argmax(path[:waist] @ np.array([0.5, 1.0])))
    inner, outer = max(inner, 1), max(outer, 1)
    return path[waist:], path[outer : waist + 1][::-1], path[: inner + 1]
