"""What try-ons are measured on: held-out people and garments, with a true answer where there is one.

- synthetic: the same rendered person in garments A and B; person in A + product picture of B -> person in B.
- luma: the same studio shot in several colours; person in one colour + the garment worn in another -> that photo.
- ccp: street photos; a person + the garment that they wear, deformed -> the photo itself.
- unpaired: held-out people in held-out garments photographed alone; no truth.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fitting.errors import PhotoError
from fitting.evaluation.tryon_flow import Target, rendered_target
from fitting.evaluation.worn import worn_category, worn_garment
from fitting.frame import Frame
from fitting.garment import Category, Garment
from fitting.images import to_tensor, to_unit
from fitting.person import Person
from fitting.room import FittingRoom
from fitting.scene import Scene, dress
from fitting.training.labels import LUMA_LOWER, LabelledPerson, ccp_split, synthetic_people

PAIRS = 100  # unpaired
SEED = 31
# Labels of the CC0 garments that go with what a person wears now.
LABELS = {
    Category.UPPER: ("T-Shirt", "Longsleeve", "Polo", "Shirt", "Hoodie", "Undershirt", "Blouse", "Top", "Outwear"),
    Category.LOWER: ("Pants", "Shorts", "Skirt"),
    Category.DRESS: ("Dress",),
}
LEAST = 0.002  # share of the photo that an edit region must have
NOWHERE = "The garment would lie outside this photo."


@dataclass(frozen=True)
class Case:
    """One try-on that every row is asked for.

    Attributes:
        name: of the case.
        person: as PersonNet understands the photo.
        garment: the same for every row.
        scene: tells where every row may change the photo; of true labels where there are any.
        truth: (3, H, W) uint8, what the result should be; None where nobody knows.
        answer: name of the photo that `truth` is.
        target: true flow and parsing, of rendered people.
    """

    name: str
    person: Person
    garment: Garment
    scene: Scene
    truth: Tensor | None = None
    answer: str = ""
    target: Target | None = None

    def region(self) -> Tensor:
        """(H, W) bool at the photo's size: where the picture may change."""
        return self.scene.person.frame.place(self.scene.edit_region[None], *self.person.photo.shape[-2:])[0] > 0


@dataclass(frozen=True)
class Plan:
    """A case by name; opening it looks at the pictures. Raises FittingError where one is refused."""

    name: str
    make: Callable[[], Case]

    def open(self) -> Case:
        case = self.make()
        if case.region().float().mean() < LEAST:
            raise PhotoError(NOWHERE)
        return case


def all_plans(data: Path, room: FittingRoom, limit: int | None = None) -> dict[str, list[Plan]]:
    """The cases of every data set; with a limit at most so many of each, spread over all."""
    plans = {
        "synthetic": synthetic_plans(data, room),
        "luma": luma_plans(data, room),
        "ccp": ccp_plans(data, room),
        "unpaired": unpaired_plans(data, room),
    }
    if limit is None:
        return plans
    return {name: _spread(found, limit) for name, found in plans.items()}


def _spread(plans: list[Plan], limit: int) -> list[Plan]:
    places = sorted({round(place) for place in np.linspace(0, len(plans) - 1, min(limit, len(plans)))})
    return [plans[place] for place in places]


def synthetic_plans(data: Path, room: FittingRoom) -> list[Plan]:
    people = {person.name: person for person in synthetic_people(data, "heldout")}
    plans = []
    for name, person in people.items():
        other = people[name[:-1] + ("B" if name.endswith("A") else "A")]
        plans.append(Plan(f"{name} to {other.name[-1]}", partial(_synthetic, data, room, person, other)))
    return plans


def _synthetic(data: Path, room: FittingRoom, person: LabelledPerson, other: LabelledPerson) -> Case:
    folder, side = data / "synthetic" / other.name[:-2], other.name[-1]
    product = Image.open(folder / f"cloth_{side}.jpg").convert("RGB")
    garment = room.understand_garment(product, Category.UPPER)
    found = room.understand_person(Image.fromarray(person.image))
    return Case(
        f"{person.name} to {side}",
        found,
        garment,
        dress(as_person(person), Category.UPPER),
        to_tensor(Image.fromarray(other.image)),
        other.name,
        rendered_target(folder / f"flow_{side}.npz", other, room.garment_net, to_tensor(product), garment),
    )


