"""How good a try-on looks: numbers against rendered truth, and a sheet of real photos to look at.

The held-out synthetic sets show the same person in the same pose in garments A and B, so that person A in
garment B has a true answer. Every row is measured in one and the same region, the edit region of the true
labels, so that no row gains by touching less.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from fitting.errors import FittingError
from fitting.evaluation.measures import difference, psnr, ssim
from fitting.frame import Frame
from fitting.garment import Category, Garment
from fitting.images import to_image, to_pixels, to_tensor, to_unit
from fitting.person import Person
from fitting.room import FittingRoom, TryOn
from fitting.scene import dress
from fitting.training.labels import LabelledPerson, synthetic_people

LUMA_LOWER = ("mp", "msh", "wp", "wsh")  # products that show legs only
SHOWN = 12  # people of each kind on the sheet
CELL = (384, 288)  # rows, columns of one picture on the sheet
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


@torch.no_grad()
def evaluate(data: Path, room: FittingRoom) -> dict[str, Any]:
    """Measure on every held-out synthetic set, both ways (A in B, B in A).

    Rows: `identity copy` leaves the photo as it is; `pasted` puts the product picture's cut-out into the old
    garment's box; `geometric` is the whole product; `geometric, true labels` is told parsing and keypoints.

    Returns:
        number of pairs, refusals, and per row SSIM, L1 and PSNR inside the edit region and of the whole photo.
    """
    people = {person.name: person for person in synthetic_people(data, "heldout")}
    rows: dict[str, list[dict[str, float]]] = {}
    refused = []
    for name, person in people.items():
        other = name[:-1] + ("B" if name.endswith("A") else "A")
        folder = data / "synthetic" / name[:-2]
        picture = Image.open(folder / f"cloth_{other[-1]}.jpg").convert("RGB")
        known = as_person(person)
        region = known.frame.place(dress(known, Category.UPPER).edit_region[None], *known.photo.shape[-2:])[0] > 0
        truth = to_unit(to_tensor(Image.fromarray(people[other].image)))
        try:
            garment = room.understand_garment(picture, Category.UPPER)
            results = {
                "identity copy": to_unit(known.photo),
                "pasted": _pasted(person, garment),
                "geometric": _unit(room.try_on(Image.fromarray(person.image), garment)),
                "geometric, true labels": _unit(room.try_on(known, garment)),
            }
        except FittingError as error:
            refused.append({"pair": f"{name} in {other}", "reason": str(error)})
            continue
        for row, result in results.items():
            rows.setdefault(row, []).append(_measured(result, truth, region))
    means = {
        row: {key: round(_mean([one[key] for one in found]), 4) for key in found[0]} for row, found in rows.items()
    }
    return {"pairs": len(next(iter(rows.values()), [])), "refused": refused, "rows": means}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _unit(result: TryOn) -> Tensor:
    return to_unit(to_tensor(result.picture))


def _measured(result: Tensor, truth: Tensor, region: Tensor) -> dict[str, float]:
    everywhere = torch.ones_like(region)
    return {
        "ssim_inside": ssim(result, truth, region),
        "l1_inside": difference(result, truth, region),
        "psnr_inside": psnr(result, truth, region),
        "ssim": ssim(result, truth, everywhere),
        "l1": difference(result, truth, everywhere),
        "psnr": psnr(result, truth, everywhere),
    }


def as_person(known: LabelledPerson) -> Person:
    """A person understood without a network: labels as the maps that PersonNet would give."""
    photo = to_tensor(Image.fromarray(known.image))
    frame = Frame.whole(*photo.shape[-2:])
    parts = torch.stack([torch.from_numpy((known.allowed & (1 << part)) > 0).float() for part in range(11)])
    matte = torch.from_numpy(known.matte).float()[None] / 255
    points = frame.to_grid(torch.from_numpy(known.keypoints).float())
    seen = torch.from_numpy(known.visible != 0).float()
    return Person(
        photo,
        frame,
        frame.cut(to_unit(photo)),
        frame.cut(parts, fill=0.0).argmax(0),
        torch.cat([points, seen[:, None]], 1),
        frame.cut(matte, fill=0.0)[0],
    )


def _pasted(person: LabelledPerson, garment: Garment) -> Tensor:
    """The naive answer: the cut-out in the old garment's box."""
    photo = to_unit(to_tensor(Image.fromarray(person.image)))
    worn = torch.from_numpy((person.allowed & (1 << 6)) > 0)
    rows, columns = worn.any(1).nonzero().flatten(), worn.any(0).nonzero().flatten()
    top, left = int(rows[0]), int(columns[0])
    size = (int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left)
    box = torch.cat([garment.image, garment.mask[None]])
    inside = (garment.mask > 0.5).nonzero()
    low, high = inside.amin(0), inside.amax(0) + 1
    small = torch.nn.functional.interpolate(
        box[None, :, low[0] : high[0], low[1] : high[1]], size=size, mode="bilinear", antialias=True
    )[0]
    place = (slice(None), slice(top, top + size[0]), slice(left, left + size[1]))
    photo[place] = torch.lerp(photo[place], small[:3], small[3:])
    return photo


