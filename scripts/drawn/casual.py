"""Bombers, quilted gilets and cardigans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drawn.bodice import MIDDLE
from drawn.fabrics import Fabric
from drawn.outer import Drawing
from drawn.picture import Piece, blob
from drawn.shapes import Curve, Field, Tube, Window, level, smooth, soft, through

ZIP = "#b8b4ab"


class Bomber(Drawing):
    """With a zip, slanted pockets, and ribbed cuffs, hem and collar."""

    high = 3.0  # of the collar, in centimetres

    def cuff(self, tube: Tube, piece: Piece) -> None:
        self.rib_cuff(tube, piece)

    def front(self) -> None:
        k, piece, cut = self.k, self.piece, self.cut
        line = [(MIDDLE, y) for y in np.linspace(self.y(cut.depth) - 6, self.bodice.end, 60)]
        for shift in (-0.9 * k, 0.9 * k):
            piece.seam([(x + shift, y) for x, y in line], 0.9, 0.9, 0.3)
        piece.seam(line, 0.8, 1.4, 0.5)
        piece.stitch(line, ZIP, 1.1, 0.9, 1.5)
        for side in (-1, 1):
            y = cut.length - 22
            pocket = self.bodice.line((side * 10.5, y + 12), (side * 14.5, y))
            piece.edge(pocket, (side * 0.9, 0.4), 1.8, 0.45)

    def over(self) -> None:
        self.hem_band(5.5 * self.k)
        self.collar(self.ribbed)

    def collar(self, fabric: Fabric) -> None:
        """A standing collar, closed in front by the zip; its back is seen over the front."""
        k, high, neck, deep = self.k, self.high, self.cut.neck, self.cut.depth
        window = Window.around([(MIDDLE - neck * k, self.y(-high)), (MIDDLE + neck * k, self.y(deep))], 3 * k)
        flare = through(
            (self.y(-high), (neck - 0.2) * k), (self.y(0), (neck + 0.9) * k), (self.y(deep), (neck + 1) * k)
        )
        ends = level(self.y(-high + 0.4)), level(self.y(2))
        back = Tube((MIDDLE, 0), 0, lambda y: -flare(y) + k, lambda y: flare(y) - k, *ends, window, -0.2)
        self.picture.lay(Piece.of(back, fabric, 1.2, 0.62), 0)
        tube = Tube((MIDDLE, 0), 0, lambda y: -flare(y), flare, *self._collar_ends(), window, 0.5)
        piece = Piece.of(tube, fabric, 1.6, lift=2.5)
        self.on_collar(tube, piece)
        middle = [(MIDDLE, y) for y in np.linspace(self.y(-high), self.y(deep + 2), 20)]
        piece.seam(middle, 1.2, 1.4, 0.5)
        piece.stitch(middle, ZIP, 1.1, 0.9, 1.5)
        self.picture.lay(piece, 0.4, 2.2)

    def on_collar(self, tube: Tube, piece: Piece) -> None:
        """What is sewn on the collar."""

    def _collar_ends(self) -> tuple[Curve, Curve]:
        high, neck, deep = self.high, self.cut.neck, self.cut.depth
        halves = (neck + 2, 1.2 - high), (0.5 * neck, 2.2 - high), (0, 5.4 - high)
        top = through(*[(-x, y) for x, y in halves], *halves[1::-1])
        halves = (neck + 1, 0.6), (0.7 * neck, 0.62 * deep + 0.8), (0, deep + 1)
        low = through(*[(-x, y) for x, y in halves], *halves[1::-1])

        def scaled(curve: Curve) -> Curve:
            return lambda x: (self.y(0) + self.k * curve(x / self.k)).astype(np.float32)

        return scaled(top), scaled(low)


class Gilet(Bomber):
    """Quilted, without sleeves, with a high collar."""

    high = 5.2

    def body(self) -> Tube:
        """The body with sides that bulge with its baffles."""
        tube = super().body()

        def bulge(y: Field) -> Field:
            round_side = np.sqrt(np.clip(1 - (2 * self._baffle(y) - 1) ** 2, 0, 1))
            return 0.75 * self.k * round_side * smooth(self.y(10), self.y(18), y)

        return replace(
            tube,
            left=lambda y: (tube.left(y) - bulge(y)).astype(np.float32),
            right=lambda y: (tube.right(y) + bulge(y)).astype(np.float32),
            _cache={},
        )

    def front(self) -> None:
        self._quilt()
        super().front()

    def over(self) -> None:
        self.collar(self.outer.fabric)

    def on_collar(self, tube: Tube, piece: Piece) -> None:
        piece.raise_by(0.2 * self.k * tube.window.noise(self.random, 12, 9))
        piece.seam(tube.along(tube.top, 0.5 * self.high * self.k, 0.98), 1.4, 1.2, 0.35)

    def _baffle(self, y: Field) -> Field:
        """Where in its baffle a place is, from 0 to 1."""
        return ((y - self.y(2)) / (7.2 * self.k)) % 1

    def _quilt(self) -> None:
        """Baffles filled with down: each bulges between two rows of stitches, which pucker it."""
        k = self.k
        sag = 1.2 * k * (1 - np.clip(np.abs(self.tube.t), 0, 1) ** 2)
        phase = self._baffle(self.window.y - sag)
        puff = np.sqrt(np.clip(1 - (2 * phase - 1) ** 2, 0, 1))
        small = self.window.noise(self.random, 7, 12)
        self.piece.raise_by(1.5 * k * puff + 0.26 * k * small * (1.1 - puff))
        self.piece.shade *= 1 - 0.15 * np.exp(-np.minimum(phase, 1 - phase) / 0.03)


class Cardigan(Drawing):
    """Knitted, with patch pockets and a ribbed band around neck and front."""

    def cuff(self, tube: Tube, piece: Piece) -> None:
        self.rib_cuff(tube, piece)

    def front(self) -> None:
        for side in (-1, 1):
            y = self.cut.length - 24
            pocket = (side * 6.5, y), (side * 6.9, y + 14), (side * 17.3, y + 13.4), (side * 17.5, y - 0.4)
            self.piece.edge(self.bodice.line(*pocket), (0, 1.0), 1.4, 0.3)
            self.piece.edge(self.bodice.line((side * 6.3, y + 2.6), (side * 17.6, y + 2.2)), (0, 0.8), 1.0, 0.22)
            self.piece.seam(self.bodice.line((side * 6.4, y), (side * 17.6, y - 0.4)), 0.8, 1.0, 0.3)

    def over(self) -> None:
        """The ribbed hem, and the ribbed band that runs around the neck and down the front, with its buttons."""
        cut, k = self.cut, self.k
        self.hem_band(6.5 * k)
        for side in (1, -1):
            self._band(side)
        for y in np.linspace(cut.depth + 2.8, cut.length - 3.2, self.outer.buttons):
            self.picture.button((MIDDLE, self.y(float(y))), 1.05 * k, self.outer.button)

    def _band(self, side: int) -> None:
        """One side of it: a strip whose ribs run along it."""
        cut, k, bodice = self.cut, self.k, self.bodice
        neck = [point for point in bodice.neck_points() if side * (point[0] - MIDDLE) >= 0]
        neck = sorted(neck, key=lambda point: point[1])
        inner = [(MIDDLE + side * max(side * (x - MIDDLE) - 0.6 * k, -1.7 * k), y) for x, y in neck]
        outer = [(x + side * 3.0 * k, y + 0.9 * k) for x, y in neck]
        inner += [(MIDDLE - side * 1.7 * k, self.y(cut.depth + 1.5)), (MIDDLE - side * 1.7 * k, bodice.end + 1)]
        outer += [(MIDDLE + side * 1.7 * k, self.y(cut.depth + 4.0)), (MIDDLE + side * 1.7 * k, bodice.end + 1)]
        window = Window.around([*inner, *outer], 6)
        mask = blob([*inner, *outer[::-1]], window)
        x, y = window.x + 0 * window.y, window.y + 0 * window.x
        along = np.interp(y, [point[1] for point in inner], [point[0] for point in inner]).astype(np.float32)
        piece = Piece(window, mask, 1.4 * soft(mask.astype(np.float32), 2.0), (x - along, y), self.ribbed, 1.2)
        self.picture.lay(piece, 0.4, 2)
