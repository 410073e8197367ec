"""What a visit leaves on disk, and how it is all gone afterwards.

Gradio names uploads by a salted hash of their content and never ties them to a visitor, so the files of every
visit are kept account of here. Pictures made for a visitor get random names of their own.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image


@dataclass
class Visit:
    """Files of one visitor: uploads by the place they were given for, and folders of made pictures."""

    uploads: dict[str, Path] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    seen: float = 0.0
    over: bool = False


class VisitOverError(Exception):
    """The visitor left, or deleted everything, while something was being made for them."""


class Visits:
    """Every visit now under way, by session. Safe to use from several threads.

    Args:
        root: the folder that holds uploads and whatever else may be served.
        max_age: seconds after which a silent visit counts as over.
    """

    def __init__(self, root: Path, max_age: float = 3600.0) -> None:
        self.root = root.resolve()
        self.max_age = max_age
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()
        self._sweeper: threading.Thread | None = None

    def holds(self, path: str | Path) -> bool:
        """Whether the path is a file below the root: nothing else may be read on a visitor's behalf."""
        resolved = Path(path).resolve()
        return resolved.is_relative_to(self.root) and resolved.is_file()

    def keep(self, session: str, place: str, path: str | Path) -> None:
        """Count an upload to a visit; the one that was in its place is deleted."""
        with self._lock:
            visit = self._visit(session)
            former = visit.uploads.pop(place, None)
            visit.uploads[place] = Path(path).resolve()
            self._unlink(former)

    def drop(self, session: str, place: str) -> None:
        """Delete the upload in one place of a visit."""
        with self._lock:
            if visit := self._visits.get(session):
                self._unlink(visit.uploads.pop(place, None))

    def of(self, session: str) -> Visit:
        """The visit of a session, begun if it is new."""
        with self._lock:
            return self._visit(session)

    def save(self, visit: Visit, image: Image.Image, name: str, **options: object) -> str:
        """Write a picture made for a visitor under a path that nobody can guess, and return the path.

        Raises:
            VisitOverError: the visit ended meanwhile; nothing is left on disk.
        """
        folder = self.root / secrets.token_urlsafe(24)
        folder.mkdir(parents=True)
        image.save(folder / name, **options)  # type: ignore[arg-type]
        with self._lock:
            if visit.over:
                shutil.rmtree(folder, ignore_errors=True)
                raise VisitOverError
            visit.folders.append(folder)
        return str(folder / name)

    def clear_pictures(self, session: str) -> None:
        """Delete what was made for a visitor, but not what they uploaded."""
        with self._lock:
            if visit := self._visits.get(session):
                _remove(visit.folders)

    def end(self, session: str) -> None:
        """Delete everything of a visit."""
        with self._lock:
            self._end(session)

    def uploads(self, session: str) -> list[Path]:
        """The files that a visitor gave."""
        with self._lock:
            visit = self._visits.get(session)
            return list(visit.uploads.values()) if visit else []

    def _visit(self, session: str) -> Visit:
        visit = self._visits.setdefault(session, Visit())
        visit.seen = time.monotonic()
        if self._sweeper is None:
            self._sweeper = threading.Thread(target=self._sweep, name="visits", daemon=True)
            self._sweeper.start()
        return visit

    def _sweep(self) -> None:
        """End visits that fell silent, as when a connection was lost, until none is left."""
        while True:
            time.sleep(min(self.max_age / 4, 60))
            with self._lock:
                now = time.monotonic()
                for session in [s for s, visit in self._visits.items() if now - visit.seen > self.max_age]:
                    self._end(session)
                if not self._visits:
                    self._sweeper = None
                    return

    def _end(self, session: str) -> None:
        if visit := self._visits.pop(session, None):
            visit.over = True
            for path in visit.uploads.values():
                self._unlink(path)
            _remove(visit.folders)

    def _unlink(self, path: Path | None) -> None:
        """Two visitors who upload the very same file share one copy: the last of them deletes it."""
        if path is None or any(path in visit.uploads.values() for visit in self._visits.values()):
            return
        if path.is_relative_to(self.root):
            path.unlink(missing_ok=True)


def _remove(folders: list[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    folders.clear()
