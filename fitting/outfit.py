"""Several garments at once: a top, then trousers, then a jacket over both.

An outfit is worn from the photo up, in the order in which clothes lie over one another, whatever the order in which
they were chosen: nothing is ever drawn twice, and what is taken off again leaves no trace.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType

import numpy as np
import torch
from PIL import Image, ImageChops
from torch import Tensor

from fitting.anatomy import Part
from fitting.garment import PARTS, Category, Garment
from fitting.images import to_tensor
from fitting.person import Person
from fitting.room import FittingRoom, TryOn
from fitting.scene import dress
from fitting.underlay import undress

LAYERS = (Category.LOWER, Category.DRESS, Category.UPPER, Category.OUTER)  # from the skin outwards
# What has to come off for a garment of a category, beside another one of the same.
INSTEAD = {
    Category.UPPER: (Category.DRESS,),
    Category.LOWER: (Category.DRESS,),
    Category.DRESS: (Category.UPPER, Category.LOWER),
    Category.OUTER: (),
}
STEPS = 6  # people half dressed that a dresser remembers


def takes_off(category: Category) -> tuple[Category, ...]:
    """Categories that cannot be worn beside a garment of one: another of its kind, and a dress beside a top."""
    return (category, *INSTEAD[category])


@dataclass(frozen=True)
class Outfit:
    """What a person puts on: at most one garment of each category, in the order of `LAYERS`."""

    garments: tuple[Garment, ...] = ()

    def wear(self, garment: Garment) -> Outfit:
        """This outfit with a garment, without those that it takes the place of."""
        off = takes_off(garment.category)
        kept = [worn for worn in self.garments if worn.category not in off]
        return Outfit(tuple(sorted([*kept, garment], key=lambda worn: LAYERS.index(worn.category))))

    def without(self, category: Category) -> Outfit:
        """This outfit without its garment of a category."""
        return Outfit(tuple(worn for worn in self.garments if worn.category is not category))


def try_on_outfit(
    room: FittingRoom,
    person: Person,
    outfit: Outfit,
    progress: Callable[[str], None] | None = None,
    engine: str = "auto",
) -> TryOn:
    """Show a person in an outfit.

    Args:
        room: that dresses.
        person: as the room understood their photo.
        outfit: at least one garment.
        progress: told the name of each stage as it begins, of one garment after the other.
        engine: as for `FittingRoom.try_on`.

    Returns:
        The whole outfit: where `edit_region` is 0 the picture is the photo, bit for bit; `warped` holds the garments
        as they lie over one another; `seconds` are sums; the category is that of the outermost garment.

    Raises:
        FittingError: something the visitor can mend.
        ValueError: the outfit is empty.
    """

    def tell(stage: str, number: int) -> None:
        if progress is not None:
            progress(stage)

    with Dresser(room, person) as dresser:
        return dresser.wear(outfit, tell, engine)


@dataclass
class _Step:
    """Somebody in the innermost garments of an outfit."""

    before: Person
    garments: tuple[Garment, ...]
    result: TryOn  # of the last of the garments alone
    worn: TryOn  # of all of them
    over: bool
    _after: Person | None = None

    @property
    def after(self) -> Person:
        """The person to put the next garment on; only worked out if there is one."""
        if self._after is None:
            self._after = wearing(self.before, self.garments[-1], self.result, self.over)
        return self._after

    def forget(self, room: FittingRoom) -> None:
        if self._after is not None:
            room.forget(self._after)


class Dresser:
    """Puts one outfit after another on the same person: what an outfit has in common with one of the last few, from
    the skin outwards, is not drawn again. Use it as a context, and in one thread at a time."""

    def __init__(self, room: FittingRoom, person: Person) -> None:
        self._room, self._person = room, person
        self._steps: OrderedDict[tuple[int, ...], _Step] = OrderedDict()

    def __enter__(self) -> Dresser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Steps on the way are dropped from memory; the photo itself stays known to the room."""
        for step in self._steps.values():
            step.forget(self._room)
        self._steps.clear()

    def wear(self, outfit: Outfit, progress: Callable[[str, int], None] | None = None, engine: str = "auto") -> TryOn:
        """Show the person in an outfit; as `try_on_outfit`, but progress is told the garment's number too, from 0."""
        if not outfit.garments:
            raise ValueError("an outfit needs a garment")
        step: _Step | None = None
        for number in range(len(outfit.garments)):
            garments = outfit.garments[: number + 1]
            key = (hash(engine), *map(id, garments))  # a step holds its garments, so that no id is used again
            known = self._steps.get(key)
            if known is None:
                known = self._put_on(step, garments, _numbered(progress, number), engine)
            self._remember(key, known)
            step = known
        assert step is not None
        return step.worn

    def _put_on(
        self, below: _Step | None, garments: tuple[Garment, ...], progress: Callable[[str], None] | None, engine: str
    ) -> _Step:
        person = self._person if below is None else below.after
        over = garments[-1].category is Category.OUTER and below is not None
        result = self._room.try_on(person, garments[-1], progress=progress, engine=engine, over=over)
        worn = result if below is None else _together(below.worn, result)
        return _Step(person, garments, result, worn, over)

    def _remember(self, key: tuple[int, ...], step: _Step) -> None:
        self._steps[key] = step
        self._steps.move_to_end(key)
        while len(self._steps) > STEPS:
            self._steps.popitem(last=False)[1].forget(self._room)


def _numbered(progress: Callable[[str, int], None] | None, number: int) -> Callable[[str], None] | None:
    return None if progress is None else lambda stage: progress(stage, number)


def wearing(person: Person, garment: Garment, result: TryOn, over: bool = False) -> Person:
    """The person of a try-on's picture, known from how it was made rather than looked for again.

    Pose stays; cells that changed show the garment or, unless it is worn over everything, what it uncovered.
    """
    frame, part = person.frame, PARTS[garment.category]
    picture = to_tensor(result.picture)
    edits = frame.cut(_grey(result.edit_region), fill=0.0)[0] / 255
    covered = frame.cut(_grey(result.warped.getchannel("A")), fill=0.0)[0] / 255
    parsing, matte = person.parsing, person.matte
    if not over:
        bared = edits > 0.5
        beneath = undress(dress(person, garment.category)).parsing
        parsing = torch.where(bared, beneath, parsing)
        matte = torch.where(bared & (beneath == Part.BACKGROUND), torch.zeros_like(matte), matte)
    parsing = torch.where(covered > 0.5, torch.full_like(parsing, int(part)), parsing)
    image = torch.where(edits[None] > 0, frame.cut(picture) / 255, person.image)
    seen = torch.maximum(matte, covered)
    return replace(person, photo=picture, image=image, parsing=parsing, matte=seen, notes=())


def _grey(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image))[None]


def _together(below: TryOn, above: TryOn) -> TryOn:
    """Two try-ons, the second made on the picture of the first."""
    warped = Image.alpha_composite(below.warped, above.warped)
    return replace(
        above,
        edit_region=ImageChops.lighter(below.edit_region, above.edit_region),
        warped=warped,
        notes=tuple(dict.fromkeys((*below.notes, *above.notes))),
        seconds={stage: below.seconds.get(stage, 0.0) + seconds for stage, seconds in above.seconds.items()},
    )
