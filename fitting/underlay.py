"""What lies under the new garment: background, skin and other clothes that the old garment had hidden.

Every cell of the old garment that comes off is given what would be seen there, arm, leg, neck, the other
garment or background, and is painted by continuing what the photo shows of that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from fitting.body import Body, outline_mask
from fitting.distance import Box, box_around, depth_in, nearest
from fitting.fill import blur, grow, push_pull
from fitting.garment import Category
from fitting.limbs import Limb, limb_mask, polygon_mask
from fitting.person import Part, Person
from fitting.scene import Scene, cells

RIM = 3  # cells beside the old garment whose colour it may have tinged
ROOM = 18  # cells worked out around what is painted, so that no blur in there feels the end of the box


@dataclass(frozen=True)
class Underlay:
    """Attributes:
    image: (3, 512, 384) float in [0, 1], the person without the old garment.
    parsing: (512, 384) int64 of `Part`, what it shows.
    change: (512, 384) float in [0, 1], how far it replaces the photo.
    arms: (512, 384) float in [0, 1], bare arms that lie before the torso.
    """

    image: Tensor
    parsing: Tensor
    change: Tensor
    arms: Tensor


def clothed(person: Person) -> Underlay:
    """What lies under a garment that is worn over everything else: the person as they are."""
    nothing = torch.zeros_like(person.matte)
    return Underlay(person.image, person.parsing, nothing, nothing)


def undress(scene: Scene) -> Underlay:
    """Paint the person of a scene without the old garment."""
    person, old = scene.person, scene.old
    free = scene.protected < 0.5
    off = grow(old, RIM) & free
    shown = torch.from_numpy(_beneath(scene))
    parsing = torch.where(old, shown, person.parsing)
    trusted = ~grow(old, RIM + 1)
    image, total = torch.zeros_like(person.image), torch.zeros_like(person.matte)[None]
    for name, (parts, worn) in _KINDS.items():
        place = _any(parsing, *parts) & off
        if not place.any():
            continue
        rows, columns = box = box_around(place.numpy(), ROOM)
        painted = _continue(person, trusted & _any(person.parsing, *worn), name, box)
        if name == "skin":
            painted = painted * _roundness(scene.body, parsing.numpy(), box)
        weight = blur(place[box].float(), 0.9)
        image[:, rows, columns] += painted * weight
        total[:, rows, columns] += weight
    image = torch.where(off, image / total.clamp(min=1e-4), person.image)
    change = (blur(off.float(), 1.0) * 2).clamp(0, 1) * off
    return Underlay(image, parsing, change, _arms_in_front(scene, parsing))


# What is painted together: the parts shown, and the parts of the photo whose colours go on there.
_KINDS = {
    "background": ((Part.BACKGROUND,), (Part.BACKGROUND,)),
    "skin": ((Part.ARMS, Part.LEGS, Part.SKIN), (Part.ARMS, Part.LEGS, Part.SKIN, Part.FACE)),
    "lower": ((Part.LOWER,), (Part.LOWER, Part.DRESS)),
    "upper": ((Part.UPPER,), (Part.UPPER, Part.DRESS)),
}


def _any(parsing: Tensor, *parts: Part) -> Tensor:
    found = torch.zeros_like(parsing, dtype=torch.bool)
    for part in parts:
        found |= parsing == part
    return found


def _continue(person: Person, source: Tensor, name: str, box: Box) -> Tensor:
    """The photo's own colours of one kind, continued to a box: (3, h, w)."""
    rows, columns = box
    firm = grow(source, -2)
    if firm.sum() > 40:
        source = firm
    if source.sum() < 12:
        fallback = {"lower": (0.2, 0.2, 0.24), "upper": (0.75, 0.75, 0.75), "skin": (0.76, 0.58, 0.48)}
        colour = torch.tensor(fallback.get(name, (0.8, 0.8, 0.8)))
        return colour[:, None, None].expand_as(person.image[:, rows, columns])
    image = person.image
    if name != "background":
        # Highlights, shadows and jewellery must not spread: keep what lies near the middle of its kind.
        values = image[:, source]
        middle = values.median(dim=1).values
        spread = (image - middle[:, None, None]).abs().sum(0)
        limit = (values - middle[:, None]).abs().sum(0).quantile(0.7)
        source = source & (spread <= limit + 1e-6)
        filled = blur(push_pull(image, source.float())[:, rows, columns], 3.0)
        if name == "skin":
            return _one_complexion(filled, middle, source[box])
    else:
        filled = push_pull(image, source.float())[:, rows, columns]
    return _with_texture(filled, image, source, box)


