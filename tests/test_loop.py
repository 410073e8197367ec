"""Training that is interrupted and resumed ends where an uninterrupted run ends."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from fitting.training.loop import Plan, Stage, average, train

PLAN = Plan(stages=(Stage(6, 4, (2, 2)), Stage(6, 2, (4, 4))), learning_rate=0.01, warmup=2, checkpoint_minutes=1e9)


def batch_of(step: int, stage: Stage) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(step)
    return {"x": torch.randn(stage.batch, 3, *stage.size, generator=random)}


def losses_of(net: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {"loss": (net(batch["x"]) - batch["x"].mean()).square().mean()}


def fresh() -> nn.Module:
    net = nn.Conv2d(3, 1, 1)
    nn.init.constant_(net.weight, 0.5)
    nn.init.zeros_(net.bias)
    return net


def test_resumed_training_equals_uninterrupted_training(tmp_path: Path) -> None:
    whole = train(fresh(), PLAN, batch_of, losses_of, tmp_path / "whole")
    for _ in range(PLAN.steps):  # stops after every single step
        parts = train(fresh(), PLAN, batch_of, losses_of, tmp_path / "parts", minutes=0, resume=True)
    for one, other in zip(whole.state_dict().values(), parts.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_another_plan_does_not_resume(tmp_path: Path) -> None:
    train(fresh(), PLAN, batch_of, losses_of, tmp_path, minutes=0)
    other = Plan(stages=(Stage(3, 4, (2, 2)),))
    with pytest.raises(ValueError, match="another plan"):
        train(fresh(), other, batch_of, losses_of, tmp_path, resume=True)


def test_stages_follow_each_other_and_the_rate_warms_up_then_falls() -> None:
    assert [PLAN.stage_at(step).batch for step in (0, 5, 6, 11)] == [4, 4, 2, 2]
    assert PLAN.rate_at(0) < PLAN.rate_at(1) > PLAN.rate_at(11) > 0
    with pytest.raises(ValueError, match="no such step"):
        PLAN.stage_at(12)


def test_the_average_moves_part_of_the_way() -> None:
    one, other = fresh(), fresh()
    nn.init.constant_(other.weight, 1.5)
    average(one, other, 0.9)
    assert torch.allclose(one.weight, torch.full_like(one.weight, 0.6))
