"""The drawing that stands in a shop's shelves for an item without a picture: plainly no picture of it."""

from __future__ import annotations

from PIL import Image, ImageDraw

from fitting.garment import Category

SIZE = (480, 640)
PAPER, LINE = (245, 243, 238), (150, 146, 136)
_SHAPES: dict[Category, tuple[tuple[float, float], ...]] = {  # the right half of an outline: x from the middle, y down
    Category.UPPER: (
        (0.07, 0.24), (0.16, 0.25), (0.31, 0.36), (0.25, 0.46), (0.18, 0.42), (0.18, 0.76), (0.0, 0.76),
    ),
    Category.LOWER: ((0.15, 0.22), (0.21, 0.82), (0.05, 0.82), (0.0, 0.42)),
    Category.DRESS: (
        (0.06, 0.18), (0.13, 0.18), (0.15, 0.32), (0.11, 0.44), (0.24, 0.82), (0.0, 0.84),
    ),
    Category.OUTER: (
        (0.07, 0.2), (0.17, 0.22), (0.29, 0.66), (0.21, 0.69), (0.17, 0.48), (0.18, 0.8), (0.0, 0.8),
    ),
}  # fmt: skip
DASH, GAP = 14, 10  # pixels


def placeholder(category: Category) -> Image.Image:
    """A dashed outline of a garment of a category, on a hanger: (640, 480) RGB."""
    width, height = SIZE
    picture = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(picture)
    right = [(width * (0.5 + x), height * y) for x, y in _SHAPES[category]]
    left = [(width - x, y) for x, y in reversed(right)]
    outline = [*right, *left]
    for start, end in zip(outline, [*outline[1:], outline[0]], strict=True):
        _dashed(draw, start, end)
    top = min(y for _, y in outline)
    draw.line([(width * 0.5, top - 18), (width * 0.5, top - 36)], LINE, 4)
    draw.arc((width * 0.5 - 12, top - 62, width * 0.5 + 12, top - 36), 150, 90, LINE, 4)
    return picture


def _dashed(draw: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float]) -> None:
    across, down = end[0] - start[0], end[1] - start[1]
    length = max((across**2 + down**2) ** 0.5, 1.0)
    at = 0.0
    while at < length:
        until = min(at + DASH, length)
        points = [(start[0] + across * share / length, start[1] + down * share / length) for share in (at, until)]
        draw.line(points, LINE, 4)
        at += DASH + GAP