def _one_complexion(filled: Tensor, tone: Tensor, source: Tensor) -> Tensor:
    """Continued skin, drawn to the person's usual tone the farther it lies from skin that is seen.

    A shadow under the chin must not spread to the arms.
    """
    level = filled.mean(0) / tone.mean().clamp(min=0.02)
    mixed = filled * (level.clamp(0.82, 1.12) / level.clamp(min=0.02))
    mixed = torch.lerp(mixed, tone[:, None, None].expand_as(mixed), 0.4)
    near = (blur(source.float(), 5.0) * 2.5).clamp(0, 1)
    return torch.lerp(mixed, filled, near).clamp(0, 1)


def _with_texture(smooth: Tensor, image: Tensor, known: Tensor, box: Box) -> Tensor:
    """Give a smooth continuation the texture that lies as far on the other side of its edge."""
    far, near_row, near_column = nearest(known.numpy(), box)
    height, width = known.shape
    rows, columns = (np.arange(side.start, side.stop, dtype=np.int32) for side in box)
    mirror_row = (2 * near_row - rows[:, None]).clip(0, height - 1)
    mirror_column = (2 * near_column - columns).clip(0, width - 1)
    # Only around the cells that are mirrored from is there any texture to be told from what is smooth.
    top, left = max(int(mirror_row.min()) - ROOM, 0), max(int(mirror_column.min()) - ROOM, 0)
    near = slice(top, int(mirror_row.max()) + ROOM + 1), slice(left, int(mirror_column.max()) + ROOM + 1)
    image, known = image[:, near[0], near[1]], known[near]
    fine = image - blur(image * known, 6.0) / blur(known.float(), 6.0).clamp(min=0.05)
    places = torch.from_numpy((mirror_row - top) * known.shape[1] + mirror_column - left)
    fine = (fine * known).clamp(-0.12, 0.12).flatten(1)[:, places]
    fading = torch.from_numpy(np.exp(far * (-1 / 24)))
    return (smooth + blur(fine * fading, 0.6)).clamp(0, 1)


def _beneath(scene: Scene) -> np.ndarray:
    """(512, 384) int64 of `Part`: what is behind the old garment at every cell."""
    body, category = scene.body, scene.category
    shown = np.full((512, 384), int(Part.BACKGROUND), np.int64)
    legs = np.zeros((512, 384), bool)
    for leg in body.legs:
        legs |= limb_mask(leg, 0.0, 1.0, 1.0)
    torso = outline_mask(body, 0.0, 1.12, 1.0, -0.01)
    waist = outline_mask(body, 0.72, 1.12, 0.95)
    if category is Category.LOWER:
        shown[torso] = Part.SKIN
        shown[legs | waist] = Part.LEGS
        above = outline_mask(body, 0.0, 0.8, 1.05)
        worn = (scene.person.parsing == Part.UPPER).any()
        shown[above] = Part.UPPER if worn else Part.SKIN
    else:
        shown[torso] = Part.SKIN
        lower = _lower_waist(scene, waist) | (legs & _near_hips(body))
        shown[lower] = Part.LOWER if category is not Category.DRESS else Part.LEGS
        if category is Category.DRESS:
            shown[legs & ~waist] = Part.LEGS
        shown[_neck(body)] = Part.SKIN
        for arm in body.arms:
            shown[limb_mask(arm, 0.1, 1.0, 1.0) | _to_hand(scene, arm)] = Part.ARMS
    return shown


def _lower_waist(scene: Scene, waist: np.ndarray) -> np.ndarray:
    """Up to the waist, as wide as trousers or skirt are where they come out from under the old top."""
    body = scene.body
    worn = ((scene.person.parsing == Part.LOWER) & ~scene.old).numpy()
    widths = worn.sum(1)
    if not worn.any():
        return waist
    rows = np.nonzero(widths > 0.7 * max(float(np.quantile(widths[widths > 0], 0.8)), 1.0))[0]
    columns = np.nonzero(worn[rows[0] : rows[0] + 4].any(0))[0]
    low, high = float(columns[0]), float(columns[-1]) + 1
    foot = np.array([[low, rows[0] + 3.0], [high, rows[0] + 3.0]])
    head = body.axis_at(0.72)[0] + np.array([[-0.5], [0.5]]) * 0.94 * (high - low) * body.across
    return polygon_mask(np.stack([foot[0], head[0], head[1], foot[1]])) if head[:, 1].max() < rows[0] else waist


