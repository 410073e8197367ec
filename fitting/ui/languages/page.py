"""One page in several languages: built once in each, served in the one that is asked for.

`gr.I18n` translates whole labels and values in the browser, but no choices, captions, alternative texts or sentences
within HTML. So the server sends the page's description in the reader's language, and there is nothing to translate.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

import gradio as gr
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fitting.ui import words
from fitting.ui.languages import FIRST, NAMES, PARAMETER, asked, current, speaking, wanted


class Page(gr.Blocks):
    """Blocks that describe themselves in the current language."""

    def __init__(self, **options: Any) -> None:
        self._described: dict[str, Any] = {}
        self._props: dict[str, list[dict[str, Any]]] = {}
        super().__init__(**options)

    @property
    def config(self) -> Any:
        """What a browser makes the page from."""
        props = self._props.get(current())
        if props is None:
            return self._described
        pairs = zip(self._described["components"], props, strict=True)
        components = [{**one, "props": {**one["props"], **own}} for one, own in pairs]
        return {**self._described, "components": components}

    @config.setter
    def config(self, described: Any) -> None:
        self._described = described

    def learn(self, language: str, other: Page) -> None:
        """Take over what is different on the same page in another language.

        Raises:
            ValueError: it is another page.
        """
        mine, theirs = self._described["components"], other._described["components"]
        if [one["type"] for one in mine] != [one["type"] for one in theirs]:
            raise ValueError(f"the page in {language} has other components than the page in {FIRST}")
        self._props[language] = [
            {name: value for name, value in own["props"].items() if value != one["props"].get(name)}
            for one, own in zip(mine, theirs, strict=True)
        ]


def in_each(build: Callable[[], Page], languages: Sequence[str]) -> Page:
    """The page that `build` makes, in English and in each of these languages."""
    with speaking(FIRST):
        page = build()
    for language in languages:
        if language != FIRST:
            with speaking(language):
                page.learn(language, build())
    return page


def switch(languages: Sequence[str]) -> str:
    """Links to the page in every language, each named as its readers call it; nothing where there is no choice."""
    if len(languages) < 2:
        return ""
    links = []
    for language in languages:
        here = ' aria-current="true"' if language == current() else ""
        links.append(
            f'<li><a href="?{PARAMETER}={language}" lang="{language}" hreflang="{language}"{here}>'
            f"{NAMES[language]}</a></li>"
        )
    return f'<nav class="languages" aria-label="{escape(words.LANGUAGE)}"><ul role="list">{"".join(links)}</ul></nav>'


# Runs before Gradio's own scripts. The address says the language from the start, so that every event carries it; what
# was chosen by a link is remembered in the browser, and sent nowhere else. Gradio says its own few words in the
# browser's language, so it is told ours.
_BEGIN = """<script>(() => {
    const said = %s, offered = %s, parameter = %s, key = "fitting-room-language";
    const page = new URL(location.href);
    if (!offered.includes(page.searchParams.get(parameter))) {
        let kept = null;
        try { kept = localStorage.getItem(key); } catch {}
        page.searchParams.set(parameter, offered.includes(kept) ? kept : said);
        if (page.searchParams.get(parameter) !== said) { location.replace(page); return; }
        history.replaceState(history.state, "", page);
    }
    Object.defineProperty(navigator, "language", {get: () => said, configurable: true});
    Object.defineProperty(navigator, "languages", {get: () => [said], configurable: true});
    // The browser's own copy of a page that was left: the visit that it shows is over, or another page's.
    addEventListener("pageshow", event => { if (event.persisted) location.reload(); });
    document.addEventListener("click", event => {
        const link = event.target.closest(".languages a");
        if (!link) return;
        try { localStorage.setItem(key, link.hreflang); } catch {}
        page.searchParams.set(parameter, link.hreflang);
        link.href = page.href;
    }, true);
})();</script>"""


class Reader:
    """Answer every request in its reader's language, and say so in the page itself.

    Args:
        languages: on offer; whoever reads none of them gets the first.
    """

    def __init__(self, app: ASGIApp, languages: Sequence[str]) -> None:
        self.app = app
        self.languages = tuple(languages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        parameters, headers = QueryParams(scope["query_string"]), Headers(scope=scope)
        language = wanted(parameters, headers, self.languages)
        page = scope["method"] == "GET" and "text/html" in headers.get("accept", "")
        if page:  # programs that name no language are answered in English; people in the shop's first language
            language = language or self.languages[0]
        with _answering(language):
            await self.app(scope, receive, _Rewriter(send, self, language) if page and language else send)

    def begin(self, language: str) -> bytes:
        """What stands first in the page's head."""
        return (_BEGIN % tuple(map(json.dumps, (language, self.languages, PARAMETER)))).encode()


class _Rewriter:
    """Sends an answer on; of HTML, the language is put right first."""

    def __init__(self, send: Send, reader: Reader, language: str) -> None:
        self.send, self.reader, self.language = send, reader, language
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            if headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers:
                self.start = message
                return
        elif message["type"] == "http.response.body" and self.start is not None:
            self.body += message.get("body", b"")
            if message.get("more_body"):
                return
            message = {**message, "body": self._page()}
            await self.send(self.start)
        await self.send(message)

    def _page(self) -> bytes:
        assert self.start is not None
        language = self.language.encode()
        body = self.body.replace(b'lang="en"', b'lang="%s"' % language, 1)
        body = body.replace(b"<head>", b"<head>" + self.reader.begin(self.language), 1)
        headers = MutableHeaders(raw=self.start["headers"])
        headers["content-length"] = str(len(body))
        headers["content-language"] = self.language
        headers.add_vary_header("accept-language")
        return body


@contextmanager
def _answering(language: str | None) -> Iterator[None]:
    token = asked.set(language)
    try:
        yield
    finally:
        asked.reset(token)
