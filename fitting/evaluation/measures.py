"""Measures of how near one picture is to another, over a region."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fitting.fill import blur


def difference(image: Tensor, truth: Tensor, region: Tensor) -> float:
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
