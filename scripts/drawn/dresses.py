"""Dresses."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from drawn import sash
from drawn.bodice import MIDDLE, Bodice, Cut
from drawn.fabrics import Colour, Fabric
from drawn.hanging import Flutes, Pleats
from drawn.picture import Picture, Piece, stroke
from drawn.shapes import Field, Tube, Window, arc, through


@dataclass(frozen=True)
class Dress:
    """How a dress is cut.

    Attributes:
        cut: its measures.
        kind: shift (hangs straight), waisted (a seam at the waist), wrap, tee, or pleated below the waist.
        flutes: height of the folds at the hem, in centimetres.
        count: of the folds or pleats.
        trim: colour of the neck's binding; the cloth's own where it is empty.
        belt: colour of a sash around the waist; none where it is empty.
        thread: of the topstitching.
        buttons: how many from the neck down.
    """

    fabric: Fabric
    cut: Cut = field(default_factory=Cut)
    kind: str = "shift"
    flutes: float = 0.8
    count: float = 3.0
    trim: Colour = ""
    belt: Colour = ""
    thread: Colour = ""
    buttons: int = 0
    button: Colour = "#efe8da"

    def draw(self, random: np.random.Generator, background: int) -> Image.Image:
        return _Drawing(self, random, background).draw()


class _Drawing:
    def __init__(self, dress: Dress, random: np.random.Generator, background: int) -> None:
        self.dress, self.cut, self.random = dress, dress.cut, random
        self.picture = Picture(random, background)
        self.bodice = Bodice(dress.cut)
        self.k, self.y = self.bodice.scale, self.bodice.y
        rise = dress.flutes * self.k
        self.folds = Pleats(dress.count, rise) if dress.kind == "pleated" else Flutes(random, dress.count, rise)
        half, end = self.k * self.cut.hem, self.bodice.end
        hem = arc(end - 0.045 * half, end + 0.03 * half, half)
        self.tube = self.bodice.tube(self.folds.hem(hem, half), 0.42)
        self.window = self.tube.window
        self.piece = Piece.of(self.tube, dress.fabric, 1.0)

    def draw(self) -> Image.Image:
        dress, bodice = self.dress, self.bodice
        bodice.lay_back(self.picture, dress.fabric)
        if self.cut.sleeve:
            for tube, piece in bodice.sleeves(self.picture, dress.fabric):
                piece.seam(tube.along(tube.bottom, -1.6 * self.k, 0.97), 0.4, 0.8, 0.16)
                self.picture.lay(piece, 0.2)
        self._body()
        self._skirt()
        if dress.kind in ("waisted", "pleated", "wrap"):
            self._waist()
        if dress.kind == "wrap":
            self._overlap()
        else:
            self._neck()
        self._edges()
        self.picture.lay(self.piece, 0.35)
        if dress.belt or dress.kind == "wrap":
            self._sash()
        for y in np.linspace(self.cut.depth + 2.5, self.cut.length - 12, max(dress.buttons, 1))[: dress.buttons]:
            self.picture.button((MIDDLE, self.y(float(y))), 0.75 * self.k, dress.button)
        return self.picture.finish()

    def _body(self) -> None:
        """The bust, and folds that fall from it and from the armpits."""
        k, piece, random = self.k, self.piece, self.random
        x, y = self.window.x - MIDDLE, self.window.y
        for side in (-1, 1):
            off = ((x - side * 8.6 * k) / (7.2 * k)) ** 2 + ((y - self.y(26)) / (7.5 * k)) ** 2
            piece.raise_by(1.9 * k * np.exp(-off))
            for number in range(3):
                start = self.tube.at(side * 0.97, self.y(21 + 3.5 * number))
                end = self.tube.at(side * random.uniform(0.35, 0.6), self.y(24 + 6.0 * number + random.uniform(-2, 2)))
                piece.crease(
                    start, end, 1.1 * k, 0.22 * k * random.uniform(0.6, 1.2), side * random.uniform(-0.05, 0.05)
                )
            if self.dress.kind in ("shift", "tee"):
                for _ in range(3):
                    t = side * random.uniform(0.15, 0.75)
                    start = self.tube.at(t, self.y(31 + random.uniform(0, 10)))
                    end = self.tube.at(t * 1.1, self.y(min(80, self.cut.length - 4) - random.uniform(0, 12)))
                    piece.crease(start, end, 2.4 * k, 0.32 * k, 0.02)
            elif self.dress.kind != "wrap":
                piece.seam(
                    self.tube.line((side * 0.42, self.y(29)), (side * 0.43, self.y(self.cut.waist_at))), 0.5, 0.8, 0.14
                )
            if self.dress.kind == "shift":
                piece.seam(self.tube.line((side * 0.97, self.y(25.5)), (side * 0.62, self.y(25))), 0.5, 0.8, 0.15)

    def _share(self) -> Field:
        start = self.cut.waist_at if self.dress.kind not in ("shift", "tee") else self.cut.waist_at - 6
        return np.clip((self.window.y - self.y(start)) / (self.k * (self.cut.length - start)), 0, 1)

    def _skirt(self) -> None:
        share, t = self._share(), self.tube.t
        below = self.window.y > self.y(self.cut.waist_at)
        if isinstance(self.folds, Pleats):
            self.piece.raise_by(self.folds.height(t, share) * below)
            self.piece.shade *= np.where(below, self.folds.shade(t, share), 1)
        else:
            self.piece.raise_by(self.folds.height(t, share))
        self.piece.raise_by(0.9 * self.window.noise(self.random, 16, 200) * share * np.exp(-((t / 0.85) ** 4)))

    def _waist(self) -> None:
        """The seam, and the gathers above and below it."""
        y = self.y(self.cut.waist_at)
        if self.dress.kind != "pleated":
            away = np.exp(-np.abs(self.window.y - y) / (4.5 * self.k))
            small = self.window.noise(self.random, 4.5, 80) + 0.7 * self.window.noise(self.random, 9, 120)
            self.piece.raise_by(0.26 * self.k * small * away)
        dip = arc(y - 1, y + 3, self.k * self.cut.waist)
        self.piece.seam(self.tube.along(dip, 0), 1.0, 1.1, 0.38)

    def _overlap(self) -> None:
        """One front over the other, from a shoulder to the opposite side of the waist, and down to the hem."""
        bodice, cut = self.bodice, self.cut
        end = cut.waist * 0.62, cut.waist_at
        v = through(
            (-cut.neck, 0),
            (-0.55 * cut.neck, 0.5 * cut.depth),
            (0, cut.depth * 1.0),
            (0.55 * end[0], 0.5 * (cut.depth + end[1]) + 1),
            end,
        )
        places = np.linspace(-cut.neck + 0.2, end[0], 40)
        line = [(MIDDLE + self.k * float(x), self.y(float(v(np.float32(x))))) for x in places]
        self.piece.edge(line, (0.9, -1.1), 2.0, 0.5)
        other = [
            (MIDDLE + self.k * float(x), self.y(float(v(np.float32(-x))))) for x in np.linspace(0.4, cut.neck - 0.2, 20)
        ]
        self.piece.seam([(x + 2.4, y + 1.0) for x, y in other], 0.4, 0.8, 0.15)
        self.piece.seam([(x - 2.0, y + 2.0) for x, y in line], 0.4, 0.8, 0.15)
        for number in range(5):
            start = bodice.line((end[0] - 1, cut.waist_at - 0.6 * number), (end[0] - 1, cut.waist_at - 0.6 * number))[0]
            goal = MIDDLE + self.k * self.random.uniform(-13, 2), self.y(cut.waist_at - 4 - 3.2 * number)
            self.piece.crease(start, goal, 1.0 * self.k, 0.3 * self.k, 0.04)
        below = self.tube.line(
            (0.5, self.y(cut.waist_at)),
            (0.42, self.y(0.6 * cut.length + 0.4 * cut.waist_at)),
            (0.25, self.bodice.end + 3),
        )
        self.piece.edge(below, (1.5, 0), 2.5, 0.5)

    def _neck(self) -> None:
        bodice, dress = self.bodice, self.dress
        line = bodice.neck_points(1.1 * self.k)
        if dress.trim:
            ring = bodice.neck_points(0.45 * self.k)
            near = Window.around(ring, 6, self.window)
            self.piece.threads.append((near, stroke(ring, 1.15 * self.k, near), dress.trim))
            self.piece.seam(line, 0.8, 0.9, 0.3)
        elif dress.thread:
            self.piece.stitch(line, dress.thread)
        else:
            self.piece.seam(line, 0.45, 0.8, 0.16)
        if dress.buttons:
            for shift in (-1.7, 1.7):
                front = [
                    (MIDDLE + shift * self.k, y)
                    for y in np.linspace(self.y(self.cut.depth) - 1, self.bodice.end + 3, 30)
                ]
                if shift > 0:
                    self.piece.edge(front, (1.0, 0), 1.4, 0.35)
                else:
                    self.piece.seam(front, 0.3, 0.8, 0.12)

    def _edges(self) -> None:
        """Armholes or shoulder seams, and the hem."""
        for side in (-1, 1):
            if self.cut.sleeve:
                self.piece.seam([(x - side * 0.4, y) for x, y in self.bodice.armhole(side)], 0.7, 0.9, 0.25)
            else:
                self.piece.seam(
                    [(x - side * 1.0 * self.k, y) for x, y in self.bodice.armhole(side)][:-2], 0.45, 0.8, 0.16
                )
        hem = self.tube.along(self.tube.bottom, -2.0 * self.k, 0.985, 140)
        if self.dress.thread:
            self.piece.stitch(hem, self.dress.thread)
        else:
            self.piece.seam(hem, 0.3, 0.8, 0.1)

    def _sash(self) -> None:
        """A belt of cloth, tied in a bow."""
        dress, k = self.dress, self.k
        fabric = Fabric(dress.belt) if dress.belt else dress.fabric
        top, wide, half = self.y(self.cut.waist_at - 1.6), 3.4 * k, k * self.cut.waist
        window = Window(self.window.left, int(top - 8), self.window.right, int(top + wide + 10))
        right = self.bodice.right
        edges = lambda y: -right(y) - 0.8, lambda y: right(y) + 0.8
        ends = arc(top - 1, top + 4, half), arc(top + wide - 1, top + wide + 4, half)
        piece = Piece.of(Tube((MIDDLE, 0), 0, *edges, *ends, window, 0.45), fabric, 1.1, lift=1.5)
        piece.raise_by(0.3 * k * window.noise(self.random, 60, 5))
        self.picture.lay(piece, 0.45, 2)
        at = MIDDLE + k * 0.55 * self.cut.waist, top + wide / 2 + 2
        for length, swing in ((25 * k, 3.4 * k), (20 * k, -2.2 * k)):
            sash.hanging_end(self.picture, fabric, k, at, length, swing)
        for side in (-1, 1):
            sash.bow(self.picture, fabric, k, at, side)
        sash.knot(self.picture, fabric, k, at)
