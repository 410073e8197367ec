"""Draws the sample shop's trousers, skirts, dresses and jackets.

    python scripts/sample_garments.py            # all of them, into assets/garments/
    python scripts/sample_garments.py --check    # says whether those that are there are what this script draws
    python scripts/sample_garments.py ID...      # these alone

No photo and no model is behind them: `scripts/drawn/` lays tubes of cloth in a picture, gives them folds where real
ones have them (at the crotch, knees, waist, armpits, under gathers), weaves, prints, seams and stitches, lights that
height field with one large lamp, and photographs it. Every garment has its own random numbers, from its id: the same
id is the same picture.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))

from drawn.wardrobe import GARMENTS

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "garments"
BACKGROUNDS = (255, 247, 237)  # those of the rendered tops
QUALITY = 90
ALIKE = 3.0  # of 255, mean difference; JPEG alone makes up to 2 of it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a picture differs")
    parser.add_argument("ids", nargs="*", metavar="ID", help="draw these alone")
    options = parser.parse_args()
    for garment in options.ids or GARMENTS:
        picture, path = draw(garment), FOLDER / f"{garment}.jpg"
        if not options.check:
            picture.save(path, "JPEG", quality=QUALITY)
        elif difference(picture, path) > ALIKE:
            sys.exit(f"{path.name} is not what this script draws")


def draw(garment: str) -> Image.Image:
    """The garment with this id: 384x512, RGB."""
    seed = zlib.crc32(garment.encode())
    return GARMENTS[garment].draw(np.random.default_rng(seed), BACKGROUNDS[seed % len(BACKGROUNDS)])


def difference(picture: Image.Image, path: Path) -> float:
    """Mean difference of a picture from a file, of 255."""
    with Image.open(path) as image:
        return float(np.abs(np.asarray(image, float) - np.asarray(picture, float)).mean())


if __name__ == "__main__":
    main()
