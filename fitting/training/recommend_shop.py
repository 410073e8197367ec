"""The recommender of a shop: trained on its catalogue's embeddings and what its shoppers did."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from fitting.catalogue import FILE, Catalogue
from fitting.collaborative import collaborative
from fitting.condition import KINDS, TasteConfig
from fitting.errors import ShopError
from fitting.events import Event, EventKind
from fitting.garment import Category
from fitting.histories import Array, History, conditions, histories, interactions
from fitting.ranking import PARTS, Serving, blended, days_since, draw, parts
from fitting.recommend import Taste
from fitting.training.choices import VISIT, Visits, in_view
from fitting.training.loop import Plan, Stage
from fitting.training.recommend import RecommendPlan, rounded, train_taste

log = logging.getLogger(__name__)

SHAPE = TasteConfig(feature=64, noise=16, width=128, token=64, sharpness=10.0, dropout=0.3)
PLAN = RecommendPlan(
    Plan(stages=(Stage(600, 48, (1, 1)),), learning_rate=1e-3, warmup=10, ema=0.95),
    objective="minimax",
    adversarial=0.3,
    # With few draws and little of it, all noise leads to the same item or two.
    seeking=0.3,
    draws=16,
    alone=20,
    drop=0.25,
)
TRAINED = 48  # events of a history that are looked at in training
HELD = 0.15  # share of purchases, the latest, by which the blend's weights are chosen
WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


@dataclass(frozen=True)
class ShopData:
    """What a shop's recommender learns from.

    Attributes:
        embeddings: (N, D) of the items, unit length.
        categories: (N,) from 1, in the order of `Category`.
        added: (N,) when items came, in seconds since the epoch.
        found: everybody's history.
    """

    embeddings: Tensor
    categories: Array
    added: Array
    found: Sequence[History]

    def before(self, moment: float) -> ShopData:
        """As it was at some moment."""
        past = (history.before(moment) for history in self.found)
        return replace(self, found=[history for history in past if len(history)])

    def without(self, items: Array) -> ShopData:
        """As if nobody had met these items."""
        rest = (history.where(~np.isin(history.items, items)) for history in self.found)
        return replace(self, found=[history for history in rest if len(history)])


@dataclass(frozen=True)
class Purchase:
    """A purchase, and what came before it.

    Attributes:
        past: all before it but events with the item itself.
        start: when the visit began.
    """

    item: int
    at: float
    past: History
    start: float


def shop_data(catalogue: Catalogue, events: Sequence[Event]) -> ShopData:
    """Arrays of a catalogue with embeddings, and of events."""
    numbers: Mapping[Category, int] = {category: number for number, category in enumerate(Category, start=1)}
    found = histories(events, {item.id: place for place, item in enumerate(catalogue.items)})
    return ShopData(
        torch.from_numpy(catalogue.vectors),
        np.array([numbers[item.category] for item in catalogue.items]),
        np.array([item.added for item in catalogue.items]),
        list(found.values()),
    )


def read_shop(folder: Path) -> tuple[Catalogue, list[Event]]:
    """The catalogue and events of a shop's folder, or of the sample shop as it ships (the assets folder).

    Raises:
        ShopError: the folder holds neither.
    """
    from fitting.reading import read_orders
    from fitting.sample import EMBEDDINGS, SHOPPERS
    from fitting.shop import FILE as DATABASE
    from fitting.shop import Shop
    from fitting.spreadsheet import Problem

    if (folder / DATABASE).exists():
        with Shop.open(folder) as shop:
            return shop.catalogue(), shop.store.events()
    if not all((folder / name).exists() for name in (FILE, EMBEDDINGS, SHOPPERS)):
        raise ShopError(f"{folder} holds no shop. Name a shop's folder, or the assets folder for the sample shop.")
    listed = Catalogue.load(folder)
    vectors = load_file(folder / EMBEDDINGS)
    catalogue = Catalogue(listed, listed.currency, torch.stack([vectors[item.id] for item in listed]).numpy())
    rows = (row for row in read_orders(folder / SHOPPERS, []) if not isinstance(row, Problem))
    return catalogue, [row[1] for row in rows]


def purchases(found: Sequence[History], since: float) -> list[Purchase]:
    """Everything bought from some moment on."""
    bought = KINDS.index(EventKind.BOUGHT)
    cases = []
    for history in found:
        for place in np.flatnonzero((history.kinds == bought) & (history.at >= since)):
            item, at = int(history.items[place]), float(history.at[place])
            past = history.where((history.at < at) & (history.items != item))
            earlier = history.at[history.at <= at][::-1]
            gaps = np.flatnonzero(earlier[:-1] - earlier[1:] > VISIT)
            start = float(earlier[gaps[0]] if len(gaps) else earlier[-1])
            cases.append(Purchase(item, at, past, start))
    return cases


def cut(found: Sequence[History], share: float) -> float:
    """The moment after which this share of all purchases was made."""
    bought = KINDS.index(EventKind.BOUGHT)
    at = np.concatenate([history.at[history.kinds == bought] for history in found])
    if not len(at):
        raise ShopError("Nobody has bought anything yet: there is nothing to learn from.")
    return float(np.quantile(at, 1 - share))


def train_shop(
    data: ShopData,
    plan: RecommendPlan = PLAN,
    seed: int = 0,
    folder: Path | None = None,
    minutes: float | None = None,
    resume: bool = False,
    shape: TasteConfig = SHAPE,
) -> Taste:
    """Players trained on all that is there. How many steps, and the weights of the blend, are those that served the
    latest purchases best when those were left out of the training."""
    moment = cut(data.found, HELD)
    earlier, held = data.before(moment), purchases(data.found, moment)
    best: tuple[float, int, Taste | None] = (-1.0, 0, None)

    def watch(step: int, taste: Taste) -> None:
        nonlocal best
        found = float(gains(hide(score_parts(taste, earlier, held, seed)[0], held), held)[1].mean())
        log.info("step %d: NDCG@10 of the generator alone %.4f", step, found)
        if step and found > best[0]:
            best = (found, step, taste)

    # Made anew on resuming: what it finds must not depend on where somebody stopped.
    last = _train(earlier, plan, seed, None, minutes, False, shape, watch=watch)
    trial = best[2] or last
    weights = choose_blend(trial, earlier, held, seed)
    return _train(data, plan, seed, folder, minutes, resume, replace(shape, blend=weights), best[1] or None)


def _train(
    data: ShopData,
    plan: RecommendPlan,
    seed: int,
    folder: Path | None,
    minutes: float | None,
    resume: bool,
    shape: TasteConfig,
    steps: int | None = None,
    watch: Callable[[int, Taste], None] | None = None,
) -> Taste:
    whitening = Taste(replace(shape, given=data.embeddings.shape[1]))
    whitening.learn_whitening(data.embeddings)
    rounded(whitening)

    def whole(taste: Taste) -> Taste:
        taste.mean.copy_(whitening.mean)
        taste.whitening.copy_(whitening.whitening)
        return taste

    def look(step: int, taste: Taste) -> None:
        if watch is not None:
            watch(step, whole(taste))

    matrix = interactions(list(data.found), len(data.added))
    links = collaborative(matrix).weights if matrix.nnz else None
    source = Visits(data.found, whitening.features(data.embeddings), data.categories, seed, links, TRAINED)
    seen = look if watch is not None else None
    return whole(train_taste(source, whitening.config, plan, seed, folder, minutes, resume, steps, seen))


def score_parts(taste: Taste, known: ShopData, cases: Sequence[Purchase], seed: int = 0) -> Array:
    """(4, B, N) parts of the score (`fitting.ranking.PARTS`) of every item before each purchase.

    Args:
        known: what the linear model is made from.
    """
    features = taste.features(known.embeddings)
    matrix = interactions(list(known.found), len(features))
    linear = collaborative(matrix) if matrix.nnz else None
    found = []
    for start in range(0, len(cases), 256):
        block = cases[start : start + 256]
        past = [case.past for case in block]
        viewed = [in_view(case.past, case.at) for case in block]
        condition = conditions(past, [case.at for case in block], features, viewed)
        rows = interactions(past, len(features))
        scores = linear.scores(rows) if linear is not None else np.zeros(rows.shape, np.float32)
        with torch.inference_mode():
            drawn = draw(taste, condition, Serving().draws, seed)
        ages = days_since(known.added, np.mean([case.at for case in block]).item())
        found.append(parts(taste, condition, drawn, features, scores, ages))
    return np.concatenate(found, 1)


def hide(scores: Array, cases: Sequence[Purchase]) -> Array:
    """Scores with the items that are told of each shopper out of the ranking, for what was bought is never told."""
    scores = scores.copy()
    for row, case in enumerate(cases):
        scores[row, case.past.items] = -np.inf
    return scores


def gains(scores: Array, cases: Sequence[Purchase], count: int = 10) -> tuple[Array, Array]:
    """Of each purchase: whether it was among the first `count`, and its discounted gain.

    Of items with equal scores half are taken to come first.
    """
    wanted = np.array([case.item for case in cases])
    own = np.take_along_axis(scores, wanted[:, None], 1)
    place = (scores > own).sum(1) + (scores == own).sum(1) // 2
    hit = place < count
    return hit.astype(float), np.where(hit, 1 / np.log2(place + 2), 0)


def choose_blend(
    taste: Taste, known: ShopData, cases: Sequence[Purchase], seed: int = 0
) -> tuple[float, float, float, float]:
    """Weights of the score's parts that rank held-out purchases best, one after another."""
    found = score_parts(taste, known, cases, seed)
    weights = [1.0, 0.0, 0.0, 0.0]

    def value(tried: Sequence[float]) -> float:
        return float(gains(hide(blended(found, tried), cases), cases)[1].mean())

    best = value(weights)
    for _ in range(2):
        for place in (2, 1, 3):
            for weight in WEIGHTS:
                tried = [*weights[:place], weight, *weights[place + 1 :]]
                reached = value(tried)
                if reached > best + 1e-4:
                    best, weights = reached, tried
    log.info("blend %s: NDCG@10 %.4f", dict(zip(PARTS, weights, strict=True)), best)
    return (weights[0], weights[1], weights[2], weights[3])


def train_recommender(data: Path, folder: Path, minutes: float | None = None, resume: bool = False) -> Taste:
    """Train a shop's recommender and save its weights to `folder/weights`.

    Raises:
        ShopError: there is no shop in the data folder, or nobody bought anything in it.
    """
    from fitting import weights

    catalogue, events = read_shop(data)
    taste = train_shop(shop_data(catalogue, events), folder=folder, minutes=minutes, resume=resume)
    weights.save(taste, folder / "weights" / "recommender")
    weights.record("recommender", folder / "weights")
    return taste
