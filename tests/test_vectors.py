"""Search by embedding: the exact index against plain sorting, and Milvus against the exact index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fitting import vectors as search
from fitting.catalogue import Catalogue
from fitting.errors import ShopError
from fitting.garment import Category
from fitting.item import Item
from fitting.milvus import MilvusIndex
from fitting.vectors import ExactIndex

KINDS = tuple(Category)


def world(count: int, seed: int = 1, dimensions: int = 32) -> tuple[np.ndarray, list[Item]]:
    """Random unit vectors, some of them equal, of items of every category, a third of them sold out."""
    random = np.random.default_rng(seed)
    made = random.normal(size=(count, dimensions)).astype(np.float32)
    made[count // 2 : count // 2 + 5] = made[0]
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    kinds = random.integers(0, len(KINDS), count)
    items = [
        Item(f'item "{number}" ü', "x", KINDS[kinds[number]], Path("x"), stock=None if number % 3 else 0)
        for number in range(count)
    ]
    return made, items


def plain(
    made: np.ndarray, items: list[Item], query: np.ndarray, count: int, category: Category | None, in_stock: bool
) -> list[str]:
    scores = made @ query
    order = sorted(range(len(items)), key=lambda place: (-scores[place], place))
    fitting = [
        place
        for place in order
        if (category is None or items[place].category is category) and (items[place].in_stock or not in_stock)
    ]
    return [items[place].id for place in fitting[:count]]


@pytest.mark.parametrize("chunk", [7, 1 << 15])
@pytest.mark.parametrize("category", [None, Category.UPPER, Category.OUTER])
@pytest.mark.parametrize("in_stock", [True, False])
@pytest.mark.parametrize("count", [1, 6, 50, 1000])
def test_exact_search_agrees_with_sorting(
    monkeypatch: pytest.MonkeyPatch, chunk: int, category: Category | None, in_stock: bool, count: int
) -> None:
    monkeypatch.setattr(search, "CHUNK", chunk)
    made, items = world(400)
    catalogue = Catalogue(items, vectors=made)
    queries = np.concatenate([made[[0, 5]], np.random.default_rng(2).normal(size=(2, 32)).astype(np.float32)])
    together = catalogue.nearest_to_each(queries, count, category, in_stock)
    for query, found in zip(queries, together, strict=True):
        query = query / np.linalg.norm(query)
        alone = catalogue.nearest(query, count, category, in_stock)
        scores = [score for _, score in alone]
        assert scores == sorted(scores, reverse=True) and len(set(dict(alone))) == len(alone)
        # Rounding may turn the order of near equals: compare what they score.
        wanted = plain(made, items, query, count, category, in_stock)
        places = {item.id: place for place, item in enumerate(items)}
        for hits in (alone, found):
            assert np.allclose([score for _, score in hits], [made[places[name]] @ query for name in wanted], atol=1e-5)
            assert np.allclose(
                [made[places[name]] @ query for name, _ in hits], [score for _, score in hits], atol=1e-5
            )


def test_of_equals_the_earlier_in_the_shop_comes_first() -> None:
    same = np.tile(np.eye(1, 8, dtype=np.float32), (20, 1))
    items = [Item(str(number), "x", KINDS[number % 4], Path("x"), stock=number % 2) for number in range(20)]
    catalogue = Catalogue(items, vectors=same)
    assert [name for name, _ in catalogue.nearest(same[0], 5, in_stock=False)] == ["0", "1", "2", "3", "4"]
    assert [name for name, _ in catalogue.nearest(same[0], 3)] == ["1", "3", "5"]


def test_items_left_out_are_made_up_for() -> None:
    made, items = world(50)
    catalogue = Catalogue(items, vectors=made)
    everything = catalogue.nearest(made[3], 10, in_stock=False)
    without = [name for name, _ in everything[:4]] + ["unknown"]
    assert catalogue.nearest(made[3], 6, in_stock=False, without=without) == everything[4:]
    assert catalogue.nearest(made[3], 0) == [] and catalogue.nearest(made[3] * 7, 1, in_stock=False)[0][1] > 0.999


@pytest.mark.parametrize("query", [np.zeros(32), np.full(32, np.nan), np.ones(31), np.ones((2, 32))])
def test_what_cannot_be_searched_by_is_refused(query: np.ndarray) -> None:
    made, items = world(10)
    with pytest.raises(ValueError):
        Catalogue(items, vectors=made).nearest(query, 3)


def test_a_catalogue_without_embeddings_says_so() -> None:
    _, items = world(10)
    with pytest.raises(ValueError, match="no embeddings"):
        Catalogue(items).nearest(np.ones(32), 3)
    with pytest.raises(ValueError, match="need as many vectors"):
        Catalogue(items, vectors=np.ones((3, 32), np.float32))
    with pytest.raises(ValueError, match="of the same items"):
        ExactIndex(["a"], np.ones((2, 3), np.float32), [Category.UPPER], [True])
    assert Catalogue([], vectors=np.empty((0, 0), np.float32)).nearest(np.ones(32), 3) == []


def test_places_go_with_items_and_vectors() -> None:
    made, items = world(10)
    catalogue = Catalogue(items, vectors=made)
    assert catalogue.items[catalogue.place(items[4].id)] is items[4]
    assert (catalogue.vectors[4] == made[4]).all()


@pytest.fixture
def milvus(tmp_path: Path) -> Iterator[MilvusIndex]:
    pytest.importorskip("pymilvus", reason="pymilvus is not installed: pip install 'fitting-room[milvus]'")
    pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: pip install 'fitting-room[milvus]'")
    index = MilvusIndex(str(tmp_path / "vectors.db"))
    yield index
    index.close()


@pytest.mark.filterwarnings("ignore")  # of pymilvus and what it brings
def test_milvus_finds_what_exact_search_does(milvus: MilvusIndex) -> None:
    made, items = world(600)
    assert milvus.count() == 0 and milvus.search(made[:1], 3) == [[]]
    entries = [(item.id, vector, item.category, item.in_stock) for item, vector in zip(items, made, strict=True)]
    assert milvus.sync(entries) == (600, 0) and milvus.count() == 600
    exact, other = Catalogue(items, vectors=made), Catalogue(items, vectors=made, index=milvus)
    found = wanted = 0
    for category in (None, Category.LOWER):
        for in_stock in (True, False):
            for hits, truth in zip(
                other.nearest_to_each(made[:20], 10, category, in_stock),
                exact.nearest_to_each(made[:20], 10, category, in_stock),
                strict=True,
            ):
                assert np.allclose([score for _, score in hits], [score for _, score in truth], atol=1e-4)
                found += len(dict(hits).keys() & dict(truth).keys())
                wanted += len(truth)
    assert found / wanted > 0.98  # five vectors are equal, and may be exchanged


@pytest.mark.filterwarnings("ignore")
def test_milvus_follows_the_shop_changing_only_what_differs(milvus: MilvusIndex) -> None:
    made, items = world(60)
    entries = [(item.id, vector, item.category, item.in_stock) for item, vector in zip(items, made, strict=True)]
    milvus.sync(entries)
    assert milvus.sync(entries) == (0, 0)
    name, vector, category, in_stock = entries[7]
    changed = [*entries[:7], (name, -vector, category, not in_stock), *entries[8:50]]
    assert milvus.sync(changed) == (1, 10) and milvus.count() == 50
    assert milvus.search(-vector[None], 1, category, not in_stock)[0][0][0] == name
    # Another network's embeddings may be of another length.
    assert milvus.sync([("a", np.ones(5, np.float32), Category.UPPER, True)]) == (1, 0) and milvus.count() == 1
    assert milvus.sync([]) == (0, 0) and milvus.count() == 0


@pytest.mark.filterwarnings("ignore")
def test_a_vector_store_that_does_not_answer_is_said_in_a_sentence() -> None:
    pytest.importorskip("pymilvus", reason="pymilvus is not installed: pip install 'fitting-room[milvus]'")
    with pytest.raises(ShopError, match="The vector store cannot be opened"):
        MilvusIndex("http://127.0.0.1:1")
