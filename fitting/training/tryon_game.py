"""The try-on GAN proper: generator and discriminator take turns on what FlowNet has laid on.

Where there is a true picture the generator is held to it (L1 and perceptual, inside the edit region); everywhere,
also where real people wear garments that they never wore, the discriminator judges. FlowNet is kept as it is.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitting.flow_net import FlowNet
from fitting.frame import NET
from fitting.gan import Game, GanConfig
from fitting.generator import Discriminator, Drawn, Generator, generator_input
from fitting.images import to_image, to_pixels
from fitting.precision import quick
from fitting.training.game import keep, restore, set_rate
from fitting.training.loop import Batch, Plan, Stage, batches
from fitting.training.perceptual import Perceptual
from fitting.training.steps import Steps
from fitting.training.tryon_data import TryOnBatches
from fitting.training.tryon_flow import dice, tiled
from fitting.warp import warp

log = logging.getLogger(__name__)


PLAN = Plan(stages=(Stage(1500, 8, NET),), learning_rate=5e-4, warmup=100, ema=0.995)


@dataclass(frozen=True)
class GamePlan:
    """How long, and what the generator is held to.

    Attributes:
        plan: steps, rates (of both players) and checkpoints.
        alone: first steps without discriminator.
        adversarial: weight of the discriminator's verdict; 0 for the ablation without one.
        likeness, perceptual, alpha: weights of L1, perceptual distance and the mask.
    """

    plan: Plan = PLAN
    alone: int = 600
    adversarial: float = 0.2
    likeness: float = 15.0
    perceptual: float = 0.5
    alpha: float = 1.0


@dataclass(frozen=True)
class Laid:
    """A batch laid on by FlowNet, ready for the generator."""

    told: Tensor
    warped: Tensor
    mask: Tensor
    cut: Tensor
    scene: Tensor  # what the discriminator is told: agnostic and edit region


class TryOnGame:
    """Both players, their optimisers and averages; `step` by `step`."""

    def __init__(self, flow_net: FlowNet, config: GamePlan, start: Generator | None = None) -> None:
        self.flow_net, self.config = flow_net.eval().requires_grad_(False), config
        rate = config.plan.learning_rate
        gan = GanConfig("hinge", rate, rate, ema=config.plan.ema)
        self.game = Game((start or Generator()).train(), Discriminator().train(), gan)
        self.perceptual = Perceptual()
        for net in (self.flow_net, self.game.generator, self.game.discriminator, self.perceptual):
            net.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def lay(self, batch: Batch) -> Laid:
        return lay_on(self.flow_net, batch)

    def step(self, step: int, batch: Batch) -> dict[str, float]:
        """One step of each player; the discriminator rests while the generator trains alone."""
        judged = step >= self.config.alone and self.config.adversarial > 0
        set_rate(self.game, self.config.plan.rate_at(step))
        laid = self.lay(batch)

        def fake() -> Tensor:
            return self.game.generator(laid.told).over(batch["under"], laid.warped, batch["edit"])

        def scores(picture: Tensor) -> Tensor:
            return self.game.discriminator(picture, laid.scene)

        report: dict[str, float] = {}
        with quick(batch["under"].device):
            if judged:
                report |= self.game.discriminator_step(batch["target"], fake, scores)
            report |= self._generator_step(batch, laid, scores if judged else None)
        return report

    def _generator_step(self, batch: Batch, laid: Laid, scores: Any) -> dict[str, float]:
        drawn: list[Drawn] = []

        def fake() -> Tensor:
            drawn[:] = [self.game.generator(laid.told)]
            return drawn[0].over(batch["under"], laid.warped, batch["edit"])

        def verdict(picture: Tensor) -> Tensor:
            return picture.new_zeros(1) if scores is None else scores(picture)

        def others(picture: Tensor) -> dict[str, Tensor]:
            return self.losses(batch, laid, drawn[0], picture)

        weight = self.config.adversarial
        return self.game.generator_step(fake, lambda picture: verdict(picture) * weight, others)

    def losses(self, batch: Batch, laid: Laid, drawn: Drawn, picture: Tensor) -> dict[str, Tensor]:
        """What the generator is held to beside the discriminator's verdict."""
        paired, edit = batch["paired"], batch["edit"]
        # Without a true picture: stay near what is laid on, in the large.
        plain = torch.lerp(batch["under"], laid.warped, batch["cover"] * laid.cut * edit)
        truth = torch.where(paired[:, None, None, None] > 0, batch["target"], plain)
        area = edit.sum((1, 2, 3)).clamp(min=100) * 3
        error = ((picture - truth).abs() * edit).sum((1, 2, 3)) / area
        likeness = (error * torch.where(paired > 0, 1.0, 0.25)).mean()
        some = paired > 0
        losses = {"likeness": self.config.likeness * likeness}
        if some.any():
            # The rest of the picture is the photo's own: replaced, so that it adds nothing.
            shown = torch.lerp(batch["target"], picture, (edit > 0).float())
            losses["perceptual"] = self.config.perceptual * self.perceptual(shown[some], batch["target"][some]).mean()
        wanted = batch["cover"] * edit
        alpha = F.l1_loss(drawn.alpha * edit, wanted, reduction="none").mean((1, 2, 3)) * 4
        losses["alpha"] = self.config.alpha * (alpha + 0.3 * dice(drawn.alpha * edit, wanted)).mean()
        losses["shade"] = 0.3 * ((drawn.shade - 1).square() * drawn.alpha.detach()).mean()
        losses["change"] = 0.05 * drawn.change.abs().mean()
        return losses


