"""A training run as one page: losses, the balance of the players, collapse monitors and pictures over time.

The page holds everything, the drawing library included, so that it can be kept, sent or opened years later.
"""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

# Which chart a series belongs to, by its name; the first that matches. What matches none is a loss.
CHARTS = {
    "Balance of the players": ("discriminator", "generator", "real", "fake", "penalty"),
    "Collapse monitors": ("precision", "recall", "density", "coverage", "variance", "distinct"),
    "Losses": ("",),
}
SHEETS = 12  # pictures shown at most, spread over the run
LONGEST = 1600  # pixels of a picture's longer side on the page
STYLE = """body { font: 16px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem;
color: #1e1c1a; background: #faf8f5; } figure { margin: 1.5rem 0; } img { max-width: 100%; border-radius: 8px; }
h1, h2 { font-family: Georgia, serif; } table { border-collapse: collapse; } td, th { padding: .3rem .9rem;
text-align: right; border-bottom: 1px solid #e7e1d8; } th:first-child { text-align: left; }"""


class RunError(ValueError):
    """The folder holds nothing to report on."""


@dataclass(frozen=True)
class Series:
    """One number over time: steps, rising, and a value each."""

    name: str
    steps: list[int]
    values: list[float]


def report(run: Path) -> str:
    """The page of a run's folder, and of the runs in folders within it (players trained one after another).

    Args:
        run: what `fitting train` wrote to: TensorBoard events and `preview-*.png`.

    Returns:
        HTML that needs nothing else.

    Raises:
        RunError: there are no logs, or TensorBoard and Plotly are not installed.
    """
    parts = [(folder, series_of(folder)) for folder in (run, *sorted(p for p in run.iterdir() if p.is_dir()))]
    parts = [(folder, series) for folder, series in parts if series]
    if not parts:
        raise RunError(f"{run} holds no training logs; train with the `train` extra installed to write them")
    body = "".join(_part(folder.name, series, sheets_of(folder)) for folder, series in parts)
    when = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    title = f"Training of {escape(run.name)}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<script>{_library()}</script></head><body><h1>{title}</h1><p>Made {when}.</p>{body}</body></html>"
    )


def series_of(folder: Path) -> list[Series]:
    """Every number that a folder's event files hold; of a step that was logged twice the later value.

    A run that was stopped and resumed repeats the steps between its last checkpoint and the stop.
    """
    if not any(folder.glob("events.out.tfevents.*")):
        return []
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError:
        raise RunError("reading the logs needs TensorBoard: pip install 'fitting-room[train]'") from None
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    found = []
    for name in events.Tags()["scalars"]:
        known = {event.step: event.value for event in sorted(events.Scalars(name), key=lambda event: event.wall_time)}
        steps = sorted(known)
        found.append(Series(name, steps, [known[step] for step in steps]))
    return found


def sheets_of(folder: Path) -> list[tuple[int, Path]]:
    """Step and file of the previews that are shown: the first, the last, and some evenly between."""
    found = []
    for path in folder.glob("preview-*.png"):
        if match := re.fullmatch(r"preview-(\d+)", path.stem):
            found.append((int(match[1]), path))
    found.sort()
    if len(found) <= SHEETS:
        return found
    return [found[round(place * (len(found) - 1) / (SHEETS - 1))] for place in range(SHEETS)]


def chart_of(name: str) -> str:
    """The title of the chart that a series is drawn in."""
    return next(title for title, words in CHARTS.items() if any(word in name.lower() for word in words))


def _part(name: str, series: list[Series], sheets: list[tuple[int, Path]]) -> str:
    charts = {title: [one for one in series if chart_of(one.name) == title] for title in CHARTS}
    drawn = "".join(_chart(title, lines) for title, lines in charts.items() if lines)
    pictures = "".join(_picture(step, path) for step, path in sheets)
    return f"<section><h2>{escape(name)}</h2>{_table(series)}{drawn}{pictures}</section>"


def _table(series: list[Series]) -> str:
    rows = "".join(
        f"<tr><th>{escape(one.name)}</th><td>{one.values[0]:.4g}</td><td>{min(one.values):.4g}</td>"
        f"<td>{one.values[-1]:.4g}</td><td>{one.steps[-1]}</td></tr>"
        for one in series
    )
    return f"<table><tr><th></th><th>first</th><th>lowest</th><th>last</th><th>steps</th></tr>{rows}</table>"


def _chart(title: str, lines: list[Series]) -> str:
    figure = _plotly().Figure()
    for line in lines:
        figure.add_scatter(x=line.steps, y=line.values, name=line.name, mode="lines")
    # Losses differ by orders of magnitude; scores may be negative.
    kind = "log" if title == "Losses" and all(value > 0 for line in lines for value in line.values) else "linear"
    figure.update_layout(title=title, xaxis_title="step", yaxis_type=kind, height=420, template="plotly_white")
    return f"<figure>{figure.to_html(full_html=False, include_plotlyjs=False)}</figure>"


def _picture(step: int, path: Path) -> str:
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    image.thumbnail((LONGEST, LONGEST))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    data = base64.b64encode(file.getvalue()).decode()
    alt = f"Samples at step {step}"
    return f'<figure><img src="data:image/jpeg;base64,{data}" alt="{alt}"><figcaption>{alt}</figcaption></figure>'


def _plotly() -> Any:
    try:
        from plotly import graph_objects
    except ImportError:
        raise RunError("drawing the charts needs Plotly: pip install 'fitting-room[train]'") from None
    return graph_objects


def _library() -> str:
    _plotly()
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
