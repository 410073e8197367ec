"""Teaching GarmentNet: cut-out, kind and embedding at once, from pairs of views of the same garment.

Garments with a mask are laid on other backgrounds half of the time, each view on its own, so that neither the
cut-out nor the embedding can lean on the floor. The embedding learns by contrast: the other view of the same
picture against every other picture of the batch (Oord et al. 2018, arXiv:1807.03748; Chen et al. 2020,
arXiv:2002.05709).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor, nn
from torch.nn import functional as F

from fitting import images
from fitting.encoder import load_imagenet
from fitting.garment import GarmentNet, Kind
from fitting.training.garment_data import SIDE, GarmentTables, tables
from fitting.training.loop import Plan, Stage, train
from fitting.training.processes import Processes
from fitting.training.views import Rng, blurred, camera, lit, look, spoiled, tensor, texture
from fitting.weights import save

log = logging.getLogger(__name__)

PLAN = Plan(
    stages=(
        Stage(steps=783, batch=48, size=(96, 96)),
        Stage(steps=700, batch=16, size=(160, 160)),
        Stage(steps=1250, batch=12, size=(192, 192)),
        Stage(steps=560, batch=12, size=(224, 224)),
    ),
    learning_rate=1e-3,
    warmup=100,
    weight_decay=0.02,
    ema=0.995,
    checkpoint_minutes=5.0,
)
TEMPERATURE = 0.07
HELD_ABOVE = 96  # pixels: at larger sizes the encoder's first layers are held, which takes a third off a step


@dataclass(frozen=True)
class Subject:
    """What a pair of views shows: a row of a table, and how far it may be used."""

    kind: Kind
    row: int  # of garments, or of people; unused where nothing is shown but background
    masked: bool = False
    exact: bool = False


class GarmentBatches:
    """Batches as a pure function of the step: `batches(step, stage)`."""

    def __init__(self, garments: GarmentTables, seed: int = 0) -> None:
        self.tables = garments
        self.seed = seed
        frequency = np.bincount(garments.kinds, minlength=4)[garments.kinds]
        chance = np.where(garments.masked == 1, 1.0, 0.6) / np.sqrt(frequency)
        chance *= np.where(garments.exact == 1, 2.5, 1.0)
        self.chance = chance / chance.sum()

    def __call__(self, step: int, stage: Stage) -> dict[str, Tensor]:
        """Two views of each picture, neighbours in the batch.

        Returns:
            image: (B, 3, H, W) in [-1, 1].
            cutout: (B, 1, H, W) in [0, 1], the garment.
            known: (B, 1, H, W) in {0, 1}, where `cutout` is the truth.
            kind: (B,) of `Kind`.
        """
        rng = np.random.default_rng((self.seed, step))
        subjects = [subject for subject in self._subjects(rng, stage.batch // 2) for _ in "ab"]
        views = [self._view(subject, rng, stage.size) for subject in subjects]
        behind = self._backgrounds(rng, subjects, stage.size)
        pictures, cutouts, known = (torch.cat(parts) for parts in zip(*views, strict=True))
        seen, alpha = pictures[:, :3], pictures[:, 3:]
        shade = _shadows(alpha, rng)
        image = seen * alpha + behind * (1 - shade) * (1 - alpha)
        image = spoiled(lit(image, rng), rng)
        kinds = torch.tensor([int(subject.kind) for subject in subjects])
        return {"image": images.to_signed(image), "cutout": cutouts, "known": known, "kind": kinds}

    def _subjects(self, rng: Rng, count: int) -> list[Subject]:
        worn, other = max(round(0.1 * count), 1), max(round(0.14 * count), 1)
        t = self.tables
        rows = rng.choice(len(self.chance), count - worn - other, replace=False, p=self.chance)
        found = [Subject(Kind(t.kinds[r]), int(r), bool(t.masked[r]), bool(t.exact[r])) for r in rows]
        found += [Subject(Kind.WORN, int(rng.integers(len(t.people)))) for _ in range(worn)]
        return found + [Subject(Kind.OTHER, 0) for _ in range(other)]

    def _view(self, subject: Subject, rng: Rng, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        """One view: colour with alpha (1, 4, H, W), cut-out and where it is known (1, 1, H, W)."""
        if subject.kind is Kind.OTHER:
            return torch.zeros(1, 4, *size), torch.zeros(1, 1, *size), torch.ones(1, 1, *size)
        if subject.kind is Kind.WORN:
            place = camera(rng, tuple(rng.uniform(-0.2, 0.2, 2)), rng.uniform(0.5, 1.05), 0.08)
            seen = look(_float(self.tables.people[subject.row]), place[None], size)
            return (
                torch.cat([seen, torch.ones(1, 1, *size)], 1),
                torch.zeros(1, 1, *size),
                torch.zeros(1, 1, *size),
            )
        return self._garment_view(subject, rng, size)

    def _garment_view(self, subject: Subject, rng: Rng, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        t = self.tables
        pixels, mask = t.pictures[subject.row], t.masks[subject.row]
        top, left, bottom, right = t.valid[subject.row]
        valid = np.zeros((SIDE, SIDE), np.float32)
        valid[top:bottom, left:right] = 1
        cutout = mask * valid / 255
        composed = subject.masked and rng.random() < (0.9 if subject.exact else 0.7)
        place = self._place(subject, rng, composed)[None]
        if not composed:
            seen = look(_float(pixels), place, size)
            maps = look(tensor(np.stack([cutout, valid * subject.masked]))[None], place, size, "zeros")
            return torch.cat([seen, torch.ones(1, 1, *size)], 1), maps[:, :1], (maps[:, 1:] > 0.99).float()
        # Cut inside the soft rim, more or less, so that no halo of the old background gives the garment away.
        edge = rng.uniform(0.3, 0.6)
        cutout = np.clip((cutout - edge) / 0.3, 0, 1)
        alpha = cutout
        if subject.kind is not Kind.LOWER and rng.random() < 0.15:
            pixels, alpha = hung(pixels, cutout, t.boxes[subject.row], rng)
        seen = look(_float(pixels), place, size)
        maps = look(tensor(np.stack([alpha, cutout]))[None], place, size, "zeros")
        return torch.cat([seen, maps[:, :1]], 1), maps[:, 1:], torch.ones(1, 1, *size)

    def _place(self, subject: Subject, rng: Rng, composed: bool) -> NDArray:
        if not subject.masked:
            return camera(rng, (0.0, 0.0), rng.uniform(0.75, 1.05), 0.2)
        top, left, bottom, right = self.tables.boxes[subject.row] * 2 / SIDE - 1
        half = max(bottom - top, right - left) / 2
        fill = rng.uniform(0.45, 1.0) if composed else np.exp(rng.uniform(np.log(half * 0.9), 0.0))
        return camera(rng, ((left + right) / 2, (top + bottom) / 2), half / fill, 0.2)

    def _backgrounds(self, rng: Rng, subjects: list[Subject], size: tuple[int, int]) -> Tensor:
        """(B, 3, *size): floors, streets, people, textures and plain studio walls."""
        backgrounds = []
        choices = rng.choice(5, len(subjects), p=(0.2, 0.13, 0.45, 0.12, 0.1))
        for subject, choice in zip(subjects, choices, strict=True):
            if choice == 2 and subject.kind is Kind.OTHER:
                choice = 1  # people in clothes would be no example of neither
            if choice == 3:
                backgrounds.append(texture(rng, size)[None])
            elif choice == 4:
                grey = np.clip(rng.normal(rng.uniform(0.2, 1.0), 0.03, (1, 3, 1, 1)), 0, 1)
                grey = np.ones((1, 3, 1, 1)) if rng.random() < 0.3 else grey
                backgrounds.append(tensor(grey).expand(1, 3, *size))
            else:
                table = (self.tables.floors, self.tables.scenes, self.tables.people)[choice]
                picture = table[rng.integers(len(table))]
                reach = rng.uniform(0.35, 1.1) * size[1] / picture.shape[0]
                place = camera(rng, tuple(rng.uniform(-0.5, 0.5, 2)), reach, 0.5)
                backgrounds.append(look(_float(picture), place[None], size, "reflection"))
        return torch.cat(backgrounds)


def hung(pixels: NDArray, cutout: NDArray, box: NDArray, rng: Rng) -> tuple[NDArray, NDArray]:
    """Put a hanger behind a garment: it is seen above the collar, and is no part of the cut-out."""
    top, left, bottom, right = box
    middle, wide = (left + right) / 2, right - left
    neck = top + rng.uniform(0.02, 0.12) * (bottom - top)
    hanger = Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(hanger)
    thick = int(rng.integers(2, 8))
    ends = [(middle + side * wide * 0.3, neck + wide * 0.1) for side in (-1, 1)]
    draw.line([ends[0], (middle, neck), ends[1]], fill=255, width=thick)
    height = rng.uniform(0.06, 0.16) * wide
    draw.line([(middle, neck), (middle, neck - height)], fill=255, width=2)
    draw.arc(
        (middle - height / 2, neck - 2 * height, middle + height / 2, neck - height),
        150,
        90,
        fill=255,
        width=2,
    )
    wire = np.asarray(hanger, np.float32) / 255
    colour = rng.integers(0, 256, 3)
    behind = (wire * (1 - cutout))[..., None]
    return np.uint8(pixels * (1 - behind) + colour * behind), np.maximum(cutout, wire)


def _float(pixels: NDArray) -> Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) in [0, 1]."""
    return images.to_unit(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None])


