"""A picture of a garment, understood: `GarmentNet`, and picture -> `Garment`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache, partial

import cv2
import torch
from torch import Tensor
from torch.nn import functional as F

from fitting import cutout, images
from fitting import person as people
from fitting.errors import GarmentError, PhotoError
from fitting.garment_net import GarmentNet, GarmentNetConfig, GarmentReading, Kind
from fitting.person import Part, Person, PersonNet
from fitting.precision import fetched, home, quick, sent

__all__ = [
    "Category",
    "Garment",
    "GarmentNet",
    "GarmentNetConfig",
    "GarmentReading",
    "Kind",
    "understand_garment",
]


class Category(str, Enum):
    """What a garment covers. `OUTER` (jackets, coats) is worn on the upper body, over what is there."""

    UPPER = "upper"
    LOWER = "lower"
    DRESS = "dress"
    OUTER = "outer"


CATEGORIES = (Category.UPPER, Category.LOWER, Category.DRESS, Category.OUTER)  # in the order of `Kind`


@dataclass(frozen=True)
class Garment:
    """A garment cut out of its picture.

    Attributes:
        image: (3, H, W) float in [0, 1], cropped to the garment with a small margin, longest side <= 1024.
        mask: (H, W) float in [0, 1], how much of each pixel is garment.
        category: where it is worn.
        described: its embedding, or what finds it once it is asked for: to be worn, a garment needs none.
        worn: the picture showed a person wearing it.
        notes: sentences for the visitor.
    """

    image: Tensor
    mask: Tensor
    category: Category
    described: Tensor | Callable[[], Tensor]
    worn: bool = False
    notes: tuple[str, ...] = ()

    @property
    def embedding(self) -> Tensor:
        """(128,) float, unit length: near for garments that look alike."""
        return self.described if isinstance(self.described, Tensor) else self.described()


GLANCE = 160  # side of the square in which a garment is looked for
LOOK = 192  # side of the square in which it is cut out
TOUCH = 128  # side of the square in which it is embedded
LEAST = 64  # shorter side of a picture, and longer side of a garment in it
SURE = 0.7  # below this chance the visitor is told what the garment was taken for
NAMES = {
    Category.UPPER: "a top",
    Category.LOWER: "trousers or a skirt",
    Category.DRESS: "a dress",
    Category.OUTER: "a jacket or coat",
}
# The part of a person that a garment of each category is cut out from.
PARTS = {
    Category.UPPER: Part.UPPER,
    Category.LOWER: Part.LOWER,
    Category.DRESS: Part.DRESS,
    Category.OUTER: Part.UPPER,
}
TOO_SMALL = "The garment is too small in this picture. Choose one in which it nearly fills the picture."
NO_GARMENT = "No garment was found in this picture. Choose a photo of one garment, laid flat or on a hanger."
PERSON = "This picture shows a person. Choose a photo of the garment alone, laid flat or on a hanger."


@torch.no_grad()
def understand_garment(
    net: GarmentNet,
    picture: Tensor,
    category: Category | None = None,
    person_net: PersonNet | None = None,
    likely: Callable[[Category], None] | None = None,
) -> Garment:
    """Find the garment in a picture, cut it out, and say what it is.

    Args:
        net: in evaluation mode.
        picture: (3, H, W) uint8, decoded.
        category: where the garment is worn, if that is known; None lets the network say.
        person_net: accepts pictures of a person wearing the garment; None refuses them.
        likely: told after the first of three looks where the garment is worn, as far as can be said by then.

    Raises:
        GarmentError: the picture is blank, shows no garment, or shows it too small.
    """
    unit = _opened(picture)
    chances, glance = glance_at(net, unit)
    if chances.argmax() == Kind.WORN:
        if person_net is None:
            raise GarmentError(PERSON)
        try:
            person = people.understand_person(person_net, images.to_pixels(unit))
        except PhotoError:
            raise GarmentError(PERSON) from None
        category, note = _worn_category(person, category)
        cut = _cut_from_person(unit, person, category)
        return Garment(cut.image, cut.mask, category, _embedder(net, cut), True, (note,))
    # A visitor who named the category has a garment in mind: refuse only what is plainly none.
    if chances[Kind.OTHER] > (0.5 if category is None else 0.9):
        raise GarmentError(NO_GARMENT)
    if likely is not None:
        likely(_category(chances, category)[0])
    cut, nearer = look_closer(net, unit, glance)
    found, notes = _category((chances + nearer) / 2, category)
    return Garment(cut.image, cut.mask, found, _embedder(net, cut), False, notes)


def glance_at(net: GarmentNet, unit: Tensor) -> tuple[Tensor, Tensor]:
    """Chances (6,) over `Kind`, and a coarse mask (h, w) of the whole picture (3, H, W) in [0, 1]."""
    return _read(net, unit, GLANCE, mirrored=True)


def cut_out(net: GarmentNet, unit: Tensor, glance: Tensor) -> cutout.Cut:
    """Cut the garment out along the picture's edges. Raises GarmentError as `look_closer` does."""
    return look_closer(net, unit, glance)[0]


