"""The log of a host: lines of text, or one JSON object a line; in neither is anything of a visitor.

What this project writes names no visitor. What libraries write may, and what their errors say even more so: paths of
uploads, addresses, sessions, what was searched for. So their messages are cleared of all that looks like it, and of
their errors only the kind and the place in the code are told.
"""

from __future__ import annotations

import io
import json
import logging
import re
import sqlite3
import sys
import threading
import traceback
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TextIO

from fitting.errors import FittingError, ShopError, WeightsError
from fitting.settings import Settings

Style = Literal["text", "json"]

OURS = "fitting"  # the logger whose messages were written here
GONE = "…"
_SERVER = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
_WRITTEN_HERE = (FittingError, ShopError, WeightsError, sqlite3.Error)  # what these say is never of a visitor
_PRIVATE = re.compile(
    r"'[^']*'|\"[^\"]*\"|“[^”]*”"  # quotations
    r"|\w+://\S+"
    r"|/[\w.%~+@=-]+(?:/[\w.%~+@=-]*)+"  # paths
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?"
    r"|\[?[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,}\]?"
    r"|\b(?=\w*\d)\w{8,}\b"  # sessions, tokens, names of files
)


def begin(settings: Settings) -> None:
    """Set the log up, and write down what the shop decided; secrets are masked."""
    set_up(settings.log)
    logging.getLogger(OURS).info("settings", extra={"told": {"settings": settings.shown()}})


def refused(error: Exception) -> str | int:
    """Why the app does not start, for `sys.exit`: a sentence where the log is text, or no log was begun."""
    if not isinstance(_formatter(), JsonLines):
        return str(error)
    logging.getLogger(OURS).critical(str(error))
    return 1


def set_up(style: Style) -> None:
    """Write the log to the standard error, and what Python itself and libraries would print there, too."""
    stream = sys.stderr.stream if isinstance(sys.stderr, Printed) else sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if style == "json" else Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger(OURS).setLevel(logging.INFO)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a log that cannot be written, as on a full disk, is not told to the log
    sys.stderr = Printed(stream)
    sys.excepthook = _uncaught
    threading.excepthook = lambda thrown: _uncaught(thrown.exc_type, thrown.exc_value, thrown.exc_traceback)


def adopt_server() -> None:
    """Let the web server's log be part of ours; call it when the server has been started, for it sets up its own."""
    for name in _SERVER:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


class Printed(io.TextIOBase):
    """Stands for the standard error: what is printed there becomes lines of the log. Gradio prints tracebacks, with
    all that visitors and programs sent: of those only the error's kind is told."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._rest = ""
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if not line or line[0].isspace() or line.startswith("Traceback "):
                continue
            error = re.match(r"[\w.]*(?:Error|Exception|Warning|Interrupt|Exit)\b", line)
            logging.getLogger("stderr").warning("%s", error[0] if error else line)
            if error:  # what follows in the same breath is more of what it says
                break
        return len(text)

    def flush(self) -> None:
        self.stream.flush()

    def fileno(self) -> int:
        return self.stream.fileno()


class Lines(logging.Formatter):
    """Text, and below it what went wrong, if anything did."""

    def format(self, record: logging.LogRecord) -> str:
        told = "".join(f" {name}={value!r}" for name, value in _told(record).items())
        lines = [f"{record.levelname} {record.name}: {_message(record)}{told}"]
        for error in _errors(record):
            said = f": {error['said']}" if "said" in error else ""
            lines += [f"  {error['kind']}{said}", *(f"    at {place}" for place in error["at"])]
        return "\n".join(lines)


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, what more is told, and what went wrong."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, Any] = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            **_told(record),
        }
        if errors := _errors(record):
            line["errors"] = errors
        return json.dumps(line, ensure_ascii=False, default=str)


def _formatter() -> logging.Formatter | None:
    handlers = logging.getLogger().handlers
    return handlers[0].formatter if handlers else None


def cleared(text: str) -> str:
    """A text without what may be of a visitor."""
    return _PRIVATE.sub(GONE, text)


def _message(record: logging.LogRecord) -> str:
    ours = record.name == OURS or record.name.startswith(f"{OURS}.")
    return record.getMessage() if ours else cleared(record.getMessage())


def _told(record: logging.LogRecord) -> dict[str, Any]:
    """What a message of ours has beside its text."""
    return dict(getattr(record, "told", {}))


def _errors(record: logging.LogRecord) -> list[dict[str, Any]]:
    """What went wrong, and because of what: kinds and places in the code, and what was said where that is harmless."""
    error = record.exc_info[1] if record.exc_info else None
    told: list[dict[str, Any]] = []
    while error is not None and len(told) < 5:
        entry: dict[str, Any] = {"kind": type(error).__name__}
        if isinstance(error, OSError) and error.strerror:
            entry["said"] = error.strerror
        elif isinstance(error, _WRITTEN_HERE):
            entry["said"] = str(error)
        entry["at"] = [_place(frame) for frame in traceback.extract_tb(error.__traceback__)[-8:]]
        told.append(entry)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return told


def _place(frame: traceback.FrameSummary) -> str:
    """A place in the code: the last parts of the file's path, the line, the function."""
    return f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno} {frame.name}"


def _uncaught(kind: type[BaseException], error: BaseException | None, at: TracebackType | None) -> None:
    if issubclass(kind, (KeyboardInterrupt, SystemExit)):
        sys.__excepthook__(kind, error or kind(), at)
        return
    told = (kind, error or kind(), at)
    logging.getLogger(OURS).critical("an error that nobody expected", exc_info=told)
