"""Train PersonNet: parsing from hand labels, renders and a teacher; keypoints, visibility and matte."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from fitting.anatomy import Part
from fitting.drawing import Array, beside, painted
from fitting.encoder import load_imagenet
from fitting.frame import GRID
from fitting.images import from_signed, to_image, to_pixels
from fitting.person import locate
from fitting.person_net import PersonMaps, PersonNet
from fitting.training.loop import Plan, Stage, train
from fitting.training.person_data import PersonBatches, backgrounds, training_sources
from fitting.weights import record, save

log = logging.getLogger(__name__)

# Mostly small, the last at the size that the app uses.
PLAN = Plan(
    stages=(Stage(2000, 20, (128, 96)), Stage(1300, 16, (192, 144)), Stage(2900, 12, (256, 192))),
    learning_rate=1.5e-3,
    ema=0.998,
)
# Small parts that a try-on must get right weigh more than their pixels.
PART_WEIGHTS = {Part.BACKGROUND: 0.7, Part.HAIR: 1.5, Part.SKIN: 2.0, Part.ARMS: 2.0, Part.DRESS: 1.5}


def train_person(data: Path, folder: Path, minutes: float | None = None, resume: bool = False) -> None:
    """Train on the training splits below `data`; `folder/weights` is then a folder of weights to load or ship."""
    net = PersonNet()
    if not (resume and (folder / "checkpoint.pt").exists()):
        load_imagenet(net.encoder)
    make = PersonBatches(training_sources(data), backgrounds(data))
    shown = make(10**6, Stage(1, 12, (256, 192)))
    log.info("data ready")

    def preview(ema: nn.Module, path: Path) -> None:
        contact_sheet(ema, shown).save(path)

    ema = train(net, PLAN, make, losses, folder, minutes, resume, preview)
    save(ema, folder / "weights" / "person")
    record("person", folder / "weights")


def losses(net: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Named losses of a batch of `PersonBatches`."""
    maps: PersonMaps = net(batch["image"])
    size = batch["image"].shape[-2:]

    def full(logits: Tensor) -> Tensor:
        return F.interpolate(logits.float(), size=size, mode="bilinear", align_corners=False)

    known = (batch["allowed"] > 0).float()
    matte, others = full(maps.matte)[:, 0], full(maps.others)[:, 0]
    joints, visible = joint_losses(maps, batch)
    entropy, overlap = part_losses(full(maps.parts), batch["allowed"])
    return {
        "parts": entropy,
        "overlap": 0.5 * overlap,
        "matte": 0.5 * masked_mean(F.binary_cross_entropy_with_logits(matte, batch["matte"], reduction="none"), known),
        "others": 0.2 * F.binary_cross_entropy_with_logits(others, batch["others"]),
        "joints": 0.5 * joints,
        "visible": 0.15 * visible,
    }


def masked_mean(value: Tensor, mask: Tensor) -> Tensor:
    return (value * mask).sum() / mask.sum().clamp(min=1)


def part_losses(logits: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy against a set of allowed parts, and one minus the soft overlap of each part.

    Args:
        logits: (B, 11, H, W).
        allowed: (B, H, W) bit masks; 0 where nothing is known.
    """
    codes = torch.arange(len(Part), device=logits.device).view(1, -1, 1, 1)
    may = ((allowed[:, None] >> codes) & 1).bool()
    chance = logits.log_softmax(1)
    entropy = -chance.masked_fill(~may, -1e4).logsumexp(1)
    weight = torch.tensor([PART_WEIGHTS.get(part, 1.0) for part in Part], device=logits.device)
    weights = (may * weight.view(1, -1, 1, 1)).amax(1)  # 0 where nothing is known
    # The overlap (soft Jaccard) counts only where a single part is allowed.
    certain = (may.sum(1, keepdim=True) == 1).float()
    truth, share = may * certain, chance.exp() * certain
    both = (truth * share).sum((0, 2, 3))
    either = (truth + share - truth * share).sum((0, 2, 3))
    present = truth.sum((0, 2, 3)) > 64
    overlap = ((1 - both / either.clamp(min=1)) * present).sum() / present.sum().clamp(min=1)
    return (entropy * weights).sum() / weights.sum().clamp(min=1), overlap


def joint_losses(maps: PersonMaps, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Where each joint is (cross-entropy over cells), and whether it can be seen (read where it is found)."""
    height, width = maps.joints.shape[-2:]
    rows, columns = batch["image"].shape[-2:]
    points = batch["points"] * torch.tensor([width / columns, height / rows])
    inside = (points >= 0).all(-1) & (points[..., 0] < width) & (points[..., 1] < height)
    x = torch.arange(width) + 0.5
    y = torch.arange(height) + 0.5
    spread = 2 * (0.02 * height) ** 2
    across = torch.exp(-((x - points[..., 0:1]) ** 2) / spread)
    down = torch.exp(-((y - points[..., 1:2]) ** 2) / spread)
    target = (down[..., :, None] * across[..., None, :]).flatten(2)
    target = target / target.sum(-1, keepdim=True).clamp(min=1e-6)
    chance = maps.joints.float().flatten(2).log_softmax(-1)
    entropy = -(target * chance).sum(-1)
    sure = torch.where(batch["visible"] == 0, 0.4, 1.0) * (inside & batch["known"])
    found = (chance.exp().detach() * maps.visible.float().flatten(2)).sum(-1)
    seen = ((batch["visible"] != 0) & inside).float()
    told = ((batch["visible"] >= 0) | ~inside).float()
    visible = masked_mean(F.binary_cross_entropy_with_logits(found, seen, reduction="none"), told)
    return masked_mean(entropy, sure), visible


def contact_sheet(net: nn.Module, batch: dict[str, Tensor]) -> Image.Image:
    """Each picture beside its parsing and joints."""
    with torch.no_grad():
        maps: PersonMaps = net(batch["image"])
    size = batch["image"].shape[-2:]
    parts = F.interpolate(maps.parts.float(), size, mode="bilinear").argmax(1).numpy()
    joints = locate(maps.joints.float(), maps.visible.float()) * torch.tensor([size[1] / GRID[1], size[0] / GRID[0], 1])
    pictures: list[Image.Image | Array] = []
    for picture, parsing, keypoints in zip(to_pixels(from_signed(batch["image"])), parts, joints, strict=True):
        pictures += [to_image(picture), painted(parsing, keypoints.numpy())]
    return beside(pictures, size[0], across=8)
