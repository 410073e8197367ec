"""The adversarial core that every GAN of the project shares; it knows nothing of what is generated.

A generator G turns noise z and a condition y into a sample; a discriminator D scores samples, given the same
condition, with a logit (a *critic*'s score for the Wasserstein objective). Unconditional GANs are the case
without y. The objectives, with D(x) = sigmoid(logit):

- ``minimax``: min_G max_D E[log D(x, y)] + E[log(1 - D(G(z, y), y))]
  (Goodfellow et al. 2014, arXiv:1406.2661; Mirza and Osindero 2014, arXiv:1411.1784)
- ``nonsaturating``: the same D; G maximises E[log D(G(z, y), y)] (Goodfellow et al. 2014, section 3)
- ``hinge``: Lim and Ye 2017, arXiv:1705.02894
- ``wgan-gp``: Gulrajani et al. 2017, arXiv:1704.00028: Wasserstein distance with a gradient penalty, several
  critic steps to one of the generator
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

Scores = Callable[[Tensor], Tensor]  # samples -> (B, ...) logits, the condition already bound
Losses = dict[str, Tensor]


@dataclass(frozen=True)
class Objective:
    """What each player minimises, from logits of any shape.

    Attributes:
        discriminator: (real logits, fake logits) -> scalar.
        generator: fake logits -> scalar.
        penalty: weight of the gradient penalty on lines between real and fake; 0 for none.
        critic_steps: discriminator steps to one generator step.
    """

    name: str
    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    penalty: float = 0.0
    critic_steps: int = 1


def _cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    # -log sigmoid(a) = softplus(-a); -log(1 - sigmoid(a)) = softplus(a): no overflow at any logit.
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def _hinge(real: Tensor, fake: Tensor) -> Tensor:
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


OBJECTIVES = {
    objective.name: objective
    for objective in (
        # Minimising log(1 - D) = -softplus(logit): flat where D is sure that the sample is fake.
        Objective("minimax", _cross_entropy, lambda fake: -F.softplus(fake).mean()),
        Objective("nonsaturating", _cross_entropy, lambda fake: F.softplus(-fake).mean()),
        Objective("hinge", _hinge, lambda fake: -fake.mean()),
        Objective("wgan-gp", lambda real, fake: fake.mean() - real.mean(), lambda fake: -fake.mean(), 10.0, 5),
    )
}


@dataclass(frozen=True)
class GanConfig:
    """How the two players are trained.

    Attributes:
        objective: a name in `OBJECTIVES`.
        generator_rate, discriminator_rate: Adam's learning rates.
        betas: Adam's decays; the first is low because the game's gradients turn quickly.
        r1: weight of R1 (Mescheder et al. 2018, arXiv:1801.04406), half the squared gradient at real samples.
        r1_every: lazily, at every so many discriminator steps, its weight raised to match (StyleGAN2).
        penalty, critic_steps: instead of the objective's own, where given.
        ema: decay of the generator's moving average.
    """

    objective: str = "nonsaturating"
    generator_rate: float = 2e-4
    discriminator_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    r1: float = 0.0
    r1_every: int = 16
    penalty: float | None = None
    critic_steps: int | None = None
    ema: float = 0.999

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}, not {self.objective!r}")


class Game:
    """A generator and a discriminator that take turns.

    How samples are made stays with the caller: both steps are given closures, so the same game serves feature
    vectors, pictures and texts, with or without conditions.
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module, config: GanConfig) -> None:
        self.generator, self.discriminator, self.config = generator, discriminator, config
        own = OBJECTIVES[config.objective]
        self.objective = replace(
            own,
            penalty=own.penalty if config.penalty is None else config.penalty,
            critic_steps=own.critic_steps if config.critic_steps is None else config.critic_steps,
        )
        self.average = copy.deepcopy(generator).eval().requires_grad_(False)
        betas = config.betas
        self.generator_adam = torch.optim.Adam(generator.parameters(), config.generator_rate, betas)
        self.discriminator_adam = torch.optim.Adam(discriminator.parameters(), config.discriminator_rate, betas)
        self.discriminator_steps = 0
        self.generator_steps = 0

    def discriminator_step(
        self,
        real: Tensor,
        make_fake: Callable[[], Tensor],
        scores: Scores | None = None,
        mismatched: Scores | None = None,
        random: torch.Generator | None = None,
    ) -> dict[str, float]:
        """One step of the discriminator; the generator gets no gradient from it.

        Args:
            real: (B, ...) real samples.
            make_fake: makes fakes of the same shape; run without gradient.
            scores: the discriminator with the batch's condition bound; the bare discriminator by default.
            mismatched: the same with conditions of other samples: real samples that count as fake, so that
                the discriminator must look at the condition (Reed et al. 2016, arXiv:1605.05396).
            random: draws the points of the gradient penalty.
        """
        score = scores or self.discriminator
        with torch.no_grad():
            fake = make_fake()
        losses: Losses = {}
        real_logits, fake_logits = score(real), score(fake)
        losses["discriminator"] = self.objective.discriminator(real_logits, fake_logits)
        if mismatched is not None:
            wrong = self.objective.discriminator(real_logits, mismatched(real))
            losses["discriminator"] = (losses["discriminator"] + wrong) / 2
        if self.objective.penalty:
            losses["penalty"] = self.objective.penalty * gradient_penalty(score, real, fake, random)
        if self.config.r1 and self.discriminator_steps % self.config.r1_every == 0:
            losses["r1"] = self.config.r1 * self.config.r1_every * r1_penalty(score, real)
        _descend(losses, self.discriminator_adam)
        self.discriminator_steps += 1
        report = {name: loss.item() for name, loss in losses.items()}
        return report | {"real": real_logits.mean().item(), "fake": fake_logits.mean().item()}

    def generator_step(
        self,
        make_fake: Callable[[], Tensor],
        scores: Scores | None = None,
        others: Callable[[Tensor], Losses] | None = None,
    ) -> dict[str, float]:
        """One step of the generator; the discriminator's weights stay, and get no gradient.

        Args:
            make_fake: makes fakes, with gradient.
            scores: as for the discriminator's step.
            others: further losses of the fakes, by name.
        """
        with frozen(self.discriminator):
            fake = make_fake()
            losses = {"generator": self.objective.generator((scores or self.discriminator)(fake))}
            losses |= others(fake) if others else {}
            _descend(losses, self.generator_adam)
        self.generator_steps += 1
        self._follow()
        return {name: loss.item() for name, loss in losses.items()}

    @property
    def generator_is_next(self) -> bool:
        """The discriminator has had its steps since the generator's last."""
        return self.discriminator_steps >= (self.generator_steps + 1) * self.objective.critic_steps

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.config.ema, (1 + self.generator_steps) / (10 + self.generator_steps))
        pairs = zip(self.average.state_dict().values(), self.generator.state_dict().values(), strict=True)
        for kept, new in pairs:
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)


