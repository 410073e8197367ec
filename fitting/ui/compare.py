"""The result on the page: a before/after slider that a mouse, a finger and a keyboard can move, and the plain picture.

Written as HTML because Gradio's own slider cannot be reached by keyboard and gives its pictures no alternative text.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from fitting.ui import words

# A range input lies invisibly over the pictures; where it stands is where the one is cut off and the other shows.
MOVE = """element.addEventListener("input", event => {
    event.target.parentElement.style.setProperty("--cut", event.target.value + "%");
});"""


def comparison(before: str, after: str, shown: Image.Image, cut: int = 50) -> str:
    """Before and after, cut at a movable line.

    Args:
        before, after: paths of two pictures of one size.
        shown: one of them, for its size: so that the page does not jump.
        cut: where the line is at first, in per cent of the width.
    """
    return (
        f'<div class="compare" style="--cut: {cut}%">'
        + _picture(after, words.AFTER_ALT, shown, "after")
        + _picture(before, words.BEFORE_ALT, shown, "before")
        + f'<span class="tag left" aria-hidden="true">{words.BEFORE}</span>'
        + f'<span class="tag right" aria-hidden="true">{words.AFTER}</span>'
        + f'<input type="range" min="0" max="100" value="{cut}" aria-label="{words.COMPARE_HINT}"></div>'
    )


def plain(after: str, shown: Image.Image) -> str:
    """The picture alone; pressing it opens it in a tab of its own."""
    picture = _picture(after, words.AFTER_ALT, shown, "after")
    return f'<a class="plain" href="{address(after)}" target="_blank" rel="noopener">{picture}</a>'


def _picture(path: str, alt: str, shown: Image.Image, name: str) -> str:
    size = f'width="{shown.width}" height="{shown.height}"'
    return f'<img class="{name}" src="{address(path)}" alt="{escape(alt)}" {size}>'


def address(path: str) -> str:
    """Relative to the page, wherever that is mounted."""
    return "gradio_api/file=" + quote(Path(path).as_posix())
