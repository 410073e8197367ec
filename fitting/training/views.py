"""Random views of pictures: where the camera stands, what lies behind, light, and what cameras spoil.

All on batches of float in [0, 1], drawn from a numpy Generator, so that a batch depends on its step alone.
"""

from __future__ import annotations

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

Rng = np.random.Generator


def tensor(array: NDArray | list) -> Tensor:
    """float32 tensor with a copy of the numbers."""
    return torch.from_numpy(np.array(array, dtype=np.float32))


def look(pictures: Tensor, homography: NDArray, size: tuple[int, int], padding: str = "border") -> Tensor:
    """See pictures through homographies.

    Args:
        pictures: (B, C, H, W) float.
        homography: (B, 3, 3), from the view's [-1, 1] square to the picture's.
        size: rows, columns of the view.
        padding: outside the picture: "border" repeats its edge, "reflection" mirrors it, "zeros" is empty.
    """
    rows, columns = size
    y, x = np.meshgrid(
        (np.arange(rows) + 0.5) * 2 / rows - 1, (np.arange(columns) + 0.5) * 2 / columns - 1, indexing="ij"
    )
    points = np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    seen = homography @ points  # (B, 3, rows * columns)
    grid = (seen[:, :2] / seen[:, 2:]).transpose(0, 2, 1).reshape(-1, rows, columns, 2)
    # Halve pictures that are much larger than the view first: sampling alone would alias.
    while pictures.shape[-1] >= 1.8 * columns:
        pictures = F.avg_pool2d(pictures, 2)
    return F.grid_sample(pictures, tensor(grid), "bilinear", padding, align_corners=False)


def camera(rng: Rng, centre: tuple[float, float], reach: float, turn: float) -> NDArray:
    """A random homography that puts `centre` near the middle, with `reach` filling half the view.

    Args:
        centre: x, y in the picture's [-1, 1] square.
        reach: half the side of what the view should span, in the same units.
        turn: spread of the rotation in radians.
    """
    angle = rng.normal(0, turn) if rng.random() < 0.7 else rng.normal(0, 3 * turn)
    stretch = np.exp(rng.normal(0, 0.07))
    flip = -1.0 if rng.random() < 0.5 else 1.0
    cosine, sine = np.cos(angle), np.sin(angle)
    turned = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([flip * stretch, 1 / stretch]) * reach
    affine = np.eye(3)
    affine[:2, :2] = turned
    affine[:2, 2] = centre
    tilt = np.eye(3)
    tilt[2, :2] = rng.normal(0, 0.06, 2)
    shift = np.eye(3)
    shift[:2, 2] = rng.uniform(-0.08, 0.08, 2)
    return affine @ tilt @ shift


def texture(rng: Rng, size: tuple[int, int]) -> Tensor:
    """A made-up surface (3, *size): plain, clouded, striped, checked, tiled or planked."""
    rows, columns = size
    y, x = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    angle = rng.uniform(0, np.pi)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    first, second = (np.clip(rng.normal(rng.uniform(0.15, 0.95), 0.12, 3), 0, 1) for _ in range(2))
    pitch = rng.uniform(0.06, 0.5)
    style = rng.integers(6)
    if style == 0:
        pattern = 0.2 * u
    elif style == 1:
        pattern = np.zeros_like(u)
    elif style == 2:
        pattern = (np.sin(np.pi * u / pitch) > rng.uniform(-0.9, 0.9)).astype(float)
    elif style == 3:
        pattern = (np.floor(u / pitch) + np.floor(v / pitch)) % 2
    elif style == 4:
        pattern = ((u / pitch % 1 < 0.06) | (v / pitch % 1 < 0.06)).astype(float)
    else:
        plank = np.floor(u / pitch)
        pattern = (u / pitch % 1 < 0.04) + 0.6 * (np.sin(plank * 12.9898) * 43758.5453 % 1)
    cloud = _cloud(rng, size)
    pattern = pattern + cloud * rng.uniform(0, 0.8)
    surface = first[:, None, None] + (second - first)[:, None, None] * pattern
    grain = rng.normal(0, rng.uniform(0, 0.04), (1, rows, columns))
    return tensor(surface + grain).clamp(0, 1)


def _cloud(rng: Rng, size: tuple[int, int]) -> NDArray:
    """Smooth noise of several scales, about 0 +- 1: (rows, columns)."""
    total = torch.zeros(1, 1, *size)
    for cells in (3, 7, 17):
        coarse = tensor(rng.normal(0, 3 / cells, (1, 1, cells, cells)))
        total += F.interpolate(coarse, size=size, mode="bicubic", align_corners=False)
    return total[0, 0].numpy()


def lit(pictures: Tensor, rng: Rng, strength: float = 1.0) -> Tensor:
    """Another light: colour cast, exposure, gamma, contrast, saturation, and a lamp to one side."""
    count, _, rows, columns = pictures.shape
    cast = tensor(np.exp(rng.normal(0, 0.08 * strength, (count, 3, 1, 1))))
    exposure = tensor(np.exp(rng.normal(0, 0.15 * strength, (count, 1, 1, 1))))
    gamma = tensor(np.exp(rng.normal(0, 0.15 * strength, (count, 1, 1, 1))))
    contrast, saturation = (tensor(np.exp(rng.normal(0, 0.15 * strength, (count, 1, 1, 1)))) for _ in "ab")
    slope = tensor(rng.normal(0, 0.12 * strength, (count, 2, 1, 1)))
    ramp = slope[:, :1] * torch.linspace(-1, 1, columns) + slope[:, 1:] * torch.linspace(-1, 1, rows)[:, None]
    x = pictures.clamp(1e-3, 1) ** gamma * cast * exposure * (1 + ramp)
    x = (x - 0.5) * contrast + 0.5
    grey = x.mean(1, keepdim=True)
    return (grey + (x - grey) * saturation).clamp(0, 1)


def spoiled(pictures: Tensor, rng: Rng) -> Tensor:
    """What cameras and chat programs do: blur, noise and JPEG, each to some of the pictures."""
    pictures = pictures.clone()
    blur = torch.from_numpy(rng.random(len(pictures)) < 0.25)
    if blur.any():
        soft = blurred(pictures[blur], rng.uniform(0.4, 1.2))
        pictures[blur] = soft
    noise = tensor(rng.gamma(1.0, 0.012, (len(pictures), 1, 1, 1)))
    pictures = (pictures + noise * tensor(rng.standard_normal(pictures.shape, dtype=np.float32))).clamp(0, 1)
    for index in np.flatnonzero(rng.random(len(pictures)) < 0.3):
        pixels = (pictures[index] * 255).to(torch.uint8).permute(1, 2, 0).numpy()
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=int(rng.integers(25, 90)))
        pictures[index] = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1) / 255
    return pictures


def blurred(maps: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (B, C, H, W), the edge repeated; sigma in pixels."""
    reach = max(int(3 * sigma), 1)
    kernel = torch.exp(-torch.arange(-reach, reach + 1).float().square() / (2 * sigma * sigma))
    kernel = kernel / kernel.sum()
    channels = maps.shape[1]
    padded = F.pad(maps, (reach,) * 4, mode="replicate")
    across = F.conv2d(padded, kernel.expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(across, kernel[:, None].expand(channels, 1, -1, 1), groups=channels)
