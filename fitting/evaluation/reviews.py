"""Machine-written fit notes measured: maximum likelihood at many temperatures beside the GAN that goes on from it.

Everything is held against notes of reviews that neither learned from. A writer is better where, at the same diversity
(self-BLEU), its phrases are more often those of real notes (BLEU): the curves over temperature are compared, never a
point with a point (Caccia et al. 2020, arXiv:1811.02549). Whether a note says what its stars say is judged by a
classifier that learned from a third part of the reviews.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import optimize, sparse
from torch import Tensor

from fitting import weights
from fitting.evaluation import bootstrap
from fitting.evaluation.text_metrics import Copied, References, bleu, self_bleu
from fitting.note_net import END, UNKNOWN, About, Notes, likelihood
from fitting.notes import sentence, showable
from fitting.training.reviews import train_reviews
from fitting.training.reviews_data import Note, read_notes, tensors

log = logging.getLogger(__name__)

TEMPERATURES = (0.4, 0.55, 0.7, 0.85, 1.0, 1.15)
COUNT = 500  # notes written at each temperature, and real ones to stand beside them
PLACES = 1 << 14  # of the judge's hashed phrases
Array = Any


def evaluate(data: Path, folder: Path) -> dict[str, Any]:
    """`{"writers": {writer: {row: {metric: {mean, low, high}}}}, "winner": {...}, ...}`.

    Args:
        folder: where both writers were trained; trained now where they are not.
    """
    names = ("likelihood", "adversarial")
    if all((folder / "weights" / name / "model.safetensors").exists() for name in names):
        writers = {name: weights.load(Notes, name, folder / "weights") for name in names}
    else:
        writers = train_reviews(data, folder, resume=True)
    train, test = read_notes(data, "train"), read_notes(data, "test")
    judge = Judge(read_notes(data, "judge", personal=True))
    real = [note.words for note in test[:COUNT]]
    references, copied = References([note.words for note in test[COUNT:]]), Copied(note.words for note in train)
    numbers: dict[str, Any] = {"notes": {"train": len(train), "test": len(test)}}
    numbers["real"] = told(real, references, copied) | {
        "rating": judge.right(real, [n.rating > 3 for n in test[:COUNT]])
    }
    numbers["writers"] = {}
    for name, notes in writers.items():
        found: dict[str, Any] = {"nll": nll(notes, test)}
        for temperature in TEMPERATURES:
            written, positive = write(notes, test, temperature)
            row = told(written, references, copied) | {"rating": judge.right(written, positive)}
            row["showable"] = bootstrap.mean([float(showable(sentence(text))) for text in written])
            found[f"{temperature:g}"] = row
            log.info("%s at %g: %s", name, temperature, {key: value["mean"] for key, value in row.items()})
        numbers["writers"][name] = found
    numbers["bleu_at_equal_self_bleu"] = compared(numbers["writers"])
    return numbers


def told(texts: Sequence[Sequence[str]], references: References, copied: Copied) -> dict[str, Any]:
    """BLEU, self-BLEU, and how much is copied."""
    longest = [copied.longest(text) for text in texts]
    return {
        "bleu": bootstrap.mean(bleu(texts, references).tolist()),
        "self_bleu": bootstrap.mean(self_bleu(texts).tolist()),
        "longest_copied": bootstrap.mean([float(size) for size in longest]),
        "share_copied": bootstrap.mean([size / max(len(text), 1) for size, text in zip(longest, texts, strict=True)]),
        "whole_copied": bootstrap.mean([float(copied.whole(text)) for text in texts]),
        "words": bootstrap.mean([float(len(text)) for text in texts]),
    }


@torch.inference_mode()
def nll(notes: Notes, test: Sequence[Note]) -> dict[str, float]:
    """Of held-out notes, in nats a word, by what they are about; the end of a note counts as a word."""
    written, about = tensors(list(test), notes.config.words)
    totals = []
    for start in range(0, len(written), 200):
        rows = torch.arange(start, min(start + 200, len(written)))
        loss = likelihood(notes.generator(written[rows], about.take(rows)), written[rows])
        totals.append(torch.stack([loss.sum(1), (written[rows] != END).sum(1) + 1.0], 1))
    lost, words = torch.cat(totals).T.tolist()
    return bootstrap.mean(lost, words)


def write(notes: Notes, test: Sequence[Note], temperature: float) -> tuple[list[tuple[str, ...]], list[bool]]:
    """Notes about what real ones are about, as many good as bad ones, and whether each should praise."""
    good = [note for note in test if note.rating > 3][: COUNT // 2]
    bad = [note for note in test if note.rating <= 3][: COUNT // 2]
    chosen = [*good, *bad]
    about = About(*torch.tensor([(n.category, n.rating, n.recommended, n.age) for n in chosen]).T)
    found = notes.generator.write(about, torch.Generator().manual_seed(round(temperature * 100)), temperature)
    return [_text(row, notes.config.words) for row in found], [note.rating > 3 for note in chosen]


def _text(row: Tensor, words: Sequence[str]) -> tuple[str, ...]:
    return tuple(words[place] for place in row.tolist() if place not in (END, UNKNOWN))


def compared(writers: Mapping[str, Any]) -> dict[str, float]:
    """BLEU of both writers where both are equally diverse: their curves at the self-BLEUs that both reach."""
    curves = {}
    for name, found in writers.items():
        points = sorted((row["self_bleu"]["mean"], row["bleu"]["mean"]) for key, row in found.items() if key != "nll")
        curves[name] = np.array(points).T
    low = max(curve[0].min() for curve in curves.values())
    high = min(curve[0].max() for curve in curves.values())
    if low >= high:
        return {"from": round(float(low), 4), "to": round(float(high), 4)}
    places = np.linspace(low, high, 21)
    means = {name: round(float(np.interp(places, *curve).mean()), 5) for name, curve in curves.items()}
    return {"from": round(float(low), 4), "to": round(float(high), 4)} | means


class Judge:
    """Says of a sentence whether its writer gave four stars or more: logistic regression on words and pairs of words.

    Good and bad count alike, however many there are of each.
    """

    def __init__(self, notes: Sequence[Note], penalty: float = 1e-4) -> None:
        table = self._table([note.words for note in notes])
        sign = np.where([note.rating > 3 for note in notes], 1.0, -1.0)
        share = np.where(sign > 0, 0.5 / (sign > 0).sum(), 0.5 / (sign < 0).sum())

        def loss(weight: Array) -> tuple[float, Array]:
            margin = sign * (table @ weight)
            value = share @ np.logaddexp(0, -margin) + penalty * weight @ weight
            slope = -share * sign / (1 + np.exp(margin))
            return float(value), table.T @ slope + 2 * penalty * weight

        found = optimize.minimize(loss, np.zeros(PLACES), jac=True, method="L-BFGS-B", options={"maxiter": 60})
        self.weight = found.x

    def right(self, texts: Sequence[Sequence[str]], positive: Sequence[bool]) -> dict[str, float]:
        """How often it says what was asked for, good and bad counting alike."""
        said = self._table(texts) @ self.weight > 0
        wanted = np.array(positive)
        count = np.where(wanted, wanted.sum(), (~wanted).sum())
        return bootstrap.mean(((said == wanted) / count).tolist(), (1 / count).tolist())

    def _table(self, texts: Sequence[Sequence[str]]) -> Array:
        rows, columns = [], []
        for row, text in enumerate(texts):
            pairs = zip(["", *text], text, strict=False)
            for phrase in {*text, *(f"{one} {two}" for one, two in pairs)}:
                rows.append(row)
                columns.append(zlib.crc32(phrase.encode()) % PLACES)
        return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(texts), PLACES))
