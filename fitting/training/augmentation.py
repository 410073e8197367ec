"""Augmentation that gradients pass through, for real and generated garments alike.

A discriminator with few real pictures learns them by heart; one that only ever sees altered pictures cannot, and the
generator need not copy the alterations as long as some pictures stay as they are (Zhao et al. 2020,
arXiv:2006.10738; Karras et al. 2020, arXiv:2006.06676). Garments are (B, 4, H, W), colours times alpha, and alpha.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SHARE = 0.7  # of the pictures that each alteration meets


def altered(garments: Tensor, random: torch.Generator, share: float = SHARE) -> Tensor:
    """Light, place and a hole, each for a share of the garments. The same draws alter two batches alike."""
    return _holed(_moved(_lit(garments, random, share), random, share), random, share)


def _met(count: int, random: torch.Generator, share: float, device: torch.device) -> Tensor:
    return (torch.rand(count, 1, 1, 1, generator=random) < share).float().to(device)


def _even(count: int, low: float, high: float, random: torch.Generator) -> Tensor:
    return torch.rand(count, 1, 1, 1, generator=random) * (high - low) + low


def _lit(garments: Tensor, random: torch.Generator, share: float) -> Tensor:
    """Brightness, saturation and contrast, mildly: the colour is part of what is asked for."""
    count, device = len(garments), garments.device
    met = _met(count, random, share, device)
    brighter = _even(count, -0.12, 0.12, random).to(device) * met
    saturation = 1 + (_even(count, 0.6, 1.4, random).to(device) - 1) * met
    contrast = 1 + (_even(count, 0.75, 1.25, random).to(device) - 1) * met
    colour, alpha = garments[:, :3], garments[:, 3:]
    colour = colour + brighter * alpha
    grey = colour.mean(1, keepdim=True)
    colour = grey + (colour - grey) * saturation
    middle = colour.sum((1, 2, 3), keepdim=True) / (3 * alpha.sum((1, 2, 3), keepdim=True)).clamp(min=1)
    middle = middle * alpha
    return torch.cat([middle + (colour - middle) * contrast, alpha], 1)


def _moved(garments: Tensor, random: torch.Generator, share: float, most: float = 0.125) -> Tensor:
    """By whole pixels, up to an eighth of the side; what comes in is empty."""
    count, _, rows, columns = garments.shape
    reach = round(most * rows)
    steps = torch.randint(-reach, reach + 1, (count, 2), generator=random)
    steps = steps * (torch.rand(count, 1, generator=random) < share)
    padded = F.pad(garments, (reach,) * 4)
    cut = [
        padded[index, :, reach + down : reach + down + rows, reach + across : reach + across + columns]
        for index, (down, across) in enumerate(steps.tolist())
    ]
    return torch.stack(cut)


def _holed(garments: Tensor, random: torch.Generator, share: float) -> Tensor:
    """A square of nothing, 0.4 of the side."""
    count, _, rows, columns = garments.shape
    met = _met(count, random, share * 0.6, garments.device)
    middle = torch.rand(2, count, 1, 1, generator=random).to(garments.device)
    down = (torch.arange(rows, device=garments.device)[None, :, None] / rows - middle[0]).abs()
    across = (torch.arange(columns, device=garments.device)[None, None] / columns - middle[1]).abs()
    inside = ((down < 0.2) & (across < 0.2)).float()[:, None]
    return garments * (1 - met * inside)
