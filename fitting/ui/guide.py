"""The photo guide: what works and what does not, in words and drawings of our own."""

from __future__ import annotations

from fitting.ui import words

# One figure, 60 x 80: head, body with arms a little out, legs. What is wrong in the other pictures is drawn with it.
_FIGURE = (
    '<circle cx="30" cy="16" r="7"/><path d="M22 26h16l7 22-4 1-5-13v14l3 27h-6l-3-22-3 22h-6l3-27V36l-5 13-4-1z"/>'
)
_SMALL = f'<g transform="translate(-9 8) scale(.8)">{_FIGURE}</g><g transform="translate(21 8) scale(.8)">{_FIGURE}</g>'
_BAD = (  # in the order of `words.GUIDE_BAD`
    f'<g transform="translate(0 -24) scale(1 1)">{_FIGURE}</g>',
    _SMALL,
    f'<rect class="night" width="60" height="80"/><g opacity=".45">{_FIGURE}</g>',
    f'{_FIGURE}<path class="hair" d="M22 17a8 8 0 0 1 16 0l1 9H21z"/>',
)


def guide_html() -> str:
    """The guide, closed at first; and how to stand while the camera is on."""
    good = "".join(f"<li>{line}</li>" for line in words.GUIDE_GOOD)
    bad = "".join(
        f"<li>{_drawing(drawn, 'bad')}<span>{said}</span></li>"
        for drawn, said in zip(_BAD, words.GUIDE_BAD, strict=True)
    )
    return (
        f'<p class="pose note">{words.POSE}</p><details class="guide"><summary>{words.GUIDE}</summary>'
        f'<div class="right">{_drawing(_FIGURE, "good")}<ul>{good}</ul></div><ul class="wrong" role="list">{bad}</ul>'
        f'<p class="privacy">{words.GUIDE_NOT}</p></details>'
    )


def _drawing(inner: str, kind: str) -> str:
    mark = '<path d="M41 69l5 5 9-11"/>' if kind == "good" else '<path d="M43 63l12 12M55 63L43 75"/>'
    return (
        f'<svg class="{kind}" viewBox="0 0 60 80" width="60" height="80" aria-hidden="true" focusable="false">'
        f'{inner}<circle class="dot" cx="49" cy="69" r="10"/><g class="mark">{mark}</g></svg>'
    )
