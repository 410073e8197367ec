"""What a shop may hand over: see `hostile.py`."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from hostile import CUT, Target, sentence  # isort: skip  # it finds what comes next

from mutations import of_cells, of_json, of_parts
from PIL import Image
from shopping import FakeLooks

from fitting.catalogue import Catalogue
from fitting.errors import ShopError
from fitting.importing import Import
from fitting.reading import read_orders, read_products
from fitting.reviewing import read_reviews
from fitting.spreadsheet import Problem
from fitting.store import Store

PRODUCTS = """id,title,category,picture,price,stock,colours,url,added
red-top,Red top,upper,red.png,12.50,3,red,https://shop.example/1,2026-03-01
green-top,Green top,,green.png,"1,234.50",0,"green, lime",,2026-03-01 14:30
trousers,Brown trousers,auto,sub/brown.png,"1.234,-- EUR",sold out,brown,,01.03.2026
"""
ORDERS = """shopper,item,at,kind
ann,red-top,2026-03-01T10:00:00+02:00,bought
bob,trousers,1772359200,viewed
ann,green-top,01.03.2026 10:00 UTC,
"""
REVIEWS = """item,rating,text
red-top,4.5,"Fits well, and is ""soft"", I find"
trousers,3/5,"Two
lines"
green-top,,Too long
"""
_WORDS = (
    *(b'" "" sep= .. / \\ C:\\ https: 1e999 -1 0001-01-01 9999-12-31 99999999999 1.234,50 +14:00 \xef\xbb\xbf'.split()),
    *(b"\r\n", b"\r", b"\t", b"\0", b"\xff\xfe", b"\xfe\xff", "£".encode(), "٣".encode(), "\u2028".encode(), CUT),
)


def sheet(name: str, read: Callable[[Path, list[str]], Iterable[Any]], text: str) -> Callable[[Path], Target]:
    """A target that reads a CSV file row by row."""

    def target(folder: Path) -> Target:
        shop = _shop(folder)

        def check(content: bytes) -> bool:
            path = shop / (f"{name}.csv.gz" if content.startswith(b"\x1f\x8b") else f"{name}.csv")
            path.write_bytes(content)
            good, remarks = 0, list[str]()
            try:
                for row in read(path, remarks):
                    good += not isinstance(row, Problem)
                    if isinstance(row, Problem):
                        assert row.line >= 1
                        sentence(row.reason, folder)
            except ShopError as error:
                sentence(str(error), folder)
            return good > 0

        return Target(name, check, _sheets(text), _WORDS, mutations=[of_cells])

    return target


def _shop(folder: Path) -> Path:
    """A folder with the pictures that the products name."""
    (folder / "sub").mkdir(exist_ok=True)
    for name, colour in (("red", "red"), ("green", "green"), ("sub/brown", "brown")):
        Image.new("RGB", (90, 120), colour).save(folder / f"{name}.png")
    return folder


def _sheets(text: str) -> dict[str, bytes]:
    first = text.splitlines()[0]
    return {
        "usual.csv": text.encode(),
        "excel.csv": ("sep=;\r\n" + text.replace(",", ";").replace("\n", "\r\n")).encode("utf-8-sig"),
        "wide.csv": text.encode("utf-16"),
        "old.csv": text.replace(" ", " é ").encode("cp1252"),
        "tabs.csv": text.replace(",", "\t").encode(),
        "packed.csv.gz": gzip.compress(text.encode(), mtime=0),
        "header.csv": first.encode(),
        "open.csv": (first + '\n"a,b\nc').encode(),
        "nothing.csv": b"",
    }


def catalogue(folder: Path) -> Target:
    """`Catalogue.load`: a catalogue as JSON."""
    _shop(folder)
    row = {"id": "1", "title": "Red", "category": "upper", "picture": "red.png", "price": 12.5, "colours": ["red"]}
    row |= {"stock": 3, "added": "2026-03-01", "url": "https://shop.example", "pattern": None}
    seeds = {"usual.json": {"currency": "EUR", "items": [row, {**row, "id": "2"}]}, "list.json": [row]}

    usual = {name: json.dumps(seed).encode() for name, seed in seeds.items()} | {"deep.json": b"[" * 5000}

    def check(content: bytes) -> bool:
        (folder / "catalogue.json").write_bytes(content)
        try:
            return len(Catalogue.load(folder)) > 0
        except ValueError as error:
            assert str(error)
            return False

    words = (
        b'"id": "price": "stock": "added": "picture": "colours": 1e999 NaN [[ {" \\ud800 \\u0000 null true ../'.split()
    )
    return Target("catalogue", check, usual, words, mutations=[of_json])


def importing(folder: Path) -> Target:
    """`fitting.importing.Import`: products, orders and reviews into a database, and out of it again."""
    Store.open(f"sqlite:///{_shop(folder) / 'empty.db'}").close()
    empty = (folder / "empty.db").read_bytes()

    def check(content: bytes) -> bool:
        (folder / "shop.db").write_bytes(empty)
        files = {name: folder / f"{name}.csv" for name in ("products", "orders", "reviews")}
        for path, part in zip(files.values(), (*content.split(CUT, 2), b"", b""), strict=False):
            path.write_bytes(part)
        with Store.open(f"sqlite:///{folder / 'shop.db'}") as store:
            try:
                report = Import(store, FakeLooks(folder / "looks"), **files, prune=True, workers=1).run()
            except ShopError as error:
                sentence(str(error), folder)
                return False
            items, _ = store.items(folder / "looks")
            assert len(items) == report.new
            store.events()
            return bool(items)

    whole = CUT.join(text.encode() for text in (PRODUCTS, ORDERS, REVIEWS))
    return Target(
        "import", check, {"usual": whole, "products": PRODUCTS.encode()}, _WORDS, mutations=[of_parts(CUT, of_cells)]
    )


TARGETS: dict[str, Callable[[Path], Target]] = {
    "products": sheet("products", lambda path, remarks: read_products(path, None, remarks), PRODUCTS),
    "orders": sheet("orders", read_orders, ORDERS),
    "reviews": sheet("reviews", read_reviews, REVIEWS),
    "catalogue": catalogue,
    "import": importing,
}
