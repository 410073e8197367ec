"""`Shop`: a catalogue, what shoppers did, and the pictures, in one folder; or in a database and a vector store."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import sqlite3
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from types import TracebackType

from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from fitting.catalogue import Catalogue
from fitting.database import cause
from fitting.errors import ShopError
from fitting.garment import Garment
from fitting.importing import Import
from fitting.looks import Looks, Networks, load_networks, network_name
from fitting.milvus import MilvusIndex
from fitting.notes import Review
from fitting.profiles import Profiles
from fitting.reading import Progress, Report
from fitting.sample import load_sample, sample_version
from fitting.settings import Settings
from fitting.settings import load as settings_of_host
from fitting.store import Store
from fitting.vectors import Index

log = logging.getLogger(__name__)

FILE = "shop.db"


def default_folder() -> Path:
    """Where this computer's users keep such things; where they may not, a temporary folder."""
    try:
        home = Path.home()
    except RuntimeError:  # nobody's account, as in some containers
        return _temporary()
    if sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    there = next(folder for folder in (base / "fitting-room", base, *base.parents) if folder.is_dir())
    return base / "fitting-room" if writable(there) else _temporary()


def _temporary() -> Path:
    return Path(tempfile.gettempdir()) / f"fitting-room-shop-{os.getuid()}"


class Shop:
    """One shop, open. It serves many threads; so may several processes, one of which imports."""

    def __init__(self, folder: Path, store: Store, looks: Looks, index: MilvusIndex | None = None) -> None:
        self.folder = folder
        self.store = store
        self.looks = looks
        self._index = index
        self._catalogue: Catalogue | None = None
        self._answers = True
        self._lock = Lock()
        self._borrowed: tempfile.TemporaryDirectory[str] | None = None

    @classmethod
    def open(
        cls,
        folder: Path | None = None,
        database: str | None = None,
        vectors: str | None = None,
        sample: bool = True,
        weights: Path | None = None,
        networks: Callable[[], Networks] | None = None,
        token: str | None = None,
    ) -> Shop:
        """Open a shop; a new one is made in an empty folder.

        A folder that cannot be written to is used as it is: what shoppers do is then forgotten when the shop
        closes.

        Args:
            folder: of pictures, and of the database unless it is elsewhere; the user's own by default.
            database: URL of a PostgreSQL database, or of SQLite's file.
            vectors: URI of Milvus; without one, search is exact and in memory.
            sample: fill a shop that never held anything with the sample shop.
            weights: other weights than our own.
            networks: gives the networks if they are needed; loads them by default.
            token: of Milvus; by default `FITTING_VECTORS_TOKEN` in the environment.

        Raises:
            ShopError: the folder, the database or the vector store cannot be used.
            WeightsError: there are no weights.
        """
        folder = folder or default_folder()
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        if not folder.is_dir():
            raise ShopError(f"The shop's folder {folder} cannot be made. Name another one with --shop.")
        borrowed = None if writable(folder) or database else _borrow(folder)
        place = Path(borrowed.name) if borrowed else folder
        network = network_name(weights)
        profiles = partial(Profiles.fitting, network, weights)
        looks = Looks(folder, network, networks or (lambda: load_networks(weights)), profiles)
        with _turn(place if borrowed or writable(folder) else None):
            store = Store.open(database or URL.create("sqlite", database=str(place / FILE)))
            try:
                index = _index(store, vectors, token) if vectors else None
                shop = cls(folder, store, looks, index)
                shop._borrowed = borrowed
                if sample and writable(folder):
                    shop._load_sample()
            except BaseException:
                store.close()
                raise
        return shop

    @classmethod
    def usual(cls, settings: Settings | None = None) -> Shop:
        """The shop that the settings name: folder, database and vector store as in `open`.

        Raises:
            ShopError: it cannot be opened, or the settings cannot be used.
        """
        settings = settings or settings_of_host()
        token = settings.vectors_token.get_secret_value()
        return cls.open(settings.shop, settings.database, settings.vectors, token=token)

    def close(self) -> None:
        """Let go of the database and the vector store."""
        self.store.close()
        if self._index is not None:
            self._index.close()
        if self._borrowed is not None:
            self._borrowed.cleanup()

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def pictures(self) -> Path:
        """The folder of the items' pictures: the only one that visitors may see."""
        return self.looks.pictures

    def catalogue(self) -> Catalogue:
        """What is on offer now. Reads it again only after it has changed; while the database does not answer, it is
        what was on offer last.

        Raises:
            ShopError: the database does not answer, and never did.
        """
        with self._lock:
            try:
                revision = self.store.revision()
                if self._catalogue is None or self._catalogue.revision != revision:
                    self._catalogue = self._read(revision)
                elif self._index is not None and self._index.wants_sync:
                    self._sync(self._index, self._catalogue)
                self._answers = True
            except SQLAlchemyError as error:
                if self._catalogue is None:
                    raise ShopError(f"The shop's database does not answer: {cause(error)}") from error
                if self._answers:
                    log.warning("the database does not answer; the catalogue stays as it was", exc_info=error)
                self._answers = False
            return self._catalogue

    def _read(self, revision: int) -> Catalogue:
        items, vectors = self.store.items(self.pictures)
        index: Index | None = self._index
        catalogue = Catalogue(items, self.store.setting("currency") or "", vectors, index, revision)
        if self._index is not None:
            self._sync(self._index, catalogue)
        return catalogue

    def garment(self, item_id: str) -> Garment:
        """An item's garment, cut out before and ready to be worn.

        Raises:
            KeyError: the shop has no such item.
            GarmentError: it has no picture.
            ShopError: its picture is gone, or the database does not answer.
        """
        try:
            look = self.store.look_of(item_id)
        except SQLAlchemyError as error:
            raise ShopError(f"The shop's database does not answer: {cause(error)}") from error
        if look is None:
            raise KeyError(item_id)
        category = self.catalogue().get(item_id).category
        garment = self.looks.garment(look)
        return garment if garment.category is category else replace(garment, category=category)

    def reviews(self, item_id: str) -> list[Review]:
        """What customers wrote of an item; nothing where the shop has no such item, or the database does not answer."""
        try:
            return self.store.reviews(item_id)
        except SQLAlchemyError as error:
            log.warning("reviews cannot be read", exc_info=error)
            return []

    def take_in(
        self,
        products: Path | None,
        orders: Path | None = None,
        pictures: Path | None = None,
        prune: bool = False,
        currency: str | None = None,
        progress: Progress = lambda share: None,
        reviews: Path | None = None,
    ) -> Report:
        """Import a shop's files; see `fitting.importing.Import`.

        Raises:
            ShopError: a file cannot be read at all, no product can be used, the folder or the database cannot be
                written to, or another import is going on. The shop is as it was.
        """
        if not writable(self.folder):
            raise ShopError(f"The shop's folder {self.folder} cannot be written to. Name another one with --shop.")
        with _turn(self.folder, "import", wait=False):
            importing = Import(self.store, self.looks, products, orders, pictures, prune, currency, reviews)
            try:
                report = importing.run(progress)
            except (SQLAlchemyError, sqlite3.Error, OSError) as error:
                raise ShopError(
                    f"The import was broken off, and the shop is as it was: {cause(error)}. "
                    "Mend that, then import again."
                ) from error
        self.catalogue()  # tells the vector store, too
        return report

    def _sync(self, index: MilvusIndex, catalogue: Catalogue) -> None:
        """Make the vector store hold what the database does, if it may not. Where it does not answer, search is
        exact meanwhile, and it is asked again later."""
        held = f"{catalogue.revision} {index.uri}"
        try:
            if self.store.setting("vectors") == held and index.count() == len(catalogue):
                return
            entries = (
                (item.id, vector, item.category, item.in_stock)
                for item, vector in zip(catalogue, catalogue.vectors, strict=True)
            )
            index.sync(entries)
        except ShopError as error:
            log.warning("%s; search goes on without it", error)
            return
        self.store.set("vectors", held)

    def _load_sample(self) -> None:
        """Fill a new shop with the sample shop, or renew it where nothing else has taken its place."""
        held, version = self.store.setting("sample"), sample_version(self.looks.network)
        if held == "replaced" or held == version or (held is None and self.store.revision() > 0):
            return
        load_sample(self.store, self.looks, version)


