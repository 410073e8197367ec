"""Teaching the generator of garment pictures: a game of two at 64 x 64, then at 128 x 128.

Every real picture is the only one with its exact feature. So that the noise has something to say, a real picture is
judged against its own feature or, half the time, against that of a neighbour (Casanova et al. 2021, IC-GAN,
arXiv:2109.05070). At first, and again when pictures become larger, the generator is also led by the hand: its
picture shall resemble the one that the feature is of, coarsely and in the features that the discriminator sees; that
pull fades.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fitting import weights
from fitting.condition import TasteConfig
from fitting.folding import folded
from fitting.gan import Game, GanConfig, bare, spectral_norm
from fitting.garment_net import GarmentNet
from fitting.images import to_image, to_pixels, to_unit
from fitting.monitors import manifold_scores
from fitting.picture_net import PictureConfig, Pictures, Sight, on_ground
from fitting.precision import quick
from fitting.recommend import Taste
from fitting.training.augmentation import altered
from fitting.training.game import keep, restore, set_rate
from fitting.training.loop import Batch, Plan, Stage, batches
from fitting.training.pictures_data import SIDE, PictureTables, tables
from fitting.training.steps import Steps
from fitting.training.tryon_flow import tiled

log = logging.getLogger(__name__)

PLAN = Plan(
    stages=(Stage(3500, 32, (64, 64)), Stage(3500, 16, (128, 128))),
    learning_rate=1e-3,
    warmup=100,
    ema=0.998,
    checkpoint_minutes=4.0,
)
NEIGHBOURS = 6
SHOWN = 32  # pictures on a preview
MONITORED = 192  # pictures that the collapse monitors compare


@dataclass(frozen=True)
class PicturePlan:
    """How long, and what the generator is held to.

    Attributes:
        plan: steps, rates (of both players) and checkpoints.
        objective: a name in `fitting.gan.OBJECTIVES`.
        guide: weight of the likeness to the picture that the feature is of, at each stage's first step.
        guided: steps over which it fades, to a tenth.
        blur: length of the noise added to features, which have length 1: what is asked for later is no exact copy.
    """

    plan: Plan = field(default=PLAN)
    objective: str = "hinge"
    guide: float = 4.0
    guided: int = 1500
    blur: float = 0.25

    def guide_at(self, step: int) -> float:
        since = step
        for stage in self.plan.stages:
            if since < stage.steps:
                break
            since -= stage.steps
        return self.guide * max(0.1, 1 - 0.9 * since / max(self.guided, 1))


class PictureBatches:
    """Garments and what is asked for: a batch is a pure function of its step."""

    def __init__(self, rows: PictureTables, features: Tensor, config: PicturePlan) -> None:
        """
        Args:
            features: (N, D) of the rows, unit length.
        """
        self.rows, self.features, self.config = rows, features, config
        self.near = neighbours(features, np.array(rows.kinds), NEIGHBOURS)

    def __call__(self, step: int, stage: Stage) -> Batch:
        rng = np.random.default_rng([7, step])
        asked = rng.integers(len(self.features), size=stage.batch)
        other = self.near[asked, rng.integers(NEIGHBOURS, size=stage.batch)]
        shown = np.where(rng.random(stage.batch) < 0.5, asked, other)
        feature = self.features[torch.from_numpy(asked)]
        noise = torch.from_numpy(rng.standard_normal(feature.shape, dtype=np.float32))
        mirrored = torch.from_numpy(rng.random(stage.batch) < 0.5)
        real = self._garments(shown, stage.size[0])
        return {
            "real": torch.where(mirrored[:, None, None, None], real.flip(3), real),
            "like": self._garments(asked, stage.size[0]),
            "feature": F.normalize(feature + noise * (self.config.blur / feature.shape[1] ** 0.5), dim=1),
            "category": torch.from_numpy(np.array(self.rows.kinds[asked])),
            "ground": grounds(stage.batch, rng),
        }

    def _garments(self, places: np.ndarray, side: int) -> Tensor:
        found = to_unit(torch.from_numpy(np.stack([self.rows.pictures[place] for place in places])))
        return found if side == SIDE else F.avg_pool2d(found, SIDE // side)


def neighbours(features: Tensor, kinds: np.ndarray, count: int) -> np.ndarray:
    """(N, count) places of the nearest others of the same kind."""
    cosine = features @ features.T
    kind = torch.from_numpy(kinds)
    cosine.masked_fill_(kind[:, None] != kind[None], -2.0).fill_diagonal_(-3.0)
    return np.asarray(cosine.topk(count, 1).indices)


def grounds(count: int, rng: np.random.Generator) -> Tensor:
    """(count, 3) colours to lay garments on: white half the time, else anything, so that alpha must be right."""
    colours = rng.random((count, 3), dtype=np.float32)
    colours[rng.random(count) < 0.5] = 1.0
    return torch.from_numpy(colours)


class PictureGame:
    """Both players, their optimisers and averages; `step` by `step`."""

    def __init__(self, pictures: Pictures, sight: Sight, config: PicturePlan) -> None:
        self.pictures, self.sight, self.config = pictures, sight, config
        rate = config.plan.learning_rate
        spectral_norm(pictures.judge.heads)
        gan = GanConfig(config.objective, rate, rate, (0.0, 0.99), ema=config.plan.ema)
        self.game = Game(pictures.generator.train(), pictures.judge.train(), gan)
        # The gradient penalty differentiates twice, which half precision does not bear.
        self.half = not self.game.objective.penalty
        for net in (pictures, sight, self.game.average):
            net.to(memory_format=torch.channels_last)

    def step(self, step: int, batch: Batch) -> dict[str, float]:
        """A step of the discriminator, and one of the generator when it is its turn."""
        set_rate(self.game, self.config.plan.rate_at(step))
        turn = _Turn(self, step, batch)
        judged = turn.scores, turn.mismatched, turn.random(3)
        report = self.game.discriminator_step(batch["real"], lambda: turn.fake(0), *judged)
        if self.game.generator_is_next:
            report |= self.game.generator_step(lambda: turn.fake(1), turn.scores, turn.guide)
        return report

    def trained(self, side: int) -> Pictures:
        """The averaged generator, and the discriminator without its norms, for making pictures of this side."""
        found = Pictures(replace(self.pictures.config, side=side))
        found.generator.load_state_dict(self.game.average.state_dict())
        found.judge.load_state_dict(bare(self.game.discriminator))
        found.mean.copy_(self.pictures.mean)
        found.whitening.copy_(self.pictures.whitening)
        return found.eval()

    def half_precision(self) -> torch.autocast:
        return quick(self.pictures.mean.device, self.half)


class _Turn:
    """One step's closures. What was seen of a batch of garments is kept: the same is judged twice."""

    def __init__(self, owner: PictureGame, step: int, batch: Batch) -> None:
        self.owner, self.number, self.batch = owner, step, batch
        self.seen: list[tuple[Tensor, list[Tensor]]] = []

    def random(self, use: int) -> torch.Generator:
        return torch.Generator().manual_seed(self.number * 8 + use)

    def fake(self, use: int) -> Tensor:
        batch, generator = self.batch, self.owner.game.generator
        noise = torch.randn(len(batch["feature"]), self.owner.pictures.config.noise, generator=self.random(use))
        with self.owner.half_precision():
            made: Tensor = generator(noise, batch["feature"], batch["category"], batch["real"].shape[-1])
        return made

    def look(self, garments: Tensor) -> list[Tensor]:
        for known, found in self.seen:
            if known is garments:
                return found
        found = self.owner.sight(on_ground(altered(garments, self.random(2)), self.batch["ground"]))
        self.seen.append((garments, found))
        return found

    def scores(self, garments: Tensor) -> Tensor:
        return self._judged(garments, self.batch["feature"], self.batch["category"])

    def mismatched(self, garments: Tensor) -> Tensor:
        return self._judged(garments, self.batch["feature"].roll(1, 0), self.batch["category"].roll(1, 0))

    def _judged(self, garments: Tensor, feature: Tensor, category: Tensor) -> Tensor:
        with self.owner.half_precision():
            logits: Tensor = self.owner.game.discriminator(self.look(garments), feature, category)
        return logits.float()

    def guide(self, fake: Tensor) -> dict[str, Tensor]:
        """Likeness to the picture that the feature is of: colours of large patches, and what is seen of them."""
        like, weight = self.batch["like"], self.owner.config.guide_at(self.number)
        patch = fake.shape[-1] // 16
        coarse = F.l1_loss(F.avg_pool2d(fake, patch), F.avg_pool2d(like, patch))
        with self.owner.half_precision():
            found = self.look(fake)
            with torch.no_grad():
                wanted = self.look(like)
        apart = [
            (F.normalize(a.float(), dim=1) - F.normalize(b.float(), dim=1)).square().sum(1).mean()
            for a, b in zip(found[1:], wanted[1:], strict=True)
        ]
        return {"coarse": weight * coarse, "likeness": 0.1 * weight * torch.stack(apart).mean()}


