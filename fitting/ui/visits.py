"""What a visit leaves on disk, and how it is all gone afterwards.

Gradio names uploads by a salted hash of their content and never ties them to a visitor, so the files of every
visit are kept account of here. Pictures made for a visitor get random names of their own.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from fitting.provenance import KINDS, QUALITY, marked
from fitting.ui.look import Wardrobe
from fitting.ui.shopper import Shopper

Said = Callable[[], str]  # a text, in the language of whoever reads it now

BROKEN_OFF = 600.0  # seconds after which an upload that has not grown is not going on


@dataclass
class Visit:
    """Files of one visitor: uploads by the place they were given for, and folders of made pictures by what they are
    made for. And what the visitor did and wears, which is on no disk.

    Attributes:
        said: what stands at each place of the page, to be said anew when its language changes.
        moves: how often it went from one session to another; what was begun before is of no interest any more.
        page: what the page before showed, as long as this one does not show it yet; see `fitting.ui.moving`.
    """

    uploads: dict[str, Path] = field(default_factory=dict)
    folders: dict[str, list[Path]] = field(default_factory=dict)
    shopper: Shopper = field(default_factory=Shopper)
    wardrobe: Wardrobe = field(default_factory=Wardrobe)
    imagined: list[Any] = field(default_factory=list)  # designs on the page; see `fitting.ui.imagined`
    finish: Any = None  # the last studio finish that was asked for; see `fitting.ui.finishing`
    said: dict[str, Said] = field(default_factory=dict)
    moves: int = 0
    page: Any = None
    seen: float = 0.0
    over: bool = False

    def say(self, place: str, said: Said) -> str:
        """What stands at a place of the page from now on, in the language that it is read in."""
        self.said[place] = said
        return said()

    def forget(self) -> None:
        """Drop what is in memory."""
        self.said.clear()
        self.shopper.forget()
        self.wardrobe.forget()
        self.imagined, self.finish, self.page = [], None, None


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

    def save(
        self, visit: Visit, image: Image.Image, name: str, use: str = "result", made: bool = True, visible: str = ""
    ) -> str:
        """Write a picture for a visitor under a path that nobody can guess, and return the path.

        Args:
            name: of the file; its ending says what kind.
            use: what it is made for; pictures of one use are cleared together.
            made: a machine made part of it, and the file says so.
            visible: a mark that can be seen; see `fitting.provenance.marked`.

        Raises:
            VisitOverError: the visit ended meanwhile; nothing is left on disk.
            OSError: it cannot be written, as on a full disk; nothing is left of it.
        """
        folder = self._folder()
        try:
            if made:
                (folder / name).write_bytes(marked(image, KINDS[Path(name).suffix], visible))
            else:
                image.save(folder / name, quality=QUALITY)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._count(visit, folder, use)
        return str(folder / name)

    def token(self, visit: Visit, use: str) -> Path:
        """An empty file that is there until what is made for this use is cleared, or the visit ends: whoever works
        for it can look whether it still is wanted, from another process too.

        Raises:
            VisitOverError: the visit ended meanwhile.
        """
        folder = self._folder()
        (folder / "wanted").touch()
        self._count(visit, folder, use)
        return folder / "wanted"

    def _folder(self) -> Path:
        folder = self.root / secrets.token_urlsafe(24)
        folder.mkdir(parents=True)
        return folder

    def _count(self, visit: Visit, folder: Path, use: str) -> None:
        with self._lock:
            if visit.over:
                shutil.rmtree(folder, ignore_errors=True)
                raise VisitOverError
            visit.folders.setdefault(use, []).append(folder)

    def clear_pictures(self, visit: Visit, use: str = "result", keep: Collection[str] = ()) -> None:
        """Delete what was made for a visitor for one use, but for the paths to keep; nothing that they uploaded."""
        kept = {Path(path).parent for path in keep}
        with self._lock:
            folders = visit.folders.get(use, [])
            visit.folders[use] = [folder for folder in folders if folder in kept]
            _remove(folder for folder in folders if folder not in kept)

    def end(self, session: str) -> None:
        """Delete everything of a visit, and forget what the visitor did."""
        with self._lock:
            visit = self._end(session)
        if visit is not None:
            visit.forget()

    def move(self, visit: Visit, old: str, new: str) -> bool:
        """Make a visit that of another session, whose own ends; whether it still was the old session's."""
        with self._lock:
            if self._visits.get(old) is not visit:
                return False
            del self._visits[old]
            former = self._end(new)
            self._visits[new] = visit
            visit.seen, visit.moves = time.monotonic(), visit.moves + 1
        if former is not None:
            former.forget()
        return True

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
            self._sweep_uploads()
            with self._lock:
                now = time.monotonic()
                silent = [session for session, visit in self._visits.items() if now - visit.seen > self.max_age]
                ended = [self._end(session) for session in silent]
                last = not self._visits
                if last:
                    self._sweeper = None
            for visit in ended:
                if visit is not None:
                    visit.forget()
            if last:
                return

    def _sweep_uploads(self) -> None:
        """Delete uploads that were broken off, by whoever sent them or by a full disk: nobody else knows of them."""
        for path in self.root.glob("tmp*"):
            with suppress(OSError):  # gone meanwhile
                if path.is_file() and abs(time.time() - path.stat().st_mtime) > BROKEN_OFF:
                    path.unlink()

    def _end(self, session: str) -> Visit | None:
        """Delete the files of a visit. The caller forgets what is in memory, and must not hold the lock then."""
        visit = self._visits.pop(session, None)
        if visit is not None:
            visit.over = True
            for path in visit.uploads.values():
                self._unlink(path)
            for folders in visit.folders.values():
                _remove(folders)
        return visit

    def _unlink(self, path: Path | None) -> None:
        """Two visitors who upload the very same file share one copy: the last of them deletes it."""
        if path is None or any(path in visit.uploads.values() for visit in self._visits.values()):
            return
        if path.is_relative_to(self.root):
            path.unlink(missing_ok=True)


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
