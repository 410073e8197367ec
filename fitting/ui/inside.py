"""How it works: a result taken apart, what the recommender looked at, a map of looks, and knobs to turn.

Nothing of it is worked out before somebody opens it. What is drawn is deleted with the visit.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
import torch
from PIL import Image

from fitting.drawing import beside
from fitting.errors import PhotoError
from fitting.events import Event
from fitting.item import Item
from fitting.reasons import Reason
from fitting.recommender import Recommendation, Recommender, Request, because
from fitting.room import FittingRoom
from fitting.ui import chart, inside_html, words
from fitting.ui.adviser import Adviser
from fitting.ui.languages import told
from fitting.ui.shelves import ShopFront
from fitting.ui.telling import decoded, spoken
from fitting.ui.turns import Turns
from fitting.ui.visits import Visit, VisitOverError, Visits

log = logging.getLogger(__name__)

USE = "inside"  # pictures of this page in a visit's folders, and of its knobs
TURNED = "inside-turned"
NEAR = 5  # neighbours on the map
DREAMT = 24  # features on the map that the generator drew
SHOWN = 6  # items that the knobs show
MOST_EVENTS = 12  # of the first knob
LIGHT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
ROOM: dict[str, Any] = {"concurrency_id": "room", "concurrency_limit": 1, "api_visibility": "private"}
ASK: dict[str, Any] = {"concurrency_id": "inside", "concurrency_limit": 2, "api_visibility": "private"}


@dataclass(frozen=True)
class Inside:
    """What happens when something is opened; the answers are values for the page's components."""

    room: FittingRoom
    shop: ShopFront
    adviser: Adviser
    visits: Visits
    turns: Turns

    def take_apart(self, request: gr.Request) -> str:
        """The last garment of the result, part by part."""
        visit = self._visit(request)
        wardrobe = visit.wardrobe
        photo, pieces = wardrobe.photo, wardrobe.look.pieces
        if photo is None or not pieces:
            return words.note(words.HOW_NOTHING)
        piece = pieces[-1]
        try:
            garment = piece.brought or self.shop.garment(piece.key)
            with self.turns.at_once():
                parts = self.room.explain(decoded(photo, PhotoError), garment, piece.category)
            self.visits.clear_pictures(visit, USE)
            saved = {name: (self.visits.save(visit, part, f"{name}.png", USE), part) for name, part in parts.items()}
        except VisitOverError:
            return ""
        except (KeyError, ValueError):  # the shop sells it no more, or the room lays garments on by geometry alone
            return words.note(words.HOW_NOTHING_LEARNED)
        except Exception as error:
            return words.note(spoken(error), "error")
        return inside_html.figures(words.taken_apart(piece.title), saved)

    def explain_taste(self, request: gr.Request) -> tuple[str, Any]:
        """What was looked at, and what falls without it: to be read, and as a chart."""
        shopper = self._visit(request).shopper
        events, viewed = shopper.events, shopper.in_view

        def question(recommender: Recommender, name: str) -> tuple[list[Any], list[Recommendation]]:
            asked = Request(name, viewed if viewed in recommender.catalogue else None, None, SHOWN)
            found = recommender.shelves(asked)
            return recommender.attended(asked), [*found.goes_with, *found.also_like]

        answer = self._ask(events, question)
        if answer is None or not answer[0]:
            return words.note(words.HOW_NO_EVENTS), gr.update(visible=False)
        seen, found = answer
        catalogue = self.shop.catalogue()
        titles = {item: catalogue.get(item).title for item, _, _ in seen if item in catalogue}
        rows = [
            inside_html.Seen(told(because(Reason(item, kind, 0.0, share), catalogue)), share)
            for item, kind, share in seen
            if item in titles
        ]
        plot = chart.bars([row.said for row in rows], [row.attention for row in rows], "attention")
        return inside_html.trials(rows, found, titles), gr.update(value=plot, visible=True)

    def draw_map(self, request: gr.Request) -> Any:
        """Where items lie by their looks, what is near to the one in view, and what the generator imagines."""
        shopper = self._visit(request).shopper
        events, viewed = shopper.events, shopper.in_view

        def question(recommender: Recommender, name: str) -> Any:
            known = viewed if viewed in recommender.catalogue else None
            drawn = recommender.drawn(Request(name, known, None, SHOWN), DREAMT)
            return _map(recommender, known, [event for event in events if event.item in recommender.catalogue], drawn)

        plot = self._ask(events, question)
        return gr.update(visible=False) if plot is None else gr.update(value=plot, visible=True)

    def turn(self, count: float, luck: float, category: str, request: gr.Request) -> str:
        """What would be recommended if one thing were otherwise."""
        visit = self._visit(request)
        events = visit.shopper.events
        events, viewed = events[max(len(events) - int(count), 0) :], visit.shopper.in_view

        def question(recommender: Recommender, name: str) -> list[Item]:
            known = viewed if count > 0 and viewed in recommender.catalogue else None
            asked = Request(name, known, words.category_of(category), SHOWN, int(luck))
            return [entry.item for entry in recommender.recommend(asked, explain=False)]

        items = self._ask(events, question)
        if not items:
            return words.note(words.NO_ADVICE)
        try:
            pictures: list[Any] = [Image.open(item.picture) for item in items]
            self.visits.clear_pictures(visit, TURNED)
            sheet = self.visits.save(visit, beside(pictures, 320), "shelf.png", TURNED)
        except VisitOverError:
            return ""
        except Exception as error:  # a picture is gone, or the disk is full
            return words.note(spoken(error), "error")
        return inside_html.offered(items, sheet)

    def clear(self) -> tuple[Any, ...]:
        """Nothing is shown any more."""
        hidden = gr.update(value=None, visible=False)
        return "", "", hidden, hidden, ""

    def _ask(self, events: list[Event], question: Any) -> Any:
        try:
            return self.adviser.ask(events, question)
        except Exception:
            log.exception("the recommender cannot be looked into")
            return None

    def _visit(self, request: gr.Request) -> Visit:
        return self.visits.of(request.session_hash or "")


