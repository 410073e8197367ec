"""Training the recommender: both players on what shoppers chose, held to it by a contrastive term.

The discriminator sees three things: an item that the shopper chose (real), a draw of the generator (fake), and an
item that somebody else chose (a mismatched pair, fake too). The generator hears its verdict, and two more terms: a
contrastive one, the likelihood of the chosen items under the density of its draws among many candidates (van den
Oord et al. 2018, arXiv:1807.03748), and mode seeking (Mao et al. 2019, arXiv:1903.05628), which pays for draws that
differ where their noise differs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fitting.condition import Condition, TasteConfig
from fitting.gan import Game, GanConfig, bare, spectral_norm
from fitting.recommend import Discriminator, Generator, Taste
from fitting.training.candidates import Candidates, some_chosen
from fitting.training.choices import Choices, ChoiceSource
from fitting.training.game import keep, restore, set_rate
from fitting.training.loop import Plan, Stage
from fitting.training.steps import Steps

log = logging.getLogger(__name__)

WATCHED = 50  # steps
PLAN = Plan(stages=(Stage(600, 64, (1, 1)),), learning_rate=1e-3, warmup=50, ema=0.995)


@dataclass(frozen=True)
class RecommendPlan:
    """How long, and what the generator is held to.

    Attributes:
        plan: steps, batch, rates of both players, checkpoints.
        objective: of the game, a name in `fitting.gan.OBJECTIVES`.
        adversarial, contrastive, seeking: weights of the generator's three terms; without the first, there is no
            discriminator's turn.
        mismatched: whether the discriminator sees mismatched pairs.
        draws: of the generator for each shopper of a batch.
        candidates: items that a choice is held against; all of them in smaller catalogues.
        top: of these the contrastive term looks at so many, those of the highest density; None for all.
        generator_share: the generator's learning rate as a share of the discriminator's (Heusel et al. 2017,
            arXiv:1706.08500).
        guess_share, kernel_share: the same for its first guess (the weighted sum of the history) and for the width
            of its kernels; as the others' if None.
        alone: steps in which the discriminator learns by itself before the generator listens to it.
        drop: share of shoppers from whom each block of the condition is taken.
    """

    plan: Plan = PLAN
    objective: str = "hinge"
    adversarial: float = 0.3
    contrastive: float = 1.0
    seeking: float = 0.05
    mismatched: bool = True
    draws: int = 4
    candidates: int = 4096
    top: int | None = None
    generator_share: float = 1.0
    guess_share: float | None = None
    kernel_share: float | None = None
    alone: int = 0
    drop: float = 0.0

    def with_steps(self, steps: int) -> RecommendPlan:
        stage = self.plan.stages[0]
        return replace(self, plan=replace(self.plan, stages=(Stage(steps, stage.batch, stage.size),)))


class RecommendGame:
    """Both players and their optimisers; `step` by `step`."""

    def __init__(self, source: ChoiceSource, shape: TasteConfig, config: RecommendPlan, seed: int = 0) -> None:
        self.source, self.config, self.shape, self.seed = source, config, shape, seed
        with torch.random.fork_rng(devices=[]):  # first weights depend on the seed and on nothing before
            torch.manual_seed(seed)
            generator, discriminator = Generator(shape), Discriminator(shape)
            if config.objective != "wgan-gp":  # whose penalty bounds the critic already
                spectral_norm(discriminator.body)
        generator.encoder.begin(source.features, source.links)
        discriminator.encoder.begin(source.features, source.links)
        self.generator, self.discriminator = generator, discriminator
        rate = config.plan.learning_rate
        self.game = Game(generator, discriminator, GanConfig(config.objective, rate, rate, ema=config.plan.ema))
        self.game.generator_adam = torch.optim.Adam(_groups(generator, config), rate, self.game.config.betas)

    def step(self, step: int) -> dict[str, float]:
        """A step of the discriminator, and one of the generator when it is its turn."""
        config, game = self.config, self.game
        set_rate(game, config.plan.rate_at(step))
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        choices = self.source.batch(step, config.plan.stage_at(step).batch)
        condition = choices.condition.dropped(config.drop, random) if config.drop else choices.condition
        features = self.source.features if choices.features is None else choices.features
        shelf = Candidates(features, choices, config.candidates, random)
        report: dict[str, float] = {}
        with torch.random.fork_rng(devices=[]):  # dropout knows no generator of one's own
            torch.manual_seed(self.seed * 1_000_003 + step)
            if config.adversarial:
                report |= self._discriminator_step(choices, condition, shelf, random)
            turn = step + 1 - config.alone
            if not config.adversarial or (turn > 0 and turn % game.objective.critic_steps == 0):
                report |= self._generator_step(condition, shelf, random)
        return report

    def _discriminator_step(
        self, choices: Choices, condition: Condition, shelf: Candidates, random: torch.Generator
    ) -> dict[str, float]:
        game, draws = self.game, self.config.draws
        features = self.source.features if choices.features is None else choices.features
        noise = torch.randn(len(condition), draws, self.shape.noise, generator=random)
        told = self.discriminator.told(condition).repeat_interleave(draws, 0)
        others = told.roll(draws, 0)

        def fake() -> Tensor:
            drawn = self.generator.draws(condition, noise)
            return shelf.served(drawn, self.generator.sharpness, random).flatten(0, 1)

        return game.discriminator_step(
            features[some_chosen(choices, draws, random)].flatten(0, 1),
            fake,
            lambda feature: self.discriminator.judged(feature, told),
            (lambda feature: self.discriminator.judged(feature, others)) if self.config.mismatched else None,
            random,
        )

    def _generator_step(self, condition: Condition, shelf: Candidates, random: torch.Generator) -> dict[str, float]:
        game, config = self.game, self.config
        noise = torch.randn(len(condition), config.draws, self.shape.noise, generator=random)
        with torch.no_grad():
            told = self.discriminator.told(condition)[:, None] if config.adversarial else noise

        def scores(drawn: Tensor) -> Tensor:
            if not config.adversarial:
                return drawn.new_zeros(1)
            items = shelf.served(drawn, self.generator.sharpness, random)
            return config.adversarial * self.discriminator.judged(items, told)

        def others(drawn: Tensor) -> dict[str, Tensor]:
            losses = {}
            if config.contrastive:
                likely = shelf.contrastive(drawn, self.generator.sharpness, config.top)
                losses["contrastive"] = config.contrastive * likely
            if config.seeking and config.draws > 1:
                losses["seeking"] = config.seeking * mode_seeking(drawn, noise)
            return losses

        return game.generator_step(lambda: self.generator.draws(condition, noise), scores, others)

    def taste(self) -> Taste:
        """The players as they are used: the generator's average, the discriminator without its bound's machinery.

        Numbers are rounded as they are when saved, so that what is loaded later is the same to the last bit.
        """
        taste = Taste(self.shape)
        taste.generator.load_state_dict(self.game.average.state_dict())
        taste.discriminator.load_state_dict(bare(self.game.discriminator))
        return rounded(taste)


def _groups(generator: Generator, config: RecommendPlan) -> list[dict[str, Any]]:
    """The generator's parameters by the rate at which they learn."""
    encoder, rest = generator.encoder, config.generator_share
    guess = [encoder.sum.weight, *encoder.loudness.parameters()]
    kernel = [generator.log_sharpness]
    apart = {id(parameter) for parameter in (*guess, *kernel)}
    others = [parameter for parameter in generator.parameters() if id(parameter) not in apart]
    own = (config.guess_share, config.kernel_share)
    shares = (rest, *(rest if share is None else share for share in own))
    return [{"params": part, "share": share} for part, share in zip((others, guess, kernel), shares, strict=True)]