def _descend(losses: Losses, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad(set_to_none=True)
    torch.stack([loss.float() for loss in losses.values()]).sum().backward()
    optimizer.step()


@contextmanager
def frozen(net: nn.Module) -> Iterator[None]:
    """The network's parameters neither move nor gather gradient; gradient still passes through to its inputs."""
    before = [parameter.requires_grad for parameter in net.parameters()]
    net.requires_grad_(False)
    try:
        yield
    finally:
        for parameter, wanted in zip(net.parameters(), before, strict=True):
            parameter.requires_grad_(wanted)


def gradient_penalty(scores: Scores, real: Tensor, fake: Tensor, random: torch.Generator | None = None) -> Tensor:
    """Mean of (|gradient| - 1)^2 at random points between real and fake (Gulrajani et al. 2017, eq. 3)."""
    shape = (len(real),) + (1,) * (real.ndim - 1)
    share = torch.rand(shape, generator=random, device=real.device, dtype=real.dtype)
    between = (fake + share * (real - fake)).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(scores(between).sum(), between, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def r1_penalty(scores: Scores, real: Tensor) -> Tensor:
    """Half the mean squared gradient of the score at real samples (Mescheder et al. 2018, eq. 9)."""
    there = real.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(scores(there).sum(), there, create_graph=True)
    return 0.5 * gradient.flatten(1).square().sum(1).mean()


def spectral_norm(net: nn.Module) -> nn.Module:
    """Bound every linear and convolution layer of a discriminator (Miyato et al. 2018, arXiv:1802.05957)."""
    for module in list(net.modules()):
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
            nn.utils.parametrizations.spectral_norm(module)
    return net


def bare(net: nn.Module) -> dict[str, Tensor]:
    """A network's weights with spectral norm divided out; the network itself is left as it is."""
    training = net.training
    net.eval()  # in training each look at a normed weight would move its estimate
    state = {name: value for name, value in net.state_dict().items() if ".parametrizations." not in name}
    for name, module in net.named_modules():
        if parametrize.is_parametrized(module, "weight"):
            weight: Tensor = module.weight
            state[f"{name}.weight"] = weight.detach().clone()
    net.train(training)
    return state
