"""What other processes work with in the tests of the cluster: rooms and looks without networks."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import torch
from PIL import Image
from shopping import FakeLooks

from fitting.cluster import wire
from fitting.cluster.answering import Answers
from fitting.cluster.wire import Message
from fitting.errors import PhotoError
from fitting.frame import Frame
from fitting.garment import Category, Garment
from fitting.gathered import Gathered
from fitting.images import to_image, to_unit
from fitting.person import Person
from fitting.person_net import PersonMaps
from fitting.room import TryOn

SECONDS = 0.15  # that a try-on takes
LOOKED = "looked.txt"  # beside a shop's folder: a line for every picture that was looked at
FALLS = "FAR_ROOM_FALLS"  # names a file in the environment: whoever makes it dies in the middle of a try-on


def opened() -> Answers:
    """The answers of both services, and what comes of photos that are looked at together."""
    answers = {"person": person, "garment": garment, "try-on": _try_on, "gathered": _gathered}
    return {"ready": lambda message: Message(), **answers}


def person(message: Message) -> Message:
    pixels = wire.pixels_of(message)
    frame, empty = Frame.whole(*pixels.shape[1:]), torch.zeros(512, 384)
    return wire.of_person(
        Person(pixels, frame, to_unit(frame.cut(pixels)), empty.long(), torch.zeros(17, 3), empty), photo=False
    )


def garment(message: Message) -> Message:
    unit = to_unit(wire.pixels_of(message))
    return wire.of_garment(Garment(unit, torch.ones(unit.shape[1:]), Category.UPPER, torch.ones(128)))


def _try_on(message: Message) -> Message:
    """The photo with the garment's colour in the middle; the only note is the process's number."""
    who, worn = wire.person_of(message.part("person")), wire.garment_of(message.part("garment"))
    time.sleep(SECONDS / 2)
    if message.about["engine"] == "geometric":
        _fall()
    time.sleep(SECONDS / 2)
    picture = to_image(who.photo)
    colour = tuple(round(float(value) * 255) for value in worn.image.mean((1, 2)))
    middle = tuple(side // 4 for side in picture.size) + tuple(3 * side // 4 for side in picture.size)
    picture.paste(colour, middle)
    region = picture.convert("L").point(lambda value: 0)
    region.paste(255, middle)
    notes = (str(os.getpid()),)
    return wire.of_try_on(TryOn(picture, region, picture.convert("RGBA"), worn.category, notes, {"warp": SECONDS}))


def _fall() -> None:
    """Die as a process does whose machine is switched off; only the first to come here does."""
    with suppress(FileExistsError):
        with Path(os.environ[FALLS]).open("x") as fallen:
            fallen.write(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)


class FarLooks(FakeLooks):
    """Writes down whenever it looks at a picture."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._log = folder.parent / LOOKED

    def _understand(self, picture: Image.Image, wanted: Category | None) -> Garment:
        with self._log.open("a") as log:
            log.write(f"{picture.getpixel((5, 5))}\n")
        return super()._understand(picture, wanted)


class Wardrobe:
    """A room that paints photos in the garment's colour, and cannot dress anybody in black."""

    def __init__(self, remembered: int) -> None:
        self.remembered = remembered

    def understand_person(self, photo: Path) -> Image.Image:
        with Image.open(photo) as image:
            return image.convert("RGB")

    def try_on(self, person: Image.Image, garment: Garment) -> TryOn:
        colour = tuple(round(float(value) * 255) for value in garment.image.mean((1, 2)))
        if not any(person.getpixel((0, 0))):  # type: ignore[arg-type]
            raise PhotoError("Nobody is there.")
        picture = Image.new("RGB", person.size, colour)  # type: ignore[arg-type]
        return TryOn(picture, picture.convert("L"), picture.convert("RGBA"), garment.category, (), {})


class Net(torch.nn.Module):
    """As PersonNet, but without weights; remembers how many views each pass had."""

    def __init__(self) -> None:
        super().__init__()
        self.passes: list[int] = []

    def forward(self, views: torch.Tensor) -> PersonMaps:
        self.passes.append(len(views))
        time.sleep(0.05)
        return PersonMaps(*(views.mean((2, 3)) * factor for factor in range(5)))


def _gathered(message: Message) -> Message:
    """Six photos of as many threads, four of which may go together."""
    net, photos = Net(), [torch.full((2, 3, 4, 4), float(number)) for number in range(6)]
    with ThreadPoolExecutor(len(photos)) as pool:
        found = list(pool.map(Gathered(net, 4), photos))
    return Message({"others": torch.stack([maps.others for maps in found])}, {"passes": net.passes})
