"""Sashes: their ends, bows and knots."""

from __future__ import annotations

import numpy as np

from drawn.fabrics import Fabric
from drawn.picture import Picture, Piece
from drawn.shapes import Field, Point, Tube, Window, arc, level, through


def hanging_end(picture: Picture, fabric: Fabric, k: float, at: Point, length: float, swing: float) -> None:
    """An end that hangs out of a knot, cut at a slant; `k` pixels are a centimetre."""
    bend = through((0, 0), (0.35 * length, 0.7 * swing), (length, swing))
    wide = through((0, 0.7 * k), (4 * k, 1.3 * k), (length, 1.5 * k))

    def slant(x: Field) -> Field:
        return (length + 0.7 * (x - swing)).astype(np.float32)

    window = Window.around([at, (at[0] + swing, at[1] + length)], 3 * k)
    tube = Tube(at, 0, lambda y: bend(y) - wide(y), lambda y: bend(y) + wide(y), level(0), slant, window, 0.25)
    piece = Piece.of(tube, fabric, 0.9)
    piece.crease(at, (at[0] + 0.8 * swing, at[1] + 0.8 * length), 0.6 * k, 0.25 * k)
    picture.lay(piece, 0.4, 2)


def bow(picture: Picture, fabric: Fabric, k: float, at: Point, side: int) -> None:
    """A loop of a bow, as a short tube that hangs out of the knot to one side (-1 left, 1 right)."""
    wide = through((0, 0.5 * k), (3 * k, 1.5 * k), (5.5 * k, 1.9 * k), (7.2 * k, 1.2 * k))
    window = Window.around([at, (at[0] + side * 7.5 * k, at[1] + 4 * k)], 3 * k)
    end = arc(6.5 * k, 7.4 * k, 1.9 * k)
    tube = Tube(at, side * np.radians(66), lambda y: -wide(y), wide, level(0), end, window, 0.5)
    piece = Piece.of(tube, fabric, 1.0)
    piece.crease(at, tube.at(0.1, 5 * k), 0.5 * k, -0.4 * k)
    picture.lay(piece, 0.4, 2)


def knot(picture: Picture, fabric: Fabric, k: float, at: Point) -> None:
    window = Window.around([at], 4 * k)
    x, y = window.x - at[0], window.y - at[1]
    off = (x / (1.7 * k)) ** 2 + (y / (1.7 * k)) ** 2
    height = 1.2 * k * np.sqrt(np.clip(1 - off, 0.02, 1))
    piece = Piece(window, off < 1, height, (x + 0 * y, y + 0 * x), fabric)
    piece.crease((at[0] - k, at[1] - k), (at[0] + k, at[1] + k), 0.5 * k, 0.3 * k)
    picture.lay(piece, 0.4, 2)
