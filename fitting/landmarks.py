"""Landmarks of tops and dresses that lie flat, read from its outline alone.

Each half of the upright outline is read from the middle of the hem outward and up to the middle of the neck, in
half-plane coordinates: *out* from the axis and *down*. So left and right share one reading. Corners that the
outline does not show (sleeves lying against the body, no armholes) get a sane guess. Points are (x, y) in
continuous pixels of the garment's picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitting.silhouette import Points, dents, outline

SEAM = 0.86  # where a sleeve is sewn on at the shoulder, as a share of the armpit's distance from the axis


@dataclass(frozen=True)
class Sleeve:
    """Outline of a sleeve: `top` from shoulder to cuff, `bottom` from armpit to cuff, both (N, 2)."""

    top: Points
    bottom: Points


@dataclass(frozen=True)
class Top:
    """Landmarks of a garment with a torso; index 0 is the picture's left, 1 its right.

    Attributes:
        neck, shoulder, armpit, hem: (2, 2) corners.
        shoulders: outline from shoulder to neck corner.
        armholes: curve from shoulder to armpit.
        sides: outline from armpit to hem corner.
        bottom: (N, 2) outline from the left hem corner to the right one.
        sleeves: one a side, or None where there is none.
        collar: how far the garment reaches above its neck corners, in pixels.
        axis: (2,) unit vector from neck to hem.
    """

    neck: Points
    shoulder: Points
    armpit: Points
    hem: Points
    shoulders: tuple[Points, Points]
    armholes: tuple[Points, Points]
    sides: tuple[Points, Points]
    bottom: Points
    sleeves: tuple[Sleeve | None, Sleeve | None]
    collar: float
    axis: Points


@dataclass(frozen=True)
class _Half:
    """One half of a top in (out, down) coordinates."""

    neck: Points
    shoulder: Points
    armpit: Points
    hem: Points
    shoulders: Points
    armhole: Points
    side: Points
    bottom: Points
    sleeve: tuple[Points, Points] | None
    collar: float


def top_landmarks(mask: NDArray[np.float32], sleeves: bool | None = None) -> Top:
    """Read a shirt, jacket or dress. `sleeves` tells what the outline may hide; None lets the outline decide.

    Raises ValueError when the mask is empty.
    """
    traced = outline(mask)
    left, right = (_read_half(path, sleeves) for path in traced.halves)
    # One sleeve seen and the other lost to a fold: mirror the half that shows it.
    if (left.sleeve is None) != (right.sleeve is None):
        left = right = left if left.sleeve is not None else right
    halves = (left, right)

    def both(name: str) -> Points:
        return np.concatenate([traced.back(getattr(half, name), side) for side, half in enumerate(halves)])

    def curves(name: str) -> tuple[Points, Points]:
        return traced.back(getattr(left, name), 0), traced.back(getattr(right, name), 1)

    found = [
        None if half.sleeve is None else Sleeve(*(traced.back(edge, side) for edge in half.sleeve))
        for side, half in enumerate(halves)
    ]
    bottoms = curves("bottom")
    return Top(
        both("neck"),
        both("shoulder"),
        both("armpit"),
        both("hem"),
        curves("shoulders"),
        curves("armhole"),
        curves("side"),
        np.concatenate([bottoms[0][::-1], bottoms[1]]),
        (found[0], found[1]),
        max(left.collar, right.collar) * traced.scale,
        traced.down,
    )


def _read_half(path: Points, sleeves: bool | None) -> _Half:
    height, width = float(np.ptp(path[:, 1])), float(path[:, 0].max())
    top = float(path[:, 1].min())
    gap = _sleeve_gap(path, top, height, width)
    if gap is not None and sleeves is not False:
        return _sleeved(path, gap, top, height)
    hole = _armhole(path, top, height, width)
    likely = 2 * width > 1.15 * height or _widens(path, top, height, 0.55)
    if hole is None and (sleeves or (likely and sleeves is None)) and _widens(path, top, height):
        return _hidden_sleeve(path, top, height, width)
    return _sleeveless(path, hole, height)


def _sleeve_gap(path: Points, top: float, height: float, width: float) -> tuple[int, int, int] | None:
    """The dent between the hem and the cuff: (hem side, cuff side, armpit) indices."""
    best, most = None, 0.045 * width
    for start, end, deepest, depth in dents(path):
        outward = path[end, 0] - path[deepest, 0]
        if (
            depth > most
            and outward > 0.06 * width
            and path[end, 1] > top + 0.1 * height
            and (path[start, 1] > path[deepest, 1] + 0.1 * height and path[deepest, 0] > 0.25 * width)
        ):
            # Up the side as far as it stays a side: the armpit is where the outline turns outward.
            rising = np.arange(deepest, end)
            turned = rising[path[rising, 0] > path[deepest, 0] + 0.05 * path[end, 0]]
            straight = rising[: int(turned[0] - deepest) + 1] if len(turned) else rising
            armpit = int(straight[np.argmin(path[straight, 1])])
            away = path[end] - path[armpit]
            # Else it is a waist below a sleeveless chest.
            if away[1] > -1.2 * away[0] and away[0] > 0.04 * width:
                best, most = (start, end, armpit), depth
    return best


def _armhole(path: Points, top: float, height: float, width: float) -> tuple[int, int, int] | None:
    """The dent of a sleeveless garment between its side and its strap."""
    best, most = None, 0.03 * width
    for start, end, deepest, depth in dents(path):
        high = path[end, 1] < top + 0.22 * height and path[deepest, 1] < top + 0.5 * height
        if depth > most and high and path[start, 0] > path[end, 0] and path[end, 0] > 0.42 * width:
            best, most = (start, end, deepest), depth
    return best


def _widens(path: Points, top: float, height: float, most: float = 0.85) -> bool:
    """Narrow at the neck or hood, wide below: sleeves lie at the sides."""

    def at(share: float) -> float:
        near = np.abs(path[:, 1] - top - share * height) < 0.03 * height
        return float(path[near, 0].max()) if near.any() else 0.0

    return at(0.12) < most * at(0.6)


def _sleeved(path: Points, gap: tuple[int, int, int], top: float, height: float) -> _Half:
    _, cuff_near, deepest = gap
    armpit_at, armpit = deepest, path[deepest]
    if armpit[1] > top + 0.55 * height:  # sleeve and body touch: the gap begins far below the armpit
        armpit = np.array([armpit[0], top + 0.36 * height])
    # Over the armpit, on the upper outline: where the sleeve was sewn on.
    upper = np.arange(cuff_near, len(path))
    over = upper[path[upper, 0] <= armpit[0] * SEAM]
    sewn = int(over[0]) if len(over) else len(path) - 1
    middle = (armpit + path[sewn]) / 2
    arc = np.arange(deepest, sewn + 1)
    inner, outer = _cuff(path, arc, middle, float(np.hypot(*(armpit - path[sewn]))))
    inner, outer = max(inner, armpit_at + 1), min(max(outer, inner + 1), sewn - 1)
    hem_at = _hem(path, armpit_at, armpit)
    under = path[armpit_at : inner + 1]
    if armpit is not path[armpit_at]:
        under = np.concatenate([armpit[None], under])
    return _finish(
        path,
        sewn,
        path[sewn],
        armpit,
        np.stack([path[sewn], armpit]),
        hem_at,
        armpit_at,
        (path[outer : sewn + 1][::-1], under),
    )


def _cuff(path: Points, arc: NDArray[np.int64], root: Points, wide: float) -> tuple[int, int]:
    """Ends (inner, outer) of the straight stretch of a sleeve's outline that lies farthest from its root."""
    chosen = arc[np.unique(np.linspace(0, len(arc) - 1, 56).astype(int))]
    points = path[chosen]
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    first, last = np.triu_indices(len(chosen), 1)
    chord = points[last] - points[first]
    span = np.hypot(*chord.T)
    axis = (points[last] + points[first]) / 2 - root
    reach = np.maximum(np.hypot(*axis.T), 1e-6)
    slant = np.abs((chord * axis).sum(1)) / reach
    score = reach - 0.5 * slant + 0.5 * np.minimum(span, wide)
    bent = length[last] - length[first] > 1.08 * span + 1.0
    score = np.where(bent | (span < 0.3 * wide) | (span > 1.2 * wide), -np.inf, score)
    best = int(np.argmax(score))
    if not np.isfinite(score[best]):
        far = int(np.argmax(np.hypot(*(path[arc] - root).T)))
        return int(arc[max(far - 2, 0)]), int(arc[min(far + 2, len(arc) - 1)])
    return int(chosen[first[best]]), int(chosen[last[best]])


