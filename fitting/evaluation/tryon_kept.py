"""What a try-on without a true answer can still be held to: the right garment, and nothing else changed."""

from __future__ import annotations

import torch
from torch import Tensor

from fitting.errors import FittingError
from fitting.evaluation.tryon_cases import Case
from fitting.garment import Category, embed
from fitting.images import to_image, to_unit
from fitting.person import Part
from fitting.room import FittingRoom

CLOTHES = {
    Category.UPPER: (Part.UPPER, Part.DRESS),
    Category.OUTER: (Part.UPPER, Part.DRESS),
    Category.DRESS: (Part.DRESS, Part.UPPER, Part.LOWER),
    Category.LOWER: (Part.LOWER, Part.DRESS),
}
LEAST = 100  # pixels of clothes below which there is no garment to look at


def fidelity(room: FittingRoom, case: Case, picture: Tensor) -> float:
    """Cosine of the embeddings of the garment and of the clothes that PersonNet sees in the result's edit region.

    Every row is judged by the same eye, not by where it says that it laid the garment. 0 where no clothes are seen.

    Args:
        room: whose PersonNet looks and whose GarmentNet embeds.
        case: what was asked for.
        picture: (3, H, W) uint8, the result.
    """
    try:
        seen = room.understand_person(to_image(picture))
    except FittingError:
        return 0.0
    worn = torch.zeros_like(seen.parsing, dtype=torch.bool)
    for part in CLOTHES[case.garment.category]:
        worn |= seen.parsing == part
    mask = seen.frame.place(worn[None].float(), *picture.shape[-2:])[0] * case.region()
    if (mask > 0.5).sum() < LEAST:
        return 0.0
    found = embed(room.garment_net, to_unit(picture), mask)
    return float(found @ case.garment.embedding)


def unchanged(case: Case, picture: Tensor) -> dict[str, tuple[int, int]]:
    """How many pixels are the photo's, bit for bit, of how many: outside the edit region, and of face, hair, hands."""
    person, scene = case.person, case.scene
    same = (picture == person.photo).all(0)
    parsing = person.parsing
    kept = (parsing == Part.FACE) | (parsing == Part.HAIR) | ((parsing == Part.ARMS) & (scene.protected > 0.5))
    # Only pixels that lie wholly in such cells: at their rim a cell that may change shares the pixel.
    firm = person.frame.place(kept[None].float(), *picture.shape[-2:])[0] > 0.999
    places = {"outside": ~case.region(), "face_hair_hands": firm}
    return {name: (int((same & where).sum()), int(where.sum())) for name, where in places.items()}
