"""What is known of a photo, kept in memory for the latest few photos: by their content, and never on a disk."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from torch import Tensor

Known = TypeVar("Known")


class Remembered(Generic[Known]):
    """Key of a photo (see `key_of`) -> what is known of it. Safe to use from several threads."""

    def __init__(self, most: int) -> None:
        """
        Args:
            most: photos remembered; those not asked for longest are forgotten first. 0 remembers nothing.
        """
        self._most = most
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._lock = Lock()

    def recall(self, key: str) -> Known | None:
        """What is known of a photo; None where nothing is."""
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
            return known

    def find(self, asked: Callable[[Known], bool]) -> Known | None:
        """What is known and meets a condition, without its key; None where nothing does."""
        with self._lock:
            for key, known in self._known.items():
                if asked(known):
                    self._known.move_to_end(key)
                    return known
        return None

    def remember(self, key: str, known: Known, unless: Callable[[Known], bool] | None = None) -> Known:
        """Keep what is known of a photo.

        Args:
            unless: keep instead what is known already, if it meets this; another thread may have been quicker.

        Returns:
            what is kept.
        """
        with self._lock:
            before = self._known.get(key)
            if before is not None and unless is not None and unless(before):
                known = before
            self._known[key] = known
            self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return known

    def forget(self, key: str) -> None:
        """Drop what is known of a photo."""
        with self._lock:
            self._known.pop(key, None)

    def __len__(self) -> int:
        return len(self._known)


def key_of(pixels: Tensor) -> str:
    """What a photo (3, H, W) uint8 is remembered by: its content."""
    digest = hashlib.sha256(",".join(map(str, pixels.shape)).encode())
    digest.update(pixels.contiguous().numpy().data)
    return digest.hexdigest()
