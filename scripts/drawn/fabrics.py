"""What cloth is made of: colour, weave and print, at coordinates on the cloth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drawn.shapes import Field, Window

Colour = str  # "#rrggbb"


@dataclass(frozen=True)
class Print:
    """A pattern. `kind` is one of stripes, bands, gingham, tartan, windowpane, dots, floral; sizes in pixels."""

    kind: str
    colours: tuple[Colour, ...]
    size: float
    share: float = 0.5


@dataclass(frozen=True)
class Fabric:
    """`weave` is one of plain, twill, denim, linen, knit, rib, cord, fleece, tweed."""

    colour: Colour
    weave: str = "plain"
    print: Print | None = None


def linear(colour: Colour) -> NDArray[np.float32]:
    """(3,) amounts of light of a colour as it is written."""
    channels = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return (channels**2.2).astype(np.float32)


def albedo(fabric: Fabric, u: Field, v: Field, window: Window, random: np.random.Generator) -> Field:
    """(H, W, 3) how much light the cloth gives back at coordinates u, v on it."""
    found = np.array(np.broadcast_to(linear(fabric.colour), (*u.shape, 3)))
    if fabric.print is not None:
        for colour, amount in _printed(fabric.print, u, v):
            found += amount[..., None] * (linear(colour) - found)
    return found * _woven(fabric.weave, u, v, window, random)[..., None]


def _woven(weave: str, u: Field, v: Field, window: Window, random: np.random.Generator) -> Field:
    """How much lighter or darker threads are than the cloth's colour."""
    grain = random.standard_normal(u.shape, np.float32)
    large = window.noise(random, 30, 30)
    made = 1 + 0.012 * large
    if weave == "twill":
        return made + 0.035 * np.sin((u + v) * 3.1) + 0.03 * grain
    if weave == "denim":
        slubs = window.noise(random, 1.1, 14) + 0.6 * window.noise(random, 1.6, 4)
        return made * (1 + 0.05 * slubs + 0.06 * np.sin((u - v) * 2.9) + 0.09 * grain + 0.03 * large)
    if weave == "linen":
        return made + 0.03 * window.noise(random, 1.0, 16) + 0.03 * window.noise(random, 16, 1.0) + 0.03 * grain
    if weave in ("knit", "rib", "cord"):
        return made + 0.05 * grain
    if weave == "fleece":
        return made + 0.035 * window.noise(random, 1.2, 1.2) + 0.05 * grain
    if weave == "tweed":
        flecks = window.noise(random, 1.2, 1.2)
        return made + 0.16 * np.sin((u + np.abs(v % 9 - 4.5) * 1.0) * 2.1) * 0.5 + 0.13 * flecks
    return made + 0.02 * np.sin(u * 3.5) * np.sin(v * 3.5) + 0.035 * grain


def relief(weave: str, u: Field, v: Field) -> Field:
    """Height of the threads themselves, where they are large enough to be seen."""
    if weave == "rib":
        return 0.28 * np.sin(u * 2 * np.pi / 3.4)
    if weave == "cord":
        return 0.34 * np.sqrt(np.abs(np.sin(u * np.pi / 3.6)))
    if weave == "knit":
        return (
            0.17
            * np.cos(u * 2 * np.pi / 3.6)
            * (1 + 0.6 * np.sin((v * 2 + np.abs(u % 3.6 - 1.8) * 2) * 2 * np.pi / 5.2))
        )
    return np.zeros_like(u)


def _printed(pattern: Print, u: Field, v: Field) -> list[tuple[Colour, Field]]:
    """Colours to lay over the ground, each with how much of it."""
    size, share = pattern.size, pattern.share

    def on(along: Field, period: float, width: float, shift: float = 0.0) -> Field:
        return (((along + shift) % period) < width).astype(np.float32)

    one, *others = pattern.colours
    if pattern.kind == "stripes":
        return [(one, on(u, size, size * share, size * share / 2))]
    if pattern.kind == "bands":
        return [(one, on(v, size, size * share))]
    if pattern.kind == "gingham":
        return [(one, 0.45 * on(u, size, size / 2, size / 4)), (one, 0.45 * on(v, size, size / 2))]
    if pattern.kind == "windowpane":
        return [(one, np.maximum(on(u, size, size * share, size * share / 2), on(v, size, size * share)))]
    if pattern.kind == "tartan":
        two = others[0]
        wide, thin = size * 0.42, size * 0.06
        return [
            (one, 0.5 * on(u, size, wide, wide / 2)),
            (one, 0.5 * on(v, size, wide)),
            (two, 0.7 * np.maximum(on(u, size, thin, -size * 0.3), on(v, size, thin, -size * 0.5))),
        ]
    if pattern.kind == "dots":
        row = np.floor(v / size)
        du = (u + (row % 2) * size / 2) % size - size / 2
        return [(one, (np.hypot(du, v % size - size / 2) < size * share / 2).astype(np.float32))]
    if pattern.kind == "floral":
        return _flowers(pattern, u, v)
    raise ValueError(f"no print of the kind {pattern.kind!r}")


def _flowers(pattern: Print, u: Field, v: Field) -> list[tuple[Colour, Field]]:
    """Five petals and an eye in every cell, each turned, moved and sized its own way, with leaves beside."""
    petal, eye, leaf = pattern.colours
    size = pattern.size
    petals, eyes, leaves = np.zeros_like(u), np.zeros_like(u), np.zeros_like(u)
    column, row = np.floor(u / size), np.floor(v / size)
    for right in (-1, 0, 1):
        for down in (-1, 0, 1):
            cell_u, cell_v = column + right, row + down
            moved_u, moved_v, turn, grow = (_hashed(cell_u, cell_v, salt) for salt in range(4))
            du = u - (cell_u + 0.2 + 0.6 * moved_u) * size
            dv = v - (cell_v + 0.2 + 0.6 * moved_v) * size
            radius, angle = np.hypot(du, dv), np.arctan2(dv, du) + turn * 6.28
            reach = size * pattern.share * (0.55 + 0.6 * grow)
            petals = np.maximum(petals, radius < reach * (0.55 + 0.45 * np.abs(np.cos(2.5 * angle))))
            eyes = np.maximum(eyes, radius < reach * 0.26)
            aside, ahead = radius * np.sin(angle), radius * np.cos(angle)
            blade = np.abs(aside) < 0.22 * reach * np.sin(np.clip((ahead - 0.7 * reach) / (1.1 * reach), 0, 1) * np.pi)
            leaves = np.maximum(leaves, blade)
    return [(leaf, leaves.astype(np.float32)), (petal, petals.astype(np.float32)), (eye, eyes.astype(np.float32))]


def _hashed(column: Field, row: Field, salt: int) -> Field:
    """A number in [0, 1) for every cell, the same for the same cell."""
    value = np.sin(column * 127.1 + row * 311.7 + salt * 74.7) * 43758.5453
    return (value - np.floor(value)).astype(np.float32)
