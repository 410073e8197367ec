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
