"""People in memory, and what was prepared of them for garments, so that neither is worked out twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Lock, Thread

from torch import Tensor

from fitting.garment import Category
from fitting.lookups import Lookups
from fitting.person import Person
from fitting.remembered import Remembered, key_of
from fitting.scene import Scene, dress
from fitting.underlay import Underlay, undress


@dataclass
class _Wearer:
    """A person in memory, what was prepared for each category, and for which of them it was asked for."""

    person: Person
    prepared: dict[Category, tuple[Scene, Underlay]] = field(default_factory=dict)
    preparing: dict[Category, Lock] = field(default_factory=lambda: {category: Lock() for category in Category})
    asked: set[Category] = field(default_factory=set)


class Wearers:
    """The latest few people. Safe to use from several threads.

    Attributes:
        lookups: how often a person, and a person's scene, was found in memory; for whoever hosts.
    """

    def __init__(self, remembered: int) -> None:
        """
        Args:
            remembered: people kept; 0 keeps nobody.
        """
        self._keeps = remembered > 0
        self._known: Remembered[_Wearer] = Remembered(remembered)
        self.lookups = {"person": Lookups(), "scene": Lookups()}

    def person(self, photo: Tensor, look: Callable[[Tensor], Person]) -> Person:
        """Whom a photo (3, H, W) uint8 shows; the same photo is looked at once."""
        key = key_of(photo)
        wearer = self._known.recall(key)
        self.lookups["person"].count(wearer is not None)
        return (wearer or self._known.remember(key, _Wearer(look(photo)), unless=lambda known: True)).person

    def ready(self, person: Person, category: Category) -> tuple[Scene, Underlay]:
        """A person prepared for a garment of a category; worked out once a person and category."""
        wearer = self._wearer(person)
        scene, under = _prepared(wearer, category)
        self.lookups["scene"].count(category in wearer.asked)
        wearer.asked.add(category)
        return (scene if scene.person is person else replace(scene, person=person)), under

    def ready_soon(self, person: Person, category: Category) -> None:
        """Begin to prepare a person on a thread of its own, for whoever will ask; not where nobody is kept."""
        wearer = self._wearer(person)  # found here: the thread must not remember who is forgotten by then

        def prepare() -> None:
            with suppress(Exception):  # who asks will meet it as well, and tell of it
                _prepared(wearer, category)

        if self._keeps and category not in wearer.prepared:
            Thread(target=prepare, name="ready soon").start()

    def share(self, person: Person, other: Person) -> None:
        """Let what is prepared for one serve the other: they differ in nothing but the size of their photo.

        Raises:
            ValueError: they are not the same on the frame's grid.
        """
        if person.image is not other.image or person.parsing is not other.parsing:
            raise ValueError("only a copy of a person, with a photo of another size, shares what is prepared for them")
        if other is not person:
            self._known.remember(key_of(other.photo), replace(self._wearer(person), person=other))

    def forget(self, photo: Tensor) -> None:
        """Drop whom a photo shows."""
        self._known.forget(key_of(photo))

    def __len__(self) -> int:
        return len(self._known)

    def _wearer(self, person: Person) -> _Wearer:
        def same(known: _Wearer) -> bool:
            return known.person is person

        return self._known.find(same) or self._known.remember(key_of(person.photo), _Wearer(person), unless=same)


def _prepared(wearer: _Wearer, category: Category) -> tuple[Scene, Underlay]:
    with wearer.preparing[category]:  # several cards of one person are painted at the same time
        prepared = wearer.prepared.get(category)
        if prepared is None:
            body = next((scene.body for scene, _ in tuple(wearer.prepared.values())), None)
            scene = dress(wearer.person, category, body)
            prepared = wearer.prepared[category] = (scene, undress(scene))
    return prepared
