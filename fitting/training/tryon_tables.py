"""What the try-on GAN learns from, prepared once into memory-mapped tables: people and garments laid on them.

People are prepared by the very code that the app runs (PersonNet, `dress`, `undress`), so that training sees its
errors too. Only training rows go in. Maps are 256x192, the size at which the networks work.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F

from fitting.body import Body, body_of
from fitting.errors import FittingError
from fitting.frame import NET, Frame
from fitting.garment import Category, Garment, Kind
from fitting.images import to_tensor
from fitting.person import Joint, Part, Person, PersonNet, understand_person
from fitting.scene import Scene, dress
from fitting.training.garment_data import GarmentTables
from fitting.training.garment_data import tables as garment_tables
from fitting.training.labels import LUMA_LOWER, ccp_split, synthetic_people
from fitting.tryon import drawn_layers
from fitting.underlay import Underlay, undress
from fitting.warp import lay

log = logging.getLogger(__name__)

SOURCES = ("synthetic", "luma", "ccp")
STREET = 340  # photos of CCP that are prepared
CATEGORIES = tuple(Category)
KIND_OF = {
    Category.UPPER: Kind.UPPER,
    Category.LOWER: Kind.LOWER,
    Category.DRESS: Kind.DRESS,
    Category.OUTER: Kind.OUTER,
}


@dataclass(frozen=True)
class TryOnTables:
    """People (N rows, one a person and category) and, in the last four, garments laid on them by geometry (M rows)."""

    photo: NDArray[np.uint8]  # (N, 256, 192, 3)
    under: NDArray[np.uint8]  # (N, 256, 192, 3) the person without the old garment
    edit: NDArray[np.uint8]  # (N, 256, 192) edit region
    hidden: NDArray[np.uint8]  # (N, 256, 192) where the agnostic image is grey
    seen: NDArray[np.uint8]  # (N, 256, 192) parsing as PersonNet sees it
    truth: NDArray[np.uint8]  # (N, 256, 192) exact parsing where there is one, otherwise the same
    bare: NDArray[np.uint8]  # (N, 256, 192) parsing of `under`
    worn: NDArray[np.uint8]  # (N, 256, 192) the garment of this category that the person wears
    keypoints: NDArray[np.float32]  # (N, 17, 3) on the 512x384 grid
    category: NDArray[np.int32]  # (N,) index of CATEGORIES
    group: NDArray[np.int32]  # (N,) people of the same group, frame and pose: a set, or a product's colours
    source: NDArray[np.int32]  # (N,) place on the product picture's canvas known exactly: 0; otherwise as SOURCES
    places: NDArray[np.float16]  # (N or 0, 256, 192, 2) synthetic: x, y in [0, 1] on the product picture; NaN: none
    product: NDArray[np.uint8]  # (N or 0, 256, 192, 4) synthetic: product picture and mask
    laid_person: NDArray[np.int32]  # (M,) row of the person
    laid_garment: NDArray[np.int32]  # (M,) row of `GarmentTables`
    laid_places: NDArray[np.float16]  # (M, 256, 192, 2) x, y in [0, 1] on the garment's square; NaN: none
    laid_cover: NDArray[np.uint8]  # (M, 256, 192) how much of the garment shows


def tables(data: Path, cache: Path, net: PersonNet, source: str) -> TryOnTables:
    """Open a source's tables in `cache`, making them from `data` the first time (about half an hour in all)."""
    names = [field.name for field in fields(TryOnTables)]
    folder = cache / source
    if not all((folder / f"{name}.npy").exists() for name in names):
        folder.mkdir(parents=True, exist_ok=True)
        made = _make(data, cache.parent, net, source)
        for name in names:
            np.save(folder / f"{name}.npy", made[name])
    return TryOnTables(**{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names})


@torch.no_grad()
def _make(data: Path, cache: Path, net: PersonNet, source: str) -> dict[str, NDArray]:
    rng = np.random.default_rng(SOURCES.index(source))
    supply = _Supply(garment_tables(data, cache / "garment"), rng)
    people: list[dict[str, Any]] = []
    laid: list[dict[str, Any]] = []
    subjects = {"synthetic": _synthetic, "luma": _luma, "ccp": _ccp}[source](data)
    for count, subject in enumerate(subjects):
        try:
            person = understand_person(net, to_tensor(Image.fromarray(subject.image)))
        except FittingError:
            continue
        body = body_of(person)
        for category in subject.categories or _categories(person, rng):
            scene = dress(person, category, body)
            under = undress(scene)
            people.append(_row(subject, scene, under, SOURCES.index(source)))
            if source != "synthetic":
                laid.extend(_laid(supply, scene, under, body, len(people) - 1))
        if count % 50 == 49:
            log.info("%s: %d photos, %d rows, %d garments laid on", source, count + 1, len(people), len(laid))
    made = {name: np.stack([row[name] for row in people]) for name in people[0]}
    empty = _no_garments()
    return made | {name: np.stack([row[name] for row in laid]) if laid else empty[name] for name in empty}


