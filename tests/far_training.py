"""Trains two tiny networks, one with batch norms and one without: alone, or on several processes by
`accelerate launch far_training.py FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from fitting.training.loop import Plan, Stage, train
from fitting.training.processes import Processes

PLAN = Plan(stages=(Stage(20, 8, (6, 6)), Stage(20, 4, (8, 8))), learning_rate=0.02, warmup=5, checkpoint_minutes=1e9)
CURVES = "curves.json"  # in the folder: how many processes there were, and the losses of every step


class Both(nn.Module):
    """Neither network's loss depends on the other."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.plain = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 1, 3))
            self.normed = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 1, 3))


def batch_of(step: int, stage: Stage) -> dict[str, Tensor]:
    """Noise; half of what lies in the middle is to be found."""
    pictures = torch.randn(stage.batch, 3, *stage.size, generator=torch.Generator().manual_seed(step))
    return {"x": pictures, "factor": torch.tensor(0.5)}


def trained(folder: Path) -> nn.Module:
    """Train, and write the losses of every step, averaged over the processes."""
    processes = Processes.joined()
    curves: dict[str, list[float]] = {"plain": [], "normed": []}

    def losses_of(net: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        wanted = batch["factor"] * batch["x"][:, :1, 2:-2, 2:-2]
        losses = {name: (part(batch["x"]) - wanted).square().mean() for name, part in net.named_children()}
        for name, value in processes.mean({name: loss.item() for name, loss in losses.items()}).items():
            curves[name].append(value)
        return losses

    folder.mkdir(parents=True, exist_ok=True)
    # Others than the first begin with other weights, and are given the first one's.
    net = train(Both(processes.rank), PLAN, batch_of, losses_of, folder)
    (folder / CURVES).write_text(json.dumps({"processes": processes.count, **curves}))
    return net


if __name__ == "__main__":
    torch.set_num_threads(1)
    trained(Path(sys.argv[1]))
