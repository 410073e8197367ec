"""What replicas in the tests of the cluster answer: a room without networks, which says in which process it works."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import torch

from fitting.cluster import wire
from fitting.cluster.answering import Answers
from fitting.cluster.wire import Message
from fitting.frame import Frame
from fitting.garment import Category, Garment
from fitting.images import to_image, to_unit
from fitting.person import Person
from fitting.room import TryOn

SECONDS = 0.15  # that a try-on takes
FALLS = "FAR_ROOM_FALLS"  # names a file in the environment: whoever makes it dies in the middle of a try-on


def opened() -> Answers:
    """The answers of both services."""
    return {"ready": lambda message: Message(), "person": person, "garment": garment, "try-on": _try_on}


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
