"""Smooth continuation: what a region would look like if its surroundings went on, and masked blurs.

Maps are small and these run many times a picture, so they are written as sums of shifted maps: for one or a few
channels a convolution or a pooling layer takes ten to fifty times as long on a CPU.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def push_pull(image: Tensor, known: Tensor) -> Tensor:
    """Fill what is not known from what is, near things first (push-pull pyramid, Gortler et al. 1996).

    Args:
        image: (C, H, W) float.
        known: (H, W) float in [0, 1], how far each pixel can be trusted.

    Returns:
        (C, H, W) float; where `known` is 1 the image itself. All zeros when nothing is known.
    """
    weight = known[None]
    levels = [torch.cat([image * weight, weight])]  # colour times weight, and weight
    while min(levels[-1].shape[-2:]) > 1:
        half = _half(levels[-1])
        weight = half[-1:]
        levels.append(half * ((weight * 4).clamp(max=1) / weight.clamp(min=1e-8)))
    filled = levels[-1][:-1] / levels[-1][-1:].clamp(min=1e-8)
    for level in reversed(levels[:-1]):
        filled = torch.addcmul(level[:-1], 1 - level[-1:], _double(filled, (level.shape[-2], level.shape[-1])))
    return filled


def _half(values: Tensor) -> Tensor:
    """Means of 2x2 cells of (C, H, W), zeros beyond an odd side."""
    rows, columns = values.shape[-2:]
    if rows % 2 or columns % 2:
        values = F.pad(values, (0, columns % 2, 0, rows % 2))
    values = values[:, 0::2] + values[:, 1::2]
    return (values[..., 0::2] + values[..., 1::2]) * 0.25


def _double(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear enlargement of (C, h, w) to twice its size or, at an odd side, one less."""
    rows, columns = values.shape[-2:]
    if size != (2 * rows, 2 * columns):
        return F.interpolate(values[None], size=size, mode="bilinear", align_corners=False)[0]
    rim = F.pad(values[None], (1, 1, 1, 1), mode="replicate")[0]
    wide = values.new_empty(len(values), rows + 2, 2 * columns)
    middle = rim[..., 1:-1] * 0.75
    wide[..., 0::2] = torch.add(middle, rim[..., :-2], alpha=0.25)
    wide[..., 1::2] = torch.add(middle, rim[..., 2:], alpha=0.25)
    large = values.new_empty(len(values), 2 * rows, 2 * columns)
    middle = wide[:, 1:-1] * 0.75
    large[:, 0::2] = torch.add(middle, wide[:, :-2], alpha=0.25)
    large[:, 1::2] = torch.add(middle, wide[:, 2:], alpha=0.25)
    return large


def blur(values: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (C, H, W) or (H, W); wide ones are made at a coarser size."""
    if values.ndim == 2:
        return blur(values[None], sigma)[0]
    factor = max(int(sigma / 3), 1)
    rows, columns = values.shape[-2:]
    small = values
    if factor > 1:
        size = max(rows // factor, 2), max(columns // factor, 2)
        small = F.interpolate(small[None], size=size, mode="area")[0]
    step = sigma / factor
    reach = max(int(3 * step + 0.5), 1)
    kernel = [math.exp(-0.5 * (place / step) ** 2) for place in range(reach + 1)]
    total = kernel[0] + 2 * sum(kernel[1:])
    kernel = [share / total for share in kernel]
    small = _weighed(_weighed(small, kernel, 2), kernel, 1)
    if factor > 1:
        small = F.interpolate(small[None], size=(rows, columns), mode="bilinear", align_corners=False)[0]
    return small


def _weighed(values: Tensor, kernel: list[float], axis: int) -> Tensor:
    """Filter (C, H, W) along an axis by a symmetric kernel, given from its middle on; the edge is repeated."""
    reach, count = len(kernel) - 1, values.shape[axis]
    pads = (reach, reach, 0, 0) if axis == 2 else (0, 0, reach, reach)
    padded = F.pad(values[None], pads, mode="replicate")[0]
    result = values * kernel[0]
    for place, share in enumerate(kernel[1:], start=1):
        pair = padded.narrow(axis, reach - place, count) + padded.narrow(axis, reach + place, count)
        result = result.add(pair, alpha=share)
    return result


def masked_blur(values: Tensor, mask: Tensor, sigma: float) -> Tensor:
    """Blur of (C, H, W) that only mixes what is inside the mask (H, W)."""
    mask = mask.to(values.dtype)
    weight = blur(mask, sigma)
    return blur(values * mask, sigma) / weight.clamp(min=1e-4)


def grow(mask: Tensor, cells: int) -> Tensor:
    """A boolean mask (H, W) grown by so many cells, or shrunk when negative."""
    if cells == 0:
        return mask
    values = mask if cells > 0 else ~mask
    wider = _spread(_spread(values, abs(cells), 0), abs(cells), 1)
    return wider if cells > 0 else ~wider


def _spread(mask: Tensor, reach: int, axis: int) -> Tensor:
    """A boolean mask (H, W) grown along an axis, by doubling: the window of 2, 4, 8 ... cells from the last one."""
    window = 2 * reach + 1
    wide = F.pad(mask, (0, 0, reach, reach) if axis == 0 else (reach, reach, 0, 0))
    covered = 1
    while 2 * covered <= window:
        length = wide.shape[axis] - covered
        wide = wide.narrow(axis, 0, length) | wide.narrow(axis, covered, length)
        covered *= 2
    count = mask.shape[axis]
    return wide.narrow(axis, 0, count) | wide.narrow(axis, window - covered, count)
