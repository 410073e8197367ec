"""From layers to a picture: light, contact shadows, and `compose()` at the photo's own resolution."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fitting.fill import blur, grow, masked_blur
from fitting.frame import Frame
from fitting.garment import Garment
from fitting.images import to_pixels, to_unit
from fitting.person import Part
from fitting.scene import Scene
from fitting.underlay import Underlay
from fitting.warp import Laid, garment_frame, warp

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
    fine = masked_blur(light[None], old, 3.5)[0]
    wide = masked_blur(light[None], old, 22.0)[0]
    ratio = (fine + 0.02) / (wide + 0.02)
    level = light[old].mean()
    colour = masked_blur(scene.person.image, old, 3.5)
    hue = colour / (colour.sum(0) + 0.05)
    # Folds change brightness a little and colour hardly; stripes and prints change both, and more.
    print_ = (hue[:, old].std(1).sum() / 0.045).clamp(0, 1)
    strong = ((ratio[old].std() - 0.06) / 0.07).clamp(0, 1)
    trust = ((level - 0.06) / 0.25).clamp(0, 1) * (1 - print_) * (1 - strong)
    folds = 1 + trust * (ratio - 1).clamp(-0.2, 0.13)
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
    photo, frame, free = scene.person.photo, scene.person.frame, scene.edit_region
    rows, columns, view = frame.part_of(*photo.shape[-2:])
    part = to_unit(photo[:, rows, columns])

    def full(*maps: Tensor) -> Tensor:
        stack = torch.cat([value if value.ndim == 3 else value[None] for value in maps])
        return frame.enlarge(stack)[:, view[0], view[1]]

    canvas = garment_frame(garment)
    view_of = torch.cat([_canvas(laid_out.image, canvas, None), _canvas(laid_out.mask[None], canvas, 0.0)])[None]
    covers = _covers(scene, under, laid_out, view_of)
    worn = torch.stack([alpha for _, alpha in covers]).amax(0)
    shadow = _shadow(scene, under, worn)
    maps = full(under.image, under.change * (free > 0), shadow, (free > 0).float())
    change = maps[3]
    picture = (part + (maps[:3] - part) * change) * maps[4]
    seen = torch.maximum(change, (maps[4] < 0.998).float())
    light, warped, behind = shading(scene), torch.zeros(4, *part.shape[-2:]), torch.zeros_like(free)
    for layer, (cover, alpha) in zip(laid_out.layers, covers, strict=True):
        laid = warp(view_of, layer.flow[None], (frame.height, frame.width))[0][:, view[0], view[1]]
        cast = _cast(alpha, behind) if layer.piece == "sleeve" else torch.ones_like(free)
        factors = full(cover, light * roundness(layer.coverage), cast)
        solid = laid[3] * factors[0]
        colour = laid[:3] * factors[1]
        picture = picture * factors[2]
        picture = picture + (colour - picture) * solid
        warped = torch.cat([warped[:3] + (colour - warped[:3]) * solid, torch.maximum(warped[3:], solid[None])])
        seen, behind = torch.maximum(seen, solid), torch.maximum(behind, alpha)
    seen = seen * (maps[5] > 0)
    return _placed(photo, picture, seen, warped, (rows, columns))


def _placed(photo: Tensor, picture: Tensor, seen: Tensor, warped: Tensor, where: tuple[slice, slice]) -> Composed:
    """Bring the frame's part back into the whole photo; what was not touched is the photo's own pixels."""
    rows, columns = where
    touched = seen > 0.002
    result, changed = photo.clone(), torch.zeros(photo.shape[-2:])
    result[:, rows, columns] = torch.where(touched, to_pixels(picture), photo[:, rows, columns])
    changed[rows, columns] = torch.where(touched, seen.clamp(min=1 / 255), torch.zeros_like(seen))
    laid_on = torch.zeros(4, *photo.shape[-2:])
    laid_on[:, rows, columns] = warped
    return Composed(result, changed, laid_on.clamp(0, 1))


def _covers(scene: Scene, under: Underlay, laid: Laid, view_of: Tensor) -> list[tuple[Tensor, Tensor]]:
    """For every layer where it may show, and how much of the garment does show there; both (512, 384).

    Bare arms lie before the torso; sleeved ones are covered, and so is the sliver between sleeve and torso.
    """
    cloth = torch.zeros_like(scene.old)
    for layer in laid.layers:
        free = under.arms < 0.5 if layer.piece == "torso" else torch.ones_like(cloth)
        cloth |= (layer.coverage > 0.5) & free
    slivers = grow(grow(cloth, 6), -6) & ~cloth
    covered = slivers.float()
    for layer in laid.layers:
        if layer.piece == "sleeve":
            covered = torch.maximum(covered, layer.coverage)
    bare = under.arms * (1 - covered)
    small = view_of[:, 3:, ::2, ::2]
    covers = []
    for layer in laid.layers:
        cover = layer.coverage * scene.edit_region
        if layer.piece == "torso":
            cover = cover * (1 - bare)
        covers.append((cover, cover * warp(small, layer.flow[None])[0, 0]))
    return covers


def _cast(front: Tensor, behind: Tensor) -> Tensor:
    """(512, 384) factor: the shadow that a sleeve throws on the cloth beside it."""
    return 1 - 0.55 * (blur(front, 4.0) * behind * (1 - front)).clamp(max=0.5)


def _canvas(image: Tensor, frame: Frame, fill: float | None) -> Tensor:
    """The garment's whole view at its own resolution."""
    return frame.cut(image, (frame.height, frame.width), fill)


def _shadow(scene: Scene, under: Underlay, worn: Tensor) -> Tensor:
    """(512, 384) factor: a soft shadow that the garment throws on the body just below its edges."""
    dropped = torch.roll(worn, 3, dims=0)
    near = (blur(dropped, 2.5) - 0.15).clamp(0, 1) * (under.parsing != Part.BACKGROUND)
    return 1 - 0.3 * near * (scene.edit_region > 0) * (scene.protected < 0.5)
