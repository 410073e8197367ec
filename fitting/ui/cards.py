"""Shelves and cards as the page shows them, and the small pictures on them.

Gradio changes the page only where its HTML has changed: a card's picture is replaced in place, whatever has the
focus keeps it, and nothing jumps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

from PIL import Image

from fitting import images
from fitting.events import EventKind
from fitting.frame import Frame
from fitting.person import Person
from fitting.ui import words
from fitting.ui.compare import address
from fitting.ui.shopper import Card, Shopper

HEIGHT = 480  # of the pictures on cards: sharp on small screens of high density, too

# What is pressed shows at once, before the server has answered. Without a card left where one was refused, the focus
# goes to its neighbour.
PRESS = """let place = -1;
element.addEventListener("click", event => {
    const button = event.target.closest("button[data-act]");
    if (!button) return;
    const card = button.closest("[data-item]"), item = card.dataset.item;
    if (button.dataset.act === "like") {
        button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
        trigger("favour", {item});
    } else if (button.dataset.act === "refuse") {
        if (card.classList.contains("leaving")) return;
        place = [...element.querySelectorAll("[data-item]")].indexOf(card);
        card.classList.add("leaving");
        trigger("refuse", {item});
    } else {
        const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
        document.querySelector("#result-column").scrollIntoView({block: "start", behavior: still ? "auto" : "smooth"});
        trigger("wear", {item});
    }
});
watch("value", () => {
    const cards = element.querySelectorAll("[data-item]");
    if (place >= 0 && cards.length && document.activeElement === document.body)
        cards[Math.min(place, cards.length - 1)].querySelector("[data-act=refuse]").focus();
    place = -1;
    if (element.querySelector("[data-resumed]")) trigger("resume", {});
});"""


def shelves_html(shopper: Shopper, currency: str, resumed: bool = False) -> str:
    """Both shelves; one that is empty is left out, and without any there is nothing.

    Args:
        resumed: they are on a new page, which is to ask for what is still to be drawn.
    """
    with shopper.lock:
        named = [(words.GOES_WITH, "goes-with", shopper.goes_with), (words.ALSO_LIKE, "also-like", shopper.also_like)]
        laid_out = [_shelf(*one, shopper, currency) for one in named if one[2]]
        if not laid_out:
            return ""
        said = f'<p class="unseen" role="status">{escape(shopper.said)}</p>'
        note = f'<p class="privacy">{words.SHELVES_NOTE}</p>'
        mark = " data-resumed" if resumed and any(card.waiting for card in shopper.cards()) else ""
        return f'<section class="card" aria-label="{words.SHELVES}"{mark}>{said}{"".join(laid_out)}{note}</section>'


def _shelf(title: str, name: str, cards: Sequence[Card], shopper: Shopper, currency: str) -> str:
    shown = "".join(_card(card, shopper.has(card.item.id, EventKind.LIKED), currency) for card in cards)
    return f'<div class="rack" id="{name}"><h2>{title}</h2><ul class="offers" role="list">{shown}</ul></div>'


def _card(card: Card, liked: bool, currency: str) -> str:
    item = card.item
    title = escape(item.title)
    lines = [f"<h3>{title}</h3>"]
    for name, text in (("price", words.price(item.price, currency)), ("why", card.reason)):
        if text:
            lines.append(f'<p class="{name}">{escape(text)}</p>')
    acts = [("wear", words.WEAR, ""), ("like", words.LIKE, f' aria-pressed="{str(liked).lower()}"')]
    acts.append(("refuse", words.REFUSE, ""))
    buttons = "".join(
        f'<button type="button" data-act="{act}" aria-label="{said}: {title}"{more}>{said}</button>'
        for act, said, more in acts
    )
    return (
        f'<li class="offer" data-item="{escape(item.id)}">{_view(card)}<div class="about">{"".join(lines)}</div>'
        f'<div class="acts">{buttons}</div></li>'
    )


def _view(card: Card) -> str:
    """The picture: of the item on the visitor, or the shop's own."""
    path = card.picture or str(card.item.picture)
    alt = words.on_you(card.item.title) if card.picture else card.item.title
    state = "worn" if card.picture else "waiting" if card.waiting else "plain"
    return f'<div class="view {state}"><img src="{address(path)}" alt="{escape(alt)}" width="360" height="480"></div>'


def figure(person: Person) -> Person:
    """The person alone and small: the part of the photo that the frame shows, as large as a card's picture.

    What was found of the person lies on the frame's grid and stays as it is.
    """
    rows, columns, view = person.frame.part_of(*person.photo.shape[-2:])
    scale = min(1.0, HEIGHT / person.frame.height)
    if scale == 1 and (rows.stop - rows.start, columns.stop - columns.start) == person.photo.shape[-2:]:
        return person
    shown = images.to_image(person.photo[:, rows, columns])
    size = max(1, round(shown.width * scale)), max(1, round(shown.height * scale))
    small = shown.resize(size, Image.Resampling.LANCZOS)
    frame = Frame(
        -round(view[1].start * scale),
        -round(view[0].start * scale),
        round(person.frame.width * scale),
        round(person.frame.height * scale),
    )
    return replace(person, photo=images.to_tensor(small), frame=frame)
