"""A visit handed from one page to the next: the language is another one then, and nothing else.

The page that is left asks for a token, and the page that comes presents it. The token is in memory alone, works once,
and dies within a minute; a visit that nobody took over by then is deleted like any other that ended.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fitting.ui.visits import Visit, Visits

LASTS = 60.0  # seconds in which a page has to come


@dataclass
class _Pending:
    """A visit that may be taken over.

    Attributes:
        session: whose it is now; once its page is gone, a name that no session has.
        page: what the page showed that its visit knows nothing of.
        gone: whether the page is.
    """

    visit: Visit
    session: str
    page: Any
    timer: threading.Timer
    gone: bool = False


class Handovers:
    """Visits between two pages. Safe to use from several threads.

    Args:
        end: deletes what a session gave, and what was made from it.
        lasts: seconds in which a token is good.
    """

    def __init__(self, visits: Visits, end: Callable[[str], None], lasts: float = LASTS) -> None:
        self.visits, self.end, self.lasts = visits, end, lasts
        self._pending: dict[str, _Pending] = {}
        self._lock = threading.Lock()

    def offer(self, session: str, page: Any = None) -> str:
        """A token that takes this session's visit over, together with what is known of its page."""
        token, visit = secrets.token_urlsafe(24), self.visits.of(session)
        timer = threading.Timer(self.lasts, self._expire, (token,))
        timer.daemon = True
        with self._lock:
            for former in [name for name, pending in self._pending.items() if pending.visit is visit]:
                self._pending.pop(former).timer.cancel()
            self._pending[token] = _Pending(visit, session, page, timer)
        timer.start()
        return token

    def leaves(self, session: str) -> bool:
        """A page is gone; whether its visit waits for another one, and is to be left alone."""
        with self._lock:
            pending = next((one for one in self._pending.values() if one.session == session), None)
            if pending is None:
                return False
            between = f"between {secrets.token_urlsafe(24)}"
            pending.gone = self.visits.move(pending.visit, session, between)
            if pending.gone:
                pending.session = between
            return pending.gone

    def take(self, token: str, session: str) -> tuple[Visit, Any] | None:
        """Make the visit that a token stands for that of this session; None where it stands for none, or no more.

        Returns:
            The visit, and what is known of its page.
        """
        with self._lock:
            pending = self._pending.pop(token, None)
            if pending is None:
                return None
            pending.timer.cancel()
            moved = self.visits.move(pending.visit, pending.session, session)
        return (pending.visit, pending.page) if moved else None

    def _expire(self, token: str) -> None:
        with self._lock:
            pending = self._pending.pop(token, None)
        if pending is not None and pending.gone:
            self.end(pending.session)