def look_closer(net: GarmentNet, unit: Tensor, glance: Tensor) -> tuple[cutout.Cut, Tensor]:
    """Look at the garment twice more, closer each time: its cut-out, and chances (6,) over `Kind` from close by.

    Raises:
        GarmentError: there is nothing to cut out, or it is too small.
    """
    _, box = _find(glance, (0, 0, *unit.shape[-2:]), NO_GARMENT, 2 * cutout.MARGIN)
    near = _read(net, cutout.part(unit, box), GLANCE)[1]
    cells, box = _find(near, box, NO_GARMENT, cutout.MARGIN)
    chances, nearer = _read(net, cutout.part(unit, box), LOOK, mirrored=True)
    near = cutout.resize(cutout.part(near[None], cells), (nearer.shape[0], nearer.shape[1]))[0]
    cut = cutout.crop(unit, cutout.main_pieces((near + 2 * nearer) / 3, core=0.8), box)
    if cut is None:
        raise GarmentError(NO_GARMENT)
    return cut, chances


@torch.no_grad()
def _read(net: GarmentNet, unit: Tensor, side: int, mirrored: bool = False) -> tuple[Tensor, Tensor]:
    """Chances (6,) and mask (h, w), from a picture or from the mean of it and its mirror image."""
    square = sent(images.to_signed(cutout.letterbox(unit, side)[None]), home(net))
    with quick(square.device):
        reading = net(torch.cat([square, square.flip(3)]) if mirrored else square)
    masks, chances = fetched(reading.cutout[:, 0].float().sigmoid(), reading.kind.float().softmax(1).mean(0))
    if mirrored:
        masks = (masks[:1] + masks[1:].flip(2)) / 2
    return chances, cutout.out_of_letterbox(masks[0], *unit.shape[-2:])


@torch.no_grad()
def embed(net: GarmentNet, image: Tensor, mask: Tensor) -> Tensor:
    """Embedding of a cut-out garment, the same wherever and however large it was in its picture.

    Args:
        image: (3, H, W) in [0, 1].
        mask: (H, W) in [0, 1], the garment in it.

    Returns:
        (128,) unit length.
    """
    top, left, bottom, right = cutout.box_of(mask, cutout.MARGIN) or (0, 0, *mask.shape)
    shown, inside = image[:, top:bottom, left:right], mask[None, top:bottom, left:right]
    plain = shown * inside + 0.9 * (1 - inside)
    square = cutout.letterbox(torch.cat([plain, inside]), TOUCH)[None]
    both = torch.cat([square, square.flip(3)])  # a garment and its mirror image are the same garment
    both = sent(both, home(net))
    embeddings = net(images.to_signed(both[:, :3]), both[:, 3:]).embedding
    return F.normalize(embeddings.float().mean(0), dim=0).cpu()


def _embedder(net: GarmentNet, cut: cutout.Cut) -> Callable[[], Tensor]:
    """Finds the embedding of a cut-out once."""
    return cache(partial(embed, net, cut.image, cut.mask))


