"""What would make a photo better to try garments on: advice, where nothing has to be refused."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from fitting.anatomy import Part
from fitting.person import Person

BRIGHTEST = 0.33  # a photo is dark if its brightest twentieth is no lighter than this
GLARE = 0.4  # share of the face that is white all over
BLUR = 0.7  # see `blur`
LOW = 360  # photo pixels that a person is high, below which a result is coarse
LONGEST = 640  # side at which blur is measured, so that it means the same in every photo
LUMA = torch.tensor([0.299, 0.587, 0.114])  # Rec. 601


def advice(person: Person) -> tuple[str, ...]:
    """Names of what could be better, the gravest first: DARK, BRIGHT, BLURRED, SMALL, HEAD_CUT.

    Dark is judged by the brightest parts of the whole photo, never by the face: skin may be dark.
    """
    inside = person.frame.inside(*person.photo.shape[-2:]) > 0.5
    grey = (person.image * LUMA[:, None, None]).sum(0)
    face = (person.parsing == Part.FACE) & inside
    found = {
        "DARK": float(torch.quantile(grey[inside], 0.95)) < BRIGHTEST,
        "BRIGHT": bool(face.any()) and float((person.image.amin(0)[face] > 0.985).float().mean()) > GLARE,
        "BLURRED": _blurred(person),
        "SMALL": _height(person) < LOW,
        "HEAD_CUT": _head_is_cut(person, inside),
    }
    return tuple(name for name, so in found.items() if so)


def blur(grey: np.ndarray) -> float:
    """How blurred a grey picture is: 0 for noise, towards 1 the more of its sharpness is gone.

    A sharp picture loses much of the difference between neighbours when it is blurred, a blurred one little
    (Crete et al., The blur effect, SPIE 6492, 2007).
    """
    worst = 0.0
    for axis in (0, 1):
        again = ndimage.uniform_filter1d(grey, 9, axis=axis)
        before, after = np.abs(np.diff(grey, axis=axis)), np.abs(np.diff(again, axis=axis))
        lost = np.maximum(before - after, 0).sum()
        worst = max(worst, 1 - float(lost) / max(float(before.sum()), 1e-9))
    return worst


def _blurred(person: Person) -> bool:
    """Judged by the person alone: what is behind may be out of focus, and is in good portraits."""
    rows, columns = _box(person)
    if rows.stop - rows.start < 32 or columns.stop - columns.start < 32:
        return False
    grey = (person.photo[:, rows, columns].float() * LUMA[:, None, None]).sum(0).numpy() / 255
    scale = LONGEST / max(grey.shape)
    if scale < 1:
        grey = ndimage.zoom(grey, scale, order=1, prefilter=False, grid_mode=True, mode="nearest")
    return blur(grey) > BLUR


def _box(person: Person) -> tuple[slice, slice]:
    """Rows and columns of the photo that hold the person."""
    shown = (person.matte > 0.5).nonzero()
    if not len(shown):
        return slice(0, 0), slice(0, 0)
    corners = torch.stack([shown.amin(0), shown.amax(0) + 1]).flip(-1).float()
    (left, top), (right, bottom) = person.frame.to_photo(corners).round().int().tolist()
    height, width = person.photo.shape[-2:]
    return slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width))


def _height(person: Person) -> int:
    rows, _ = _box(person)
    return rows.stop - rows.start if rows.stop > rows.start else LOW


def _head_is_cut(person: Person, inside: Tensor) -> bool:
    """Hair or face touches the photo's upper edge."""
    rows = inside.any(1).nonzero().flatten()
    if not len(rows):
        return False
    edge = person.parsing[int(rows[0]) : int(rows[0]) + 3]
    return int(((edge == Part.HAIR) | (edge == Part.FACE)).sum()) > 24
