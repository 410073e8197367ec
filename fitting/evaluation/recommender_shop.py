"""The recommender measured on a shop with pictures: who is served how well, cold items, and whether it collapses.

The latest fifth of the purchases is what must be found; everything before is learned from. Of newcomers nothing is
told. Of browsers it is told what they did in this visit, and nothing of earlier ones. Regulars bought before, and
everything is told. Events with the item bought next are never told; it is ranked among all items of which nothing is
told, by HR@10 and NDCG@10.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fitting.collaborative import Ease, ItemKnn
from fitting.evaluation import bootstrap
from fitting.evaluation.bootstrap import Array
from fitting.evaluation.ranking_metrics import top
from fitting.histories import NOTHING, conditions, interactions
from fitting.monitors import manifold_scores, variance_per_condition
from fitting.ranking import blended, draw
from fitting.recommend import Taste, density
from fitting.training.choices import in_view
from fitting.training.recommend import RecommendPlan
from fitting.training.recommend_shop import (
    PLAN,
    Purchase,
    ShopData,
    cut,
    gains,
    hide,
    purchases,
    read_shop,
    score_parts,
    shop_data,
    train_shop,
)

log = logging.getLogger(__name__)

LATEST = 0.2  # share of purchases that must be found
COLD = 10  # items that are hidden from training to measure cold start
SHOPPERS = 40  # whose draws are looked at one by one
Rows = dict[str, Array]  # row -> (B, N) scores


def evaluate_shop(folder: Path, seeds: int = 5, plan: RecommendPlan = PLAN) -> dict[str, Any]:
    """`{row: {metric: {mean, low, high}}}`, with groups in the metric's name: `newcomers HR@10`."""
    catalogue, events = read_shop(folder)
    data = shop_data(catalogue, events)
    moment = cut(data.found, LATEST)
    known, cases = data.before(moment), purchases(data.found, moment)
    cold = np.sort(np.random.default_rng(0).choice(len(data.added), COLD, replace=False))
    values: dict[tuple[str, str], list[Array]] = {}
    for seed in range(seeds):
        taste = train_shop(known, plan, seed)
        for group, chosen in _groups(cases):
            for row, scores in _rows(taste, known, chosen, seed).items():
                _add(values, row, group, hide(scores, chosen), chosen, data)
        hidden = known.without(cold)
        chosen = [case for case in cases if case.item in cold]
        blind = train_shop(hidden, plan, seed)
        for row, scores in _rows(blind, hidden, chosen, seed).items():
            _add(values, row, "cold items", hide(scores, chosen), chosen, data)
        for metric, value in health(taste, known, cases, seed).items():
            values.setdefault(("cgan", metric), []).append(np.atleast_1d(value))
        log.info("sample shop, seed %d done", seed)
    numbers: dict[str, Any] = {}
    for (row, metric), runs in values.items():
        numbers.setdefault(row, {})[metric] = bootstrap.mean(np.mean(runs, 0).tolist())
    return numbers


def _groups(cases: Sequence[Purchase]) -> list[tuple[str, list[Purchase]]]:
    """Purchases as those of newcomers, browsers and regulars: with what is told of each."""
    new = [replace(case, past=NOTHING) for case in cases]
    visits = [replace(case, past=case.past.where(case.past.at >= case.start)) for case in cases]
    browsers = [case for case in visits if len(case.past)]
    regulars = [case for case in cases if len(case.past.bought)]
    return [("newcomers", new), ("browsers", browsers), ("regulars", regulars)]


def _rows(taste: Taste, known: ShopData, cases: Sequence[Purchase], seed: int) -> Rows:
    found = score_parts(taste, known, cases, seed)
    matrix = interactions(list(known.found), len(known.added))
    rows = interactions([case.past for case in cases], len(known.added))
    liked = rows @ known.embeddings.numpy()  # content alone: the mean of what the shopper has, weighted by event
    return {
        "popularity": np.tile(np.asarray(matrix.sum(0), np.float32).ravel(), (len(cases), 1)),
        "content": np.asarray(liked @ known.embeddings.numpy().T, np.float32),
        "itemknn": ItemKnn(matrix, 50, 10.0).scores(rows),
        "ease": Ease(matrix, 200.0).scores(rows),
        "cgan": found[0],
        "blend": blended(found, taste.config.blend),
    }


