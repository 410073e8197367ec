"""Design for me: garments that nobody made, each beside the nearest one that can be had."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from html import escape
from threading import Lock
from typing import Any

import gradio as gr
import numpy as np
import torch
from PIL import Image

from fitting import weights
from fitting.catalogue import Catalogue
from fitting.garment import Category
from fitting.imagine import Imagination, Imagined, embeddings_of
from fitting.item import Item
from fitting.recommender import Recommender, Request
from fitting.ui import inside_html, words
from fitting.ui.adviser import Adviser
from fitting.ui.compare import address
from fitting.ui.look import Piece
from fitting.ui.shelves import ShopFront
from fitting.ui.telling import spoken
from fitting.ui.turns import Turns
from fitting.ui.visits import Visit, VisitOverError, Visits
from fitting.ui.wearing import SAME, Shown, Wearing

log = logging.getLogger(__name__)

COUNT = 4  # garments at once
SHOWN = 384  # side of their pictures on the page
USE, DOUBTS = "imagined", "doubts"  # pictures of this page in a visit's folders
ASK: dict[str, Any] = {"concurrency_id": "inside", "concurrency_limit": 2, "api_visibility": "private"}
LIGHT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
ROOM: dict[str, Any] = {"concurrency_id": "room", "concurrency_limit": 1, "api_visibility": "private"}

PRESS = """element.addEventListener("click", event => {
    const button = event.target.closest("button[data-act]");
    if (!button) return;
    const item = button.closest("[data-item]").dataset.item;
    if (button.dataset.act === "more") { trigger("more", {item}); return; }
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.querySelector("#result-column").scrollIntoView({block: "start", behavior: still ? "auto" : "smooth"});
    trigger("wear", {item});
});"""


@dataclass(frozen=True)
class Design:
    """An imagined garment on the page.

    Attributes:
        key: a name that no item has.
        picture: its path.
        near: the nearest item of the shop, if there is one.
    """

    key: str
    number: int
    made: Imagined
    picture: str
    near: Item | None


@dataclass
class Imaginings:
    """What happens when garments are imagined; the answers are values for the page's components.

    Attributes:
        load: gives the generator of pictures; asked once, when it is first needed.
    """

    shop: ShopFront
    adviser: Adviser
    visits: Visits
    turns: Turns
    wearing: Wearing
    load: Callable[[], Imagination]
    _loaded: Imagination | None = None
    _lock: Any = field(default_factory=Lock, repr=False)

    def design(self, request: gr.Request) -> str:
        """Imagine a few garments for this visitor, other ones every time."""
        visit = self.visits.of(request.session_hash or "")
        shopper, seed = visit.shopper, secrets.randbelow(2**31)
        viewed = shopper.in_view

        def question(recommender: Recommender, name: str) -> torch.Tensor:
            catalogue = recommender.catalogue
            known = viewed if viewed in catalogue else None
            kind = catalogue.get(known).category if known is not None else None
            drawn = recommender.drawn(Request(name, known, kind, COUNT, seed), COUNT)
            return embeddings_of(recommender.taste, drawn, torch.from_numpy(catalogue.vectors))

        try:
            asked = self.adviser.ask(shopper.events, question)
            if asked is None:
                return words.note(words.NO_ADVICE)
            with self.turns.at_once():
                made = self._imagination().imagine(asked, self._categories(asked, viewed), seed)
            return self._lay_out(visit, made)
        except VisitOverError:
            return ""
        except Exception as error:
            return words.note(spoken(error), "error")

    def more(self, event: gr.EventData, request: gr.Request) -> Any:
        """The garment that was pressed, and others like it."""
        visit = self.visits.of(request.session_hash or "")
        chosen = _pressed(visit, event)
        if chosen is None:
            return gr.skip()
        try:
            with self.turns.at_once():
                others = self._imagination().more_like(chosen.made, COUNT - 1, secrets.randbelow(2**31))
            return self._lay_out(visit, [chosen.made, *others])
        except VisitOverError:
            return ""

    def wear(
        self,
        photo: str | None,
        event: gr.EventData,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio finds it by its default
    ) -> Iterator[Shown]:
        """Put an imagined garment on, like any other."""
        visit = self.visits.of(request.session_hash or "")
        chosen = _pressed(visit, event)
        if chosen is None:
            yield words.note(words.NO_SUCH_ITEM, "error"), *SAME[1:]
            return
        garment = chosen.made.garment
        piece = Piece(chosen.key, partial(words.imagined_title, chosen.number), garment.category, garment)
        yield from self.wearing.wear_piece(photo, piece, request, progress)

    def doubts(self, request: gr.Request) -> str:
        """Each of the garments on the page, coloured where the discriminator believes it least."""
        visit = self.visits.of(request.session_hash or "")
        if not visit.imagined:
            return words.note(words.DOUBTS_NOTHING)
        try:
            with self.turns.at_once():
                drawn = [self._imagination().doubted(one.made) for one in visit.imagined]
            self.visits.clear_pictures(visit, DOUBTS)
            large = [picture.resize((SHOWN, SHOWN), Image.Resampling.BICUBIC) for picture in drawn]
            paths = [self.visits.save(visit, picture, "doubts.png", DOUBTS) for picture in large]
        except VisitOverError:
            return ""
        titles = [words.imagined_title(one.number) for one in visit.imagined]
        return inside_html.row(dict(zip(titles, paths, strict=True)), "doubts")

    def _imagination(self) -> Imagination:
        with self._lock:
            if self._loaded is None:
                self._loaded = self.load()
            return self._loaded

    def _categories(self, asked: torch.Tensor, viewed: str | None) -> list[Category]:
        """That of the garment in view; without one, for each wish that of the nearest item."""
        catalogue = self.shop.catalogue()
        if viewed is not None and viewed in catalogue:
            return [catalogue.get(viewed).category] * len(asked)
        near = [_nearest(catalogue, row.numpy(), None) for row in asked]
        return [item.category if item else Category.UPPER for item in near]

    def _lay_out(self, visit: Visit, made: list[Imagined]) -> str:
        catalogue = self.shop.catalogue()
        self.visits.clear_pictures(visit, USE)
        visit.imagined = []
        for number, one in enumerate(made, 1):
            large = one.picture.resize((SHOWN, SHOWN), Image.Resampling.BICUBIC)
            path = self.visits.save(visit, large, "imagined.png", USE)
            near = _nearest(catalogue, one.garment.embedding.numpy(), one.garment.category)
            visit.imagined.append(Design(f"imagined {secrets.token_urlsafe(8)}", number, one, path, near))
        return designs_html(visit.imagined)


def _nearest(catalogue: Catalogue, embedding: np.ndarray, category: Category | None) -> Item | None:
    try:
        found = catalogue.nearest(embedding, 1, category)
    except ValueError:  # a catalogue without embeddings
        return None
    return catalogue.get(found[0][0]) if found else None


def _pressed(visit: Visit, event: gr.EventData) -> Design | None:
    key = getattr(event, "item", None)
    return next((one for one in visit.imagined if one.key == key), None)


def designs_html(designs: list[Design]) -> str:
    """Imagined garments in a row, each labelled, with the nearest real item below."""
    if not designs:
        return words.note(words.IMAGINED_NONE)
    return f'<ul class="offers imagined" role="list">{"".join(_design(one) for one in designs)}</ul>'


def _design(one: Design) -> str:
    title = escape(words.imagined_title(one.number))
    near = ""
    if one.near is not None:
        near = (
            f'<div class="near"><img src="{address(str(one.near.picture))}" alt="" width="90" height="120">'
            f"<p>{words.IMAGINED_NEAR}<br><strong>{escape(one.near.title)}</strong></p></div>"
        )
    buttons = "".join(
        f'<button type="button" data-act="{act}" aria-label="{said}: {title}">{said}</button>'
        for act, said in (("wear", words.WEAR), ("more", words.IMAGINED_MORE))
    )
    return (
        f'<li class="offer" data-item="{escape(one.key)}"><div class="view plain"><img src="{address(one.picture)}"'
        f' alt="{title}" width="{SHOWN}" height="{SHOWN}"></div><div class="about"><h3>{title}</h3>'
        f'<p class="why">{words.IMAGINED_LABEL}</p>{near}</div><div class="acts">{buttons}</div></li>'
    )


def can_imagine() -> bool:
    """Whether there are weights of the generator of pictures; where there are none, the log says what makes them."""
    there = (weights.FOLDER / "pictures").is_dir()
    if not there:
        log.warning("There is no `weights/pictures`: nothing is imagined. `fitting train pictures` makes them.")
    return there


def add_imagined(
    imaginings: Imaginings, photo: dict[str, Any], result: dict[str, Any]
) -> tuple[Any, gr.events.Dependency]:
    """Add the page's part to the app being built; `photo` and `result` are the columns that it works with.

    Returns the garments on the page, and the event after which there may be another result.
    """
    shown = [result[name] for name in ("status", "panel", "slider", "plain", "download", "look", "consent")]
    with gr.Column(elem_id="imagined", elem_classes="card"):
        gr.HTML(f"<h2>{words.IMAGINED}</h2><p>{words.IMAGINED_INTRO}</p>", padding=False)
        go = gr.Button(words.IMAGINED_GO, variant="secondary", elem_id="imagine")
        designs: Any = gr.HTML("", js_on_load=PRESS, elem_id="designs", padding=False, apply_default_css=False)
        with gr.Accordion(words.DOUBTS, open=False, elem_id="doubts") as judged:
            gr.HTML(f"<p>{words.DOUBTS_INTRO}</p>", padding=False)
            doubts = gr.HTML("", padding=False)
    go.click(imaginings.design, None, designs, **ASK)
    designs.more(imaginings.more, None, designs, **ASK)
    worn: gr.events.Dependency = designs.wear(imaginings.wear, photo["photo"], shown, **ROOM)
    judged.expand(imaginings.doubts, None, doubts, **ASK)
    photo["forget"].click(lambda: ("", ""), None, [designs, doubts], **LIGHT)
    return designs, worn
