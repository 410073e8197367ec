"""The recommender measured: full rankings on published splits, and on the sample shop.

Every hyper-parameter is chosen on a validation part of the training interactions, or on the published validation
set. Rows that depend on chance are made with 5 seeds; a user's value is the mean over seeds, and intervals are
bootstrapped over users. `between_seeds` is the spread of the seeds' means.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np

from fitting.evaluation import bootstrap
from fitting.evaluation.contenders import (
    PLAN,
    Chosen,
    blend,
    choose,
    choose_weights,
    ground,
    make_ease,
    make_ials,
    make_itemknn,
    make_walk,
    popularity,
    stop_early,
    train_players,
)
from fitting.evaluation.interactions import Split, load_splits
from fitting.evaluation.ranking_metrics import Array, Scorer, score_split
from fitting.evaluation.recommender_shop import evaluate_shop
from fitting.sample import FOLDER as SAMPLE

log = logging.getLogger(__name__)

SEEDS = 5
SHOP = "sample_shop"
GRIDS: dict[str, dict[str, tuple[float, ...]]] = {
    "ease": {"penalty": (50, 100, 200, 400, 800, 1600)},
    "itemknn": {"neighbours": (20, 50, 100, 200), "shrink": (0, 10, 50, 200)},
    "walk": {"neighbours": (100,), "alpha": (0.6, 1.0, 1.4), "beta": (0.2, 0.4, 0.6)},
    "ials": {"factors": (16, 32, 64), "regularization": (0.01, 1.0, 10.0), "alpha": (1.0, 10.0)},
}
WIDE: dict[str, dict[str, tuple[float, ...]]] = {  # for sets of many items, in which each fit takes minutes
    "ease": {"penalty": (200,)},
    "itemknn": {"neighbours": (100,), "shrink": (0, 10)},
    "walk": {"neighbours": (100,), "alpha": (1.0,), "beta": (0.2, 0.5)},
    "ials": {"factors": (64,), "regularization": (0.1, 10.0), "alpha": (10.0,)},
}
MAKE: dict[str, Callable[..., Scorer]] = {
    "ease": make_ease,
    "itemknn": make_itemknn,
    "walk": make_walk,
    "ials": make_ials,
}
BLENDED = ("generator", "discriminator", "ease", "itemknn", "walk")


def evaluate(data: Path, only: Collection[str] = (), seeds: int = SEEDS) -> dict[str, Any]:
    """`{dataset: {row: {metric: {mean, low, high}}}}` of the splits in the data folder, and of the sample shop.

    Args:
        only: names of data sets; all by default.
        seeds: of the rows that depend on chance.
    """
    numbers: dict[str, Any] = {}
    for split in load_splits(data):
        if not only or split.name in only:
            numbers[split.name] = evaluate_split(split, seeds)
    if not only or SHOP in only:
        numbers[SHOP] = evaluate_shop(SAMPLE, seeds)
    return numbers


def evaluate_split(split: Split, seeds: int = SEEDS) -> dict[str, Any]:
    """Every row of a split."""
    part = split.to_choose
    grids = WIDE if split.train.shape[1] > 10_000 else GRIDS
    chosen: Chosen = {name: choose(split, MAKE[name], grids[name]) for name in MAKE}
    players, steps = stop_early(part, PLAN)
    fitted = [MAKE[name](part.train, **chosen[name]) for name in ("ease", "itemknn", "walk")]
    weights = choose_weights(part, [players.generator, players.discriminator, *fitted], BLENDED.index("ease"))
    log.info("%s: %s, %d steps, blend %s", split.name, chosen, steps, weights)
    del fitted, players  # in large sets each linear model takes gigabytes
    train = split.train
    fixed = {name: MAKE[name](train, **chosen[name]) for name in ("ease", "itemknn", "walk")}
    rows: dict[str, list[Scorer]] = {"popularity": [popularity(train)]}
    rows |= {name: [scorer] for name, scorer in fixed.items()}
    rows |= {name: [] for name in ("ials", "untrained", "cgan", "blend")}
    known = ground(train)
    for seed in range(seeds):
        rows["ials"].append(make_ials(train, **chosen["ials"], seed=seed))
        rows["untrained"].append(train_players(known, PLAN, seed, steps=0).generator)
        trained = train_players(known, PLAN, seed, steps)
        rows["cgan"].append(trained.generator)
        rows["blend"].append(blend([trained.generator, trained.discriminator, *fixed.values()], weights))
    return {name: measure(split, scorers) for name, scorers in rows.items()}


def measure(split: Split, scorers: list[Scorer]) -> dict[str, Any]:
    """A row's metrics with intervals, and the share of the catalogue in anybody's list."""
    runs = [score_split(split, scorer) for scorer in scorers]
    numbers: dict[str, Any] = {}
    for metric in runs[0][0]:
        values = np.stack([run[0][metric] for run in runs])
        numbers[metric] = bootstrap.mean(values.mean(0).tolist())
        if len(runs) > 1:
            numbers[metric]["between_seeds"] = round(float(values.mean(1).std()), 5)
    items = split.train.shape[1]
    shares = [_coverage(lists, items) for _, lists in runs]
    numbers[f"coverage@{max(split.cutoffs)}"] = bootstrap.centred(
        float(np.mean(shares)), lambda drawn: _coverage(runs[0][1][drawn], items), len(runs[0][1]), 100
    )
    log.info("%s %s", split.name, {name: value["mean"] for name, value in numbers.items()})
    return numbers


def _coverage(lists: Array, items: int) -> float:
    return len(np.unique(lists)) / items
