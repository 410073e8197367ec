"""Scores from who bought what with what: the linear models that a generator has to stand beside.

All learn one item-to-item matrix from interactions; a shopper's scores are the sum of the rows of what the
shopper has. They need no features, and know nothing of an item without orders.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

Array = NDArray[np.float32]
Interactions = Any  # scipy.sparse.csr_array (shoppers, items): scipy ships no types

BLOCK = 512  # items whose neighbours are found at once
EASE_LIMIT = 4000  # items; EASE inverts a dense matrix of this side


class Collaborative(Protocol):
    """Scores of every item, from rows of interactions.

    Attributes:
        weights: (N, N), dense or sparse: what having the row's item says for the column's.
    """

    weights: Any

    def scores(self, rows: Interactions) -> Array:
        """(B, N) scores, higher is better, for a (B, N) sparse matrix of what shoppers have."""
        ...

    def scores_of(self, items: Array, loud: Array, columns: Array) -> Array:
        """(M,) the scores of the items `columns` alone, for one who has `items` (H,) with weights `loud` (H,)."""
        ...


class Ease:
    """Embarrassingly shallow autoencoder, in closed form (Steck 2019, arXiv:1905.03375).

    Args:
        interactions: (shoppers, items) weights, 0 where there is none.
        penalty: the L2 penalty, in interactions.
    """

    def __init__(self, interactions: Interactions, penalty: float = 200.0, precise: bool = True) -> None:
        self.weights = ease_weights(interactions, penalty, precise)

    def scores(self, rows: Interactions) -> Array:
        return np.asarray(rows @ self.weights, np.float32)

    def scores_of(self, items: Array, loud: Array, columns: Array) -> Array:
        return np.asarray(loud @ self.weights[np.ix_(items, columns)], np.float32)


def ease_weights(interactions: Interactions, penalty: float, precise: bool = True) -> Array:
    """(N, N): B = I - P diag(1 / diag P) with P = (X'X + penalty I)^-1; its diagonal is 0."""
    number = np.float64 if precise else np.float32
    gram = (interactions.T @ interactions).toarray().astype(number, copy=False)
    gram[np.diag_indices_from(gram)] += penalty
    # LAPACK wants columns together; of a symmetric matrix the transposed view is the same, and nothing is copied.
    factor, info = _lapack("potrf", number)(gram.T, lower=True, overwrite_a=True, clean=False)
    if info:
        raise ValueError("the penalty is too small for these interactions: raise it")
    inverse, _ = _lapack("potri", number)(factor, lower=True, overwrite_c=True)
    del factor, gram
    _mirror(inverse)
    weights = inverse.T.astype(np.float32, copy=False)
    weights /= -np.diag(inverse).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return weights


def _lapack(name: str, number: Any) -> Any:
    return linalg.get_lapack_funcs(name, dtype=number)


def _mirror(lower: Any, block: int = 2048) -> None:
    """Copy the lower triangle of a square matrix onto the upper one, in place."""
    for start in range(0, len(lower), block):
        stop = start + block
        square = np.tril(lower[start:stop, start:stop])
        lower[start:stop, start:stop] = square + np.tril(square, -1).T
        lower[start:stop, stop:] = lower[stop:, start:stop].T


class _Neighbours:
    """Scores from a sparse item-to-item matrix."""

    weights: Interactions

    def scores(self, rows: Interactions) -> Array:
        return np.asarray((rows @ self.weights).todense(), np.float32)

    def scores_of(self, items: Array, loud: Array, columns: Array) -> Array:
        picked = self.weights[items].multiply(loud[:, None]).tocsr().sum(0)
        return np.asarray(picked, np.float32).ravel()[columns]


class ItemKnn(_Neighbours):
    """Cosine of items' columns with shrinkage, each item keeping its nearest neighbours (Sarwar et al. 2001).

    Args:
        interactions: (shoppers, items) weights.
        neighbours: kept for each item.
        shrink: added below the line, so that similarities of rare items count less.
    """

    def __init__(self, interactions: Interactions, neighbours: int = 100, shrink: float = 10.0) -> None:
        columns = sparse.csc_array(interactions, dtype=np.float32)
        norms = np.sqrt(np.asarray(columns.multiply(columns).sum(0)).ravel())
        blocks = []
        for start in range(0, columns.shape[1], BLOCK):
            together = (columns[:, start : start + BLOCK].T @ columns).tocoo()
            value = together.data / (norms[together.row + start] * norms[together.col] + shrink + 1e-6)
            blocks.append(_nearest(together, value, start, neighbours))
        self.weights = sparse.vstack(blocks).T.tocsr()


class RandomWalk(_Neighbours):
    """Three steps at random between items and shoppers, the popular ones held back (Paudel et al. 2016, RP3beta).

    Args:
        interactions: (shoppers, items) weights.
        neighbours: kept for each item.
        alpha: power of each step's chance.
        beta: power of an item's popularity that its chance is divided by.
    """

    def __init__(
        self, interactions: Interactions, neighbours: int = 100, alpha: float = 1.0, beta: float = 0.6
    ) -> None:
        rows = sparse.csr_array(interactions, dtype=np.float32)
        popular = np.maximum(np.asarray(rows.sum(0)).ravel(), 1e-6)
        active = np.maximum(np.asarray(rows.sum(1)).ravel(), 1e-6)
        there = (sparse.diags_array(1 / active) @ rows).power(alpha).tocsr()
        back = (sparse.diags_array(1 / popular) @ rows.T).tocsr().power(alpha)
        blocks = []
        for start in range(0, rows.shape[1], BLOCK):
            together = (back[start : start + BLOCK] @ there).tocoo()
            blocks.append(_nearest(together, together.data / popular[together.col] ** beta, start, neighbours))
        self.weights = sparse.vstack(blocks).tocsr()


def _nearest(together: Interactions, value: Array, start: int, neighbours: int) -> Interactions:
    """The greatest values of items start, start + 1, ... as rows."""
    value = np.where(together.row + start == together.col, 0, value).astype(np.float32)
    order = np.lexsort((-value, together.row))
    row = together.row[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    keep = order[(rank < neighbours) & (value[order] > 0)]
    return sparse.csr_array((value[keep], (together.row[keep], together.col[keep])), shape=together.shape)


def collaborative(interactions: Interactions, penalty: float = 200.0) -> Collaborative:
    """EASE where its matrix is small enough, item neighbours in larger catalogues."""
    return Ease(interactions, penalty) if interactions.shape[1] <= EASE_LIMIT else ItemKnn(interactions)
