"""What "How it works" shows, as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from PIL import Image

from fitting.anatomy import Part
from fitting.drawing import PALETTE
from fitting.item import Item
from fitting.recommender import Recommendation
from fitting.ui import words
from fitting.ui.compare import address

MOST = 6  # reasons that are told, the strongest
PLAN = "target_parsing"  # the picture whose colours stand for parts


def figures(title: str, pictures: Mapping[str, tuple[str, Image.Image]]) -> str:
    """A result taken apart: path and picture of each part, by the names in `fitting.explain`."""
    shown = "".join(_figure(name, path, picture) for name, (path, picture) in pictures.items())
    return f'<div class="inside"><h3>{escape(title)}</h3><div class="parts">{shown}</div></div>'


def _figure(name: str, path: str, picture: Image.Image) -> str:
    title, place = words.part(name), address(path)
    size = f'width="{picture.width}" height="{picture.height}"'
    said = escape(words.part_note(name))
    kind = ' class="wide"' if picture.width > picture.height else ""
    legend = _legend(picture) if name == PLAN else ""
    return (
        f'<figure{kind}><img src="{place}" alt="{escape(title)}" loading="lazy" {size}><figcaption>'
        f"<strong>{escape(title)}</strong> {said} {_save(place, name, title)}{legend}</figcaption></figure>"
    )


def shown_parts(picture: Image.Image) -> list[Part]:
    """The parts whose colours of `PALETTE` a picture has, the largest first."""
    pixels = np.asarray(picture.convert("RGB")).astype(np.int64) @ (1 << 16, 1 << 8, 1)
    counts = [np.count_nonzero(pixels == one) for one in PALETTE.astype(np.int64) @ (1 << 16, 1 << 8, 1)]
    return [Part(part) for part in np.argsort(counts, kind="stable")[::-1] if counts[part]]


def _legend(picture: Image.Image) -> str:
    """Which colour stands for which part; nothing where the picture has none of them."""
    entries = "".join(
        f'<li><i style="background: rgb({", ".join(map(str, PALETTE[part]))})" aria-hidden="true"></i>'
        f"{escape(words.body_part(part.name.lower()))}</li>"
        for part in shown_parts(picture)
    )
    label = escape(words.LEGEND)
    return f'<ul class="legend" role="list" aria-label="{label}">{entries}</ul>' if entries else ""


def _save(place: str, name: str, title: str) -> str:
    label = escape(f"{words.HOW_SAVE}: {title}")
    return f'<a href="{place}" download="{name}.png" aria-label="{label}">{escape(words.HOW_SAVE)}</a>'


@dataclass(frozen=True)
class Seen:
    """Something that the visitor did, and what the recommender made of it."""

    said: str  # "because you ..."
    attention: float


def trials(rows: Sequence[Seen], found: Sequence[Recommendation], titles: Mapping[str, str]) -> str:
    """How much was looked at what, and what fell when it was left out; the same as the chart, to be read."""
    lines = "".join(f"<tr><td>{escape(row.said)}</td><td>{row.attention:.0%}</td></tr>" for row in rows)
    table = (
        f'<table><thead><tr><th scope="col">{words.HOW_DONE}</th><th scope="col">{words.HOW_ATTENTION}</th></tr>'
        f"</thead><tbody>{lines}</tbody></table>"
    )
    proved = [(reason, entry.item.title) for entry in found for reason in entry.reasons if reason.item in titles]
    proved.sort(key=lambda one: -one[0].drop)
    said = [words.falls(titles[reason.item], title, reason.drop) for reason, title in proved[:MOST]]
    listed = "".join(f"<li>{escape(line)}</li>" for line in dict.fromkeys(said))
    told = f"<ul>{listed}</ul>" if listed else words.note(words.HOW_NOT_PROVED)
    return f'<div class="inside">{table}<h3>{words.HOW_TRIAL}</h3>{told}</div>'


def offered(items: Sequence[Item], sheet: str) -> str:
    """Items in a row, and the row as one picture to keep."""
    shown = "".join(
        f'<li><img src="{address(str(item.picture))}" alt="" width="120" height="160"><span>{escape(item.title)}</span>'
        "</li>"
        for item in items
    )
    save = _save(address(sheet), "shelf", words.HOW_KNOBS)
    return f'<div class="inside"><ol class="row">{shown}</ol>{save}</div>'


def row(pictures: Mapping[str, str], name: str) -> str:
    """Pictures in a row by their titles, each to be kept under a name and its number."""
    shown = "".join(
        f'<li><img src="{address(path)}" alt="{escape(title)}" width="384" height="384"><span>{escape(title)}</span> '
        f"{_save(address(path), f'{name}-{number}', title)}</li>"
        for number, (title, path) in enumerate(pictures.items(), 1)
    )
    return f'<div class="inside"><ol class="row">{shown}</ol></div>'
