"""The page: what is where, and what happens when something is pressed. `build_app` puts it together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from fitting.imagine import Imagination
from fitting.provenance import VISIBLE
from fitting.room import FittingRoom
from fitting.settings import Settings
from fitting.ui import words
from fitting.ui.adviser import Adviser
from fitting.ui.api import add_api
from fitting.ui.browsing import Browsing, catalogue_column, connect
from fitting.ui.cards import PRESS
from fitting.ui.compare import MOVE, ZOOM
from fitting.ui.detail import Detail, Writer, detail_panel
from fitting.ui.finishing import Finishing, finishing_of
from fitting.ui.guide import guide_html
from fitting.ui.handing import Handovers
from fitting.ui.imagined import Imaginings, add_imagined, can_imagine
from fitting.ui.inside import Inside, add_inside
from fitting.ui.journey import Journey, cache_folder
from fitting.ui.keeping import Keeping
from fitting.ui.languages.page import Page, in_each, switch
from fitting.ui.looks_html import KEPT, ROW
from fitting.ui.moving import SWITCH, Moving, connect_moving
from fitting.ui.offers import Finders
from fitting.ui.pictures import picture_input
from fitting.ui.recommended import Recommended
from fitting.ui.shelves import SamplePerson, ShopFront, pictures_of
from fitting.ui.studio_panel import connect_studio, studio_panel
from fitting.ui.turns import Turns, together
from fitting.ui.visits import Visits
from fitting.ui.waiting import limit
from fitting.ui.wearing import OWN, Wearing


def build_app(
    room: FittingRoom,
    shop: ShopFront,
    people: Sequence[SamplePerson] = (),
    adviser: Adviser | None = None,
    settings: Settings | None = None,
) -> gr.Blocks:
    """The whole fitting room as a Gradio app, not yet launched; see `fitting.ui.serving.launch`.

    Args:
        shop: what is on offer; it may change while the app runs.
        people: to try garments on without a photo of one's own.
        adviser: who recommends; by default the shop's own recommender, if it has one.
        settings: what the shop decided about the page; by default our own.
    """
    settings = settings or Settings()
    visits = Visits(cache_folder(), settings.visit_minutes * 60)
    turns = Turns(painters=together(settings.at_once))
    adviser = adviser or Adviser(shop)
    mark = VISIBLE if settings.visible_mark else ""
    journey = Journey(room, shop, people, visits, adviser, turns)
    wearing, keeping = Wearing(room, shop, visits, turns, mark), Keeping(visits, settings.name, mark)
    recommended = Recommended(room, shop, adviser, visits, turns)
    browsing, finishing = Browsing(Finders(shop), visits), finishing_of(settings, wearing)
    moving = Moving(journey, browsing, recommended, Handovers(visits, journey.end))

    def page() -> Page:
        # Uploads that no visit ever claimed are swept within the hour.
        with Page(title=settings.name, analytics_enabled=False, delete_cache=(600, 3600)) as app:
            header = gr.HTML(_header(settings), js_on_load=SWITCH, elem_id="header", padding=False)
            with gr.Row(elem_id="room", equal_height=False):
                photo = _photo_column(journey)
                garment = _garment_column(browsing, Detail(shop, Writer() if settings.example_notes else None))
                result = _result_column(finishing)
            kept = gr.HTML("", js_on_load=KEPT, elem_id="kept", padding=False, apply_default_css=False)
            more = gr.HTML("", js_on_load=PRESS, elem_id="recommended", padding=False, apply_default_css=False)
            parts, again = {}, []
            if settings.imagined and can_imagine():
                imaginings = Imaginings(
                    shop, adviser, visits, turns, wearing, partial(Imagination.load, room.garment_net)
                )
                parts["designs"], worn = add_imagined(imaginings, photo, result)
                again.append(worn)
            add_inside(Inside(room, shop, adviser, visits, turns), photo["forget"])
            gr.HTML(_footer(), elem_id="footer", padding=False)
            changed = _connect(
                journey,
                recommended,
                Parts(photo=photo, garment=garment, result=result, kept=kept, more=more),
                wearing,
                keeping,
            )
            connect(browsing, garment, LIGHT)
            parts |= {**photo, **garment, **result, "kept": kept, "recommended": more}
            parts["revision"] = gr.State(journey.catalogue.revision)
            come = connect_moving(app, moving, header, parts, LIGHT)
            if finishing is not None:
                connect_studio(finishing, result["studio"], photo, [*changed, *again, come])
            add_api(room, shop, visits, adviser, turns)
        return app

    app = in_each(page, settings.languages)
    limit(app, together(settings.at_once))
    app.queue(max_size=settings.queue, default_concurrency_limit=4)
    return app


Parts = dict[str, Any]  # the components of a column by name


def _photo_column(journey: Journey) -> Parts:
    with gr.Column(elem_id="photo-column", elem_classes="card"):
        gr.HTML(_heading(1, words.PHOTO), padding=False)
        photo = picture_input(
            label=words.PHOTO,
            show_label=False,
            sources=["upload", "webcam", "clipboard"],
            webcam_options=gr.WebcamOptions(mirror=False),
            placeholder=words.PHOTO_HINT,
            alt_text=words.PHOTO_ALT,
            buttons=[],
            elem_id="photo",
            height=380,
        )
        advice = gr.HTML(words.note(words.PHOTO_ADVICE), elem_id="photo-note", padding=False)
        gr.HTML(guide_html(), elem_id="guide", padding=False, apply_default_css=False)
        gr.HTML(f"<h3>{words.PEOPLE}</h3>", padding=False)
        people = gr.Gallery(
            pictures_of(journey.people),
            label=words.PEOPLE,
            show_label=False,
            allow_preview=False,
            object_fit="cover",
            columns=4,
            height="auto",
            buttons=[],
            elem_id="people",
            elem_classes="shelf",
            interactive=False,
        )
        gr.HTML(f'<p class="privacy">{words.PRIVACY}</p>', padding=False)
        forget = gr.Button(words.FORGET, variant="secondary", elem_id="forget")
    return {"photo": photo, "advice": advice, "people": people, "forget": forget}


def _garment_column(browsing: Browsing, detail: Detail) -> Parts:
    with gr.Column(elem_id="garment-column", elem_classes="card"):
        gr.HTML(_heading(2, words.GARMENT), padding=False)
        with gr.Tabs() as tabs:
            with gr.Tab(words.CATALOGUE):
                parts = catalogue_column(browsing)
            with gr.Tab(words.OWN_GARMENT, id=OWN, render_children=True):
                own = picture_input(
                    label=words.OWN_GARMENT,
                    show_label=False,
                    sources=["upload", "clipboard"],
                    placeholder=words.OWN_HINT,
                    alt_text=words.OWN_ALT,
                    buttons=[],
                    elem_id="own-garment",
                    height=380,
                )
                gr.HTML(words.note(words.OWN_ADVICE), padding=False)
        chosen = gr.HTML(words.note(words.CHOSEN_NOTHING), elem_id="chosen", padding=False)
        choice = gr.State(None)
        detail_panel(detail, choice, chosen, LIGHT)
        worn = gr.Radio(
            words.worn_choices(),
            value=words.AUTO,
            label=words.WORN,
            elem_id="worn",
            elem_classes="chips",
        )
    return {**parts, "choice": choice, "tabs": tabs, "own": own, "chosen": chosen, "worn": worn}


def _result_column(finishing: Finishing | None) -> Parts:
    with gr.Column(elem_id="result-column", elem_classes="card"):
        gr.HTML(_heading(3, words.RESULT), padding=False)
        go = gr.Button(words.GO, variant="primary", size="lg", elem_id="go")
        with gr.Column(visible=False, elem_id="consent") as consent:
            gr.HTML(f"<h3>{words.CONSENT_TITLE}</h3><p>{words.CONSENT}</p>", padding=False)
            agree = gr.Button(words.CONSENT_GO, variant="primary", elem_id="agree")
        status = gr.HTML(_empty(), elem_id="status", padding=False)
        # Hidden, not absent, and so are both tabs: what is sent to a part that is not on the page yet may be lost.
        with gr.Column(visible="hidden", elem_id="result") as panel, gr.Tabs():
            with gr.Tab(words.COMPARE, render_children=True):
                slider = gr.HTML(js_on_load=MOVE, elem_id="slider", padding=False)
            with gr.Tab(words.PLAIN, render_children=True):
                plain = gr.HTML(js_on_load=ZOOM, elem_id="plain", padding=False)
        look = gr.HTML("", js_on_load=ROW, elem_id="look", padding=False, apply_default_css=False)
        download = gr.DownloadButton(words.DOWNLOAD, visible=False, elem_id="download")
        studio = studio_panel(finishing) if finishing is not None else {}
        gr.HTML(f'<p class="honesty">{words.HONESTY}</p>', padding=False)
    return {
        "go": go,
        "consent": consent,
        "agree": agree,
        "look": look,
        "status": status,
        "panel": panel,
        "slider": slider,
        "plain": plain,
        "download": download,
        "studio": studio,
    }


# What needs the networks shares one queue; the rest answers at once; cards are drawn behind everybody's back.
HEAVY: dict[str, Any] = {"concurrency_id": "room", "concurrency_limit": 1, "api_visibility": "private"}
LIGHT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
CARDS: dict[str, Any] = {
    "concurrency_id": "cards",
    "concurrency_limit": 8,
    "show_progress": "hidden",
    "api_visibility": "private",
}


def _connect(
    journey: Journey, recommended: Recommended, page: Parts, wearing: Wearing, keeping: Keeping
) -> list[gr.events.Dependency]:
    """Wire the page. Returns the events after which there may be another result."""
    photo, garment, result, more, kept = (page[name] for name in ("photo", "garment", "result", "more", "kept"))
    choice, chosen, worn = garment["choice"], garment["chosen"], garment["worn"]

    said = [photo["advice"], photo["people"]]
    # The last of several quick changes counts: by default what comes while one is looked at would be dropped.
    looked: dict[str, Any] = {"trigger_mode": "always_last", **HEAVY}
    photo["photo"].input(journey.check_photo, photo["photo"], said, show_progress_on=photo["advice"], **looked)
    photo["photo"].clear(journey.drop_photo, None, said, **LIGHT)
    photo["people"].select(journey.choose_person, None, [photo["photo"], photo["advice"]], **LIGHT)

    picked = garment["gallery"].select(journey.choose_item, garment["shown"], [choice, chosen, worn], **LIGHT)
    brought = garment["own"].input(
        journey.choose_own, garment["own"], [choice, chosen], show_progress_on=chosen, **looked
    )
    garment["own"].clear(journey.drop_own, None, [choice, chosen], **LIGHT)

    shown = [result[name] for name in ("status", "panel", "slider", "plain", "download", "look", "consent")]
    wanted = [photo["photo"], choice, garment["own"], worn]
    progress: dict[str, Any] = {"show_progress_on": result["status"], **HEAVY}
    look, mine = result["look"], photo["photo"]
    chosen_there = [choice, chosen, worn, garment["gallery"]]
    dressed = [
        result["go"].click(wearing.dress, wanted, shown, js=_SCROLL_TO_RESULT, **progress),
        result["agree"].click(wearing.agree, wanted, shown, **progress),
        more.wear(wearing.wear, [mine, garment["shown"]], [*chosen_there, *shown], **progress),
        look.off(wearing.take_off, mine, shown, **progress),
        look.undo(wearing.undo, mine, shown, **progress),
        kept.again(wearing.put_on, mine, shown, **progress),
    ]
    afresh = look.afresh(wearing.start_afresh, None, shown, **LIGHT)
    look.keep(keeping.keep, None, [look, kept], **LIGHT)
    kept.remove(keeping.remove, None, kept, **LIGHT)
    kept.collect(keeping.share, None, kept, **LIGHT)
    more.favour(recommended.favour, None, more, **LIGHT)
    refused = more.refuse(recommended.refuse, None, more, **LIGHT)

    filled = [done.then(recommended.lay_out, mine, more, **LIGHT) for done in (picked, brought, *dressed)]
    drawn = [done.then(recommended.draw, None, more, **CARDS) for done in (*filled, refused)]
    drawn.append(more.resume(recommended.draw, None, more, **CARDS))
    cleared = [mine, *said, garment["own"], choice, chosen, *shown, more, kept]
    photo["forget"].click(journey.forget, None, cleared, cancels=drawn, **LIGHT)
    return [*dressed, afresh]


# On a phone the result is below the button: bring it into view while it is being made.
_SCROLL_TO_RESULT = """(...args) => {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.querySelector("#result-column").scrollIntoView({block: "start", behavior: still ? "auto" : "smooth"});
    return args;
}"""

_HANGER = """<svg viewBox="0 0 48 48" aria-hidden="true" focusable="false"><path d="M20 13a4 4 0 1 1 6 3.5c-1.4.8-2
1.6-2 3l17 11.5c2.6 1.8 1.4 5-1.6 5H8.6c-3 0-4.2-3.2-1.6-5l17-11.5" fill="none"
stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/></svg>"""


def _header(settings: Settings) -> str:
    name, tagline = escape(settings.name), escape(settings.tagline or words.TAGLINE)
    return f"<header>{_HANGER}<div><h1>{name}</h1><p>{tagline}</p></div>{switch(settings.languages)}</header>"


def _heading(number: int, text: str) -> str:
    return f'<h2><span class="step" aria-hidden="true">{number}</span>{text}</h2>'


def _empty() -> str:
    return f'<div class="empty">{_HANGER}<p>{words.RESULT_EMPTY}</p></div>'


def _footer() -> str:
    return f"<footer><p>{words.AGE}</p></footer>"
