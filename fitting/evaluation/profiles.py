"""Item profiles measured on garments that they never learned from: are they found, and recommended to those who buy?

`sample_shop`: by seed another fifth of the shop's items is cold. Nothing is known of how they look and of who met them;
what the shop says of them is turned into an embedding, and its picture's own embedding is what a profile would be at
best. *Found*: which of all the shop's pictures is most like the profile. *Recommended*: the profile stands in the
catalogue among the other items' pictures, and is ranked for those who later bought the item, by a recommender's
generator at its start (as near to a linear model as features come, which was made without the cold items; training it
for every seed would take hours), and by likeness to what the shopper had.

`held_out`: garments of the test splits with pictures, which nothing was trained on, found among all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fitting.collaborative import collaborative
from fitting.evaluation import bootstrap
from fitting.evaluation.bootstrap import Array
from fitting.histories import conditions, interactions
from fitting.monitors import manifold_scores, variance_per_condition
from fitting.profiles import ProfileConfig, Profiles
from fitting.ranking import Serving, draw
from fitting.recommend import Taste, density
from fitting.sample import FOLDER as SAMPLE
from fitting.training.choices import Visits, in_view
from fitting.training.described import Described, pictured, sample_shop
from fitting.training.item_profiles import ProfilePlan, beaten, fit_plain, title_alone, train_players
from fitting.training.recommend import RecommendPlan, rounded, train_taste
from fitting.training.recommend_shop import (
    PLAN,
    SHAPE,
    TRAINED,
    Purchase,
    ShopData,
    cut,
    hide,
    purchases,
    read_shop,
    shop_data,
)

log = logging.getLogger(__name__)

HELD_SEEDS = 1  # of the players for the held-out pictures: their cases are many
LATEST = 0.2  # share of the shop's purchases that are looked for
Values = dict[tuple[str, str], list[Array]]


def evaluate(data: Path, folder: Path, seeds: int = 5, plan: ProfilePlan | None = None) -> dict[str, Any]:
    """`{data set: {row: {metric: {mean, low, high}}}}`.

    Args:
        folder: where embeddings of the garments with pictures are kept.
        seeds: of the players, and of which items are cold.
    """
    plan = plan or ProfilePlan()
    shop, known = sample_shop(), pictured(data, folder / "looks", "train")
    numbers = {"sample_shop": _sample(shop, known, seeds, plan)}
    rest = pictured(data, folder / "looks", "heldout")
    numbers["held_out"] = _held_out(shop + known, rest, min(seeds, HELD_SEEDS), plan)
    return numbers


def _sample(shop: Described, known: Described, seeds: int, plan: ProfilePlan) -> dict[str, Any]:
    catalogue, events = read_shop(SAMPLE)
    data = shop_data(catalogue, events)
    moment = cut(data.found, LATEST)
    before, later = data.before(moment), purchases(data.found, moment)
    fold = np.random.default_rng(0).permutation(len(shop)) % max(seeds, 2)
    values: Values = {}
    for seed in range(seeds):
        cold = np.flatnonzero(fold == seed)
        warm = np.setdiff1d(np.arange(len(shop)), cold)
        made = profiles_of(shop.where(fold != seed) + known, shop.where(fold == seed), plan, seed)
        cases = [case for case in later if case.item in cold and len(case.past.where(~np.isin(case.past.items, cold)))]
        hidden = before.without(cold)
        taste = without_cold(hidden, warm, seed)
        for row, profiles in made.items():
            _found(values, row, profiles, shop.embeddings, cold)
            _recommended(values, row, profiles, cold, hidden, cases, taste)
        log.info("sample shop, seed %d done", seed)
    return tabled(values)


def without_cold(hidden: ShopData, warm: Array, seed: int, plan: RecommendPlan = PLAN) -> Taste:
    """A recommender at its start that met no cold item, not even in its whitening."""
    taste = Taste(replace(SHAPE, given=hidden.embeddings.shape[1]))
    taste.learn_whitening(hidden.embeddings[torch.from_numpy(warm)])
    rounded(taste)
    links = collaborative(interactions(list(hidden.found), len(hidden.added))).weights
    source = Visits(hidden.found, taste.features(hidden.embeddings), hidden.categories, seed, links, TRAINED)
    players = train_taste(source, taste.config, plan, seed, steps=0)
    players.mean.copy_(taste.mean)
    players.whitening.copy_(taste.whitening)
    return players


def profiles_of(found: Described, cold: Described, plan: ProfilePlan, seed: int) -> dict[str, Tensor]:
    """Row -> (B, D) profiles of cold items, by what is learned from the others."""
    start = fit_plain(found, ProfileConfig())
    trained = train_players(found, start, plan, seed)
    alone = train_players(found, start, replace(plan, adversarial=0.0), seed)
    said = cold.numbers()
    titles = replace(cold, said=[title_alone(one) for one in cold.said]).numbers()
    made = {
        "picture": cold.embeddings,
        "generator": trained.profile(said, "generator"),
        "no_discriminator": alone.profile(said, "generator"),
        "linear": start.profile(said, "linear"),
        "neighbours": start.profile(said, "neighbours"),
        "attribute_mean": attribute_mean(found, cold),
        "category_mean": category_mean(found, cold),
    }
    made |= {f"{row}, title": trained.profile(titles, row) for row in ("generator", "linear", "neighbours")}
    made["one_draw"] = trained.draws(said, 1, seed)[:, 0]
    return made


def attribute_mean(found: Described, cold: Described) -> Tensor:
    """(B, D) the mean, over attributes of an item, of the mean embedding of garments with the same attribute."""
    rows = []
    for one in cold.said:
        means = []
        for name in ("category", "pattern", "sleeve", "neckline"):
            wanted = getattr(one, name)
            same = np.array([getattr(other, name) == wanted for other in found.said]) & found.of("sample")
            if wanted and same.any():
                means.append(found.embeddings[np.flatnonzero(same)].mean(0))
        first = one.colours[:1]
        same = np.array([other.colours[:1] == first for other in found.said]) & found.of("sample")
        if first and same.any():
            means.append(found.embeddings[np.flatnonzero(same)].mean(0))
        rows.append(torch.stack(means).mean(0))
    return F.normalize(torch.stack(rows), dim=1)


def category_mean(found: Described, cold: Described) -> Tensor:
    """(B, D) the mean embedding of the shop's garments of the same category: the floor."""
    rows = []
    for one in cold.said:
        same = np.array([other.category == one.category for other in found.said])
        own = same & found.of("sample")
        rows.append(found.embeddings[np.flatnonzero(own if own.any() else same)].mean(0))
    return F.normalize(torch.stack(rows), dim=1)


