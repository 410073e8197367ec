"""A 3:4 window onto a photo: where the person is looked at, and how results find their way back.

Networks and geometry work on a small grid of the frame; `place` brings their maps back to the photo's own
pixels. Points are (x, y) in continuous pixels: the centre of column i is i + 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

GRID = (512, 384)  # rows, columns of the working grid: scene maps, keypoints and flow live here
NET = (256, 192)  # rows, columns that the networks see


@dataclass(frozen=True)
class Frame:
    """Whole photo pixels: the window's top-left corner and size; it may reach outside the photo."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def whole(cls, height: int, width: int) -> Frame:
        """The smallest 3:4 window that holds a whole photo of this size, centred (a letterbox)."""
        return cls.around(0, 0, width, height)

    @classmethod
    def around(cls, left: float, top: float, right: float, bottom: float, margin: float = 0.0) -> Frame:
        """The smallest 3:4 window that holds the box, widened on each side by `margin` of its own size."""
        width, height = (right - left) * (1 + 2 * margin), (bottom - top) * (1 + 2 * margin)
        height = max(height, width * 4 / 3, 4.0)
        rows, columns = round(height), round(height * 3 / 4)
        middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
        return cls(round(middle_x - columns / 2), round(middle_y - rows / 2), columns, rows)

    def cut(self, image: Tensor, size: tuple[int, int] = GRID, fill: float | None = None) -> Tensor:
        """View the photo through the frame.

        Args:
            image: (C, H, W) float, any range.
            size: rows, columns of the view.
            fill: value outside the photo; None repeats the photo's edge.

        Returns:
            (C, *size) float, antialiased.
        """
        rows, columns = image.shape[-2:]
        top, left = max(self.top, 0), max(self.left, 0)
        bottom, right = min(self.top + self.height, rows), min(self.left + self.width, columns)
        if bottom <= top or right <= left:
            raise ValueError("the frame does not touch the photo")
        part = image[:, top:bottom, left:right]
        pads = (
            left - self.left,
            self.left + self.width - right,
            top - self.top,
            self.top + self.height - bottom,
        )
        if any(pads):
            mode = "replicate" if fill is None else "constant"
            part = F.pad(part[None], pads, mode=mode, value=fill or 0.0)[0]
        return _resize(part, size)

    def place(self, grid: Tensor, height: int, width: int, fill: float = 0.0) -> Tensor:
        """Bring maps of the frame back to the photo: (C, h, w) -> (C, height, width), `fill` outside."""
        rows, columns, view = self.part_of(height, width)
        placed = grid.new_full((grid.shape[0], height, width), fill)
        placed[:, rows, columns] = self.enlarge(grid)[:, view[0], view[1]]
        return placed

    def enlarge(self, grid: Tensor) -> Tensor:
        """Maps of the frame (C, h, w) at one cell a photo pixel: (C, frame height, frame width)."""
        return _resize(grid, (self.height, self.width))

    def part_of(self, height: int, width: int) -> tuple[slice, slice, tuple[slice, slice]]:
        """Rows and columns of a photo of this size that the frame covers, and the same in frame pixels."""
        top, left = max(self.top, 0), max(self.left, 0)
        bottom, right = min(self.top + self.height, height), min(self.left + self.width, width)
        view = slice(top - self.top, bottom - self.top), slice(left - self.left, right - self.left)
        return slice(top, bottom), slice(left, right), view

    def to_grid(self, points: Tensor) -> Tensor:
        """Photo points (..., 2) -> points of the working grid (x in [0, 384], y in [0, 512])."""
        return (points - self._corner(points)) * self._scale(points)

    def to_photo(self, points: Tensor) -> Tensor:
        """Points of the working grid (..., 2) -> points of the photo."""
        return points / self._scale(points) + self._corner(points)

    def _corner(self, like: Tensor) -> Tensor:
        return torch.tensor([self.left, self.top], dtype=like.dtype, device=like.device)

    def _scale(self, like: Tensor) -> Tensor:
        scale = [GRID[1] / self.width, GRID[0] / self.height]
        return torch.tensor(scale, dtype=like.dtype, device=like.device)


def _resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    return F.interpolate(image[None], size=size, mode="bilinear", align_corners=False, antialias=True)[0]
