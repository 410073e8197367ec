"""How good rankings of all items are: precision, recall, reciprocal rank and gain, user by user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitting.evaluation.interactions import Matrix, Split

Array = NDArray[Any]
Scorer = Callable[[Array], Array]  # user numbers (B,) -> (B, N) scores
BLOCK = 512


def score_split(split: Split, scorer: Scorer) -> tuple[dict[str, Array], Array]:
    """Rank every item that a user has not in `train`, for each user with something in `test`.

    Returns:
        metric -> (users,) values, and (users, largest cutoff) the lists.
    """
    users = np.flatnonzero(np.diff(split.test.indptr))
    values: list[dict[str, Array]] = []
    lists = []
    for start in range(0, len(users), BLOCK):
        block = users[start : start + BLOCK]
        scores = np.array(scorer(block), np.float32)
        scores[split.train[block].nonzero()] = -np.inf
        found = top(scores, max(split.cutoffs))
        values.append(metrics(found, scores, split.test[block], split.cutoffs))
        lists.append(found)
    return {name: np.concatenate([v[name] for v in values]) for name in values[0]}, np.concatenate(lists)


def top(scores: Array, count: int) -> Array:
    """(B, count) columns of the highest scores, best first; of equals the first column."""
    count = min(count, scores.shape[1])
    found = np.sort(np.argpartition(-scores, count - 1, axis=1)[:, :count], axis=1)
    order = np.argsort(-np.take_along_axis(scores, found, 1), axis=1, kind="stable")
    return np.take_along_axis(found, order, 1)


def metrics(found: Array, scores: Array, wanted: Matrix, cutoffs: Sequence[int]) -> dict[str, Array]:
    """Metrics of lists (B, K) against a (B, N) sparse matrix of what was wanted; each row wants something.

    `MRR@K` is 0 where the first K hold nothing wanted; plain `MRR` looks at the whole ranking. NDCG's ideal list
    holds min(K, wanted) items.
    """
    dense = wanted.toarray() > 0
    hits = np.take_along_axis(dense, found, 1)
    number = dense.sum(1)
    discount = 1 / np.log2(np.arange(2, found.shape[1] + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    best = np.where(dense, scores, -np.inf).max(1)
    level = ((scores == best[:, None]) & ~dense).sum(1)  # half of them are taken to come first
    first = 1 + (scores > best[:, None]).sum(1) + level / 2
    values: dict[str, Array] = {"MRR": 1 / first}
    for k in cutoffs:
        hit = hits[:, :k].sum(1)
        values[f"P@{k}"] = hit / k
        values[f"R@{k}"] = hit / number
        place = np.where(hits[:, :k].any(1), hits[:, :k].argmax(1) + 1.0, np.inf)
        values[f"MRR@{k}"] = 1 / place
        values[f"NDCG@{k}"] = (hits[:, :k] * discount[:k]).sum(1) / ideal[np.minimum(number, k)]
    return values
