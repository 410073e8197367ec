"""Who waits for the studio: every press of its button, in the order in which they came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from fitting.ui.look import Look


@dataclass(eq=False)
class Finish:
    """One press of the button.

    Attributes:
        result: path of the picture on the page that it goes over.
        photo: path of the photo that the look is worn on.
        look: that is worn.
        token: a file that is there as long as nobody has cancelled.
        seed: that it is made with.
        begun: whether its turn has come.
        done: whether its picture is on the page.
    """

    result: Path
    photo: str
    look: Look
    token: Path
    seed: int
    begun: bool = False
    done: bool = False

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for it: its result is on the page, and it was not cancelled."""
        return there((self.token, self.result))


@dataclass
class Line:
    """All presses that wait or are worked on. Safe to use from several threads."""

    _presses: list[Finish] = field(default_factory=list)
    _lock: Any = field(default_factory=Lock, repr=False)

    def join(self, finish: Finish) -> None:
        with self._lock:
            self._presses.append(finish)

    def ahead(self, finish: Finish) -> int:
        """How many come before it: who left without a turn does not count."""
        with self._lock:
            self._presses = [one for one in self._presses if one.begun or one.wanted]
            return self._presses.index(finish) if finish in self._presses else 0

    def leave(self, finish: Finish) -> None:
        with self._lock:
            self._presses = [one for one in self._presses if one is not finish]


def there(files: Iterable[Path]) -> bool:
    """Whether all of these files exist."""
    return all(file.exists() for file in files)
