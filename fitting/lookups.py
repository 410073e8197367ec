"""How often a cache had what was looked for: so that a host can see whether it is large enough."""

from __future__ import annotations

from threading import Lock


class Lookups:
    """Hits and misses of one cache. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._hits = self._misses = 0

    def count(self, hit: bool) -> None:
        """Something was looked for, and was there or was not."""
        with self._lock:
            self._hits += hit
            self._misses += not hit

    @property
    def counts(self) -> dict[str, int]:
        """Outcome, "hit" or "miss" -> how often."""
        with self._lock:
            return {"hit": self._hits, "miss": self._misses}
