"""The network that looks at people: parts, matte and joints from one encoder."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitting.anatomy import Joint, Part
from fitting.encoder import CHANNELS, Encoder


@dataclass(frozen=True)
class PersonNetConfig:
    """Width of the decoder's features."""

    width: int = 64


@dataclass(frozen=True)
class PersonMaps:
    """What `PersonNet` says of images of (H, W), all logits.

    Attributes:
        parts: (B, 11, H / 2, W / 2), one channel a `Part`.
        matte: (B, 1, H / 2, W / 2), the main person.
        others: (B, 1, H / 2, W / 2), other people.
        joints: (B, 17, H / 4, W / 4), softmax over all cells gives where a `Joint` is.
        visible: (B, 17, H / 4, W / 4), read where the joint is.
    """

    parts: Tensor
    matte: Tensor
    others: Tensor
    joints: Tensor
    visible: Tensor


def _conv(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class PersonNet(nn.Module):
    """Image (B, 3, H, W) in [-1, 1], H and W multiples of 32 -> `PersonMaps`.

    A feature pyramid (Lin et al. 2017, arXiv:1612.03144) on the small encoder: joints are read at stride 4,
    parts and matte at stride 2.
    """

    Config = PersonNetConfig

    def __init__(self, config: PersonNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or PersonNetConfig()
        width = self.config.width
        widths = (width // 2, width, width, width * 3 // 2, width * 2)  # at strides 2, 4, 8, 16, 32
        self.encoder = Encoder()
        self.lateral = nn.ModuleList(
            nn.Conv2d(channels, wide, 1) for channels, wide in zip(CHANNELS, widths, strict=True)
        )
        self.deepest = _conv(widths[4], widths[4])
        self.merge = nn.ModuleList(_conv(widths[i + 1] + widths[i], widths[i]) for i in range(4))
        self.joints = nn.Sequential(_conv(widths[1], width), nn.Conv2d(width, 2 * len(Joint), 1))
        self.parts = nn.Sequential(_conv(widths[0], widths[0]), nn.Conv2d(widths[0], len(Part) + 2, 1))

    def forward(self, image: Tensor) -> PersonMaps:
        features = [lateral(f) for lateral, f in zip(self.lateral, self.encoder(image), strict=True)]
        x = self.deepest(features[4])
        joints = x
        for level in (3, 2, 1, 0):
            x = F.interpolate(x, size=features[level].shape[-2:], mode="bilinear", align_corners=False)
            x = self.merge[level](torch.cat([x, features[level]], 1))
            if level == 1:
                joints = self.joints(x)
        parts = self.parts(x)
        count = len(Part)
        return PersonMaps(
            parts=parts[:, :count],
            matte=parts[:, count : count + 1],
            others=parts[:, count + 1 :],
            joints=joints[:, : len(Joint)],
            visible=joints[:, len(Joint) :],
        )
