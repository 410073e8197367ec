"""What the visitor wears, and the looks they kept, as the page shows them."""

from __future__ import annotations

from html import escape

from fitting.ui import words
from fitting.ui.compare import address
from fitting.ui.look import Kept, Piece, Wardrobe

# The focus stays in the row when what had it goes.
ROW = """element.addEventListener("click", event => {
    const button = event.target.closest("button[data-act]");
    if (!button) return;
    const act = button.dataset.act;
    if (act === "another")
        return document.querySelector("#garment-column").scrollIntoView({block: "start"});
    if (act !== "keep" && act !== "afresh")
        document.querySelector("#result-column").scrollIntoView({block: "nearest"});
    if (["off", "undo", "afresh", "keep"].includes(act)) trigger(act, {item: button.dataset.item || ""});
});
let inside = false;
element.addEventListener("focusin", () => { inside = true; });
document.addEventListener("focusin", event => { inside = element.contains(event.target); });
watch("value", () => {
    if (inside && document.activeElement === document.body) element.querySelector("button")?.focus();
});"""

# Looks are compared on the page itself: their pictures are there already.
KEPT = """const chosen = () => [...element.querySelectorAll("[data-item]")]
    .filter(look => look.querySelector("input").checked);
element.addEventListener("click", event => {
    const button = event.target.closest("button[data-act]");
    if (!button) return;
    const act = button.dataset.act, dialog = element.querySelector("dialog");
    if (act === "close") return dialog.close();
    if (act === "compare" && chosen().length) {
        const views = chosen().map(look => {
            const view = document.createElement("figure"), names = document.createElement("figcaption");
            view.append(look.querySelector("img").cloneNode(), names);
            names.textContent = look.querySelector(".names").textContent;
            return view;
        });
        dialog.querySelector("div").replaceChildren(...views);
        return dialog.showModal();
    }
    if (act === "again") document.querySelector("#result-column").scrollIntoView({block: "start"});
    const look = button.closest("[data-item]");
    const item = look?.dataset.item;
    if (act === "again") trigger("again", {item});
    else if (act === "remove") trigger("remove", {item});
    else trigger("collect", {item: chosen().map(one => one.dataset.item).join(" ")});
});"""


def wearing_html(wardrobe: Wardrobe, said: str = "") -> str:
    """The row of what is worn; empty as long as nothing was."""
    with wardrobe.lock:
        pieces, past = wardrobe.look.pieces, wardrobe.past
    if not pieces and not past:
        return ""
    acts = [("undo", words.UNDO)] if past else []
    if pieces:
        acts += [("afresh", words.AFRESH), ("keep", words.KEEP), ("another", words.ANOTHER)]
    buttons = "".join(_button(act, text) for act, text in acts)
    chips = "".join(_chip(piece) for piece in pieces)
    worn = f'<h3>{words.WEARING}</h3><ul role="list">{chips}</ul>' if pieces else ""
    rule = f'<p class="privacy">{words.LOOK_RULE}</p>' if pieces else ""
    return f'<div class="wearing">{worn}<div class="doings">{buttons}</div>{words.note(said, "good")}{rule}</div>'


def kept_html(wardrobe: Wardrobe, said: str = "", collage: str | None = None, size: tuple[int, int] = (0, 0)) -> str:
    """The looks that were kept; empty without any.

    Args:
        said: what has just happened.
        collage: path of the picture of some of them, and its size in pixels.
    """
    with wardrobe.lock:
        kept = list(wardrobe.kept)
    if not kept:
        return ""
    looks = "".join(_look(look, number) for number, look in enumerate(kept, start=1))
    acts = _button("compare", words.SIDE_BY_SIDE) + _button("collect", words.AS_ONE_PICTURE)
    shared = _shared(collage, size) if collage else ""
    close = _button("close", words.CLOSE)
    dialog = f'<dialog aria-label="{words.SIDE_BY_SIDE}">{close}<div></div></dialog>'
    note = f'<div role="status">{words.note(said)}</div>' if said else ""
    return (
        f'<section class="card" aria-label="{words.KEPT_LOOKS}"><h2>{words.KEPT_LOOKS}</h2>'
        f'<ul class="kept" role="list">{looks}</ul><div class="doings">{acts}</div>{note}{shared}'
        f'<p class="privacy">{words.KEPT_NOTE}</p>{dialog}</section>'
    )


def _chip(piece: Piece) -> str:
    title, key = escape(piece.title), escape(piece.key)
    off = f"{words.TAKE_OFF}: {title}"
    return f'<li>{title}<button type="button" data-act="off" data-item="{key}" aria-label="{off}">×</button></li>'


def _look(kept: Kept, number: int) -> str:
    names = escape(words.listed(kept.look.titles))
    alt = escape(words.kept_look(number, kept.look.titles))
    acts = _button("again", words.AGAIN, alt) + _button("remove", words.REMOVE, alt)
    return (
        f'<li data-item="{kept.id}"><img src="{address(kept.picture)}" alt="{alt}" width="240" height="320">'
        f'<p class="names">{names}</p><label><input type="checkbox" checked aria-label="{words.INCLUDE}: {alt}">'
        f"{words.INCLUDE}</label>{acts}</li>"
    )


def _shared(collage: str, size: tuple[int, int]) -> str:
    place, (width, height) = address(collage), size
    return (
        f'<div class="shared"><img src="{place}" alt="{words.COLLAGE}" width="{width}" height="{height}">'
        f'<a id="collage" class="button" href="{place}" download="fitting-room-looks.jpg">'
        f"{words.COLLAGE_SAVE}</a></div>"
    )


def _button(act: str, text: str, of: str = "") -> str:
    label = f' aria-label="{text}: {of}"' if of else ""
    return f'<button type="button" data-act="{act}"{label}>{text}</button>'
