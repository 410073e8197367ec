"""Waistbands, and what is on them."""

from __future__ import annotations

import numpy as np

from drawn.fabrics import Colour, Fabric
from drawn.picture import Picture, Piece
from drawn.shapes import Point, Tube, Window, arc, level, through


def inside(picture: Picture, body: Tube, fabric: Fabric, top: float, half: float) -> None:
    """The back of the waist, seen over the front."""
    edges = arc(top - 1, top - 4.5, half), arc(top + 6, top + 16, half)
    window = Window(int(192 - half - 8), int(top - 10), int(192 + half + 8), int(top + 24))
    back = Tube((192, 0), 0, body.left, body.right, *edges, window, -0.1)
    picture.lay(Piece.of(back, fabric, 0.8, 0.5), 0)


def band(
    picture: Picture, body: Tube, fabric: Fabric, top: float, half: float, wide: float,
    thread: Colour = "", elastic: bool = False, fade: float = 0.0, overlap: bool = True,
) -> Tube:  # fmt: skip
    """The waistband's front."""
    edges = arc(top - 1, top + 6, half), arc(top - 2 + wide, top + 6 + wide, half)
    window = Window(int(192 - half - 12), int(top - 6), int(192 + half + 12), int(top + wide + 14))
    tube = Tube((192, 0), 0, lambda y: body.left(y) - 0.4, lambda y: body.right(y) + 0.4, *edges, window, 0.5)
    piece = Piece.of(tube, fabric, 1.2, lift=1.2)
    if elastic:
        gathers = 0.55 * window.noise(picture.random, 2.6, 60) + 0.3 * np.sin(piece.u * 2 * np.pi / 4.2)
        piece.raise_by(gathers)
        piece.seam(tube.along(tube.top, wide / 2), 0.5, 0.8, 0.18)
    else:
        if thread:
            for shift in (2.0, wide - 2.2):
                piece.stitch(tube.along(tube.top, shift, 0.99), thread)
        if overlap:
            piece.seam([(197, top + 4), (197.5, top + wide + 8)], 0.8, 0.9, 0.35)
    if fade:
        piece.fade = np.full_like(piece.height, fade)
    picture.lay(piece, 0.42, 1.8)
    return tube


def loop(picture: Picture, at: Point, fabric: Fabric, long: float, thread: Colour = "", fade: float = 0.0) -> None:
    """A belt loop: a narrow strip over the waistband."""
    window = Window.around([at, (at[0], at[1] + long)], 8)
    strip = Tube(at, 0, level(-2.6), level(2.6), level(-1.5), level(long), window, 0.4)
    piece = Piece.of(strip, fabric, 0.9)
    if thread:
        for t in (-0.45, 0.45):
            piece.stitch([strip.at(t, -1), strip.at(t, long - 0.5)], thread, width=0.45)
    if fade:
        piece.fade = np.full_like(piece.height, fade)
    picture.lay(piece, 0.35, 1.2)


def cord(picture: Picture, at: Point, colour: Colour, length: float, swing: float) -> None:
    """One end of a drawstring, out of its eyelet."""
    bends = through((0, 0), (0.4 * length, 0.6 * swing), (length, swing))
    window = Window.around([at, (at[0] + swing, at[1] + length)], 8)
    tube = Tube(at, 0, lambda d: bends(d) - 1.3, lambda d: bends(d) + 1.3, level(0), level(length), window, 1.0)
    piece = Piece.of(tube, Fabric(colour), 0.6)
    piece.raise_by(0.25 * np.sin(piece.v * 3))
    picture.lay(piece, 0.45, 1.3)
    picture.button(at, 2.0, "#b9b6ae", False)
