"""Imports: all or nothing, the same again when repeated, and no picture looked at twice."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shopping import PRODUCTS, FakeLooks, colour, write

from fitting import store as sql
from fitting.errors import ShopError
from fitting.events import Event, EventKind
from fitting.garment import Category
from fitting.importing import Import, NothingUsableError
from fitting.looks import KEPT
from fitting.store import Store

Importer = Callable[..., Import]


def ids(store: Store) -> list[str]:
    return [item.id for item in store.items(Path("pictures"))[0]]


def content(store: Store) -> tuple[object, ...]:
    items, vectors = store.items(Path("pictures"))
    return items, vectors.tolist(), store.events()


def test_good_rows_are_imported_with_their_values(files: Path, store: Store, importer: Importer) -> None:
    report = importer(write(files / "p.csv", PRODUCTS), currency="EUR").run()
    assert (report.new, report.changed, report.looked, report.refused) == (3, 0, 3, 0)
    (red, green, trousers), vectors = store.items(Path("pictures"))
    assert (red.title, red.price, red.stock, red.colours) == ("Red top", 12.5, 3, ("red",))
    assert (green.price, green.in_stock, green.colours) == (1234.5, False, ("green", "lime"))
    assert trousers.stock is None and trousers.in_stock
    assert [item.category for item in (red, green, trousers)] == [Category.UPPER, Category.UPPER, Category.LOWER]
    assert colour(vectors) == ["red", "green", "red"] and vectors.dtype == np.float32
    assert red.added > 1.7e9 and store.setting("currency") == "EUR"


def test_bad_rows_are_listed_and_the_others_imported(files: Path, store: Store, importer: Importer) -> None:
    text = PRODUCTS + (
        "red-top,Again,,red.png,1,,\n"
        "black,Black,,black.png,1,,\n"
        "page,Page,,page.jpg,1,,\n"
        "gone,Gone,,gone.jpg,x,,\n"
        'quote,"Open\n'
    )
    path = write(files / "p.csv", text)
    report = importer(path).run()
    assert report.new == 3 and report.refused == 5
    said = {problem.line: f"{problem.name}: {problem.reason}" for problem in report.problems["p.csv"]}
    assert said[5] == "red-top: line 2 has the same id"
    assert said[6] == "black: This picture shows no garment."
    assert said[7].startswith("page: This garment picture cannot be opened.")
    assert said[8] == (
        "gone: picture 'gone.jpg' does not exist in the folder of pictures; "
        "price must be a number such as 24.90, not 'x'"
    )
    assert "quotation mark" in said[9]
    assert ids(store) == ["red-top", "green-top", "trousers"]


def test_the_same_import_again_changes_nothing(
    files: Path,
    store: Store,
    importer: Importer,
) -> None:
    path = write(files / "p.csv", PRODUCTS)
    orders = write(files / "o.csv", "customer,sku,date\nanna,red-top,2026-01-01\nanna,trousers,2026-01-02 10:00\n")
    first = importer(path, orders)
    assert first.run().orders == 2
    before = content(store)
    report = importer(path, orders).run()
    assert (report.new, report.changed, report.unchanged, report.looked, report.orders) == (0, 0, 3, 0, 0)
    assert content(store) == before and len(store.events("anna")) == 2


def test_prices_and_stock_change_without_looking_at_pictures(files: Path, store: Store, importer: Importer) -> None:
    path = write(files / "p.csv", PRODUCTS)
    importer(path).run()
    added = store.items(Path("p"))[0][0].added
    write(path, PRODUCTS.replace("12.50,3", "9,0").replace("Red top", "Ruby top"))
    changed = importer(path)
    report = changed.run()
    assert (report.changed, report.unchanged, report.looked) == (1, 2, 0)
    item = store.items(Path("p"))[0][0]
    assert (item.title, item.price, item.in_stock, item.added) == ("Ruby top", 9.0, False, added)
    # Columns that a file does not have keep what they hold; empty cells do not.
    write(path, "id,title,picture,price\nred-top,Ruby top,red.png,\n")
    assert importer(path).run().changed == 1
    item = store.items(Path("p"))[0][0]
    assert (item.price, item.stock, item.colours) == (None, 0, ("red",))


def test_a_changed_picture_category_or_network_is_looked_at_again(
    files: Path,
    store: Store,
    importer: Importer,
    tmp_path: Path,
) -> None:
    path = write(files / "p.csv", PRODUCTS)
    importer(path).run()
    Image.new("RGB", (90, 120), "#0000ff").save(files / "red.png")
    assert importer(path).run().looked == 1
    assert colour(store.items(Path("p"))[1])[0] == "blue"
    write(path, PRODUCTS.replace("trousers,auto", "trousers,dress"))
    assert importer(path).run().looked == 1
    assert store.items(Path("p"))[0][2].category is Category.DRESS
    other = FakeLooks(tmp_path / "shop", "second")
    assert importer(path, looks=other).run().looked == 3 and store.networks() == {"second": 3}


def test_items_that_share_a_picture_share_a_look(files: Path, store: Store, importer: Importer) -> None:
    importer(write(files / "p.csv", PRODUCTS)).run()
    report = importer(write(files / "p.csv", PRODUCTS + "copy,Copy,upper,red.png,1,1,\n")).run()
    assert report.looked == 0
    items, vectors = store.items(Path("pictures"))
    assert items[3].picture == items[0].picture and (vectors[3] == vectors[0]).all()


def test_items_no_longer_listed_go_on_request_only(files: Path, store: Store, importer: Importer) -> None:
    importer(write(files / "p.csv", PRODUCTS)).run()
    new = write(files / "new.csv", "id,title,picture\nblue,Blue,blue.png\ntrousers,Trousers,black.png\n")
    report = importer(new).run()
    assert report.removed == 0 and ids(store) == ["blue", "red-top", "green-top", "trousers"]
    # Trousers are listed, though their row cannot be used: they stay.
    assert importer(new, prune=True).run().removed == 2
    assert ids(store) == ["blue", "trousers"]


def test_nothing_is_removed_where_a_row_cannot_even_be_named(files: Path, store: Store, importer: Importer) -> None:
    importer(write(files / "p.csv", PRODUCTS)).run()
    report = importer(
        write(files / "p.csv", 'id,title,picture\nblue,Blue,blue.png\nred-top,"x"y",r\n'), prune=True
    ).run()
    assert report.removed == 0 and any("Nothing was removed: line 3" in remark for remark in report.remarks)
    assert len(ids(store)) == 4


@pytest.mark.parametrize("text", ["id,title,picture\n", "id,title,picture\na,A,gone.png\n"])
def test_a_file_with_nothing_usable_changes_nothing(files: Path, store: Store, importer: Importer, text: str) -> None:
    importer(write(files / "p.csv", PRODUCTS)).run()
    before = content(store)
    with pytest.raises(NothingUsableError, match="no row that can be used") as caught:
        importer(write(files / "p.csv", text), prune=True).run()
    assert caught.value.report.refused == text.count("gone") and content(store) == before


def test_a_failure_at_the_end_leaves_the_shop_as_it_was(
    files: Path,
    store: Store,
    importer: Importer,
) -> None:
    importer(write(files / "p.csv", PRODUCTS)).run()
    before = content(store)
    changed = write(files / "p2.csv", PRODUCTS.replace("Red top", "Ruby") + "blue,Blue,,blue.png,1,,\n")
    with pytest.raises(ShopError, match="lacks the columns"):
        importer(changed, write(files / "o.csv", "a,b\n1,2\n"), prune=True).run()
    assert content(store) == before


def test_what_was_seen_before_an_interruption_is_not_looked_at_again(
    files: Path,
    store: Store,
    importer: Importer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Tired(FakeLooks):
        def _understand(self, picture: Image.Image, wanted: Category | None) -> object:  # type: ignore[override]
            if self.looked == 2:
                raise KeyboardInterrupt
            return super()._understand(picture, wanted)

    path = write(files / "p.csv", PRODUCTS)
    with pytest.raises(KeyboardInterrupt):
        Import(store, Tired(tmp_path / "shop"), path, workers=1).run()
    assert ids(store) == []
    assert importer(path).run().looked == 1 and len(ids(store)) == 3


def test_pictures_that_nobody_shows_go_a_day_later(
    files: Path,
    store: Store,
    importer: Importer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = write(files / "p.csv", PRODUCTS)
    importer(path).run()
    one = write(files / "one.csv", "id,title,category,picture\nred-top,Red top,upper,red.png\n")
    importer(one, prune=True).run()
    importer(one).run()
    pictures = tmp_path / "shop" / "pictures"
    assert len(list(pictures.iterdir())) == 3  # the app may still show them
    monkeypatch.setattr("fitting.importing.UNUSED_FOR", -1.0)
    importer(one).run()
    assert len(list(pictures.iterdir())) == 1 and len(list((tmp_path / "shop" / "cutouts").iterdir())) == 2


def test_large_pictures_are_kept_small_and_without_metadata(
    files: Path,
    store: Store,
    importer: Importer,
    tmp_path: Path,
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "at home"
    Image.new("RGB", (2400, 3000), "#c22020").save(files / "red.jpg", exif=exif)
    importer(write(files / "p.csv", "id,title,picture\n1,Tee,red.jpg\n")).run()
    (item,), _ = store.items(tmp_path / "shop" / "pictures")
    with Image.open(item.picture) as kept:
        assert max(kept.size) == KEPT and not kept.getexif()
    look = store.look_of("1")
    assert look is not None and look.notes == ("A guess.",)
    looks = FakeLooks(tmp_path / "shop")
    garment = looks.garment(look)
    assert looks.looked == 0
    assert (
        garment.mask.shape == garment.image.shape[1:]
        and garment.mask[:, -1].min() == 1
        and garment.mask[:, 0].max() == 0
    )
    assert garment.category is Category.UPPER and garment.embedding[0] > 0.9
    for path in (tmp_path / "shop" / "cutouts").iterdir():
        path.unlink()
    assert looks.garment(look).mask.shape == garment.mask.shape and looks.looked == 1
    item.picture.unlink()
    looks.remove(look.key)
    with pytest.raises(ShopError, match="Import the products again"):
        looks.garment(look)


def test_orders_name_items_that_the_shop_has(files: Path, store: Store, importer: Importer) -> None:
    orders = write(
        files / "o.csv",
        "shopper,item,at,kind\nanna,red-top,2026-01-02,\nanna,nothing,2026-01-01,\nbob,red-top,2026-01-01,viewed\n"
        "bob,red-top,1/2/2026,\n",
    )
    report = importer(write(files / "p.csv", PRODUCTS), orders).run()
    assert report.orders == 2 and [problem.line for problem in report.problems["o.csv"]] == [3, 5]
    assert [event.shopper for event in store.events()] == ["bob", "anna"]
    assert store.events("bob") == [Event("bob", "red-top", EventKind.VIEWED, 1767225600.0)]
    assert importer(None, write(files / "o.csv", "shopper,item,at\neve,trousers,2026-01-05\n")).run().orders == 1


def test_events_of_items_that_left_count_again_when_they_return(files: Path, store: Store, importer: Importer) -> None:
    path = write(files / "p.csv", PRODUCTS)
    importer(path).run()
    store.add(Event("anna", "trousers", EventKind.LIKED, 5.0))
    importer(write(files / "one.csv", "id,title,picture\nblue,Blue,blue.png\n"), prune=True).run()
    assert store.events() == []
    importer(path).run()
    assert [event.item for event in store.events("anna")] == ["trousers"]


def test_a_long_file_is_streamed(files: Path, store: Store, importer: Importer) -> None:
    """No more rows are read than are being worked on."""
    lines = ["id,title,picture"] + [f"{number},Tee,red.png" for number in range(400)]
    path = write(files / "p.csv", "\n".join(lines))
    shares: list[float] = []
    behind: list[int] = []
    made = importer(path)
    looks = made.looks
    assert isinstance(looks, FakeLooks)
    key = looks.key

    def watched(content: bytes, wanted: Category | None) -> str:
        behind.append(round(shares[-1] * 401) - 1 - len(behind))
        return key(content, wanted)

    looks.key = watched  # type: ignore[method-assign]
    report = made.run(shares.append)
    assert report.new == 400 and max(behind) <= 6
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1, abs=0.01)


def test_readers_see_the_old_shop_until_the_new_one_is_whole(files: Path, store: Store, importer: Importer) -> None:
    importer(write(files / "p.csv", PRODUCTS)).run()
    seen: list[list[str]] = []

    def read() -> None:
        seen.append(ids(store))

    with store.editing() as connection:
        sql.remove_items(connection, ["red-top"])
        reader = threading.Thread(target=read)
        reader.start()
        reader.join()
    assert seen == [["red-top", "green-top", "trousers"]] and ids(store) == ["green-top", "trousers"]


def test_sqlite_is_new_enough_for_what_is_used() -> None:
    assert sqlite3.sqlite_version_info >= (3, 35)


def test_a_picture_that_many_items_share_is_looked_at_once(files: Path, store: Store, importer: Importer) -> None:
    lines = ["id,title,picture"] + [f"{number},Tee,red.png" for number in range(40)]
    made = importer(write(files / "p.csv", "\n".join(lines)))
    assert made.run().new == 40 and made.looks.looked == 1  # type: ignore[attr-defined]