def rounded(taste: Taste) -> Taste:
    """Weights in half precision and back, as saving does; in evaluation mode."""
    return taste.half().float().eval()


def mode_seeking(drawn: Tensor, noise: Tensor) -> Tensor:
    """How alike draws are for how unlike their noise is: (B, K, D) and (B, K, Z) -> minus a mean ratio."""
    apart = (drawn[:, 0] - drawn[:, 1]).norm(dim=1)
    return -(apart / (noise[:, 0] - noise[:, 1]).norm(dim=1)).mean()


def train_taste(
    source: ChoiceSource,
    shape: TasteConfig,
    config: RecommendPlan,
    seed: int = 0,
    folder: Path | None = None,
    minutes: float | None = None,
    resume: bool = False,
    steps: int | None = None,
    watch: Callable[[int, Taste], None] | None = None,
) -> Taste:
    """Train both players.

    Args:
        steps: stop after so many of the plan's steps.
        folder: for checkpoints and the log; None keeps nothing.
        minutes: stop, with a checkpoint, after this long.
        resume: go on from the folder's checkpoint.
        watch: is shown the players before the first step and after every fifty.
    """
    players = RecommendGame(source, shape, config, seed)
    first = restore(folder, _described(players), players.game) if resume else 0
    if watch is not None and first == 0:
        watch(0, players.taste())
    keeper = partial(keep, folder, plan=_described(players), game=players.game)
    rounds = Steps(config.plan, first, keeper, folder, minutes, stop=steps)
    for step in rounds:
        rounds.report(players.step(step))
        if watch is not None and (step + 1) % WATCHED == 0:
            watch(step + 1, players.taste())
    return players.taste()


def _described(players: RecommendGame) -> dict[str, Any]:
    return {"config": asdict(players.config), "shape": asdict(players.shape), "seed": players.seed}
