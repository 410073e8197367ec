"""Published splits of who liked what, read as sparse matrices, and the way each is scored."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

Matrix = Any  # scipy.sparse.csr_array (users, items) of 0 and 1


@dataclass(frozen=True)
class Split:
    """Interactions to learn from, to choose by, and to be measured on.

    Attributes:
        train: what is learned from, and left out of every ranking.
        test: what is to be found.
        cutoffs: lengths of the lists that are scored.
        chosen: a published validation set; None where hyper-parameters are chosen on a part of `train`.
    """

    name: str
    train: Matrix
    test: Matrix
    cutoffs: tuple[int, ...] = (5, 20)
    chosen: Matrix | None = None

    @property
    def to_choose(self) -> Split:
        """The split that hyper-parameters are chosen on; it holds nothing of the test set."""
        if self.chosen is not None:
            return Split(self.name, self.train, self.chosen, self.cutoffs)
        kept, held = hold_out(self.train, 0.2)
        return Split(self.name, kept, held, self.cutoffs)


def hold_out(interactions: Matrix, share: float, seed: int = 7) -> tuple[Matrix, Matrix]:
    """Part of the interactions at random: (the rest, the part)."""
    rows = interactions.tocoo()
    held = np.random.default_rng(seed).random(len(rows.data)) < share
    parts = [(rows.row[which], rows.col[which]) for which in (~held, held)]
    kept, out = (sparse.csr_array((np.ones(len(r), np.float32), (r, c)), shape=rows.shape) for r, c in parts)
    return kept, out


def load_splits(data: Path, only: Collection[str] = ()) -> Iterator[Split]:
    """The splits whose folders are in `data/recommend`, the quickest first; those named alone, where any are."""
    place = data / "recommend"
    for name, rule, cutoffs in (
        ("ciao_cfgan", _ratings, (5, 20)),
        ("ml100k_cfgan", _ratings, (5, 20)),
        ("ml100k_irgan", _liked, (3, 5, 10)),
        ("ml1m", _lists, (5, 20)),
        ("amazon_clothing", _ratings, (10, 20)),
    ):
        if (place / name).is_dir() and (not only or name in only):
            parts = {path.name.split(".")[0]: rule(path) for path in sorted((place / name).glob("*.gz"))}
            users, items = (1 + max(int(part[:, axis].max()) for part in parts.values()) for axis in (0, 1))
            made = {part: _matrix(pairs, (users, items)) for part, pairs in parts.items()}
            yield Split(name, made["train"], made["test"], cutoffs, made.get("val"))


def _matrix(pairs: Any, shape: tuple[int, int]) -> Matrix:
    matrix = sparse.csr_array((np.ones(len(pairs), np.float32), (pairs[:, 0], pairs[:, 1])), shape=shape)
    matrix.data[:] = 1  # a pair that is listed twice counts once
    return matrix


def _ratings(path: Path) -> Any:
    """Every rating counts: (E, 2) user, item."""
    return np.loadtxt(path, ndmin=2)[:, :2].astype(np.int64)


def _liked(path: Path) -> Any:
    """Ratings of 4 and 5 count."""
    rows = np.loadtxt(path, ndmin=2)
    return rows[rows[:, 2] >= 4, :2].astype(np.int64)


def _lists(path: Path) -> Any:
    """A line a user: the user's number, then items."""
    with gzip.open(path, "rt") as lines:
        rows = [[int(number) for number in line.split()] for line in lines]
    return np.array([(row[0], item) for row in rows for item in row[1:]], np.int64)
