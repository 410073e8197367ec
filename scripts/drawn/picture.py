"""Pieces of cloth, one over another, lit and photographed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import map_coordinates

from drawn.fabrics import Colour, Fabric, albedo, linear, relief
from drawn.shapes import HEIGHT, OVER, WIDTH, Field, Mask, Point, Tube, Window, soft

LIGHT = np.array([-0.24, -0.5, 1.0], np.float32) / np.linalg.norm([-0.24, -0.5, 1.0]).astype(np.float32)
AMBIENT = 0.31


class Piece:
    """A piece of cloth while it is made.

    Attributes:
        mask: where it is, in its window.
        height: towards the camera, in pixels.
        u, v: coordinates on the cloth, in pixels.
        fabric: what it is made of.
        thick: its edge's, in pixels.
        tone: how much of the light reaches it; 1 outside, less inside a garment.
        shade: how much of the light its seams leave.
        fade: how much lighter (more than 0) it is worn, as denim is.
    """

    def __init__(
        self, window: Window, mask: Mask, height: Field, cloth: tuple[Field, Field], fabric: Fabric,
        thick: float = 1.0, tone: float = 1.0,
    ) -> None:  # fmt: skip
        self.window, self.mask, self.fabric, self.thick, self.tone = window, mask, fabric, thick, tone
        self.height = np.array(np.broadcast_to(height, window.shape), np.float32)
        self.u, self.v = (np.broadcast_to(part, window.shape) for part in cloth)
        self.shade = np.ones(window.shape, np.float32)
        self.fade: Field | None = None
        self.threads: list[tuple[Window, Field, Colour]] = []

    @classmethod
    def of(cls, tube: Tube, fabric: Fabric, thick: float = 1.0, tone: float = 1.0, lift: float = 0.0) -> Piece:
        return cls(tube.window, tube.mask(), tube.bulge() + lift, tube.cloth(), fabric, thick, tone)

    def raise_by(self, height: Field) -> None:
        self.height += height

    def seam(self, line: Sequence[Point], depth: float = 0.8, width: float = 1.0, dark: float = 0.3) -> None:
        """A line where two pieces of cloth meet."""
        near = Window.around(line, 8, self.window)
        place, drawn = near.slices(self.window), stroke(line, 0.7 * width, near)
        self.height[place] -= depth * soft(drawn, 0.7 * width) * 1.6
        self.shade[place] *= 1 - dark * np.minimum(1, 1.2 * soft(drawn, 0.35) + 0.5 * soft(drawn, 1.8))

    def edge(self, line: Sequence[Point], off: Point, height: float = 1.0, dark: float = 0.3) -> None:
        """A line where the cloth ends that lies over the rest; the rest is in the direction `off`, in pixels."""
        self.seam(line, 0.3, 0.9, dark)
        near = Window.around(line, 10, self.window)
        place, wide = near.slices(self.window), float(np.hypot(*off))
        under = stroke([(x + off[0], y + off[1]) for x, y in line], 2 * wide, near)
        self.shade[place] *= 1 - 0.6 * dark * soft(under, 1.2 * max(1, wide / 1.5))
        over = stroke([(x - off[0], y - off[1]) for x, y in line], 3 * wide, near)
        self.height[place] += 0.25 * height * soft(over, 0.8)

    def stitch(
        self, line: Sequence[Point], colour: Colour, dash: float = 2.6, gap: float = 1.0, width: float = 0.55
    ) -> None:
        """A row of stitches, sunk a little into the cloth."""
        near = Window.around(line, 5, self.window)
        place, drawn = near.slices(self.window), stroke(line, width, near, dash, gap)
        self.threads.append((near, drawn, colour))
        groove = soft(stroke(line, 1.0, near), 0.7)
        self.height[place] += 0.3 * drawn - 0.5 * groove
        self.shade[place] *= 1 - 0.13 * np.minimum(1, groove * 1.4)

    def crease(self, start: Point, end: Point, width: float, rise: float, bend: float = 0.0, ends: float = 0.5) -> None:
        """A soft fold from one point to another: a ridge, steeper on one side, that dies away at its ends.

        Args:
            width: of the ridge, in pixels.
            rise: its height; negative for a furrow.
            bend: how far its middle is off the straight line, as a share of its length.
            ends: share of its length over which it dies away.
        """
        along = np.array([end[0] - start[0], end[1] - start[1]], np.float32)
        length = float(np.hypot(*along))
        near = Window.around([start, end], 2.5 * width + 1.2 * abs(bend) * length, self.window)
        x, y = (axis - origin for axis, origin in zip((near.x, near.y), start, strict=True))
        dx, dy = along / length
        share = (x * dx + y * dy) / length
        inside = np.clip(share, 0, 1)
        off = x * dy - y * dx - 4 * bend * length * inside * (1 - inside)
        beyond = (share - inside) * length
        profile = np.exp(-((off / np.where(off > 0, width, 0.6 * width)) ** 2) - (beyond / width) ** 2)
        taper = np.sin(np.clip(np.minimum(inside, 1 - inside) / ends / 0.5, 0, 1) * np.pi / 2)
        self.height[near.slices(self.window)] += rise * profile * taper * np.sqrt(taper)


def stroke(line: Sequence[Point], width: float, window: Window, dash: float = 0.0, gap: float = 0.0) -> Field:
    """A line in [0, 1], whole or in dashes."""
    image = Image.new("L", window.shape[::-1])
    pen = ImageDraw.Draw(image)
    points = (np.array(line, float) - (window.left, window.top)) * OVER
    thick = max(1, round(width * OVER))
    if not dash:
        pen.line([tuple(point) for point in points], 255, thick, "curve")
    else:
        steps = np.r_[0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
        for begin in np.arange(0, steps[-1], (dash + gap) * OVER):
            places = np.linspace(begin, min(begin + dash * OVER, steps[-1]), 4)
            bits = zip(np.interp(places, steps, points[:, 0]), np.interp(places, steps, points[:, 1]), strict=True)
            pen.line(list(bits), 255, thick)
    return np.asarray(image, np.float32) / 255


def blob(shape: Sequence[Point], window: Window) -> Mask:
    """Inside of a polygon."""
    image = Image.new("L", window.shape[::-1])
    ImageDraw.Draw(image).polygon([((x - window.left) * OVER, (y - window.top) * OVER) for x, y in shape], 255)
    return np.asarray(image) > 0


class Picture:
    """A plain background on which pieces are laid, the first at the back."""

    def __init__(self, random: np.random.Generator, background: int) -> None:
        self.random = random
        self.background = background
        self.light = np.zeros((HEIGHT * OVER, WIDTH * OVER, 3), np.float32)
        self.mask = np.zeros((HEIGHT * OVER, WIDTH * OVER), bool)

    def lay(self, piece: Piece, shadow: float = 0.3, reach: float = 2.5) -> None:
        """Light a piece and lay it over those that are there, which it puts into shade."""
        place = piece.window.slices(Window())
        if shadow and self.mask[place].any():
            fallen = np.roll(soft(piece.mask.astype(np.float32), reach), round(reach * 0.7 * OVER), axis=0)
            self.light[place] *= (1 - shadow * np.clip(1.5 * fallen, 0, 1))[..., None]
        self.light[place][piece.mask] = _lit(piece, self.random)[piece.mask]
        self.mask[place] |= piece.mask

    def button(self, at: Point, radius: float, colour: Colour, holes: bool = True) -> None:
        """A button or rivet, a little raised, with the shadow that it casts."""
        near = Window.around([at], 3 * radius)
        x, y = near.x - at[0], near.y - at[1]
        light = self.light[near.slices(Window())]
        light *= (1 - 0.4 * np.exp(-((np.hypot(x, y - 0.8) / (1.25 * radius)) ** 4)))[..., None]
        off = np.hypot(x, y)
        rim = np.clip(off / radius, 0, 1) ** 3
        dome = 0.82 - 0.3 * rim * (0.8 * y + 0.4 * x) / radius + 0.12 * (off < 0.7 * radius)
        light[off < radius] = (dome[..., None] * linear(colour))[off < radius]
        if holes and radius > 1.8:
            for right, down in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
                light[np.hypot(x - right * radius * 0.28, y - down * radius * 0.28) < 0.16 * radius] *= 0.4

    def finish(self, wobble: float = 1.0) -> Image.Image:
        """The picture as it is sold: 384x512, RGB."""
        solid = self.mask.astype(np.float32)
        floor = (self.background / 255) ** 2.2
        near = np.roll(soft(solid, 3.5), round(3 * OVER), axis=0)
        wide = np.roll(soft(solid, 10), round(6 * OVER), axis=0)
        ground = floor * (1 - 0.10 * near) * (1 - 0.09 * wide)
        self.light = np.where(self.mask[..., None], self.light, ground[..., None])
        light = self._moved(wobble)
        small = light.reshape(HEIGHT, OVER, WIDTH, OVER, 3).mean((1, 3))
        return Image.fromarray((255 * np.clip(small, 0, 1) ** (1 / 2.2) + 0.5).astype(np.uint8))

    def _moved(self, wobble: float) -> Field:
        """Nothing that is sewn is quite straight or quite symmetrical: everything is moved by a pixel or two."""
        whole = Window()
        across = wobble * (1.3 * whole.noise(self.random, 110, 90) + 0.35 * whole.noise(self.random, 36, 26))
        down = wobble * (1.0 * whole.noise(self.random, 90, 110) + 0.3 * whole.noise(self.random, 30, 40))
        rows, columns = (np.arange(size, dtype=np.float32) for size in self.mask.shape)
        places = [rows[:, None] + down * OVER, columns[None] + across * OVER]
        bands = [map_coordinates(self.light[..., band], places, np.float32, 1, "nearest") for band in range(3)]
        return np.stack(bands, -1)


def _lit(piece: Piece, random: np.random.Generator) -> Field:
    """(H, W, 3) the light that a piece gives back."""
    window = piece.window
    solid = piece.mask.astype(np.float32)
    rim = 2 * soft(solid, 0.9 * piece.thick) - 1  # the edge is rolled, not cut
    height = piece.height + relief(piece.fabric.weave, piece.u, piece.v) + 1.2 * piece.thick * rim
    height += 0.10 * window.noise(random, 9, 12) + 0.22 * window.noise(random, 22, 34)
    down, across = np.gradient(height, np.float32(0.8 / OVER))
    # One large light, a little above and to the left: cloth that turns away from it still sees part of it.
    facing = (LIGHT[2] - across * LIGHT[0] - down * LIGHT[1]) / np.sqrt(1 + across**2 + down**2)
    facing = np.clip((facing + 0.25) / 1.25, 0, 1)
    shade = (AMBIENT + (1 - AMBIENT) * facing) / (AMBIENT + (1 - AMBIENT) * (LIGHT[2] + 0.25) / 1.25)
    hollow = np.clip(soft(height, 4.0) - height, 0, 4) / 4
    shade *= (1 - 0.6 * hollow) * (0.86 + 0.14 * np.clip(2 * soft(solid, 1.3) - 1, 0, 1)) * piece.shade * piece.tone
    colour = albedo(piece.fabric, piece.u + 0.8 * across, piece.v + 0.8 * down, window, random)
    if piece.fade is not None:
        worn = np.clip(piece.fade, 0, 1)[..., None]
        colour += worn * (np.array([0.62, 0.68, 0.74], np.float32) - colour)
    for near, drawn, thread in piece.threads:
        part = colour[near.slices(window)]
        part += drawn[..., None] * (linear(thread) - part)
    return colour * shade[..., None]
