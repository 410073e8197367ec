"""The rows of the recommender's table, their hyper-parameters chosen without a look at any test set."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fitting.collaborative import Collaborative, Ease, ItemKnn, RandomWalk
from fitting.evaluation.interactions import Matrix, Split
from fitting.evaluation.players import ials
from fitting.evaluation.ranking_metrics import Array, Scorer, metrics, top

log = logging.getLogger(__name__)

DENSE = 5000  # items; in larger sets a dense matrix of items is made once, in single precision
SAMPLE = 2000  # users that hyper-parameters are chosen on, at most
Chosen = dict[str, Any]


def popularity(train: Matrix) -> Scorer:
    """The same for everybody: how many have it."""
    counts = np.asarray(train.sum(0), np.float32).ravel()
    return lambda users: np.tile(counts, (len(users), 1))


def linear(model: Collaborative, train: Matrix) -> Scorer:
    return lambda users: model.scores(train[users])


def choose(split: Split, make: Callable[..., Scorer], grid: Mapping[str, Sequence[float]]) -> Chosen:
    """The settings of a grid with the best NDCG on a split's own validation part.

    One setting after another, from the middle of each, until a round changes nothing: a whole grid takes a fit for
    every cell.
    """
    part = split.to_choose
    known: dict[tuple[float, ...], float] = {}

    def value(settings: Chosen) -> float:
        key = tuple(settings.values())
        if key not in known:
            known[key] = gain(part, make(part.train, **settings))
            log.info("%s %s %s: %.4f", split.name, make.__name__, settings, known[key])
        return known[key]

    best = {name: values[len(values) // 2] for name, values in grid.items()}
    if all(len(values) == 1 for values in grid.values()):
        return best
    before: Chosen = {}
    while before != best:
        before = dict(best)
        for name, values in grid.items():
            best = max(({**best, name: tried} for tried in values), key=value)
    return best


def gain(part: Split, scorer: Scorer) -> float:
    """Mean NDCG at the largest cutoff, of at most `SAMPLE` users."""
    users = some(part)
    scores = scorer(users)
    return _gain(part, users, np.array(scores, np.float32))


def some(part: Split) -> Array:
    users = np.flatnonzero(np.diff(part.test.indptr))
    return users if len(users) <= SAMPLE else np.sort(np.random.default_rng(0).choice(users, SAMPLE, replace=False))


def _gain(part: Split, users: Array, scores: Array) -> float:
    scores[part.train[users].nonzero()] = -np.inf
    cutoff = max(part.cutoffs)
    return float(metrics(top(scores, cutoff), scores, part.test[users], part.cutoffs)[f"NDCG@{cutoff}"].mean())


def make_ease(train: Matrix, penalty: float) -> Scorer:
    return linear(Ease(train, penalty, precise=train.shape[1] <= DENSE), train)


def make_itemknn(train: Matrix, neighbours: float, shrink: float) -> Scorer:
    return linear(ItemKnn(train, int(neighbours), shrink), train)


def make_walk(train: Matrix, neighbours: float, alpha: float, beta: float) -> Scorer:
    return linear(RandomWalk(train, int(neighbours), alpha, beta), train)


def make_ials(train: Matrix, factors: float, regularization: float, alpha: float, seed: int = 0) -> Scorer:
    model = ials(train, factors, regularization, alpha, seed)
    return lambda users: model.user_factors[users] @ model.item_factors.T


WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5)


def standard(scorers: Sequence[Scorer], users: Array) -> Array:
    """(S, B, N): each user's scores by each scorer, less their mean, in units of their spread."""
    found = np.stack([np.asarray(scorer(users), np.float32) for scorer in scorers])
    return (found - found.mean(2, keepdims=True)) / np.maximum(found.std(2, keepdims=True), 1e-6)


def blend(scorers: Sequence[Scorer], weights: Sequence[float]) -> Scorer:
    used = [(scorer, weight) for scorer, weight in zip(scorers, weights, strict=True) if weight]
    return lambda users: np.einsum(
        "s,sbn->bn", np.array([w for _, w in used], np.float32), standard([s for s, _ in used], users)
    )


def choose_weights(parts: Sequence[Split], scorers: Sequence[Sequence[Scorer]], start: int) -> list[float]:
    """Weights of a blend by their mean gain on validation parts, one after another from scorer `start` alone.

    Args:
        scorers: for each part, the same models learned from it.
    """
    chosen = [some(part) for part in parts]
    found = [standard(made, users) for made, users in zip(scorers, chosen, strict=True)]
    weights = [float(place == start) for place in range(len(scorers[0]))]

    def value(tried: Sequence[float]) -> float:
        used = np.array(tried, np.float32)
        kept = np.flatnonzero(used)
        gains = (
            _gain(part, users, np.einsum("s,sbn->bn", used[kept], scores[kept]))
            for part, users, scores in zip(parts, chosen, found, strict=True)
        )
        return float(np.mean(list(gains)))

    best = value(weights)
    for _ in range(2):
        for place in range(len(weights)):
            if place == start:
                continue
            for weight in WEIGHTS:
                tried = [*weights[:place], weight, *weights[place + 1 :]]
                reached = value(tried)
                if reached > best + 1e-4:
                    best, weights = reached, tried
    log.info("%s blend %s: %.4f", parts[0].name, weights, best)
    return weights
