"""The recommender measured: full rankings on published splits, and on the sample shop.

Every hyper-parameter is chosen on a validation part of the training interactions, or on the published validation
set. Rows that depend on chance are made with 5 seeds; a user's value is the mean over seeds, and intervals are
bootstrapped over users. `between_seeds` is the spread of the seeds' means.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fitting.evaluation import bootstrap
from fitting.evaluation.contenders import (
    Chosen,
    blend,
    choose,
    choose_weights,
    gain,
    make_ease,
    make_ials,
    make_itemknn,
    make_walk,
    popularity,
)
from fitting.evaluation.interactions import Split, hold_out, load_splits
from fitting.evaluation.players import PLAN, ground, stop_early, train_players
from fitting.evaluation.ranking_metrics import Array, Scorer, score_split
from fitting.evaluation.recommender_shop import evaluate_shop
from fitting.sample import FOLDER as SAMPLE

log = logging.getLogger(__name__)

SEEDS = 5
SHOP = "sample_shop"
GRIDS: dict[str, dict[str, tuple[float, ...]]] = {
    "ease": {"penalty": (50, 100, 200, 400, 800)},
    "itemknn": {"neighbours": (50, 100, 200, 400), "shrink": (10, 100, 400)},
    "walk": {"neighbours": (50, 100, 400), "alpha": (0.3, 0.6, 1.0), "beta": (0.0, 0.1, 0.2, 0.4)},
    "ials": {"factors": (16, 32, 64), "regularization": (3.0, 10.0, 30.0, 100.0), "alpha": (1.0, 4.0, 16.0)},
}
WIDE: dict[str, dict[str, tuple[float, ...]]] = {  # for sets of many items, in which each fit takes minutes
    "ease": {"penalty": (200,)},
    "itemknn": {"neighbours": (100,), "shrink": (0, 10)},
    "walk": {"neighbours": (100,), "alpha": (1.0,), "beta": (0.2, 0.5)},
    "ials": {"factors": (64,), "regularization": (1.0, 10.0), "alpha": (10.0,)},
}
MAKE: dict[str, Callable[..., Scorer]] = {
    "ease": make_ease,
    "itemknn": make_itemknn,
    "walk": make_walk,
    "ials": make_ials,
}
LINEAR = ("ease", "itemknn", "walk", "ials")
FEW = 2000  # users; sets of fewer are validated on two parts, so that chance chooses less
Keep = Callable[[str, dict[str, Any]], None]


def evaluate(
    data: Path, only: Collection[str] = (), seeds: int = SEEDS, keep: Keep = lambda name, numbers: None
) -> dict[str, Any]:
    """`{dataset: {row: {metric: {mean, low, high}}}}` of the splits in the data folder, and of the sample shop.

    Args:
        only: names of data sets; all by default.
        seeds: of the rows that depend on chance.
        keep: is told each set's name and numbers as soon as they are there.
    """
    numbers: dict[str, Any] = {}
    for split in load_splits(data):
        if not only or split.name in only:
            numbers[split.name] = evaluate_split(split, seeds)
            keep(split.name, numbers[split.name])
    if not only or SHOP in only:
        numbers[SHOP] = evaluate_shop(SAMPLE, seeds)
        keep(SHOP, numbers[SHOP])
    return numbers


def evaluate_into(report: Path, data: Path, only: Collection[str] = (), seeds: int = SEEDS) -> dict[str, Any]:
    """The same, written to a JSON file set by set: one that is stopped keeps what it has.

    Other sets' numbers in the file stay.

    Returns:
        all that is in the file then.
    """
    numbers: dict[str, Any] = json.loads(report.read_text(encoding="utf-8") or "{}") if report.exists() else {}

    def keep(name: str, found: dict[str, Any]) -> None:
        numbers[name] = found
        fresh = report.with_name(report.name + ".new")
        fresh.write_text(json.dumps(numbers, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        fresh.replace(report)

    evaluate(data, only, seeds, keep)
    return numbers


def evaluate_split(split: Split, seeds: int = SEEDS) -> dict[str, Any]:
    """Every row of a split; beside them, under `chosen`, what validation chose."""
    parts = validation_parts(split)
    grids = WIDE if split.train.shape[1] > 10_000 else GRIDS
    chosen: Chosen = {name: choose(split, MAKE[name], grids[name]) for name in LINEAR}
    grounds = [ground(part.train, chosen["ials"]) for part in parts]
    players, steps, curve = stop_early(grounds, parts, PLAN, gain)
    scorers = [
        [*(MAKE[name](part.train, **chosen[name]) for name in LINEAR), own.generator, own.discriminator]
        for part, own in zip(parts, players, strict=True)
    ]
    weights = choose_weights(parts, scorers, LINEAR.index("ease"))
    used = dict(zip((*LINEAR, "generator", "discriminator"), weights, strict=True))
    log.info("%s: %s, %d steps, blend %s", split.name, chosen, steps, used)
    del scorers, players, grounds  # in large sets each linear model takes gigabytes
    rows = _rows(split, chosen, steps, weights, seeds)
    numbers = {name: measure(split, made) for name, made in rows.items()}
    numbers["chosen"] = chosen | {"steps": steps, "curve": [round(value, 5) for value in curve], "blend": used}
    numbers["chosen"]["seeds"] = seeds
    return numbers


def validation_parts(split: Split) -> list[Split]:
    """The published validation set; else one of our own, and in small sets a second."""
    parts = [split.to_choose]
    if split.chosen is None and split.train.shape[0] < FEW:
        parts.append(Split(split.name, *hold_out(split.train, 0.2, seed=8), split.cutoffs))
    return parts


def _rows(split: Split, chosen: Chosen, steps: int, weights: Sequence[float], seeds: int) -> dict[str, list[Scorer]]:
    train = split.train
    fixed = {name: MAKE[name](train, **chosen[name]) for name in LINEAR if name != "ials"}
    rows: dict[str, list[Scorer]] = {"popularity": [popularity(train)]}
    rows |= {name: [scorer] for name, scorer in fixed.items()}
    rows |= {name: [] for name in ("ials", "untrained", "cgan", "blend")}
    known = ground(train, chosen["ials"])
    for seed in range(seeds):
        factors = make_ials(train, **chosen["ials"], seed=seed)
        trained = train_players(known, PLAN, seed, steps)
        rows["ials"].append(factors)
        rows["untrained"].append(train_players(known, PLAN, seed, steps=0).generator)
        rows["cgan"].append(trained.generator)
        rows["blend"].append(blend([*fixed.values(), factors, trained.generator, trained.discriminator], weights))
    return rows


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
