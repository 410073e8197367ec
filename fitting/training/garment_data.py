"""Pictures that GarmentNet learns from, decoded once into memory-mapped tables of uint8.

Only training rows go in: nothing marked `heldout`, `val` or `test` is ever read here.
"""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from fitting.garment import Kind

log = logging.getLogger(__name__)

SIDE = 256  # of pictures in the tables
PATCH = 128  # of floors and scenes

# Labels of the clothing-dataset. A hoodie is pulled over the head or zipped: it goes with sweaters.
KIND_OF_LABEL = {"Dress": Kind.DRESS, "Blazer": Kind.OUTER, "Outwear": Kind.OUTER}
KIND_OF_LABEL |= dict.fromkeys(("Pants", "Shorts", "Skirt"), Kind.LOWER)
KIND_OF_LABEL |= dict.fromkeys(
    ("Blouse", "Hoodie", "Longsleeve", "Polo", "Shirt", "T-Shirt", "Top", "Undershirt"), Kind.UPPER
)

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class GarmentTables:
    """Everything a batch is drawn from, memory-mapped."""

    pictures: Bytes  # (N, 256, 256, 3) letterboxed by repeating the edge
    masks: Bytes  # (N, 256, 256) garment, 0 where there is no mask
    valid: NDArray[np.int32]  # (N, 4) top, left, bottom, right of the picture inside its letterbox
    boxes: NDArray[np.int32]  # (N, 4) of the garment; of the picture where there is no mask
    kinds: NDArray[np.int32]  # (N,) of `Kind`
    masked: NDArray[np.int32]  # (N,) 1: the mask can be trusted
    exact: NDArray[np.int32]  # (N,) 1: rendered, with a true mask
    people: Bytes  # (M, 256, 256, 3) people in clothes
    floors: Bytes  # (K, 128, 128, 3) what garments lay on
    scenes: Bytes  # (L, 128, 128, 3) crops of street photos, almost without clothes


def tables(data: Path, cache: Path) -> GarmentTables:
    """Open the tables in `cache`, making them from `data` the first time (about two minutes)."""
    names = [field.name for field in fields(GarmentTables)]
    if not all((cache / f"{name}.npy").exists() for name in names):
        cache.mkdir(parents=True, exist_ok=True)
        made = make_tables(data)
        for name in names:
            np.save(cache / f"{name}.npy", made[name])
    return GarmentTables(**{name: np.load(cache / f"{name}.npy", mmap_mode="r") for name in names})


def make_tables(data: Path) -> dict[str, NDArray]:
    """Decode everything. The keys are the fields of `GarmentTables`."""
    rows = [*cc0_rows(data, "train"), *synthetic_rows(data, "train")]
    made: dict[str, NDArray] = {
        "pictures": np.zeros((len(rows), SIDE, SIDE, 3), np.uint8),
        "masks": np.zeros((len(rows), SIDE, SIDE), np.uint8),
        **{name: np.zeros((len(rows), 4), np.int32) for name in ("valid", "boxes")},
        **{name: np.zeros(len(rows), np.int32) for name in ("kinds", "masked", "exact")},
    }
    floors: list[Bytes] = []
    for index, row in enumerate(rows):
        picture, mask, made["valid"][index] = letterbox(*read(row))
        top, left, bottom, right = made["valid"][index]
        inside = mask[top:bottom, left:right]
        made["pictures"][index], made["masks"][index] = picture, mask
        made["kinds"][index], made["exact"][index] = row.kind, row.exact
        made["masked"][index] = row.exact or is_clean(inside)
        found = made["masked"][index]
        made["boxes"][index] = box_of(mask) if found else made["valid"][index]
        if found and not row.exact:
            floors.extend(patches(picture[top:bottom, left:right], inside < 20))
    people, scenes = street(data)
    log.info("%d garments, %d with masks", len(rows), made["masked"].sum())
    log.info("%d people, %d floors, %d scenes", len(people), len(floors), len(scenes))
    return made | {"people": np.stack(people), "floors": np.stack(floors), "scenes": np.stack(scenes)}


@dataclass(frozen=True)
class Row:
    """One picture of a garment, with its mask where there is one."""

    picture: Path
    mask: Path | None
    kind: Kind
    exact: bool = False
    kids: bool = False


def cc0_rows(data: Path, split: str) -> list[Row]:
    """Phone photos of garments in a split."""
    folder = data / "garments_cc0"
    rows = []
    for line in read_table(folder / "index.tsv"):
        if line["split"] == split:
            mask = folder / "masks" / (Path(line["path"]).stem + ".png")
            kind = KIND_OF_LABEL[line["label"]]
            rows.append(Row(folder / line["path"], mask if mask.exists() else None, kind, kids=line["kids"] == "True"))
    return rows


def synthetic_rows(data: Path, split: str) -> list[Row]:
    """Rendered product pictures in a split; all are worn on the upper body."""
    folder = data / "synthetic"
    return [
        Row(
            folder / line["set"] / f"cloth_{x}.jpg",
            folder / line["set"] / f"cloth_mask_{x}.png",
            Kind.UPPER,
            True,
        )
        for line in read_table(folder / "index.tsv")
        if line["split"] == split
        for x in "AB"
    ]


