"""Teaching FlowNet where a garment's cells go: exact flows where there are some, and what will be seen where."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitting.anatomy import Part
from fitting.flow_net import FlowNet, Flows
from fitting.frame import NET
from fitting.images import to_image, to_pixels
from fitting.training.loop import Batch, Plan, Stage, reached, train
from fitting.training.tryon_data import DEEP, TryOnBatches
from fitting.warp import warp

log = logging.getLogger(__name__)

# Inputs are always 256x192; at first the flow is found at stride 4 only, which costs half.
PLAN = Plan(
    stages=(Stage(700, 16, (128, 96)), Stage(2300, 12, NET)),
    learning_rate=1e-3,
    warmup=100,
    weight_decay=0.01,
    ema=0.995,
)
AGAIN = replace(PLAN, stages=(Stage(2700, 12, NET),), ema=0.998)  # from weights that know the coarse already
SHARP = 1.0  # cells over which a garment's outline fades
LEVELS = (0.25, 0.4, 0.6, 1.0)  # weights of the flows at strides 16, 8, 4 and 2


def train_flow(
    batches: TryOnBatches,
    folder: Path,
    minutes: float | None = None,
    resume: bool = False,
    start: FlowNet | None = None,
) -> tuple[FlowNet, bool]:
    """Train FlowNet, anew or from another's weights; returns its average, and whether the plan was finished."""
    plan = PLAN if start is None else AGAIN

    def preview(net: nn.Module, path: Path) -> None:
        stage = plan.stage_at(int(path.stem.rsplit("-", 1)[-1]) - 1)
        batch = batches(10**7, Stage(1, 16, stage.size))
        to_image(to_pixels(flow_sheet(net, batch))).save(path)

    net = FlowNet() if start is None else start
    ema = train(net, plan, batches, losses_of, folder, minutes, resume, preview)
    trained = FlowNet(net.config)
    trained.load_state_dict(ema.state_dict())
    return trained.eval(), reached(folder) == plan.steps


