"""From layers to a picture: light, contact shadows, and `compose()` at the photo's own resolution."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fitting.fill import blur, grow, masked_blur
from fitting.frame import Frame
from fitting.garment import Category, Garment
from fitting.images import to_pixels, to_unit
from fitting.person import Part
from fitting.scene import Scene
from fitting.underlay import Underlay
from fitting.warp import Laid, Layer, garment_frame, warp

LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Composed:
    """Attributes:
    picture: (3, H, W) uint8, the photo with the garment on.
    changed: (H, W) float in [0, 1]; where 0, the picture is the photo bit for bit.
    warped: (4, H, W) float in [0, 1], the garment as laid on, colour and alpha.
    """

    picture: Tensor
    changed: Tensor
    warped: Tensor


def brightness(image: Tensor) -> Tensor:
    """(3, H, W) -> (H, W)."""
    return (image * image.new_tensor(LUMA)[:, None, None]).sum(0)


def shading(scene: Scene) -> Tensor:
    """(512, 384) factor around 1: light and folds that the photo shows on the old garment.

    Folds are what is left of the old garment's brightness when its own colour is divided out. A black garment
    shows few and noisy folds and a patterned one false ones, so both are trusted less.
    """
    light = brightness(scene.person.image)
    old = grow(scene.old, -2)
    if old.sum() < 200:
        return torch.ones_like(light)
    fine = masked_blur(light[None], old, 2.5)[0]
    wide = masked_blur(light[None], old, 22.0)[0]
    ratio = (fine + 0.02) / (wide + 0.02)
    level = light[old].mean()
    pattern = ((light - fine).abs()[old].mean() / (level + 0.02)).clamp(max=1)
    trust = ((level - 0.06) / 0.25).clamp(0, 1) * (1 - pattern * 9).clamp(0.0, 1)
    folds = 1 + trust * (ratio - 1).clamp(-0.28, 0.18)
    weight = blur(old.float(), 2.0).clamp(0, 1)
    return 1 + (folds - 1) * weight


def roundness(coverage: Tensor, reach: float = 14.0) -> Tensor:
    """(512, 384) factor at most 1: cloth turns away from the viewer near its edges."""
    inner = blur(coverage, reach / 2)
    return 0.84 + 0.16 * ((inner - 0.45) / 0.5).clamp(0, 1)


def compose(scene: Scene, under: Underlay, garment: Garment, laid_out: Laid) -> Composed:
    """Put everything together at the photo's resolution.

    Outside what changes, the picture is the decoded photo bit for bit.
    """
    photo = scene.person.photo
    frame = scene.person.frame
    rows, columns, view = frame.part_of(*photo.shape[-2:])
    size = (frame.height, frame.width)
    part = to_unit(photo[:, rows, columns])

    def full(maps: Tensor) -> Tensor:
        return frame.enlarge(maps)[:, view[0], view[1]]

    light = shading(scene)
    free = scene.edit_region
    change = full((under.change * (free > 0))[None])[0]
    picture = part + (full(under.image) - part) * change
    shadow = _shadow(scene, under, laid_out.layers)
    picture = picture * full(shadow[None])
    seen = torch.maximum(change, (full(shadow[None])[0] < 0.998).float())
    canvas = garment_frame(garment)
    view_of = torch.cat([_canvas(garment.image, canvas, None), _canvas(laid_out.mask[None], canvas, 0.0)])
    warped = torch.zeros(4, *part.shape[-2:])
    for layer in laid_out.layers:
        flow = layer.flow[None]
        laid = warp(view_of[None], flow, size)[0][:, view[0], view[1]]
        cover = layer.coverage * free
        if layer.piece != "sleeve" and scene.category is not Category.LOWER:
            cover = cover * (1 - under.arms)
        alpha = laid[3] * full(cover[None])[0]
        colour = laid[:3] * full((light * roundness(layer.coverage))[None])
        picture = picture + (colour - picture) * alpha
        warped = torch.cat([warped[:3] + (colour - warped[:3]) * alpha, torch.maximum(warped[3:], alpha[None])])
        seen = torch.maximum(seen, alpha)
    seen = seen * (full(free[None])[0] > 0)
    result, changed = photo.clone(), torch.zeros(photo.shape[-2:])
    pixels = to_pixels(picture)
    result[:, rows, columns] = torch.where(seen > 0.002, pixels, photo[:, rows, columns])
    changed[rows, columns] = torch.where(seen > 0.002, seen.clamp(min=1 / 255), torch.zeros_like(seen))
    laid_on = torch.zeros(4, *photo.shape[-2:])
    laid_on[:, rows, columns] = warped
    return Composed(result, changed, laid_on.clamp(0, 1))


def _canvas(image: Tensor, frame: Frame, fill: float | None) -> Tensor:
    """The garment's whole view at its own resolution."""
    return frame.cut(image, (frame.height, frame.width), fill)


def _shadow(scene: Scene, under: Underlay, layers: tuple[Layer, ...]) -> Tensor:
    """(512, 384) factor: a soft shadow that the garment throws on the body just below its edges."""
    if not layers:
        return torch.ones_like(scene.edit_region)
    cover = torch.stack([layer.coverage for layer in layers]).amax(0)
    dropped = torch.roll(cover, 3, dims=0)
    near = (blur(dropped, 2.5) - 0.15).clamp(0, 1) * (under.parsing != Part.BACKGROUND)
    return 1 - 0.3 * near * (scene.edit_region > 0) * (scene.protected < 0.5)
