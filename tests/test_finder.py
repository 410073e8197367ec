"""The catalogue's search: words, misspellings, colours, prices, and how long it takes."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from fitting.catalogue import Catalogue
from fitting.finder import COLOURS, Finder, Wanted, families, words_in
from fitting.garment import Category
from fitting.item import Item

NOWHERE = Path("nowhere.png")


def item(title: str, category: Category = Category.UPPER, **values: object) -> Item:
    return Item(title.lower().replace(" ", "-"), title, category, NOWHERE, **values)  # type: ignore[arg-type]


SHOP = [
    item("Navy striped shirt", price=30.0, colours=("navy", "white"), pattern="striped"),
    item("Red crew-neck T-shirt", price=15.0, colours=("red",), description="Soft cotton for warm days."),
    item("Corduroy trousers", Category.LOWER, price=60.0, colours=("camel",)),
    item("Pleated skirt", Category.LOWER, price=45.0, colours=("bottle green",)),
    item("Linen dress", Category.DRESS, price=80.0, description="Cool linen in sky blue."),
    item("Trench coat", Category.OUTER, colours=("beige",)),
    item("Camisa café", Category.UPPER, price=25.0, colours=("brown",)),
    item("蓝色连衣裙", Category.DRESS, price=50.0, colours=("blue",)),
    item("Sold out cardigan", stock=0),
]


@pytest.fixture(scope="module")
def finder() -> Finder:
    return Finder(Catalogue(SHOP, "EUR"))


def titles(finder: Finder, text: str = "", **values: object) -> list[str]:
    return [found.title for found in finder.find(Wanted(text, **values))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("striped shirt", "Navy striped shirt"),
        ("STRIPED", "Navy striped shirt"),
        ("stripd shrit", "Navy striped shirt"),
        ("trosers", "Corduroy trousers"),
        ("corderoy", "Corduroy trousers"),
        ("skirts", "Pleated skirt"),
        ("pleeted skrit", "Pleated skirt"),
        ("dresses", "Linen dress"),
        ("green skirt", "Pleated skirt"),
        ("cotton", "Red crew-neck T-shirt"),
        ("tren", "Trench coat"),
        ("cafe", "Camisa café"),
        ("CAFÉ", "Camisa café"),
        ("vestido", "Linen dress"),
        ("连衣裙", "蓝色连衣裙"),
        ("the red one", "Red crew-neck T-shirt"),
    ],
)
def test_words_find_what_is_meant(finder: Finder, text: str, first: str) -> None:
    assert titles(finder, text)[0] == first


def test_a_word_of_a_title_leaves_out_what_only_shares_the_category(finder: Finder) -> None:
    assert titles(finder, "skirt") == ["Pleated skirt"]
    assert titles(finder, "coat") == ["Trench coat"]


@pytest.mark.parametrize("text", ["bicycle", "zzzz", "x", "!?", "'; drop table items;--"])
def test_what_is_not_sold_is_not_found(finder: Finder, text: str) -> None:
    assert titles(finder, text) in ([], titles(finder)) and (titles(finder, text) == []) == bool(words_in(text))


def test_without_words_the_shops_order_stays_and_what_is_sold_out_is_left_out(finder: Finder) -> None:
    assert titles(finder) == [one.title for one in SHOP[:-1]]
    assert titles(finder, "cardigan") == []


def test_filters_narrow_together(finder: Finder) -> None:
    assert titles(finder, category=Category.LOWER) == ["Corduroy trousers", "Pleated skirt"]
    assert titles(finder, colour="blue") == ["Navy striped shirt", "蓝色连衣裙"]
    assert titles(finder, colour="green") == ["Pleated skirt"]
    assert titles(finder, least=45, most=60) == ["Corduroy trousers", "Pleated skirt", "蓝色连衣裙"]
    assert titles(finder, most=15) == ["Red crew-neck T-shirt"]
    assert titles(finder, "shirt", colour="red", category=Category.UPPER, most=20) == ["Red crew-neck T-shirt"]
    assert titles(finder, colour="purple") == []


def test_colours_and_prices_that_there_are(finder: Finder) -> None:
    assert finder.colours() == ["white", "beige", "brown", "red", "green", "blue"]
    assert finder.prices() == (15.0, 80.0)
    assert Finder(Catalogue([item("One"), item("Two", price=5.0)])).prices() is None
    assert Finder(Catalogue([])).colours() == [] and Finder(Catalogue([])).find(Wanted("x")) == []


def test_colours_are_read_from_the_title_where_none_are_named() -> None:
    assert families(item("Olive and grey scarf")) == {"green", "grey"}
    assert all(families(item("x", colours=(family,))) == {family} for family in COLOURS)


def test_a_long_text_is_read_in_part(finder: Finder) -> None:
    began = time.monotonic()
    titles(finder, "shirt " * 100_000)
    assert time.monotonic() - began < 2


def test_ten_thousand_items_are_searched_while_one_types() -> None:
    base = SHOP[:-1]
    many = [
        replace(base[number % len(base)], id=str(number), title=f"{base[number % len(base)].title} model{number}")
        for number in range(10_000)
    ]
    finder = Finder(Catalogue(many))
    began = time.process_time()
    for text in ("stripd shrit", "model77", "mdoel9999"):
        assert finder.find(Wanted(text))
    assert (time.process_time() - began) / 3 < 0.25