def _add(
    values: dict[tuple[str, str], list[Array]],
    row: str,
    group: str,
    scores: Array,
    cases: Sequence[Purchase],
    data: ShopData,
) -> None:
    hit, gain = gains(scores, cases)
    values.setdefault((row, f"{group} HR@10"), []).append(hit)
    values.setdefault((row, f"{group} NDCG@10"), []).append(gain)
    diversity = spread(top(scores, 10), data.embeddings.numpy())
    values.setdefault((row, f"{group} diversity@10"), []).append(diversity)


def spread(lists: Array, embeddings: Array) -> Array:
    """(B,) one less the mean cosine of the pairs in each list of places (B, K)."""
    shown = embeddings[lists]
    total = np.einsum("bkd,bld->b", shown, shown)
    count = lists.shape[1]
    return 1 - (total - count) / (count * (count - 1))


@torch.inference_mode()
def health(taste: Taste, known: ShopData, cases: Sequence[Purchase], seed: int) -> dict[str, Any]:
    """Whether draws are like what people choose, differ, and belong to their condition.

    Items of a shop are few, so that features alone repeat: precision, recall, density and coverage are of an item's
    feature and the shopper's mean feature side by side. References: purchases against other purchases (`real`),
    and the same draws dealt to the wrong shoppers (`shuffled`).
    """
    features = taste.features(known.embeddings)
    told = [case for case in cases if len(case.past)]
    condition = conditions(
        [case.past for case in told],
        [case.at for case in told],
        features,
        [in_view(case.past, case.at) for case in told],
    )
    means = condition.items.sum(1) / condition.present.sum(1, keepdim=True).clamp(min=1)
    about = F.normalize(means, dim=1)
    real = features[torch.tensor([case.item for case in told])]
    drawn = _own_draws(taste, condition, seed)
    order = torch.randperm(len(told), generator=torch.Generator().manual_seed(seed))
    half, rest = order[: len(told) // 2], order[len(told) // 2 :]
    joint = torch.cat([real, about], 1)
    pairs = {
        "": (joint[half], torch.cat([drawn, about], 1)[rest]),
        "real ": (joint[half], joint[rest]),
        "shuffled ": (joint[half], torch.cat([drawn[rest.roll(1)], about[rest]], 1)),
    }
    found: dict[str, Any] = {}
    for name, (one, other) in pairs.items():
        found |= {f"{name}{metric}": value for metric, value in manifold_scores(one, other).items()}
    some = condition.take(order[:SHOPPERS])
    many = draw(taste, some, 1000, seed)
    nearest = torch.stack([(rows @ features.T).argmax(1) for rows in many])
    found["distinct items per 1,000 z"] = np.array([len(row.unique()) for row in nearest], float)
    found["variance over z"] = variance_per_condition(many).numpy()
    found["swap test"] = swap(taste, condition, features, torch.tensor([case.item for case in told]), seed)
    return found


def _own_draws(taste: Taste, condition: Any, seed: int) -> Tensor:
    """A draw for each shopper, each from noise of its own."""
    noise = torch.randn(len(condition), 1, taste.config.noise, generator=torch.Generator().manual_seed(seed))
    return taste.generator.draws(condition, noise)[:, 0]


def swap(taste: Taste, condition: Any, features: Tensor, items: Tensor, seed: int) -> Array:
    """(B,) 1 where what was bought is likelier under the shopper's own condition than under the next one's."""
    scores = density(draw(taste, condition, 32, seed), features, taste.generator.sharpness).log_softmax(1)
    own = scores.gather(1, items[:, None])
    other = scores.roll(1, 0).gather(1, items[:, None])
    return (own > other).float()[:, 0].numpy()
