"""Smooth patches between four curves, and their drawing: how geometry becomes a flow.

A Coons patch (Coons 1967) fills four boundary curves; the same patch over the garment and over the body gives
corresponding points. Patches that share a curve meet without a gap. Triangles are drawn all at once, so a
garment costs a few milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Patch:
    """Corresponding lattices (rows, columns, 2): `source` on the garment, `target` on the body's grid."""

    source: Points
    target: Points


def resample(curve: Points, count: int) -> Points:
    """Points evenly spaced by length along a curve (N, 2) -> (count, 2)."""
    curve = np.asarray(curve, float)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    if length[-1] < 1e-9:
        return np.repeat(curve[:1], count, 0)
    at = np.linspace(0, length[-1], count)
    return np.stack([np.interp(at, length, curve[:, axis]) for axis in (0, 1)], -1)


def coons(top: Points, bottom: Points, left: Points, right: Points) -> Points:
    """Fill four curves; top and bottom run left to right, left and right downwards; corners must agree."""
    v = np.linspace(0, 1, len(left))[:, None, None]
    u = np.linspace(0, 1, len(top))[None, :, None]
    ruled = (1 - v) * top[None] + v * bottom[None] + (1 - u) * left[:, None] + u * right[:, None]
    corners = (1 - v) * ((1 - u) * top[0] + u * top[-1]) + v * ((1 - u) * bottom[0] + u * bottom[-1])
    return ruled - corners


def signed_areas(lattice: Points) -> NDArray[np.float64]:
    """Twice the signed area of every triangle of a lattice (rows, columns, 2); one sign means no fold."""
    a, b, c = _triangles(lattice)
    return _cross(b - a, c - a)


def fold_free(top: Points, bottom: Points, left: Points, right: Points) -> Points:
    """A Coons patch whose sides are straightened only as far as it takes to have no fold."""
    for straight in (0.0, 0.35, 0.7, 1.0):
        curves = [
            curve + straight * (np.linspace(curve[0], curve[-1], len(curve)) - curve)
            for curve in (top, bottom, left, right)
        ]
        lattice = coons(*curves)
        areas = signed_areas(lattice)
        if (areas > 0).all() or (areas < 0).all():
            break
    return lattice


def ruled(outer: Points, inner: Points, columns: int) -> Points:
    """Straight sections from one edge (rows, 2) to the other -> (rows, columns, 2)."""
    share = np.linspace(0, 1, columns)[None, :, None]
    return outer[:, None] * (1 - share) + inner[:, None] * share


def ruled_fold_free(outer: Points, inner: Points, columns: int) -> Points:
    """Sections around a bend, whose inner ends are spread until no two sections cross."""
    outer, inner = outer.copy(), inner.copy()
    for _ in range(24):
        lattice = ruled(outer, inner, columns)
        areas = signed_areas(lattice).reshape(2, len(outer) - 1, columns - 1)
        bad = (areas * np.sign(np.median(areas)) <= 0).any((0, 2))
        if not bad.any():
            break
        middle = (outer + inner) / 2
        ahead = np.diff(middle, axis=0)
        for edge in (outer, inner):
            # The edge that turns back on itself is the one to give way.
            back = bad & ((np.diff(edge, axis=0) * ahead).sum(1) <= 0.25 * (ahead * ahead).sum(1))
            near = np.concatenate([back, [False]]) | np.concatenate([[False], back])
            near = np.convolve(near, np.ones(5), "same") > 0
            near[0] = False  # where it is sewn on
            smooth = edge.copy()
            smooth[1:-1] = (edge[:-2] + 2 * edge[1:-1] + edge[2:]) / 4
            edge[near] = (middle + 0.93 * (smooth - middle))[near]
    return lattice


def draw(patches: list[Patch], size: tuple[int, int]) -> tuple[Points, NDArray[np.bool_]]:
    """Draw patches; later ones lie on top.

    Returns:
        source points (rows, columns, 2) for every cell of the grid, and which cells were drawn.
    """
    points = np.zeros((*size, 2))
    drawn = np.zeros(size, bool)
    for patch in patches:
        targets = _triangles(patch.target)
        sources = _triangles(patch.source)
        _draw_triangles(targets, sources, points, drawn)
    return points, drawn


def _triangles(lattice: Points) -> tuple[Points, Points, Points]:
    a, b, c, d = lattice[:-1, :-1], lattice[:-1, 1:], lattice[1:, :-1], lattice[1:, 1:]
    first, second, third = (np.stack(group).reshape(-1, 2) for group in ((a, b), (b, d), (c, c)))
    return first, second, third


def _cross(a: Points, b: Points) -> NDArray[np.float64]:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _draw_triangles(
    targets: tuple[Points, Points, Points],
    sources: tuple[Points, Points, Points],
    points: Points,
    drawn: NDArray[np.bool_],
) -> None:
    """Write the source points of every cell whose centre lies in a triangle."""
    a, b, c = targets
    area = _cross(b - a, c - a)
    # A garment or a body misread can throw corners far away: such triangles show nothing, and would cost everything.
    spread = np.max([a, b, c], axis=0) - np.min([a, b, c], axis=0)
    keep = (np.abs(area) > 1e-6) & (spread.max(-1) < max(drawn.shape) / 2)
    a, b, c, area = a[keep], b[keep], c[keep], area[keep]
    if not len(a):
        return
    # Every triangle brings the cells of its own box, one after the other: `which` says whose a cell is.
    limits = np.array(drawn.shape)[::-1]
    low = np.maximum(np.floor(np.minimum(np.minimum(a, b), c) - 0.5).astype(int), 0)
    high = np.minimum(np.ceil(np.maximum(np.maximum(a, b), c) - 0.5).astype(int) + 1, limits)
    extent = np.maximum(high - low, 0)
    count = extent.prod(1)
    which = np.repeat(np.arange(len(a)), count)
    place = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    row, column = np.divmod(place, extent[which, 0])
    row, column = row + low[which, 1], column + low[which, 0]
    x, y = column + 0.5 - a[which, 0], row + 0.5 - a[which, 1]
    to_b, to_c = b - a, c - a
    weight_b = (x * to_c[which, 1] - y * to_c[which, 0]) / area[which]
    weight_c = (to_b[which, 0] * y - to_b[which, 1] * x) / area[which]
    weight_a = 1 - weight_b - weight_c
    inside = np.minimum(np.minimum(weight_a, weight_b), weight_c) >= -1e-4
    which, row, column = which[inside], row[inside], column[inside]
    source = sum(
        weight[inside][:, None] * corner[keep][which]
        for weight, corner in zip((weight_a, weight_b, weight_c), sources, strict=True)
    )
    points[row, column] = source
    drawn[row, column] = True
