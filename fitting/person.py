"""A photo of a person, understood: `PersonNet`, and photo -> `Person`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitting.encoder import CHANNELS, Encoder
from fitting.frame import GRID, NET, Frame


class Part(IntEnum):
    """Parts of a person in a parsing. `SKIN` is torso skin and neck; `ARMS` holds hands and sleeves' ends."""

    BACKGROUND = 0
    HAIR = 1
    FACE = 2
    SKIN = 3
    ARMS = 4
    LEGS = 5
    UPPER = 6
    DRESS = 7
    LOWER = 8
    FOOTWEAR = 9
    ACCESSORY = 10


class Joint(IntEnum):
    """The 17 COCO keypoints; left and right are the person's own."""

    NOSE = 0
    LEFT_EYE = 1
    RIGHT_EYE = 2
    LEFT_EAR = 3
    RIGHT_EAR = 4
    LEFT_SHOULDER = 5
    RIGHT_SHOULDER = 6
    LEFT_ELBOW = 7
    RIGHT_ELBOW = 8
    LEFT_WRIST = 9
    RIGHT_WRIST = 10
    LEFT_HIP = 11
    RIGHT_HIP = 12
    LEFT_KNEE = 13
    RIGHT_KNEE = 14
    LEFT_ANKLE = 15
    RIGHT_ANKLE = 16


@dataclass(frozen=True)
class Person:
    """What is known of the person in a photo. Maps and points are on the frame's 512x384 grid.

    Attributes:
        photo: (3, H, W) uint8, the decoded photo at its own size.
        frame: the window onto the photo that the maps describe.
        image: (3, 512, 384) float in [0, 1], the photo seen through the frame.
        parsing: (512, 384) int64 of `Part`.
        keypoints: (17, 3) float: x, y on the grid and visibility in [0, 1]; below 0.3 the joint was not seen
            (its position is then a guess, and may lie outside the grid).
        matte: (512, 384) float in [0, 1], how much of each cell is the person.
        notes: sentences for the visitor about what could not be seen.
    """

    photo: Tensor
    frame: Frame
    image: Tensor
    parsing: Tensor
    keypoints: Tensor
    matte: Tensor
    notes: tuple[str, ...] = field(default=())


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
