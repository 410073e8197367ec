"""A 3:4 window onto a photo: where the person is looked at, and how results find their way back.

Networks and geometry work on a small grid of the frame; `place` brings their maps back to the photo's own
pixels. Points are (x, y) in continuous pixels: the centre of column i is i + 0.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fitting.planes import each

GRID = (512, 384)  # rows, columns of the working grid: scene maps, keypoints and flow live here
NET = (256, 192)  # rows, columns that the networks see
BAND = 400_000  # pixels of a photo that are shrunk at a time
WHOLE = 1_200_000  # pixels of a frame for which enlarged maps are held as a whole


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
            image: (C, H, W) uint8 or float, any range.
            size: rows, columns of the view.
            fill: value outside the photo; None repeats the photo's edge.

        Returns:
            (C, *size) float in the image's range, antialiased.
        """
        rows, columns = image.shape[-2:]
        top, left = max(self.top, 0), max(self.left, 0)
        bottom, right = min(self.top + self.height, rows), min(self.left + self.width, columns)
        if bottom <= top or right <= left:
            raise ValueError("the frame does not touch the photo")
        part = image[:, top:bottom, left:right]
        aside = (left - self.left, self.left + self.width - right, 0, 0)
        above = (0, 0, top - self.top, self.top + self.height - bottom)
        if size[1] >= self.width:
            return _resize(_padded(_padded(_float(part), aside, fill), above, fill), size)
        # A huge photo is made narrow in bands, so that neither it nor what surrounds it is ever held as floats.
        bands = [_padded(_float(band), aside, fill) for band in part.split(max(BAND // self.width, 1), 1)]
        narrow = torch.cat([_resize(band, (band.shape[1], size[1])) for band in bands], 1)
        return _resize(_padded(narrow, above, fill), size)

    def inside(self, height: int, width: int, size: tuple[int, int] = GRID) -> Tensor:
        """How much of each cell of a view of this size shows a photo of this size: (*size) in [0, 1]."""
        # Two wide, not one: torch resizes maps of one column wrongly.
        rows = Frame(0, self.top, 2, self.height).cut(torch.ones(1, height, 2), (size[0], 2), 0.0)
        columns = Frame(self.left, 0, self.width, 2).cut(torch.ones(1, 2, width), (2, size[1]), 0.0)
        return rows[0, :, :1] * columns[0, :1]

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

    def window(self, region: Tensor, height: int, width: int) -> Window | None:
        """The smallest window that holds every pixel of a photo where a map enlarged there may not be 0.

        Args:
            region: (h, w), a map of the frame, not negative.
            height, width: the photo's size.

        Returns:
            None where the map is 0 in all of the photo.
        """
        rows, columns, view = self.part_of(height, width)
        found = region > 0
        sides = []
        for axis, part, size in ((1, view[0], self.height), (0, view[1], self.width)):
            cells = found.any(axis).nonzero().flatten()
            if len(cells) == 0:
                return None
            shrink = found.shape[1 - axis] / size
            margin = max(1.0, shrink)  # a pixel feels the cells whose centres lie this near
            start = max(int((float(cells[0]) + 0.5 - margin) / shrink - 0.5), part.start)
            stop = min(int((float(cells[-1]) + 0.5 + margin) / shrink - 0.5) + 2, part.stop)
            if stop <= start:
                return None
            sides.append((start, stop))
        (top, bottom), (left, right) = sides
        up, across = rows.start - view[0].start, columns.start - view[1].start
        return Window(self, slice(top + up, bottom + up), slice(left + across, right + across))

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


@dataclass(frozen=True)
class Window:
    """A part of a photo that a frame covers: rows and columns of the photo. Work goes on here at its resolution."""

    frame: Frame
    rows: slice
    columns: slice

    @property
    def size(self) -> tuple[int, int]:
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    @property
    def view(self) -> tuple[slice, slice]:
        """The same rows and columns, counted in pixels of the frame."""
        up, across = self.frame.top, self.frame.left
        return (
            slice(self.rows.start - up, self.rows.stop - up),
            slice(self.columns.start - across, self.columns.stop - across),
        )

    def enlarge(self, maps: Tensor) -> Tensor:
        """Maps of the frame (C, h, w) -> (C, *size): what `Frame.enlarge` gives, but of this window alone."""
        whole = (self.frame.height, self.frame.width)
        if whole[0] < maps.shape[-2] or whole[1] < maps.shape[-1]:  # a small photo, on which cells are averaged
            return self.frame.enlarge(maps)[:, self.view[0], self.view[1]]
        return enlarge_part(maps, whole, self.view)

    def enlarger(self, maps: Tensor) -> Callable[[Window], Tensor]:
        """`enlarge` for one part of this window after the other; what each would enlarge whole is enlarged once."""
        frame = self.frame
        if frame.height * frame.width > WHOLE:
            return lambda part: part.enlarge(maps)
        rows, columns = slice(frame.top, frame.top + frame.height), slice(frame.left, frame.left + frame.width)
        large = Window(frame, rows, columns).enlarge(maps)
        return lambda part: large[:, part.view[0], part.view[1]]

    def bands(self, pixels: int) -> Iterator[Window]:
        """Windows of at most so many pixels, or of one row, top to bottom, that make up this one."""
        rows = max(pixels // self.size[1], 1)
        for top in range(self.rows.start, self.rows.stop, rows):
            yield Window(self.frame, slice(top, min(top + rows, self.rows.stop)), self.columns)

    def meet(self, other: Window) -> Window | None:
        """What two windows of a frame share."""
        top, bottom = max(self.rows.start, other.rows.start), min(self.rows.stop, other.rows.stop)
        left, right = max(self.columns.start, other.columns.start), min(self.columns.stop, other.columns.stop)
        return Window(self.frame, slice(top, bottom), slice(left, right)) if top < bottom and left < right else None

    def place_in(self, outer: Window) -> tuple[slice, slice]:
        """Rows and columns of this window counted from the corner of another that holds it."""
        up, across = outer.rows.start, outer.columns.start
        return (
            slice(self.rows.start - up, self.rows.stop - up),
            slice(self.columns.start - across, self.columns.stop - across),
        )


def enlarge_part(maps: Tensor, size: tuple[int, int], part: tuple[slice, slice]) -> Tensor:
    """A part of maps (C, h, w) resized bilinearly (not antialiased) to `size`: rows and columns of the result."""
    height, width = part[0].stop - part[0].start, part[1].stop - part[1].start
    if 4 * height * width > size[0] * size[1]:
        # The whole costs less than so large a part, a pixel of which takes longer.
        return each(maps, cv2.resize, size[::-1], interpolation=cv2.INTER_LINEAR)[..., part[0], part[1]]
    (down, first), (across, left) = (
        (cells / count, (side.start + 0.5) * cells / count - 0.5)
        for cells, count, side in zip(maps.shape[-2:], size, part, strict=True)
    )
    place = np.array([[across, 0.0, left], [0.0, down, first]])
    options = {"flags": cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, "borderMode": cv2.BORDER_REPLICATE}
    return each(maps, cv2.warpAffine, place, (width, height), **options)


def _float(image: Tensor) -> Tensor:
    return image if image.is_floating_point() else image.float()


def _padded(image: Tensor, pads: tuple[int, int, int, int], fill: float | None) -> Tensor:
    if not any(pads):
        return image
    mode = "replicate" if fill is None else "constant"
    return F.pad(image[None], pads, mode=mode, value=fill or 0.0)[0]


def _resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    return F.interpolate(image[None], size=size, mode="bilinear", align_corners=False, antialias=True)[0]
