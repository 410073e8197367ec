"""What a visitor wears: the look, the looks before it, and those that were kept. In memory alone."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from fitting.errors import GarmentError
from fitting.garment import Category, Garment
from fitting.outfit import LAYERS, Outfit, takes_off
from fitting.ui import words
from fitting.ui.compare import Views
from fitting.ui.shelves import ShopFront

PAST = 12  # looks that can be gone back to
KEPT = 6  # looks that can be kept


@dataclass(frozen=True)
class Piece:
    """A garment of a look.

    Attributes:
        key: the item's id; of a garment that the visitor brought, a name that no item has.
        called: as the shop calls it; what the page itself calls is named in the language of whoever reads it.
        category: where it is worn.
        brought: the garment itself, if the visitor brought it; the shop knows its own.
    """

    key: str
    called: str | Callable[[], str] = field(compare=False)
    category: Category
    brought: Garment | None = field(default=None, compare=False, repr=False)

    @property
    def title(self) -> str:
        return self.called if isinstance(self.called, str) else self.called()


@dataclass(frozen=True)
class Look:
    """Garments worn together, the outermost last: at most one of each category."""

    pieces: tuple[Piece, ...] = ()

    def wear(self, piece: Piece) -> Look:
        """This look with a garment, without those that it takes the place of."""
        kept = [worn for worn in self.pieces if worn not in self.gives_way(piece) and worn.key != piece.key]
        return Look(tuple(sorted([*kept, piece], key=lambda worn: LAYERS.index(worn.category))))

    def gives_way(self, piece: Piece) -> tuple[Piece, ...]:
        """What comes off when a garment is put on; the same garment put on anew is none of it."""
        off = takes_off(piece.category)
        return tuple(worn for worn in self.pieces if worn.category in off and worn.key != piece.key)

    def without(self, key: str) -> Look:
        """This look without one of its garments."""
        return Look(tuple(worn for worn in self.pieces if worn.key != key))

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(piece.key for piece in self.pieces)

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(piece.title for piece in self.pieces)


@dataclass(frozen=True)
class Kept:
    """A look that was kept, with the paths of the photo it was worn on and of its picture."""

    id: str
    look: Look
    picture: str
    photo: str | None


@dataclass
class Wardrobe:
    """What one visitor wears and wore; hold `lock` to change it.

    Attributes:
        look: what the result on the page shows.
        photo, result: paths of the photo it is worn on and of its picture on the page; None while there is none.
        views: the result as the page shows it.
        past: looks before, the last one last.
        kept: looks that were kept, the oldest first.
        brought: the garment that the visitor brought last, as it was understood, and its file.
        sample: whether the photo is that of a sample person.
        person: the number of that person.
        stand_in: path that the photo of the sample person will have, while the page may not know it yet.
        agreed: whether the visitor agreed that a photo of theirs is worked on.
    """

    look: Look = field(default_factory=Look)
    photo: str | None = None
    result: str | None = None
    views: Views | None = None
    past: list[Look] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    brought: tuple[str, Garment] | None = field(default=None, repr=False)
    sample: bool = False
    person: int | None = None
    stand_in: str | None = None
    agreed: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def show(
        self, look: Look, photo: str | None, result: str | None, undone: bool = False, views: Views | None = None
    ) -> None:
        """There is another result; undone, the look before is the last that can be gone back to."""
        with self.lock:
            if undone and self.past:
                self.past.pop()
            elif look != self.look:
                self.past = [*self.past, self.look][-PAST:]
            self.look, self.photo, self.result, self.views = look, photo, result, views

    def keep(self, picture: str) -> Kept:
        """Keep the look, with a picture of it."""
        with self.lock:
            kept = Kept(secrets.token_urlsafe(9), self.look, picture, self.photo)
            self.kept.append(kept)
            return kept

    def of(self, id: str | None) -> Kept | None:
        """A look that was kept, if it still is."""
        with self.lock:
            return next((kept for kept in self.kept if kept.id == id), None)

    def forget(self) -> None:
        """The visit is over."""
        with self.lock:
            self.look, self.photo, self.result, self.views, self.brought = Look(), None, None, None, None
            self.past, self.kept = [], []
            self.sample, self.person, self.stand_in, self.agreed = False, None, None, False


def garment_of(shop: ShopFront, item_id: str) -> Garment:
    """An item's garment, without notes: what it is, the shop knows.

    Raises:
        GarmentError: there is no such item (any more).
    """
    try:
        return replace(shop.garment(item_id), notes=())
    except KeyError:
        raise GarmentError(words.NO_SUCH_ITEM) from None


def outfit_of(shop: ShopFront, look: Look) -> Outfit:
    """A look's garments, each worn where the look says.

    Raises:
        GarmentError: one of them is sold out and gone.
    """
    outfit = Outfit()
    for piece in look.pieces:
        garment = garment_of(shop, piece.key) if piece.brought is None else piece.brought
        outfit = outfit.wear(
            garment if garment.category is piece.category else replace(garment, category=piece.category)
        )
    return outfit
