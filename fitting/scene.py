"""Undress the photo on paper: `dress(person, category)` says what may change and hides the old garment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fitting.body import Body, body_of, outline_mask
from fitting.distance import box_around
from fitting.fill import blur, grow
from fitting.garment import Category
from fitting.limbs import limb_mask, polygon_mask
from fitting.person import Part, Person

GREY = 0.5  # what the agnostic image shows where the garment will be
SLACK = 1.9  # how much wider than the bare limb a sleeve or leg may be


@dataclass(frozen=True)
class Scene:
    """A person prepared for a garment. Maps are on the person's 512x384 grid.

    Attributes:
        person: whom it shows.
        category: where the garment will be worn.
        edit_region: (512, 384) float in [0, 1]; 0 where the photo must stay as it is.
        agnostic: (3, 512, 384) float in [0, 1], the photo with every trace of the old garment removed.
        hidden: (512, 384) bool, where the agnostic image is grey.
        protected: (512, 384) float in [0, 1], face, hair, hands and what lies in front of the garment.
        body: the body under the clothes.
        old: (512, 384) bool, the old garment that comes off.
    """

    person: Person
    category: Category
    edit_region: Tensor
    agnostic: Tensor
    hidden: Tensor
    protected: Tensor
    body: Body
    old: Tensor


def dress(person: Person, category: Category, body: Body | None = None) -> Scene:
    """Prepare a person for a garment of a category.

    The region comes from pose and parsing: torso, whole arms or legs, and room for a looser garment. The old
    garment's own outline only adds to it, so that nothing of it is left behind.
    """
    body = body_of(person) if body is None else body
    stained = _stained(person, person.parsing == Part.ARMS)
    old = _old_garment(person, body, category, stained)
    protected = _protected(person, body, category, stained)
    reach = torch.from_numpy(_reach(body, category))
    if category is Category.LOWER:
        reach &= _under_hem(person, body)
    reach |= grow(old, 4)
    region = reach & ~protected
    # Softened inwards only: a cell that must stay is exactly 0.
    soft = (blur(region.float(), 1.2) * 2 - 1).clamp(0, 1) * region
    soft = torch.maximum(soft, (old & ~protected).float())
    hidden = (grow(region, 1) & ~protected) | (old & ~protected)
    agnostic = torch.where(hidden, torch.full_like(person.image, GREY), person.image)
    return Scene(person, category, soft, agnostic, hidden, protected.float(), body, old & ~protected)


def _old_garment(person: Person, body: Body, category: Category, stained: Tensor) -> Tensor:
    """(512, 384) bool: what the person wears where the new garment goes."""
    parsing = person.parsing
    worn = (parsing == Part.UPPER) | stained
    if category is Category.DRESS:
        return worn | (parsing == Part.DRESS) | (parsing == Part.LOWER)
    hips = torch.from_numpy(_below(body, 0.92))
    if category is Category.LOWER:
        return (parsing == Part.LOWER) | ((parsing == Part.DRESS) & hips)
    return worn | ((parsing == Part.DRESS) & ~hips)


def _under_hem(person: Person, body: Body) -> Tensor:
    """(512, 384) bool: cells that a lower garment may use; beside an untucked top, none above its hem."""
    torso = torch.from_numpy(outline_mask(body, 0.5, 1.6, 0.8))
    worn = (person.parsing == Part.UPPER) & torso
    columns = worn.any(0)
    allowed = torch.ones_like(worn)
    if int(columns.sum()) > 8:
        last = worn.shape[0] - 1 - worn.flip(0).int().argmax(0)[columns]
        allowed[: max(int(last.median()) - 5, 0)] = False
    return allowed


def _below(body: Body, share: float) -> NDArray[np.bool_]:
    """Cells below a share of the torso."""
    point = body.axis_at(share)[0]
    rows, columns = cells()
    return (columns - point[0]) * body.down[0] + (rows - point[1]) * body.down[1] > 0


def _protected(person: Person, body: Body, category: Category, stained: Tensor) -> Tensor:
    parsing = person.parsing
    kept = (parsing == Part.HAIR) | (parsing == Part.FACE) | (parsing == Part.ACCESSORY) | (parsing == Part.FOOTWEAR)
    kept |= _hands(person, body) & ~stained
    if category is Category.LOWER:
        kept |= (parsing == Part.UPPER) | (parsing == Part.ARMS)
        kept |= (parsing == Part.DRESS) & ~torch.from_numpy(_below(body, 0.92))
    return kept


def _hands(person: Person, body: Body) -> Tensor:
    """(512, 384) bool: skin of the hands, from a little above the wrist to the fingertips."""
    skin = person.parsing == Part.ARMS
    found = torch.zeros_like(skin)
    if not skin.any():
        return found
    box = box_around(skin.numpy(), 0)
    cuffs = grow(person.parsing == Part.UPPER, 3)[box]
    rows, columns = cells()
    rows, columns = rows[box[0]], columns[:, box[1]]
    for arm in body.arms:
        wrist = arm.line[-1]
        along = wrist - arm.line[-9]
        along = along / max(float(np.linalg.norm(along)), 1e-6)
        ahead = (columns - wrist[0]) * along[0] + (rows - wrist[1]) * along[1]
        aside = np.abs((columns - wrist[0]) * along[1] - (rows - wrist[1]) * along[0])
        length = 0.62 * body.breadth
        near = (ahead > -0.06 * body.breadth) & (ahead < length) & (aside < 0.36 * body.breadth)
        # At the wrist the old cuff has tinged the skin's rim.
        rim = torch.from_numpy(ahead < 0.14 * body.breadth) & cuffs
        found[box] |= torch.from_numpy(near) & skin[box] & ~rim
    return found


def _stained(person: Person, skin: Tensor) -> Tensor:
    """(512, 384) bool: cells between fingers that were taken for skin but show the old garment."""
    worn = grow((person.parsing == Part.UPPER) | (person.parsing == Part.DRESS), -2)
    firm = grow(skin, -3)
    if min(int(worn.sum()), int(firm.sum())) < 60:
        return torch.zeros_like(skin)
    tone, cloth = (person.image[:, where].median(dim=1).values[:, None, None] for where in (firm, worn))
    if float((tone - cloth).abs().sum()) < 0.5:
        return torch.zeros_like(skin)
    to_tone, to_cloth = ((person.image - colour).abs().sum(0) for colour in (tone, cloth))
    return skin & grow(worn, 8) & (to_cloth < 0.3) & (to_cloth < 0.5 * to_tone)


def cells() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres of the grid's cells: rows (512, 1) and columns (1, 384)."""
    return np.arange(512.0)[:, None] + 0.5, np.arange(384.0)[None] + 0.5


