"""Pictures in and out: safe decoding, and the only place where value ranges change.

Ranges by name: *pixels* are uint8 in [0, 255]; *unit* is float in [0, 1]; *signed* is float in [-1, 1].
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def to_tensor(image: Image.Image) -> Tensor:
    """RGB picture -> (3, H, W) uint8 pixels."""
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()


def to_image(pixels: Tensor) -> Image.Image:
    """(3, H, W) uint8 pixels -> RGB picture; (1, H, W) or (H, W) -> grey picture."""
    if pixels.dtype != torch.uint8:
        raise ValueError(f"pixels must be uint8, not {pixels.dtype}")
    if pixels.ndim == 3 and pixels.shape[0] == 1:
        pixels = pixels[0]
    array = pixels.cpu().numpy()
    return Image.fromarray(array if array.ndim == 2 else array.transpose(1, 2, 0))


def to_unit(pixels: Tensor) -> Tensor:
    """uint8 pixels -> float in [0, 1]."""
    return pixels.float() / 255


def to_pixels(unit: Tensor) -> Tensor:
    """Float in [0, 1] -> uint8 pixels, rounded; values outside are clipped."""
    return (unit.clamp(0, 1) * 255).round().to(torch.uint8)


def to_signed(unit: Tensor) -> Tensor:
    """Float in [0, 1] -> [-1, 1], what networks see."""
    return unit * 2 - 1


def from_signed(signed: Tensor) -> Tensor:
    """Float in [-1, 1] -> [0, 1], clipped."""
    return ((signed + 1) / 2).clamp(0, 1)
