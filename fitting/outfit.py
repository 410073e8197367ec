"""Several garments at once: a top, then trousers, then a jacket over both.

An outfit is worn from the photo up, in the order in which clothes lie over one another, whatever the order in which
they were chosen: nothing is ever drawn twice, and what is taken off again leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

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


@dataclass(frozen=True)
class Outfit:
    """What a person puts on: at most one garment of each category, in the order of `LAYERS`."""

    garments: tuple[Garment, ...] = ()

    def wear(self, garment: Garment) -> Outfit:
        """This outfit with a garment, without those that it takes the place of."""
        off = (garment.category, *INSTEAD[garment.category])
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
    if not outfit.garments:
        raise ValueError("an outfit needs a garment")
    worn: TryOn | None = None
    for garment in outfit.garments:
        over = garment.category is Category.OUTER and worn is not None
        try:
            result = room.try_on(person, garment, progress=progress, engine=engine, over=over)
        finally:
            if worn is not None:
                room.forget(person)  # a step on the way; the photo itself stays known
        person = wearing(person, garment, result, over)
        worn = result if worn is None else _together(worn, result)
    assert worn is not None
    return worn


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
