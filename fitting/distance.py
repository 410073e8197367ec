"""Distances on the working grid, found in the box that matters instead of on the whole grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Box = tuple[slice, slice]  # rows and columns of a map

REACH = 40  # cells around what is wanted in which its neighbours are looked for at first


def box_around(mask: Mask, margin: int) -> Box:
    """Rows and columns that hold a mask (H, W), and a margin, within the map. The mask is not empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return _widened((slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)), margin, mask.shape)


def nearest(known: Mask, wanted: Mask, box: Box) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """The nearest known cell of every cell in a box; sure where `wanted`, which the box must hold.

    Args:
        known: (H, W), where something is known; somewhere it is.
        wanted: (H, W), the cells that count.
        box: rows and columns that are returned.

    Returns:
        distance, row and column of the nearest known cell, each of the box's size.
    """
    window = _widened(box, REACH, known.shape)
    if known[window].any():
        found = _nearest(known, window, box)
        # Whatever lies outside the window is farther away than this.
        if found[0][wanted[box]].max(initial=0.0) <= REACH:
            return found
    return _nearest(known, (slice(0, known.shape[0]), slice(0, known.shape[1])), box)


def depth_in(mask: Mask) -> NDArray[np.float64]:
    """(H, W): how far each cell of a mask lies from the nearest cell outside it; 0 outside. It is not empty."""
    box = box_around(mask, 1)
    depth = np.zeros(mask.shape)
    depth[box] = ndimage.distance_transform_edt(mask[box])
    return depth


def _nearest(known: Mask, window: Box, box: Box) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    far, (row, column) = ndimage.distance_transform_edt(~known[window], return_indices=True)
    top, left = window[0].start, window[1].start
    inner = (
        slice(box[0].start - top, box[0].stop - top),
        slice(box[1].start - left, box[1].stop - left),
    )
    return far[inner], row[inner].astype(np.int64) + top, column[inner].astype(np.int64) + left


def _widened(box: Box, margin: int, shape: tuple[int, ...]) -> Box:
    rows, columns = (
        slice(int(max(side.start - margin, 0)), int(min(side.stop + margin, size)))
        for side, size in zip(box, shape, strict=True)
    )
    return rows, columns
