"""The catalogue that ships, and what `Catalogue` makes of good and bad files."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops

from fitting.catalogue import Catalogue, Item
from fitting.garment import Category

ASSETS = Path(__file__).parents[1] / "assets"
SIZE = (384, 512)
PATTERNS = {"plain", "heather", "horizontal stripes", "vertical stripes", "dots", "check", "floral", "camo"}
SLEEVES = {"sleeveless", "cap", "short", "elbow", "long"}
NECKLINES = {"crew", "V", "scoop", "boat", "square", "turtle"}
NEARLY_ALIKE = 0.05  # of the range of colour, root mean square; a re-saved or moved copy stays below 0.03


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load(ASSETS)


@pytest.fixture(scope="module")
def people() -> list[dict[str, Any]]:
    return json.loads((ASSETS / "people.json").read_text(encoding="utf-8"))["people"]


def look(picture: Path | io.BytesIO) -> np.ndarray:
    """The garment alone at 24x24, so that neither its place nor its size in the picture matters."""
    image = Image.open(picture).convert("RGB")
    pixels = np.asarray(image, dtype=float)
    garment = np.abs(pixels - pixels[:4].mean(axis=(0, 1))).max(axis=2) > 24
    rows, columns = (np.flatnonzero(garment.mean(axis=axis) > 0.02) for axis in (1, 0))
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    return np.asarray(image.crop(box).resize((24, 24), Image.Resampling.BOX), dtype=float) / 255


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.sqrt(((one - other) ** 2).mean()))


def test_the_shipped_catalogue_is_complete(catalogue: Catalogue) -> None:
    assert len(catalogue) >= 110
    assert catalogue.currency
    for item in catalogue:
        assert catalogue.get(item.id) is item
        assert item.colours and item.price
        assert item.pattern in PATTERNS | {"colour block"}
        if item.category is Category.LOWER:
            assert item.sleeve is None and item.neckline is None
        else:
            assert item.sleeve in SLEEVES
        if item.category in (Category.UPPER, Category.DRESS):
            assert item.neckline in NECKLINES
    assert len({item.title for item in catalogue}) == len(catalogue)


def test_the_shipped_catalogue_is_varied(catalogue: Catalogue) -> None:
    counts = Counter(item.category for item in catalogue)
    assert counts[Category.UPPER] >= 60 and counts[Category.LOWER] >= 20
    assert counts[Category.DRESS] >= 8 and counts[Category.OUTER] >= 5
    assert {item.pattern for item in catalogue} == PATTERNS | {"colour block"}
    assert {item.sleeve for item in catalogue} == SLEEVES | {None}
    assert {item.neckline for item in catalogue} == NECKLINES | {None}
    assert len({item.colours[0] for item in catalogue}) >= 20


def test_every_picture_opens_at_its_size_and_none_is_there_twice(
    catalogue: Catalogue, people: list[dict[str, Any]]
) -> None:
    pictures = [item.picture for item in catalogue] + [ASSETS / person["picture"] for person in people]
    for picture in pictures:
        with Image.open(picture) as image:
            image.load()
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", SIZE), picture.name
    assert len({hashlib.sha256(picture.read_bytes()).digest() for picture in pictures}) == len(pictures)


def test_every_picture_in_the_folders_is_named(catalogue: Catalogue, people: list[dict[str, Any]]) -> None:
    assert {path.name for path in (ASSETS / "garments").iterdir()} == {item.picture.name for item in catalogue}
    named = {Path(person["picture"]).name for person in people}
    assert {path.name for path in (ASSETS / "people").iterdir()} == named


def test_no_two_garments_are_nearly_alike(catalogue: Catalogue) -> None:
    looks = {item.id: look(item.picture) for item in catalogue}
    for one, other in itertools.combinations(looks, 2):
        assert difference(looks[one], looks[other]) > NEARLY_ALIKE, f"{one} and {other}"


def test_the_measure_of_likeness_sees_through_a_moved_and_recompressed_copy(catalogue: Catalogue) -> None:
    for item in itertools.islice(catalogue, 0, None, 6):
        copy = io.BytesIO()
        with Image.open(item.picture) as image:
            ImageChops.offset(image, 6, 9).resize((300, 400)).save(copy, "JPEG", quality=60)
        assert difference(look(item.picture), look(copy)) < NEARLY_ALIKE, item.id


def test_the_sample_people(people: list[dict[str, Any]]) -> None:
    assert len(people) == 9
    assert len({person["id"] for person in people}) == 9
    assert all(len(person["title"]) > 20 for person in people)  # it is also the text for those who cannot see
    splits = [person["source"]["split"] for person in people]
    assert set(splits) <= {"train", "heldout"} and splits.count("heldout") >= 7  # mostly people never trained on


def test_the_assets_stay_small() -> None:
    assert sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file()) < 6_000_000


GOOD = {"id": "tee", "title": "Sage tee", "category": "upper", "picture": "tee.jpg", "price": 15}


def write(folder: Path, *rows: Any, **head: Any) -> Path:
    Image.new("RGB", (4, 4)).save(folder / "tee.jpg")
    (folder / "catalogue.json").write_text(json.dumps({**head, "items": rows}), encoding="utf-8")
    return folder


def test_load_keeps_order_and_values(tmp_path: Path) -> None:
    full = {**GOOD, "colours": ["sage", "white"], "pattern": "dots", "sleeve": "cap", "neckline": "V"}
    bare = {"id": "skirt", "title": "Skirt", "category": "lower", "picture": "tee.jpg"}
    catalogue = Catalogue.load(write(tmp_path, full, bare, currency="EUR"))
    picture = tmp_path / "tee.jpg"
    assert list(catalogue) == [
        Item("tee", "Sage tee", Category.UPPER, picture, 15.0, ("sage", "white"), "dots", "cap", "V"),
        Item("skirt", "Skirt", Category.LOWER, picture),
    ]
    assert catalogue.currency == "EUR"
    assert "skirt" in catalogue and "coat" not in catalogue
    with pytest.raises(KeyError, match="coat"):
        catalogue.get("coat")


def test_an_empty_catalogue_is_a_catalogue(tmp_path: Path) -> None:
    assert list(Catalogue.load(write(tmp_path))) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"title": None}, "title is missing"),
        ({"title": "  "}, "title must be a text"),
        ({"category": "hat"}, "category must be one of upper, lower, dress, outer, not 'hat'"),
        ({"category": ["upper"]}, "category must be a text"),
        ({"picture": "gone.jpg"}, "picture 'gone.jpg' does not exist"),
        ({"picture": "../tee.jpg"}, "inside the catalogue's folder"),
        ({"picture": "/etc/hostname"}, "inside the catalogue's folder"),
        ({"price": -1}, "price must be a number"),
        ({"price": "15"}, "price must be a number"),
        ({"price": True}, "price must be a number"),
        ({"price": float("nan")}, "price must be a number"),
        ({"colours": "sage"}, "colours must be a list of names"),
        ({"colours": [3]}, "each of the colours must be a text"),
        ({"sleeve": 2}, "sleeve must be a text"),
        ({"colors": ["sage"]}, "unknown field 'colors'"),
    ],
)
def test_a_bad_item_is_refused_by_name_and_reason(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    write(tmp_path, {**GOOD, "id": "first"}, {**GOOD, "id": "second", **change})
    with pytest.raises(ValueError) as caught:
        Catalogue.load(tmp_path)
    assert str(caught.value).startswith("catalogue.json: item 2 ('second'): ")
    assert reason in str(caught.value)


def test_an_item_without_an_id_is_named_by_its_place(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^catalogue\.json: item 2: id is missing$"):
        Catalogue.load(write(tmp_path, GOOD, {**GOOD, "id": None}))
    with pytest.raises(ValueError, match=r"^catalogue\.json: item 1: must be an object"):
        Catalogue.load(write(tmp_path, "tee"))


def test_an_id_is_used_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two items have the id 'tee'"):
        Catalogue.load(write(tmp_path, GOOD, GOOD))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"items": {}}', '{"items": [], "currency": 3}', "\x00"])
def test_a_malformed_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "catalogue.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"^catalogue\.json"):
        Catalogue.load(tmp_path)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"catalogue\.json"):
        Catalogue.load(tmp_path)
