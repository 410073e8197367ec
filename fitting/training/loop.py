"""The training loop that every network here shares: staged, checkpointed, and exact on resuming.

A batch is a pure function of its step, so a run that was stopped and resumed sees what an uninterrupted one
would have seen.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fitting.precision import quick
from fitting.training import checkpoint
from fitting.training.processes import Processes

log = logging.getLogger(__name__)

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Stage:
    """A stretch of training at one size: how many steps, images a batch, (rows, columns)."""

    steps: int
    batch: int
    size: tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """How a network is trained: AdamW, linear warm-up, then a cosine to a hundredth of the rate."""

    stages: tuple[Stage, ...]
    learning_rate: float = 1e-3
    warmup: int = 300
    weight_decay: float = 0.01
    ema: float = 0.999
    checkpoint_minutes: float = 4.0

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def stage_at(self, step: int) -> Stage:
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        raise ValueError("the plan has no such step")

    def rate_at(self, step: int) -> float:
        warm = min(1.0, (step + 1) / max(self.warmup, 1))
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.learning_rate * warm * (0.01 + 0.99 * cosine)


def average(ema: nn.Module, net: nn.Module, decay: float) -> None:
    """Move an exponential moving average of weights and norm statistics towards `net`."""
    with torch.no_grad():
        for kept, new in zip(ema.state_dict().values(), net.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(new.to(kept.dtype), 1 - decay)
            else:
                kept.copy_(new)


def batches(plan: Plan, start: int, batch_of: Callable[[int, Stage], Batch]) -> Iterator[tuple[int, Batch]]:
    """Steps and their batches, the next two made in a thread while the current one trains."""
    with ThreadPoolExecutor(1) as pool:
        ahead = [pool.submit(batch_of, s, plan.stage_at(s)) for s in range(start, min(start + 2, plan.steps))]
        for step in range(start, plan.steps):
            batch = ahead.pop(0).result()
            if step + 2 < plan.steps:
                ahead.append(pool.submit(batch_of, step + 2, plan.stage_at(step + 2)))
            yield step, batch


def train(
    net: nn.Module,
    plan: Plan,
    batch_of: Callable[[int, Stage], Batch],
    losses_of: Callable[[nn.Module, Batch], dict[str, Tensor]],
    folder: Path,
    minutes: float | None = None,
    resume: bool = False,
    preview: Callable[[nn.Module, Path], None] | None = None,
    together: int = 1,
) -> nn.Module:
    """Train `net` by the plan and return its exponential moving average.

    On several processes (see `fitting.training.processes`) only the first returns; the others end.

    Args:
        net: trained in place, channels_last, under bf16 autocast.
        batch_of: makes the batch of a step at a stage's size; must depend on nothing else.
        losses_of: named losses of a batch; their sum is minimised.
        folder: checkpoints, log and previews.
        minutes: stop (with a checkpoint) after this long.
        resume: go on from the folder's checkpoint, if there is one.
        preview: called with the averaged network and a PNG's path at each checkpoint.
        together: rows of a batch that belong together, and are not divided among processes.
    """
    processes = Processes.joined()
    folder.mkdir(parents=True, exist_ok=True)
    net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), plan.learning_rate, weight_decay=plan.weight_decay)
    ema = copy.deepcopy(net).eval().requires_grad_(False)
    start = restore(folder, plan, net, ema, optimizer) if resume else 0
    processes.begin_alike(net)
    processes.begin_alike(ema)
    began = kept = time.monotonic()
    totals: dict[str, float] = {}
    writer = summary_writer(folder) if processes.first else _NoWriter()
    net.train()
    for step, batch in batches(plan, start, batch_of):
        rate = plan.rate_at(step)
        for group in optimizer.param_groups:
            group["lr"] = rate
        with quick(next(net.parameters()).device):
            losses = losses_of(net, processes.share_of(batch, together))
        loss = torch.stack([value.float() for value in losses.values()]).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        processes.average_gradients(net)
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        # A young average would remember the start for too long.
        average(ema, net, min(plan.ema, (step + 1) / (step + 10)))
        for name, value in losses.items():
            totals[name] = totals.get(name, 0.0) + value.item()
        now = time.monotonic()
        if (step + 1) % 100 == 0:
            means = processes.mean({name: total / 100 for name, total in totals.items()})
            totals.clear()
            text = " ".join(f"{name} {mean:.4f}" for name, mean in means.items())
            log.info("step %d/%d %s rate %.1e %.0f s", step + 1, plan.steps, text, rate, now - began)
            for name, mean in means.items():
                writer.add_scalar(name, mean, step + 1)
        over = minutes is not None and processes.agreed(now - began > minutes * 60)
        if processes.first and (now - kept > plan.checkpoint_minutes * 60 or over or step + 1 == plan.steps):
            keep(folder, plan, step + 1, net, ema, optimizer)
            if preview:
                preview(ema, folder / f"preview-{step + 1:06d}.png")
            kept = time.monotonic()
        if over:
            break
    writer.close()
    processes.leave()
    return ema


def keep(folder: Path, plan: Plan, step: int, net: nn.Module, ema: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Write a checkpoint; see `fitting.training.checkpoint.write`."""
    state = {"step": step, "plan": asdict(plan), "net": net.state_dict(), "ema": ema.state_dict()}
    state["optimizer"] = optimizer.state_dict()
    checkpoint.write(folder, state)


def restore(folder: Path, plan: Plan, net: nn.Module, ema: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Load the folder's checkpoint and return the step to go on with; 0 where there is none."""
    state = checkpoint.read(folder, asdict(plan))
    if state is None:
        return 0
    net.load_state_dict(state["net"])
    ema.load_state_dict(state["ema"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def reached(folder: Path) -> int:
    """The step of the folder's checkpoint; 0 where there is none."""
    state = checkpoint.read(folder)
    return 0 if state is None else int(state["step"])


class _NoWriter:
    def add_scalar(self, name: str, value: float, step: int) -> None: ...
    def close(self) -> None: ...


def summary_writer(folder: Path) -> Any:
    """TensorBoard's writer, or a silent stand-in where the `train` extra is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return _NoWriter()
    return SummaryWriter(str(folder))
