"""Trousers, jeans, joggers and shorts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from drawn import waist
from drawn.fabrics import Colour, Fabric
from drawn.picture import Picture, Piece
from drawn.shapes import Field, Point, Tube, Window, arc, level, smooth, soft, through

MIDDLE = 192.0


@dataclass(frozen=True)
class Trousers:
    """How a pair of trousers is cut. Lengths in pixels of the picture; widths are halves.

    Attributes:
        kind: tailored, jeans, chinos, or joggers (with an elastic waist).
        waist, hip, knee, hem: half widths, of the body above the crotch and of one leg below, for full length.
        rise: from the waist to the crotch.
        length: from the waist to the hem.
        full: what that would be for full length.
        spread: how far the ankles are from the middle.
        band: height of the waistband.
        thread: of the topstitching; none is seen where it is empty.
        pleat: a pressed crease down each leg.
        turn_up: height of the turned-up hem.
        slack: how strongly it folds.
        worn: how much denim is faded.
    """

    fabric: Fabric
    kind: str = "tailored"
    waist: float = 62
    hip: float = 77
    knee: float = 30
    hem: float = 30
    rise: float = 116
    length: float = 452
    full: float = 468
    spread: float = 48
    band: float = 15
    thread: Colour = ""
    button: Colour = "#3b3632"
    pleat: bool = False
    turn_up: float = 0
    slack: float = 1.0
    worn: float = 1.0

    def draw(self, random: np.random.Generator, background: int) -> Image.Image:
        return _Drawing(self, random, background).draw()


class _Drawing:
    def __init__(self, cut: Trousers, random: np.random.Generator, background: int) -> None:
        self.cut, self.random = cut, random
        self.top = 256 - cut.length / 2
        self.reach = cut.full - cut.rise  # of a whole leg
        self.crotch, self.hem = self.top + cut.rise, self.top + cut.length
        self.knee = self.crotch + 0.47 * self.reach
        self.long, self.elastic = cut.length > 0.75 * cut.full, cut.kind == "joggers"
        self.picture = Picture(random, background)
        self.body, self.legs = self._tubes()
        self.window = self.body.window
        self.piece = self._cloth()

    def draw(self) -> Image.Image:
        cut = self.cut
        waist.inside(self.picture, self.body, cut.fabric, self.top, cut.waist)
        self._folds()
        if self.elastic:
            self._gathers()
        else:
            self._fly()
        self._pockets()
        self._seams()
        for side in (0, 1):
            self._hem(side)
        self.picture.lay(self.piece, 0.3)
        self._waistband()
        return self.picture.finish()

    def _tubes(self) -> tuple[Tube, list[Tube]]:
        cut, top = self.cut, self.top
        outer = [(top - 8, cut.waist - 2), (top, cut.waist), (top + 0.3 * cut.rise, 0.5 * (cut.waist + cut.hip) + 4)]
        outer.append((top + 0.68 * cut.rise, cut.hip))
        inner: list[Point] = [(top - 10, 0), (self.crotch, 0.0)]
        inner += [(self.crotch + 0.06 * cut.hip, 0.06 * cut.hip), (self.crotch + 0.24 * cut.hip, 0.115 * cut.hip)]
        for share in (0.25, 0.47, 0.75, 1.0):
            y = self.crotch + share * self.reach
            centre = 0.55 * cut.hip + (cut.spread + 0.07 * cut.hip - 0.55 * cut.hip) * share
            half = float(np.interp(share, [0, 0.47, 1.0], [0.47 * cut.hip, cut.knee, cut.hem]))
            outer.append((y, centre + half))
            inner.append((y, max(centre - half, 0.13 * cut.hip)))
        right, inside = through(*outer), through(*inner)
        half = float(max(right(np.linspace(top, self.hem, 99, dtype=np.float32)))) + 10
        window = Window(int(MIDDLE - half), int(top - 12), int(MIDDLE + half), int(self.hem + 14))
        ankle = float(inside(np.float32(self.hem)) + right(np.float32(self.hem))) / 2
        wide = ankle - float(inside(np.float32(self.hem)))

        def hem(x: Field) -> Field:
            """Hems hang a little lower in the middle of each leg."""
            away = np.clip((np.abs(x) - ankle) / wide, -1.3, 1.3)
            return (self.hem + 2.5 * (1 - away**2)).astype(np.float32)

        ends = arc(top - 1, top + 6, cut.waist), hem
        body = Tube((MIDDLE, 0), 0, lambda y: -right(y), right, ends[0], level(self.hem), window, 0.5)
        legs = [
            Tube((MIDDLE, 0), 0, lambda y: -right(y), lambda y: -inside(y), *ends, window, 0.62),
            Tube((MIDDLE, 0), 0, inside, right, *ends, window, 0.62),
        ]
        return body, legs

    def _cloth(self) -> Piece:
        """Both legs as one piece: round as one body above the crotch, as two legs below."""
        cut, (one, two) = self.cut, self.legs
        y = self.window.y
        on_right = self.window.x > MIDDLE
        split = smooth(self.crotch - 0.45 * cut.rise, self.crotch + 26, y)
        self.t = np.where(on_right, two.t, one.t)
        height = (1 - split) * self.body.bulge() + split * np.where(on_right, two.bulge(), one.bulge())
        if cut.pleat:
            off = np.where(on_right, two.t + 0.05, one.t - 0.05) * np.where(on_right, two.half, one.half)
            height = height + 1.7 * smooth(self.top + 0.3 * cut.rise, self.crotch, y) * np.exp(-np.abs(off) / 4.5)
        u = np.where(on_right, two.cloth()[0] + 200, one.cloth()[0] - 200)
        return Piece(self.window, one.mask() | two.mask(), height, (u, y), cut.fabric)

    def _at(self, side: int, t: float, y: float) -> Point:
        """A place on a leg (0 left, 1 right); t is 0 at its inner edge and 1 at the outer one."""
        return self.legs[side].at(2 * t - 1 if side else 1 - 2 * t, y)

    def _line(self, side: int, *places: Point) -> list[Point]:
        return self.legs[side].line(*[(2 * t - 1 if side else 1 - 2 * t, y) for t, y in places])

    def _crease(self, side: int, start: Point, end: Point, width: float, rise: float, bend: float) -> None:
        turn = 1 if side else -1
        points = self._at(side, *start), self._at(side, *end)
        self.piece.crease(*points, width, 1.25 * self.cut.slack * rise, turn * bend)

    def _folds(self) -> None:
        random = self.random
        for side in (0, 1):
            for number in range(3):  # from the crotch up and out
                y = self.crotch - 6 + 9 * number + random.uniform(-3, 3)
                end = random.uniform(0.45, 0.75), y - random.uniform(20, 34) + 16 * number
                self._crease(side, (0.03, y), end, 4.2, random.uniform(1.3, 2.2) * (1 - 0.2 * number), -0.06)
            for number in range(2):  # down the inside of the thigh
                y = self.crotch + 18 + 26 * number + random.uniform(-5, 5)
                end = random.uniform(0.4, 0.6), min(y + random.uniform(22, 46), self.hem - 8)
                self._crease(side, (0.05, min(y, self.hem - 30)), end, 5.0, 1.5, 0.05)
            if self.long:
                self._knee_and_hem(side)
        drape = self.window.noise(random, 13, 160) * self.cut.slack
        below = smooth(self.crotch - 20, self.knee if self.long else self.hem, self.window.y)
        self.piece.raise_by(0.8 * drape * below * np.exp(-((self.t / 0.8) ** 2)))

    def _knee_and_hem(self, side: int) -> None:
        random = self.random
        tight = float(np.clip(34 / max(self.cut.knee, 20), 0.6, 1.4))
        for number in range(4):
            y = self.knee - 20 + 13 * number + random.uniform(-4, 4)
            begin, end = (0.02, random.uniform(0.4, 0.7)) if number % 2 else (0.98, random.uniform(0.3, 0.6))
            lean = random.uniform(3, 13) * (1 if number < 2 else -1)
            rise = tight * random.uniform(0.9, 1.6)
            self._crease(side, (begin, y), (end, y + lean), 4.2, rise, random.uniform(-0.08, 0.08))
        for number in range(4):  # where the shoe pushes the cloth up
            y = self.hem - 16 - 14 * number - random.uniform(0, 6)
            begin, end = (0.04, random.uniform(0.6, 0.95)) if number % 2 else (0.96, random.uniform(0.1, 0.45))
            rise = tight * random.uniform(1.1, 1.9) * (1 - 0.2 * number)
            self._crease(side, (begin, y), (end, y + random.uniform(-8, 8)), 4.2, rise, 0.07)

    def _fly(self) -> None:
        cut, piece = self.cut, self.piece
        start, rise = self.top + cut.band, cut.rise
        piece.seam([(MIDDLE, start), (MIDDLE + 0.5, self.crotch - 3)], 0.7, 0.9, 0.3)
        bend = through((start, 11), (start + 0.5 * rise, 11), (start + 0.6 * rise, 7.5), (start + 0.67 * rise, 1))
        curve = [(MIDDLE + float(bend(np.float32(y))), float(y)) for y in np.linspace(start, start + 0.67 * rise, 40)]
        if cut.thread:
            for shift in (0, 2) if cut.kind == "jeans" else (0,):
                piece.stitch([(x - shift, y - shift / 2) for x, y in curve], cut.thread)
        else:
            piece.seam(curve, 0.25, 0.7, 0.08)

    def _gathers(self) -> None:
        """Cloth that an elastic pulls together hangs from it in small folds."""
        below = np.clip((self.window.y - self.top - self.cut.band + 4) / 34, 0, 1)
        small = self.window.noise(self.random, 3.5, 70) + 0.8 * self.window.noise(self.random, 7, 90)
        self.piece.raise_by(0.85 * small * np.exp(-2.2 * below))

    def _pockets(self) -> None:
        cut, piece, start = self.cut, self.piece, self.top + self.cut.band
        jeans = cut.kind == "jeans"
        places = [(0.66, start), (0.78, start + 24), (0.93, start + 50)]
        if jeans:
            places = [(0.56, start), (0.6, start + 12), (0.74, start + 23), (1.0, start + 28)]
        for side in (0, 1):
            turn = 1 if side else -1
            line = self._line(side, *places)
            piece.edge(line, (turn * 0.7, -0.7), 1.0, 0.42)
            for shift in () if not cut.thread else (2.4, 4.4) if jeans else (2.6,):
                piece.stitch([(x - turn * 0.75 * shift, y + 0.75 * shift) for x, y in line], cut.thread)
            piece.crease(line[-1], self._at(side, 0.3, start + 0.75 * cut.rise), 4, 1.0, 0.05)
            if jeans and side == 0:  # the small pocket within
                small = self._line(0, (0.72, start + 15), (0.97, start + 17))
                piece.seam(small, 0.4, 0.8, 0.3)
                piece.stitch([(x, y + 2.2) for x, y in small], cut.thread)

    def _seams(self) -> None:
        cut, piece = self.cut, self.piece
        if self.elastic:
            piece.seam([(MIDDLE, self.top + cut.band), (MIDDLE + 0.4, self.crotch)], 0.8, 0.9, 0.3)
        for side in (0, 1):
            piece.seam(
                self._line(side, *[(0.965, y) for y in np.linspace(self.top + 20, self.hem, 14)]), 0.5, 0.8, 0.13
            )
            if cut.kind == "jeans":
                inseam = self._line(side, *[(0.05, y) for y in np.linspace(self.crotch + 3, self.hem, 12)])
                piece.seam(inseam, 0.4, 0.8, 0.2)
                piece.stitch([(x + (2.2 if side else -2.2), y) for x, y in inseam], cut.thread)
        if cut.kind == "jeans":
            self._wear()

    def _wear(self) -> None:
        """Denim is lighter where it is rubbed: thighs, knees, ridges of folds; darker at the seams."""
        y = self.window.y
        thigh = np.exp(-(((y - (self.crotch + 40)) / 80) ** 2)) + 0.6 * np.exp(-(((y - self.knee - 8) / 45) ** 2))
        ridges = np.clip(self.piece.height - soft(self.piece.height, 6), -0.3, 0.8)
        worn = 0.20 * thigh * np.exp(-((self.t / 0.8) ** 2)) + 0.10 * ridges
        self.piece.fade = self.cut.worn * (worn * (1 + 0.2 * self.window.noise(self.random, 20, 40)) + 0.07)

    def _hem(self, side: int) -> None:
        cut, piece, tube = self.cut, self.piece, self.legs[side]
        y = self.window.y
        within = np.abs(tube.t) < 1
        if self.elastic and self.long:
            piece.seam(tube.along(tube.bottom, -20), 1.2, 1.0, 0.35)
            near = np.exp(-np.clip(self.hem - 20 - y, 0, 99) / 14) * (y < self.hem - 18)
            piece.raise_by(1.1 * near * within * self.window.noise(self.random, 4, 40))
            piece.raise_by(within * (y > self.hem - 18) * 0.3 * np.sin(piece.u * 2 * np.pi / 2.8))
        elif cut.turn_up:
            piece.edge(tube.along(tube.bottom, -cut.turn_up), (0, -1.3), 2.2, 0.45)
        elif cut.thread:
            piece.stitch(tube.along(tube.bottom, -6 if cut.kind == "jeans" else -8, 0.97), cut.thread)
            small = np.abs(self.window.noise(self.random, 5, 30))
            piece.raise_by(0.5 * within * soft((y > self.hem - 7) * small, 0.8))
        else:
            piece.seam(tube.along(tube.bottom, -9, 0.97), 0.3, 0.8, 0.1)

    def _waistband(self) -> None:
        cut, top = self.cut, self.top
        fade = 0.06 * cut.worn if cut.kind == "jeans" else 0.0
        tube = waist.band(self.picture, self.body, cut.fabric, top, cut.waist, cut.band, cut.thread, self.elastic, fade)
        if self.elastic:
            for side in (-1, 1):
                swing = side * self.random.uniform(3, 9)
                at = MIDDLE + side * 5, top + 5 + cut.band / 2
                waist.cord(self.picture, at, cut.thread or cut.fabric.colour, self.random.uniform(34, 44), swing)
            return
        for t in (-0.93, -0.5, 0.5, 0.93):
            at = tube.at(t, top + 5 - 6 * t * t)
            waist.loop(self.picture, at, cut.fabric, cut.band + 2.5, cut.thread, 2 * fade)
        self.picture.button((MIDDLE, top + 6 + cut.band / 2), 3.6, cut.button, cut.kind != "jeans")
