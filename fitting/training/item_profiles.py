"""Training item profiles: both players on described garments, and both plain alternatives beside them.

The discriminator sees a garment with its description (real), a draw for the description (fake), and a garment with
somebody else's description (a mismatched pair, fake too). The generator hears its verdict and two more terms: a
contrastive one, that its draw be nearer its own garment than others of the batch (van den Oord et al. 2018,
arXiv:1807.03748), and mode seeking (Mao et al. 2019, arXiv:1903.05628).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fitting import weights
from fitting.attributes import Description, numbers
from fitting.gan import Game, GanConfig, bare, spectral_norm
from fitting.looks import network_name
from fitting.profiles import Discriminator, Generator, Linear, Neighbours, ProfileConfig, Profiles
from fitting.training.described import Described, pictured, sample_shop
from fitting.training.game import keep, restore, set_rate
from fitting.training.loop import Plan, Stage
from fitting.training.recommend import mode_seeking
from fitting.training.steps import Steps

log = logging.getLogger(__name__)

SHARES = {"sample": 0.4, "synthetic": 0.3, "cc0": 0.3}  # of a batch: a shop's pictures are what profiles stand in for
PENALTIES = (10.0, 30.0, 100.0)
COUNTS, NEARNESS = (3, 5, 10, 20), (2.0, 4.0, 8.0)
FOLDS = 4
Plain = Linear | Neighbours


@dataclass(frozen=True)
class ProfilePlan:
    """How the players are trained.

    Attributes:
        plan: steps, batch, rates, checkpoints.
        objective: of the game, a name in `fitting.gan.OBJECTIVES`.
        adversarial, contrastive, seeking: weights of the generator's terms; without the first, there is no
            discriminator's turn.
        alone: steps in which the discriminator learns by itself.
        generator_share: the generator's rate as a share of the discriminator's.
    """

    plan: Plan = field(default_factory=lambda: Plan((Stage(200, 64, (1, 1)),), learning_rate=1e-3, warmup=50, ema=0.99))
    objective: str = "nonsaturating"
    adversarial: float = 0.2
    contrastive: float = 1.0
    seeking: float = 0.05
    alone: int = 20
    generator_share: float = 0.5


class Source:
    """Batches, each a pure function of its step.

    Args:
        found: described garments.
        seed: of all that is drawn.
    """

    def __init__(self, found: Described, seed: int = 0) -> None:
        self.embeddings, self._seed = found.embeddings, seed
        self.said = torch.stack([_numbers(found, part) for part in (whole, title_alone, fields_alone)], 1)
        self.weight = weight_of(found)

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """(B, given) and (B, embedding): of every second garment all is said, else a title or the fields alone."""
        random = np.random.default_rng((self._seed, step))
        share = self.weight.numpy().astype(np.float64)
        picked = torch.from_numpy(random.choice(len(share), size, p=share / share.sum()))
        part = torch.from_numpy(random.choice(3, size, p=(0.5, 0.25, 0.25)))
        return self.said[picked, part], self.embeddings[picked]


def whole(said: Description) -> Description:
    return said


def title_alone(said: Description) -> Description:
    return Description(said.category, said.title)


def fields_alone(said: Description) -> Description:
    return replace(said, title="", text="")


def weight_of(found: Described) -> Tensor:
    """(N,) how much each garment counts, so that sources have their `SHARES`."""
    weight = np.ones(len(found))
    for source, share in SHARES.items():
        own = found.of(source)
        weight[own] = share / max(own.sum(), 1)
    return torch.from_numpy(weight / weight.mean()).float()


def _numbers(found: Described, part: Callable[[Description], Description]) -> Tensor:
    return torch.from_numpy(np.stack([_known(part(one)) for one in found.said]))


_known = lru_cache(1 << 14)(numbers)  # the same garments are told again for every seed


class ProfileGame:
    """Both players and their optimisers; `step` by `step`."""

    def __init__(self, source: Source, shape: ProfileConfig, config: ProfilePlan, start: Linear, seed: int = 0) -> None:
        self.source, self.shape, self.config, self.seed = source, shape, config, seed
        with torch.random.fork_rng(devices=[]):  # first weights depend on the seed and on nothing before
            torch.manual_seed(seed)
            generator, discriminator = Generator(shape), Discriminator(shape)
            if config.objective != "wgan-gp":
                spectral_norm(discriminator.body)
        generator.guess.load_state_dict(start.map.state_dict())
        rate = config.plan.learning_rate
        self.generator, self.discriminator = generator, discriminator
        self.game = Game(generator, discriminator, GanConfig(config.objective, rate, rate, ema=config.plan.ema))
        self.game.generator_adam.param_groups[0]["share"] = config.generator_share

    def step(self, step: int) -> dict[str, float]:
        """A step of the discriminator, and one of the generator when it is its turn."""
        config, game = self.config, self.game
        set_rate(game, config.plan.rate_at(step))
        said, real = self.source.batch(step, config.plan.stage_at(step).batch)
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        noise = torch.randn(len(said), 2, self.shape.noise, generator=random)
        report: dict[str, float] = {}
        with torch.random.fork_rng(devices=[]):  # dropout knows no generator of one's own
            torch.manual_seed(self.seed * 1_000_003 + step)
            if config.adversarial:
                report |= game.discriminator_step(
                    real,
                    lambda: self.generator(noise[:, 0], said),
                    lambda embedding: self.discriminator(embedding, said),
                    lambda embedding: self.discriminator(embedding, said.roll(1, 0)),
                    random,
                )
            turn = step + 1 - config.alone
            if not config.adversarial or (turn > 0 and turn % game.objective.critic_steps == 0):
                report |= self._generator_step(said, real, noise)
        return report

    def _generator_step(self, said: Tensor, real: Tensor, noise: Tensor) -> dict[str, float]:
        config = self.config

        def scores(drawn: Tensor) -> Tensor:
            if not config.adversarial:
                return drawn.new_zeros(1)
            return config.adversarial * self.discriminator(drawn[:, 0], said)

        def others(drawn: Tensor) -> dict[str, Tensor]:
            losses = {"contrastive": config.contrastive * contrastive(drawn, real, self.generator.log_sharpness.exp())}
            if config.seeking:
                losses["seeking"] = config.seeking * mode_seeking(drawn, noise)
            return losses

        return self.game.generator_step(lambda: self.generator(noise, said[:, None].expand(-1, 2, -1)), scores, others)


def contrastive(drawn: Tensor, real: Tensor, sharpness: Tensor) -> Tensor:
    """Minus the log likelihood of each garment among those of the batch, under the density of its draws (B, K, D)."""
    logits = torch.logsumexp(sharpness * torch.einsum("bkd,nd->bkn", drawn, real), 1)
    return F.cross_entropy(logits, torch.arange(len(real)))


def train_players(
    found: Described,
    start: Profiles,
    config: ProfilePlan | None = None,
    seed: int = 0,
    folder: Path | None = None,
    minutes: float | None = None,
    resume: bool = False,
) -> Profiles:
    """Train both players from the linear guess on.

    Args:
        start: with the plain alternatives, see `fit_plain`; it is not changed.
        folder: for checkpoints and the log; None keeps nothing.
        minutes: stop, with a checkpoint, after this long.
        resume: go on from the folder's checkpoint.
    """
    config = config or ProfilePlan()
    players = ProfileGame(Source(found, seed), start.config, config, start.linear, seed)
    described = {"config": asdict(config), "shape": asdict(start.config), "seed": seed}
    first = restore(folder, described, players.game) if resume else 0
    rounds = Steps(config.plan, first, partial(keep, folder, plan=described, game=players.game), folder, minutes)
    for step in rounds:
        rounds.report(players.step(step))
    return _joined(start, players.game)


def _joined(start: Profiles, game: Game) -> Profiles:
    """The players beside the plain alternatives, in evaluation mode; numbers are rounded as saving does."""
    profiles = Profiles(start.config)
    profiles.load_state_dict(start.state_dict())
    profiles.generator.load_state_dict(game.average.state_dict())
    profiles.discriminator.load_state_dict(bare(game.discriminator))
    return profiles.half().float().eval()


def fit_plain(found: Described, shape: ProfileConfig) -> Profiles:
    """Untrained players, and both plain alternatives, whose numbers are those by which the rest foretells the shop's
    own garments best."""
    own = np.flatnonzero(found.of("sample")) if found.of("sample").any() else np.arange(len(found))
    fold = np.random.default_rng(0).permutation(len(own)) % FOLDS
    said, weight = found.numbers(), weight_of(found)

    def foretold(fit: Callable[[Tensor, Tensor, Tensor], Plain]) -> float:
        right = []
        for one in range(FOLDS):
            out = own[fold == one]
            kept = np.setdiff1d(np.arange(len(found)), out)
            made = fit(said[kept], found.embeddings[kept], weight[kept])(said[out])
            right += beaten(made, found.embeddings[own], np.flatnonzero(fold == one)).tolist()
        return float(np.mean(right))

    penalty = max(PENALTIES, key=lambda tried: foretold(partial(_ridge, shape, tried)))
    pairs = [(count, near) for count in COUNTS for near in NEARNESS]
    count, near = max(pairs, key=lambda tried: foretold(partial(_nearest, shape, *tried)))
    log.info("ridge %g, %d neighbours at %g", penalty, count, near)
    profiles = Profiles(replace(shape, known=len(found), neighbours=count, near=near))
    profiles.linear = _ridge(profiles.config, penalty, said, found.embeddings, weight)
    profiles.neighbours = _nearest(profiles.config, count, near, said, found.embeddings, weight)
    return profiles.half().float().eval()


def _ridge(shape: ProfileConfig, penalty: float, said: Tensor, embeddings: Tensor, weight: Tensor) -> Linear:
    return Linear(shape).fit(said, embeddings, weight, penalty)


def _nearest(
    shape: ProfileConfig, count: int, near: float, said: Tensor, embeddings: Tensor, weight: Tensor
) -> Neighbours:
    made = Neighbours(replace(shape, known=len(said), neighbours=count, near=near))
    made.said.copy_(said)
    made.embeddings.copy_(embeddings)
    return made


@torch.no_grad()
def beaten(made: Tensor, garments: Tensor, own: NDArray[np.int64]) -> Tensor:
    """(B,) of each made embedding: the share of other garments that are less like it than its own (its AUC).

    Args:
        made: (B, D).
        garments: (N, D) to be found.
        own: (B,) the place of each one's own.
    """
    cosine = made @ garments.T
    mine = cosine.gather(1, torch.from_numpy(own)[:, None])
    return ((cosine < mine).sum(1) + 0.5 * ((cosine == mine).sum(1) - 1)) / (len(garments) - 1)


def learned_from(data: Path, folder: Path) -> Described:
    """All that may be learned from: the sample shop, and the training splits of garments with pictures."""
    return sample_shop() + pictured(data, folder / "looks", "train")


def train_profiles(data: Path, folder: Path, minutes: float | None = None, resume: bool = False) -> Profiles:
    """Train item profiles on the data folder and the sample shop, and save them to `folder/weights`."""
    found = learned_from(data, folder)
    log.info("%d garments", len(found))
    start = fit_plain(found, ProfileConfig(served="linear", network=network_name()))
    profiles = train_players(found, start, None, 0, folder, minutes, resume)
    weights.save(profiles, folder / "weights" / "profiles")
    weights.record("profiles", folder / "weights")
    return profiles