def luma_plans(data: Path, room: FittingRoom) -> list[Plan]:
    """Every ordered pair of colours of every held-out product."""
    plans = []
    for product, photos in luma_products(data).items():
        category = luma_category(product)
        for person, other in permutations(photos, 2):
            name = f"{person.stem} in {other.stem}"
            plans.append(Plan(name, partial(worn_by, room, name, person, other, category)))
    return plans


def luma_products(data: Path) -> dict[str, list[Path]]:
    """Held-out products and their photos, one of each colour."""
    products: dict[str, list[Path]] = {}
    with (data / "luma" / "index.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["split"] == "heldout":
                products.setdefault(row["product"], []).append(data / row["path"])
    return products


def luma_category(product: str) -> Category:
    return Category.LOWER if product.startswith(LUMA_LOWER) else Category.UPPER


def ccp_plans(data: Path, room: FittingRoom) -> list[Plan]:
    photos = [data / "ccp" / "photos" / f"{id_}.jpg" for id_ in ccp_split(data, "test")]
    return [Plan(photo.stem, partial(worn_by, room, photo.stem, photo, photo, None)) for photo in photos]


def worn_by(room: FittingRoom, name: str, photo: Path, other: Path, category: Category | None) -> Case:
    """The person of a photo in what is worn in another one; None takes the largest garment."""
    person, wearer = room.understand_person(photo), room.understand_person(other)
    category = worn_category(wearer) if category is None else category
    rng = np.random.default_rng([SEED, zlib.crc32(name.encode())])
    garment = worn_garment(room.garment_net, wearer, category, rng)
    return Case(name, person, garment, dress(person, category), wearer.photo, other.stem)


def unpaired_plans(data: Path, room: FittingRoom) -> list[Plan]:
    """Held-out people, one photo a Luma product, in a seeded order, each with a seeded place in the garments.

    There are more plans than `PAIRS`, since some photos are refused.
    """
    people = [(photos[0], product) for product, photos in luma_products(data).items()]
    people += [(data / "ccp" / "photos" / f"{id_}.jpg", "") for id_ in ccp_split(data, "test")]
    rng = np.random.default_rng(SEED)
    garments = {category: _garments(data, labels, rng) for category, labels in LABELS.items()}
    order = [index for _ in range(2) for index in rng.permutation(len(people))]
    plans = []
    for turn, index in enumerate(order):
        photo, product = people[index]
        plans.append(Plan(f"{photo.stem}, {turn}", partial(_unpaired, room, photo, product, garments, turn)))
    return plans


Supply = dict[Category, list[tuple[Path, str]]]


def _unpaired(room: FittingRoom, photo: Path, product: str, garments: Supply, turn: int) -> Case:
    """A garment of the kind that the person wears now, so that results and real photos show alike regions."""
    person = room.understand_person(photo)
    worn = luma_category(product) if product else worn_category(person)
    path, label = garments[worn][turn % len(garments[worn])]
    category = Category.OUTER if label in ("Outwear", "Blazer") else worn
    garment = room.understand_garment(path, category)
    return Case(f"{photo.stem} in {path.stem}", person, garment, dress(person, category))


def _garments(data: Path, labels: tuple[str, ...], rng: np.random.Generator) -> list[tuple[Path, str]]:
    """Held-out garments of grown-ups, shuffled."""
    with (data / "garments_cc0" / "index.tsv").open() as file:
        rows = [
            (data / "garments_cc0" / row["path"], row["label"])
            for row in csv.DictReader(file, delimiter="\t")
            if row["split"] == "heldout" and row["kids"] == "False" and row["label"] in labels
        ]
    return [rows[index] for index in rng.permutation(len(rows))]


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
