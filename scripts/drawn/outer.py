"""What jackets, coats and cardigans have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from drawn.bodice import MIDDLE, Bodice, Cut, dense
from drawn.fabrics import Colour, Fabric
from drawn.picture import Picture, Piece, blob
from drawn.shapes import Field, Point, Tube, Window, soft


@dataclass(frozen=True)
class Outer:
    """How a jacket, coat or cardigan is cut.

    Attributes:
        cut: its measures; the neckline is how far it is open.
        kind: how its front is made.
        rib: colour of ribbed cuffs, hem and edges; the cloth's own where it is empty.
        buttons: how many in a row.
        thread: of the topstitching.
        lining: colour inside.
    """

    fabric: Fabric
    cut: Cut
    kind: type[Drawing]
    rib: Colour = ""
    buttons: int = 2
    button: Colour = "#3a332c"
    thread: Colour = ""
    lining: Colour = "#6f6a66"

    def draw(self, random: np.random.Generator, background: int) -> Image.Image:
        return self.kind(self, random, background).draw()


class Drawing:
    """A garment while it is drawn; each kind has its own front, cuffs and collar."""

    def __init__(self, outer: Outer, random: np.random.Generator, background: int) -> None:
        self.outer, self.cut, self.random = outer, outer.cut, random
        self.picture = Picture(random, background)
        self.bodice = Bodice(outer.cut)
        self.k, self.y = self.bodice.scale, self.bodice.y
        self.tube = self.body()
        self.window = self.tube.window
        self.piece = Piece.of(self.tube, outer.fabric, 1.3)
        self.ribbed = Fabric(outer.rib or outer.fabric.colour, "rib")

    def draw(self) -> Image.Image:
        self.bodice.lay_back(self.picture, Fabric(self.outer.lining, "plain"), low=self.cut.depth + 1.5)
        if self.cut.sleeve:
            for tube, piece in self.bodice.sleeves(self.picture, self.outer.fabric, Fabric(self.outer.lining), 1.1):
                self.cuff(tube, piece)
                self.picture.lay(piece, 0.25)
                self.over_cuff(tube)
        self._folds()
        self.front()
        for side in (-1, 1):
            if self.cut.sleeve:
                self.piece.seam([(x - side * 0.4, y) for x, y in self.bodice.armhole(side)], 0.9, 1.0, 0.3)
        self.picture.lay(self.piece, 0.4)
        self.over()
        return self.picture.finish()

    def body(self) -> Tube:
        return self.bodice.tube(self.hem, 0.42)

    def hem(self, x: Field) -> Field:
        half = self.k * self.cut.hem
        return (self.bodice.end + 0.02 * half - 0.05 * half * (x / half) ** 2).astype(np.float32)

    def cuff(self, tube: Tube, piece: Piece) -> None:
        """The end of a sleeve that is yet to be laid."""
        piece.seam(tube.along(tube.bottom, -1.2, 0.97), 0.4, 0.8, 0.1)

    def over_cuff(self, tube: Tube) -> None:
        """What lies on a sleeve."""

    def front(self) -> None:
        """Seams and pockets of the body that is yet to be laid."""

    def over(self) -> None:
        """What lies on the body: collar, bands, buttons."""

    def rib_cuff(self, tube: Tube, piece: Piece) -> None:
        """A ribbed cuff, which gathers the sleeve above it."""
        k = self.k
        piece.seam(tube.along(tube.bottom, -6 * k), 1.2, 1.0, 0.35)
        end = tube.down > k * (self.cut.sleeve - 6)
        piece.raise_by(end * 0.4 * np.sin(piece.u * 2 * np.pi / 3.0))
        near = np.exp(-np.clip(k * (self.cut.sleeve - 6) - tube.down, 0, 99) / (3 * k)) * ~end
        piece.raise_by(0.3 * k * near * tube.window.noise(self.random, 5, 40))

    def _folds(self) -> None:
        """From the armpits to the front, and down the body."""
        k, random = self.k, self.random
        for side in (-1, 1):
            for number in range(4):
                start = self.tube.at(side * 0.95, self.y(21 + 4 * number))
                end = self.tube.at(side * random.uniform(0.3, 0.6), self.y(25 + 7 * number + random.uniform(-3, 3)))
                self.piece.crease(
                    start, end, 1.4 * k, 0.34 * k * random.uniform(0.6, 1.2), side * random.uniform(-0.05, 0.05)
                )
            x, y = self.window.x - MIDDLE - side * 8.6 * k, self.window.y - self.y(26)
            self.piece.raise_by(1.2 * k * np.exp(-((x / (8 * k)) ** 2 + (y / (9 * k)) ** 2)))
        long = np.clip((self.window.y - self.y(20)) / (self.k * 40), 0, 1)
        self.piece.raise_by(1.3 * self.window.noise(random, 20, 150) * long * np.exp(-((self.tube.t / 0.85) ** 4)))

    def free_edge(self, x: float, thread: Colour = "", start: float | None = None) -> None:
        """The free edge of the front, a little right of the middle (as it is seen)."""
        begin = self.y(self.cut.depth if start is None else start) - 2
        line = [(MIDDLE + x * self.k, y) for y in np.linspace(begin, self.bodice.end + 3, 40)]
        self.piece.edge(line, (1.2, 0), 2.0, 0.45)
        if thread:
            self.piece.stitch([(a - 0.8 * self.k, b) for a, b in line], thread)

    def flat(self, shape: list[Point], lift: float, side: int, thread: Colour = "") -> None:
        """A flat piece with rounded edges, given in centimetres from the middle and below the neck."""
        points = [(MIDDLE + self.k * x, self.y(y)) for x, y in shape]
        window = Window.around(points, 8)
        mask = blob(points, window)
        inner = soft(mask.astype(np.float32), 2.4)
        x, y = window.x + 0 * window.y, window.y + 0 * window.x
        turn = 0.5 * np.abs(x - MIDDLE) / self.k
        cloth = 0.94 * (x - MIDDLE) + 0.34 * side * y, 0.94 * y - 0.34 * side * x
        piece = Piece(window, mask, lift * inner - 0.25 * turn, cloth, self.outer.fabric, 1.2)
        if thread:
            middle = np.mean(points, 0)
            piece.stitch(
                [tuple(middle + 0.9 * (np.array(point) - middle)) for point in dense([*points, points[0]])], thread
            )
        if self.outer.fabric.weave == "denim":
            piece.fade = np.full_like(piece.height, 0.07)
        self.picture.lay(piece, 0.45, 2.2)

    def hem_band(self, wide: float) -> None:
        """A ribbed band that draws the hem in."""
        tube = self.tube
        band = replace(
            tube,
            top=lambda x: tube.bottom(x) - wide,
            left=lambda y: tube.left(y) + 1.5,
            right=lambda y: tube.right(y) - 1.5,
            _cache={},
        )
        self.picture.lay(Piece.of(band, self.ribbed, 1.2, lift=-0.5), 0.25, 2)
