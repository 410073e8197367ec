"""A picture of a garment, understood: `GarmentNet`, and picture -> `Garment`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from torch import Tensor


class Category(str, Enum):
    """What a garment covers. `OUTER` (jackets, coats) is worn on the upper body, over what is there."""

    UPPER = "upper"
    LOWER = "lower"
    DRESS = "dress"
    OUTER = "outer"


@dataclass(frozen=True)
class Garment:
    """A garment cut out of its picture.

    Attributes:
        image: (3, H, W) float in [0, 1], cropped to the garment with a small margin, longest side <= 1024.
        mask: (H, W) float in [0, 1], how much of each pixel is garment.
        category: where it is worn.
        embedding: (128,) float, unit length: near for garments that look alike.
        worn: the picture showed a person wearing it.
        notes: sentences for the visitor.
    """

    image: Tensor
    mask: Tensor
    category: Category
    embedding: Tensor
    worn: bool = False
    notes: tuple[str, ...] = ()
