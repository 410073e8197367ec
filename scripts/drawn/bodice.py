"""What hangs from the shoulders: the body of a dress or a jacket, its sleeves and its neck."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drawn.fabrics import Fabric
from drawn.picture import Picture, Piece, blob
from drawn.shapes import Curve, Field, Point, Tube, Window, level, through

MIDDLE = 192.0


@dataclass(frozen=True)
class Cut:
    """The measures of a garment for the upper body, in centimetres as it is seen when worn; widths are halves.

    Attributes:
        length: from the neck to the hem.
        shoulder, bust, waist, hip, hem: half widths.
        waist_at: below the neck.
        neck, depth: half width and depth of the neckline.
        shape: of the neckline: round, V, square.
        sleeve: length of the sleeve, 0 for none.
        cuff: half width of its end.
        lean: of the sleeve, degrees from straight down.
        upper: width of the sleeve at the upper arm; what the armhole leaves where it is 0.
        above: height of a collar above the neck.
    """

    length: float = 100
    shoulder: float = 18.0
    bust: float = 20.5
    waist: float = 16.5
    hip: float = 21.5
    hem: float = 26.0
    waist_at: float = 39.0
    neck: float = 8.5
    depth: float = 9.0
    shape: str = "round"
    sleeve: float = 0.0
    cuff: float = 7.5
    lean: float = 30.0
    upper: float = 0.0
    above: float = 0.0


class Bodice:
    """A cut laid out in the picture.

    Args:
        cut: its measures.
    """

    def __init__(self, cut: Cut) -> None:
        self.cut = cut
        reach = self._reach()
        self.scale = min(462 / (cut.length + cut.above + 3), 174 / reach)
        self.top = 256 - self.scale * (cut.length - cut.above - 1.5) / 2
        self.end = self.top + self.scale * cut.length
        self.right = self._side()
        half = self.scale * max(cut.shoulder, cut.bust, cut.hip, cut.hem) + 8
        self.window = Window(
            int(MIDDLE - half), max(int(self.top - 16), 0), int(MIDDLE + half), min(int(self.end + 20), 512)
        )

    def _reach(self) -> float:
        cut, lean = self.cut, np.radians(self.cut.lean)
        arm = cut.shoulder + cut.sleeve * np.sin(lean) + 1.5 if cut.sleeve else 0
        return float(max(arm, cut.shoulder, cut.bust, cut.hip, cut.hem))

    def y(self, centimetres: float) -> float:
        return self.top + self.scale * centimetres

    def _side(self) -> Curve:
        cut, k = self.cut, self.scale
        slim = min(cut.shoulder, cut.bust - 2.0 if not cut.sleeve else cut.bust - 1.6)
        points = [
            (-2, cut.shoulder),
            (4.4, cut.shoulder),
            (13, slim),
            (18, 0.35 * slim + 0.65 * cut.bust),
            (21.5, cut.bust),
        ]
        points.append((cut.waist_at, cut.waist))
        if cut.length > cut.waist_at + 20:
            points.append((cut.waist_at + 20, cut.hip))
        if cut.length > cut.waist_at + 4:
            points.append((cut.length, cut.hem))
        return through(*[(self.top + k * at, k * half) for at, half in points])

    def neckline(self, x: Field, lift: float = 0.0) -> Field:
        """Where the cloth begins: the neck's edge in the middle, the shoulders beside it."""
        cut, k = self.cut, self.scale
        off = np.abs(x) / k
        share = np.clip(off / cut.neck, 0, 1)
        shoulder = 4.4 * np.clip((off - cut.neck) / (cut.shoulder - cut.neck), 0, 1.2) ** 1.1
        if cut.shape == "V":
            inner = cut.depth * (1 - share**1.15)
        elif cut.shape == "square":
            inner = cut.depth * np.sqrt(np.clip(1 - share**9, 0, 1))
        else:
            inner = cut.depth * np.sqrt(np.clip(1 - share**2.2, 0, 1))
        return (self.top + k * np.where(off < cut.neck, inner, shoulder) + lift).astype(np.float32)

    def neck_points(self, shift: float = 0.0, reach: float = 1.0) -> list[Point]:
        """The neck's edge, or a line `shift` pixels outside it."""
        cut, k = self.cut, self.scale
        grow = 1 + shift / (k * cut.neck)
        deep = 1 + shift / (k * cut.depth)
        places = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 90)) * reach * k * cut.neck
        edge = self.neckline(places.astype(np.float32)) - self.top
        return [(MIDDLE + float(x) * grow, self.top + float(y) * deep) for x, y in zip(places, edge, strict=True)]

    def tube(self, bottom: Curve, depth: float = 0.45) -> Tube:
        right = self.right
        return Tube((MIDDLE, 0), 0, lambda y: -right(y), right, self.neckline, bottom, self.window, depth)

    def lay_back(self, picture: Picture, fabric: Fabric, low: float | None = None) -> None:
        """The inside of the back, seen through the neck."""
        cut, k, right = self.cut, self.scale, self.right
        wide = k * (cut.neck + 1.5)

        def top(x: Field) -> Field:
            dip = 2.2 * np.sqrt(np.clip(1 - (x / (k * cut.neck)) ** 2, 0, 1))
            return np.where(np.abs(x) < k * cut.neck, self.top + k * dip - 0.5, self.neckline(x) + 1).astype(np.float32)

        deep = self.y(cut.depth + 2 if low is None else low)
        window = Window(int(MIDDLE - wide - 4), self.window.top, int(MIDDLE + wide + 4), int(deep) + 2)
        edges = lambda y: np.maximum(-right(y), -wide), lambda y: np.minimum(right(y), wide)
        tube = Tube((MIDDLE, 0), 0, *edges, top, level(deep), window, -0.12)
        piece = Piece.of(tube, fabric, 0.8, 0.62)
        places = np.linspace(-0.92, 0.92, 40) * k * cut.neck
        band = [(MIDDLE + float(x), float(top(np.float32(x))) + 0.9 * k) for x in places]
        piece.seam(band, 0.5, 0.8, 0.25)
        left, upper, side = MIDDLE - 1.6 * k, self.y(2.2) + 0.9 * k, 3.2 * k
        lower = upper + 1.7 * k
        label = blob([(left, upper), (left + side, upper), (left + side, lower), (left, lower)], window)
        piece.threads.append((window, label.astype(np.float32), "#f4f2ec"))
        picture.lay(piece, 0)

    def sleeves(
        self, picture: Picture, fabric: Fabric, lining: Fabric | None = None, slack: float = 1.0
    ) -> list[tuple[Tube, Piece]]:
        """Both sleeves made, and the inside of each laid; the caller adds cuffs and lays them."""
        made = []
        for side in (-1, 1):
            tube = self._sleeve(side)
            made.append((tube, self._sleeve_cloth(tube, side, fabric, slack, picture.random)))
            picture.lay(Piece.of(self._sleeve_end(tube, side), lining or fabric, 0.6, 0.5), 0)
        return made

    def _sleeve(self, side: int) -> Tube:
        """A sleeve (side -1 left, 1 right, in the picture), from within the armhole to the cuff."""
        cut, k, length = self.cut, self.scale, self.cut.sleeve
        lean = np.radians(cut.lean)
        tip = cut.shoulder - 0.3, 4.2
        outer = [(-1.5, -1.6), (0.0, -0.2), (5.0, 1.1), (max(length, 9), 0.6 if length > 30 else 1.2)]
        inner = self._inner_edge(outer[-1][1] - 2 * cut.cuff)
        near, far = (through(*[(k * at, k * side * across) for at, across in edge]) for edge in (inner, outer))
        origin = MIDDLE + side * k * tip[0], self.y(tip[1])

        def end(x: Field) -> Field:
            return (k * length + 0.036 * k * np.clip(side * x / k + cut.cuff, -9, 9)).astype(np.float32)

        corner = (origin[0] + side * k * length * np.sin(lean), origin[1] + k * length * np.cos(lean))
        window = Window.around([origin, corner], k * (2 * cut.cuff + 3))
        edges = (near, far) if side > 0 else (far, near)
        return Tube(origin, side * lean, *edges, level(-1.2 * k), end, window, 0.6)

    def _inner_edge(self, end: float) -> list[Point]:
        """The edge of a sleeve beside the body, in centimetres along it and across; it ends so far across."""
        cut, lean, length = self.cut, np.radians(self.cut.lean), self.cut.sleeve
        right, down = cut.bust - cut.shoulder - 0.1, 17.8  # to the armpit from the tip of the shoulder
        armpit = right * np.sin(lean) + down * np.cos(lean)
        wide = min(right * np.cos(lean) - down * np.sin(lean) - 0.2, 1.1 - cut.upper)
        if length <= armpit + 1:  # a cap, which ends above the armpit
            return [(-3, -3 - 4 * length / 9), (length, -0.8 - 2 * cut.cuff)]
        edge = [(-3, wide - 1.0), (armpit, wide)]
        if length > armpit + 8:
            edge.append((0.55 * (armpit + length), 0.5 * (wide + end) - (0.7 if length > 30 else 0)))
        return [*edge, (length, end)]

    def _sleeve_cloth(self, tube: Tube, side: int, fabric: Fabric, slack: float, random: np.random.Generator) -> Piece:
        cut, k = self.cut, self.scale
        piece = Piece.of(tube, fabric, 1.0)
        length = k * cut.sleeve
        for number in range(int(3 + cut.sleeve / 9)):
            down = random.uniform(0.12, 0.95) * length
            if cut.sleeve > 35 and number % 2:  # most folds are in the crook of the arm
                down = random.normal(0.52, 0.09) * length
            begin, end = (-0.95, random.uniform(0.0, 0.7)) if number % 3 else (0.95, random.uniform(-0.6, 0.1))
            start, stop = tube.at(side * begin, down), tube.at(side * end, down + k * random.uniform(-4, 6))
            piece.crease(start, stop, 1.0 * k, slack * 0.34 * k * random.uniform(0.6, 1.2), random.uniform(-0.08, 0.08))
        piece.raise_by(0.5 * slack * tube.window.noise(random, 12, 60))
        return piece

    def _sleeve_end(self, tube: Tube, side: int) -> Tube:
        """The inside of a sleeve, seen past its end."""
        k, cuff = self.scale, self.cut.cuff

        def bottom(x: Field) -> Field:
            off = np.clip(x / k / cuff + side, -1, 1)
            return (tube.bottom(x) + 0.55 * k * (1 - off**2)).astype(np.float32)

        return Tube(
            tube.origin, tube.angle, tube.left, tube.right, level(k * self.cut.sleeve - 6), bottom, tube.window, -0.1
        )

    def armhole(self, side: int) -> list[Point]:
        """The seam between body and sleeve."""
        return [
            (MIDDLE + side * (float(self.right(np.float32(self.y(at)))) - 0.6), self.y(at))
            for at in np.linspace(4.2, 21.5, 30)
        ]

    def line(self, *places: Point) -> list[Point]:
        """The straight lines through places in centimetres: from the middle, below the neck."""
        points = [(MIDDLE + self.scale * x, self.y(y)) for x, y in places]
        return dense(points)


def dense(points: Sequence[Point], count: int = 12) -> list[Point]:
    """The same broken line in more points."""
    steps = np.linspace(0, 1, count)
    return [
        (float(a[0] + (b[0] - a[0]) * step), float(a[1] + (b[1] - a[1]) * step))
        for a, b in itertools.pairwise(points)
        for step in steps
    ]