def _hidden_sleeve(path: Points, top: float, height: float, width: float) -> _Half:
    """Sleeves that lie against the body: split the outer third off as a hanging sleeve."""
    armpit = np.array([0.62 * width, top + 0.34 * height])
    upper = np.arange(len(path))[path[:, 1] < armpit[1]]
    over = upper[path[upper, 0] <= armpit[0]]
    sewn = int(over[0]) if len(over) else len(path) - 1
    corner = int(np.argmax(path @ np.array([1.0, 0.8])))
    cuff_in = np.array([armpit[0] + 0.05 * width, path[corner, 1]])
    hem_at = int(np.argmin(np.abs(path[: corner + 1, 0] - armpit[0])))
    sleeve = path[corner : sewn + 1][::-1], np.stack([armpit, cuff_in])
    return _finish(path, sewn, path[sewn], armpit, np.stack([path[sewn], armpit]), hem_at, -1, sleeve)


def _sleeveless(path: Points, hole: tuple[int, int, int] | None, height: float) -> _Half:
    if hole is None:  # a tube, or a boxy cut: the armhole is the uppermost side
        strap = int(np.argmax(path @ np.array([0.5, -1.0])))
        high = np.arange(len(path))[path[:, 1] < path[:, 1].min() + 0.3 * height]
        armpit_at = max(min(int(high[np.argmax(path[high, 0])]), strap - 1), 1)
    else:
        strap = hole[1]
        arc = np.arange(hole[0], hole[2] + 1)
        low = arc[path[arc, 1] < path[hole[2], 1] + 0.25 * height]
        armpit_at = int(low[np.argmax(path[low] @ np.array([1.0, -0.5]))])
    armpit = path[armpit_at]
    armhole = path[armpit_at : strap + 1][::-1]
    return _finish(path, strap, path[strap], armpit, armhole, _hem(path, armpit_at, armpit), armpit_at, None)