def writable(folder: Path) -> bool:
    """Whether files can be made in a folder."""
    return os.access(folder, os.W_OK | os.X_OK)


def _borrow(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """A copy of the database of a folder that cannot be written to."""
    log.warning("The shop's folder cannot be written to: what shoppers do is forgotten when the app stops.")
    borrowed = tempfile.TemporaryDirectory(prefix="fitting-room-shop-")
    for file in (FILE, f"{FILE}-wal"):
        with suppress(FileNotFoundError):
            shutil.copyfile(folder / file, Path(borrowed.name) / file)
    return borrowed


def _index(store: Store, uri: str, token: str | None) -> MilvusIndex:
    """The shop's own collection, named once, so that shops can share a server."""
    name = store.setting("collection")
    if name is None:
        name = f"fitting_{uuid.uuid4().hex[:12]}"
        store.set("collection", name)
    return MilvusIndex(uri, os.environ.get("FITTING_VECTORS_TOKEN", "") if token is None else token, name)


@contextmanager
def _turn(folder: Path | None, name: str = "open", wait: bool = True) -> Iterator[None]:
    """Only one process at a time does this in a folder. Without a folder, everybody may.

    Raises:
        ShopError: another process is at it, and is not to be waited for.
    """
    if folder is None:
        yield
        return
    with (folder / f".{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ShopError("Another import into this shop is going on. Wait until it is done.") from None
        yield
