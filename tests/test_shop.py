"""A shop in a folder: the sample shop, its own goods instead, read-only folders, and other places for its data."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shopping import PRODUCTS, write
from typer.testing import CliRunner, Result

from fitting import shop as shops
from fitting.catalogue import Catalogue
from fitting.checking import check
from fitting.cli import app
from fitting.errors import ShopError
from fitting.events import Event, EventKind
from fitting.garment import Category
from fitting.looks import network_name
from fitting.reading import read_orders
from fitting.sample import FOLDER, sample_version
from fitting.shop import Shop, default_folder
from fitting.spreadsheet import Problem

ROOT = Path(__file__).resolve().parent.parent


def never() -> object:
    raise AssertionError("the sample's embeddings are shipped; no network is needed")


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a shop was opened for the first time."""
    folder = tmp_path_factory.mktemp("sampled")
    Shop.open(folder, networks=never).close()  # type: ignore[arg-type]
    return folder


@pytest.fixture
def own(sampled: Path, tmp_path: Path) -> Path:
    """A folder of one's own, in which the sample shop was."""
    return Path(shutil.copytree(sampled, tmp_path / "shop"))


def test_a_new_shop_is_the_sample_shop(sampled: Path) -> None:
    shipped = Catalogue.load(FOLDER)
    with Shop.open(sampled, networks=never) as shop:  # type: ignore[arg-type]
        catalogue = shop.catalogue()
        assert [item.id for item in catalogue] == [item.id for item in shipped] and catalogue.currency == "GBP"
        for item, other in zip(catalogue, shipped, strict=True):
            assert (item.title, item.price, item.colours, item.neckline, item.added) == (
                other.title,
                other.price,
                other.colours,
                other.neckline,
                other.added,
            )
            assert item.picture.parent == shop.pictures and item.picture.is_file()
        assert catalogue.vectors.shape == (len(shipped), 128)
        assert np.allclose(np.linalg.norm(catalogue.vectors, axis=1), 1, atol=1e-3)
        assert list(check(shop)) == []
        assert shop.catalogue() is catalogue  # nothing has changed: it is not read again


def test_the_shipped_embeddings_are_those_of_the_shipped_network() -> None:
    """When this fails, GarmentNet has changed: run scripts/sample_shop.py."""
    from safetensors import safe_open

    with safe_open(FOLDER / "embeddings.safetensors", "numpy") as file:
        assert file.metadata()["network"] == network_name()


def test_two_thousand_simulated_shoppers_with_tastes(sampled: Path) -> None:
    with Shop.open(sampled) as shop:
        counts = shop.store.event_counts()
        assert counts["shoppers"] == 2000 and counts["simulated"] == counts["events"] > 50_000
        events, catalogue = shop.store.events(), shop.catalogue()
    assert all(event.shopper.startswith("simulated-") for event in events)
    kinds = Counter(event.kind for event in events)
    assert all(kinds[kind] > 1000 for kind in EventKind)
    bought: dict[str, list[str]] = {}
    for event in events:
        assert event.at >= catalogue.get(event.item).added, "nobody sees an item before the shop has it"
        if event.kind is EventKind.BOUGHT:
            bought.setdefault(event.shopper, []).append(event.item)
    assert all(len(set(items)) == len(items) for items in bought.values()), "nobody buys a thing twice"
    assert 0.5 < len(bought) / 2000 < 0.8 and sum(len(items) >= 4 for items in bought.values()) > 300
    unseen = {item.id for item in catalogue} - {event.item for event in events}
    assert len(unseen) == 10, "new arrivals"
    # Taste shows: what a shopper buys of a category is more alike than what shoppers at large buy of it.
    tops = [
        places
        for items in bought.values()
        if len(places := [catalogue.place(item) for item in items if catalogue.get(item).category is Category.UPPER])
        >= 2
    ]
    own = np.mean([_alike(catalogue, places) for places in tops])
    mixed = [place for places in tops for place in places]
    np.random.default_rng(0).shuffle(mixed)
    others = [mixed[start : start + 3] for start in range(0, len(mixed) - 3, 3)]
    assert own > np.mean([_alike(catalogue, places) for places in others]) + 0.03


