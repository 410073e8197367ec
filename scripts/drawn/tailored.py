"""Blazers, coats and denim jackets."""

from __future__ import annotations

import numpy as np

from drawn.bodice import MIDDLE
from drawn.outer import Drawing
from drawn.picture import Piece
from drawn.shapes import Field, Point, Tube, soft


class Blazer(Drawing):
    """Single-breasted, with lapels, flap pockets and a welt pocket; its fronts are cut away at the middle."""

    edge, cross, pockets, last = 1.2, 0.6, 11.0, 3.5  # of the front, the lapels, the pockets and the buttons
    columns: tuple[float, ...] = (0.0,)

    def hem(self, x: Field) -> Field:
        half, away = self.k * self.cut.hem, np.exp(-np.abs(x + 0.6 * self.k) / (1.9 * self.k))
        return (self.bodice.end - 0.05 * half * (x / half) ** 2 - 6 * self.k * away).astype(np.float32)

    def over_cuff(self, tube: Tube) -> None:
        side = 1 if tube.angle > 0 else -1
        for number in range(3):
            at = tube.at(-side * 0.55, self.k * (self.cut.sleeve - 2.2 - 2.3 * number))
            self.picture.button(at, 0.6 * self.k, self.outer.button, False)

    def front(self) -> None:
        cut = self.cut
        self.free_edge(self.edge)
        for side in (-1, 1):
            waist = cut.waist_at
            places = (side * 0.56, self.y(27)), (side * 0.6, self.y(waist)), (side * 0.58, self.y(waist + 13))
            self.piece.seam(self.tube.line(*places), 0.6, 0.9, 0.2)
            y = waist + self.pockets
            flap = (side * 8.2, y), (side * 8.4, y + 4.6), (side * 17.0, y + 4.0), (side * 17.2, y - 0.8)
            self.piece.edge(self.bodice.line(*flap), (0, 1.2), 2.2, 0.4)
            self.piece.seam(self.bodice.line((side * 8.0, y), (side * 17.4, y - 0.8)), 0.9, 1.0, 0.35)
        if len(self.columns) == 1:
            self.piece.seam(self.bodice.line((9, 22.4), (15.5, 21.4)), 0.8, 1.4, 0.35)

    def over(self) -> None:
        """Two lapels and a collar, folded over the front, and the buttons."""
        neck, deep, notch = self.cut.neck, self.cut.depth, 13.2
        lapel = [
            (neck - 0.8, 1.0), (neck + 1.0, notch - 5.5), (neck + 6.8, notch - 3.6), (neck + 5.6, notch + 2.5),
            (0.45 * neck + 2, 0.62 * deep + 4), (-self.cross, deep + 1.2), (0.5 * neck - 0.9, 0.52 * deep),
            (neck - 1.4, 5),
        ]  # fmt: skip
        for side in (1, -1):  # the wearer's left front lies over the right one
            self.flat([(side * x, y) for x, y in lapel], 2.0, side)
        collar = [
            (0, -0.4), (0.5 * neck, -0.8), (neck - 0.6, -1.3), (neck + 2.2, 1.1), (neck + 5.2, 7.2),
            (neck + 1.2, 8.3), (neck - 1.0, 4.6), (0.75 * neck, 3.1), (0, 2.7),
        ]  # fmt: skip
        self.flat([*collar, *[(-x, y) for x, y in collar[::-1]]], 2.4, 0)
        for y in np.linspace(deep + 2.6, self.cut.waist_at + self.last, self.outer.buttons):
            for x in self.columns:
                self.picture.button((MIDDLE + x * self.k, self.y(float(y))), 1.15 * self.k, self.outer.button)


class Coat(Blazer):
    """Long and double-breasted."""

    edge, cross, pockets, last = 6.0, 2.2, 9.0, 10.0
    columns = (-5.0, 4.2)

    def hem(self, x: Field) -> Field:
        return Drawing.hem(self, x)


class DenimJacket(Drawing):
    """With a yoke, pointed seams, a placket, a waistband and two flap pockets."""

    def cuff(self, tube: Tube, piece: Piece) -> None:
        k, thread = self.k, self.outer.thread
        piece.edge(tube.along(tube.bottom, -5 * k), (0, -1), 1.4, 0.35)
        piece.stitch(tube.along(tube.bottom, -4.3 * k, 0.97), thread)
        piece.stitch(tube.along(tube.bottom, -0.8 * k, 0.97), thread)
        self._wear(piece, tube.t)

    def front(self) -> None:
        k, piece, cut, thread = self.k, self.piece, self.cut, self.outer.thread
        self.free_edge(1.6, thread, 2.0)
        piece.stitch([(MIDDLE - 1.8 * k, y) for y in np.linspace(self.y(4), self.bodice.end, 40)], thread)
        low = cut.length - 5.5
        for side in (-1, 1):
            yoke = self.bodice.line((side * 1.8, 15.5), (side * 19.5, 15.0))
            self._sewn(yoke, (0, 1.0))
            self._sewn(self.bodice.line((side * 7.4, 24), (side * 4.6, low)), (side * 0.8, 0))
            self._sewn(self.bodice.line((side * 14.6, 24), (side * 12.6, low)), (side * 0.8, 0))
        self._sewn(self.tube.along(self.tube.bottom, -5.5 * k), (0, -1.0))
        piece.stitch(self.tube.along(self.tube.bottom, -0.8 * k, 0.98), thread)
        self._wear(piece, self.tube.t)

    def over(self) -> None:
        """Pocket flaps, buttons and a pointed collar."""
        k, cut, outer = self.k, self.cut, self.outer
        flap = (6.4, 15.2), (6.4, 18.6), (10.8, 21.2), (15.2, 18.4), (15.2, 15.0)
        for side in (-1, 1):
            self.flat([(side * x, y) for x, y in flap], 1.6, side, outer.thread)
            self.picture.button((MIDDLE + side * 10.8 * k, self.y(18.8)), 0.75 * k, outer.button, False)
        neck, deep = cut.neck, cut.depth
        back = [(0, -0.9), (neck - 0.6, -1.7), (neck - 1.2, 1.4), (0, 2.4)]
        self.flat([*back, *[(-x, y) for x, y in back[::-1]]], 1.6, 0)
        leaf = [
            (neck - 0.7, -1.8), (neck + 2.2, 0.9), (neck + 1.6, 7.5), (6.0, deep + 6.5), (0.5, deep + 0.6),
            (0.55 * neck, 0.72 * deep), (neck - 1.6, 1.4),
        ]  # fmt: skip
        for side in (-1, 1):
            self.flat([(side * x, y) for x, y in leaf], 2.2, side, outer.thread)
        for y in np.linspace(cut.depth + 2.5, cut.length - 2.8, outer.buttons):
            self.picture.button((MIDDLE, self.y(float(y))), 0.95 * k, outer.button, False)

    def _sewn(self, line: list[Point], off: Point) -> None:
        """A seam with two rows of stitches."""
        self.piece.edge(line, off, 1.0, 0.32)
        for far in (1.4, 3.0):
            self.piece.stitch([(x - off[0] * far, y - off[1] * far) for x, y in line], self.outer.thread)

    def _wear(self, piece: Piece, t: Field) -> None:
        ridges = np.clip(piece.height - soft(piece.height, 6), -0.3, 0.8)
        uneven = 1 + 0.3 * piece.window.noise(self.random, 20, 30)
        piece.fade = (0.1 * ridges + 0.12 * np.exp(-((t / 0.8) ** 2))) * uneven + 0.06
