"""The fitting room: a photo and a garment in, the person in the garment out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from fitting import garment as garments
from fitting import person as people
from fitting import weights as shipped
from fitting.body import SEEN
from fitting.compiled import prepared, runtime_of
from fitting.engine import Engine
from fitting.errors import GarmentError, PhotoError
from fitting.explain import explained
from fitting.folding import folded
from fitting.garment import Category, Garment, GarmentNet
from fitting.images import Source, decode, to_tensor
from fitting.painting import paint
from fitting.person import Joint, Person, PersonNet
from fitting.scene import Scene
from fitting.tryon import Composed, compose
from fitting.underlay import Underlay, clothed
from fitting.warp import lay
from fitting.wearers import Wearers

ENGINES = ("auto", "gan", "geometric", "flow")
MISFIT = 0.28  # above this the GAN does not trust its flow: benchmarks/misfit.json
REMEMBERED = 8  # people kept in memory
NO_HIPS = "Your hips are not in this photo. For trousers, skirts and dresses, use a photo down to the knees or feet."
NO_LEGS = "Your legs are outside the picture, so only the upper part of the garment is shown."
UNSURE = "We are not sure how this garment falls on you, so it is laid on by simple geometry. It may look stiff."
AWAY = "The fitting room does not answer at the moment. Wait a little, then try again."
NOTHING_LAID = "We could not lay this garment on. Choose a picture of the whole garment, seen from the front."


@dataclass(frozen=True)
class TryOn:
    """What a visitor gets.

    Attributes:
        picture: RGB, the photo's own size.
        edit_region: L, the photo's own size: where it is 0, the picture is the photo, bit for bit.
        warped: RGBA, the photo's own size: the garment as laid on.
        category: how the garment was worn.
        notes: sentences for the visitor.
        seconds: stage (person, garment, warp, compose) -> seconds it took.
    """

    picture: Image.Image
    edit_region: Image.Image
    warped: Image.Image
    category: Category
    notes: tuple[str, ...]
    seconds: dict[str, float]


class FittingRoom:
    """Photo in, try-on out. One room serves many threads."""

    def __init__(
        self,
        person_net: PersonNet,
        garment_net: GarmentNet,
        engine: Engine | None = None,
        remembered: int = REMEMBERED,
    ) -> None:
        """
        Args:
            engine: without one, garments are laid on by geometry alone.
            remembered: people kept in memory, so that a photo is not looked at twice; 0 keeps nobody.
        """
        self.person_net = person_net
        self.garment_net = garment_net
        self.engine = engine
        self.wearers = Wearers(remembered)
        self.lookups = self.wearers.lookups

    @classmethod
    def load(
        cls,
        weights: Path | None = None,
        device: str | torch.device = "cpu",
        remembered: int = REMEMBERED,
        runtime: str = "torch",
    ) -> FittingRoom:
        """Open a room with the shipped networks, or with those in another folder.

        Args:
            runtime: what runs them, "torch", "openvino", "compile" or "auto"; see `fitting.compiled`.

        Raises:
            WeightsError: weights are missing or damaged, or the runtime is not installed.
        """
        drawn = ((weights or shipped.FOLDER) / "tryon").is_dir()
        runtime = runtime_of(runtime)
        return cls(
            prepared(folded(shipped.load(PersonNet, "person", weights)).to(device), runtime, half=False),
            prepared(folded(shipped.load(GarmentNet, "garment", weights)).to(device), runtime),
            Engine.load(weights, device, runtime) if drawn else None,
            remembered,
        )

    def understand_person(self, photo: Source) -> Person:
        """Find the person in a photo; the same photo is looked at once.

        Raises:
            PhotoError: the photo cannot be used.
        """
        return self.wearers.person(to_tensor(decode(photo, PhotoError)), self._look)

    def understand_garment(
        self, picture: Source, category: Category | None = None, wearer: Person | None = None
    ) -> Garment:
        """Cut the garment out of a picture.

        Args:
            wearer: who will try it on; what that takes is prepared meanwhile.

        Raises:
            GarmentError: the picture cannot be used.
        """
        pixels = to_tensor(decode(picture, GarmentError))
        likely = None if wearer is None else partial(self.wearers.ready_soon, wearer)
        return garments.understand_garment(self.garment_net, pixels, category, self.person_net, likely)

    def try_on(
        self,
        photo: Source | Person,
        garment: Source | Garment,
        category: Category | str | None = None,
        progress: Callable[[str], None] | None = None,
        engine: str = "auto",
        over: bool = False,
    ) -> TryOn:
        """Show a person in a garment.

        Args:
            photo: of the person, or the person understood before.
            garment: its picture, or the garment understood before.
            category: how it is worn; None or "auto" finds out.
            progress: told the name of each stage as it begins: person, garment, warp, compose.
            engine: "gan", "geometric", "flow" (the GAN's flow without its generator), or "auto": the GAN, but
                geometry where the GAN does not trust itself, and say so.
            over: wear it over what is there, which stays on, as a jacket over a top.

        Raises:
            FittingError: something the visitor can mend.
        """
        clock = _Clock(progress)
        wanted = None if category is None or category == "auto" else Category(category)
        clock.start("person")
        person = photo if isinstance(photo, Person) else self.understand_person(photo)
        clock.start("garment")
        if not isinstance(garment, Garment):
            garment = self.understand_garment(garment, wanted, person)
        elif wanted is not None:
            garment = replace(garment, category=wanted)
        notes = (*person.notes, *_notes(person, garment.category), *garment.notes)
        clock.start("warp")
        scene, under = self.wearers.ready(person, garment.category)
        under = clothed(person) if over else under
        composed, doubts = self._dressed(scene, under, garment, engine, clock)
        result = composed.pictures()
        seconds = clock.stop()
        return TryOn(*result, garment.category, tuple(dict.fromkeys((*notes, *doubts))), seconds)

    def _dressed(
        self, scene: Scene, under: Underlay, garment: Garment, engine: str, clock: _Clock
    ) -> tuple[Composed, tuple[str, ...]]:
        """The garment laid on, and what the visitor should know of it."""
        if engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {engine!r}")
        doubts: tuple[str, ...] = ()
        if engine == "auto" and _cut_short(scene.person, scene.category):
            engine = "geometric"  # the GAN has seen whole legs only, and would end the garment at the picture's edge
        if engine != "geometric" and self.engine is not None:
            drawing = self.engine.draw(scene, under, garment, engine != "flow")
            if engine != "auto" or drawing.misfit <= MISFIT:
                clock.start("compose")
                return paint(scene, under, garment, drawing), doubts
            doubts = (UNSURE,)
        elif engine not in ("auto", "geometric"):
            raise ValueError(f"this room has no engine for {engine!r}")
        laid = lay(scene.body, garment)
        if not laid.layers:
            raise GarmentError(NOTHING_LAID)
        clock.start("compose")
        return compose(scene, under, garment, laid), doubts

    def explain(
        self, photo: Source | Person, garment: Source | Garment, category: Category | str | None = None
    ) -> dict[str, Image.Image]:
        """The GAN's try-on taken apart, as pictures by name; see `fitting.explain.explained`.

        Raises:
            FittingError: something the visitor can mend.
            ValueError: the room has no GAN.
        """
        if self.engine is None:
            raise ValueError("this room has no GAN to explain")
        wanted = None if category is None or category == "auto" else Category(category)
        person = photo if isinstance(photo, Person) else self.understand_person(photo)
        if not isinstance(garment, Garment):
            garment = self.understand_garment(garment, wanted)
        elif wanted is not None:
            garment = replace(garment, category=wanted)
        scene, under = self.wearers.ready(person, garment.category)
        return explained(scene, garment, self.engine.draw(scene, under, garment))

    def share(self, person: Person, other: Person) -> None:
        """Let what is prepared for one serve the other; see `fitting.wearers.Wearers.share`."""
        self.wearers.share(person, other)

    def forget(self, photo: Source | Person) -> None:
        """Drop a person from memory."""
        self.wearers.forget(photo.photo if isinstance(photo, Person) else to_tensor(decode(photo, PhotoError)))

    def _look(self, photo: Tensor) -> Person:
        return people.understand_person(self.person_net, photo)


class _Clock:
    """Times stages and tells of them."""

    def __init__(self, progress: Callable[[str], None] | None) -> None:
        self._progress = progress
        self._stage: str | None = None
        self._since = 0.0
        self._seconds: dict[str, float] = {}

    def start(self, stage: str) -> None:
        self.stop()
        self._stage, self._since = stage, time.perf_counter()
        if self._progress is not None:
            self._progress(stage)

    def stop(self) -> dict[str, float]:
        if self._stage is not None:
            self._seconds[self._stage] = time.perf_counter() - self._since
            self._stage = None
        return dict(self._seconds)


def _notes(person: Person, category: Category) -> list[str]:
    """What the photo lacks for this category. Raises PhotoError when it lacks too much."""
    if category is Category.LOWER and not _inside(person, Joint.LEFT_HIP, Joint.RIGHT_HIP):
        raise PhotoError(NO_HIPS)
    return [NO_LEGS] if _cut_short(person, category) else []


def _cut_short(person: Person, category: Category) -> bool:
    """Whether the picture ends above the knees, and with it a garment that goes on below."""
    below = category in (Category.LOWER, Category.DRESS)
    return below and not _inside(person, Joint.LEFT_KNEE, Joint.RIGHT_KNEE)


def _inside(person: Person, *joints: Joint) -> bool:
    """Whether one of the joints is seen within the photo."""
    bottom = person.photo.shape[-2]
    places = person.frame.to_photo(person.keypoints[:, :2])
    return any(bool(person.keypoints[j, 2] >= SEEN) and float(places[j, 1]) < bottom for j in joints)
