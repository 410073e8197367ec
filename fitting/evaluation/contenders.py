"""The rows of the recommender's table, their hyper-parameters chosen without a look at any test set."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse
from scipy.sparse import linalg
from torch import Tensor

from fitting.collaborative import Collaborative, Ease, ItemKnn, RandomWalk, ease_weights
from fitting.condition import TasteConfig
from fitting.evaluation.interactions import Matrix, Split
from fitting.evaluation.ranking_metrics import Array, Scorer, metrics, top
from fitting.ranking import draw
from fitting.recommend import Taste, density
from fitting.training.choices import Sets, as_condition
from fitting.training.loop import Plan, Stage
from fitting.training.recommend import RecommendPlan, train_taste

log = logging.getLogger(__name__)

DENSE = 5000  # items; in larger sets a dense matrix of items is made once, in single precision
SAMPLE = 2000  # users that hyper-parameters are chosen on, at most
DRAWS = 32
FEW = 64  # users whose draws are held against all items at once, for the memory's sake
PENALTY = 400.0  # of the EASE from which features are made and the generator begins
LONGEST = 400  # items of a history that the players are told when measured
SHAPE = TasteConfig(
    given=128, feature=128, noise=16, width=128, categories=0, attributes=0, sharpness=20.0, dropout=0.5
)
# The generator begins at a linear model, near which its best lies: Adam's step is a rate for each weight, whatever the
# gradient, and above about 1e-5 the sum of a layer's steps carries it away within a few dozen.
PLAN = RecommendPlan(
    Plan(stages=(Stage(200, 64, (1, 1)),), learning_rate=1e-3, warmup=5, ema=0.95),
    objective="minimax",
    adversarial=0.2,
    seeking=0.02,
    draws=2,
    generator_share=0.004,
    alone=20,
)
Chosen = dict[str, Any]


def popularity(train: Matrix) -> Scorer:
    """The same for everybody: how many have it."""
    counts = np.asarray(train.sum(0), np.float32).ravel()
    return lambda users: np.tile(counts, (len(users), 1))


def linear(model: Collaborative, train: Matrix) -> Scorer:
    return lambda users: model.scores(train[users])


def choose(split: Split, make: Callable[..., Scorer], grid: Mapping[str, Sequence[float]]) -> Chosen:
    """The settings of a grid with the best NDCG on a split's own validation part."""
    part = split.to_choose
    found = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    if len(found) == 1:
        return found[0]
    scores = [gain(part, make(part.train, **settings)) for settings in found]
    log.info("%s %s", split.name, [(s, round(value, 4)) for s, value in zip(found, scores, strict=True)])
    return found[int(np.argmax(scores))]


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
    """Implicit alternating least squares (Hu et al. 2008) by the package `implicit`."""
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        int(factors),
        regularization,
        alpha,
        iterations=15,
        random_state=seed,
        num_threads=1,
        calculate_training_loss=False,
    )
    model.fit(sparse.csr_matrix(train), show_progress=False)
    return lambda users: model.user_factors[users] @ model.item_factors.T


@dataclass(frozen=True)
class Ground:
    """What players stand on before they have learned anything, all of it from the training part.

    Attributes:
        train: (users, items) interactions.
        features: (items, `SHAPE.feature`), see `item_features`.
        links: (items, items) the linear model that the generator begins with: EASE, or random walks in larger sets.
    """

    train: Matrix
    features: Tensor
    links: Any


def ground(train: Matrix) -> Ground:
    links = ease_weights(train, PENALTY) if train.shape[1] <= DENSE else RandomWalk(train).weights
    return Ground(train, item_features(train, links, SHAPE.feature), links)


def item_features(train: Matrix, links: Any, size: int) -> Tensor:
    """Items without pictures: features from who has what in the training part, (N, size) of unit length.

    The right singular vectors of EASE's matrix (in larger sets, of the interactions), less one. A last number
    lifts them to one length, so that cosines hold what inner products did (Bachrach et al. 2014).
    """
    if train.shape[1] <= DENSE:
        _, strength, right = linalg.svds(links.astype(np.float64), k=size - 1, random_state=0)
        vectors = right.T * np.sqrt(strength)
    else:
        counts = np.maximum(np.asarray(train.sum(0)).ravel(), 1)
        scaled = (train @ sparse.diags_array(counts**-0.25)).astype(np.float64)
        _, strength, right = linalg.svds(scaled, k=size - 1, random_state=0)
        vectors = right.T * np.sqrt(strength / strength.max())
    vectors = vectors / np.linalg.norm(vectors, axis=1).max()
    rest = np.sqrt(np.maximum(1 - np.square(vectors).sum(1, keepdims=True), 0))
    return torch.from_numpy(np.concatenate([vectors, rest], 1).astype(np.float32))


class Players:
    """Generator and discriminator, trained on a split's interactions; scores of the one and of the other."""

    def __init__(self, taste: Taste, features: Tensor, train: Matrix, seed: int = 0) -> None:
        self.taste, self.features, self.seed = taste, features, seed
        self._sets = Sets(train, features)

    def condition(self, users: Array) -> Any:
        return as_condition([self._sets.of(user)[:LONGEST] for user in users], self.features)

    @torch.inference_mode()
    def generator(self, users: Array) -> Array:
        drawn = draw(self.taste, self.condition(users), DRAWS, self.seed)
        sharpness = self.taste.generator.sharpness
        return torch.cat([density(part, self.features, sharpness) for part in drawn.split(FEW)]).numpy()

    @torch.inference_mode()
    def discriminator(self, users: Array) -> Array:
        return self.taste.discriminator.scores(self.features, self.condition(users)).numpy()


def train_players(known: Ground, plan: RecommendPlan, seed: int, steps: int | None = None) -> Players:
    """Players after so many of a plan's steps; none leaves the generator at its linear start."""
    sets = Sets(known.train, known.features, seed=seed, links=known.links)
    return Players(train_taste(sets, SHAPE, plan, seed, steps=steps), known.features, known.train, seed)


def stop_early(part: Split, plan: RecommendPlan) -> tuple[Players, int]:
    """Players trained on a validation split's training part, and the number of steps that served them best.

    It may be none, and then the numbers of the trained generator are those of its start.
    """
    known = ground(part.train)
    best: list[Any] = [-1.0, 0, None]

    def watch(step: int, taste: Taste) -> None:
        players = Players(taste, known.features, part.train)
        found = gain(part, players.generator)
        log.info("%s %s step %d: %.4f", part.name, plan.objective, step, found)
        if found > best[0]:
            best[:] = [found, step, players]

    train_taste(Sets(part.train, known.features, links=known.links), SHAPE, plan, watch=watch)
    return best[2], best[1]


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


def choose_weights(part: Split, scorers: Sequence[Scorer], start: int) -> list[float]:
    """Weights of a blend by their gain on validation, one after another from scorer `start` alone."""
    users = some(part)
    found = standard(scorers, users)
    weights = [float(place == start) for place in range(len(scorers))]

    def value(tried: Sequence[float]) -> float:
        return _gain(part, users, np.einsum("s,sbn->bn", np.array(tried, np.float32), found))

    best = value(weights)
    for _ in range(2):
        for place in range(len(scorers)):
            if place == start:
                continue
            for weight in WEIGHTS:
                tried = [*weights[:place], weight, *weights[place + 1 :]]
                reached = value(tried)
                if reached > best + 1e-4:
                    best, weights = reached, tried
    log.info("%s blend %s: %.4f", part.name, weights, best)
    return weights