def _hem(path: Points, armpit_at: int, armpit: Points) -> int:
    below = np.arange(max(armpit_at, 1))
    below = below[path[below, 0] < 2.6 * armpit[0]]
    return int(below[np.argmax(path[below] @ np.array([0.55, 1.0]))])


def _finish(
    path: Points,
    sewn: int,
    shoulder: Points,
    armpit: Points,
    armhole: Points,
    hem_at: int,
    armpit_at: int,
    sleeve: tuple[Points, Points] | None,
) -> _Half:
    neck_at, collar = _neck(path, sewn)
    hem_at = max(hem_at, 1)
    side = path[hem_at : armpit_at + 1][::-1] if armpit_at > hem_at else np.stack([armpit, path[hem_at]])
    side = np.concatenate([armpit[None], side[1:]]) if len(side) > 1 else np.stack([armpit, path[hem_at]])
    shoulders = path[sewn : neck_at + 1]
    if len(shoulders) < 2:
        shoulders = np.stack([shoulder, path[neck_at]])
    return _Half(
        path[neck_at], shoulder, armpit, path[hem_at], shoulders, armhole, side, path[: hem_at + 1], sleeve, collar
    )


def _neck(path: Points, sewn: int) -> tuple[int, float]:
    """Index of the neck corner, and how far a collar or hood rises above it."""
    upper = path[sewn:]
    if len(upper) < 4:
        return len(path) - 1, 0.0
    corner = int(np.argmax(upper @ np.array([0.12, -1.0])))
    wide = max(float(upper[0, 0]), 1e-6)
    if corner >= 3:  # a dent between shoulder and highest point: a collar or a hood stands on the neck
        chord = upper[corner] - upper[0]
        offset = upper[: corner + 1] - upper[0]
        depth = (chord[0] * offset[:, 1] - chord[1] * offset[:, 0]) / max(float(np.hypot(*chord)), 1e-6)
        depth = depth * (-1.0 if chord[0] > 0 else 1.0)
        deepest = int(np.argmax(np.abs(depth)))
        if np.abs(depth[deepest]) > 0.05 * wide and upper[deepest, 1] > upper[corner, 1] + 0.1 * wide:
            corner = deepest
    if not 0.18 * wide < upper[corner, 0] < 0.85 * wide:
        corner = int(np.argmin(np.abs(upper[:, 0] - 0.45 * wide)))
    return sewn + corner, max(float(upper[corner, 1] - upper[:, 1].min()), 0.0)