def _shadows(alpha: Tensor, rng: Rng) -> Tensor:
    """Soft shadows beside what is opaque, in [0, 1]; none for a third of the views."""
    rows, columns = alpha.shape[-2:]
    soft = blurred(alpha, rng.uniform(0.01, 0.05) * columns)
    shift = rng.integers(-rows // 25, rows // 25 + 1, 2)
    dark = np.where(rng.random((len(alpha), 1, 1, 1)) < 0.35, 0, rng.uniform(0.1, 0.6, (len(alpha), 1, 1, 1)))
    return torch.roll(soft, (int(shift[0]), int(shift[1])), (2, 3)) * tensor(dark)


def losses_of(net: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Cut-out (cross-entropy and Dice), kind (cross-entropy) and embedding (InfoNCE)."""
    _hold_early(net, batch["image"].shape[-1] > HELD_ABOVE)
    # In float32: as fast as bfloat16 at these sizes on a CPU, and the contrast needs the precision.
    with torch.autocast("cpu", enabled=False):
        reading = net(batch["image"].contiguous(memory_format=torch.channels_last))
        cutout, known = batch["cutout"], batch["known"]
        pixelwise = F.binary_cross_entropy_with_logits(reading.cutout, cutout, reduction="none")
        predicted = reading.cutout.sigmoid() * known
        overlap = (predicted * cutout).sum((1, 2, 3))
        total = (predicted + cutout * known).sum((1, 2, 3))
        shown = (known.mean((1, 2, 3)) > 0.1) & (batch["kind"] < Kind.WORN)
        dice = (1 - (2 * overlap + 1) / (total + 1))[shown]
        return {
            "pixels": 2 * (pixelwise * known).sum() / known.sum().clamp(min=1),
            "dice": dice.mean() if len(dice) else dice.sum(),
            "kind": 0.5 * F.cross_entropy(reading.kind, batch["kind"], label_smoothing=0.05),
            "contrast": 0.5 * contrast(reading.embedding, batch["kind"] < Kind.WORN),
        }


def _hold_early(net: nn.Module, held: bool) -> None:
    for name in ("stem", "stages.0", "stages.1"):
        net.get_submodule(f"encoder.{name}").requires_grad_(not held)


def contrast(embedding: Tensor, garment: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """InfoNCE: each view must find the other view of its picture among all garments of the batch.

    Args:
        embedding: (B, D) unit length; views 2i and 2i + 1 belong together.
        garment: (B,) bool, which views show a garment.
    """
    embedding = embedding[garment]
    alike = embedding @ embedding.T / temperature
    alike = alike.masked_fill(torch.eye(len(alike), dtype=torch.bool), -1e4)
    return F.cross_entropy(alike, torch.arange(len(alike)) ^ 1)


def preview(batches: GarmentBatches, net: nn.Module, path: Path) -> None:
    """Draw what the network makes of a batch it will never train on, kinds in the file name's log line."""
    batch = batches(10_000_000, Stage(1, 48, (160, 160)))
    net.eval()
    with torch.no_grad():
        reading = net(batch["image"])
    unit = images.from_signed(batch["image"])
    cut = reading.cutout.sigmoid()
    shown = torch.cat([unit, unit * cut + (1 - cut) * tensor([1.0, 0.0, 1.0])[:, None, None]], 3)
    sheet = shown.unflatten(0, (8, 6)).permute(2, 0, 3, 1, 4).reshape(3, 8 * 160, 6 * 320)
    images.to_image(images.to_pixels(sheet)).save(path)
    garment = batch["kind"] < Kind.WORN
    right = (reading.kind.argmax(1) == batch["kind"]).float().mean()
    alike = (reading.embedding @ reading.embedding.T).fill_diagonal_(-2)[garment]
    found = (alike.argmax(1) == (torch.arange(len(unit)) ^ 1)[garment]).float().mean()
    log.info("preview %s: kind %.3f, pairs found %.3f", path.name, right, found)


def train_garment(data: Path, folder: Path, minutes: float | None = None, resume: bool = False) -> None:
    """Train GarmentNet and save it, averaged, to `folder`/weights (half precision).

    Args:
        data: the folder with `garments_cc0`, `synthetic`, `ccp` and `luma`.
        folder: for checkpoints, log and previews; decoded pictures go to `cache/garment` beside it.
        minutes: stop, with a checkpoint, after this long.
        resume: go on from the checkpoint in `folder`.
    """
    with Processes.joined().first_before_others():
        batches = GarmentBatches(tables(data, folder.parent / "cache" / "garment"))
    net = GarmentNet()
    load_imagenet(net.encoder)
    trained = train(
        net,
        PLAN,
        batches,
        losses_of,
        folder,
        minutes,
        resume,
        lambda shown, path: preview(batches, shown, path),
        together=2,
    )
    save(trained, folder / "weights")
