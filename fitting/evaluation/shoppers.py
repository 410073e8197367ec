"""Virtual shoppers measured: are those of whom little is known served better when they are added to the training?

Sparse shoppers bought, liked or tried one to four items before the purchases that must be found. Every row is a linear
model of the recommender (EASE, ItemKNN), learned from the real shoppers alone (`without`), with virtual ones added
(`with`), and, as a control, with as many copies of the sparse shoppers' own events (`copies`): what more rows do by
themselves.

Privacy: the nearest real history that was learned from, by the Jaccard index of the items; of virtual shoppers, and of
real ones that were held out and learned from by nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor
from torch.nn import functional as F

from fitting.collaborative import Ease, ItemKnn
from fitting.evaluation import bootstrap
from fitting.evaluation.interactions import load_splits
from fitting.sample import FOLDER as SAMPLE
from fitting.shoppers import ShopperConfig, Shoppers, known_of
from fitting.training.recommend_shop import cut, purchases, read_shop, shop_data
from fitting.training.shoppers import (
    SPARSE,
    Lists,
    ShopperPlan,
    ShopperSource,
    chosen_by,
    features_of,
    train_virtual,
    virtual_lists,
)

log = logging.getLogger(__name__)

LATEST = 0.2
ITEMS = 1000  # of Amazon Clothing, the most bought: dense enough for EASE
MOST = 3000  # sparse users who are measured there, at random
MODELS: dict[str, Callable[[Any], Any]] = {
    "ease": lambda rows: Ease(rows, 200.0, precise=False),
    "itemknn": lambda rows: ItemKnn(rows, 50, 10.0),
}
NEAR = 0.8  # a Jaccard index from which a history is a near copy


def evaluate(data: Path, seeds: int = 5) -> dict[str, Any]:
    """`{data set: {row: {metric: {mean, low, high}}}}`; metrics over sparse shoppers alone."""
    numbers = {"sample_shop": _sample(seeds)}
    amazon = _amazon(data, seeds)
    return numbers | ({"amazon_clothing": amazon} if amazon else {})


def _sample(seeds: int) -> dict[str, Any]:
    catalogue, events = read_shop(SAMPLE)
    shop = shop_data(catalogue, events)
    moment = cut(shop.found, LATEST)
    before = shop.before(moment)
    cases = purchases(shop.found, moment)
    told = chosen_by([case.past for case in cases])
    kept = [place for place, items in enumerate(told) if 0 < len(items) < SPARSE]
    wanted = [np.array([cases[place].item]) for place in kept]
    return _measured(
        chosen_by(before.found), features_of(before), before.categories, [told[p] for p in kept], wanted, seeds
    )


def _amazon(data: Path, seeds: int) -> dict[str, Any]:
    split = next(load_splits(data, ("amazon_clothing",)), None)
    if split is None:
        return {}
    most = np.sort(np.argsort(-np.asarray(split.train.sum(0)).ravel())[:ITEMS])
    train, test = split.train[:, most], split.test[:, most]
    found, wanted = _lists(train), _lists(test)
    rows = [row for row in range(len(found)) if 0 < len(found[row]) < SPARSE and len(wanted[row])]
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:MOST]).tolist()
    scaled = train.astype(np.float64)
    _, _, right = sparse.linalg.svds(scaled, 64, random_state=0)
    features = F.normalize(torch.from_numpy(np.ascontiguousarray(right.T)).float(), dim=1)
    return _measured(found, features, None, [found[row] for row in rows], [wanted[row] for row in rows], seeds)


def _lists(matrix: Any) -> list[NDArray[np.int64]]:
    return [
        np.sort(matrix.indices[start:stop]).astype(np.int64)
        for start, stop in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)
    ]


def _measured(
    found: Lists,
    features: Tensor,
    categories: NDArray[np.int64] | None,
    told: Lists,
    wanted: Lists,
    seeds: int,
    plan: ShopperPlan | None = None,
) -> dict[str, Any]:
    """Rows of one data set, and its privacy check.

    Args:
        found: what real shoppers chose, to learn from.
        told, wanted: of sparse shoppers, what is known and what must be found.
    """
    config = ShopperConfig(feature=features.shape[1])
    fold = np.random.default_rng(0).permutation(len(found)) % 5
    learned = [items for items, one in zip(found, fold, strict=True) if one]
    rest = [items for items, one in zip(found, fold, strict=True) if not one and len(items) > config.slots]
    values: dict[str, dict[str, list[Any]]] = {}
    privacy: dict[str, list[Any]] = {}
    for seed in range(seeds):
        source = ShopperSource(learned, features, categories, config, seed)
        shoppers = train_virtual(source, plan, seed)
        more = virtual_lists(shoppers, found, features, categories, seed)
        few = [items for items in found if 0 < len(items) < SPARSE]
        sets = {"without": found, "with": [*found, *more], "copies": [*found, *few]}
        for name, lists in sets.items():
            if seed and name != "with":
                continue  # nothing in these hangs on chance
            rows = as_matrix(lists, len(features))
            for model, make in MODELS.items():
                for metric, value in _gains(make(rows), told, wanted, len(features)).items():
                    values.setdefault(f"{model} {name}", {}).setdefault(metric, []).append(value)
        for metric, value in closeness(shoppers, learned, rest, features, categories, seed).items():
            privacy.setdefault(metric, []).append(value)
        log.info("%d virtual shoppers, seed %d done", len(more), seed)
    table: dict[str, Any] = {
        row: {metric: bootstrap.mean(np.mean(runs, 0).tolist()) for metric, runs in metrics.items()}
        for row, metrics in values.items()
    }
    for model in MODELS:
        table[f"{model} gained"] = {}
        for metric, runs in values[f"{model} with"].items():
            gained = np.mean(runs, 0) - values[f"{model} without"][metric][0]
            table[f"{model} gained"][metric] = bootstrap.mean(gained.tolist())
    table["privacy"] = {metric: bootstrap.mean(np.concatenate(runs).tolist()) for metric, runs in privacy.items()}
    table["counts"] = {"shoppers": len(found), "sparse and measured": len(told), "learned from": len(learned)}
    return table


def as_matrix(lists: Sequence[NDArray[np.int64]], items: int) -> Any:
    """(shoppers, items) sparse, 1 where chosen."""
    rows = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
    columns = np.concatenate([*lists, np.zeros(0, np.int64)])
    return sparse.csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=(len(lists), items))


def _gains(model: Any, told: Lists, wanted: Lists, items: int, count: int = 10) -> dict[str, Any]:
    """Of each sparse shopper: the share of what is wanted among the first `count`, and its discounted gain."""
    hits, gains = [], []
    for start in range(0, len(told), 512):
        rows = told[start : start + 512]
        scores = model.scores(as_matrix(rows, items))
        for row, (known, goal) in enumerate(zip(rows, wanted[start : start + 512], strict=True)):
            goal = np.setdiff1d(goal, known)
            if not len(goal):
                hits.append(0.0)
                gains.append(0.0)
                continue
            own = scores[row].copy()
            own[known] = -np.inf
            place = np.array([(own > own[item]).sum() + (own == own[item]).sum() // 2 for item in goal])
            hits.append(float((place < count).mean()))
            best = (1 / np.log2(np.arange(min(len(goal), count)) + 2)).sum()
            gains.append(float(np.where(place < count, 1 / np.log2(place + 2), 0).sum() / best))
    return {"HR@10": np.array(hits), "NDCG@10": np.array(gains)}


def closeness(
    shoppers: Shoppers,
    learned: Lists,
    rest: Lists,
    features: Tensor,
    categories: NDArray[np.int64] | None,
    seed: int,
    most: int = 400,
) -> dict[str, Any]:
    """How near virtual and held-out real histories come to those that were learned from.

    A held-out shopper gives some of their items at random, as many as a virtual history has; the virtual one is made
    for what is known of the same shopper, from other items.
    """
    random = np.random.default_rng(seed)
    slots = shoppers.config.slots
    chosen = [random.permutation(rest[place]) for place in random.permutation(len(rest))[:most]]
    known = known_of([items[slots : slots + SPARSE - 1] for items in chosen], features, categories, shoppers.config)
    made = shoppers.histories(known, features, seed)
    real = [np.sort(items[: len(virtual)]) for items, virtual in zip(chosen, made, strict=True)]
    base = as_matrix(learned, len(features))
    numbers: dict[str, Any] = {}
    for name, lists in (("virtual", made), ("held-out", real)):
        shared = (as_matrix(lists, len(features)) @ base.T).toarray()
        size = np.array([len(items) for items in lists])[:, None]
        nearest = (shared / (size + np.asarray(base.sum(1)).reshape(1, -1) - shared)).max(1)
        numbers[f"{name} nearest Jaccard"] = nearest
        numbers[f"{name} near copies"] = (nearest >= NEAR).astype(float)
        numbers[f"{name} inside one history"] = (shared == size).any(1).astype(float)
    return numbers
