"""Around a diffusion model: what it is shown of a try-on, and what is taken of its answer.

The model works on a canvas, a window around the edit region at the model's own size. Of its answer only the change
is taken, and only within the edit region, so that the photo and the garment keep the detail of their own pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from fitting.fill import blur, grow, masked_blur
from fitting.frame import enlarge_part
from fitting.garment import Garment
from fitting.images import to_image, to_pixels, to_tensor, to_unit
from fitting.tryon import brightness

MARGIN = 0.15  # of the region's longer side: what the model sees around it
FINE = 0.012  # of a canvas' side: details smaller than this are the print, larger ones light
DARK = 0.03  # added before brightnesses are divided
PREVIEW = 384  # longest side of a preview
BAND = 128  # rows that are put together at a time


@dataclass(frozen=True)
class Canvas:
    """What of a picture a model is shown.

    Attributes:
        rows, columns: of the picture.
        size: rows, columns that the model sees them as.
    """

    rows: slice
    columns: slice
    size: tuple[int, int]

    @classmethod
    def around(cls, edits: Tensor, area: int, multiple: int) -> Canvas | None:
        """The canvas around an edit region.

        Args:
            edits: (H, W) uint8, 0 where nothing may change.
            area: pixels that the model is made for.
            multiple: what the sides of its pictures must be divisible by.

        Returns:
            None where nothing may change.
        """
        places = [np.flatnonzero(edits.numpy().any(axis)) for axis in (1, 0)]
        if not len(places[0]):
            return None
        margin = max(round(MARGIN * max(int(p[-1]) + 1 - int(p[0]) for p in places)), 32)
        sides = [
            slice(max(int(p[0]) - margin, 0), min(int(p[-1]) + 1 + margin, count))
            for p, count in zip(places, edits.shape, strict=True)
        ]
        high, wide = (side.stop - side.start for side in sides)
        scale = (area / (high * wide)) ** 0.5
        high, wide = (max(int(side * scale) // multiple, 1) * multiple for side in (high, wide))
        return cls(sides[0], sides[1], (high, wide))

    def view(self, pixels: Tensor) -> Tensor:
        """(C, H, W) uint8 of the whole picture -> (C, *size) in [0, 1], in whole steps of 1/255 as models get it."""
        part = to_unit(pixels[:, self.rows, self.columns])
        return to_unit(to_pixels(resized(part, self.size)))


def resized(unit: Tensor, size: tuple[int, int]) -> Tensor:
    """(C, H, W) in any range at another size, antialiased."""
    if tuple(unit.shape[-2:]) == size:
        return unit
    return F.interpolate(unit[None], size=size, mode="bilinear", align_corners=False, antialias=True)[0]


def mask_of(canvas: Canvas, edits: Tensor) -> Tensor:
    """(*size) bool: where the model may draw."""
    return canvas.view((edits > 0).to(torch.uint8)[None] * 255)[0] > 0.5


def garment_picture(garment: Garment) -> Image.Image:
    """The garment on white, as a reference for models that take one."""
    shown = garment.image * garment.mask + (1 - garment.mask)
    return to_image(to_pixels(shown))


def keep_print(finish: Tensor, before: Tensor, warped: Tensor) -> Tensor:
    """Detail transfer: light and folds of the finish, print and dye of the garment.

    Light changes the brightness of cloth but not its dye, and what it changes is larger or fainter than a print.
    Where the garment has detail of its own that the finish contradicts, the garment's is put in its place, as
    bright as the cloth is there; where the finish contradicts the garment's hue, the hue stays and the light is
    taken. Plain cloth keeps the folds that the finish drew.

    Args:
        finish: (3, h, w) in [0, 1], what the model made.
        before: (3, h, w) in [0, 1], the picture that it began with.
        warped: (4, h, w) in [0, 1], the garment as laid on, colour and alpha.

    Returns:
        (3, h, w) in [0, 1].
    """
    alpha = warped[3]
    inside = alpha > 0.5
    if not bool(inside.any()):
        return finish
    sigma = max(FINE * (finish.shape[-2] * finish.shape[-1]) ** 0.5, 1.0)
    lights = torch.stack([brightness(finish), brightness(before), brightness(warped[:3])])
    broad = masked_blur(lights, inside, sigma)
    broad = torch.where(inside, broad, lights)
    # Light does not turn black cloth white: larger changes of brightness are another garment.
    drawn = broad[0].clamp(broad[1] * 0.6 - DARK, broad[1] * 1.5 + DARK)
    detail = lights[0] - broad[0]
    wanted = (lights[2] - broad[2]) * ((drawn + DARK) / (broad[2] + DARK)).clamp(0.5, 2.0)
    printed, apart = masked_blur(torch.stack([wanted.abs(), (detail - wanted).abs()]), inside, sigma)
    kept = alpha * _ramp(printed, 0.004, 0.02) * _ramp(apart / (printed + 0.004), 0.2, 0.6)
    light = torch.where(inside, drawn + torch.lerp(detail, wanted, kept), lights[0])
    lit = (finish + (light - lights[0])).clamp(0, 1)
    dyed = (before * ((light + DARK) / (lights[1] + DARK))).clamp(0, 1)
    hues = [picture / (own + 3 * DARK) for picture, own in ((finish, lights[0]), (before, lights[1]))]
    strange = blur((hues[0] - hues[1]).abs().amax(0), sigma / 4)
    return torch.lerp(lit, dyed, alpha * _ramp(strange, 0.06, 0.2))


def _ramp(values: Tensor, start: float, stop: float) -> Tensor:
    return ((values - start) / (stop - start)).clamp(0, 1)


def same_tone(finish: Tensor, before: Tensor, mask: Tensor) -> tuple[Tensor, float]:
    """Undo a change of tone that an editing model made to the whole picture.

    Args:
        finish, before: (3, h, w) in [0, 1].
        mask: (h, w) bool, where it was meant to draw.

    Returns:
        The finish with every channel's contrast and brightness as they were outside the mask; and how far it is
        off there all the same, a mean difference in [0, 1] after a slight blur. The latter is 0 where there is no
        outside to speak of.
    """
    outside = ~grow(mask, 4)
    if int(outside.sum()) < 64:
        return finish, 0.0
    given, wanted = finish[:, outside], before[:, outside]
    centre, aim = given.mean(1, keepdim=True), wanted.mean(1, keepdim=True)
    gain = ((given - centre) * (wanted - aim)).mean(1) / (given - centre).square().mean(1).clamp(min=1e-4)
    toned = ((finish - centre[..., None]) * gain.clamp(0.7, 1.4)[:, None, None] + aim[..., None]).clamp(0, 1)
    off = blur(toned, 2.0) - blur(before, 2.0)
    return toned, float(off[:, outside].abs().mean())


def compose_back(picture: Tensor, edits: Tensor, canvas: Canvas, change: Tensor) -> Tensor:
    """Add a change that was made on the canvas to a picture, within its edit region alone.

    Args:
        picture: (3, H, W) uint8. Not altered.
        edits: (H, W) uint8, how much may change; where 0, the result is the picture bit for bit.
        change: (3, *canvas.size) float, what is to be added, in the unit range.

    Returns:
        (3, H, W) uint8.
    """
    result = picture.clone()
    whole = (canvas.rows.stop - canvas.rows.start, canvas.columns.stop - canvas.columns.start)
    # Shrunk at once, which is small; enlarged band by band, so that a large photo is never held as floats.
    shrunk = tuple(min(a, b) for a, b in zip(whole, canvas.size, strict=True))
    change = resized(change, (shrunk[0], shrunk[1]))
    for top in range(0, whole[0], BAND):
        band = slice(top, min(top + BAND, whole[0]))
        place = (..., slice(canvas.rows.start + band.start, canvas.rows.start + band.stop), canvas.columns)
        added = enlarge_part(change, whole, (band, slice(0, whole[1])))
        old, share = picture[place], to_unit(edits[place])
        new = to_pixels(to_unit(old) + added * share)
        result[place] = torch.where(share > 0, new, old)
    return result


def read_latents(latents: Tensor, like: Tensor) -> Tensor | None:
    """A small picture of what latents show, without decoding them.

    Latents of image models are nearly linear in colour. So the best linear reading of them is fitted, anew at every
    step, to the picture that was begun with; noise is left out as far as such a reading can.

    Args:
        latents: (1, C, h, w), or (1, C, 1, h, w), or packed two by two as (1, h/2 * w/2, 4 C).
        like: (3, H, W) in [0, 1], what was begun with.

    Returns:
        (3, h, w) in [0, 1], or None where the latents have another form.
    """
    values = latents.detach()[:1].float().cpu()
    if values.ndim == 5 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim == 4:
        rows, columns = values.shape[-2:]
        tokens, side = values[0].flatten(1).T, 1
    elif values.ndim == 3:
        count = values.shape[1]
        rows = round((count * like.shape[-2] / like.shape[-1]) ** 0.5)
        columns = count // max(rows, 1)
        tokens, side = values[0], 2
        if rows * columns != count:
            return None
    else:
        return None
    if not bool(tokens.isfinite().all()):
        return None
    small = resized(like, (rows * side, columns * side))
    cells = small.view(3, rows, side, columns, side).permute(1, 3, 0, 2, 4).reshape(rows * columns, -1)
    centre, spread = tokens.mean(0), tokens.std(0).clamp(min=1e-6)
    known = torch.cat([(tokens - centre) / spread, torch.ones(len(tokens), 1)], 1)
    square = known.T @ known + 1e-3 * len(tokens) * torch.eye(known.shape[1])
    read = known @ torch.linalg.solve(square, known.T @ cells)
    shown = read.view(rows, columns, 3, side, side).permute(2, 0, 3, 1, 4)
    return shown.reshape(3, rows * side, columns * side).clamp(0, 1)


class Previews:
    """Small pictures of the whole photo while the model draws."""

    def __init__(self, picture: Tensor, edits: Tensor, canvas: Canvas, began: Tensor) -> None:
        """
        Args:
            picture: (3, H, W) uint8, the try-on.
            edits: (H, W) uint8, its edit region.
            began: (3, *canvas.size), what the model began with.
        """
        scale = min(PREVIEW / max(picture.shape[-2:]), 1.0)
        size = (max(round(picture.shape[-2] * scale), 1), max(round(picture.shape[-1] * scale), 1))
        self._small = to_tensor(to_image(picture).resize((size[1], size[0]), Image.Resampling.BOX))
        self._edits = to_tensor(to_image(edits).resize((size[1], size[0]), Image.Resampling.BOX))[0]
        rows, columns = (
            slice(int(part.start * scale), max(min(round(part.stop * scale), limit), int(part.start * scale) + 1))
            for part, limit in ((canvas.rows, size[0]), (canvas.columns, size[1]))
        )
        self._canvas = Canvas(rows, columns, (rows.stop - rows.start, columns.stop - columns.start))
        self._began = began

    def of(self, latents: Tensor) -> Image.Image:
        """What is drawn so far; the try-on itself where the latents cannot be read."""
        seen = read_latents(latents, self._began)
        if seen is None:
            return to_image(self._small)
        change = resized(seen, self._canvas.size) - resized(self._began, self._canvas.size)
        return to_image(compose_back(self._small, self._edits, self._canvas, change))
