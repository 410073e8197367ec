"""Where cloth is: windows of samples, and tubes of cloth (a leg, a sleeve, a skirt, a body)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter

WIDTH, HEIGHT = 384, 512
OVER = 3  # samples a pixel, each way
Field = NDArray[Any]  # of floats
Mask = NDArray[np.bool_]
Point = tuple[float, float]
Curve = Callable[[Field], Field]


def resized(values: Field, width: int, height: int) -> Field:
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


def soft(values: Field, sigma: float) -> Field:
    """Blurred by a Gaussian of sigma pixels; wide ones are blurred at fewer samples."""
    samples = sigma * OVER
    height, width = values.shape
    step = int(max(1, min(12, samples // 2, width // 4, height // 4)))
    if step == 1:
        return gaussian_filter(values, samples, truncate=3, output=np.float32)
    small = gaussian_filter(resized(values, width // step, height // step), samples / step, truncate=3)
    return resized(small, width, height)


def smooth(low: float, high: float, values: Field) -> Field:
    """0 below `low`, 1 above `high`, an S between."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def through(*points: Point, sharp: bool = False) -> Curve:
    """The curve through points (place, value), flat beyond its ends; straight between them if `sharp`."""
    places, values = np.array(points, float).T
    dense = np.linspace(places[0], places[-1], 600)
    table = np.interp(dense, places, values) if sharp else PchipInterpolator(places, values)(dense)
    return lambda at: np.interp(at, dense, table).astype(np.float32)


def arc(edge: float, middle: float, reach: float, power: float = 2.0) -> Curve:
    """`middle` at 0 and `edge` at +-reach, bent like a hem on a rounded body."""
    return lambda at: (middle + (edge - middle) * np.abs(at / reach) ** power).astype(np.float32)


@dataclass(frozen=True)
class Window:
    """A part of the picture, in its pixels, and the samples in it."""

    left: int = 0
    top: int = 0
    right: int = WIDTH
    bottom: int = HEIGHT

    @classmethod
    def around(cls, points: Sequence[Point], margin: float, within: Window | None = None) -> Window:
        """The smallest that holds all points and a margin around them."""
        within = within or cls()
        low, high = np.min(points, 0) - margin, np.max(points, 0) + margin
        left, top = (
            int(np.clip(np.floor(low[axis]), (within.left, within.top)[axis], (within.right, within.bottom)[axis] - 1))
            for axis in (0, 1)
        )
        right, bottom = (
            int(np.clip(np.ceil(high[axis]), (left, top)[axis] + 1, (within.right, within.bottom)[axis]))
            for axis in (0, 1)
        )
        return cls(left, top, right, bottom)

    @property
    def shape(self) -> tuple[int, int]:
        return (self.bottom - self.top) * OVER, (self.right - self.left) * OVER

    @property
    def x(self) -> Field:
        """(1, W)"""
        return ((np.arange(self.shape[1], dtype=np.float32) + 0.5) / OVER + self.left)[None]

    @property
    def y(self) -> Field:
        """(H, 1)"""
        return ((np.arange(self.shape[0], dtype=np.float32) + 0.5) / OVER + self.top)[:, None]

    def slices(self, within: Window) -> tuple[slice, slice]:
        """Of an array over `within`, the part that is this window."""
        top, left = (self.top - within.top) * OVER, (self.left - within.left) * OVER
        return slice(top, top + self.shape[0]), slice(left, left + self.shape[1])

    def noise(self, random: np.random.Generator, across: float, down: float) -> Field:
        """A smooth random field, about normal, whose bumps are so many pixels wide and high."""
        height, width = self.shape
        cells = random.standard_normal((int(height / OVER / down) + 3, int(width / OVER / across) + 3), np.float32)
        return resized(cells, width, height) * 1.3


@dataclass(frozen=True)
class Tube:
    """Cloth around something long.

    Attributes:
        origin: of its own frame, in the picture.
        angle: of its axis, radians from straight down towards the right of the picture.
        left, right: edges, across at each place down the axis, both in its own frame.
        top, bottom: ends, down the axis at each place across.
        window: of the picture in which it is.
        depth: how round it is: half its thickness in half widths.
    """

    origin: Point
    angle: float
    left: Curve
    right: Curve
    top: Curve
    bottom: Curve
    window: Window
    depth: float = 0.5
    _cache: dict[str, Field] = field(default_factory=dict, repr=False, compare=False)

    def _once(self, name: str, make: Callable[[], Field]) -> Field:
        if name not in self._cache:
            self._cache[name] = make().astype(np.float32)
        return self._cache[name]

    @property
    def across(self) -> Field:
        """Across the axis, in its own frame, of every sample."""
        x, y = self.window.x - self.origin[0], self.window.y - self.origin[1]
        return self._once("across", lambda: x * np.cos(self.angle) - y * np.sin(self.angle))

    @property
    def down(self) -> Field:
        """Down the axis, in its own frame, of every sample."""
        x, y = self.window.x - self.origin[0], self.window.y - self.origin[1]
        return self._once("down", lambda: x * np.sin(self.angle) + y * np.cos(self.angle))

    @property
    def half(self) -> Field:
        """Half of the width at every sample."""
        return self._once("half", lambda: np.maximum((self.right(self.down) - self.left(self.down)) / 2, 0.5))

    @property
    def t(self) -> Field:
        """-1 at the left edge, 1 at the right one."""
        return self._once("t", lambda: (self.across - self.left(self.down)) / self.half - 1)

    def mask(self) -> Mask:
        ends = (self.down >= self.top(self.across)) & (self.down <= self.bottom(self.across))
        return (np.abs(self.t) <= 1) & ends

    def bulge(self) -> Field:
        """Height of the rounded tube."""
        return self.depth * self.half * np.sqrt(1 - np.clip(0.965 * self.t, -0.965, 0.965) ** 2)

    def cloth(self) -> tuple[Field, Field]:
        """Coordinates on the cloth in pixels, from the axis and from the frame's origin down."""
        return np.arcsin(0.93 * np.clip(self.t, -1, 1)) / 1.05 * self.half, self.down

    def at(self, t: float, down: float) -> Point:
        """A place on it, in the picture."""
        place = np.array(down, np.float32)
        left, right = float(self.left(place)), float(self.right(place))
        return self.picture((left + right) / 2 + t * (right - left) / 2, down)

    def picture(self, across: float, down: float) -> Point:
        """From its own frame to the picture."""
        sine, cosine = np.sin(self.angle), np.cos(self.angle)
        return self.origin[0] + across * cosine + down * sine, self.origin[1] - across * sine + down * cosine

    def line(self, *places: Point, count: int = 40) -> list[Point]:
        """The smooth line through places (t, down), in the picture."""
        where, steps = np.linspace(0, 1, len(places)), np.linspace(0, 1, count)
        return [self.at(t, down) for t, down in PchipInterpolator(where, np.array(places, float))(steps)]

    def along(self, end: Curve, shift: float, reach: float = 1.0, count: int = 50) -> list[Point]:
        """The line beside an end (`top` or `bottom`), `shift` further down, so far from the middle to the edges."""
        found = []
        for t in np.linspace(-reach, reach, count):
            down = float(end(np.float32(0)))
            for _ in range(3):  # the edges themselves depend on how far down it is
                left, right = float(self.left(np.float32(down))), float(self.right(np.float32(down)))
                across = (left + right) / 2 + t * (right - left) / 2
                down = float(end(np.float32(across))) + shift
            found.append(self.picture(across, down))
        return found


def level(value: float) -> Curve:
    """The same everywhere."""
    return lambda at: np.full_like(at, value)
