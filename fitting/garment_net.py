"""The network that looks at garments: cut-out, kind and embedding from one encoder."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitting.encoder import CHANNELS, Encoder


class Kind(IntEnum):
    """What a picture shows: a garment of some category by itself, somebody wearing clothes, or neither."""

    UPPER = 0
    LOWER = 1
    DRESS = 2
    OUTER = 3
    WORN = 4
    OTHER = 5


@dataclass(frozen=True)
class GarmentNetConfig:
    """Shape of a `GarmentNet`; stored beside its weights."""

    width: int = 64  # channels of the decoder
    embedding: int = 128  # length of the embedding


class GarmentReading(NamedTuple):
    """What the network says of a batch of pictures."""

    cutout: Tensor  # (B, 1, H, W) logits: garment or not
    kind: Tensor  # (B, 6) logits over `Kind`
    embedding: Tensor  # (B, 128) unit length


def separable(inputs: int, outputs: int) -> nn.Sequential:
    """A 3x3 filter of each channel, then a mix of channels (Howard et al. 2017, MobileNets)."""
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class GarmentNet(nn.Module):
    """One encoder; a feature pyramid for the cut-out, and pooled features for kind and embedding.

    The pyramid adds coarse to fine (Lin et al. 2017, arXiv:1612.03144). The embedding is pooled under the
    cut-out alone, so that it describes the garment and not the floor it lies on.
    """

    Config = GarmentNetConfig

    def __init__(self, config: GarmentNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or GarmentNetConfig()
        width = self.config.width
        widths = (width // 2, *[width] * 4)  # at strides 2, 4, 8, 16, 32
        self.encoder = Encoder()
        self.lateral = nn.ModuleList(nn.Conv2d(c, w, 1) for c, w in zip(CHANNELS, widths, strict=True))
        self.merge = nn.ModuleList(separable(width, widths[max(level - 1, 0)]) for level in range(1, 5))
        self.context = nn.Linear(CHANNELS[-1], width)
        self.cutout = nn.Sequential(separable(widths[0], widths[0]), nn.Conv2d(widths[0], 1, 3, padding=1))
        seen = 2 * CHANNELS[-1] + CHANNELS[-2]
        self.kind = nn.Sequential(nn.Linear(seen, 256), nn.ReLU(), nn.Dropout(0.2), nn.Linear(256, len(Kind)))
        pooled = 2 * sum(CHANNELS[1:])
        self.embedding = nn.Sequential(
            nn.BatchNorm1d(pooled), nn.Linear(pooled, 256), nn.ReLU(), nn.Linear(256, self.config.embedding)
        )

    def forward(self, image: Tensor, mask: Tensor | None = None) -> GarmentReading:
        """Read pictures.

        Args:
            image: (B, 3, H, W) in [-1, 1], the picture letterboxed; sides are multiples of 32.
            mask: (B, 1, H, W) in [0, 1], the garment where it is known already; None trusts the cut-out.
        """
        # Convolutions on a CPU are nearly twice as fast with the channels last.
        features = self.encoder(image.contiguous(memory_format=torch.channels_last))
        whole = features[-1].mean((2, 3))
        x = self.lateral[-1](features[-1]) + self.context(whole)[:, :, None, None]
        for level in (3, 2, 1, 0):
            x = F.interpolate(self.merge[level](x), size=features[level].shape[-2:], mode="bilinear")
            x = x + self.lateral[level](features[level])
        logits = F.interpolate(self.cutout(x), size=image.shape[-2:], mode="bilinear")
        if mask is None:
            mask = logits.detach().sigmoid()
        means, spreads = zip(*(pool(f, mask) for f in features[1:]), strict=True)
        kind = self.kind(torch.cat([whole, means[-1], means[-2]], 1))
        embedding = self.embedding(torch.cat([*means, *spreads], 1).float())
        return GarmentReading(logits, kind, F.normalize(embedding.float(), dim=1))


def pool(features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread of features (B, C, h, w) under a mask (B, 1, H, W): two (B, C)."""
    features = features.float()
    weight = F.interpolate(mask.float(), size=features.shape[-2:], mode="area") + 1e-4
    weight = weight / weight.sum((2, 3), keepdim=True)
    mean = (features * weight).sum((2, 3))
    variance = (features.square() * weight).sum((2, 3)) - mean.square()
    return mean, (variance.clamp(min=0) + 1e-4).sqrt()
