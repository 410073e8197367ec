"""From draws of the generator to a shelf: candidates, their blended score, diversity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fitting.condition import DAY, Condition
from fitting.recommend import Taste, density

Array = NDArray[Any]

PARTS = ("cosine", "discriminator", "collaborative", "freshness")
FRESH = 30.0  # days after which an item's freshness has fallen to a third


@dataclass(frozen=True)
class Serving:
    """How shelves are filled.

    Attributes:
        draws: of the generator for each shopper and category.
        near: items looked up around each draw.
        diversity: how much a likeness to what is on the shelf already counts against an item.
    """

    draws: int = 16
    near: int = 20
    diversity: float = 0.15


def draw(taste: Taste, condition: Condition, count: int, seed: int) -> Tensor:
    """(B, count, D) draws; the same noise for everybody, so that a shopper's draws do not depend on the batch."""
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, count, taste.config.noise, generator=random)
    return taste.generator.draws(condition, noise.expand(len(condition), -1, -1))


@torch.inference_mode()
def parts(
    taste: Taste, condition: Condition, drawn: Tensor, features: Tensor, collaborative: Array, ages: Array
) -> Array:
    """The parts of the score (`PARTS`), each on a scale of about 1.

    Args:
        condition: of B shoppers.
        drawn: (B, K, D) the generator's draws for them.
        features: (N, D) of the items to score.
        collaborative: (B, N) raw scores of the linear model.
        ages: (N,) days since the items were added.

    Returns:
        (4, B, N) float32: the draws' log density in units of a cosine; the discriminator's verdict as a chance;
        the collaborative score as a share of the shopper's highest; freshness.
    """
    sharpness = taste.generator.sharpness
    cosine = density(drawn, features, sharpness) / sharpness
    chance = taste.discriminator.scores(features, condition).sigmoid()
    highest = np.maximum(np.abs(collaborative).max(1, keepdims=True), 1e-9)
    fresh = np.broadcast_to(np.exp(-np.maximum(ages, 0) / FRESH), collaborative.shape)
    return np.stack([cosine.numpy(), chance.numpy(), collaborative / highest, fresh]).astype(np.float32)


def blended(found: Array, weights: Sequence[float]) -> Array:
    """(B, N) scores from (4, B, N) parts."""
    return np.einsum("p,pbn->bn", np.asarray(weights, np.float32), found)


def diversified(scores: Array, features: Array, count: int, diversity: float) -> Array:
    """Places of at most `count` of M items, chosen one by one for score less likeness to what is chosen already.

    Maximal marginal relevance (Carbonell and Goldstein 1998).

    Args:
        scores: (M,).
        features: (M, D) unit length.
    """
    left = scores.astype(np.float64)
    alike = np.full(len(scores), -1.0)
    chosen: list[int] = []
    for _ in range(min(count, len(scores))):
        best = int(np.argmax(left - diversity * np.maximum(alike, 0)))
        chosen.append(best)
        left[best] = -np.inf
        alike = np.maximum(alike, features @ features[best])
    return np.array(chosen, np.int64)


def days_since(added: Array, now: float) -> Array:
    """(N,) days since items were added; items of unknown age count as old."""
    return (now - added) / DAY
