"""How people and garments are varied for the try-on GAN: cameras, deformed cloth, dye, light, backgrounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fitting.frame import NET
from fitting.training.views import Rng, blurred, tensor, texture

HALF = (NET[1] / 2, NET[0] / 2)


def view_of_person(rng: Rng, flip: bool) -> NDArray:
    """A mild random camera: (3, 3) from the view's [-1, 1] square to the picture's, as seen from 3:4 pictures."""
    angle, scale = rng.normal(0, 0.035), np.exp(rng.normal(0, 0.07))
    cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
    ratio = HALF[1] / HALF[0]
    view = np.array([[cosine, -sine * ratio, 0], [sine / ratio, cosine, 0], [0, 0, 1.0]])
    view[:2, 2] = rng.normal(0, 0.04, 2)
    return view @ np.diag([-1.0 if flip else 1.0, 1.0, 1.0])


def grid_of(affine: NDArray) -> Tensor:
    """(1, 256, 192, 2): where each cell of the view looks, for an affine map of [-1, 1] squares (2 or 3, 3)."""
    x, y = (torch.arange(n) * (2 / n) + (1 / n - 1) for n in NET[::-1])
    a = tensor(affine)
    across, down = (a[k, 0] * x[None] + a[k, 1] * y[:, None] + a[k, 2] for k in (0, 1))
    return torch.stack([across, down], -1)[None]


def sampled(maps: Tensor, grid: Tensor, mode: str) -> Tensor:
    """(C, 256, 192) seen through a grid; the edge is repeated outside."""
    return F.grid_sample(maps[None], grid, mode, "border", align_corners=False)[0]


@dataclass(frozen=True)
class Deformation:
    """From a garment's 3:4 view to its picture, both as [-1, 1] squares: affine, then a smooth displacement.

    Attributes:
        affine: (2, 3).
        bend: (1, 2, 256, 192) displacement at each cell of the view.
    """

    affine: NDArray
    bend: Tensor

    @classmethod
    def random(cls, rng: Rng, mask: Tensor, flip: bool, rough: float) -> Deformation:
        """Fit a garment's mask (H, W) into the view, a little turned, stretched, shifted and bent."""
        rows, columns = ((mask > 0.5).any(axis).nonzero().flatten() for axis in (1, 0))
        height, width = mask.shape
        if len(rows) == 0:
            top, bottom, left, right = 0.0, float(height), 0.0, float(width)
        else:
            top, bottom, left, right = float(rows[0]), float(rows[-1]) + 1, float(columns[0]), float(columns[-1]) + 1
        margin = max(bottom - top, right - left) * rng.uniform(0.03, 0.1)
        half = max((bottom - top) / 2 + margin, ((right - left) / 2 + margin) / 0.75)
        size = np.array([half * 0.75, half])  # half width and half height of the view, in pixels of the picture
        angle, stretch = rng.normal(0, 0.09 * rough), np.exp(rng.normal(0, 0.1 * rough, 2))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear = turn @ np.diag(size * stretch * ((-1.0 if flip else 1.0), 1.0))
        centre = np.array([(left + right) / 2, (top + bottom) / 2]) + rng.normal(0, 0.04, 2) * size
        whole = np.array([width / 2, height / 2])
        affine = np.concatenate([linear / whole[:, None], (centre / whole - 1)[:, None]], 1)
        knots = tensor(rng.normal(0, 0.045 * rough, (1, 2, 5, 4)) * (size / whole)[None, :, None, None])
        bend = F.interpolate(knots, size=NET, mode="bicubic", align_corners=True)
        return cls(affine, bend)

    def picture(self, picture: Tensor) -> Tensor:
        """The garment as its view shows it: (C, h, w) -> (C, 256, 192); nothing is outside."""
        grid = grid_of(self.affine) + self.bend.permute(0, 2, 3, 1)
        colour = F.grid_sample(picture[None, :-1], grid, "bilinear", "border", align_corners=False)
        mask = F.grid_sample(picture[None, -1:], grid, "bilinear", "zeros", align_corners=False)
        return torch.cat([colour, mask], 1)[0]

    def where(self, places: Tensor, steps: int = 6) -> Tensor:
        """Places on the picture (2, H, W) as shares, NaN kept -> the same points' places on the view, as shares.

        The displacement is small and smooth, so that a fixed-point iteration inverts it.
        """
        known = ~places.isnan().any(0)
        picture = places[:, known].T * 2 - 1  # (N, 2)
        inverse = np.linalg.inv(self.affine[:, :2])
        back, shift = tensor(inverse), tensor(self.affine[:, 2])
        at = (picture - shift) @ back.T
        for _ in range(steps):
            bent = F.grid_sample(self.bend, at[None, None], "bilinear", "border", align_corners=False)[0, :, 0].T
            at = (picture - shift - bent) @ back.T
        found = torch.full_like(places, float("nan"))
        found[:, known] = (at.T + 1) / 2
        return found


def recoloured(rng: Rng, cloth: Tensor, picture: Tensor, cover: Tensor) -> tuple[Tensor, Tensor]:
    """The same dye on a garment (4, ...) and where it is worn in a picture (3, ...): hue, saturation, depth."""
    angle = rng.uniform(-np.pi, np.pi) if rng.random() < 0.7 else 0.0
    axis = np.full((3, 3), 1 / 3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turned = np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * axis
    strength, depth = rng.uniform(0.3, 1.3), rng.uniform(0.55, 1.15)
    dye = tensor((axis + strength * (turned - axis)) * depth)

    def dyed(colour: Tensor) -> Tensor:
        return torch.einsum("ij,jhw->ihw", dye, colour).clamp(0, 1)

    return torch.cat([dyed(cloth[:3]), cloth[3:]]), torch.lerp(picture, dyed(picture), cover)


def lights(rng: Rng, *pictures: Tensor) -> tuple[Tensor, ...]:
    """One light for all pictures of the person; a slightly different one for the last, the garment (4, ...)."""
    *people, cloth = pictures
    cast, gamma = np.exp(rng.normal(0, 0.07, 3) + rng.normal(0, 0.12)), np.exp(rng.normal(0, 0.12))
    slope = rng.normal(0, 0.08, 2)
    ramp = 1 + tensor(
        slope[0] * np.linspace(-1, 1, NET[1])[None, None] + slope[1] * np.linspace(-1, 1, NET[0])[None, :, None]
    )
    own = np.exp(rng.normal(0, 0.03, 3) + rng.normal(0, 0.05))
    lit = [(p.clamp(1e-3, 1) ** float(gamma) * tensor(cast)[:, None, None] * ramp).clamp(0, 1) for p in people]
    colour = (cloth[:3].clamp(1e-3, 1) ** float(gamma) * tensor(cast * own)[:, None, None]).clamp(0, 1)
    return (*lit, torch.cat([colour, cloth[3:]]))


def background(rng: Rng, scenes: NDArray[np.uint8]) -> Tensor:
    """What lies behind somebody: a street, mostly out of focus, or a made-up wall: (3, 256, 192)."""
    if rng.random() < 0.35:
        return texture(rng, NET)
    scene = tensor(scenes[rng.integers(len(scenes))]).permute(2, 0, 1)[None] / 255
    scene = F.interpolate(scene, size=NET, mode="bilinear", align_corners=False)
    return blurred(scene, rng.uniform(0.8, 5.0))[0]
