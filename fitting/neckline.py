"""The front neckline of a flat garment, and the inside of its back that shows above it.

A garment laid flat shows the inside of its back through the neck opening. On a person the neck is there. The
front edge is searched as a curve between the neck corners, of any depth and roundness, along which colour
changes all the way.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fitting.fill import blur
from fitting.landmarks import Top

_DEPTHS = np.linspace(0.1, 0.95, 35)  # of the distance between the neck corners
_ROUND = (1.1, 1.6, 2.2, 3.0)  # exponents: a V, ..., a wide U
_ACROSS = np.linspace(-0.86, 0.86, 41)
_CLEAR = 0.045  # colour step, in [0, 1] summed over channels, that an edge has all along
_PLAIN = 0.16  # depth of a neckline that cannot be seen


def without_inside(image: Tensor, mask: Tensor, top: Top) -> Tensor:
    """The garment's mask without the inside of its back.

    Args:
        image: (3, H, W) float in [0, 1].
        mask: (H, W) float in [0, 1].
        top: the garment's landmarks.

    Returns:
        (H, W) float in [0, 1].
    """
    chord = top.neck[1] - top.neck[0]
    width = float(np.linalg.norm(chord))
    tilt = abs(float(chord @ top.axis))
    if width < 6 or top.collar > 0.5 * width or tilt > 0.3 * width:  # a hood, or a corner that was missed
        return mask
    found = _search(image, mask, top, width)
    if found is None:
        if top.collar > 0.12 * width:
            return mask
        found = (_PLAIN, 2.2)
    depth, exponent = found
    across = chord / width
    rows, columns = np.arange(mask.shape[0])[:, None] + 0.5, np.arange(mask.shape[1])[None] + 0.5
    middle = top.neck.mean(0)
    u = ((columns - middle[0]) * across[0] + (rows - middle[1]) * across[1]) / (width / 2)
    v = (columns - middle[0]) * top.axis[0] + (rows - middle[1]) * top.axis[1]
    near = (np.abs(u) < 1) & (v < depth * width + 0.5)
    edge = depth * width * (1 - np.abs(u[near]) ** exponent)
    above = np.zeros(u.shape)
    above[near] = np.clip((edge - v[near]) + 0.5, 0, 1)
    return mask * (1 - torch.from_numpy(above).float())


def _search(image: Tensor, mask: Tensor, top: Top, width: float) -> tuple[float, float] | None:
    """Depth and exponent of the clearest curve, or None when none is clear."""
    smooth = blur(image, max(width / 60, 0.6)).numpy()
    across, middle = (top.neck[1] - top.neck[0]) / width, top.neck.mean(0)
    depths, exponents = np.meshgrid(_DEPTHS, _ROUND, indexing="ij")
    drop = depths[..., None] * (1 - np.abs(_ACROSS) ** exponents[..., None])
    slope = -depths[..., None] * exponents[..., None] * np.abs(_ACROSS) ** (exponents[..., None] - 1) * np.sign(_ACROSS)
    points = middle + width * (_ACROSS[:, None] / 2 * across + drop[..., None] * top.axis)
    normal = top.axis - (slope * 2)[..., None] * across
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    reach = max(0.05 * width, 1.5)
    below, above = _colours(smooth, points + reach * normal), _colours(smooth, points - reach * normal)
    step = np.abs(below - above).sum(0)
    # Above the front edge the inside of the back must show; else it is the garment's outline.
    inside = _colours(mask.numpy()[None], points - 2.2 * reach * normal)[0] > 0.5
    score = np.quantile(np.where(inside, step, 0.0), 0.3, axis=-1)
    wanted = score * (1 - 0.4 * depths)
    # A ribbed collar has two edges: the upper one is the garment's.
    best_depth = _DEPTHS[int(np.argmax(wanted.max(1)))]
    good = (wanted.max(1) >= 0.75 * wanted.max()) & (best_depth - 0.16 <= _DEPTHS)
    first = int(np.argmax(good))
    best = first, int(np.argmax(wanted[first]))
    # Deep necklines are rarer, and the deeper a curve the more prints it meets: ask more of it.
    doubt = 1 + 4 * max(float(depths[best]) - 0.35, 0.0)
    if score[best] < _CLEAR * doubt or score[best] < 1.5 * doubt**0.5 * np.median(score):
        return None
    # The inside lies in shadow or has another colour; a seam has the same cloth on both sides.
    middle_of = slice(len(_ACROSS) // 3, -(len(_ACROSS) // 3))
    higher = points[best][middle_of] - 0.16 * width * top.axis
    lower = points[best][middle_of] + 0.16 * width * top.axis
    apart = np.abs(np.median(_colours(smooth, higher), -1) - np.median(_colours(smooth, lower), -1)).sum()
    outside = _colours(mask.numpy()[None], higher)[0].mean() < 0.5
    if not outside and apart < _CLEAR:
        return None
    return float(depths[best]), float(exponents[best])


def _colours(image: NDArray[np.float32], points: NDArray[np.float64]) -> NDArray[np.float32]:
    columns = np.clip(np.floor(points[..., 0]).astype(int), 0, image.shape[2] - 1)
    rows = np.clip(np.floor(points[..., 1]).astype(int), 0, image.shape[1] - 1)
    return image[:, rows, columns]
