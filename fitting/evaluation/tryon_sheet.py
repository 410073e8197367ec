"""A sheet of try-ons to look at: the worst ten and fourteen others, each photo | garment | rows | truth."""

from __future__ import annotations

import zlib
from heapq import heappush, heappushpop

from PIL import Image, ImageDraw
from torch import Tensor

from fitting.drawing import beside
from fitting.evaluation.tryon_cases import Case
from fitting.garment import Garment
from fitting.images import to_image, to_pixels

CELL = (384, 288)  # rows, columns of one picture
WORST, OTHERS = 10, 14
ROWS = ("geometric", "gan")  # drawn where they were measured
SEED = 47


class Gallery:
    """Keeps the worst cases, and others by chance, while a set is measured; both are of bounded number."""

    def __init__(self) -> None:
        self._worst: list[tuple[float, str, Image.Image]] = []
        self._others: list[tuple[float, str, Image.Image]] = []

    def offer(self, case: Case, pictures: dict[str, Tensor], distance: dict[str, float]) -> None:
        """Show a case, if it is among the worst, or chosen.

        Args:
            case: with its truth.
            pictures: row -> (3, H, W) uint8.
            distance: row -> perceptual distance inside the region; the last row drawn decides.
        """
        judged = [row for row in ROWS if row in distance][-1]
        # A number drawn from the name: the same cases are chosen however many there are before them.
        chance = zlib.crc32(f"{SEED} {case.name}".encode()) / 2**32
        strip: Image.Image | None = None
        for kept, value, most in ((self._worst, distance[judged], WORST), (self._others, chance, WORST + OTHERS)):
            if len(kept) == most and kept[0][0] >= value:
                continue
            strip = strip or drawn(case, pictures, f"{case.name}   {judged} {distance[judged]:.3f}")
            entry = (value, case.name, strip)
            heappush(kept, entry) if len(kept) < most else heappushpop(kept, entry)

    def sheet(self) -> Image.Image:
        """The worst first, then the others; two cases to a row."""
        worst = sorted(self._worst, key=lambda entry: -entry[0])
        shown = {name for _, name, _ in worst}
        others = [entry for entry in sorted(self._others, key=lambda e: -e[0]) if entry[1] not in shown][:OTHERS]
        strips = [strip for _, _, strip in (*worst, *others)]
        return beside(strips, strips[0].height, 2) if strips else Image.new("RGB", CELL[::-1], "white")


def drawn(case: Case, pictures: dict[str, Tensor], text: str) -> Image.Image:
    """One case as a strip."""
    shown = [to_image(case.person.photo), on_grey(case.garment)]
    shown += [to_image(pictures[row]) for row in ROWS if row in pictures]
    if case.truth is not None:
        shown.append(to_image(case.truth))
    strip = strip_of(shown)
    page = Image.new("RGB", (strip.width, strip.height + 16), "white")
    page.paste(strip, (0, 16))
    ImageDraw.Draw(page).text((4, 2), text, fill="black")
    return page


def on_grey(garment: Garment) -> Image.Image:
    """A cut-out without what it was photographed on."""
    return to_image(to_pixels(garment.image * garment.mask + 0.93 * (1 - garment.mask)))


def strip_of(pictures: list[Image.Image], columns: int | None = None) -> Image.Image:
    """Pictures beside each other, each fitted into a cell."""
    strip = Image.new("RGB", ((columns or len(pictures)) * CELL[1], CELL[0]), "white")
    for index, picture in enumerate(pictures):
        small = picture.copy()
        small.thumbnail((CELL[1], CELL[0]), Image.Resampling.LANCZOS)
        strip.paste(small, (index * CELL[1] + (CELL[1] - small.width) // 2, (CELL[0] - small.height) // 2))
    return strip
