"""Distances on the working grid, found in the box that matters instead of on the whole grid."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Box = tuple[slice, slice]  # rows and columns of a map

REACH = 40  # cells around what is wanted in which its neighbours are looked for at first


def box_around(mask: Mask, margin: int) -> Box:
    """Rows and columns that hold a mask (H, W), and a margin, within the map. The mask is not empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return _widened((slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)), margin, mask.shape)


def nearest(known: Mask, wanted: Mask, box: Box) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """The nearest known cell of every cell in a box, or one at most 5 % farther; sure where `wanted`, which it holds.

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


def depth_in(mask: Mask) -> NDArray[np.float32]:
    """(H, W): how far each cell of a mask lies from the nearest cell outside it; 0 outside. It is not empty."""
    box = box_around(mask, 1)
    depth = np.zeros(mask.shape, np.float32)
    depth[box] = distance_to(~mask[box])
    return depth


def distance_to(known: Mask) -> NDArray[np.float32]:
    """(H, W): how far each cell lies from the nearest of those known; all far away where none is."""
    return np.asarray(cv2.distanceTransform((~known).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def nearest_in(known: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of the nearest known cell of every cell, each (H, W), or of one nearly as near: 5 % farther.

    Some cell is known.
    """
    labels = cv2.distanceTransformWithLabels(
        (~known).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )[1]
    cells = np.flatnonzero(known)
    rows, columns = np.empty((2, labels.max() + 1), np.int64)
    own = labels.ravel()[cells]  # every known cell has a label of its own
    rows[own], columns[own] = np.divmod(cells, known.shape[1])
    return rows.take(labels), columns.take(labels)


def _nearest(known: Mask, window: Box, box: Box) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    top, left = window[0].start, window[1].start
    inner = (
        slice(box[0].start - top, box[0].stop - top),
        slice(box[1].start - left, box[1].stop - left),
    )
    row, column = (place[inner] for place in nearest_in(known[window]))
    row, column = row + top, column + left
    rows, columns = np.arange(box[0].start, box[0].stop)[:, None], np.arange(box[1].start, box[1].stop)
    return np.hypot(row - rows, column - columns), row, column


def _widened(box: Box, margin: int, shape: tuple[int, ...]) -> Box:
    rows, columns = (
        slice(int(max(side.start - margin, 0)), int(min(side.stop + margin, size)))
        for side, size in zip(box, shape, strict=True)
    )
    return rows, columns