@torch.no_grad()
def lay_on(flow_net: nn.Module, batch: Batch) -> Laid:
    """FlowNet's answer to a batch, as the generator is told it."""
    with quick(batch["under"].device):
        found = flow_net(batch["scene"], batch["garment"])
    big = F.interpolate(torch.cat([found.mask, found.parts], 1).float(), size=NET, mode="bilinear")
    cloth = warp(batch["cloth"], found.flow)
    mask, parts = big[:, :1].sigmoid() * cloth[:, 3:], big[:, 1:].softmax(1)
    joints = batch["scene"][:, 3:20]
    edit, under = batch["edit"], batch["under"]
    told = generator_input(under, cloth, mask, edit, parts, joints)
    scene = torch.cat([(batch["scene"][:, :3] + 1) / 2, edit], 1)
    told, scene = (t.contiguous(memory_format=torch.channels_last) for t in (told, scene))
    return Laid(told, cloth[:, :3], mask, cloth[:, 3:], scene)


def train_game(
    make: TryOnBatches,
    flow_net: FlowNet,
    folder: Path,
    config: GamePlan,
    minutes: float | None = None,
    resume: bool = False,
    start: Generator | None = None,
) -> Generator:
    """Train both players and return the generator's average; checkpoints, log and sheets go to `folder`.

    The generator begins anew or from `start`, which is changed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    players = TryOnGame(flow_net, config, start)
    first = restore(folder, asdict(config), players.game) if resume else 0
    shown = make(10**7, Stage(1, 16, NET))

    def keeper(done: int) -> None:
        keep(folder, done, asdict(config), players.game)
        to_image(to_pixels(game_sheet(players, shown))).save(folder / f"preview-{done:06d}.png")

    rounds = Steps(config.plan, first, keeper, folder, minutes, every=50)
    for step, batch in rounds.through(batches(config.plan, first, make)):
        rounds.report(players.step(step, batch))
        if step + 1 == config.alone and config.adversarial > 0:
            # From here a game without discriminator goes another way: kept, so that it need not be played twice.
            keep(folder / "before", step + 1, asdict(replace(config, adversarial=0.0)), players.game)
    trained = Generator(start.config if start else None)
    trained.load_state_dict(players.game.average.state_dict())
    return trained.eval()


@torch.no_grad()
def game_sheet(players: TryOnGame, batch: Batch) -> Tensor:
    """Photo, garment, laid on by the flow, result, truth: (3, H, W) in [0, 1], three samples a row."""
    laid = players.lay(batch)
    drawn = players.game.average(laid.told)
    picture = drawn.over(batch["under"], laid.warped, batch["edit"])
    plain = torch.lerp(batch["under"], laid.warped, laid.mask * batch["edit"])
    garment = (batch["garment"][:, :3] + 1) / 2
    return tiled(torch.cat([batch["photo"], garment, plain, picture, batch["target"]], 3), 3)