def _map(recommender: Recommender, viewed: str | None, events: list[Event], drawn: torch.Tensor) -> Any:
    """Features laid flat along the two directions in which the shop's items differ most."""
    features, items = recommender.features, recommender.catalogue.items
    middle = features.mean(0)
    axes = torch.linalg.svd(features - middle, full_matrices=False).Vh[:2].T
    flat, dreamt = (((rows - middle) @ axes).tolist() for rows in (features, drawn))
    catalogue = recommender.catalogue
    groups = [
        chart.Points(words.MAP_ITEMS, flat, [item.title for item in items], "rgba(125, 118, 107, 0.55)", 8),
        chart.Points(words.MAP_DREAMT, dreamt, [words.MAP_DREAMT] * len(dreamt), chart.CORAL, 7, "x"),
    ]
    done = [catalogue.place(item) for item in dict.fromkeys(event.item for event in events)]
    groups.append(
        chart.Points(words.MAP_DONE, [flat[at] for at in done], [items[at].title for at in done], chart.PINE, 11)
    )
    if viewed is not None:
        own = catalogue.place(viewed)
        near = np.argsort(-(features @ features[own]).numpy(), kind="stable")[: NEAR + 1]
        order = [own, *[int(at) for at in near if at != own][:NEAR]]
        texts = [items[at].title for at in order]
        groups.append(chart.Points(words.MAP_NEAR, [flat[at] for at in order], texts, chart.GOLD, 13, "diamond", True))
    return chart.scatter(groups, "map")


def add_inside(inside: Inside, forget: gr.Button) -> None:
    """Add the page's part to the app being built; what it shows goes when the visitor's photo does."""
    with gr.Column(elem_id="inside", elem_classes="card"):
        gr.HTML(f"<h2>{words.HOW}</h2><p>{words.HOW_INTRO}</p>", padding=False)
        with gr.Accordion(words.HOW_RESULT, open=False, elem_id="inside-result") as result:
            parts = gr.HTML(elem_id="inside-parts", padding=False)
        with gr.Accordion(words.HOW_TASTE, open=False, elem_id="inside-taste") as taste:
            gr.HTML(f"<p>{words.HOW_TASTE_INTRO}</p>", padding=False)
            attention = gr.Plot(show_label=False, visible=False, elem_id="inside-attention")
            trials = gr.HTML(elem_id="inside-trials", padding=False)
        with gr.Accordion(words.HOW_MAP, open=False, elem_id="inside-map") as space:
            gr.HTML(f"<p>{words.HOW_MAP_INTRO}</p>", padding=False)
            drawn = gr.Plot(show_label=False, visible=False, elem_id="inside-scatter")
        with gr.Accordion(words.HOW_KNOBS, open=False, elem_id="inside-knobs") as knobs:
            gr.HTML(f"<p>{words.HOW_KNOBS_INTRO}</p>", padding=False)
            count = gr.Slider(0, MOST_EVENTS, MOST_EVENTS, step=1, label=words.KNOB_EVENTS, elem_id="knob-events")
            luck = gr.Slider(0, 9, 0, step=1, label=words.KNOB_LUCK, elem_id="knob-luck")
            category = gr.Radio(words.worn_choices(), value=words.AUTO, label=words.KNOB_CATEGORY, elem_classes="chips")
            shelf = gr.HTML(elem_id="inside-shelf", padding=False)
    result.expand(inside.take_apart, None, parts, **ROOM)
    taste.expand(inside.explain_taste, None, [trials, attention], **ASK)
    space.expand(inside.draw_map, None, drawn, **ASK)
    turned: list[Any] = [count, luck, category]
    knobs.expand(inside.turn, turned, shelf, **ASK)
    count.release(inside.turn, turned, shelf, **ASK)
    luck.release(inside.turn, turned, shelf, **ASK)
    category.input(inside.turn, turned, shelf, **ASK)
    forget.click(inside.clear, None, [parts, trials, attention, drawn, shelf], **LIGHT)
