"""The rows of the tables: ways to show a person in a garment, from doing nothing to the full GAN."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from fitting.cutout import box_of
from fitting.evaluation.tryon_cases import Case
from fitting.images import to_pixels, to_tensor, to_unit
from fitting.room import FittingRoom

Row = Callable[[Case], Tensor]  # -> (3, H, W) uint8, the finished picture at the photo's size


def rows(room: FittingRoom, ablation: FittingRoom | None = None) -> dict[str, Row]:
    """Every row that the rooms' engines allow, in the order of the tables.

    Args:
        room: with the networks to measure.
        ablation: with a generator that was trained without discriminator.
    """
    found: dict[str, Row] = {"identity": identity, "paste": paste, "geometric": partial(tried_on, room, "geometric")}
    if engine_of(room) is not None:
        found["flow"] = partial(tried_on, room, "flow")
    if ablation is not None and engine_of(ablation) is not None:
        found["no_discriminator"] = partial(tried_on, ablation, "gan")
    if engine_of(room) is not None:
        found["gan"] = partial(tried_on, room, "gan")
    return found


def engine_of(room: FittingRoom) -> Any:
    """The room's trained engine; None where it has only the geometric one."""
    return getattr(room, "engine", None)


def identity(case: Case) -> Tensor:
    """The photo as it is."""
    return case.person.photo


def paste(case: Case) -> Tensor:
    """The naive answer: the cut-out in the old garment's box, or the edit region's where nothing is worn there."""
    photo, garment = to_unit(case.person.photo), case.garment
    frame = case.scene.person.frame
    old = frame.place(case.scene.old[None].float(), *photo.shape[-2:])[0]
    where, inside = box_of(old) or box_of(case.region().float()), box_of(garment.mask)
    if where is None or inside is None:
        return case.person.photo
    top, left, bottom, right = inside
    cut = torch.cat([garment.image, garment.mask[None]])[None, :, top:bottom, left:right]
    size = (where[2] - where[0], where[3] - where[1])
    small = F.interpolate(cut, size=size, mode="bilinear", antialias=True)[0]
    place = (slice(None), slice(where[0], where[2]), slice(where[1], where[3]))
    photo[place] = torch.lerp(photo[place], small[:3], small[3:])
    return to_pixels(photo)


def tried_on(room: FittingRoom, engine: str, case: Case) -> Tensor:
    """What a room shows. Raises FittingError where it refuses."""
    # A room without a trained engine knows no choice of engines.
    chosen: dict[str, Any] = {} if engine_of(room) is None else {"engine": engine}
    return to_tensor(room.try_on(case.person, case.garment, case.garment.category, **chosen).picture)
