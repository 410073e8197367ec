"""From layers to a picture: light, contact shadows, and `compose()` at the photo's own resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from fitting.distance import box_around
from fitting.fill import blur, grow, masked_blur
from fitting.frame import Frame, Window
from fitting.garment import Garment
from fitting.images import to_image, to_pixels, to_unit
from fitting.person import Part
from fitting.planes import put_where, side_by_side
from fitting.scene import Scene
from fitting.underlay import Underlay
from fitting.warp import Laid, garment_frame, move, warp

LUMA = (0.299, 0.587, 0.114)
BAND = 400_000  # pixels of a photo that are put together at a time: a large photo is never held as floats


@dataclass(frozen=True)
class Composed:
    """A picture put together window by window, all of it bytes.

    Attributes:
        picture: (3, H, W) uint8, the photo with the garment on.
        edits: (H, W) uint8, how much was changed; where 0, the picture is the photo bit for bit.
        laid: (4, H, W) uint8, the garment as laid on, colour and alpha.
    """

    picture: Tensor
    edits: Tensor
    laid: Tensor

    @classmethod
    def of(cls, photo: Tensor) -> Composed:
        """Start from a photo (3, H, W) uint8, of which nothing is changed yet."""
        return cls(photo.clone(), photo.new_zeros(photo.shape[-2:]), photo.new_zeros(4, *photo.shape[-2:]))

    @property
    def changed(self) -> Tensor:
        """(H, W) float in [0, 1]; where 0, the picture is the photo bit for bit."""
        return to_unit(self.edits)

    @property
    def warped(self) -> Tensor:
        """(4, H, W) float in [0, 1], the garment as laid on, colour and alpha."""
        return to_unit(self.laid)

    def pictures(self) -> tuple[Image.Image, Image.Image, Image.Image]:
        """Picture (RGB), edit region (L) and garment as laid on (RGBA)."""
        return to_image(self.picture), to_image(self.edits), to_image(self.laid)

    def put(self, window: Window, picture: Tensor, seen: Tensor, warped: Tensor) -> None:
        """Fill in a window; what is not touched there stays the photo's own pixels.

        Args:
            picture: (3, *window.size) float in [0, 1].
            seen: (*window.size) float in [0, 1], how much is changed.
            warped: (4, *window.size) float in [0, 1], the garment as laid on.
        """
        place = (..., window.rows, window.columns)
        touched = seen > 0.002
        put_where(touched, to_pixels(picture), self.picture[place])
        put_where(touched, to_pixels(seen).clamp_(min=1)[None], self.edits[None][place])
        self.laid[place] = to_pixels(warped)


def brightness(image: Tensor) -> Tensor:
    """(3, H, W) -> (H, W)."""
    return LUMA[0] * image[0] + LUMA[1] * image[1] + LUMA[2] * image[2]


def shading(scene: Scene) -> Tensor:
    """(512, 384) factor around 1: light and folds that the photo shows on the old garment.

    Folds are what is left of the old garment's brightness when its own colour is divided out. A black garment
    shows few and noisy folds and a patterned one false ones, so both are trusted less.
    """
    light = brightness(scene.person.image)
    old = grow(scene.old, -2)
    if old.sum() < 200:
        return torch.ones_like(light)
    wide = masked_blur(light[None], old, 22.0)[0]
    rows, columns = box = box_around(old.numpy(), 18)  # beyond it neither blur below finds anything
    within = old[box]
    colour = masked_blur(scene.person.image[:, rows, columns], within, 3.5)
    ratio = (brightness(colour) + 0.02) / (wide[box] + 0.02)
    hue = colour / (colour.sum(0) + 0.05)
    # Folds change brightness a little and colour hardly; stripes and prints change both, and more.
    print_ = (hue[:, within].std(1).sum() / 0.045).clamp(0, 1)
    strong = ((ratio[within].std() - 0.06) / 0.07).clamp(0, 1)
    trust = ((light[old].mean() - 0.06) / 0.25).clamp(0, 1) * (1 - print_) * (1 - strong)
    shade = torch.ones_like(light)
    shade[box] += trust * (ratio - 1).clamp(-0.2, 0.13) * blur(within.float(), 2.0).clamp(0, 1)
    return shade


def roundness(coverage: Tensor, reach: float = 14.0) -> Tensor:
    """(512, 384) factor at most 1: cloth turns away from the viewer near its edges."""
    inner = blur(coverage, reach / 2)
    return 0.84 + 0.16 * ((inner - 0.45) / 0.5).clamp(0, 1)


def compose(scene: Scene, under: Underlay, garment: Garment, laid_out: Laid) -> Composed:
    """Put everything together at the photo's resolution.

    Outside what changes, the picture is the decoded photo bit for bit. Only a window around what may change is
    worked on, so that time and memory follow the garment's size in the photo.
    """
    photo, free = scene.person.photo, scene.edit_region
    result = Composed.of(photo)
    window = scene.person.frame.window(free, *photo.shape[-2:])
    if window is None:
        return result
    canvas = garment_frame(garment)
    view_of = torch.cat([_canvas(laid_out.image, canvas, None), _canvas(laid_out.mask[None], canvas, 0.0)])[None]
    covers = _covers(scene, under, laid_out, view_of)
    worn = torch.stack([alpha for _, alpha in covers]).amax(0)
    change, shadow = under.change * (free > 0), _shadow(scene, under, worn)
    maps = torch.cat([under.image, torch.stack([change, shadow, (free > 0).float()])])
    coats, cloth = _coats(scene, laid_out, covers), side_by_side(view_of[0])
    large = window.enlarger(maps)
    for band in window.bands(BAND):
        result.put(band, *_band(photo, band, large(band), cloth, coats))
    return result


@dataclass(frozen=True)
class _Coat:
    """A layer ready to be put on: its flow, where it matters, and (3, 512, 384) cover, light and shadow cast."""

    flow: Tensor
    window: Window
    factors: Tensor


def _coats(scene: Scene, laid: Laid, covers: list[tuple[Tensor, Tensor]]) -> list[_Coat]:
    light, behind = shading(scene), torch.zeros_like(scene.edit_region)
    coats = []
    for layer, (cover, alpha) in zip(laid.layers, covers, strict=True):
        cast = _cast(alpha, behind) if layer.piece == "sleeve" else torch.ones_like(behind)
        behind = torch.maximum(behind, alpha)
        window = scene.person.frame.window((cover > 0) | (cast < 1), *scene.person.photo.shape[-2:])
        if window is not None:
            coats.append(_Coat(layer.flow, window, torch.stack([cover, light * roundness(layer.coverage), cast])))
    return coats


def _band(
    photo: Tensor, band: Window, large: Tensor, cloth: NDArray[np.float32], coats: list[_Coat]
) -> tuple[Tensor, Tensor, Tensor]:
    """One band of the picture, how much of it is changed, and the garment as laid on."""
    part = to_unit(photo[:, band.rows, band.columns])
    change, shadow = large[3], large[4]
    picture = (part + (large[:3] - part) * change) * shadow
    seen, warped = torch.maximum(change, (shadow < 0.998).float()), torch.zeros(4, *band.size)
    whole = (band.frame.height, band.frame.width)
    for coat in coats:
        inner = coat.window.meet(band)
        if inner is None:
            continue
        here = (..., *inner.place_in(band))
        laid, factors = move(cloth, coat.flow, whole, inner.view), inner.enlarge(coat.factors)
        solid, colour = laid[3] * factors[0], laid[:3] * factors[1]
        picture[here] = torch.lerp(picture[here] * factors[2], colour, solid)
        warped[:3][here] = torch.lerp(warped[:3][here], colour, solid)
        warped[3][here] = torch.maximum(warped[3][here], solid)
        seen[here] = torch.maximum(seen[here], solid)
    return picture, seen * (large[5] > 0), warped


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


def drawn_layers(scene: Scene, under: Underlay, garment: Garment, laid: Laid) -> tuple[Tensor, Tensor]:
    """The layers seen from the front as one map: what a network is taught that predicts a single flow.

    Returns:
        places (2, 512, 384), x and y of each cell's colour as shares of the garment's view; cover (512, 384) in
        [0, 1], how much of the garment shows.
    """
    canvas = garment_frame(garment)
    view_of = torch.cat([_canvas(laid.image, canvas, None), _canvas(laid.mask[None], canvas, 0.0)])[None]
    rows, columns = scene.old.shape
    y, x = torch.meshgrid(torch.arange(rows) + 0.5, torch.arange(columns) + 0.5, indexing="ij")
    places, cover = torch.zeros(2, rows, columns), torch.zeros(rows, columns)
    for layer, (_, alpha) in zip(laid.layers, _covers(scene, under, laid, view_of), strict=True):
        at = torch.stack([(x + layer.flow[0]) / columns, (y + layer.flow[1]) / rows])
        places = torch.where(alpha > 0.5, at, places)
        cover = torch.maximum(cover, alpha)
    return places, cover


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
