"""The result on the page: a before/after slider that a mouse, a finger and a keyboard can move, and the plain picture.

Written as HTML because Gradio's own slider cannot be reached by keyboard and gives its pictures no alternative text.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from PIL import Image

from fitting.ui import words

ZOOM = """element.addEventListener("click", event => {
    const button = event.target.closest("button"), dialog = element.querySelector("dialog");
    if (button?.className === "zoom") dialog.showModal();
    else if (button?.className === "close" || event.target === dialog) dialog.close();
    else if (button?.className === "sight") {
        const large = button.getAttribute("aria-pressed") !== "true", box = button.getBoundingClientRect();
        const across = event.detail ? (event.clientX - box.left) / box.width : 0.5;
        const down = event.detail ? (event.clientY - box.top) / box.height : 0.3;
        button.setAttribute("aria-pressed", large);
        dialog.scrollTo(across * dialog.scrollWidth - dialog.clientWidth / 2,
            down * dialog.scrollHeight - dialog.clientHeight / 2);
    }
});"""

# A range input lies invisibly over the pictures; where it stands is where the one is cut off and the other shows.
MOVE = (
    """element.addEventListener("input", event => {
    event.target.parentElement.style.setProperty("--cut", event.target.value + "%");
});
"""
    + ZOOM
)

_ARROWS = """<svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" focusable="false"><path d="M14 4h6v6M10
20H4v-6M20 4l-7 7M4 20l7-7" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"
stroke-linejoin="round"/></svg>"""


def cut_at(edit_region: Image.Image) -> int:
    """Where before turns into after at first, in per cent of the width: in the middle of what has changed."""
    box = edit_region.getbbox()
    return 50 if box is None else round(50 * (box[0] + box[2]) / edit_region.width)


@dataclass(frozen=True)
class Labels:
    """What the page calls two pictures; and for who cannot see them, what the left one shows and how to compare."""

    left: str
    right: str
    alt: str
    hint: str


class Sized(Protocol):
    """A picture, as far as its size in pixels goes."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


@dataclass(frozen=True)
class Views:
    """A result as the page shows it: paths of the photo and of the picture, their size, where the line is at first,
    and the path of the download once there is one."""

    before: str
    after: str
    width: int
    height: int
    cut: int
    full: str | None = None

    def html(self, said: str) -> tuple[str, str]:
        """Both views; `said` is what the person wears."""
        return comparison(self.before, self.after, self, self.cut, said), plain(self.after, self, said)


def comparison(
    before: str, after: str, shown: Sized, cut: int = 50, said: str = "", labels: Labels | None = None
) -> str:
    """Before and after, cut at a movable line.

    Args:
        before, after: paths of two pictures of one size.
        shown: one of them, for its size: so that the page does not jump.
        cut: where the line is at first, in per cent of the width.
        said: what the person wears, for who cannot see it.
        labels: None for before and after.
    """
    labels = labels or Labels(words.BEFORE, words.AFTER, words.BEFORE_ALT, words.COMPARE_HINT)
    return (
        f'<div class="compare" style="--cut: {cut}%">'
        + _picture(after, said or words.AFTER_ALT, shown, "after")
        + _picture(before, labels.alt, shown, "before")
        + f'<span class="tag left" aria-hidden="true">{labels.left}</span>'
        + f'<span class="tag right" aria-hidden="true">{labels.right}</span>'
        + f'<input type="range" min="0" max="100" value="{cut}" aria-label="{labels.hint}">'
        + f"{_zoom(after, said, shown)}</div>"
    )


def plain(after: str, shown: Sized, said: str = "") -> str:
    """The picture alone."""
    picture = _picture(after, said or words.AFTER_ALT, shown, "after")
    return f'<div class="plain">{picture}{_zoom(after, said, shown)}</div>'


def _zoom(path: str, said: str, shown: Sized) -> str:
    """A button that fills the screen with the picture; there, pressing the picture makes it larger, or smaller."""
    picture = _picture(path, said or words.AFTER_ALT, shown, "large").replace("<img ", '<img loading="lazy" ')
    return (
        f'<button type="button" class="zoom" aria-label="{words.ZOOM}">{_ARROWS}</button>'
        f'<dialog class="screen" aria-label="{words.ZOOM}"><button type="button" class="close">{words.CLOSE}</button>'
        f'<button type="button" class="sight" aria-label="{words.ZOOM_HINT}" aria-pressed="false">{picture}</button>'
        "</dialog>"
    )


def _picture(path: str, alt: str, shown: Sized, name: str) -> str:
    size = f'width="{shown.width}" height="{shown.height}"'
    return f'<img class="{name}" src="{address(path)}" alt="{escape(alt)}" {size}>'


def address(path: str) -> str:
    """Relative to the page, wherever that is mounted."""
    return "gradio_api/file=" + quote(Path(path).as_posix())