def _to_hand(scene: Scene, arm: Limb) -> np.ndarray:
    """The wrist, where a hand is seen to follow; a hand in a pocket has none."""
    wrist = _wrist(arm, scene.body)
    if not wrist.any():
        return wrist
    near = box_around(wrist, 5)
    reach = ndimage.binary_dilation(wrist[near], iterations=4)
    skin = (scene.person.parsing[near] == Part.ARMS).numpy()
    return wrist if (reach & skin).sum() > 30 else np.zeros_like(wrist)


def _wrist(arm: Limb, body: Body) -> np.ndarray:
    """From the wrist to where the hand begins: a cuff may have hidden it."""
    end = arm.line[-1]
    along = end - arm.line[-9]
    along = along / max(float(np.linalg.norm(along)), 1e-6)
    aside = np.array([along[1], -along[0]]) * arm.half[-1]
    tip = end + 0.3 * body.breadth * along
    return polygon_mask(np.stack([end + aside, tip + 0.8 * aside, tip - 0.8 * aside, end - aside]))


def _near_hips(body: Body) -> np.ndarray:
    rows, columns = cells()
    hips = body.hips.mean(0)
    return (columns - hips[0]) * body.down[0] + (rows - hips[1]) * body.down[1] < 1.3 * body.breadth


def _neck(body: Body) -> np.ndarray:
    lift = 0.4 * body.breadth * body.down
    base = body.neck.mean(0)
    out = np.array([[-1.0], [1.0]]) * body.across
    throat = base + body.throat * out - 0.12 * body.breadth * body.down
    slope = base + 1.12 * body.throat * out - 0.03 * body.breadth * body.down
    return polygon_mask(
        np.stack(
            [
                body.neck[0],
                slope[0],
                throat[0],
                throat[0] - lift,
                throat[1] - lift,
                throat[1],
                slope[1],
                body.neck[1],
                body.shoulders[1],
                body.shoulders[0],
            ]
        )
    )


def _roundness(body: Body, parsing: np.ndarray, box: Box) -> Tensor:
    """Of a box: limbs are darker towards their edges, as round things are in soft frontal light."""
    shown = parsing[box]
    shade = np.ones(shown.shape)
    torso = outline_mask(body, 0.3, 1.2, 1.0)
    for part, limbs in ((Part.ARMS, body.arms), (Part.LEGS, body.legs)):
        at = shown == part
        if not at.any():
            continue
        for limb in limbs:
            mask = limb_mask(limb, 0.0, 1.0, 1.0) | (_wrist(limb, body) if part is Part.ARMS else torso)
            shade[at] = np.minimum(shade, _round_shade(mask, limb, box))[at]
    return blur(torch.from_numpy(shade).float(), 1.2)


def _round_shade(mask: np.ndarray, limb: Limb, box: Box) -> np.ndarray:
    inside = mask[box]
    if not mask.any():
        return np.ones(inside.shape)
    shade = np.full(inside.shape, 1.02, np.float32)
    across = np.clip(1 - depth_in(mask)[box][inside] / max(float(np.median(limb.half)), 1.0), 0, 1)
    shade[inside] -= 0.24 * across**2.2
    return shade


def _arms_in_front(scene: Scene, parsing: Tensor) -> Tensor:
    """Bare arms that cover the torso; near the shoulder it is the armhole that parts arm and torso."""
    near = np.zeros((512, 384), bool)
    drawn = np.zeros((512, 384), bool)
    for arm in scene.body.arms:
        drawn |= limb_mask(arm, 0.36, 1.0, 1.0) | _to_hand(scene, arm)
        near |= limb_mask(arm, 0.36, 1.0, 1.7)
    shown = (scene.person.parsing == Part.ARMS) & torch.from_numpy(near)
    return blur((shown | (torch.from_numpy(drawn) & (parsing == Part.ARMS))).float(), 0.7)
