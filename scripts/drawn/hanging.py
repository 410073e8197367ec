"""Cloth that hangs from a waist: flutes and pleats."""

from __future__ import annotations

import numpy as np

from drawn.shapes import Curve, Field


class Flutes:
    """Soft vertical folds that deepen towards the hem, which they move up and down.

    Args:
        count: how many, about, from side to side.
        rise: their height at the hem, in pixels.
    """

    def __init__(self, random: np.random.Generator, count: float, rise: float) -> None:
        self.rise = rise
        self.waves = [
            (count * rate, random.uniform(0, 6.28), share) for rate, share in ((1, 0.6), (1.73, 0.4), (0.57, 0.5))
        ]

    def _wave(self, t: Field) -> Field:
        turn = np.arcsin(np.clip(0.97 * t, -0.97, 0.97))
        waves = [share * np.cos(rate * turn * 2 + shift) for rate, shift, share in self.waves]
        return np.sum(waves, axis=0)

    def height(self, t: Field, share: Field) -> Field:
        """At t across and a share of the way from waist to hem."""
        wave = self._wave(t)
        return self.rise * np.clip(share, 0, 1) ** 1.25 * (wave + 0.25 * wave**2)

    def hem(self, bottom: Curve, half: float, move: float = 0.75) -> Curve:
        """The hem, with its waves."""
        return lambda x: (bottom(x) + move * self.rise * self._wave(x / half)).astype(np.float32)


class Pleats:
    """Knife pleats: each rises to an edge and drops sharply."""

    def __init__(self, count: float, rise: float, shift: float = 0.3) -> None:
        self.count, self.rise, self.shift = count, rise, shift

    def phase(self, t: Field) -> Field:
        """In [0, 1) from one edge to the next."""
        # Part of the way between equal on the body and equal in the picture.
        place = 0.6 * np.arcsin(np.clip(0.97 * t, -0.97, 0.97)) / 1.33 + 0.4 * t
        return (place * self.count / 2 + self.shift) % 1

    def height(self, t: Field, share: Field) -> Field:
        phase = self.phase(t)
        made = np.where(phase < 0.9, phase / 0.9, (1 - phase) / 0.1)
        return self.rise * (0.35 + 0.65 * np.clip(share, 0, 1)) * made

    def shade(self, t: Field, share: Field) -> Field:
        """How much light is left beside an edge, where the next pleat lies deeper."""
        return 1 - (0.18 + 0.22 * np.clip(share, 0, 1)) * np.exp(-self.phase(t) / 0.13)

    def hem(self, bottom: Curve, half: float, move: float = 0.9) -> Curve:
        return lambda x: (bottom(x) + move * self.rise * (self.phase(x / half) - 0.5)).astype(np.float32)