def test_simulated_shoppers_complete_their_looks() -> None:
    """What they buy for one part of the body goes with what they have for the others."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import simulated_shoppers

    items = list(Catalogue.load(FOLDER))
    shelf = simulated_shoppers.shelve(items, np.random.default_rng(0))
    assert all(shelf.goes[place, place] == 0 for place in range(len(items)))
    places = {item.id: place for place, item in enumerate(items)}
    owned: dict[str, list[int]] = {}
    for row in read_orders(FOLDER / "shoppers.csv.gz", []):
        assert not isinstance(row, Problem)
        if row[1].kind is EventKind.BOUGHT:
            owned.setdefault(row[1].shopper, []).append(places[row[1].item])
    several = sum(len({items[place].category for place in bought}) > 1 for bought in owned.values())
    assert several > 600
    own = [shelf.goes[one, other] for bought in owned.values() for one, other in itertools.combinations(bought, 2)]
    mixed = np.random.default_rng(0).permutation([place for bought in owned.values() for place in bought])
    others = [shelf.goes[one, other] for one, other in itertools.pairwise(mixed)]
    assert np.mean([value for value in own if value]) > np.mean([value for value in others if value]) + 0.05


def _alike(catalogue: Catalogue, places: list[int]) -> float:
    """Mean cosine of the embeddings of different items."""
    made = catalogue.vectors[list(set(places))]
    pairs = made @ made.T
    count = len(made)
    return float((pairs.sum() - np.trace(pairs)) / max(count * (count - 1), 1)) if count > 1 else 0.5


def test_the_events_are_what_the_script_makes() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    import gzip

    import sample_shop

    text = gzip.decompress((FOLDER / "shoppers.csv.gz").read_bytes()).decode()
    made = sample_shop.simulate(Catalogue.load(FOLDER))
    first = [next(made) for _ in range(200)]
    lines = set(text.splitlines())
    assert all(f"{event.shopper},{event.item},{event.kind.value},{int(event.at)}" in lines for event in first)
    assert (FOLDER / "shoppers.csv.gz").stat().st_size < 1_500_000


@pytest.mark.usefixtures("fake_networks")
def test_a_real_catalogue_takes_the_samples_place_for_good(files: Path, own: Path) -> None:
    with Shop.open(own) as shop:
        sample = shop.catalogue()
        shop.store.add(Event("visitor", sample.items[0].id, EventKind.LIKED, 1.0))
        report = shop.take_in(write(files / "p.csv", PRODUCTS), currency="EUR")
        assert any("The sample shop's 115 garments" in remark for remark in report.remarks)
        assert [item.id for item in shop.catalogue()] == ["red-top", "green-top", "trousers"]
        assert shop.store.events() == [] and shop.store.event_counts()["simulated"] == 0
        assert len(sample) == 115  # who still holds the old catalogue is not disturbed
    with Shop.open(own) as shop:
        assert len(shop.catalogue()) == 3 and shop.catalogue().currency == "EUR"


@pytest.mark.usefixtures("fake_networks")
def test_another_process_imports_and_this_one_sees_it(files: Path, own: Path) -> None:
    with Shop.open(own) as one, Shop.open(own) as other:
        before = one.catalogue()
        path = write(files / "p.csv", PRODUCTS)
        other.take_in(path)
        after = one.catalogue()
        assert (len(before), len(after)) == (115, 3)
        other.take_in(write(path, PRODUCTS.replace(",3,red", ",0,red")))
        (hit, *_) = one.catalogue().nearest(after.vectors[0], 5)
        assert hit[0] == "trousers"  # the red top is sold out


@pytest.mark.usefixtures("fake_networks")
def test_only_one_import_at_a_time(files: Path, tmp_path: Path) -> None:
    path = write(files / "p.csv", PRODUCTS)
    with (
        Shop.open(tmp_path / "shop", sample=False) as shop,
        shops._turn(tmp_path / "shop", "import"),
        pytest.raises(ShopError, match="Another import"),
    ):
        shop.take_in(path)


@pytest.mark.usefixtures("fake_networks")
def test_garments_come_cut_out_and_as_the_shop_calls_them(files: Path, tmp_path: Path) -> None:
    with Shop.open(tmp_path / "shop", sample=False) as shop:
        shop.take_in(write(files / "p.csv", PRODUCTS))
        garment = shop.garment("trousers")
        assert garment.category is Category.LOWER and garment.mask.shape == garment.image.shape[1:]
        with pytest.raises(KeyError):
            shop.garment("hat")


@pytest.mark.usefixtures("fake_networks")
def test_a_read_only_folder_is_used_as_it_is(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "shop"
    with Shop.open(folder, sample=False) as shop:
        shop.take_in(write(files / "p.csv", PRODUCTS))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    monkeypatch.setattr(shops, "writable", lambda place: place != folder)
    with Shop.open(folder) as shop:
        assert len(shop.catalogue()) == 3
        shop.store.add(Event("anna", "red-top", EventKind.LIKED, 1.0))
        assert len(shop.store.events("anna")) == 1
        assert shop.garment("red-top").category is Category.UPPER
        with pytest.raises(ShopError, match=r"cannot be written to\. Name another one with --shop"):
            shop.take_in(files / "p.csv")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert "forgotten when the app stops" in caplog.text


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ShopError, match=r"cannot be made\. Name another one with --shop"):
        Shop.open(tmp_path / "file" / "shop")


def test_the_usual_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert default_folder() == tmp_path / ".local" / "share" / "fitting-room"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_folder() == tmp_path / "data" / "fitting-room"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_folder() == tmp_path / "Library" / "Application Support" / "fitting-room"
    monkeypatch.setattr(shops, "writable", lambda place: False)
    assert default_folder().name == f"fitting-room-shop-{os.getuid()}"


@pytest.mark.usefixtures("fake_networks")
def test_postgresql_and_a_folder_of_pictures(files: Path, tmp_path: Path, postgres: str) -> None:
    with Shop.open(tmp_path / "shop", postgres, sample=False) as shop:
        shop.take_in(write(files / "p.csv", PRODUCTS))
        assert [item.id for item in shop.catalogue()] == ["red-top", "green-top", "trousers"]
        assert not (tmp_path / "shop" / "shop.db").exists() and list(check(shop)) == []


@pytest.mark.usefixtures("fake_networks")
@pytest.mark.filterwarnings("ignore")  # of pymilvus and what it brings
def test_milvus_by_uri_alone(files: Path, tmp_path: Path) -> None:
    pytest.importorskip("pymilvus", reason="pymilvus is not installed: pip install 'fitting-room[milvus]'")
    pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: pip install 'fitting-room[milvus]'")
    uri = str(tmp_path / "vectors.db")
    path = write(files / "p.csv", PRODUCTS)
    with Shop.open(tmp_path / "shop", vectors=uri, sample=False) as shop, Shop.open(tmp_path / "shop") as exact:
        for text in (PRODUCTS, PRODUCTS.replace(",3,red", ",0,red")):
            shop.take_in(write(path, text))
            query = shop.catalogue().vectors[0]
            for category in (None, Category.UPPER):
                found, truth = (one.catalogue().nearest(query, 5, category) for one in (shop, exact))
                assert [name for name, _ in found] == [name for name, _ in truth]
                assert np.allclose([score for _, score in found], [score for _, score in truth], atol=1e-5)
        assert [name for name, _ in found] == []  # the only tops are sold out
    with Shop.open(tmp_path / "shop", sample=False) as shop:  # meanwhile without the vector store
        shop.take_in(write(path, PRODUCTS))
    with Shop.open(tmp_path / "shop", vectors=uri) as shop:
        assert shop.catalogue().nearest(query, 5)[0][0] == "red-top"


@pytest.mark.usefixtures("fake_networks")
def test_a_damaged_shop_is_found_out(files: Path, tmp_path: Path) -> None:
    with Shop.open(tmp_path / "shop", sample=False) as shop:
        shop.take_in(write(files / "p.csv", PRODUCTS))
        shop.store.add(Event("anna", "hat", EventKind.LIKED, 1.0))
        items = shop.catalogue().items
        items[0].picture.unlink()
        items[1].picture.write_text("nonsense")
        shop.looks.network = "other"
        said = list(check(shop))
    assert [sentence.partition(":")[0] for sentence in said[:2]] == ["red-top", "green-top"]
    assert "3 embeddings come from another GarmentNet" in said[2] and "1 of 1 events" in said[3]


@pytest.mark.usefixtures("fake_networks")
def test_an_import_mends_a_lost_picture(files: Path, tmp_path: Path) -> None:
    path = write(files / "p.csv", PRODUCTS)
    with Shop.open(tmp_path / "shop", sample=False) as shop:
        shop.take_in(path)
        shop.catalogue().items[0].picture.unlink()
        assert shop.take_in(path).looked == 1 and list(check(shop)) == []


def run(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(app, ["catalogue", *map(str, arguments)], env=environment)


@pytest.mark.usefixtures("fake_networks")
def test_the_command_line(files: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    path = write(files / "p.csv", PRODUCTS + "gone,Gone,,gone.png,1,,\n")
    orders = write(files / "o.csv", "shopper,item,at\nanna,red-top,2026-01-01\n")
    done = run("import", path, "--orders", orders, "--currency", "EUR", "--shop", folder)
    assert done.exit_code == 0, done.stderr
    assert "Items: 3 new, 0 changed, 0 as they were. Pictures looked at: 3. Orders: 1 new." in done.stdout
    assert "p.csv, line 5 (gone): picture 'gone.png' does not exist" in done.stderr
    listing = folder / "list.json"
    done = run("list", "--in-stock", "--json", listing, FITTING_SHOP=str(folder))
    assert (
        done.stdout.splitlines()[0] == "red-top\tupper\t12.50 EUR\t3 left\tRed top"
        and len(done.stdout.splitlines()) == 2
    )
    assert [item["id"] for item in json.loads(listing.read_text())["items"]] == ["red-top", "trousers"]
    done = run("check", "--shop", folder)
    assert (done.exit_code, done.stdout) == (0, "3 items; 1 events of 1 shoppers, 0 of them simulated\n")
    done = run("check", path)
    assert done.exit_code == 1 and "3 rows are good, 1 are not" in done.stdout
    done = run("import", write(files / "q.csv", "id,name\n1,Tee\n"), "--shop", folder)
    assert done.exit_code == 1 and done.stderr.startswith("q.csv lacks the column picture.")
    assert run("import").exit_code == 2 and run("import", "--prune", "--orders", orders).exit_code == 2
    done = run("list", "--shop", folder, "--database", "mysql://nothing")
    assert done.exit_code == 1 and "Traceback" not in done.stderr and len(done.stderr.splitlines()) == 1


def test_pictures_that_are_shown_are_copies(files: Path, sampled: Path) -> None:
    with Shop.open(sampled) as shop, Image.open(shop.catalogue().items[0].picture) as picture:
        assert (picture.format, picture.size) == ("JPEG", (384, 512))
    assert sample_version("a") != sample_version("b")
