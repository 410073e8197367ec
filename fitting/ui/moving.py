"""Changing the language of the page: it is another page then, which shows what the one before showed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from fitting.ui import words
from fitting.ui.browsing import Browsing, Looked
from fitting.ui.handing import Handovers
from fitting.ui.imagined import USE as IMAGINED
from fitting.ui.imagined import designs_html
from fitting.ui.journey import Journey
from fitting.ui.looks_html import kept_html, wearing_html
from fitting.ui.recommended import Recommended
from fitting.ui.visits import Visit, Visits
from fitting.ui.wearing import OWN

SHOWN = ("result", "kept", "card", IMAGINED)  # pictures that the next page shows; all others go
CATALOGUE = ("shelf", "colour", "price", "gallery", "shown", "found", "more", "choice", "chosen", "revision")
PARTS = (  # components of the page by name, in the order of the answer
    *CATALOGUE,
    *("search", "photo", "own", "advice", "people", "tabs", "worn", "status", "panel", "slider", "plain"),
    *("download", "look", "kept", "recommended", "designs"),
)
KEY = "fitting-room-visit"  # of the token in the browser's storage for this tab

# A press that opens a tab or a window of its own leaves this page as it is. Where no token comes, the link is a link.
SWITCH = """element.addEventListener("click", event => {
    const link = event.target.closest(".languages a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (element.dataset.to) return;
    element.dataset.to = link.href;
    setTimeout(() => location.assign(link.href), 5000);
    trigger("switch", {});
});"""
_ANSWER = """watch("value", () => {
    const token = element.querySelector("[data-token]")?.dataset.token, left = document.querySelector("[data-to]");
    if (token && left) {
        try { sessionStorage.setItem("%s", token); } catch {}
        location.assign(left.dataset.to);
    }
    if (element.querySelector("[data-taken]")) trigger("taken", {});
});"""
_COME = """(revision, token) => {
    try { token = sessionStorage.getItem("%s") || ""; sessionStorage.removeItem("%s"); } catch { token = ""; }
    return [revision, token];
}"""
_TAKEN = "<i data-taken></i>"


@dataclass(frozen=True)
class Page:
    """What a page shows that its visit does not know of; the names are those of its components."""

    photo: str | None
    choice: str | None
    own: str | None
    worn: str
    looked: Looked


@dataclass(frozen=True)
class Moving:
    """What happens when a page is left for one in another language, and when that one comes."""

    journey: Journey
    browsing: Browsing
    recommended: Recommended
    handovers: Handovers

    def offer(
        self,
        photo: str | None,
        choice: str | None,
        own: str | None,
        worn: str,
        search: str,
        shelf: str,
        colour: str,
        price: str,
        shown: list[str],
        request: gr.Request,
    ) -> str:
        """The page is about to be left: a token for the one that comes."""
        looked = Looked(search or "", shelf, colour, price, len(shown))
        token = self.handovers.offer(request.session_hash or "", Page(photo, choice, own, worn, looked))
        return f'<i data-token="{token}"></i>'

    def leave(self, request: gr.Request) -> None:
        """The page is gone, and its visit over, unless another page takes it over."""
        if not self.handovers.leaves(request.session_hash or ""):
            self.journey.leave(request)

    def arrive(self, revision: int, token: str, request: gr.Request) -> tuple[Any, ...]:
        """A page is opened; one that brings a token takes over the visit that it stands for, and then asks for what
        it has to show."""
        session = request.session_hash or ""
        taken = self.handovers.take(token, session) if token else None
        if taken is None:
            return *self.browsing.arrive(revision, request), ""
        visit, page = taken
        with visit.wardrobe.lock:
            self._claim(visit, page, session)
            visit.page = page
        return *(gr.skip() for _ in CATALOGUE), _TAKEN

    def show(self, request: gr.Request) -> tuple[Any, ...]:
        """What the page before showed. Never a change of the picture inputs' settings: Gradio would make others."""
        visit = self.journey.visits.of(request.session_hash or "")
        with visit.wardrobe.lock:
            page, visit.page = visit.page, None
            there = {"photo": None, "own": None} if page is None else self._shown(visit, page)
        return tuple(there.get(name, gr.skip()) for name in PARTS)

    def _claim(self, visit: Visit, page: Page, session: str) -> None:
        """Count to the visit what its page was given last, and delete what the next one does not show."""
        visits: Visits = self.journey.visits
        wardrobe, views = visit.wardrobe, visit.wardrobe.views
        given = {"photo": None if wardrobe.sample else page.photo, "garment": page.own}
        for place, path in given.items():
            if path is not None and visits.holds(path):
                visits.keep(session, place, path)
        visit.finish = None
        for use in set(visit.folders) - set(SHOWN):
            visits.clear_pictures(visit, use)
        shown = (views.before, views.after, views.full) if views else ()
        visits.clear_pictures(visit, keep=[path for path in shown if path])

    def _shown(self, visit: Visit, page: Page) -> dict[str, Any]:
        wardrobe = visit.wardrobe
        found = self.browsing.again(page.looked, page.choice)
        there: dict[str, Any] = dict(zip(CATALOGUE, found, strict=False)) | {
            "choice": page.choice,
            "revision": self.journey.catalogue.revision,
            "search": page.looked.text,
            "photo": page.photo,
            "own": page.own,
            "worn": page.worn,
            "look": wearing_html(wardrobe),
            "kept": kept_html(wardrobe),
            "recommended": self.recommended.again(visit),
        }
        for place, name in (("photo", "advice"), ("chosen", "chosen"), ("status", "status")):
            if place in visit.said:
                there[name] = visit.said[place]()
        if wardrobe.sample:
            there["people"] = gr.update(selected_index=wardrobe.person)
        if page.choice == OWN:
            there["tabs"] = gr.update(selected=OWN)
        if visit.imagined:
            there["designs"] = designs_html(visit.imagined)
        if (views := wardrobe.views) is not None:
            there["panel"] = gr.update(visible=True)
            there["slider"], there["plain"] = views.html(words.wearing(wardrobe.look.titles))
            there["download"] = gr.update(value=views.full, visible=views.full is not None)
        return there


def connect_moving(
    app: gr.Blocks, moving: Moving, header: Any, parts: dict[str, Any], light: dict[str, Any]
) -> gr.events.Dependency:
    """Wire the page.

    Args:
        header: holds the links to the other languages.
        parts: components by the names in `PARTS`; those that the page has not are left out.
        light: the options of events that answer at once.

    Returns:
        The event after which there may be another result.
    """
    answer: Any = gr.HTML("", js_on_load=_ANSWER % KEY, visible="hidden", elem_id="handover", padding=False)
    parts = {name: parts[name] if name in parts else gr.State() for name in PARTS}
    asked = ("photo", "choice", "own", "worn", "search", "shelf", "colour", "price", "shown")
    header.switch(moving.offer, [parts[name] for name in asked], answer, **light)
    app.unload(moving.leave)
    seen = [*(parts[name] for name in CATALOGUE), answer]
    app.load(moving.arrive, [parts["revision"], answer], seen, js=_COME % (KEY, KEY), **light)
    shown: gr.events.Dependency = answer.taken(moving.show, None, list(parts.values()), **light)
    return shown