@dataclass(frozen=True)
class Cell:
    """One try-on on the sheet."""

    photo: Path
    garment: Path
    category: Category | None


@torch.no_grad()
def sheet(data: Path, room: FittingRoom) -> Image.Image:
    """People of Luma's and CCP's held-out photos in held-out garments: photo, garment, result, warped.

    What was refused shows the reason instead.
    """
    cells = [*_cells(data, luma_photos(data), WAIST_UP, 0), *_cells(data, ccp_photos(data), WHOLE, 1)]
    return _tiled([_drawn(room, cell) for cell in cells], 3)


def _cells(data: Path, photos: list[Path], labels: tuple[str | None, ...], turn: int) -> Iterator[Cell]:
    supply = {label: iter(_garments(data, label)[turn::2]) for label in set(labels)}
    for photo, label in zip(photos, labels, strict=False):
        yield Cell(photo, next(supply[label]), CATEGORIES.get(label, Category.UPPER) if label else None)


def luma_photos(data: Path) -> list[Path]:
    """One photo of each held-out product worn on the upper body."""
    found: dict[str, Path] = {}
    with (data / "luma" / "index.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["split"] == "heldout" and not row["product"].startswith(LUMA_LOWER):
                found.setdefault(row["product"], data / row["path"])
    return list(found.values())[:SHOWN]


def ccp_photos(data: Path) -> list[Path]:
    """Test photos, spread over the split."""
    ids = json.loads((data / "ccp" / "splits.json").read_text())["test"]
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
        cut = to_image(to_pixels(garment.image * garment.mask + 0.93 * (1 - garment.mask)))
        laid = Image.new("RGB", photo.size, (237, 237, 237))
        laid.paste(result.warped, (0, 0), result.warped)
        strip = [photo, cut, result.picture, laid]
    except FittingError as error:
        strip += [_words(str(error), photo.size)]
    return _row(strip)


def _words(text: str, size: tuple[int, int]) -> Image.Image:
    image = Image.new("RGB", size, "white")
    words, lines = text.split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 34:
            lines.append("")
        lines[-1] += word + " "
    ImageDraw.Draw(image).multiline_text((8, 8), "\n".join(lines), fill="black")
    return image


def _row(pictures: list[Image.Image]) -> Image.Image:
    strip = Image.new("RGB", (4 * CELL[1], CELL[0]), "white")
    for index, picture in enumerate(pictures):
        small = picture.copy()
        small.thumbnail((CELL[1], CELL[0]), Image.Resampling.LANCZOS)
        strip.paste(small, (index * CELL[1] + (CELL[1] - small.width) // 2, (CELL[0] - small.height) // 2))
    return strip


def _tiled(strips: list[Image.Image], columns: int) -> Image.Image:
    width, height = 4 * CELL[1], CELL[0]
    rows = -(-len(strips) // columns)
    page = Image.new("RGB", (columns * width, max(rows, 1) * height), "white")
    for index, strip in enumerate(strips):
        page.paste(strip, (index % columns * width, index // columns * height))
    return page
