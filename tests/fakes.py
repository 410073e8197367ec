"""Stand-ins for the networks: quick, deterministic, and honest about what they were given."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image, ImageDraw

from fitting import images
from fitting.catalogue import Catalogue, Item
from fitting.errors import GarmentError, PhotoError
from fitting.frame import GRID, Frame
from fitting.garment import Category, Garment
from fitting.person import Person
from fitting.room import TryOn
from fitting.ui.shelves import SamplePerson


class FakeRoom:
    """Paints a rectangle of the garment's mean colour onto the photo.

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

    def understand_garment(self, picture: images.Source, category: Category | None = None) -> Garment:
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
        box = (picture.width // 4, picture.height // 3, picture.width * 3 // 4, picture.height * 3 // 4)
        ImageDraw.Draw(picture).rectangle(box, fill=colour)
        region = Image.new("L", picture.size)
        region.paste(255, box)
        found = Category(category) if category else worn.category
        return TryOn(picture, region, picture.convert("RGBA"), found, person.notes, seconds)

    def forget(self, photo: images.Source | Person) -> None:
        content = images.decode(photo, PhotoError).tobytes()
        self.remembered = [kept for kept in self.remembered if kept != content]


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
    return Catalogue(items), [SamplePerson("Somebody in grey", drawn("somebody", "#808080", (300, 400)))]
