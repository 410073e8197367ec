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

from fitting.body import Body, Limb, limb_mask, outline_mask, polygon_mask
from fitting.fill import blur, grow, push_pull
from fitting.garment import Category
from fitting.person import Part, Person
from fitting.scene import Scene

RIM = 3  # cells beside the old garment whose colour it may have tinged


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


def undress(scene: Scene) -> Underlay:
    """Paint the person of a scene without the old garment."""
    person, body, old = scene.person, scene.body, scene.old
    off = grow(old, 2) & (scene.protected < 0.5) & ~_other_clothes(scene)
    shown = torch.from_numpy(_beneath(scene))
    parsing = torch.where(off, shown, person.parsing)
    trusted = ~grow(old, RIM)
    image = person.image.clone()
    inside = person.matte > 0.05
    groups = {
        "background": (parsing == Part.BACKGROUND, trusted & ~grow(inside, 3) & (person.parsing == Part.BACKGROUND)),
        "skin": (_any(parsing, Part.ARMS, Part.LEGS, Part.SKIN), trusted & _skin(person)),
        "lower": (parsing == Part.LOWER, trusted & _any(person.parsing, Part.LOWER, Part.DRESS)),
        "upper": (parsing == Part.UPPER, trusted & _any(person.parsing, Part.UPPER, Part.DRESS)),
    }
    for name, (place, source) in groups.items():
        place = place & off
        if not place.any():
            continue
        painted = _continue(person, source, name)
        if name == "skin":
            painted = painted * torch.from_numpy(_roundness(body)).float()
        soft = (blur((place | (~off & source)).float(), 0.8) * place).clamp(0, 1)
        image = torch.where(place, painted, image)
        del soft
    image = _soften_seams(image, off)
    change = (blur(off.float(), 0.8) * 2).clamp(0, 1) * grow(off, 1) * (scene.protected < 0.5)
    return Underlay(image, parsing, change, _arms_in_front(scene, parsing))


def _any(parsing: Tensor, *parts: Part) -> Tensor:
    found = torch.zeros_like(parsing, dtype=torch.bool)
    for part in parts:
        found |= parsing == part
    return found


def _other_clothes(scene: Scene) -> Tensor:
    parsing = scene.person.parsing
    return (_any(parsing, Part.LOWER, Part.DRESS, Part.UPPER)) & ~scene.old


def _skin(person: Person) -> Tensor:
    return _any(person.parsing, Part.ARMS, Part.LEGS, Part.SKIN, Part.FACE)


def _continue(person: Person, source: Tensor, name: str) -> Tensor:
    """The photo's own colours of one kind, continued everywhere."""
    firm = grow(source, -2)
    if firm.sum() > 40:
        source = firm
    if source.sum() < 12:
        fallback = {"lower": (0.2, 0.2, 0.24), "upper": (0.75, 0.75, 0.75), "skin": (0.76, 0.58, 0.48)}
        colour = torch.tensor(fallback.get(name, (0.8, 0.8, 0.8)))
        return colour[:, None, None].expand_as(person.image)
    image = person.image
    if name != "background":
        # Highlights, shadows and jewellery must not spread: keep what lies near the middle of its kind.
        values = image[:, source]
        middle = values.median(dim=1).values
        spread = (image - middle[:, None, None]).abs().sum(0)
        limit = (values - middle[:, None]).abs().sum(0).quantile(0.7)
        source = source & (spread <= limit + 1e-6)
        image = blur(image * source, 1.5) / blur(source.float(), 1.5).clamp(min=1e-3)
    filled = push_pull(image, source.float())
    return filled if name == "background" else blur(filled, 3.0)


def _beneath(scene: Scene) -> np.ndarray:
    """(512, 384) int64 of `Part`: what is behind the old garment at every cell."""
    body, category = scene.body, scene.category
    shown = np.full((512, 384), int(Part.BACKGROUND), np.int64)
    legs = np.zeros((512, 384), bool)
    for leg in body.legs:
        legs |= limb_mask(leg, 0.0, 1.0, 1.0)
    torso = outline_mask(body, 0.0, 1.12, 1.0)
    waist = outline_mask(body, 0.72, 1.12, 1.0)
    if category is Category.LOWER:
        shown[torso] = Part.SKIN
        shown[legs | waist] = Part.LEGS
        above = outline_mask(body, 0.0, 0.8, 1.05)
        worn = (scene.person.parsing == Part.UPPER).any()
        shown[above] = Part.UPPER if worn else Part.SKIN
    else:
        shown[torso] = Part.SKIN
        lower = waist | (legs & _near_hips(body))
        shown[lower] = Part.LOWER if category is not Category.DRESS else Part.LEGS
        if category is Category.DRESS:
            shown[legs & ~waist] = Part.LEGS
        shown[_neck(body)] = Part.SKIN
        for arm in body.arms:
            shown[limb_mask(arm, 0.05, 1.0, 1.0)] = Part.ARMS
    return shown


def _near_hips(body: Body) -> np.ndarray:
    rows, columns = np.mgrid[0:512, 0:384] + 0.5
    hips = body.hips.mean(0)
    return (columns - hips[0]) * body.down[0] + (rows - hips[1]) * body.down[1] < 1.3 * body.breadth


def _neck(body: Body) -> np.ndarray:
    lift = 0.35 * body.breadth * body.down
    inner = body.neck.mean(0) + (body.neck - body.neck.mean(0)) * 0.85
    return polygon_mask(np.stack([body.neck[0], inner[0] - lift, inner[1] - lift, body.neck[1], body.shoulders[1], body.shoulders[0]]))


def _roundness(body: Body) -> np.ndarray:
    """(512, 384): limbs are darker towards their edges, as round things are in soft frontal light."""
    shade = np.ones((512, 384))
    for limb in (*body.arms, *body.legs):
        shade = np.minimum(shade, _limb_shade(limb))
    return shade


def _limb_shade(limb: Limb) -> np.ndarray:
    mask = limb_mask(limb, 0.0, 1.0, 1.0)
    if not mask.any():
        return np.ones((512, 384))
    depth = ndimage.distance_transform_edt(mask)
    half = float(np.median(limb.half))
    across = np.clip(1 - depth / max(half, 1.0), 0, 1)
    shade = np.where(mask, 1.02 - 0.24 * across**2.2, 1.0)
    return ndimage.gaussian_filter(shade, 1.0)


def _soften_seams(image: Tensor, off: Tensor) -> Tensor:
    """Blur the painted part a little, so that arms do not end in a staircase."""
    soft = blur(image, 0.8)
    return torch.where(off, soft, image)


def _arms_in_front(scene: Scene, parsing: Tensor) -> Tensor:
    """Bare arms that cover the torso: all skin of arms the photo shows, and forearms that were sleeved."""
    arms = (scene.person.parsing == Part.ARMS).float()
    drawn = np.zeros((512, 384), bool)
    for arm in scene.body.arms:
        drawn |= limb_mask(arm, 0.3, 1.0, 1.0)
    both = torch.maximum(arms, torch.from_numpy(drawn).float() * (parsing == Part.ARMS))
    return blur(both, 0.7)
