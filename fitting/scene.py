"""Undress the photo on paper: `dress(person, category)` says what may change and hides the old garment."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from fitting.garment import Category
from fitting.person import Person


@dataclass(frozen=True)
class Scene:
    """A person prepared for a garment. Maps are on the person's 512x384 grid.

    Attributes:
        person: whom it shows.
        category: where the garment will be worn.
        edit_region: (512, 384) float in [0, 1]; 0 where the photo must stay as it is.
        agnostic: (3, 512, 384) float in [0, 1], the photo with every trace of the old garment removed.
        protected: (512, 384) float in [0, 1], face, hair, hands and what lies in front of the garment.
    """

    person: Person
    category: Category
    edit_region: Tensor
    agnostic: Tensor
    protected: Tensor