def embed_picture(net: GarmentNet, picture: Tensor) -> Tensor:
    """Embedding (128,) of the garment in a catalogue's picture (3, H, W) uint8. Raises GarmentError."""
    return understand_garment(net, picture).embedding


def _opened(picture: Tensor) -> Tensor:
    """The picture in [0, 1], no larger than is of use, if it can show a garment at all."""
    if picture.dtype != torch.uint8 or picture.ndim != 3 or len(picture) != 3:
        raise ValueError("a picture is (3, H, W) uint8")
    height, width = picture.shape[-2:]
    if min(height, width) < LEAST:
        raise GarmentError(
            f"This garment picture is too small: {width} x {height} pixels. Choose one of at least 256 x 256."
        )
    shrink = min(1.0, 1.5 * cutout.LONGEST / max(height, width))
    if shrink < 1:
        picture = cutout.resize(picture, (round(height * shrink), round(width * shrink)))
    if max(cv2.meanStdDev(band)[1].item() for band in picture.numpy()) < 0.01 * 255:
        raise GarmentError("This garment picture is blank. Choose a photo that shows the garment.")
    return images.to_unit(picture)


def _find(mask: Tensor, shown: cutout.Box, none: str, margin: float) -> tuple[cutout.Box, cutout.Box]:
    """The garment's box, with a margin, in cells of a mask and in pixels of the picture.

    Args:
        mask: (h, w) in [0, 1], any size.
        shown: the part of the picture that the mask covers.
        none: what to say when nothing is there.
        margin: share of the box's longer side.
    """
    found = cutout.main_pieces(mask)
    cells = cutout.box_of(found, margin)
    if cells is None or (found > 0.5).float().mean() < 0.003:
        raise GarmentError(none)
    high, wide = cutout.size(shown)
    down, across = high / mask.shape[0], wide / mask.shape[1]
    top, left = shown[0] + round(cells[0] * down), shown[1] + round(cells[1] * across)
    bottom, right = shown[0] + round(cells[2] * down), shown[1] + round(cells[3] * across)
    if max(bottom - top, right - left) < LEAST:
        raise GarmentError(TOO_SMALL)
    return cells, (top, left, max(bottom, top + 1), max(right, left + 1))


def _category(chances: Tensor, wanted: Category | None) -> tuple[Category, tuple[str, ...]]:
    """What the garment is, and a note where that is unsure; a wish overrides."""
    if wanted is not None:
        return wanted, ()
    shares = chances[: len(CATEGORIES)] / chances[: len(CATEGORIES)].sum()
    best = int(shares.argmax())
    found = CATEGORIES[best]
    if shares[best] >= SURE:
        return found, ()
    return found, (f"We took this for {NAMES[found]}; change it if that is wrong.",)


def _worn_category(person: Person, wanted: Category | None) -> tuple[Category, str]:
    """Which of the garments that somebody wears is meant, and a note that says so."""
    if wanted is None:
        upper, dress, lower = (int((person.parsing == part).sum()) for part in (Part.UPPER, Part.DRESS, Part.LOWER))
        if dress > max(upper, lower):
            wanted = Category.DRESS
        else:
            wanted = Category.UPPER if upper >= 0.4 * lower else Category.LOWER
    note = f"A person wears it in this picture: we took {NAMES[wanted]}; change it if that is wrong."
    return wanted, note


def _cut_from_person(unit: Tensor, person: Person, category: Category) -> cutout.Cut:
    """Cut a garment out of a picture of somebody who wears it, by the parsing.

    Raises:
        GarmentError: the person wears nothing of the kind, or it is too small.
    """
    none = f"We cannot see {NAMES[category]} on this person. Choose another category or another picture."
    worn = person.parsing == PARTS[category]
    height, width = unit.shape[-2:]
    mask = person.frame.place(worn[None].float(), height, width)
    scale = min(1.0, 512 / max(height, width))
    mask = cutout.resize(mask, (round(height * scale), round(width * scale)))
    cells, box = _find(mask[0], (0, 0, height, width), none, cutout.MARGIN)
    cut = cutout.crop(unit, cutout.main_pieces(cutout.part(mask, cells)[0]), box)
    if cut is None:
        raise GarmentError(none)
    return cut