def _reach(body: Body, category: Category) -> NDArray[np.bool_]:
    """Where a garment of a category may come to lie."""
    region = np.zeros((512, 384), bool)
    if category is not Category.LOWER:
        region |= outline_mask(body, 0.0, 1.35, 1.35, 0.12) | _collar_room(body)
        for arm in body.arms:
            region |= limb_mask(arm, 0.0, 1.0, SLACK)
    if category is Category.LOWER:
        region |= outline_mask(body, 0.5, 1.35, 1.25)
    if category in (Category.LOWER, Category.DRESS):
        for leg in body.legs:
            region |= limb_mask(leg, 0.0, 1.0, SLACK)
        region |= _between_legs(body)
    return region


def _collar_room(body: Body) -> NDArray[np.bool_]:
    """Room for a collar around the neck."""
    lift = 0.34 * body.breadth * body.down
    wide = body.neck + np.array([[-0.08], [0.08]]) * body.breadth * body.across
    return polygon_mask(np.stack([wide[0], wide[0] - lift, wide[1] - lift, wide[1]]))


def _between_legs(body: Body) -> NDArray[np.bool_]:
    """Room for a skirt: between and beside the legs down to the ankles."""
    from_hips = np.linspace(0.0, 1.0, 24)
    left, right = (
        np.stack([np.interp(from_hips, np.linspace(0, 1, len(leg.line)), leg.line[:, k]) for k in (0, 1)], -1)
        for leg in body.legs
    )
    out = 0.35 * body.breadth * np.linspace(1.0, 1.3, 24)[:, None] * body.across
    return polygon_mask(np.concatenate([left - out, (right + out)[::-1]]))
