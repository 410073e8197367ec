"""The studio finish as the page shows it: its part of the result's column, what it says while it works, its wires."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from fitting.provenance import marked
from fitting.studio_licences import Licence
from fitting.studio_run import Step
from fitting.ui import words
from fitting.ui.compare import MOVE

if TYPE_CHECKING:
    from fitting.ui.finishing import Finishing

NAMES = ("panel", "go", "stop", "status", "slider", "download")  # the panel's components
Shown = tuple[Any, ...]  # an answer: values for them
LIGHT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# One picture is made at a time; meanwhile the others are told how many are before them, which keeps nobody waiting.
STUDIO: dict[str, Any] = {
    "concurrency_id": "studio",
    "concurrency_limit": 1,
    "show_progress": "hidden",
    "api_visibility": "private",
}
LINE: dict[str, Any] = {**STUDIO, "concurrency_id": "studio-line", "concurrency_limit": None}


def studio_panel(finishing: Finishing) -> dict[str, Any]:
    """The part of the result's column; it is out of sight until there is a result."""
    note = licence_note(finishing.model, finishing.licence)
    with gr.Column(visible=False, elem_id="studio") as panel:
        gr.HTML(f"<h3>{words.STUDIO}</h3><p>{words.STUDIO_ABOUT}</p>", padding=False)
        with gr.Row(elem_id="studio-doings"):
            go = gr.Button(words.STUDIO, variant="secondary", elem_id="studio-go")
            stop = gr.Button(words.STUDIO_CANCEL, variant="stop", visible=False, elem_id="studio-stop")
        gr.HTML(f'<p class="privacy">{note}</p>', padding=False, elem_id="studio-licence")
        status = gr.HTML("", elem_id="studio-status", padding=False)
        slider = gr.HTML("", js_on_load=MOVE, elem_id="studio-slider", padding=False)
        download = gr.DownloadButton(words.STUDIO_DOWNLOAD, visible=False, elem_id="studio-download")
    return dict(zip(NAMES, (panel, go, stop, status, slider, download), strict=True))


def connect_studio(finishing: Finishing, studio: dict[str, Any], photo: dict[str, Any], changed: Iterable[Any]) -> None:
    """Wire the panel.

    Args:
        studio, photo: the panel's components, and those of the photo's column.
        changed: events after which there may be another result.
    """
    shown = [studio[name] for name in NAMES]
    waited = studio["go"].click(finishing.begin, None, shown, js=_SCROLL_HERE, **LINE)
    under_way = [waited, waited.then(finishing.run, None, shown, **STUDIO)]
    studio["stop"].click(finishing.cancel, None, shown, cancels=under_way, **LIGHT)
    for another in (photo["photo"].input, photo["photo"].clear, photo["people"].select, photo["forget"].click):
        another(finishing.gone, None, shown, cancels=under_way, **LIGHT)
    for done in changed:
        done.then(finishing.offer, None, shown, **LIGHT)


# On a phone what is said is below the button, and maybe out of sight.
_SCROLL_HERE = """() => {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.querySelector("#studio").scrollIntoView({block: "start", behavior: still ? "auto" : "smooth"});
    return [];
}"""


def progress(step: Step, pace: float | None) -> str:
    """Where a finish is, with a preview.

    Args:
        pace: seconds a step; None where it is not known yet.
    """
    left = None if pace is None else round(pace * (step.steps - step.done))
    picture = base64.b64encode(marked(step.preview, "JPEG")).decode()
    return (
        f'<div class="finishing"><p>{words.studio_step(step.done, step.steps, left)}</p>'
        f'<progress max="{step.steps}" value="{step.done}" aria-label="{words.STUDIO}"></progress>'
        f'<img src="data:image/jpeg;base64,{picture}" alt="{words.STUDIO_PREVIEW}"'
        f' width="{step.preview.width}" height="{step.preview.height}"></div>'
    )


def licence_note(model: str, licence: Licence | None) -> str:
    """Which model draws, and what is known of its licence."""
    said = words.studio_model(model, None if licence is None else licence.name)
    if licence is not None and not licence.commercial:
        said += f" {words.STUDIO_BUSINESS}"
    return escape(said)


# What the answers are made of: values for the components of `NAMES`.


def shown(**values: Any) -> Shown:
    """Values by name of what changes: what is sent again is drawn again, and may slip away under a finger."""
    return tuple(values.get(name, gr.skip()) for name in NAMES)


def working(status: str) -> Shown:
    """A finish is under way, or waits; it can be cancelled."""
    hidden = gr.update(value=None, visible=False)
    return shown(
        go=gr.update(interactive=False), stop=gr.update(visible=True), status=status, slider="", download=hidden
    )


def answered(said: str, kind: str = "info") -> Shown:
    """There is no finish, and why; the result above stays, and another one can be asked for."""
    return cleared(words.note(said, kind))


def cleared(status: str = "", visible: bool = True) -> Shown:
    """Nothing was asked for yet."""
    return shown(
        panel=gr.update(visible=visible),
        go=gr.update(value=words.STUDIO, interactive=True),
        stop=gr.update(visible=False),
        status=status,
        slider="",
        download=gr.update(value=None, visible=False),
    )