def losses_of(net: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Named losses of a batch of `TryOnBatches`."""
    found: Flows = net(batch["scene"], batch["garment"], fine=bool(batch["fine"]))
    step = NET[0] // found.mask.shape[-2]
    cover, trust = batch["cover"], batch["trust"]
    losses = {"flow": flow_loss(found, batch["places"], trust)}
    losses["bend"] = 0.1 * bend(found.levels[-1])
    small = F.avg_pool2d(cover, step)
    inside = outline(batch["depth"], found.flow, step)
    seen = found.mask.float().sigmoid() * (inside / SHARP).sigmoid()
    mask = F.binary_cross_entropy(seen.clamp(1e-3, 1 - 1e-3), small, reduction="none").mean((1, 2, 3))
    losses["mask"] = ((mask + dice(seen, small)) * (0.4 + 0.6 * batch["paired"])).mean()
    losses["outline"] = outline_loss(inside, small, batch)
    # Where nothing can change the parsing is known already; what may change counts ten times.
    labels = batch["parts"][:, step // 2 :: step, step // 2 :: step]
    weight = 0.1 + 0.9 * (F.avg_pool2d(batch["edit"], step)[:, 0] > 0)
    parts = F.cross_entropy(found.parts.float(), labels, ignore_index=-1, reduction="none") * weight
    losses["parts"] = parts.sum() / (weight * (labels >= 0)).sum().clamp(min=1)
    seen = warp(batch["cloth"][:, :3], found.flow)
    known = (cover > 0.9) * batch["paired"][:, None, None, None]
    losses["colour"] = 0.5 * ((seen - batch["target"]).abs() * known).sum() / (3 * known.sum().clamp(min=1))
    return losses


def outline(depth: Tensor, flow: Tensor, step: int) -> Tensor:
    """How deep in the garment each cell's place lies: (B, 1, 256/step, 192/step), in the garment's cells."""
    return F.avg_pool2d(warp(depth + DEEP, flow), step) - DEEP


def outline_loss(inside: Tensor, cover: Tensor, batch: Batch) -> Tensor:
    """The flow itself must end the garment where the truth does, so that hems are as sharp as the cut-out.

    Left out: gaps that hands, hair or the neck may be the reason for, as there the garment goes on behind them.
    """
    step = NET[0] // cover.shape[-2]
    parts = batch["parts"][:, step // 2 :: step, step // 2 :: step][:, None]
    before = torch.zeros_like(parts, dtype=torch.bool)
    for part in (Part.HAIR, Part.FACE, Part.SKIN, Part.ACCESSORY, -1):
        before |= parts == part
    wide = 2 * (24 // step) // 2 + 1
    closed = -F.max_pool2d(-F.max_pool2d(cover, wide, 1, wide // 2), wide, 1, wide // 2)
    known = (cover > 0.9) | ((cover < 0.1) & (closed < 0.5) & ~before)
    error = F.binary_cross_entropy_with_logits(inside / (2 * SHARP), (cover > 0.5).float(), reduction="none")
    weight = known * (0.1 + 0.9 * (F.avg_pool2d(batch["edit"], step) > 0))
    return (error * weight).sum() / weight.sum().clamp(min=1)


def flow_loss(found: Flows, truth: Tensor, trust: Tensor) -> Tensor:
    """End-point error in cells of 256x192 over all levels, robust, /10.

    Args:
        found: flows of all levels.
        truth: (B, 2, 256, 192), NaN where unknown.
        trust: (B,) weight of each sample.
    """
    total = truth.new_zeros(())
    for flow, weight in zip(found.levels, LEVELS, strict=False):
        step = NET[0] // flow.shape[-2]
        there = truth[:, :, step // 2 :: step, step // 2 :: step]
        known = ~there.isnan().any(1)
        error = (flow * step - there.nan_to_num()).square().sum(1).add(0.25).sqrt() - 0.5
        weights_ = known * trust[:, None, None]
        total = total + weight * (error * weights_).sum() / weights_.sum().clamp(min=1)
    return total / 10


def bend(flow: Tensor) -> Tensor:
    """Second differences of a flow, robust: cloth is stretched rather than kinked."""
    across = flow[..., 2:] - 2 * flow[..., 1:-1] + flow[..., :-2]
    down = flow[..., 2:, :] - 2 * flow[..., 1:-1, :] + flow[..., :-2, :]
    return ((across**2 + 1e-4) ** 0.45).mean() + ((down**2 + 1e-4) ** 0.45).mean()


def dice(chance: Tensor, truth: Tensor) -> Tensor:
    """(B,) one minus the soft overlap of (B, 1, H, W)."""
    both = (chance * truth).sum((1, 2, 3))
    return 1 - (2 * both + 1) / (chance.sum((1, 2, 3)) + truth.sum((1, 2, 3)) + 1)


@torch.no_grad()
def flow_sheet(net: nn.Module | Callable[..., Flows], batch: Batch) -> Tensor:
    """Agnostic, garment, laid on by the flow, truth: (3, H, W) in [0, 1], four samples a row."""
    found = net(batch["scene"], batch["garment"], fine=bool(batch["fine"]))
    mask = F.interpolate(found.mask.float().sigmoid(), size=NET, mode="bilinear", align_corners=False)
    seen = warp(batch["cloth"], found.flow)
    on = torch.lerp(batch["under"], seen[:, :3], mask * seen[:, 3:] * batch["edit"])
    agnostic, garment = (batch["scene"][:, :3] + 1) / 2, (batch["garment"][:, :3] + 1) / 2
    return tiled(torch.cat([agnostic, garment, on, batch["target"]], 3), 4)


def tiled(pictures: Tensor, across: int) -> Tensor:
    """(B, 3, H, W) -> one picture, `across` to a row."""
    rows = pictures[: len(pictures) // across * across].unflatten(0, (-1, across))
    return rows.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)
