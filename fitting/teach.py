"""Teacher to student: try-ons that a studio finished, written as a set to train the GAN on.

Which person wears which garment, and with which seed, follows from the set's seed alone; a set that was interrupted
goes on where it stopped. The manifest says which model was the teacher and under which licence.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from fitting.errors import FittingError, GarmentError, PhotoError, StudioError
from fitting.garment import Category, Garment
from fitting.images import decode, to_image, to_pixels
from fitting.room import FittingRoom, TryOn
from fitting.studio import Outcome, Settings, Studio

log = logging.getLogger(__name__)

FORMAT = 1
MANIFEST, ITEMS = "manifest.json", "items.jsonl"
PICTURES = ("person", "garment", "student", "teacher", "region", "warped")  # one folder each
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
LONGEST = 1024  # longest side of the people's photos in a set
OTHER_SET = "This folder holds a set that was begun with other {}. Go on with the same ones, or begin a new folder."
NO_PICTURES = "There are no pictures of {} in this folder: JPG, PNG or WebP."
RAN_OUT = "The graphics card ran out of memory. {} pictures are written; load the model with less memory and go on."


@dataclass(frozen=True)
class Plan:
    """What a set is to hold.

    Attributes:
        people, garments: files of pictures; their order does not matter.
        count: how many pairs, of all there are.
        seed: of the choice of pairs and of every finish.
        settings: of the finishes; their seed is not used.
        category: of every garment; None finds out.
    """

    people: tuple[Path, ...]
    garments: tuple[Path, ...]
    count: int
    seed: int = 0
    settings: Settings = field(default_factory=Settings)
    category: Category | None = None

    @classmethod
    def of(cls, people: Path, garments: Path, count: int, **more: Any) -> Plan:
        """All pictures of two folders.

        Raises:
            StudioError: there are none.
        """
        found = []
        for folder, noun in ((people, "people"), (garments, "garments")):
            files = tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES))
            if not files:
                raise StudioError(NO_PICTURES.format(noun))
            found.append(files)
        return cls(found[0], found[1], count, **more)

    def pairs(self) -> list[tuple[Path, Path, int]]:
        """Person, garment and seed of every item, no pair twice; a larger count only adds to a smaller one."""
        people, garments = (sorted(files, key=lambda path: path.name) for files in (self.people, self.garments))
        generator = torch.Generator().manual_seed(self.seed)
        order = torch.randperm(len(people) * len(garments), generator=generator)[: self.count].tolist()
        return [
            (people[pair // len(garments)], garments[pair % len(garments)], _seed(self.seed, number))
            for number, pair in enumerate(order)
        ]


@dataclass(frozen=True)
class Lesson:
    """One item of a set: pictures of one size but for the garment's.

    Attributes:
        number: its place in the set.
        category: how the garment is worn.
        person: RGB, the photo.
        garment: RGBA, cut out.
        student: RGB, the GAN's picture.
        teacher: RGB, the studio's; outside the region it is the photo, bit for bit.
        region: L, 0 where nothing was changed.
        warped: RGBA, the garment as laid on.
    """

    number: int
    category: Category
    person: Image.Image
    garment: Image.Image
    student: Image.Image
    teacher: Image.Image
    region: Image.Image
    warped: Image.Image


def teach(
    room: FittingRoom,
    studio: Studio,
    plan: Plan,
    folder: Path,
    right: dict[str, object],
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Render a set, or what is missing of it.

    Args:
        room: dresses people.
        studio: the teacher.
        plan: what to render.
        folder: where it goes.
        right: of `right_to_teach`: the model's licence, for the manifest.
        progress: told how many items are done, and of how many.

    Returns:
        written, passed over (no person found, garment not laid on, useless finish) and already there before.

    Raises:
        StudioError: the folder holds another set, or memory ran out; what is written stays.
    """
    _begin(folder, _manifest(room, studio, plan, right))
    _end_line(folder / ITEMS)
    known = {int(row["number"]) for row in _rows(folder)}
    pairs = plan.pairs()
    counts = {"written": 0, "passed": 0, "before": sum(number in known for number in range(len(pairs)))}
    for number, (person, garment, seed) in enumerate(pairs):
        if number not in known:
            row = {"number": number, "person": person.name, "garment": garment.name, "seed": seed}
            try:
                row |= _render(room, studio, plan, folder, number, person, garment, seed)
                counts["written"] += 1
            except _OutOfMemoryError:
                raise StudioError(RAN_OUT.format(counts["written"] + counts["before"])) from None
            except FittingError as error:
                row["passed"] = str(error)
                counts["passed"] += 1
            with (folder / ITEMS).open("a", encoding="utf-8") as file:  # only now: an item without a row is made anew
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        if progress is not None:
            progress(number + 1, len(pairs))
    return counts


