"""The catalogue for programs: a page of what is on offer, and where the pictures are."""

# Without `from __future__ import annotations`: Gradio reads the endpoint's types from the annotations themselves.

import threading
from typing import Literal
from urllib.parse import quote

import gradio as gr
from typing_extensions import TypedDict  # the tools for agents need this one before Python 3.12

from fitting.catalogue import Catalogue
from fitting.errors import GarmentError
from fitting.finder import COLOURS, Finder, Wanted
from fitting.garment import Category
from fitting.item import Item
from fitting.ui import words
from fitting.ui.shelves import ShopFront
from fitting.ui.telling import spoken

MOST = 100  # items of a page

Where = Literal["auto", "upper", "lower", "dress", "outer"]


class Offer(TypedDict):
    """An item of the catalogue. The picture is an address within the app."""

    id: str
    title: str
    category: str
    price: float | None
    colours: list[str]
    description: str
    url: str
    picture: str


class Offers(TypedDict):
    """A page of the catalogue, and how many items there are on all pages."""

    total: int
    currency: str
    items: list[Offer]


class Finders:
    """The index of what is on offer now; made anew only when that has changed. Safe to use from several threads."""

    def __init__(self, shop: ShopFront) -> None:
        self._shop = shop
        self._lock = threading.Lock()
        self._known: tuple[Catalogue, Finder] | None = None

    def now(self) -> tuple[Catalogue, Finder]:
        """The catalogue, and its index."""
        catalogue = self._shop.catalogue()
        with self._lock:
            if self._known is None or self._known[0] is not catalogue:
                self._known = catalogue, Finder(catalogue)
            return self._known


def add_catalogue(finders: Finders) -> None:
    """Add the endpoint /catalogue to the app being built."""

    def catalogue(
        search: str = "", category: Where = "auto", colour: str | None = None, limit: int = 24, offset: int = 0
    ) -> Offers:
        """What can be tried on: the whole catalogue in the shop's order, or what is searched for, best first.

        Words may be misspelt. `category` auto is all of them; `colour` is a family such as blue. A picture's address
        is relative to the app's own.
        """
        try:
            return page(finders, search, category_of(category), colour, limit, offset)
        except Exception as error:
            raise gr.Error(spoken(error), title=words.SORRY, print_exception=False) from None

    gr.api(catalogue, api_name="catalogue", concurrency_id="catalogue", concurrency_limit=4)


def page(
    finders: Finders, search: str, category: Category | None, colour: str | None, limit: int, offset: int
) -> Offers:
    """A page of what is found.

    Raises:
        GarmentError: there is no such colour, or limit or offset are no sensible numbers.
    """
    if colour is not None and (not isinstance(colour, str) or colour not in COLOURS):
        raise GarmentError(words.no_such_colour(COLOURS))
    if not isinstance(search, str):
        raise GarmentError(words.SEARCH_IN_WORDS)
    limit, offset = count_of(limit, 1, MOST), count_of(offset, 0, 10**9)
    catalogue, finder = finders.now()
    found = finder.find(Wanted(search, category, colour))
    return Offers(
        total=len(found), currency=catalogue.currency, items=[offer(item) for item in found[offset : offset + limit]]
    )


def offer(item: Item) -> Offer:
    """An item as programs see it."""
    return Offer(
        id=item.id,
        title=item.title,
        category=item.category.value,
        price=item.price,
        colours=list(item.colours),
        description=item.description or "",
        url=item.url or "",
        picture=f"/picture/{quote(item.id, safe='')}",
    )


def count_of(number: object, least: int, most: int) -> int:
    """A number that a program sent: Gradio does not hold callers to the endpoint's types.

    Raises:
        GarmentError: it is no whole number, or not within these bounds.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        raise GarmentError(words.count_between(least, most))
    return number


def id_of(item: object) -> str:
    """An item's id that a program sent; see `count_of`.

    Raises:
        GarmentError: it is no text.
    """
    if not isinstance(item, str):
        raise GarmentError(words.NO_SUCH_ITEM)
    return item


def category_of(name: str) -> Category | None:
    """The category of that name; None for auto.

    Raises:
        GarmentError: there is none.
    """
    if name == "auto":
        return None
    if name not in [category.value for category in Category]:
        raise GarmentError(words.NO_SUCH_CATEGORY)
    return Category(name)
