"""Calls of the app's functions as they come over the wire: what is no call at all, and which function is asked for."""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import gradio as gr

Key = int | str  # a function's number, or its name


@dataclass(frozen=True)
class Taken:
    """What a function takes: how many values a call may bring, which names they have, and which it must bring."""

    counts: frozenset[int]
    names: frozenset[str]
    needed: frozenset[str]


Takes = Mapping[Key, Taken]

_ADDRESS = re.compile(r"\s*[a-z][a-z0-9+.-]*:/", re.IGNORECASE)
_SESSION = re.compile(r"[\w-]{1,64}")  # longer than any that Gradio makes: it is remembered


def functions_of(app: gr.Blocks) -> Takes:
    """What every function takes. Programs may leave out what the server remembers for the page."""
    found: dict[Key, Taken] = {}
    for fn in app.fns.values():
        counts = frozenset((len(fn.inputs), sum(not block.skip_api for block in fn.inputs)))
        named = list(inspect.signature(fn.fn).parameters.values())[: len(fn.inputs)] if fn.fn is not None else []
        needed = frozenset(one.name for one in named if one.default is one.empty)
        taken = Taken(counts, frozenset(one.name for one in named), needed)
        found |= {key: taken for key in (fn._id, fn.api_name) if isinstance(key, (int, str))}
    return found


def parsed(content: bytes) -> Any:
    """JSON as the standard has it: Python takes more, which cannot be written into an answer.

    Raises:
        ValueError: it is none, or has a number or a letter that does not exist.
        RecursionError: it is too deep.
    """
    body = json.loads(content, parse_float=_finite, parse_constant=_finite)
    if b"\\ud" in content.lower():  # halves of letters, which are to be two and two
        json.dumps(body, ensure_ascii=False).encode()
    return body


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("there is no such number")
    return number


def asked_for(path: str, body: Any) -> Key:
    """The function that a call asks for: the one whose number it gives, else the one that its address names."""
    number = body.get("fn_index") if isinstance(body, dict) else None
    return number if isinstance(number, int) and "/call/" not in path else PurePosixPath(path).name


def fits(path: str, body: Any, takes: Takes) -> bool:
    """Whether a call can be answered at all: there is such a function, and it takes so many values."""
    taken = takes.get(asked_for(path, body))
    if taken is None or not isinstance(body, dict):
        return False
    if "/call/v2/" in path:  # there, values have names
        return taken.needed <= body.keys() <= taken.names
    session = body.get("session_hash")
    if session is not None and not (isinstance(session, str) and _SESSION.fullmatch(session)):
        return False
    data = body.get("data")
    return isinstance(data, list) and len(data) in taken.counts


def names_a_file_elsewhere(value: Any) -> bool:
    """Whether any file object in the call is named by an address, which Gradio would fetch."""
    parts: Iterable[Any] = ()
    if isinstance(value, dict):
        path = value.get("path")
        if isinstance(path, str) and _ADDRESS.match(path):
            return True
        parts = value.values()
    elif isinstance(value, list):
        parts = value
    return any(names_a_file_elsewhere(part) for part in parts)
