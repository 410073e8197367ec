"""From what the networks drew at 256x192 to a picture at the photo's own resolution."""

from __future__ import annotations

import torch
from torch import Tensor

from fitting.engine import Drawing
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
    large, drawn = window.enlarger(fine), window.enlarger(coarse)
    for band in window.bands(BAND):
        part = to_unit(photo[:, band.rows, band.columns])
        whole = (band.frame.height, band.frame.width)
        result.put(band, *_band(part, large(band), drawn(band), move(pixels, drawing.flow, whole, band.view)))
    return result


def _band(part: Tensor, large: Tensor, drawn: Tensor, laid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One band of the picture, how much of it is changed, and the garment as laid on.

    Args:
        part: (3, h, w) in [0, 1], the photo.
        large: (5, h, w), the person without the old garment, how far they replace the photo, and the edit region.
        drawn: (5, h, w), change, alpha and shade of the drawing.
        laid: (4, h, w), the garment's colours and mask where the flow brings them; changed here.
    """
    undressed, edit = large[3], large[4]
    before = torch.lerp(part, large[:3], undressed)
    # The garment's own outline is sharp where the network's is coarse: where it ends, so does what is seen of it.
    alpha = ((drawn[3] - 0.25) / 0.3).clamp_(0, 1) * ((laid[3] - 0.2) / 0.5).clamp_(0, 1)
    colour = laid[:3].mul_(drawn[4]).clamp_(0, 1)
    picture = torch.lerp(before + drawn[:3], colour, alpha)
    picture = before.lerp_(picture, edit)
    touched = torch.maximum(undressed, torch.maximum(alpha, drawn[:3].abs().amax(0) * 4).clamp_(max=1) * edit)
    torch.mul(alpha, edit, out=laid[3])
    return picture.clamp_(0, 1), touched * (edit > 0), laid