def read_table(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t")


def read(row: Row) -> tuple[Image.Image, Image.Image | None]:
    """The picture and its mask, mask at the picture's size."""
    picture = Image.open(row.picture).convert("RGB")
    return picture, Image.open(row.mask).convert("L").resize(picture.size) if row.mask else None


def letterbox(picture: Image.Image, mask: Image.Image | None) -> tuple[Bytes, Bytes, NDArray[np.int32]]:
    """Fit into a square whose rest repeats the picture's edge; also where the picture is in it."""
    scale = SIDE / max(picture.size)
    size = (max(round(picture.width * scale), 8), max(round(picture.height * scale), 8))
    left, top = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
    pads = ((top, SIDE - size[1] - top), (left, SIDE - size[0] - left))
    pixels = np.pad(np.asarray(picture.resize(size, Image.Resampling.BILINEAR)), (*pads, (0, 0)), "edge")
    if mask is None:
        inside = np.zeros((SIDE, SIDE), np.uint8)
    else:
        inside = np.pad(np.asarray(mask.resize(size, Image.Resampling.BILINEAR)), pads, "edge")
    return pixels, inside, np.array([top, left, top + size[1], left + size[0]], np.int32)


def is_clean(mask: Bytes) -> bool:
    """Whether a teacher's mask can be believed: one solid piece, of a garment's size, and decided."""
    sure, likely = mask > 200, mask > 60
    if not 0.06 < sure.mean() < 0.92 or sure.sum() < 0.88 * likely.sum():
        return False
    pieces, _ = ndimage.label(mask > 128)
    areas = np.bincount(pieces.ravel())[1:]
    return bool(areas.max() > 0.95 * areas.sum())


def box_of(mask: Bytes) -> NDArray[np.int32]:
    """Top, left, bottom, right of what is above a half."""
    rows, columns = np.flatnonzero((mask > 127).any(1)), np.flatnonzero((mask > 127).any(0))
    return np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1], np.int32)


def patches(picture: Bytes, free: NDArray[np.bool_], least: int = 40) -> list[Bytes]:
    """The largest square of a picture that shows nothing but background, tiled by mirroring to 128x128."""
    distance = ndimage.distance_transform_cdt(np.pad(free, 1), metric="chessboard")[1:-1, 1:-1]
    row, column = np.unravel_index(int(distance.argmax()), distance.shape)
    half = int(distance[row, column]) - 1
    if 2 * half < least:
        return []
    square = picture[row - half : row + half, column - half : column + half]
    if 2 * half < PATCH:
        square = np.pad(square, ((0, PATCH - 2 * half),) * 2 + ((0, 0),), "symmetric")
        return [square]
    return [np.asarray(Image.fromarray(square).resize((PATCH, PATCH), Image.Resampling.BILINEAR))]


def street(data: Path) -> tuple[list[Bytes], list[Bytes]]:
    """People in clothes, and crops of street photos that show almost no clothes."""
    splits = json.loads((data / "ccp" / "splits.json").read_text(encoding="utf-8"))
    kept_out = {*splits["val"], *splits["test"]}
    people, scenes = [], []
    rng = np.random.default_rng(0)
    for path in sorted((data / "ccp" / "photos").glob("*.jpg")):
        if path.stem in kept_out:
            continue
        photo = Image.open(path).convert("RGB")
        people.append(letterbox(photo, None)[0])
        parsing = data / "ccp" / "parsing6" / f"{path.stem}.png"
        if parsing.exists():
            scenes.extend(bare_crops(photo, np.asarray(Image.open(parsing)) == 4, rng))
    for line in read_table(data / "luma" / "index.tsv"):
        if line["split"] == "train":
            people.append(letterbox(Image.open(data / line["path"]).convert("RGB"), None)[0])
    for line in read_table(data / "synthetic" / "index.tsv"):
        if line["split"] == "train":
            photo = Image.open(data / "synthetic" / line["set"] / "person_A.jpg").convert("RGB")
            people.append(letterbox(photo, None)[0])
    return people, scenes


def bare_crops(photo: Image.Image, clothes: NDArray[np.bool_], rng: np.random.Generator) -> list[Bytes]:
    """Up to two square crops of a photo with under a tenth of clothes: streets, heads, shoes, bags."""
    crops: list[Bytes] = []
    for _ in range(8):
        side = int(rng.integers(90, min(photo.size) + 1)) if min(photo.size) > 90 else min(photo.size)
        left, top = (int(rng.integers(0, whole - side + 1)) for whole in photo.size)
        if clothes[top : top + side, left : left + side].mean() < 0.1 and len(crops) < 2:
            crop = photo.crop((left, top, left + side, top + side))
            crops.append(np.asarray(crop.resize((PATCH, PATCH), Image.Resampling.BILINEAR)))
    return crops
