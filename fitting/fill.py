"""Smooth continuation: what a region would look like if its surroundings went on, and masked blurs.

Maps are small, on the processor, and these run many times a picture: OpenCV takes a fraction of what a convolution or
a pooling layer takes for one or a few channels.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fitting.planes import each, halved


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
    return halved(values)


def _double(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear enlargement of (C, h, w)."""
    return each(values, cv2.resize, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)


def blur(values: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (C, H, W) or (H, W); wide ones are made at a coarser size."""
    if values.ndim == 2:
        return blur(values[None], sigma)[0]
    factor = max(int(sigma / 3), 1)
    rows, columns = values.shape[-2:]
    small = values
    if factor > 1:
        size = max(columns // factor, 2), max(rows // factor, 2)
        small = each(small, cv2.resize, size, interpolation=cv2.INTER_AREA)
    step = sigma / factor
    side = 2 * max(int(3 * step + 0.5), 1) + 1
    small = each(small, cv2.GaussianBlur, (side, side), step, borderType=cv2.BORDER_REPLICATE)
    if factor > 1:
        small = each(small, cv2.resize, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return small


def masked_blur(values: Tensor, mask: Tensor, sigma: float) -> Tensor:
    """Blur of (C, H, W) that only mixes what is inside the mask (H, W)."""
    mask = mask.to(values.dtype)
    weight = blur(mask, sigma)
    return blur(values * mask, sigma) / weight.clamp(min=1e-4)


def grow(mask: Tensor, cells: int) -> Tensor:
    """A boolean mask (H, W) grown by so many cells, or shrunk when negative."""
    if cells == 0:
        return mask
    square = np.ones((2 * abs(cells) + 1,) * 2, np.uint8)
    change = cv2.dilate if cells > 0 else cv2.erode
    return torch.from_numpy(change(mask.numpy().view(np.uint8), square).view(np.bool_))
