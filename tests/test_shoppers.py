"""Virtual shoppers: what they are made from, that they suit it, and that nobody real is among them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fitting.condition import KINDS
from fitting.evaluation.shoppers import as_matrix, closeness
from fitting.events import EventKind
from fitting.histories import History
from fitting.shoppers import ShopperConfig, as_items, known_of
from fitting.training.loop import Plan, Stage
from fitting.training.recommend_shop import ShopData
from fitting.training.shoppers import (
    SPARSE,
    ShopperPlan,
    ShopperSource,
    chosen_by,
    train_virtual,
    virtual_lists,
    with_virtual,
)

SHAPE = ShopperConfig(feature=8, slots=3, noise=4, width=24, categories=2)
PLAN = ShopperPlan(Plan((Stage(150, 32, (1, 1)),), learning_rate=5e-3, warmup=5, ema=0.9), alone=5)
ITEMS = 24


@pytest.fixture(scope="module")
def features() -> torch.Tensor:
    """Items of two colours, which the first number tells."""
    made = 0.4 * torch.randn(ITEMS, 8, generator=torch.Generator().manual_seed(0))
    made[:, 0] += torch.where(torch.arange(ITEMS) % 2 == 0, 1.5, -1.5)
    return torch.nn.functional.normalize(made, dim=1)


@pytest.fixture(scope="module")
def found() -> list[np.ndarray]:
    """Shoppers who choose one colour alone."""
    random = np.random.default_rng(1)
    return [
        np.sort(random.choice(np.arange(number % 2, ITEMS, 2), 7 if number % 3 else 2, replace=False))
        for number in range(60)
    ]


@pytest.fixture(scope="module")
def source(found: list[np.ndarray], features: torch.Tensor) -> ShopperSource:
    return ShopperSource(found, features, np.arange(ITEMS) % 2 + 1, SHAPE)


def test_a_real_sample_never_holds_what_is_told(source: ShopperSource, features: torch.Tensor) -> None:
    known, items = source.batch(3, 40)
    assert items.shape == (40, 3) and known.told.shape == (40, 8)
    assert known.count.max() < SPARSE and known.count.min() == 0
    assert not known.told[known.count[:, 0] == 0].any()
    again = source.batch(3, 40)[1]
    assert torch.equal(items, again)
    assert all(len(set(row.tolist())) == 3 for row in items)


def test_a_virtual_shopper_likes_what_the_real_one_does(
    source: ShopperSource, found: list[np.ndarray], features: torch.Tensor
) -> None:
    shoppers = train_virtual(source, PLAN)
    categories = np.arange(ITEMS) % 2 + 1
    few = [items for items in found if len(items) < SPARSE]
    made = virtual_lists(shoppers, found, features, categories)
    assert len(made) == len(few)
    right = [np.mean(virtual % 2 == own[0] % 2) for own, virtual in zip(few, made, strict=True)]
    assert np.mean(right) > 0.85
    assert all(set(own) <= set(virtual) and len(virtual) > len(own) for own, virtual in zip(few, made, strict=True))
    again = virtual_lists(shoppers, found, features, categories)
    assert all((one == other).all() for one, other in zip(made, again, strict=True))


def test_a_resumed_run_is_the_same(source: ShopperSource, tmp_path: Path) -> None:
    plan = replace(PLAN, plan=replace(PLAN.plan, stages=(Stage(8, 16, (1, 1)),)), alone=2)
    whole = train_virtual(source, plan)
    train_virtual(source, plan, folder=tmp_path, minutes=0)
    resumed = train_virtual(source, plan, folder=tmp_path, resume=True)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_shop_gets_shoppers_who_came_before_everybody(
    source: ShopperSource, found: list[np.ndarray], features: torch.Tensor
) -> None:
    bought = KINDS.index(EventKind.BOUGHT)
    real = [History(items, np.full(len(items), bought), 1e9 + np.arange(len(items))) for items in found]
    shop = ShopData(features, np.arange(ITEMS) % 2 + 1, np.zeros(ITEMS), real)
    assert [list(items) for items in chosen_by(real)] == [list(items) for items in found]
    shoppers = train_virtual(source, replace(PLAN, plan=replace(PLAN.plan, stages=(Stage(3, 16, (1, 1)),)), alone=1))
    more = with_virtual(shop, shoppers, features)
    virtual = more.found[len(real) :]
    assert len(virtual) == sum(len(items) < SPARSE for items in found)
    assert max(history.at.max() for history in virtual) < 1e9 and more.found[: len(real)] == real


def test_near_copies_are_told_from_strangers(
    source: ShopperSource, found: list[np.ndarray], features: torch.Tensor
) -> None:
    shoppers = train_virtual(source, replace(PLAN, plan=replace(PLAN.plan, stages=(Stage(3, 16, (1, 1)),)), alone=1))
    long = [items for items in found if len(items) > 3]
    numbers = closeness(shoppers, found, long, features, None, 0)
    assert numbers["held-out inside one history"].all()  # these were learned from: they are found out
    assert set(map(len, numbers.values())) == {len(long)}


def test_items_are_drawn_by_their_kernel(features: torch.Tensor) -> None:
    random = torch.Generator().manual_seed(0)
    items = as_items(features[:, None], features, torch.tensor(1000.0), random)
    assert items[:, 0].tolist() == list(range(ITEMS))
    assert as_matrix([np.array([1, 2]), np.array([0])], 3).toarray().tolist() == [[0, 1, 1], [1, 0, 0]]


def test_a_newcomer_is_known_by_nothing(features: torch.Tensor) -> None:
    known = known_of([np.zeros(0, np.int64)], features, None, SHAPE)
    assert not known.numbers().any()
    with pytest.raises(ValueError, match="no histories"):
        ShopperSource([np.array([1])], features, None, SHAPE)
