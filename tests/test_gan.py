"""The adversarial core against closed forms, and a real game on a ring of Gaussians."""

import math

import pytest
import torch
from torch import Tensor, nn

from fitting.gan import OBJECTIVES, Game, GanConfig, gradient_penalty, r1_penalty, spectral_norm
from fitting.monitors import manifold_scores, variance_per_condition

LOGITS = torch.tensor([-30.0, -4.0, -0.5, 0.0, 0.7, 4.0, 30.0])


def slope(function, logits: Tensor) -> Tensor:
    """Derivative of a batch mean by each logit, times the batch."""
    logits = logits.clone().requires_grad_(True)
    function(logits).backward()
    assert logits.grad is not None
    return logits.grad * len(logits)


@pytest.mark.parametrize(
    ("name", "closed_form"),
    [
        ("minimax", lambda a: -torch.sigmoid(a)),  # d/da log(1 - sigmoid(a))
        ("nonsaturating", lambda a: torch.sigmoid(a) - 1),  # d/da -log sigmoid(a)
        ("hinge", lambda a: torch.full_like(a, -1.0)),
        ("wgan-gp", lambda a: torch.full_like(a, -1.0)),
    ],
)
def test_generator_gradient_has_its_closed_form(name: str, closed_form) -> None:
    assert torch.allclose(slope(OBJECTIVES[name].generator, LOGITS), closed_form(LOGITS), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "of_real", "of_fake"),
    [
        ("minimax", lambda a: torch.sigmoid(a) - 1, torch.sigmoid),
        ("nonsaturating", lambda a: torch.sigmoid(a) - 1, torch.sigmoid),
        ("hinge", lambda a: -(a < 1).float(), lambda a: (a > -1).float()),
        ("wgan-gp", lambda a: torch.full_like(a, -1.0), torch.ones_like),
    ],
)
def test_discriminator_gradient_has_its_closed_form(name: str, of_real, of_fake) -> None:
    loss = OBJECTIVES[name].discriminator
    other = torch.zeros(1)
    assert torch.allclose(slope(lambda a: loss(a, other), LOGITS), of_real(LOGITS), atol=1e-6)
    assert torch.allclose(slope(lambda a: loss(other, a), LOGITS), of_fake(LOGITS), atol=1e-6)


def test_minimax_value_is_that_of_the_paper_at_the_optimum() -> None:
    # Where D cannot tell, V(D, G) = -log 4 (Goodfellow et al. 2014, theorem 1).
    zero = torch.zeros(8)
    assert OBJECTIVES["minimax"].discriminator(zero, zero).item() == pytest.approx(math.log(4))


def test_minimax_vanishes_before_a_sure_discriminator_where_others_do_not() -> None:
    sure = torch.full((4,), -25.0)
    strength = {name: slope(o.generator, sure).abs().max().item() for name, o in OBJECTIVES.items()}
    assert strength["minimax"] < 1e-9
    assert all(strength[name] > 0.99 for name in ("nonsaturating", "hinge", "wgan-gp"))


def test_gradient_penalty_and_r1_of_a_linear_score() -> None:
    weight = torch.tensor([3.0, 4.0])  # the gradient's norm is 5 everywhere
    real, fake = torch.randn(16, 2), torch.randn(16, 2)

    def score(x: Tensor) -> Tensor:
        return x @ weight

    assert gradient_penalty(score, real, fake).item() == pytest.approx((5 - 1) ** 2, rel=1e-5)
    assert r1_penalty(score, real).item() == pytest.approx(0.5 * 25, rel=1e-5)


def test_spectral_norm_bounds_every_layer() -> None:
    net = spectral_norm(nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1)))
    for _ in range(30):
        net(torch.randn(4, 8))  # each forward in training refines the estimate
    assert torch.linalg.matrix_norm(net[0].weight, 2) <= 1.05


def perceptron(inputs: int, outputs: int, wide: int, random: torch.Generator) -> nn.Sequential:
    net = nn.Sequential(nn.Linear(inputs, wide), nn.ReLU(), nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, outputs))
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=random)
            nn.init.zeros_(layer.bias)
    return net


def game_of(objective: str, seed: int = 0, **settings: float | None) -> tuple[Game, torch.Generator]:
    random = torch.Generator().manual_seed(seed)
    config = GanConfig(objective=objective, **settings)  # type: ignore[arg-type]
    return Game(perceptron(4, 2, 64, random), perceptron(2, 1, 64, random), config), random


@pytest.mark.parametrize("objective", list(OBJECTIVES))
def test_each_step_moves_only_its_own_player(objective: str) -> None:
    game, random = game_of(objective, r1=1.0)
    noise, real = torch.randn(8, 4, generator=random), torch.randn(8, 2, generator=random)

    def copies(net: nn.Module) -> list[Tensor]:
        return [parameter.detach().clone() for parameter in net.parameters()]

    def same(net: nn.Module, before: list[Tensor]) -> bool:
        return all(torch.equal(a, b) for a, b in zip(net.parameters(), before, strict=True))

    generator, discriminator = copies(game.generator), copies(game.discriminator)
    game.discriminator_step(real, lambda: game.generator(noise), random=random)
    assert all(parameter.grad is None for parameter in game.generator.parameters())
    assert same(game.generator, generator) and not same(game.discriminator, discriminator)

    game.discriminator_adam.zero_grad(set_to_none=True)
    discriminator = copies(game.discriminator)
    game.generator_step(lambda: game.generator(noise))
    assert all(parameter.grad is None for parameter in game.discriminator.parameters())
    assert same(game.discriminator, discriminator) and not same(game.generator, generator)
    assert all(parameter.requires_grad for parameter in game.discriminator.parameters())