def train_pictures(
    data: Path,
    folder: Path,
    minutes: float | None = None,
    resume: bool = False,
    objective: str = "hinge",
    config: PicturePlan | None = None,
) -> Pictures:
    """Train both players.

    With each checkpoint the averaged generator and the discriminator go to `folder`/weights (half precision).

    Args:
        data: the folder with `garments_cc0` and `synthetic`.
        folder: for checkpoints, log and previews; decoded pictures go to `cache/pictures` beside it.
        minutes: stop, with a checkpoint, after this long.
        resume: go on from the checkpoint in `folder`.
        objective: a name in `fitting.gan.OBJECTIVES`; of `config`, if that is given.
        config: instead of the usual one.
    """
    config = config or PicturePlan(objective=objective)
    folder.mkdir(parents=True, exist_ok=True)
    net = folded(weights.load(GarmentNet, "garment"))
    rows = tables(data, folder.parent / "cache" / "pictures", net)
    embeddings = torch.from_numpy(np.array(rows.embeddings))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # runs that are compared begin alike
        pictures = Pictures(PictureConfig())
    whitened = Taste(TasteConfig(given=pictures.config.given, feature=pictures.config.feature))
    whitened.learn_whitening(embeddings)
    pictures.mean.copy_(whitened.mean)
    pictures.whitening.copy_(whitened.whitening)
    make = PictureBatches(rows, pictures.features(embeddings), config)
    players = PictureGame(pictures, Sight(net.encoder, pictures.config.judge), config)
    side = play(players, make, folder, minutes, resume)
    return players.trained(side)


