"""Skirts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from drawn import sash, waist
from drawn.bodice import dense
from drawn.fabrics import Colour, Fabric
from drawn.hanging import Flutes, Pleats
from drawn.picture import Picture, Piece
from drawn.shapes import Point, Tube, Window, arc, soft, through

MIDDLE = 192.0
CENTIMETRE = 5.0  # about, in pixels


@dataclass(frozen=True)
class Skirt:
    """How a skirt is cut. Lengths in pixels of the picture; widths are halves.

    Attributes:
        kind: pencil, a-line, pleated or wrap.
        drop: from the waist to the hips.
        flutes: height of the folds at the hem.
        count: of the folds or pleats.
        buttons: how many down the front; with them it has patch pockets.
        thread: of the topstitching; none is seen where it is empty.
        elastic: the waist is gathered.
        tiers: places, as shares of the length, where a gathered tier is sewn on.
    """

    fabric: Fabric
    kind: str = "a-line"
    waist: float = 84
    hip: float = 108
    hem: float = 132
    drop: float = 92
    length: float = 400
    band: float = 17
    flutes: float = 3.0
    count: float = 3.0
    buttons: int = 0
    button: Colour = "#6b4a2f"
    thread: Colour = ""
    elastic: bool = False
    tiers: tuple[float, ...] = ()

    def draw(self, random: np.random.Generator, background: int) -> Image.Image:
        return _Drawing(self, random, background).draw()


class _Drawing:
    def __init__(self, cut: Skirt, random: np.random.Generator, background: int) -> None:
        self.cut, self.random = cut, random
        self.top = 256 - cut.length / 2
        self.end = self.top + cut.length
        self.picture = Picture(random, background)
        self.folds = Pleats(cut.count, cut.flutes) if cut.kind == "pleated" else Flutes(random, cut.count, cut.flutes)
        self.tube = self._tube()
        self.window = self.tube.window
        self.piece = Piece.of(self.tube, cut.fabric)

    def draw(self) -> Image.Image:
        cut = self.cut
        waist.inside(self.picture, self.tube, cut.fabric, self.top, cut.waist)
        self._hang()
        self._creases()
        for share in cut.tiers:
            self._tier(share)
        if cut.kind == "pencil":
            self._darts()
        if cut.kind == "wrap":
            self._overlap()
        if cut.buttons:
            self._pockets()
        self._hem()
        self.picture.lay(self.piece, 0.3)
        self._waistband()
        self._buttons()
        return self.picture.finish()

    def _tube(self) -> Tube:
        cut, top, end = self.cut, self.top, self.end
        right = through(
            (top - 8, cut.waist - 2), (top, cut.waist), (top + 0.5 * cut.drop, 0.45 * cut.waist + 0.55 * cut.hip + 3),
            (top + cut.drop, cut.hip), (0.5 * (top + cut.drop + end), 0.5 * (cut.hip + cut.hem) - 1), (end, cut.hem),
        )  # fmt: skip
        hem = self.folds.hem(arc(end - 0.05 * cut.hem, end + 0.03 * cut.hem, cut.hem), cut.hem)
        half = max(cut.hem, cut.hip) + 10
        window = Window(int(MIDDLE - half), int(top - 12), int(MIDDLE + half), min(int(end + 22), 512))
        return Tube((MIDDLE, 0), 0, lambda y: -right(y), right, arc(top - 1, top + 6, cut.waist), hem, window, 0.5)

    def _share(self) -> np.ndarray:
        return np.clip(
            (self.window.y - self.top - 0.15 * self.cut.drop) / (self.cut.length - 0.15 * self.cut.drop), 0, 1
        )

    def _hang(self) -> None:
        share = self._share()
        self.piece.raise_by(self.folds.height(self.tube.t, share))
        if isinstance(self.folds, Pleats):
            self.piece.shade *= self.folds.shade(self.tube.t, share)
        drape = self.window.noise(self.random, 16, 220) * np.exp(-((self.tube.t / 0.85) ** 4))
        self.piece.raise_by(0.8 * drape * share)
        if self.cut.elastic:
            small = self.window.noise(self.random, 4, 90) + 0.8 * self.window.noise(self.random, 8, 120)
            below = np.clip((self.window.y - self.top - self.cut.band) / 60, 0, 1)
            self.piece.raise_by(1.0 * small * np.exp(-2 * below))

    def _creases(self) -> None:
        """A few folds across, where a narrow skirt is held by the hips."""
        cut, random = self.cut, self.random
        if cut.kind == "pleated":
            return
        for side in (-1, 1):
            for number in range(3):
                y = self.top + cut.drop * (0.55 + 0.38 * number) + random.uniform(-8, 8)
                start = self.tube.at(side * 0.97, y)
                end = self.tube.at(side * random.uniform(0.2, 0.5), y + random.uniform(4, 26) * (1 if number else -1))
                self.piece.crease(start, end, 5.0, random.uniform(0.8, 1.6), side * random.uniform(-0.06, 0.06))

    def _darts(self) -> None:
        start = self.top + self.cut.band
        for t in (-0.45, 0.45):
            self.piece.seam(self.tube.line((t, start), (t * 1.02, start + 0.55 * self.cut.drop)), 0.5, 0.8, 0.16)

    def _overlap(self) -> None:
        """The front's free edge."""
        start = self.top + self.cut.band
        line = self.tube.line((-0.55, start), (-0.42, self.top + 0.5 * self.cut.length), (-0.2, self.end + 4))
        self.piece.edge(line, (-1.4, 0), 2.5, 0.5)
        for number in range(4):
            end = self.tube.at(self.random.uniform(0, 0.7), start + self.random.uniform(50, 130) + 10 * number)
            self.piece.crease(self.tube.at(-0.5, start + 4 + 5 * number), end, 4.5, 1.6, -0.05)

    def _tier(self, share: float) -> None:
        """A seam below which the cloth is gathered."""
        y = self.top + share * self.cut.length
        line = self.tube.along(lambda x: self.tube.bottom(x) * 0 + y + 4 - 5 * (x / self.cut.hem) ** 2, 0)
        below = np.clip((self.window.y - y) / 70, 0, 1) * (self.window.y > y)
        small = self.window.noise(self.random, 4, 80) + self.window.noise(self.random, 9, 120)
        self.piece.raise_by(1.1 * small * np.exp(-2.2 * below) * (self.window.y > y))
        self.piece.seam(line, 1.3, 1.2, 0.4)

    def _pockets(self) -> None:
        """Two patch pockets."""
        cut, start = self.cut, self.top + self.cut.band
        for side in (-1, 1):
            high, low = start + 0.24 * cut.drop, start + 0.24 * cut.drop + 62
            shape = [(0.34, high), (0.34, low - 8), (0.56, low), (0.78, low - 8), (0.8, high)]
            line: list[Point] = [self.tube.at(side * t, y) for t, y in shape]
            edge = dense(line)
            self.piece.edge(edge, (0, 1.0), 1.4, 0.35)
            self.piece.edge([line[0], line[-1]], (0, -1.0), 1.6, 0.4)
            if cut.thread:
                middle = np.mean(line, 0)
                self.piece.stitch([tuple(middle + 0.93 * (np.array(point) - middle)) for point in edge], cut.thread)
                self.piece.stitch([(x, y + 4) for x, y in (line[0], line[-1])], cut.thread)

    def _hem(self) -> None:
        line = self.tube.along(self.tube.bottom, -9, 0.985, 160)
        if self.cut.thread:
            self.piece.stitch(line, self.cut.thread)
        else:
            self.piece.seam(line, 0.3, 0.8, 0.1)
        if self.cut.buttons:
            for shift in (-13, 13):
                front = [(MIDDLE + shift, y) for y in np.linspace(self.top + self.cut.band, self.end + 3, 30)]
                if shift > 0:
                    self.piece.edge(front, (1.0, 0), 1.5, 0.4)
                if self.cut.thread:
                    self.piece.stitch([(x - np.sign(shift) * 2.5, y) for x, y in front], self.cut.thread)
        if self.cut.fabric.weave == "denim":
            ridges = np.clip(self.piece.height - soft(self.piece.height, 6), -0.3, 0.8)
            self.piece.fade = 0.1 * ridges + 0.1 * np.exp(-((self.tube.t / 0.7) ** 2)) + 0.05

    def _waistband(self) -> None:
        cut = self.cut
        plain = cut.kind in ("pencil", "a-line", "pleated", "wrap") and not cut.buttons
        waist.band(
            self.picture, self.tube, cut.fabric, self.top, cut.waist, cut.band, cut.thread, cut.elastic, 0.0, not plain
        )
        if cut.kind == "wrap":
            at = self.tube.at(-0.55, self.top + cut.band * 0.6)
            for length, swing in ((120, -14), (96, 8)):
                sash.hanging_end(self.picture, cut.fabric, CENTIMETRE, at, length, swing)
            sash.knot(self.picture, cut.fabric, CENTIMETRE, at)

    def _buttons(self) -> None:
        cut = self.cut
        for y in np.linspace(self.top + 6 + cut.band / 2, self.end - 34, cut.buttons or 1)[: cut.buttons]:
            self.picture.button((MIDDLE, float(y)), 5.0, cut.button)