def _no_garments() -> dict[str, NDArray]:
    return {
        "laid_person": np.zeros(0, np.int32),
        "laid_garment": np.zeros(0, np.int32),
        "laid_places": np.zeros((0, *NET, 2), np.float16),
        "laid_cover": np.zeros((0, *NET), np.uint8),
    }


@dataclass(frozen=True)
class _Subject:
    """A photo, and what is known of it beyond what PersonNet sees."""

    image: NDArray[np.uint8]
    group: int
    categories: tuple[Category, ...] = ()
    parts: NDArray[np.uint8] | None = None  # (H, W) exact parsing
    places: NDArray[np.float32] | None = None  # (H, W, 2) exact places on the product picture
    product: NDArray[np.uint8] | None = None


def _synthetic(data: Path) -> Iterator[_Subject]:
    for index, person in enumerate(synthetic_people(data, "train")):
        folder, side = data / "synthetic" / person.name[:-2], person.name[-1]
        parts = np.zeros(person.allowed.shape, np.uint8)
        for part in Part:
            parts[(person.allowed & (1 << part)) > 0] = part
        product = np.concatenate(
            [
                np.asarray(Image.open(folder / f"cloth_{side}.jpg").convert("RGB").resize(NET[::-1])),
                np.asarray(Image.open(folder / f"cloth_mask_{side}.png").convert("L").resize(NET[::-1]))[..., None],
            ],
            -1,
        )
        yield _Subject(person.image, index // 2, (Category.UPPER,), parts, flow_places(folder, side), product)


def flow_places(folder: Path, side: str) -> NDArray[np.float32]:
    """(512, 384, 2) share of the product picture's width and height at each pixel of a rendered person.

    NaN where there is no garment, or where that point of it is not visible in the product picture.
    """
    known = np.load(folder / f"flow_{side}.npz")
    places = known["flow"].astype(np.float32) / 32 / np.array([384, 512], np.float32)
    places[~known["vis"] | (known["flow"][..., 0] == -32768)] = np.nan
    return places.repeat(2, 0).repeat(2, 1)


def _luma(data: Path) -> Iterator[_Subject]:
    groups: dict[str, int] = {}
    with (data / "luma" / "index.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["split"] == "train":
                lower = row["product"].startswith(LUMA_LOWER)
                image = np.asarray(Image.open(data / row["path"]).convert("RGB"))
                group = groups.setdefault(row["product"], len(groups))
                yield _Subject(image, group, (Category.LOWER if lower else Category.UPPER,))


def _ccp(data: Path) -> Iterator[_Subject]:
    ids = [*ccp_split(data, "train"), *ccp_split(data, "unlabelled")]
    for index, id_ in enumerate(ids[:: max(len(ids) // STREET, 1)]):
        yield _Subject(np.asarray(Image.open(data / "ccp" / "photos" / f"{id_}.jpg").convert("RGB")), index)


def _categories(person: Person, rng: np.random.Generator) -> tuple[Category, ...]:
    """What a person on the street is shown in: always a top, often something below or a dress."""
    legs = bool((person.keypoints[[Joint.LEFT_KNEE, Joint.RIGHT_KNEE], 2] > 0.3).any())
    if not legs:
        return (Category.UPPER,)
    dressed = int((person.parsing == Part.DRESS).sum()) > int((person.parsing == Part.LOWER).sum())
    second = Category.DRESS if dressed or rng.random() < 0.3 else Category.LOWER
    return (Category.UPPER, second)


def _row(subject: _Subject, scene: Scene, under: Underlay, source: int) -> dict[str, Any]:
    person = scene.person
    places = {Category.LOWER: (Part.LOWER,), Category.DRESS: (Part.DRESS,)}.get(scene.category, (Part.UPPER,))
    worn = sum((person.parsing == part).float() for part in places)
    hidden = (scene.agnostic - person.image).abs().sum(0) > 0
    seen = person.parsing[1::2, 1::2].numpy().astype(np.uint8)
    row = {
        "photo": _bytes(person.image).transpose(1, 2, 0),
        "under": _bytes(torch.lerp(person.image, under.image, under.change)).transpose(1, 2, 0),
        "edit": _bytes(scene.edit_region[None])[0],
        "hidden": _bytes(hidden[None].float())[0],
        "seen": seen,
        "truth": seen if subject.parts is None else _nearest(subject.parts, person.frame),
        "bare": under.parsing[1::2, 1::2].numpy().astype(np.uint8),
        "worn": _bytes(torch.as_tensor(worn)[None])[0],
        "keypoints": person.keypoints.numpy().astype(np.float32),
        "category": np.int32(CATEGORIES.index(scene.category)),
        "group": np.int32(subject.group),
        "source": np.int32(source),
        "places": np.zeros((0,), np.float16),
        "product": np.zeros((0,), np.uint8),
    }
    if subject.places is not None:
        row["places"] = _nearest(subject.places.astype(np.float16), person.frame)
        row["product"] = subject.product
    return row


def _bytes(maps: torch.Tensor) -> NDArray[np.uint8]:
    """(C, 512, 384) in [0, 1] -> (C, 256, 192) uint8."""
    return (F.avg_pool2d(maps[None], 2)[0] * 255).round().clamp(0, 255).to(torch.uint8).numpy()


def _nearest(values: NDArray, frame: Frame) -> NDArray:
    """A map of the photo (H, W, ...) seen through the frame at 256x192, unmixed; the edge repeated outside."""
    rows = np.floor(frame.top + (np.arange(NET[0]) + 0.5) * frame.height / NET[0]).astype(int)
    columns = np.floor(frame.left + (np.arange(NET[1]) + 0.5) * frame.width / NET[1]).astype(int)
    return values[rows.clip(0, values.shape[0] - 1)[:, None], columns.clip(0, values.shape[1] - 1)[None]]


class _Supply:
    """Clean phone photos of garments, by category, drawn at random."""

    def __init__(self, garments: GarmentTables, rng: np.random.Generator) -> None:
        self.tables, self.rng = garments, rng
        clean = (garments.masked == 1) & (garments.exact == 0)
        self.rows = {category: np.flatnonzero(clean & (garments.kinds == kind)) for category, kind in KIND_OF.items()}

    def draw(self, category: Category) -> tuple[int, Garment, tuple[int, int, int, int]]:
        """Row, the garment as the app would cut it out, and its box in the table's square."""
        t = self.tables
        row = int(self.rng.choice(self.rows[category]))
        top, left, bottom, right = (int(v) for v in t.boxes[row])
        extra = round(0.06 * max(bottom - top, right - left))
        top, left = max(top - extra, int(t.valid[row][0])), max(left - extra, int(t.valid[row][1]))
        bottom, right = min(bottom + extra, int(t.valid[row][2])), min(right + extra, int(t.valid[row][3]))
        place = (slice(top, bottom), slice(left, right))
        image = torch.from_numpy(np.array(t.pictures[row][place])).permute(2, 0, 1).float() / 255
        mask = torch.from_numpy(np.array(t.masks[row][place])).float() / 255
        return row, Garment(image, mask, category, torch.zeros(128)), (top, left, bottom, right)


def _laid(supply: _Supply, scene: Scene, under: Underlay, body: Body, person_row: int) -> Iterator[dict[str, Any]]:
    """Two garments laid on by the geometric engine: where each cell's colour comes from, and what shows."""
    for turn in range(2):
        category = scene.category
        if category is Category.UPPER and turn == 1 and supply.rng.random() < 0.3:
            category = Category.OUTER
        row, garment, (top, left, bottom, right) = supply.draw(category)
        laid = lay(body, garment)
        if not laid.layers:
            continue
        places, cover = drawn_layers(scene, under, garment, laid)
        # From shares of the garment's 3:4 view to shares of the table's square picture.
        view = Frame.whole(bottom - top, right - left)
        size = torch.tensor([view.width, view.height], dtype=torch.float32)
        corner = torch.tensor([view.left + left, view.top + top], dtype=torch.float32)
        places = (places * size[:, None, None] + corner[:, None, None]) / 256
        shown = F.avg_pool2d(cover[None, None], 2)[0, 0]
        places = places[:, 1::2, 1::2].permute(1, 2, 0)
        places = torch.where((shown > 0.5)[..., None], places, torch.full_like(places, float("nan")))
        yield {
            "laid_person": np.int32(person_row),
            "laid_garment": np.int32(row),
            "laid_places": places.numpy().astype(np.float16),
            "laid_cover": (shown * 255).round().to(torch.uint8).numpy(),
        }
