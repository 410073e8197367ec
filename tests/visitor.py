"""A visitor at the page, as Gradio would call for them: what tests of the shelves share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
from fakes import FakeRoom, FakeShop, recommender
from PIL import Image

from fitting.catalogue import Catalogue
from fitting.events import EventKind
from fitting.recommender import Recommender
from fitting.ui import words
from fitting.ui.adviser import Adviser
from fitting.ui.journey import Journey
from fitting.ui.keeping import Keeping
from fitting.ui.look import Wardrobe
from fitting.ui.recommended import Recommended
from fitting.ui.shelves import SamplePerson
from fitting.ui.shopper import Shopper
from fitting.ui.turns import Turns
from fitting.ui.visits import Visits
from fitting.ui.wearing import Shown, Wearing


@dataclass
class Visitor:
    """Somebody with a photo."""

    journey: Journey
    recommended: Recommended
    wearing: Wearing
    keeping: Keeping
    photo: str
    name: str = "me"

    @property
    def request(self) -> Any:
        return SimpleNamespace(session_hash=self.name)

    @property
    def shopper(self) -> Shopper:
        return self.journey.visits.of(self.name).shopper

    def choose(self, item: str) -> str:
        event: Any = SimpleNamespace(index=0)
        self.journey.choose_item([item], event, self.request)
        return self.recommended.lay_out(self.photo, self.request)

    @property
    def wardrobe(self) -> Wardrobe:
        return self.journey.visits.of(self.name).wardrobe

    def dress(self, item: str | None, own: str | None = None, worn: str = words.AUTO) -> list[Shown]:
        """What the page gets when the button is pressed; without asking whether the visitor agrees."""
        self.wardrobe.agreed = True
        return list(self.wearing.dress(self.photo, item, own, worn, self.request, unheard))

    def try_on(self, item: str, own: str | None = None) -> str:
        self.dress(item, own)
        return self.recommended.lay_out(self.photo, self.request)

    def draw(self) -> Iterator[str]:
        return self.recommended.draw(self.request)

    def press(self, act: str, item: str) -> str:
        return getattr(self.recommended, act)(gr.EventData(None, {"item": item}), self.request)

    def done(self) -> set[tuple[str, EventKind]]:
        return {(event.item, event.kind) for event in self.shopper.events}


def visiting(folder: Path, catalogue: Catalogue, load: Callable[[Catalogue], Recommender] = recommender) -> Visitor:
    """Somebody who comes to a shop that has this catalogue, and this recommender."""
    (folder / "cache").mkdir(exist_ok=True)
    photo = folder / "cache" / "photo.png"
    Image.linear_gradient("L").resize((300, 400)).convert("RGB").save(photo)
    shop, room, visits, turns = FakeShop(catalogue), FakeRoom(), Visits(folder / "cache"), Turns()
    adviser = Adviser(shop, load)
    people = [SamplePerson("Somebody in grey", photo)]
    journey = Journey(room, shop, people, visits, adviser, turns)  # type: ignore[arg-type]
    recommended = Recommended(room, shop, adviser, visits, turns)  # type: ignore[arg-type]
    wearing = Wearing(room, shop, visits, turns)  # type: ignore[arg-type]
    return Visitor(journey, recommended, wearing, Keeping(visits, "Corner Shop"), str(photo))


def unheard(*_: Any, **__: Any) -> None:
    """Progress that nobody looks at."""


def offered(html: str) -> list[str]:
    return re.findall(r'data-item="([^"]+)"', html)


def pictures(html: str) -> dict[str, str]:
    """Item -> where its card's picture comes from."""
    return dict(re.findall(r'data-item="([^"]+)"><div class="view[^"]*"><img src="gradio_api/file=([^"]+)"', html))