def test_the_critic_has_its_steps_before_the_generator() -> None:
    game, random = game_of("wgan-gp")
    turns = ""
    for _ in range(12):
        if game.generator_is_next:
            game.generator_step(lambda: game.generator(torch.zeros(4, 4)))
            turns += "G"
        else:
            game.discriminator_step(torch.zeros(4, 2), lambda: game.generator(torch.zeros(4, 4)), random=random)
            turns += "D"
    assert turns == "DDDDDGDDDDDG"


def test_an_unknown_objective_is_refused() -> None:
    with pytest.raises(ValueError, match="minimax, nonsaturating, hinge, wgan-gp"):
        GanConfig(objective="magic")


def ring(count: int, random: torch.Generator) -> Tensor:
    """Eight narrow Gaussians on a circle."""
    angle = torch.randint(8, (count,), generator=random) * (math.pi / 4)
    centre = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    return centre + 0.05 * torch.randn(count, 2, generator=random)


def modes_reached(samples: Tensor) -> int:
    """Modes that hold at least a twentieth of what an even share would put within four deviations."""
    angle = torch.arange(8) * (math.pi / 4)
    centres = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    near = torch.cdist(samples, centres) < 0.2
    return int((near.float().mean(0) > 0.05 / 8).sum())


def play(objective: str, steps: int) -> tuple[int, dict[str, float]]:
    """Both objectives with five discriminator steps to one, so that neither has the weaker opponent."""
    game, random = game_of(
        objective,
        generator_rate=1e-3,
        discriminator_rate=1e-3,
        critic_steps=5,
        ema=0.99,
        penalty=1.0 if objective == "wgan-gp" else None,
    )

    def fakes() -> Tensor:
        return game.generator(torch.randn(64, 4, generator=random))

    for _ in range(steps):
        while not game.generator_is_next:
            game.discriminator_step(ring(64, random), fakes, random=random)
        game.generator_step(fakes)
    with torch.no_grad():
        samples = game.average(torch.randn(2000, 4, generator=random))
    return modes_reached(samples), manifold_scores(ring(2000, random), samples)


def test_wgan_gp_covers_every_mode_where_minimax_drops_some() -> None:
    wasserstein, kept = play("wgan-gp", 1500)
    minimax, dropped = play("minimax", 1500)
    assert wasserstein == 8
    assert minimax < 8
    assert kept["coverage"] > 2 * dropped["coverage"]


def test_a_conditional_game_learns_its_condition() -> None:
    """The mean follows the label, with real samples under wrong labels counted as fake."""
    random = torch.Generator().manual_seed(3)
    config = GanConfig(generator_rate=1e-3, discriminator_rate=1e-3, ema=0.99)
    game = Game(perceptron(4, 1, 32, random), perceptron(3, 1, 32, random), config)
    labels = torch.eye(2)

    for _ in range(400):
        label = torch.randint(2, (64,), generator=random)
        real = (label * 4.0 - 2.0)[:, None] + 0.1 * torch.randn(64, 1, generator=random)
        noise = torch.randn(64, 2, generator=random)

        def fakes(noise: Tensor = noise, label: Tensor = label) -> Tensor:
            return game.generator(torch.cat([noise, labels[label]], 1))

        def scored(x: Tensor, given: Tensor = label) -> Tensor:
            return game.discriminator(torch.cat([x, labels[given]], 1))

        game.discriminator_step(real, fakes, scored, lambda x, given=label: scored(x, 1 - given))
        game.generator_step(fakes, scored)
    with torch.no_grad():
        noise = torch.randn(2, 200, 2, generator=random)
        given = labels[:, None].expand(2, 200, 2)
        made = game.average(torch.cat([noise, given], 2))
    assert made[0].mean().item() == pytest.approx(-2, abs=0.4)
    assert made[1].mean().item() == pytest.approx(2, abs=0.4)
    assert (variance_per_condition(made) < 0.5).all()


def test_monitors_tell_collapse_from_agreement() -> None:
    random = torch.Generator().manual_seed(1)
    real, same = torch.randn(600, 4, generator=random), torch.randn(600, 4, generator=random)
    collapsed = real[:1] + 0.01 * torch.randn(600, 4, generator=random)
    good, bad = manifold_scores(real, same), manifold_scores(real, collapsed)
    assert good["precision"] > 0.8 and good["recall"] > 0.8 and good["coverage"] > 0.9
    assert 0.8 < good["density"] < 1.2
    assert bad["precision"] > 0.8 and bad["recall"] < 0.05 and bad["coverage"] < 0.05


def test_monitors_need_enough_samples() -> None:
    with pytest.raises(ValueError, match="more than 5"):
        manifold_scores(torch.zeros(5, 2), torch.zeros(50, 2))
    with pytest.raises(ValueError, match="draws"):
        variance_per_condition(torch.zeros(3, 1, 2))