def lessons(folder: Path) -> Iterator[Lesson]:
    """The items of a set, in order, to train on.

    Raises:
        StudioError: it is no set, or its manifest names no right to train on it.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        licence = manifest["licence"]
        granted = manifest["format"] == FORMAT and bool(licence["name"] or licence["note"])
    except (OSError, ValueError, KeyError, TypeError):
        granted = False
    if not granted:
        raise StudioError("This folder holds no set of `fitting teach`, or none that says under which licence.")
    for row in sorted(_rows(folder), key=lambda row: int(row["number"])):
        if "category" in row:
            opened = {}
            for name in PICTURES:
                with Image.open(_place(folder, name, row["number"])) as picture:
                    opened[name] = picture.copy()
            yield Lesson(row["number"], Category(row["category"]), **opened)


class _OutOfMemoryError(Exception):
    """The card is full: going on would fail again and again."""


def _render(
    room: FittingRoom, studio: Studio, plan: Plan, folder: Path, number: int, person: Path, picture: Path, seed: int
) -> dict[str, object]:
    """Make one item and write its pictures; what its row says of it."""
    photo = decode(person, PhotoError)
    photo.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    garment = room.understand_garment(decode(picture, GarmentError), plan.category)
    tryon = room.try_on(photo, garment)
    finished = studio.finish(tryon, garment, replace(plan.settings, seed=seed))
    if finished.outcome is Outcome.OUT_OF_MEMORY:
        raise _OutOfMemoryError
    if finished.outcome is not Outcome.DONE:
        raise StudioError(finished.tryon.notes[-1])
    made = _pictures(photo, garment, tryon) | {"teacher": finished.tryon.picture}
    for name, image in made.items():
        path = _place(folder, name, number)
        path.parent.mkdir(exist_ok=True)
        image.save(path, compress_level=1)
    digest = hashlib.sha256(finished.tryon.picture.tobytes()).hexdigest()
    return {"category": tryon.category.value, "steps": finished.steps, "teacher": digest}


def _pictures(photo: Image.Image, garment: Garment, tryon: TryOn) -> dict[str, Image.Image]:
    cut = to_image(to_pixels(garment.image))
    cut.putalpha(to_image(to_pixels(garment.mask)))
    return {
        "person": photo, "garment": cut, "student": tryon.picture, "region": tryon.edit_region, "warped": tryon.warped,
    }  # fmt: skip


def _manifest(room: FittingRoom, studio: Studio, plan: Plan, right: dict[str, object]) -> dict[str, Any]:
    settings = asdict(plan.settings)
    del settings["seed"]
    return {
        "format": FORMAT,
        "model": studio.name,
        "pipeline": type(studio.pipeline).__name__,
        "licence": right,
        "seed": plan.seed,
        "settings": settings,
        "category": None if plan.category is None else plan.category.value,
        "engine": "geometric" if room.engine is None else "gan",
        "people": _digest(plan.people),
        "garments": _digest(plan.garments),
    }


def _begin(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest; or, where there is one, check that it is of the same set."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MANIFEST
    if not path.exists():
        path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = {}
    other = [name for name, value in manifest.items() if found.get(name) != value]
    if other:
        raise StudioError(OTHER_SET.format(", ".join(other)))


def _rows(folder: Path) -> list[dict[str, Any]]:
    """The items that were finished; a last line that was cut short is none."""
    try:
        lines = (folder / ITEMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    rows = []
    for line in lines:
        try:
            rows.append(json.loads(line))
        except ValueError:
            log.warning("a line of %s was cut short; its item is made anew", ITEMS)
    return rows


def _end_line(path: Path) -> None:
    """After a line that was cut short, the next one must not go on in it."""
    if path.exists() and (content := path.read_bytes()) and not content.endswith(b"\n"):
        with path.open("ab") as file:
            file.write(b"\n")


def _place(folder: Path, name: str, number: int) -> Path:
    return folder / name / f"{number:06d}.png"


def _digest(files: tuple[Path, ...]) -> str:
    """Of names and contents, in the order of the names."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.name):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:40]


def _seed(seed: int, number: int) -> int:
    """A seed of an item's own, the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed} {number}".encode()).digest()[:4], "big")
