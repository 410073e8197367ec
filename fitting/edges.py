"""Curves that patches of garments and bodies are made of. Points are (x, y); curves are (N, 2)."""

from __future__ import annotations

import numpy as np

from fitting.body import Body
from fitting.limbs import Limb
from fitting.mesh import Points


def sideways(down: Points) -> Points:
    return np.array([down[1], -down[0]])


def joined(curve: Points, start: Points, end: Points) -> Points:
    return np.concatenate([start[None], curve[1:-1], end[None]])


def hem_curve(source: Points, axis: Points, scale: float, left: Points, right: Points, body: Body) -> Points:
    """The hem on the body keeps its own curve and hangs a little rounder."""
    chord = np.linspace(source[0], source[-1], len(source))
    drop = (source - chord) @ axis * scale
    round_ = np.sin(np.linspace(0, np.pi, len(source))) * 0.03 * np.linalg.norm(right - left)
    return (
        np.linspace(left, right, len(source))
        + (np.clip(drop, -0.2 * body.breadth, 0.3 * body.breadth) + round_)[:, None] * body.down
    )


def thickness(outer: Points, inner: Points) -> Points:
    """Width of a flat sleeve or leg across its own middle line, from its two edges (N, 2)."""
    along = np.gradient((outer + inner) / 2, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    apart = outer - inner
    return np.abs(apart[:, 0] * along[:, 1] - apart[:, 1] * along[:, 0])


def covering(limb: Limb, at: Points, half: Points, side: float) -> Points:
    """Half widths that also cover the skin the photo shows on that side of the limb."""
    shown = limb.shown[0 if side > 0 else 1]
    return np.maximum(half, 1.06 * np.interp(at, np.linspace(0, 1, len(shown)), shown))


def limb_edge(line: Points, at: Points, half: Points, normal_side: float) -> Points:
    along = np.linspace(0, 1, len(line))
    middle = np.stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)], -1)
    tangent = np.stack([np.interp(at, along, np.gradient(line[:, axis])) for axis in (0, 1)], -1)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-6)
    return middle + normal_side * np.stack([tangent[:, 1], -tangent[:, 0]], -1) * half[:, None]


def rounded(curve: Points, passes: int = 4) -> Points:
    """A curve with its corners rounded, its ends kept."""
    curve = curve.copy()
    for _ in range(passes):
        curve[1:-1] = (curve[:-2] + 2 * curve[1:-1] + curve[2:]) / 4
    return curve


def soften(values: Points) -> Points:
    """Even out a run of widths."""
    kernel = np.hanning(9)[1:-1] / np.hanning(9).sum()
    return np.convolve(np.pad(values, 3, mode="edge"), kernel, "valid")


def curve_from(point: Points, edge: Points, ease: Points) -> Points:
    """A curve that starts at a point and joins an edge smoothly."""
    ease = ease * ease * (3 - 2 * ease)
    return point + (edge - edge[0]) * (1 - ease) * np.linspace(0, 1, len(edge))[:, None] + (edge - point) * ease - 0
