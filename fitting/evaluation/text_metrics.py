"""Of written texts: how like real ones (BLEU), how unlike each other (self-BLEU), and how much is copied."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Words = Sequence[str]
Gram = tuple[str, ...]
ORDER = 4  # words of the longest phrase that counts
LITTLE = 0.1  # found of a length of which nothing was found (Chen and Cherry 2014, their first smoothing)


class References:
    """Texts that others are held against: of every phrase, how often the text that uses it most does.

    Of each phrase the second most is known as well, so that a text can be held against all but itself.
    """

    def __init__(self, texts: Sequence[Words], order: int = ORDER) -> None:
        self.order = order
        self.lengths = np.array([len(text) for text in texts])
        self._most: dict[Gram, tuple[int, int, int]] = {}  # most, whose, second most
        for place, text in enumerate(texts):
            for gram, count in counted(text, order).items():
                most, whose, second = self._most.get(gram, (0, -1, 0))
                if count > most:
                    self._most[gram] = (count, place, most)
                elif count > second:
                    self._most[gram] = (most, whose, count)

    def bleu(self, text: Words, own: int | None = None) -> float:
        """BLEU of a text (Papineni et al. 2002) against all references, or all but the `own`-th."""
        found, total = np.zeros(self.order), np.zeros(self.order)
        for gram, count in counted(text, self.order).items():
            most, whose, second = self._most.get(gram, (0, -1, 0))
            found[len(gram) - 1] += min(count, second if whose == own else most)
            total[len(gram) - 1] += count
        kept = total > 0
        if not kept.any():
            return 0.0
        shares = np.where(found[kept] > 0, found[kept], LITTLE) / total[kept]
        lengths = self.lengths if own is None else np.delete(self.lengths, own)
        nearest = lengths[np.abs(lengths - len(text)).argmin()]
        brevity = 1.0 if len(text) >= nearest else math.exp(1 - nearest / max(len(text), 1))
        return float(brevity * np.exp(np.log(shares).mean()))


def bleu(texts: Sequence[Words], references: References) -> NDArray[np.float64]:
    """(N,) of each text: high where its phrases are those of real ones."""
    return np.array([references.bleu(text) for text in texts])


def self_bleu(texts: Sequence[Words]) -> NDArray[np.float64]:
    """(N,) of each text against the others (Zhu et al. 2018, Texygen): high where all say the same."""
    references = References(texts)
    return np.array([references.bleu(text, place) for place, text in enumerate(texts)])


class Copied:
    """How many words in a row a text shares with any text that was learned from."""

    def __init__(self, texts: Iterable[Words]) -> None:
        self._whole = {tuple(text) for text in texts}
        self._grams: dict[int, set[Gram]] = defaultdict(set)

    def longest(self, text: Words) -> int:
        """The length of the longest phrase that was copied word for word."""
        for size in range(len(text), 0, -1):
            if any(tuple(text[start : start + size]) in self._of(size) for start in range(len(text) - size + 1)):
                return size
        return 0

    def whole(self, text: Words) -> bool:
        """Whether the text is one of those."""
        return tuple(text) in self._whole

    def _of(self, size: int) -> set[Gram]:
        if size not in self._grams:
            self._grams[size] = {
                text[start : start + size] for text in self._whole for start in range(len(text) - size + 1)
            }
        return self._grams[size]


def counted(text: Words, order: int) -> Counter[Gram]:
    """How often each phrase of 1 to `order` words occurs."""
    return Counter(
        tuple(text[start : start + size]) for size in range(1, order + 1) for start in range(len(text) - size + 1)
    )
