"""Training the recommender: both players on what shoppers chose, held to it by a contrastive term.

The discriminator sees three things: an item that the shopper chose (real), a draw of the generator (fake), and an
item that somebody else chose (a mismatched pair, fake too). The generator hears its verdict, and two more terms: a
contrastive one, the likelihood of the chosen items under the density of its draws among many candidates (van den
Oord et al. 2018, arXiv:1807.03748), and mode seeking (Mao et al. 2019, arXiv:1903.05628), which pays for draws that
differ where their noise differs.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from fitting.condition import Condition, TasteConfig
from fitting.gan import Game, GanConfig, spectral_norm
from fitting.recommend import Discriminator, Generator, Taste, density
from fitting.training.loop import Plan, Stage

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choices:
    """A batch of shoppers and what they chose.

    Attributes:
        condition: of B shoppers; holds nothing of what they chose.
        chosen: (B,) one item of each, the real sample.
        rows, items: (P,) pairs: shopper `rows[p]` of the batch chose item `items[p]`; `chosen` is among them.
        known_rows, known_items: pairs of what each shopper had before, which is no candidate.
    """

    condition: Condition
    chosen: Tensor
    rows: Tensor
    items: Tensor
    known_rows: Tensor
    known_items: Tensor


class ChoiceSource(Protocol):
    """Batches, each a pure function of its step."""

    features: Tensor  # (N, D)

    def batch(self, step: int, size: int) -> Choices: ...


PLAN = Plan(stages=(Stage(3000, 128, (1, 1)),), learning_rate=1e-3, warmup=100, ema=0.998)


@dataclass(frozen=True)
class RecommendPlan:
    """How long, and what the generator is held to.

    Attributes:
        plan: steps, batch, rates of both players, checkpoints.
        objective: of the game, a name in `fitting.gan.OBJECTIVES`.
        adversarial, contrastive, seeking: weights of the generator's three terms.
        draws: of the generator for each shopper of a batch.
        candidates: items that a choice is held against; all of them in smaller catalogues.
        drop: share of shoppers from whom each block of the condition is taken.
        hide: share of the numbers of history tokens... see `ConditionEncoder`.
    """

    plan: Plan = PLAN
    objective: str = "hinge"
    adversarial: float = 0.3
    contrastive: float = 1.0
    seeking: float = 0.05
    mismatched: bool = True
    draws: int = 4
    candidates: int = 4096
    drop: float = 0.0
    decay: float = 0.0


class RecommendGame:
    """Both players and their optimisers; `step` by `step`."""

    def __init__(self, source: ChoiceSource, shape: TasteConfig, config: RecommendPlan, seed: int = 0) -> None:
        self.source, self.config, self.shape, self.seed = source, config, shape, seed
        with torch.random.fork_rng(devices=[]):  # initial weights depend on the seed and on nothing before
            torch.manual_seed(seed)
            generator, discriminator = Generator(shape), Discriminator(shape)
        if config.objective != "wgan-gp":
            spectral_norm(discriminator.body)
        rate = config.plan.learning_rate
        self.game = Game(generator, discriminator, GanConfig(config.objective, rate, rate, ema=config.plan.ema))
        for group in self.game.generator_adam.param_groups:
            group["weight_decay"] = config.decay

    def step(self, step: int) -> dict[str, float]:
        """A step of the discriminator, and one of the generator when it is its turn."""
        config, game = self.config, self.game
        for adam in (game.generator_adam, game.discriminator_adam):
            for group in adam.param_groups:
                group["lr"] = config.plan.rate_at(step)
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        choices = self.source.batch(step, config.plan.stage_at(step).batch)
        condition = choices.condition.dropped(config.drop, random) if config.drop else choices.condition
        report: dict[str, float] = {}
        if config.adversarial:
            report |= self._discriminator_step(choices, condition, random)
            if not game.generator_is_next:
                return report
        return report | self._generator_step(choices, condition, random)

    def _discriminator_step(self, choices: Choices, condition: Condition, random: torch.Generator) -> dict[str, float]:
        game = self.game
        real = self.source.features[choices.chosen]
        noise = torch.randn(len(condition), self.shape.noise, generator=random)
        others = condition.take(torch.arange(len(condition)).roll(1))

        def scores(feature: Tensor) -> Tensor:
            return game.discriminator(feature, condition)

        def mismatched(feature: Tensor) -> Tensor:
            return game.discriminator(feature, others)

        return game.discriminator_step(
            real, lambda: game.generator(noise, condition), scores, mismatched if self.config.mismatched else None, random
        )

    def _generator_step(self, choices: Choices, condition: Condition, random: torch.Generator) -> dict[str, float]:
        game, config = self.game, self.config
        noise = torch.randn(len(condition), config.draws, self.shape.noise, generator=random)

        def scores(drawn: Tensor) -> Tensor:
            if not config.adversarial:
                return drawn.new_zeros(1)
            return config.adversarial * game.discriminator(drawn[:, 0], condition)

        def others(drawn: Tensor) -> dict[str, Tensor]:
            losses = {"contrastive": config.contrastive * self.contrastive(drawn, choices, random)}
            if config.seeking and config.draws > 1:
                losses["seeking"] = config.seeking * mode_seeking(drawn, noise)
            return losses

        return game.generator_step(lambda: game.generator.draws(condition, noise), scores, others)

    def contrastive(self, drawn: Tensor, choices: Choices, random: torch.Generator) -> Tensor:
        """Minus the log likelihood of what was chosen, among candidates that the shopper had not."""
        number = len(self.source.features)
        if number <= self.config.candidates:
            place, candidates = torch.arange(number), self.source.features
        else:
            sampled = torch.randint(number, (self.config.candidates,), generator=random)
            wanted = torch.cat([sampled, choices.items]).unique()
            place = torch.full((number,), -1)
            place[wanted] = torch.arange(len(wanted))
            candidates = self.source.features[wanted]
        logits = density(drawn, candidates, self.game.generator.sharpness)
        known = place[choices.known_items]
        had = torch.zeros_like(logits, dtype=torch.bool)
        had[choices.known_rows[known >= 0], known[known >= 0]] = True
        likely = logits.masked_fill(had, -1e9).log_softmax(1)[choices.rows, place[choices.items]]
        share = 1 / torch.bincount(choices.rows, minlength=len(drawn)).clamp(min=1)[choices.rows]
        return -(likely * share).sum() / len(drawn)

    def taste(self) -> Taste:
        """The players as they are used: the generator's average, the discriminator without its bound's machinery."""
        taste = Taste(self.shape)
        taste.generator.load_state_dict(self.game.average.state_dict())
        bare = copy.deepcopy(self.game.discriminator)
        for module in bare.modules():
            if parametrize.is_parametrized(module):
                parametrize.remove_parametrizations(module, "weight")
        taste.discriminator.load_state_dict(bare.state_dict())
        return taste.eval()


def mode_seeking(drawn: Tensor, noise: Tensor) -> Tensor:
    """How alike draws are for how unlike their noise is: (B, K, D) and (B, K, Z) -> minus a mean ratio."""
    apart = (drawn[:, 0] - drawn[:, 1]).norm(dim=1)
    return -(apart / (noise[:, 0] - noise[:, 1]).norm(dim=1)).mean()