def _found(values: Values, row: str, made: Tensor, garments: Tensor, own: Array) -> None:
    auc = beaten(made, garments, own)
    place = ((1 - auc) * (len(garments) - 1)).numpy()
    _add(values, row, "found HR@10", (place < 10).astype(float))
    _add(values, row, "found AUC", auc.numpy())
    _add(values, row, "cosine", (made * garments[torch.from_numpy(own)]).sum(1).numpy())


def _recommended(
    values: Values, row: str, made: Tensor, cold: Array, hidden: ShopData, cases: list[Purchase], taste: Taste
) -> None:
    """How those who bought a cold item would have been served it."""
    embeddings = hidden.embeddings.clone()
    embeddings[torch.from_numpy(cold)] = made
    past = [case.past.where(~np.isin(case.past.items, cold)) for case in cases]
    told = [replace(case, past=one) for case, one in zip(cases, past, strict=True)]
    features = taste.features(embeddings)
    viewed = [in_view(one, case.at) for one, case in zip(past, told, strict=True)]
    condition = conditions(past, [case.at for case in told], features, viewed)
    with torch.inference_mode():
        scores = density(draw(taste, condition, Serving().draws, 0), features, taste.generator.sharpness).numpy()
    liked = interactions(past, len(embeddings)) @ embeddings.numpy()
    for name, found in (("recommended", scores), ("by likeness", np.asarray(liked @ embeddings.numpy().T))):
        ranked = hide(found, told)
        own = np.take_along_axis(ranked, np.array([case.item for case in told])[:, None], 1)
        above = (ranked > own).sum(1) + 0.5 * ((ranked == own).sum(1) - 1)
        others = np.isfinite(ranked).sum(1) - 1
        _add(values, row, f"{name} HR@10", (above < 10).astype(float))
        _add(values, row, f"{name} AUC", 1 - above / others)


def _held_out(known: Described, rest: Described, seeds: int, plan: ProfilePlan) -> dict[str, Any]:
    runs: list[Values] = []
    for seed in range(seeds):
        values: Values = {}
        for row, made in profiles_of(known, rest, plan, seed).items():
            _found(values, row, made, rest.embeddings, np.arange(len(rest)))
        runs.append(values)
        log.info("held-out pictures, seed %d done", seed)
    merged: Values = {key: [np.mean([run[key][0] for run in runs], 0)] for key in runs[0]}
    return tabled(merged)


def health(profiles: Profiles, found: Described, seed: int = 0) -> dict[str, float]:
    """Whether draws are like garments, and differ: each beside its description, against real ones of a half."""
    said = found.numbers()
    order = torch.randperm(len(found), generator=torch.Generator().manual_seed(seed))
    half, rest = order[: len(found) // 2], order[len(found) // 2 :]
    drawn = profiles.draws(said, 2, seed)
    numbers = manifold_scores(found.embeddings[half], drawn[rest, 0])
    real = manifold_scores(found.embeddings[half], found.embeddings[rest])
    numbers |= {f"real {name}": value for name, value in real.items()}
    return numbers | {"variance over z": float(variance_per_condition(profiles.draws(said[half], 16, seed)).mean())}


def _add(values: Values, row: str, metric: str, found: Array) -> None:
    values.setdefault((row, metric), []).append(np.asarray(found, float))


def tabled(values: Mapping[tuple[str, str], list[Array]]) -> dict[str, Any]:
    """`{row: {metric: {mean, low, high}}}` over the cases of all folds."""
    numbers: dict[str, Any] = {}
    for (row, metric), runs in values.items():
        numbers.setdefault(row, {})[metric] = bootstrap.mean(np.concatenate(runs).tolist())
    return numbers
