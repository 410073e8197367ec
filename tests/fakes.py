"""Stand-ins for the networks: quick, deterministic, and honest about what they were given."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from fitting import images
from fitting.catalogue import Catalogue, Item
from fitting.condition import TasteConfig
from fitting.errors import GarmentError, PhotoError
from fitting.explain import NAMES
from fitting.frame import GRID, Frame
from fitting.garment import Category, Garment
from fitting.notes import Review
from fitting.person import Person
from fitting.recommend import Taste
from fitting.recommender import Recommender
from fitting.room import TryOn
from fitting.ui.adviser import Adviser
from fitting.ui.shelves import SamplePerson

BOXES = {  # where garments are painted, in shares of the photo's width and height
    Category.UPPER: (0.25, 0.33, 0.75, 0.55),
    Category.LOWER: (0.25, 0.49, 0.75, 0.75),
    Category.DRESS: (0.25, 0.33, 0.75, 0.75),
    Category.OUTER: (0.2, 0.3, 0.45, 0.6),  # open: it hides half of what is below
}


class FakeRoom:
    """Paints a rectangle of the garment's mean colour onto the photo: a top's hangs a little over a skirt's.

    A photo that is all black holds no person, a picture that is all black no garment, and one that is all white
    breaks the room itself.
    """

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay  # seconds a stage
        self.remembered: list[bytes] = []

    def understand_person(self, photo: images.Source) -> Person:
        image = images.decode(photo, PhotoError)
        if not any(top for _, top in image.getextrema()):
            raise PhotoError("No person was found in this photo. Choose one that shows you from the front.")
        if all(low == 255 for low, _ in image.getextrema()):
            raise RuntimeError("/secret/path/model.bin is broken")
        self.remembered.append(image.tobytes())
        pixels = images.to_tensor(image)
        frame = Frame.whole(*pixels.shape[1:])
        empty = torch.zeros(GRID)
        notes = ("Your left arm is outside the picture.",) if image.width > image.height else ()
        view = frame.cut(images.to_unit(pixels))
        return Person(pixels, frame, view, empty.long(), torch.zeros(17, 3), empty, notes)

    def understand_garment(
        self, picture: images.Source, category: Category | None = None, wearer: Person | None = None
    ) -> Garment:
        image = images.decode(picture, GarmentError)
        if not any(top for _, top in image.getextrema()):
            raise GarmentError("This picture shows no garment. Choose one that shows the whole garment.")
        pixels = images.to_unit(images.to_tensor(image))
        return Garment(pixels, torch.ones(pixels.shape[1:]), category or Category.DRESS, torch.ones(128))

    def try_on(
        self,
        photo: images.Source | Person,
        garment: images.Source | Garment,
        category: Category | str | None = None,
        progress: Callable[[str], None] | None = None,
        engine: str = "auto",
        over: bool = False,
    ) -> TryOn:
        seconds = {}
        for stage in ("person", "garment", "warp", "compose"):
            if progress:
                progress(stage)
            time.sleep(self.delay)
            seconds[stage] = self.delay
        person = photo if isinstance(photo, Person) else self.understand_person(photo)
        worn = garment if isinstance(garment, Garment) else self.understand_garment(garment)
        picture = images.to_image(person.photo)
        colour = tuple(round(float(value) * 255) for value in worn.image.mean((1, 2)))
        found = Category(category) if category else worn.category
        left, top, right, bottom = BOXES[found]
        box = tuple(
            round(share * size) for share, size in zip((left, top, right, bottom), picture.size * 2, strict=True)
        )
        ImageDraw.Draw(picture).rectangle(box, fill=colour)
        region = Image.new("L", picture.size)
        region.paste(255, box)
        return TryOn(picture, region, picture.convert("RGBA"), found, person.notes, seconds)

    def explain(
        self, photo: images.Source | Person, garment: images.Source | Garment, category: Category | str | None = None
    ) -> dict[str, Image.Image]:
        """The try-on itself as every part."""
        result = self.try_on(photo, garment, category)
        return {name: result.picture for name in NAMES}

    def share(self, person: Person, other: Person) -> None:
        """Nothing is prepared that could be shared."""

    def forget(self, photo: images.Source | Person) -> None:
        decoded = images.to_image(photo.photo) if isinstance(photo, Person) else images.decode(photo, PhotoError)
        content = decoded.tobytes()
        self.remembered = [kept for kept in self.remembered if kept != content]


class FakeShop:
    """Sells what it is given; set `now` to sell something else."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.now = catalogue
        self.written: dict[str, list[Review]] = {}

    def catalogue(self) -> Catalogue:
        return self.now

    def garment(self, item_id: str) -> Garment:
        item = self.now.get(item_id)
        return FakeRoom().understand_garment(item.picture, item.category)

    def reviews(self, item_id: str) -> list[Review]:
        return self.written.get(item_id, [])


def recommender(catalogue: Catalogue) -> Recommender:
    """A real one of small networks that have learned nothing, the same every time; nobody bought anything."""
    vectors = torch.from_numpy(catalogue.vectors)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        taste = Taste(TasteConfig(given=8, feature=6, noise=4, width=16, token=8, heads=2))
    taste.learn_whitening(vectors)
    taste.generator.encoder.begin(taste.features(vectors))
    return Recommender(taste, catalogue)


def advised(catalogue: Catalogue) -> tuple[FakeShop, Adviser]:
    """A shop, and who recommends from it."""
    shop = FakeShop(catalogue)
    return shop, Adviser(shop, recommender)


def wardrobe(folder: Path, tops: int = 9, others: int = 3) -> Catalogue:
    """A catalogue with embeddings: so many tops, and so many of every other category, each of its own colour."""
    counts = {category: tops if category is Category.UPPER else others for category in Category}
    items: list[Item] = []
    for category, count in counts.items():
        for number in range(1, count + 1):
            name, place = f"{category.value}-{number}", len(items)
            path = folder / f"{name}.png"
            Image.new("RGB", (96, 128), (60 + 9 * place, 40 + 17 * place % 200, 250 - 11 * place)).save(path)
            items.append(Item(name, f"{category.value.capitalize()} {number}", category, path, 10.0 + place))
    vectors = np.random.default_rng(5).standard_normal((len(items), 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Catalogue(items, "EUR", vectors, revision=1)


def shop(folder: Path) -> tuple[Catalogue, list[SamplePerson]]:
    """A catalogue of four plain garments, one of each category, and one sample person."""

    def drawn(name: str, colour: str, size: tuple[int, int]) -> Path:
        path = folder / f"{name}.png"
        Image.new("RGB", size, colour).save(path)
        return path

    offers = [
        ("Red top", Category.UPPER, "#c22020"),
        ("Green skirt", Category.LOWER, "#20a040"),
        ("Blue dress", Category.DRESS, "#2040c0"),
        ("Brown coat", Category.OUTER, "#705030"),
    ]
    items = []
    for title, category, colour in offers:
        name = title.lower().replace(" ", "-")
        items.append(Item(name, title, category, drawn(name, colour, (96, 128))))
    vectors = np.eye(len(items), 8, dtype=np.float32)
    return Catalogue(items, "", vectors), [SamplePerson("Somebody in grey", drawn("somebody", "#808080", (300, 400)))]
