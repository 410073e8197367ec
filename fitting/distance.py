"""Distances on the working grid."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Box = tuple[slice, slice]  # rows and columns of a map


def box_around(mask: Mask, margin: int) -> Box:
    """Rows and columns that hold a mask (H, W), and a margin, within the map. The mask is not empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return _widened((slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)), margin, mask.shape)


def depth_in(mask: Mask) -> NDArray[np.float32]:
    """(H, W): how far each cell of a mask lies from the nearest cell outside it; 0 outside. It is not empty."""
    box = box_around(mask, 1)
    depth = np.zeros(mask.shape, np.float32)
    depth[box] = distance_to(~mask[box])
    return depth


def distance_to(known: Mask) -> NDArray[np.float32]:
    """(H, W): how far each cell lies from the nearest of those known; all far away where none is."""
    return np.asarray(cv2.distanceTransform((~known).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def nearest(known: Mask, box: Box) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int32]]:
    """The nearest known cell of every cell in a box, or one at most 5 % farther.

    Args:
        known: (H, W), where something is known; somewhere it is.
        box: rows and columns that are returned.

    Returns:
        distance, row and column of the nearest known cell, each of the box's size.
    """
    labels = cv2.distanceTransformWithLabels(
        (~known).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )[1]
    # Every known cell has a label of its own, counted from 1, row by row.
    places = np.flatnonzero(known).astype(np.int32)[np.asarray(labels[box], np.int32) - 1]
    row = places // np.int32(known.shape[1])
    column = places - row * np.int32(known.shape[1])
    rows, columns = (np.arange(side.start, side.stop, dtype=np.int32) for side in box)
    far = np.sqrt(((row - rows[:, None]) ** 2 + (column - columns) ** 2).astype(np.float32))
    return far, row, column


def _widened(box: Box, margin: int, shape: tuple[int, ...]) -> Box:
    rows, columns = (
        slice(int(max(side.start - margin, 0)), int(min(side.stop + margin, size)))
        for side, size in zip(box, shape, strict=True)
    )
    return rows, columns
