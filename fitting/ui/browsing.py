"""The catalogue on the page: a search box, filters, and as many pictures as one looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import gradio as gr

from fitting.catalogue import Catalogue
from fitting.events import EventKind
from fitting.finder import Finder, Wanted
from fitting.garment import Category
from fitting.item import Item
from fitting.ui import words
from fitting.ui.offers import Finders
from fitting.ui.shelves import EVERYTHING, UNSELECTED, pictures_of, shelf_choices, shelves
from fitting.ui.visits import Visits

PAGE = 48  # pictures that are shown at first, and more at a press
MOST = 480  # more are not looked at: narrow the search instead
ANY = ""  # the choice of a filter that narrows nothing
ITEM = "item"  # of the page's address: the id of a garment that is chosen from the start

Parts = dict[str, Any]  # the components of a column by name
Found = tuple[Any, Any, str, Any]  # gallery, ids that it shows, what is said, the button for more


@dataclass(frozen=True)
class Looked:
    """Where a shopper has got to: what is searched for, the choices of the filters, and how many are shown."""

    text: str
    shelf: str
    colour: str
    price: str
    shown: int


@dataclass(frozen=True)
class Browsing:
    """What happens when a shopper looks for something; the answers are values for the page's components."""

    finders: Finders
    visits: Visits

    def find(
        self,
        text: str,
        shelf: str,
        colour: str,
        price: str,
        choice: str | None = None,
        before: Sequence[str] = (),
        pages: int = 1,
        first: str | None = None,
    ) -> Found:
        """Show what fits, from its beginning.

        Args:
            shelf: a key of `shelves`.
            colour, price: a choice of their filters.
            choice: what is chosen; it stays marked if it is shown.
            before: ids that were shown.
            pages: how many are shown.
            first: id of an item that comes first.
        """
        catalogue, finder = self.finders.now()
        found = _found(catalogue, finder, text, shelf, colour, price)
        fitting = [item.id for item in found]
        if first is None and choice is not None and choice in fitting[pages * PAGE :]:
            first = choice  # what is chosen fits, but would be out of sight
        if first is not None:
            found = [catalogue.get(first), *(item for item in found if item.id != first)]
        shown = found[: min(pages * PAGE, MOST)]
        ids = [item.id for item in shown]
        gallery = gr.update(value=pictures_of(shown), visible=bool(shown))
        if choice in ids:
            gallery["selected_index"] = ids.index(choice)
        elif choice in before:  # only then: told so where nothing is marked, Gradio's gallery marks the first
            gallery["selected_index"] = UNSELECTED
        narrowed = bool(text.strip()) or (shelf, colour, price) != (EVERYTHING, ANY, ANY)
        return (
            gallery,
            ids,
            _said(len(found), len(shown), narrowed),
            gr.update(visible=len(shown) < min(len(found), MOST)),
        )

    def more(self, text: str, shelf: str, colour: str, price: str, choice: str | None, shown: list[str]) -> Found:
        """Show another page of the same."""
        return self.find(text, shelf, colour, price, choice, shown, len(shown) // PAGE + 1)

    def again(self, looked: Looked, choice: str | None) -> tuple[Any, ...]:
        """The same on another page: filters, and what `find` answers. What the catalogue has no more is left out."""
        filters = _filters(*self.finders.now())
        for update, value in zip(filters, (looked.shelf, looked.colour, looked.price), strict=True):
            if value in [key for _, key in update["choices"]]:
                update["value"] = value
        shelf, colour, price = (update["value"] for update in filters)
        return *filters, *self.find(looked.text, shelf, colour, price, choice, pages=max(1, -(-looked.shown // PAGE)))

    def arrive(self, revision: int, request: gr.Request) -> tuple[Any, ...]:
        """A page is opened: renew the catalogue if it has changed since the app started, and choose the garment that
        the page's address names."""
        catalogue, finder = self.finders.now()
        named = (request.query_params or {}).get(ITEM)
        skipped: tuple[Any, ...] = tuple(gr.skip() for _ in range(10))
        if catalogue.revision != revision:
            anew = self.find("", EVERYTHING, ANY, ANY)
            skipped = *_filters(catalogue, finder), *anew, *skipped[7:9], catalogue.revision
        if named is None:
            return skipped
        if named not in catalogue or not catalogue.get(named).in_stock:
            return *skipped[:8], words.note(words.NO_SUCH_ITEM_HERE, "error"), skipped[9]
        visit, title = self.visits.of(request.session_hash or ""), catalogue.get(named).title
        visit.shopper.did(named, EventKind.VIEWED)
        visit.shopper.choose(named)
        said = visit.say("chosen", lambda: words.note(words.chosen_item(title), "good"))
        return *skipped[:3], *self.find("", EVERYTHING, ANY, ANY, named, first=named), named, said, skipped[9]


def catalogue_column(browsing: Browsing) -> Parts:
    """Search box, filters and pictures; connect them with `connect`."""
    catalogue, finder = browsing.finders.now()
    show, colours, prices = _filters(catalogue, finder)
    search = gr.Textbox(
        label=words.SEARCH,
        placeholder=words.SEARCH_HINT,
        max_lines=1,
        max_length=200,
        elem_id="search",
        type="text",
    )
    with gr.Row(elem_id="filters"):
        shelf = gr.Dropdown(**_options(show), label=words.SHOW, filterable=False, elem_id="shelf-filter")
        colour = gr.Dropdown(**_options(colours), label=words.COLOUR, filterable=False, elem_id="colour-filter")
        price = gr.Dropdown(**_options(prices), label=words.PRICE, filterable=False, elem_id="price-filter")
    items = _found(catalogue, finder, "", EVERYTHING, ANY, ANY)
    said = gr.HTML(_said(len(items), min(len(items), PAGE), False), elem_id="found", padding=False)
    gallery = gr.Gallery(
        pictures_of(items[:PAGE]),
        label=words.CATALOGUE,
        show_label=False,
        allow_preview=False,
        object_fit="contain",
        columns=4,
        height=440,
        buttons=[],
        elem_id="shelf",
        elem_classes="shelf",
        interactive=False,
    )
    more = gr.Button(words.SHOW_MORE, size="sm", variant="secondary", elem_id="more", visible=len(items) > PAGE)
    shown = gr.State([item.id for item in items[:PAGE]])
    return {
        "search": search,
        "shelf": shelf,
        "colour": colour,
        "price": price,
        "gallery": gallery,
        "shown": shown,
        "found": said,
        "more": more,
    }


def connect(browsing: Browsing, column: Parts, light: dict[str, Any]) -> None:
    """Wire the column, to which the state `choice` was added. `light` are the options of events that answer at once."""
    asked = [column[name] for name in ("search", "shelf", "colour", "price", "choice", "shown")]
    answer = [column[name] for name in ("gallery", "shown", "found", "more")]
    # Not `input`: what is pasted, or filled in by an assistant, raises no such event.
    column["search"].change(browsing.find, asked, answer, trigger_mode="always_last", **light)
    for name in ("shelf", "colour", "price"):
        column[name].input(browsing.find, asked, answer, **light)
    column["more"].click(browsing.more, asked, answer, **light)


def _found(catalogue: Catalogue, finder: Finder, text: str, shelf: str, colour: str, price: str) -> list[Item]:
    category = Category(shelf) if shelf in [one.value for one in Category] else None
    least, most = _bounds(price)
    found = finder.find(Wanted(text or "", category, colour or None, least, most))
    if category is None and shelf != EVERYTHING and shelf in shelves(catalogue):
        return [item for item in found if item.pattern == shelf]
    return found


def _filters(catalogue: Catalogue, finder: Finder) -> tuple[Any, Any, Any]:
    """What the filters offer; one that would narrow nothing is not shown."""
    show = gr.update(choices=shelf_choices(shelves(catalogue)), value=EVERYTHING)
    families = [(words.colour(family), family) for family in finder.colours()]
    colours = gr.update(choices=[(words.ANY_COLOUR, ANY), *families], value=ANY, visible=len(families) > 1)
    bands = _bands(finder, catalogue.currency)
    return show, colours, gr.update(choices=[(words.ANY_PRICE, ANY), *bands], value=ANY, visible=len(bands) > 1)


def _options(update: dict[str, Any]) -> dict[str, Any]:
    """An update as arguments of the component."""
    return {name: value for name, value in update.items() if not name.startswith("__")}


def _bands(finder: Finder, currency: str) -> list[tuple[str, str]]:
    """Ranges of prices that hold about as many items each, with round limits: (what it is called, "least-most")."""
    known = sorted(item.price for item in finder.items if item.price is not None)
    if not known or known[0] == known[-1]:
        return []
    limits = sorted({_round(known[len(known) * part // 4]) for part in (1, 2, 3)})
    limits = [limit for limit in limits if known[0] < limit < known[-1]]
    if not limits:
        return []
    edges = [None, *limits, None]
    return [(words.prices(a, b, currency), f"{_key(a)}-{_key(b)}") for a, b in pairwise(edges)]


def _key(limit: float | None) -> str:
    return "" if limit is None else repr(limit)


def _bounds(price: str) -> tuple[float | None, float | None]:
    """The limits of a choice of prices."""
    least, _, most = (price or "").partition("-")
    try:
        return float(least) if least else None, float(most) if most else None
    except ValueError:  # no choice of ours
        return None, None


def _round(price: float) -> float:
    """A price to one or two leading digits."""
    step = 1.0
    while price / step >= 20:
        step *= 5 if str(step)[0] == "1" else 2
    return round(price / step) * step


def _said(found: int, shown: int, narrowed: bool) -> str:
    if not found:
        return words.note(words.NOTHING_FOUND)
    if not narrowed and found == shown:
        return ""
    return words.note(words.found(found) if found == shown else words.found_more(found, shown))
