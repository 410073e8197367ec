"""Training the writer of short fit notes: by maximum likelihood, and from there on as a GAN.

Published evidence says that the first alone wins (Caccia et al. 2020, arXiv:1811.02549); `fitting evaluate reviews`
measures it. The GAN begins where maximum likelihood ends: its discriminator sees a real note (real), a note drawn by
the generator about the same (fake), and a real note told to be about something else (a mismatched pair, fake too).
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitting import weights
from fitting.gan import Game, GanConfig
from fitting.note_net import About, NoteConfig, NoteDiscriminator, NoteGenerator, Notes, likelihood
from fitting.training.game import keep, restore
from fitting.training.loop import Batch, Plan, Stage, train
from fitting.training.reviews_data import read_notes, tensors, vocabulary
from fitting.training.steps import Steps

log = logging.getLogger(__name__)

DROP = 0.1  # share of notes whose category, rating, recommendation or age is not told
LIKELIHOOD = Plan((Stage(1200, 64, (1, 1)),), learning_rate=4e-3, warmup=100, weight_decay=0.01, ema=0.995)
ADVERSARIAL = Plan((Stage(160, 48, (1, 1)),), learning_rate=2e-4, warmup=10, ema=0.98, checkpoint_minutes=2.0)


@dataclass(frozen=True)
class NotePlan:
    """How the writer is trained.

    Attributes:
        likelihood: steps, batch and rate of the first part.
        adversarial: of the game; its rate is the discriminator's.
        objective: of the game, a name in `fitting.gan.OBJECTIVES`.
        generator_share: the generator's rate as a share of the discriminator's.
        alone: steps in which the discriminator learns by itself.
        heat: of the Gumbel-softmax, at the first and at the last step; between them it falls by equal shares.
    """

    likelihood: Plan = field(default_factory=lambda: LIKELIHOOD)
    adversarial: Plan = field(default_factory=lambda: ADVERSARIAL)
    objective: str = "hinge"
    generator_share: float = 0.5
    alone: int = 40
    heat: tuple[float, float] = (1.0, 0.3)


class NoteSource:
    """Batches of notes of about one length, each a pure function of its step."""

    def __init__(self, written: Tensor, about: About, seed: int = 0) -> None:
        self.written, self.about, self._seed = written, about, seed
        self._length = (written != 0).sum(1).numpy()

    def __len__(self) -> int:
        return len(self.written)

    def batch(self, step: int, size: int) -> tuple[Tensor, About]:
        """(B, L) words and what they are about."""
        random = np.random.default_rng((self._seed, step))
        order = np.lexsort((random.random(len(self)), self._length))
        start = int(random.integers(0, max(len(self) - size, 0) + 1))
        rows = torch.from_numpy(order[start : start + size])
        return self.written[rows][:, : max(self._length[rows].max(), 1)], self.about.take(rows)


def train_likelihood(
    source: NoteSource,
    shape: NoteConfig,
    plan: NotePlan,
    folder: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 0,
) -> Notes:
    """The writer as a language model."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = NoteGenerator(shape)

    def batch_of(step: int, stage: Stage) -> Batch:
        written, about = source.batch(step, stage.batch)
        told = about.dropped(DROP, torch.Generator().manual_seed(step))
        return {"words": written, "about": torch.stack(told.blocks, 1)}

    def losses_of(net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        loss = likelihood(net(batch["words"], About(*batch["about"].T)), batch["words"])
        return {"likelihood": loss.sum() / (loss > 0).sum().clamp(min=1)}

    ema = train(generator, plan.likelihood, batch_of, losses_of, folder, minutes, resume)
    return _whole(ema, shape)


class NoteGame:
    """Both players, from a trained writer on; `step` by `step`."""

    def __init__(self, source: NoteSource, start: Notes, plan: NotePlan, seed: int = 0) -> None:
        self.source, self.plan, self.seed = source, plan, seed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            discriminator = NoteDiscriminator(start.config)
        generator = NoteGenerator(start.config)
        generator.load_state_dict(start.generator.state_dict())
        rate = plan.adversarial.learning_rate
        own = GanConfig(plan.objective, rate * plan.generator_share, rate, ema=plan.adversarial.ema)
        self.generator, self.discriminator = generator, discriminator
        self.game = Game(generator, discriminator, own)
        self._size = len(start.config.words)

    def heat(self, step: int) -> float:
        first, last = self.plan.heat
        return first * (last / first) ** (step / max(self.plan.adversarial.steps - 1, 1))

    def step(self, step: int) -> dict[str, float]:
        """A step of the discriminator and, when it is its turn, one of the generator."""
        game = self.game
        words, about = self.source.batch(step, self.plan.adversarial.stage_at(step).batch)
        real = F.one_hot(F.pad(words, (0, max(1, 6 - words.shape[1]))), self._size).float()
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        length = real.shape[1]

        def fake() -> Tensor:
            return self.generator.roll(about, random, self.heat(step), length)

        others = about.take(torch.arange(len(about)).roll(1))
        with torch.random.fork_rng(devices=[]):  # dropout knows no generator of one's own
            torch.manual_seed(self.seed * 1_000_003 + step)
            report = game.discriminator_step(
                real,
                fake,
                lambda notes: self.discriminator(notes, about),
                lambda notes: self.discriminator(notes, others),
                random,
            )
            turn = step + 1 - self.plan.alone
            if turn > 0 and turn % game.objective.critic_steps == 0:
                report |= game.generator_step(fake, lambda notes: self.discriminator(notes, about))
        return report


def train_adversarial(
    source: NoteSource,
    start: Notes,
    plan: NotePlan,
    folder: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 0,
) -> Notes:
    """The writer as a generator, from what maximum likelihood has taught it on."""
    players = NoteGame(source, start, plan, seed)
    described = {"plan": asdict(plan), "shape": asdict(start.config), "seed": seed}
    first = restore(folder, described, players.game) if resume else 0
    folder.mkdir(parents=True, exist_ok=True)
    keeper = partial(keep, folder, plan=described, game=players.game)
    rounds = Steps(plan.adversarial, first, keeper, folder, minutes, every=20)
    for step in rounds:
        rounds.report(players.step(step))
    return _whole(players.game.average, start.config)


def _whole(generator: nn.Module, shape: NoteConfig) -> Notes:
    """The writer in evaluation mode; numbers are rounded as saving does."""
    notes = Notes(shape)
    notes.generator.load_state_dict(generator.state_dict())
    return notes.half().float().eval()


def train_reviews(
    data: Path, folder: Path, minutes: float | None = None, resume: bool = False, plan: NotePlan | None = None
) -> dict[str, Notes]:
    """Train the writer both ways and save both under `folder/weights`: `likelihood`, which is also what is served and
    therefore saved as `reviews`, and `adversarial`."""
    plan = plan or NotePlan()
    notes = read_notes(data, "train")
    shape = NoteConfig(vocabulary(notes))
    source = NoteSource(*tensors(notes, shape.words))
    log.info("%d notes, %d words", len(source), len(shape.words))
    began = time.monotonic()
    both = {"likelihood": train_likelihood(source, shape, plan, folder / "likelihood", minutes, resume)}
    left = None if minutes is None else max(0.0, minutes - (time.monotonic() - began) / 60)
    if left is None or left > 0:
        both["adversarial"] = train_adversarial(source, both["likelihood"], plan, folder / "adversarial", left, resume)
    for name, made in {**both, "reviews": both["likelihood"]}.items():
        weights.save(made, folder / "weights" / name)
        weights.record(name, folder / "weights")
    return both
