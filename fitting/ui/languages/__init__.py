"""What the page says, in the language of whoever reads it: one file per language, and which one is wanted.

A file has four tables. `sentences` are the page's own, used as `words.NAME`. `library` are sentences that the
library writes in English, for visitors: errors, notes and reasons. They are recognised by their English template, so
that the library knows nothing of languages. `values` are what their placeholders may hold. `people` are the sample
people's titles, recognised likewise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

import tomli
from gradio.context import LocalContext

FOLDER = Path(__file__).parent
FIRST = "en"  # what everything is written in first, and what programs are answered in
NAMES = {"en": "English", "zh-CN": "简体中文", "es": "Español"}  # as their readers call them
PARAMETER = "lang"  # of the page's address: Gradio sends the page's parameters along with every event
PLACEHOLDER = re.compile(r"\{(\w+)\}")

_spoken: ContextVar[str | None] = ContextVar("spoken", default=None)
asked: ContextVar[str | None] = ContextVar("asked", default=None)  # by the request being answered, if by any


@lru_cache
def read(language: str) -> dict[str, dict[str, Any]]:
    """The tables of a language's file."""
    return tomli.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """What is said within is said in this language."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def current() -> str:
    """The language to answer in: the one being spoken, or that of the event or request; English otherwise."""
    spoken = _spoken.get()
    if spoken is not None:
        return spoken
    event = LocalContext.request.get(None)
    language = asked.get() if event is None else wanted(event.query_params, event.headers)
    return language or FIRST


def wanted(parameters: Any, headers: Any, offered: Sequence[str] = tuple(NAMES)) -> str | None:
    """The language that a request asks for, of those on offer: by its address, else by its Accept-Language."""
    asked = (parameters or {}).get(PARAMETER)
    return asked if asked in offered else negotiated((headers or {}).get("accept-language") or "", offered)


def negotiated(header: str, offered: Sequence[str]) -> str | None:
    """The best of what is on offer by an Accept-Language header (RFC 9110, section 12.5.4); None if nothing fits.

    A dialect that is not on offer is answered in the one that is: es-MX gets es.
    """
    ranked = []
    for place, part in enumerate(header.split(",")):
        tag, _, quality = part.strip().partition(";")
        weight = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", quality) if quality else None
        ranked.append((-(float(weight[1]) if weight else 1.0), place, tag.strip().lower()))
    for negative, _, tag in sorted(ranked):
        for language in offered:
            if negative < 0 and tag.split("-")[0] == language.lower().split("-")[0]:
                return language
    return None


def say(name: str, **values: object) -> Any:
    """A sentence of the page in the current language; in English where nobody translated it. Raises KeyError.

    What is a list in the files comes as a tuple of sentences.
    """
    template = read(current())["sentences"].get(name)
    if template is None:
        template = read(FIRST)["sentences"][name]
    return tuple(template) if isinstance(template, list) else filled(template, values)


def filled(template: str, values: dict[str, Any]) -> str:
    """A template with its placeholders filled. Unlike `str.format` it takes what is filled in as it comes."""
    return PLACEHOLDER.sub(lambda found: str(values[found[1]]), template) if values else template


def told(sentence: str) -> str:
    """A sentence of the library in the current language; as it is where it is none, or nobody translated it."""
    language = current()
    if language == FIRST:
        return sentence
    for table, name, pattern in _patterns():
        if found := pattern.fullmatch(sentence):
            template = read(language)[table].get(name)
            return sentence if template is None else filled(template, _values(found.groupdict(), language))
    return sentence


def _values(given: dict[str, str], language: str) -> dict[str, str]:
    english, own = read(FIRST)["values"], read(language)["values"]
    names = {text: name for name, text in english.items()}
    return {place: own.get(names.get(text, ""), text) for place, text in given.items()}


@lru_cache
def _patterns() -> list[tuple[str, str, re.Pattern[str]]]:
    """How the library's sentences are recognised, as (table, name, pattern); those without placeholders first."""
    known = [(table, name, text) for table in ("library", "people") for name, text in read(FIRST)[table].items()]
    return [(table, name, pattern_of(text)) for table, name, text in sorted(known, key=lambda one: "{" in one[2])]


def pattern_of(template: str) -> re.Pattern[str]:
    """Matches every sentence that a template makes."""
    parts = PLACEHOLDER.split(template)
    return re.compile("".join(f"(?P<{part}>.+)" if place % 2 else re.escape(part) for place, part in enumerate(parts)))
