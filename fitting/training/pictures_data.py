"""Garments alone, cut out by their masks and centred: what the generator of pictures learns from.

Decoded once into memory-mapped tables. Only the rows of one split go into a table, and nothing that children wear.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fitting import images
from fitting.cutout import Box, box_of, resize
from fitting.garment import embed
from fitting.garment_net import GarmentNet
from fitting.training.garment_data import Row, cc0_rows, is_clean, read, synthetic_rows

log = logging.getLogger(__name__)

SIDE = 128  # of the pictures in the tables
MARGIN = 0.05  # left free around a garment, of the picture's side
SOFT = (0.35, 0.85)  # the teacher's masks are soft: below is background, above is cloth


@dataclass(frozen=True)
class PictureTables:
    """Everything a batch is drawn from, memory-mapped."""

    pictures: NDArray[np.uint8]  # (N, 4, 128, 128) red, green, blue and alpha; colours times alpha
    embeddings: NDArray[np.float32]  # (N, 128) GarmentNet's, unit length
    kinds: NDArray[np.int64]  # (N,) of `Kind`, 0 to 3
    rendered: NDArray[np.bool_]  # (N,) a synthetic product, not a photo


def tables(data: Path, cache: Path, net: GarmentNet, split: str = "train") -> PictureTables:
    """Open a split's tables in `cache`, making them from `data` the first time (a few minutes).

    Args:
        data: the folder with `garments_cc0` and `synthetic`.
        net: in evaluation mode; its embeddings are what the generator is told.
        split: train or heldout.
    """
    folder = cache / split
    names = [field.name for field in fields(PictureTables)]
    if not all((folder / f"{name}.npy").exists() for name in names):
        made = make_tables(rows_of(data, split), net)
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            np.save(folder / f"{name}.npy", made[name])
    return PictureTables(**{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names})


def rows_of(data: Path, split: str) -> list[Row]:
    """Pictures of a split with a mask, nothing that children wear."""
    found = [row for row in cc0_rows(data, split) if row.mask is not None and not row.kids]
    return [*found, *synthetic_rows(data, split)]


def make_tables(rows: list[Row], net: GarmentNet) -> dict[str, NDArray]:
    """Cut out and embed; the keys are the fields of `PictureTables`. Where a mask cannot be believed, nothing is."""
    pictures, embeddings, kinds, rendered = [], [], [], []
    for row in rows:
        picture, mask = read(row)
        pixels = np.asarray(mask)
        if not row.exact and not is_clean(pixels):
            continue
        alpha = images.to_unit(torch.from_numpy(np.array(pixels)))
        alpha = alpha if row.exact else ((alpha - SOFT[0]) / (SOFT[1] - SOFT[0])).clamp(0, 1)
        box = box_of(alpha)
        if box is None:
            continue
        unit = images.to_unit(images.to_tensor(picture))
        pictures.append(images.to_pixels(centred(unit, alpha, box, SIDE)).numpy())
        embeddings.append(embed(net, unit, alpha).numpy())
        kinds.append(int(row.kind))
        rendered.append(row.exact)
    log.info("%d of %d garments cut out", len(pictures), len(rows))
    return {
        "pictures": np.stack(pictures),
        "embeddings": np.stack(embeddings).astype(np.float32),
        "kinds": np.array(kinds, np.int64),
        "rendered": np.array(rendered, np.bool_),
    }


def centred(unit: Tensor, alpha: Tensor, box: Box, side: int) -> Tensor:
    """A garment in the middle of a square, on nothing.

    Args:
        unit: (3, H, W) in [0, 1].
        alpha: (H, W) in [0, 1].
        box: of the garment.

    Returns:
        (4, side, side): colours times alpha, and alpha.
    """
    top, left, bottom, right = box
    cut = torch.cat([unit * alpha, alpha[None]])[:, top:bottom, left:right]
    free = side - 2 * round(MARGIN * side)
    scale = free / max(cut.shape[-2:])
    cut = resize(cut, (max(round(cut.shape[1] * scale), 1), max(round(cut.shape[2] * scale), 1)))
    above, before = (side - cut.shape[1]) // 2, (side - cut.shape[2]) // 2
    return F.pad(cut, (before, side - cut.shape[2] - before, above, side - cut.shape[1] - above))
