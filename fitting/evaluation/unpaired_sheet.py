"""A sheet of held-out people in garments that nobody photographed on them: what a visitor would get."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import torch
from PIL import Image, ImageDraw

from fitting.drawing import beside
from fitting.errors import FittingError
from fitting.evaluation.tryon_cases import luma_products
from fitting.evaluation.tryon_sheet import on_grey, strip_of
from fitting.garment import Category
from fitting.room import FittingRoom
from fitting.training.labels import LUMA_LOWER, ccp_split

SHOWN = 12  # people of each kind on the sheet
# Labels of the CC0 garments, in the order in which people on the sheet wear them; None: from the catalogue.
WAIST_UP = (
    "T-Shirt",
    "Longsleeve",
    None,
    "Polo",
    "Undershirt",
    "Outwear",
    None,
    "Shirt",
    "Hoodie",
    "Dress",
    None,
    "T-Shirt",
)
WHOLE = ("Pants", "T-Shirt", "Dress", "Skirt", None, "Longsleeve", "Shorts", "Outwear", "Dress", None, "Pants", "Shirt")
CATEGORIES = {
    "Dress": Category.DRESS,
    "Pants": Category.LOWER,
    "Shorts": Category.LOWER,
    "Skirt": Category.LOWER,
    "Outwear": Category.OUTER,
    "Blazer": Category.OUTER,
}

# What is known to be hard, an example of each, chosen by eye among held-out pictures before anything was measured:
# the person's photo in Luma, and how the garment's file name begins.
HARD = {
    "long sleeves to short": ("wj09-green", "ea7b6656"),
    "short sleeves to long": ("ws10-red", "5720381c"),
    "dark to light": ("wh12-gray", "980bcf05"),
    "striped to plain": ("wt04-blue", "76cea708"),
    "tight to loose": ("wt06-red", "10529e10"),
    "arms crossing the torso": ("mh09-red", "c395de85"),
    "long hair over the shoulders": ("wt04-purple", "09cd8fdf"),
    "hand on hip": ("wt09-white", "4acdd295"),
}


@dataclass(frozen=True)
class Cell:
    """One try-on on the sheet."""

    photo: Path
    garment: Path
    category: Category | None


@torch.no_grad()
def sheet(data: Path, room: FittingRoom) -> Image.Image:
    """The hard cases, then people of Luma's and CCP's held-out photos in held-out garments.

    Each: photo, garment, result, warped. What was refused shows the reason instead.
    """
    usual = [*_cells(data, luma_photos(data), WAIST_UP, 0), *_cells(data, ccp_photos(data), WHOLE, 1)]
    cells = [*hard_cases(data), *usual]
    strips = [_drawn(room, cell) for cell in cells]
    return beside(strips, strips[0].height, 3)


def hard_cases(data: Path) -> Iterator[Cell]:
    """`HARD`, where the pictures are there."""
    with (data / "luma" / "index.tsv").open() as file:
        photos = {Path(row["path"]).stem: data / row["path"] for row in csv.DictReader(file, delimiter="\t")}
    for photo, beginning in HARD.values():
        found = sorted((data / "garments_cc0" / "images").glob(f"{beginning}*"))
        if photo in photos and found:
            yield Cell(photos[photo], found[0], Category.UPPER)


def _cells(data: Path, photos: list[Path], labels: tuple[str | None, ...], turn: int) -> Iterator[Cell]:
    supply = {label: cycle(_garments(data, label)[turn::2]) for label in set(labels)}
    for photo, label in zip(photos, labels, strict=False):
        garment = next(supply[label], None)
        if garment is not None:
            yield Cell(photo, garment, CATEGORIES.get(label, Category.UPPER) if label else None)


def luma_photos(data: Path) -> list[Path]:
    """One photo of each held-out product worn on the upper body."""
    products = luma_products(data).items()
    return [photos[0] for product, photos in products if not product.startswith(LUMA_LOWER)][:SHOWN]


def ccp_photos(data: Path) -> list[Path]:
    """Test photos, spread over the split."""
    ids = ccp_split(data, "test")
    return [data / "ccp" / "photos" / f"{id_}.jpg" for id_ in ids[:: max(len(ids) // SHOWN, 1)]][:SHOWN]


def _garments(data: Path, label: str | None) -> list[Path]:
    """Held-out garments of grown-ups with a label, spread over those there are; None takes the catalogue's."""
    if label is None:
        folder = Path(__file__).resolve().parents[2] / "assets" / "garments"
        pictures = sorted(folder.glob("*.jpg"))
        return pictures[:: max(len(pictures) // 7, 1)]
    with (data / "garments_cc0" / "index.tsv").open() as file:
        rows = [
            row
            for row in csv.DictReader(file, delimiter="\t")
            if row["split"] == "heldout" and row["kids"] == "False" and row["label"] == label
        ]
    return [data / "garments_cc0" / row["path"] for row in rows[:: max(len(rows) // 7, 1)]]


def _drawn(room: FittingRoom, cell: Cell) -> Image.Image:
    photo = Image.open(cell.photo).convert("RGB")
    strip = [photo, Image.open(cell.garment).convert("RGB")]
    try:
        garment = room.understand_garment(cell.garment, cell.category)
        result = room.try_on(cell.photo, garment)
        laid = Image.new("RGB", photo.size, (237, 237, 237))
        laid.paste(result.warped, (0, 0), result.warped)
        strip = [photo, on_grey(garment), result.picture, laid]
    except FittingError as error:
        strip += [_words(str(error), photo.size)]
    return strip_of(strip, 4)


def _words(text: str, size: tuple[int, int]) -> Image.Image:
    image = Image.new("RGB", size, "white")
    words, lines = text.split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 34:
            lines.append("")
        lines[-1] += word + " "
    ImageDraw.Draw(image).multiline_text((8, 8), "\n".join(lines), fill="black")
    return image
