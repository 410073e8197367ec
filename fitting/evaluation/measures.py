"""Measures of how near one picture is to another, over a region."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fitting.fill import blur


def l1(image: Tensor, truth: Tensor, region: Tensor) -> float:
    """Mean absolute difference of (3, H, W) in [0, 1] over a region (H, W) bool."""
    return float((image - truth).abs()[:, region].mean())


def psnr(image: Tensor, truth: Tensor, region: Tensor) -> float:
    """Peak signal-to-noise ratio in dB over a region (H, W) bool; 99 for equal pictures."""
    error = float((image - truth).square()[:, region].mean())
    return 99.0 if error < 1e-10 else -10 * math.log10(error)


def ssim(image: Tensor, truth: Tensor, region: Tensor) -> float:
    """Mean structural similarity (Wang et al. 2004, Gaussian window of sigma 1.5) over a region (H, W) bool."""
    first, second = 0.01**2, 0.03**2
    mean_x, mean_y = blur(image, 1.5), blur(truth, 1.5)
    var_x = blur(image.square(), 1.5) - mean_x.square()
    var_y = blur(truth.square(), 1.5) - mean_y.square()
    both = blur(image * truth, 1.5) - mean_x * mean_y
    score = (2 * mean_x * mean_y + first) * (2 * both + second)
    score = score / ((mean_x.square() + mean_y.square() + first) * (var_x + var_y + second))
    return float(torch.clamp(score, -1, 1)[:, region].mean())


def fit(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Shrink (C, H, W) by area until it fits within rows and columns; never enlarged, its shape kept."""
    height, width = image.shape[-2:]
    scale = min(1.0, size[0] / height, size[1] / width)
    if scale == 1.0:
        return image
    target = max(round(height * scale), 1), max(round(width * scale), 1)
    return F.interpolate(image[None], size=target, mode="area")[0]
