"""The generator and the discriminator on published interactions, where items have no pictures.

Items' features come from a factor model (iALS), and the generator begins at that model's answer for the average
shopper. From there on it learns from folds of the training interactions: the features of a fold are made without what
it hides, and turned into the space of the features made from everything, so that what is learned on the folds holds
for the latter.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator
from torch import Tensor

from fitting.condition import TasteConfig
from fitting.evaluation.interactions import Matrix, Split
from fitting.evaluation.ranking_metrics import Array
from fitting.ranking import draw
from fitting.recommend import Taste, density
from fitting.training.choices import Fold, Sets, as_condition, row
from fitting.training.loop import Plan, Stage
from fitting.training.recommend import RecommendPlan, train_taste

log = logging.getLogger(__name__)

DRAWS = 16
FEW = 64  # users whose draws are held against all items at once, for the memory's sake
LONGEST = 400  # items of a history that the players are told when measured
FOLDS = 4
SHAPE = TasteConfig(noise=16, width=128, token=16, categories=0, attributes=0, sharpness=20.0, dropout=0.5)
PLAN = RecommendPlan(
    Plan(stages=(Stage(200, 64, (1, 1)),), learning_rate=1e-3, warmup=5, ema=0.98),
    objective="minimax",
    adversarial=0.2,
    seeking=0.02,
    draws=2,
    top=100,
    generator_share=0.1,
    guess_share=0.3,
    kernel_share=20.0,
    alone=20,
)
Settings = dict[str, Any]


@dataclass(frozen=True)
class Ground:
    """What players stand on before they have learned anything, all of it from the training part.

    Attributes:
        train: (users, items) interactions.
        features: (items, factors + 1), unit length.
        links: (items, items) the linear model that the generator begins with, never written out.
        folds: to learn on.
    """

    train: Matrix
    features: Tensor
    links: Any
    folds: tuple[Fold, ...]

    @property
    def shape(self) -> TasteConfig:
        size = self.features.shape[1]
        return replace(SHAPE, given=size, feature=size)


def ials(train: Matrix, factors: float, regularization: float, alpha: float, seed: int = 0) -> Any:
    """Implicit alternating least squares (Hu et al. 2008) by the package `implicit`, fitted."""
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):  # threads of its own would only get in one another's way
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
    return model


def ground(train: Matrix, settings: Settings) -> Ground:
    """
    Args:
        settings: of `ials`.
    """
    vectors = ials(train, **settings).item_factors.astype(np.float64)
    longest = np.linalg.norm(vectors, axis=1).max()
    folds = []
    for told, hidden in _parts(train):
        other = ials(told, **settings).item_factors.astype(np.float64)
        folds.append(Fold(told, hidden, lifted(turned(other, vectors) / longest)))
    # A shopper's vector is (Y'Y + alpha Y'Y of what they have + penalty)^-1 (1 + alpha) Y' of what they have; with
    # the average shopper's in the bracket, it is linear.
    number = np.asarray(train.sum(0)).ravel() / train.shape[0]
    bracket = vectors.T @ (vectors * (1 + settings["alpha"] * number)[:, None])
    bracket += settings["regularization"] * np.eye(vectors.shape[1])
    answer = (1 + settings["alpha"]) * np.linalg.solve(bracket, vectors.T)
    return Ground(train, lifted(vectors / longest), aslinearoperator(vectors) @ aslinearoperator(answer), tuple(folds))


def _parts(train: Matrix, seed: int = 3) -> list[tuple[Matrix, Matrix]]:
    """Interactions dealt at random into folds: (all but a fold, the fold)."""
    pairs = train.tocoo()
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(pairs.data))

    def part(chosen: Array) -> Matrix:
        ones = np.ones(int(chosen.sum()), np.float32)
        return sparse.csr_array((ones, (pairs.row[chosen], pairs.col[chosen])), shape=train.shape)

    return [(part(fold != number), part(fold == number)) for number in range(FOLDS)]


def turned(vectors: Array, onto: Array) -> Array:
    """Vectors (N, D) turned and scaled as a whole to lie nearest to others (orthogonal Procrustes)."""
    left, _, right = np.linalg.svd(vectors.T @ onto)
    found: Array = vectors @ (left @ right) * np.linalg.norm(onto) / max(np.linalg.norm(vectors), 1e-9)
    return found


def lifted(vectors: Array) -> Tensor:
    """(N, D) of length at most 1 (longer ones are cut) -> (N, D + 1) of length 1.

    The last number lifts all to one length, so that cosines hold what inner products did (Bachrach et al. 2014).
    """
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1)
    rest = np.sqrt(np.maximum(1 - np.square(vectors).sum(1, keepdims=True), 0))
    return torch.from_numpy(np.concatenate([vectors, rest], 1).astype(np.float32))


class Players:
    """Generator and discriminator, trained on a split's interactions; scores of the one and of the other."""

    def __init__(self, taste: Taste, features: Tensor, train: Matrix, seed: int = 0) -> None:
        self.taste, self.features, self.train, self.seed = taste, features, train, seed

    def condition(self, users: Array) -> Any:
        return as_condition([row(self.train, user)[:LONGEST] for user in users], self.features)

    @torch.inference_mode()
    def generator(self, users: Array) -> Array:
        drawn = draw(self.taste, self.condition(users), DRAWS, self.seed)
        sharpness = self.taste.generator.sharpness
        return torch.cat([density(part, self.features, sharpness) for part in drawn.split(FEW)]).numpy()

    @torch.inference_mode()
    def discriminator(self, users: Array) -> Array:
        return self.taste.discriminator.scores(self.features, self.condition(users)).numpy()


def train_players(
    known: Ground,
    plan: RecommendPlan,
    seed: int,
    steps: int | None = None,
    watch: Callable[[int, Players], None] | None = None,
) -> Players:
    """Players after so many of a plan's steps; none leaves the generator at its linear start."""
    sets = Sets(known.folds, known.features, seed=seed, links=known.links)

    def look(step: int, taste: Taste) -> None:
        if watch is not None:
            watch(step, Players(taste, known.features, known.train))

    seen = look if watch is not None else None
    taste = train_taste(sets, known.shape, plan, seed, steps=steps, watch=seen)
    return Players(taste, known.features, known.train, seed)


def stop_early(
    grounds: Sequence[Ground],
    parts: Sequence[Split],
    plan: RecommendPlan,
    gain: Callable[[Split, Any], float],
    seed: int = 0,
) -> tuple[list[Players], int, list[float]]:
    """Players trained on validation splits' training parts, and the number of steps that served them best on average.

    It may be none, and then the numbers of the trained generator are those of its start.

    Args:
        gain: of a scorer on a split.

    Returns:
        players, steps, and the mean gain at each look, the first before any step.
    """
    curves: list[dict[int, float]] = []
    seen: list[dict[int, Players]] = []
    for known, part in zip(grounds, parts, strict=True):
        curve: dict[int, float] = {}
        kept: dict[int, Players] = {}

        def watch(
            step: int,
            players: Players,
            part: Split = part,
            curve: dict[int, float] = curve,
            kept: dict[int, Players] = kept,
        ) -> None:
            curve[step], kept[step] = gain(part, players.generator), players
            log.info("%s %s step %d: %.4f", part.name, plan.objective, step, curve[step])

        train_players(known, plan, seed, watch=watch)
        curves.append(curve)
        seen.append(kept)
    means = {step: float(np.mean([curve[step] for curve in curves])) for step in curves[0]}
    best = max(means, key=lambda step: means[step])
    return [kept[best] for kept in seen], best, list(means.values())