def play(
    players: PictureGame, make: PictureBatches, folder: Path, minutes: float | None = None, resume: bool = False
) -> int:
    """The game itself, logged; checkpoints and previews go to `folder`. Returns the side reached."""
    config, plan = asdict(players.config), players.config.plan
    first = restore(folder, config, players.game) if resume else 0
    reached = first

    def keeper(done: int) -> None:
        side = plan.stage_at(done - 1).size[0]
        keep(folder, done, config, players.game)
        weights.save(players.trained(side), folder / "weights")
        preview(players, make, side).save(folder / f"preview-{done:06d}.png")
        rounds.write(monitored(players, make, side), done)

    rounds = Steps(plan, first, keeper, folder, minutes, every=50)
    for step, batch in rounds.through(batches(plan, first, make)):
        rounds.report(players.step(step, batch))
        reached = step + 1
    return plan.stage_at(max(reached - 1, 0)).size[0]


@torch.no_grad()
def imagined(players: PictureGame, batch: Batch, seed: int) -> Tensor:
    """The averaged generator's answer to a batch (B, 4, side, side)."""
    noise = torch.randn(
        len(batch["feature"]), players.pictures.config.noise, generator=torch.Generator().manual_seed(seed)
    )
    with players.half_precision():
        made: Tensor = players.game.average(noise, batch["feature"], batch["category"], batch["real"].shape[-1])
    return made


def preview(players: PictureGame, make: PictureBatches, side: int) -> Any:
    """The picture that a feature is of, and two that were imagined for it; four such threes a row."""
    batch = make(10**7, Stage(1, SHOWN, (side, side)))
    white = torch.ones(3)
    strips = [on_ground(x, white) for x in (batch["like"], imagined(players, batch, 0), imagined(players, batch, 1))]
    return to_image(to_pixels(tiled(torch.cat(strips, 3), 4)))


@torch.no_grad()
def monitored(players: PictureGame, make: PictureBatches, side: int) -> dict[str, float]:
    """Precision, recall, density and coverage of what is imagined, in what the discriminator sees."""
    found: list[list[Tensor]] = [[], []]
    for part in range(MONITORED // SHOWN):
        batch = make(10**7 + 1 + part, Stage(1, SHOWN, (side, side)))
        for place, garments in enumerate((batch["real"], imagined(players, batch, 2 + part))):
            with players.half_precision():
                seen = players.sight(on_ground(garments, torch.ones(3)))
            found[place].append(torch.cat([x.float().mean((2, 3)) for x in seen], 1))
    return manifold_scores(torch.cat(found[0]), torch.cat(found[1]))


def shortened(config: PicturePlan, steps: int) -> PicturePlan:
    """The same, at 64 x 64 alone and with so many steps: for comparing objectives."""
    return replace(config, plan=replace(config.plan, stages=(Stage(steps, 32, (64, 64)),)))
