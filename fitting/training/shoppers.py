"""Training virtual shoppers, and shops to which they were added.

From a shopper of whom enough is known a few items are told and others are the real sample; the generator's draws are
the fake one; and the real sample under what is told of somebody else counts as fake, too. The generator also hears how
likely the real items are around its features (van den Oord et al. 2018, arXiv:1807.03748), without which sets of few
items are too little to learn from.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fitting import weights
from fitting.condition import KINDS
from fitting.events import EventKind
from fitting.gan import Game, GanConfig
from fitting.histories import History
from fitting.recommend import Taste
from fitting.shoppers import Known, ShopperConfig, ShopperDiscriminator, ShopperGenerator, Shoppers, as_items, known_of
from fitting.training.choices import CHOICES
from fitting.training.game import keep, restore
from fitting.training.loop import Plan, Stage
from fitting.training.recommend import rounded
from fitting.training.recommend_shop import SHAPE, ShopData, read_shop, shop_data
from fitting.training.steps import Steps

log = logging.getLogger(__name__)

Lists = Sequence[NDArray[np.int64]]  # what shoppers chose: different items each
SPARSE = 5  # fewer events are few


@dataclass(frozen=True)
class ShopperPlan:
    """How the players are trained; see `fitting.training.item_profiles.ProfilePlan`."""

    plan: Plan = field(default_factory=lambda: Plan((Stage(150, 64, (1, 1)),), learning_rate=1e-3, warmup=20, ema=0.98))
    objective: str = "nonsaturating"
    adversarial: float = 0.3
    contrastive: float = 1.0
    generator_share: float = 0.5
    alone: int = 20


class ShopperSource:
    """Batches of shoppers of whom enough is known, each a pure function of its step.

    Args:
        found: what each chose.
        features: (N, D) of the catalogue.
        categories: (N,) from 1; None where items have none.
        slots: items of a real sample.
    """

    def __init__(
        self, found: Lists, features: Tensor, categories: NDArray[np.int64] | None, config: ShopperConfig, seed: int = 0
    ) -> None:
        self.features, self.categories, self.config, self._seed = features, categories, config, seed
        self._found = [items for items in found if len(items) > config.slots]
        if not self._found:
            raise ValueError(f"nobody chose more than {config.slots} items: there are no histories to learn from")

    def batch(self, step: int, size: int) -> tuple[Known, Tensor]:
        """What is told of B shoppers, and (B, slots) places of other items that they chose."""
        random = np.random.default_rng((self._seed, step))
        told, chosen = [], []
        for row in random.integers(0, len(self._found), size):
            items = random.permutation(self._found[row])
            chosen.append(items[: self.config.slots])
            rest = items[self.config.slots :]
            told.append(rest[: random.integers(0, min(SPARSE, len(rest) + 1))])
        return known_of(told, self.features, self.categories, self.config), torch.from_numpy(np.stack(chosen))


class ShopperGame:
    """Both players and their optimisers; `step` by `step`."""

    def __init__(self, source: ShopperSource, config: ShopperPlan, seed: int = 0) -> None:
        self.source, self.config, self.seed = source, config, seed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            generator, discriminator = ShopperGenerator(source.config), ShopperDiscriminator(source.config)
        rate = config.plan.learning_rate
        own = GanConfig(config.objective, rate * config.generator_share, rate, ema=config.plan.ema)
        self.generator, self.discriminator = generator, discriminator
        self.game = Game(generator, discriminator, own)

    def step(self, step: int) -> dict[str, float]:
        """A step of the discriminator and, when it is its turn, one of the generator."""
        game, config, features = self.game, self.config, self.source.features
        known, items = self.source.batch(step, config.plan.stage_at(step).batch)
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        noise = torch.randn(len(items), self.source.config.noise, generator=random)

        def served(drawn: Tensor) -> Tensor:
            # Real sets are of items, so the fake ones are, too; gradient passes straight through to the draw.
            found = features[as_items(drawn, features, self.generator.log_sharpness.exp(), random)]
            return drawn + (found - drawn).detach()

        others = known.rolled()
        report = game.discriminator_step(
            features[items],
            lambda: served(self.generator(noise, known)),
            lambda sets: self.discriminator(sets, known),
            lambda sets: self.discriminator(sets, others),
            random,
        )
        turn = step + 1 - config.alone
        if turn > 0 and turn % game.objective.critic_steps == 0:
            report |= game.generator_step(
                lambda: self.generator(noise, known),
                lambda drawn: config.adversarial * self.discriminator(served(drawn), known),
                lambda drawn: {"contrastive": config.contrastive * self._unlikely(drawn, items)},
            )
        return report

    def _unlikely(self, drawn: Tensor, items: Tensor) -> Tensor:
        """Minus the mean log likelihood of the real items under the mixture of kernels around the drawn features."""
        logits = torch.logsumexp(self.generator.log_sharpness.exp() * drawn @ self.source.features.T, 1)
        return -logits.log_softmax(1).gather(1, items).mean()


def train_virtual(
    source: ShopperSource,
    config: ShopperPlan | None = None,
    seed: int = 0,
    folder: Path | None = None,
    minutes: float | None = None,
    resume: bool = False,
) -> Shoppers:
    """Train both players; see `fitting.training.recommend.train_taste`."""
    config = config or ShopperPlan()
    players = ShopperGame(source, config, seed)
    described = {"config": asdict(config), "shape": asdict(source.config), "seed": seed}
    first = restore(folder, described, players.game) if resume else 0
    rounds = Steps(config.plan, first, partial(keep, folder, plan=described, game=players.game), folder, minutes, 50)
    for step in rounds:
        rounds.report(players.step(step))
    made = Shoppers(source.config)
    made.generator.load_state_dict(players.game.average.state_dict())
    made.discriminator.load_state_dict(players.discriminator.state_dict())
    return made.half().float().eval()


def chosen_by(found: Sequence[History]) -> list[NDArray[np.int64]]:
    """What each shopper bought, liked or tried, once each."""
    loud = [KINDS.index(kind) for kind in CHOICES]
    return [np.unique(history.items[np.isin(history.kinds, loud)]) for history in found]


def virtual_lists(
    shoppers: Shoppers, found: Lists, features: Tensor, categories: NDArray[np.int64] | None, seed: int = 0
) -> list[NDArray[np.int64]]:
    """For each shopper of whom little is known a virtual one: what is known, and what might have followed."""
    few = [items for items in found if 0 < len(items) < SPARSE]
    if not few:
        return []
    made = shoppers.histories(known_of(few, features, categories, shoppers.config), features, seed)
    return [np.union1d(known, more) for known, more in zip(few, made, strict=True)]


def with_virtual(data: ShopData, shoppers: Shoppers, features: Tensor, seed: int = 0) -> ShopData:
    """A shop to whose shoppers virtual ones were added, who bought what they bought long before everybody else."""
    bought = KINDS.index(EventKind.BOUGHT)
    lists = virtual_lists(shoppers, chosen_by(data.found), features, data.categories, seed)
    start = min((float(history.at[0]) for history in data.found if len(history)), default=0.0)
    random = np.random.default_rng(seed)
    more = []
    for items in lists:
        at = start - np.arange(len(items), 0, -1) * 86400.0
        more.append(History(random.permutation(items), np.full(len(items), bought), at))
    return replace(data, found=[*data.found, *more])


def train_shoppers(data: Path, folder: Path, minutes: float | None = None, resume: bool = False) -> Shoppers:
    """Train virtual shoppers of a shop and save them to `folder/weights`.

    Raises:
        ShopError: there is no shop in the data folder.
    """
    from fitting.sample import FOLDER, SHOPPERS

    catalogue, events = read_shop(data if (data / SHOPPERS).exists() or (data / "shop.db").exists() else FOLDER)
    shop = shop_data(catalogue, events)
    source = ShopperSource(chosen_by(shop.found), features_of(shop), shop.categories, ShopperConfig())
    made = train_virtual(source, None, 0, folder, minutes, resume)
    weights.save(made, folder / "weights" / "shoppers")
    weights.record("shoppers", folder / "weights")
    return made


def features_of(shop: ShopData) -> Tensor:
    """(N, D) items' features, whitened as the recommender's."""
    taste = Taste(replace(SHAPE, given=shop.embeddings.shape[1]))
    taste.learn_whitening(shop.embeddings)
    return rounded(taste).features(shop.embeddings)
