"""The panel under the chosen garment: what the shop says of it, and what customers wrote, or an example of that."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from threading import Lock
from typing import Any

import gradio as gr

from fitting.errors import WeightsError
from fitting.item import Item
from fitting.notes import NoteWriter, summary
from fitting.ui import words
from fitting.ui.shelves import ShopFront

log = logging.getLogger(__name__)

TEXT = 600  # characters of a description; the shop's own page has the rest


@dataclass
class Writer:
    """The writer of examples, loaded when the first is wanted; none where its weights cannot be used."""

    load: Callable[[], NoteWriter] = NoteWriter.load
    _lock: Lock = field(default_factory=Lock)
    _loaded: NoteWriter | None = None
    _tried: bool = False

    def example(self, item: Item) -> str:
        """An example for an item; empty where there is none."""
        with self._lock:
            if not self._tried:
                self._tried = True
                try:
                    self._loaded = self.load()
                except WeightsError as error:
                    log.warning("there are no examples of notes: %s", error)
        return "" if self._loaded is None else self._loaded.example(item.id, item.category)


@dataclass(frozen=True)
class Detail:
    """Fills the panel.

    Attributes:
        writer: of examples; None where the shop wants none.
    """

    shop: ShopFront
    writer: Writer | None = None

    def show(self, choice: str | None) -> str:
        """The panel's HTML for what is chosen; nothing for what is not the shop's."""
        catalogue = self.shop.catalogue()
        if choice is None or choice not in catalogue:
            return ""
        item = catalogue.get(choice)
        told = [f"<h3>{escape(item.title)}</h3>"]
        if price := words.price(item.price, catalogue.currency):
            told.append(f'<p class="price">{escape(price)}</p>')
        if item.described:
            told.append(words.note(words.NO_PICTURE))
        if item.description:
            told.append(f"<p>{escape(_shortened(item.description))}</p>")
        if item.url:
            told.append(_link(item.url))
        told.append(self._written(item))
        label = escape(words.DETAIL)
        return f'<section class="detail" aria-label="{label}">{"".join(told)}</section>'

    def _written(self, item: Item) -> str:
        """Sentences of reviews; where there are none, an example that says what it is; or nothing."""
        reviews = self.shop.reviews(item.id)
        if reviews:
            quotes = "".join(f"<li><q>{escape(said)}</q></li>" for said in summary(reviews))
            source = escape(words.from_reviews(len(reviews)))
            title = escape(words.CUSTOMERS)
            return f'<h4>{title}</h4><ul class="quotes">{quotes}</ul><p class="privacy">{source}</p>' if quotes else ""
        example = self.writer.example(item) if self.writer is not None else ""
        if not example:
            return ""
        # The models write English whatever the page's language is.
        return (
            f'<div class="example"><h4>{escape(words.EXAMPLE)}</h4><p lang="en-US">{escape(example)}</p>'
            f'<p class="privacy">{escape(words.EXAMPLE_ABOUT)}</p></div>'
        )


def detail_panel(detail: Detail, choice: gr.State, chosen: gr.HTML, options: dict[str, Any]) -> gr.HTML:
    """The panel, here on the page; it follows the choice, and `chosen`, which tells of it."""
    panel = gr.HTML("", elem_id="detail", padding=False)
    chosen.change(detail.show, choice, panel, **options)
    return panel


def _link(url: str) -> str:
    said = escape(words.DETAIL_LINK)
    return f'<p><a href="{escape(url)}" target="_blank" rel="noopener noreferrer nofollow">{said}</a></p>'


def _shortened(text: str) -> str:
    if len(text) <= TEXT:
        return text
    return text[:TEXT].rsplit(" ", 1)[0] + " …"
