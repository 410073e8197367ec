"""Contact sheets: parsings painted in colours, pictures side by side. For looking at, never for visitors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]

# One colour a `Part`: background, hair, face, skin, arms, legs, upper, dress, lower, footwear, accessory.
PALETTE = np.array(
    [
        (0, 0, 0),
        (160, 80, 0),
        (255, 200, 160),
        (255, 80, 80),
        (255, 160, 0),
        (200, 0, 120),
        (0, 120, 255),
        (0, 220, 220),
        (0, 200, 0),
        (120, 120, 120),
        (255, 255, 0),
    ],
    np.uint8,
)


def painted(parsing: Array, keypoints: Array | None = None) -> Array:
    """(H, W) of `Part` -> (H, W, 3) uint8; keypoints (17, 2 or 3) in pixels as dots, red where not seen."""
    picture = PALETTE[parsing]
    if keypoints is not None:
        size = max(parsing.shape[0] // 120, 1)
        for x, y, *seen in keypoints.tolist():
            column, row = int(x), int(y)
            if 0 <= column < parsing.shape[1] and 0 <= row < parsing.shape[0]:
                dot = (255, 255, 255) if not seen or seen[0] > 0.3 else (255, 0, 0)
                picture[max(row - size, 0) : row + size + 1, max(column - size, 0) : column + size + 1] = dot
    return picture


def beside(pictures: Sequence[Array | Image.Image], height: int, across: int | None = None) -> Image.Image:
    """Pictures at one height, `across` to a row (all in one row by default), on white."""
    images = [p if isinstance(p, Image.Image) else Image.fromarray(p) for p in pictures]
    images = [p.convert("RGB").resize((max(round(p.width * height / p.height), 1), height)) for p in images]
    across = across or len(images)
    rows = [images[i : i + across] for i in range(0, len(images), across)]
    sheet = Image.new("RGB", (max(sum(p.width for p in row) for row in rows), height * len(rows)), "white")
    for line, row in enumerate(rows):
        left = 0
        for picture in row:
            sheet.paste(picture, (left, line * height))
            left += picture.width
    return sheet
