"""Work in bulk on Ray Data: look at a catalogue's pictures, and dress people in its garments.

Either can be stopped at any time, and goes on where it was: what is done is kept at once, in the shop's database or as
a file, and not done again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fitting.cores import settle
from fitting.errors import FittingError, GarmentError, ShopError
from fitting.garment import Category
from fitting.images import MAX_BYTES
from fitting.looks import Looks, load_networks, network_name
from fitting.person import Person
from fitting.provenance import KINDS, marked
from fitting.reading import read_products
from fitting.room import FittingRoom
from fitting.shop import FILE, Shop
from fitting.spreadsheet import Problem
from fitting.store import Look, Store

Rows = dict[str, Any]  # a batch as Ray Data has it: column -> values
TOGETHER = 16  # pictures, or items, between two times that what is done is kept
LISTED = 20  # problems that are told one by one
DONE, KNOWN = "done", "known"  # what came of a row; anything else says why nothing did
LONGEST = 120  # characters of a file's name that are the item's own


@dataclass
class Outcome:
    """What came of a job.

    Attributes:
        done: pieces of work done this time.
        known: done before.
        problems: (name, reason) of the first that could not be done.
        failed: how many could not be.
    """

    done: int = 0
    known: int = 0
    failed: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)

    def count(self, names: Iterable[str], outcomes: Iterable[str]) -> None:
        """Take in what came of some pieces."""
        for name, outcome in zip(names, outcomes, strict=True):
            if outcome == DONE:
                self.done += 1
            elif outcome == KNOWN:
                self.known += 1
            else:
                self.failed += 1
                if len(self.problems) < LISTED:
                    self.problems.append((str(name), str(outcome)))


@dataclass(frozen=True)
class Place:
    """Where a shop is, as every worker must be able to find it.

    Attributes:
        folder: of its pictures, on a disk that all nodes share.
        database: URL; None for the file in the folder, which only one machine can use.
    """

    folder: Path
    database: str | None = None

    def store(self) -> Store:
        """Its database, open."""
        return Store.open(self.database or f"sqlite:///{self.folder.absolute() / FILE}")


def embed(
    products: Path,
    place: Place,
    pictures: Path | None = None,
    workers: int = 1,
    progress: Callable[[float], None] = lambda share: None,
    looks: Callable[[Path], Looks] | None = None,
) -> Outcome:
    """Look at every picture that a products file names: copy, cut-out, category and embedding. An import of the file
    finds them all known, and takes no time for any; it must follow within a day, or forgets what no item shows.

    Args:
        products: as for an import.
        pictures: the folder that picture names are relative to; that of the products file by default.
        workers: processes, of one processor each.
        looks: gives what looks at pictures and keeps them in a folder; must be importable on every node.

    Raises:
        ShopError: the file cannot be read, or no row names a picture.
    """
    outcome = Outcome()
    names: list[str] = []
    categories: list[str] = []
    for row in read_products(products, pictures, [], lambda share: None):
        if isinstance(row, Problem):
            outcome.count([row.name or f"line {row.line}"], [row.reason])
        elif row[1].picture is not None:
            names.append(str(row[1].picture.absolute()))
            categories.append(row[1].category.value if row[1].category else "")
    if not names:
        why = f" {outcome.problems[0][0]}: {outcome.problems[0][1]}" if outcome.problems else ""
        raise ShopError(f"{products.name} names no picture that can be used.{why}")
    place.folder.mkdir(parents=True, exist_ok=True)
    with place.store():  # made, or brought up to date, before everybody wants to
        pass
    given = {"place": place, "looks": looks or _looks}
    _run({"name": names, "category": categories}, Looking, given, workers, outcome, progress)
    return outcome


def _looks(folder: Path) -> Looks:
    return Looks(folder, network_name(), load_networks)


class Looking:
    """A worker that looks at pictures."""

    def __init__(self, place: Place, looks: Callable[[Path], Looks]) -> None:
        import torch

        settle()
        torch.set_num_threads(1)
        self._store = place.store()
        self._looks = looks(place.folder)

    def __call__(self, rows: Rows) -> Rows:
        """Look at the pictures of a batch, and keep what was seen."""
        wanted = [Category(value) if value else None for value in rows["category"]]
        seen: list[Look] = []
        outcomes = [self._looked(Path(name), kind, seen) for name, kind in zip(rows["name"], wanted, strict=True)]
        self._store.keep_looks(seen)
        self._looks.kept(seen)
        return {"name": rows["name"], "outcome": outcomes}

    def _looked(self, path: Path, wanted: Category | None, seen: list[Look]) -> str:
        try:
            if path.stat().st_size > MAX_BYTES:
                return f"This garment picture is larger than {MAX_BYTES >> 20} MB. Make it smaller."
            content = path.read_bytes()
            key = self._looks.key(content, wanted)
            if any(look.key == key for look in seen) or (
                self._looks.has_picture(key) and self._store.look(key) is not None
            ):
                return KNOWN
            seen.append(self._looks.look(content, wanted))
        except OSError as error:
            return f"the picture cannot be read: {error.strerror}"
        except GarmentError as error:
            return str(error)
        return DONE


def render(
    place: Place,
    people: Sequence[Path],
    output: Path,
    category: Category | None = None,
    workers: int = 1,
    progress: Callable[[float], None] = lambda share: None,
    room: Callable[[int], FittingRoom] | None = None,
) -> Outcome:
    """Show every person in every garment that is in stock: `OUTPUT/PERSON/ITEM.jpg`, marked as made by AI.

    Args:
        people: photos, with different names.
        category: of this category alone.
        workers: processes, of one processor each.
        room: gives the room of a worker, which is told how many people it shall remember; must be importable on
            every node.

    Raises:
        ShopError: the shop cannot be used or has nothing to show, or two people have the same name.
    """
    names = [person.stem for person in people]
    if not people or len(set(names)) < len(names):
        raise ShopError("Name at least one photo, and no two with the same name.")
    with Shop.open(place.folder, place.database, sample=False) as shop:
        items = [item.id for item in shop.catalogue() if item.in_stock and category in (None, item.category)]
    if not items:
        raise ShopError("The shop has nothing in stock to show.")
    for name in names:
        (output / name).mkdir(parents=True, exist_ok=True)
    outcome = Outcome()
    given = {"place": place, "people": [person.absolute() for person in people], "output": output.absolute()}
    _run({"name": items}, Rendering, {**given, "room": room or _room}, workers, outcome, progress, len(people))
    return outcome


def _room(remembered: int) -> FittingRoom:
    return FittingRoom.load(remembered=remembered, runtime="auto")


class Rendering:
    """A worker that dresses people."""

    def __init__(self, place: Place, people: list[Path], output: Path, room: Callable[[int], FittingRoom]) -> None:
        import torch

        settle()
        torch.set_num_threads(1)
        self._shop = Shop.open(place.folder, place.database, sample=False)
        self._room = room(len(people))
        self._people = people
        self._output = output

    def __call__(self, rows: Rows) -> Rows:
        """Dress everybody in the items of a batch: a row for each picture."""
        told = [one for item in rows["name"] for one in self._worn(str(item))]
        return {"name": [name for name, _ in told], "outcome": [outcome for _, outcome in told]}

    def _worn(self, item: str) -> Iterable[tuple[str, str]]:
        paths = {photo: self._output / photo.stem / file_of(item) for photo in self._people}
        left = [photo for photo, path in paths.items() if not path.is_file()]
        yield from ((f"{item} on {photo.stem}", KNOWN) for photo in self._people if photo not in left)
        try:
            garment = self._shop.garment(item) if left else None
        except (FittingError, ShopError, KeyError) as error:
            yield from ((f"{item} on {photo.stem}", str(error)) for photo in left)
            return
        for photo in left:
            outcome = DONE
            try:
                person: Person = self._room.understand_person(photo)
                picture = self._room.try_on(person, garment).picture  # type: ignore[arg-type]  # there is one
                _write(paths[photo], marked(picture, KINDS[".jpg"]))
            except FittingError as error:
                outcome = str(error)
            yield f"{item} on {photo.stem}", outcome


def file_of(item: str) -> str:
    """The name of an item's picture: no two items share one, and it is a good name anywhere."""
    plain = quote(item, safe=" ").replace(" ", "_")
    if plain == item and len(plain) <= LONGEST:
        return f"{plain}.jpg"
    return f"{plain[:LONGEST]}-{hashlib.sha256(item.encode()).hexdigest()[:8]}.jpg"


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all: a file that is there is done."""
    beside = path.with_suffix(".new")
    beside.write_bytes(content)
    beside.replace(path)


def _run(
    columns: dict[str, list[str]],
    worker: type,
    given: dict[str, Any],
    workers: int,
    outcome: Outcome,
    progress: Callable[[float], None],
    each: int = 1,
) -> None:
    """Put rows through workers, and count what comes of them; a worker that dies is replaced, its batch done anew."""
    import pyarrow
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    table = pyarrow.table(columns)
    # Rows a block: not so few that they are hard to keep in mind, nor so many that some workers have nothing to do.
    size = max(min(TOGETHER, ceil(len(table) / workers)), ceil(len(table) / (50 * workers)))
    blocks = [table.slice(start, size) for start in range(0, len(table), size)]
    came = ray.data.from_arrow(blocks).map_batches(
        worker,
        batch_size=TOGETHER,
        batch_format="numpy",
        fn_constructor_kwargs=given,
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(blocks))),
    )
    pieces, wanted = 0, each * len(table)  # of work; a row may be several
    for batch in came.iter_batches(batch_size=None, prefetch_batches=0):
        outcome.count(batch["name"], batch["outcome"])
        pieces += len(batch["name"])
        progress(min(1.0, pieces / wanted))
