"""OpenCV's work on tensors: one plane after the other, on the processor."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def each(maps: Tensor, work: Callable[..., np.ndarray], *given: object, **options: object) -> Tensor:
    """What a function of OpenCV's makes of every plane of (C, H, W)."""
    first, *others = maps.numpy()
    made = work(first, *given, **options)
    all_made = np.empty((1 + len(others), *made.shape), made.dtype)
    all_made[0] = made
    for plane, place in zip(others, all_made[1:], strict=True):
        work(plane, *given, dst=place, **options)
    return torch.from_numpy(all_made)


def halved(maps: Tensor) -> Tensor:
    """(C, H, W), both sides even -> (C, H / 2, W / 2), means of 2x2 cells."""
    return each(maps, cv2.resize, (maps.shape[-1] // 2, maps.shape[-2] // 2), interpolation=cv2.INTER_AREA)


def side_by_side(maps: Tensor) -> NDArray[np.float32]:
    """(C, H, W) float -> (H, W, C), the order in which OpenCV moves the channels of a pixel together."""
    return np.asarray(cv2.merge(list(maps.numpy())), np.float32)


def apart(pixels: np.ndarray) -> Tensor:
    """(H, W, C), or (H, W) of one channel -> (C, H, W)."""
    return torch.from_numpy(np.atleast_3d(pixels)).permute(2, 0, 1).contiguous()


def put_where(mask: Tensor, new: Tensor, into: Tensor) -> None:
    """Copy (C, H, W) into another of its kind where a mask (H, W) is true; a tenth of the time of `torch.where`."""
    chosen = mask.numpy().view(np.uint8)
    for plane, place in zip(new.numpy(), into.numpy(), strict=True):
        cv2.copyTo(plane, chosen, place)
