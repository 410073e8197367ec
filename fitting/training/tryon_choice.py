"""Which rows of the prepared tables the try-on GAN should learn from: whole garments, where they belong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fitting.anatomy import Joint
from fitting.frame import NET
from fitting.garment import Category
from fitting.training.tryon_tables import CATEGORIES, TryOnTables

LEAST_WORN = 900  # cells of 256x192: less is not a garment to learn from
# Where a garment must be seen: shares of the way between two joints, of both sides.
BELONGS = {
    Category.UPPER: ((Joint.LEFT_SHOULDER, Joint.LEFT_HIP, (0.3, 0.5, 0.7)),),
    Category.LOWER: ((Joint.LEFT_HIP, Joint.LEFT_KNEE, (0.15, 0.3)),),
    Category.DRESS: (
        (Joint.LEFT_SHOULDER, Joint.LEFT_HIP, (0.35, 0.6, 0.85)),
        (Joint.LEFT_HIP, Joint.LEFT_KNEE, (0.1, 0.3)),
    ),
}


def main_piece(mask: NDArray) -> NDArray:
    """The largest piece of a mask, and what is nearly as large: specks are errors of the parsing."""
    pieces, count = ndimage.label(mask)
    if count < 2:
        return mask
    areas = np.bincount(pieces.ravel())
    areas[0] = 0
    return (areas >= 0.3 * areas.max())[pieces]


def believable(table: TryOnTables, source: str) -> list[int]:
    """Garments that geometry has laid on where it knows the body: studio photos of legs alone show no shoulders."""
    category = np.array(table.category)[np.array(table.laid_person)] if len(table.laid_person) else np.zeros(0)
    shown = [(np.array(table.laid_cover[row]) > 127).sum() > LEAST_WORN for row in range(len(category))]
    return [row for row in range(len(category)) if shown[row] and (source == "ccp" or category[row] == 0)]


def wearers(table: TryOnTables) -> list[int]:
    """Rows whose person wears a garment of the row's category, in one piece and where such a garment belongs."""
    rows = [row for row in range(len(table.worn)) if int((table.worn[row] > 127).sum()) > LEAST_WORN]
    return [row for row in rows if _whole(np.array(table.worn[row]) > 127) and _in_place(table, row)]


def _whole(worn: NDArray) -> bool:
    """Scraps that show under a coat, or between bags, are no garments."""
    if main_piece(worn).sum() < 0.9 * worn.sum():
        return False
    return worn.sum() > 0.8 * ndimage.binary_closing(np.pad(worn, 12), iterations=8).sum()


def _in_place(table: TryOnTables, row: int) -> bool:
    """Whether most of the body's points that a garment of this category covers show it."""
    joints, worn = np.array(table.keypoints[row]), np.array(table.worn[row]) > 127
    seen = []
    for first, second, shares in BELONGS.get(CATEGORIES[int(table.category[row])], ()):
        for start, end in ((first, second), (first + 1, second + 1)):
            if min(joints[start, 2], joints[end, 2]) < 0.3:
                continue
            for share in shares:
                x, y = (joints[start, :2] * (1 - share) + joints[end, :2] * share) / 2
                seen.append(worn[int(np.clip(y, 0, NET[0] - 1)), int(np.clip(x, 0, NET[1] - 1))])
    return bool(np.mean(seen) > 0.7) if seen else False


def pairs(table: TryOnTables) -> list[tuple[int, int]]:
    """Ordered pairs of rows of one group whose pictures agree outside the garments, and that wear some."""
    members: dict[int, list[int]] = {}
    for row, group in enumerate(table.group):
        members.setdefault(int(group), []).append(row)
    found = []
    for rows in members.values():
        for first in rows:
            for second in rows:
                if first != second and _alike(table, first, second):
                    found.append((first, second))
    return found


def _alike(table: TryOnTables, first: int, second: int) -> bool:
    if int((table.worn[second] > 127).sum()) < LEAST_WORN:
        return False
    apart = (table.edit[first] == 0) & (table.edit[second] == 0)
    difference = np.abs(table.photo[first][apart].astype(np.int16) - table.photo[second][apart].astype(np.int16))
    return bool(difference.mean() < 10)
