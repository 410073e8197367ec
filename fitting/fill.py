"""Smooth continuation: what a region would look like if its surroundings went on, and masked blurs."""

from __future__ import annotations

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
    weight = known[None, None]
    levels = [(image[None] * weight, weight)]
    while min(levels[-1][0].shape[-2:]) > 1:
        colour, weight = (_half(value) for value in levels[-1])
        full = weight.clamp(min=1e-8)
        kept = (weight * 4).clamp(max=1)
        levels.append((colour / full * kept, kept))
    filled = levels[-1][0] / levels[-1][1].clamp(min=1e-8)
    for colour, weight in reversed(levels[:-1]):
        wider = F.interpolate(filled, size=colour.shape[-2:], mode="bilinear", align_corners=False)
        filled = colour + (1 - weight) * wider
    return filled[0]


def _half(value: Tensor) -> Tensor:
    rows, columns = value.shape[-2:]
    padded = F.pad(value, (0, columns % 2, 0, rows % 2))
    return F.avg_pool2d(padded, 2)


def blur(values: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (C, H, W) or (H, W); wide ones are made at a coarser size."""
    if values.ndim == 2:
        return blur(values[None], sigma)[0]
    factor = max(int(sigma / 3), 1)
    rows, columns = values.shape[-2:]
    small = values[None]
    if factor > 1:
        size = max(rows // factor, 2), max(columns // factor, 2)
        small = F.interpolate(small, size=size, mode="area")
    step = sigma / factor
    reach = max(int(3 * step + 0.5), 1)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=values.dtype, device=values.device) / step) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    flat = small.reshape(-1, 1, *small.shape[-2:])
    flat = F.conv2d(F.pad(flat, (reach, reach, 0, 0), mode="replicate"), kernel)
    flat = F.conv2d(F.pad(flat, (0, 0, reach, reach), mode="replicate"), kernel.transpose(2, 3))
    small = flat.reshape(1, -1, *small.shape[-2:])
    if factor > 1:
        small = F.interpolate(small, size=(rows, columns), mode="bilinear", align_corners=False)
    return small[0]


def masked_blur(values: Tensor, mask: Tensor, sigma: float) -> Tensor:
    """Blur of (C, H, W) that only mixes what is inside the mask (H, W)."""
    mask = mask.to(values.dtype)
    weight = blur(mask, sigma)
    return blur(values * mask, sigma) / weight.clamp(min=1e-4)


def grow(mask: Tensor, cells: int) -> Tensor:
    """A boolean mask (H, W) grown by so many cells, or shrunk when negative."""
    if cells == 0:
        return mask
    values = (mask if cells > 0 else ~mask).float()[None, None]
    reach = abs(cells)
    wider = F.max_pool2d(values, (2 * reach + 1, 1), stride=1, padding=(reach, 0))
    wider = F.max_pool2d(wider, (1, 2 * reach + 1), stride=1, padding=(0, reach))[0, 0] > 0.5
    return wider if cells > 0 else ~wider
