"""`RemoteRoom`: a fitting room whose work is done in a cluster; to whoever uses it, the same as `FittingRoom`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PIL import Image
from torch import Tensor

from fitting import weights
from fitting.cluster import wire
from fitting.cluster.calling import Line
from fitting.cluster.wire import Message
from fitting.errors import GarmentError
from fitting.folding import folded
from fitting.garment import Category, Garment, GarmentNet
from fitting.images import Source, decode, to_image, to_tensor
from fitting.person import Person
from fitting.room import ENGINES, FittingRoom, TryOn

REMEMBERED = 32  # people kept in this process's memory: the replicas keep nobody


class RemoteRoom(FittingRoom):
    """Asks the services at an address; whatever it is asked may raise `AwayError` too. One room serves many threads.

    Pictures are opened here, so that no file of a stranger's travels: only pixels do.
    """

    def __init__(self, line: Line, remembered: int = REMEMBERED) -> None:
        """
        Args:
            line: to the services.
            remembered: people kept in memory, so that a photo is not sent twice to be understood.
        """
        super().__init__(None, None, None, remembered)  # type: ignore[arg-type]  # its networks are elsewhere
        self.line = line
        del self.garment_net  # so that it is loaded if it is needed

    def __getattr__(self, name: str) -> Any:
        """GarmentNet is also asked for by "Design for me", and loaded then."""
        if name != "garment_net":
            raise AttributeError(name)
        self.garment_net = folded(weights.load(GarmentNet, "garment"))
        return self.garment_net

    def close(self) -> None:
        """Let go of the connections."""
        self.line.close()

    def understand_garment(
        self, picture: Source, category: Category | None = None, wearer: Person | None = None
    ) -> Garment:
        """See `FittingRoom.understand_garment`; nothing is prepared here for the wearer."""
        pixels = to_tensor(decode(picture, GarmentError))
        about = {} if category is None else {"category": category.value}
        return wire.garment_of(self.line.ask("understand/garment", Message(wire.of_pixels(pixels).tensors, about)))

    def try_on(
        self,
        photo: Source | Person,
        garment: Source | Garment,
        category: Category | str | None = None,
        progress: Callable[[str], None] | None = None,
        engine: str = "auto",
        over: bool = False,
    ) -> TryOn:
        """See `FittingRoom.try_on`. Of `seconds`, person and garment include the way there;
        what the way of the try-on itself took is under `network`."""
        if engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {engine!r}")
        tell = progress or (lambda stage: None)
        person, worn, seconds = self._understood(photo, garment, category, tell)
        tell("warp")
        question = Message(about={"engine": engine, "over": over})
        question = question.with_part("person", wire.of_person(person)).with_part("garment", wire.of_garment(worn))
        sent = time.perf_counter()
        answer = self.line.ask("dress/try-on", question)
        tell("compose")
        result = wire.try_on_of(answer, person.photo)
        done = {stage: spent for stage, spent in result.seconds.items() if stage not in seconds}
        seconds |= done | {"network": max(0.0, time.perf_counter() - sent - sum(result.seconds.values()))}
        return replace(result, seconds=seconds)

    def explain(
        self, photo: Source | Person, garment: Source | Garment, category: Category | str | None = None
    ) -> dict[str, Image.Image]:
        """See `FittingRoom.explain`."""
        person, worn, _ = self._understood(photo, garment, category, lambda stage: None)
        question = Message().with_part("person", wire.of_person(person)).with_part("garment", wire.of_garment(worn))
        answer = self.line.ask("dress/explain", question)
        return {name: to_image(wire.pixels_of(answer.part(name))) for name in answer.about.get("names", ())}

    def _look(self, photo: Tensor) -> Person:
        return wire.person_of(self.line.ask("understand/person", wire.of_pixels(photo)), photo)

    def _understood(
        self,
        photo: Source | Person,
        garment: Source | Garment,
        category: Category | str | None,
        tell: Callable[[str], None],
    ) -> tuple[Person, Garment, dict[str, float]]:
        """Whom and what a question is about, and the seconds that finding out took."""
        wanted = None if category is None or category == "auto" else Category(category)
        times = [time.perf_counter()]
        tell("person")
        person = photo if isinstance(photo, Person) else self.understand_person(photo)
        times.append(time.perf_counter())
        tell("garment")
        if not isinstance(garment, Garment):
            garment = self.understand_garment(garment, wanted)
        elif wanted is not None:
            garment = replace(garment, category=wanted)
        times.append(time.perf_counter())
        return person, garment, {"person": times[1] - times[0], "garment": times[2] - times[1]}
