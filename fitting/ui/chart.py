"""Charts for the page, as Plotly's own JSON: Gradio brings the drawing library along, so that none is needed here.

Every chart has Plotly's button that saves it as a PNG. Colours are read on light and on dark ground.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gradio.components.plot import PlotData

INK, FAINT = "#7d766b", "rgba(125, 118, 107, 0.25)"
PINE, GOLD, CORAL = "#3c8a72", "#b98a2f", "#d05a3a"
MARGIN = {"l": 10, "r": 10, "t": 10, "b": 10}


@dataclass(frozen=True)
class Points:
    """Some points of one kind: a name for the legend, places, what is said of each, and how they look."""

    name: str
    places: Sequence[tuple[float, float]]
    texts: Sequence[str]
    colour: str
    size: int = 9
    symbol: str = "circle"
    lines: bool = False  # from the first to each of the others


def scatter(groups: Sequence[Points], name: str) -> PlotData:
    """A map without axes: only what is near to what counts. `name` is that of the saved file."""
    traces: list[dict[str, Any]] = []
    for group in groups:
        if not group.places:
            continue
        if group.lines:
            start = group.places[0]
            ends = [point for place in group.places[1:] for point in (start, place, (None, None))]
            traces.append(_lines(ends))
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": group.name,
                "x": [place[0] for place in group.places],
                "y": [place[1] for place in group.places],
                "text": list(group.texts),
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {"color": group.colour, "size": group.size, "symbol": group.symbol},
            }
        )
    hidden = {"visible": False}
    layout = {"xaxis": hidden, "yaxis": {**hidden, "scaleanchor": "x"}, "height": 460, "dragmode": "pan"}
    return _plot(traces, {**layout, "legend": {"orientation": "h", "y": -0.02}}, name)


def bars(names: Sequence[str], shares: Sequence[float], name: str) -> PlotData:
    """Shares, from 0 to 1, as bars below each other, the first on top."""
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": list(shares),
        "y": list(range(len(names))),
        "text": list(names),
        "textposition": "auto",
        "hovertemplate": "%{text}: %{x:.0%}<extra></extra>",
        "marker": {"color": PINE},
    }
    axis = {"tickformat": ".0%", "gridcolor": FAINT, "zeroline": False, "rangemode": "tozero"}
    layout = {"xaxis": axis, "yaxis": {"visible": False, "autorange": "reversed"}}
    return _plot([trace], {**layout, "height": 90 + 38 * len(names), "margin": {**MARGIN, "b": 30}}, name)


def _lines(ends: list[tuple[Any, Any]]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [end[0] for end in ends],
        "y": [end[1] for end in ends],
        "line": {"color": GOLD, "width": 1},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _plot(traces: list[dict[str, Any]], layout: dict[str, Any], name: str) -> PlotData:
    common = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": INK},
        "margin": MARGIN,
        "autosize": True,
    }
    config = {
        "displaylogo": False,
        "displayModeBar": True,
        "toImageButtonOptions": {"format": "png", "filename": name, "scale": 2},
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    }
    return PlotData(type="plotly", plot=json.dumps({"data": traces, "layout": common | layout, "config": config}))
