"""From what the networks drew at 256x192 to a picture at the photo's own resolution."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fitting.engine import Drawing
from fitting.frame import Window
from fitting.garment import Garment
from fitting.images import to_unit
from fitting.planes import side_by_side
from fitting.scene import Scene
from fitting.tryon import BAND, Composed
from fitting.underlay import Underlay
from fitting.warp import garment_frame, move, without_fringe

QUIET = 0.012  # changes smaller than this are the network's noise: the photo's own pixel is better


def paint(scene: Scene, under: Underlay, garment: Garment, drawing: Drawing) -> Composed:
    """Put a drawing together with the photo and the garment, both at their own resolution.

    The garment's pixels are moved there, not drawn; outside the edit region the picture is the decoded photo bit
    for bit. Only a window around the edit region is worked on, band by band.
    """
    photo, free = scene.person.photo, scene.edit_region
    result = Composed.of(photo)
    window = scene.person.frame.window(free, *photo.shape[-2:])
    if window is None:
        return result
    view = garment_frame(garment)
    size = (view.height, view.width)
    cloth = torch.cat([view.cut(without_fringe(garment), size), view.cut(garment.mask[None], size, 0.0)])
    pixels = side_by_side(cloth)
    fine = torch.cat([under.image, torch.stack([under.change * (free > 0), free])])
    change = drawing.change * (drawing.change.abs().amax(0) / QUIET - 1).clamp(0, 1)
    coarse = torch.cat([change, drawing.alpha[None], drawing.shade[None]])
    for band in window.bands(BAND):
        result.put(band, *_band(photo, band, fine, coarse, pixels, drawing.flow))
    return result


def _band(
    photo: Tensor, band: Window, fine: Tensor, coarse: Tensor, cloth: NDArray[np.float32], flow: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """One band of the picture, how much of it is changed, and the garment as laid on."""
    part = to_unit(photo[:, band.rows, band.columns])
    large, drawn = band.enlarge(fine), band.enlarge(coarse)
    undressed, edit = large[3], large[4]
    before = torch.lerp(part, large[:3], undressed)
    laid = move(cloth, flow, (band.frame.height, band.frame.width), band.view)
    # The garment's own outline is sharp where the network's is coarse: where it ends, so does what is seen of it.
    alpha = ((drawn[3] - 0.25) / 0.3).clamp(0, 1) * ((laid[3] - 0.2) / 0.5).clamp(0, 1)
    colour = (laid[:3] * drawn[4]).clamp(0, 1)
    picture = torch.lerp(before + drawn[:3], colour, alpha)
    picture = torch.lerp(before, picture, edit)
    touched = torch.maximum(undressed, torch.maximum(alpha, drawn[:3].abs().amax(0) * 4).clamp(max=1) * edit)
    return picture.clamp(0, 1), touched * (edit > 0), torch.cat([colour, (alpha * edit)[None]])
