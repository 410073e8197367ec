"""How good imagined garments are, asked for by the features of garments that nothing was trained on.

Beside the generator stand two rows that need no training: the nearest garment of the training pictures, and the mean
picture of the nearest few. The former is always sharp and never new; the latter is new and never sharp.

Distances are taken in the features of an ImageNet EfficientNet-Lite0. The discriminator saw with an encoder that was
fine-tuned from it, so none of these numbers may be compared with a published KID, and the generator's flatters.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from fitting import weights
from fitting.evaluation.lite0 import Lite0
from fitting.folding import folded
from fitting.garment import embed
from fitting.garment_net import GarmentNet
from fitting.images import to_image, to_pixels, to_unit
from fitting.monitors import manifold_scores, variance_per_condition
from fitting.picture_net import Pictures, on_ground
from fitting.training.pictures_data import PictureTables, tables
from fitting.training.tryon_flow import tiled

GALLERY = 1000  # garments among which the one asked for is looked for
HIT = 10
NEAREST = 4  # of which the mean picture is made
SUBSETS, SUBSET = 50, 200  # of the kernel distance
VARIED = (32, 4)  # conditions, and draws of each, for the variance
SHEET = 12  # rows of the sheet


@dataclass(frozen=True)
class Asked:
    """What is asked for: held-out garments, their features and categories."""

    garments: Tensor  # (N, 4, side, side)
    embeddings: Tensor  # (N, 128)
    kinds: Tensor  # (N,)


def evaluate(data: Path, runs: Path = Path("runs"), folder: Path | None = None) -> tuple[dict[str, Any], Image.Image]:
    """All numbers, and a sheet: asked for, imagined twice, the nearest training picture to the first.

    Args:
        data: the folder with `garments_cc0` and `synthetic`.
        runs: decoded pictures are in `cache/pictures`; objectives that were trained to be compared (`fitting train
            pictures --objective NAME --folder RUNS/pictures-NAME`) are found here.
        folder: other weights than our own.
    """
    net = weights.load(GarmentNet, "garment")
    sight = folded(net)
    known, unseen = (tables(data, runs / "cache" / "pictures", sight, split) for split in ("train", "heldout"))
    pictures = weights.load(Pictures, "pictures", folder)
    seen = Lenses(sight, Lite0.load())
    asked, training = gathered(unseen, pictures.config.side), gathered(known, pictures.config.side)
    seen.learn(training.garments)
    began = time.perf_counter()
    made = imagined(pictures, asked, 0)
    seconds = (time.perf_counter() - began) / len(made)
    near = nearest(pictures, asked, training)
    rows = {
        "imagined": made,
        "nearest_real": training.garments[near[:, 0]],
        "mean_of_nearest": training.garments[near].mean(1),
    }
    numbers: dict[str, Any] = {
        "pictures": len(made),
        "side": pictures.config.side,
        "seconds_a_picture": round(seconds, 4),
        "rows": {name: measured(row, asked, training, seen) for name, row in rows.items()},
        "variance_per_condition": variance(pictures, asked, seen),
        "copying": copying(made, asked, training, seen),
    }
    compared = {path.name.partition("-")[2]: path for path in sorted(runs.glob("pictures-*")) if path.is_dir()}
    if compared:
        numbers["objectives"] = {name: objective(path, asked, training, seen) for name, path in compared.items()}
    return numbers, sheet(pictures, asked, training, seen)


class Lenses:
    """Two ways to look at garments: as the recommender does, and as ImageNet taught."""

    def __init__(self, net: GarmentNet, lite0: Lite0) -> None:
        self.net, self.lite0 = net, lite0
        self._known: tuple[Tensor, Tensor] | None = None

    def embedded(self, garments: Tensor) -> Tensor:
        """GarmentNet's embeddings (B, 128) of garments (B, 4, H, W)."""
        found = []
        for garment in garments:
            colour = garment[:3] / garment[3:].clamp(min=1 / 255)
            found.append(embed(self.net, colour.clamp(0, 1), garment[3]))
        return torch.stack(found)

    def learn(self, garments: Tensor) -> None:
        """Keep the pooled features of garments that are asked for again and again."""
        self._known = garments, self.pooled(garments)

    def pooled(self, garments: Tensor) -> Tensor:
        """Lite0's features at strides 16 and 32, pooled: (B, 432) of garments on white, seen at 128 x 128."""
        if self._known is not None and self._known[0] is garments:
            return self._known[1]
        found = []
        for part in on_ground(garments, torch.ones(3)).split(32):
            large = part if part.shape[-1] == 128 else F.interpolate(part, size=(128, 128), mode="bilinear")
            found += [torch.cat([x.mean((1, 2)) for x in levels[3:]]) for levels in self.lite0.see(list(large))]
        return torch.stack(found)


def gathered(rows: PictureTables, side: int) -> Asked:
    """The tables' garments at a side."""
    garments = to_unit(torch.from_numpy(np.array(rows.pictures)))
    if side != garments.shape[-1]:
        garments = F.avg_pool2d(garments, garments.shape[-1] // side)
    return Asked(garments, torch.from_numpy(np.array(rows.embeddings)), torch.from_numpy(np.array(rows.kinds)))


@torch.inference_mode()
def imagined(pictures: Pictures, asked: Asked, seed: int, count: int | None = None) -> Tensor:
    """A garment for each of the first `count` that are asked for."""
    features = pictures.features(asked.embeddings[:count])
    noise = torch.randn(len(features), pictures.config.noise, generator=torch.Generator().manual_seed(seed))
    parts = zip(noise.split(32), features.split(32), asked.kinds[:count].split(32), strict=True)
    return torch.cat([pictures.generator(*part, pictures.config.side) for part in parts])


def nearest(pictures: Pictures, asked: Asked, training: Asked) -> Tensor:
    """(N, NEAREST) places of the training garments of the same category that are nearest to what is asked for."""
    cosine = pictures.features(asked.embeddings) @ pictures.features(training.embeddings).T
    cosine.masked_fill_(asked.kinds[:, None] != training.kinds[None], -2.0)
    return cosine.topk(NEAREST, 1).indices


def measured(made: Tensor, asked: Asked, training: Asked, seen: Lenses) -> dict[str, Any]:
    """One row: distance to unseen real garments, fidelity and diversity, and whether it is what was asked for."""
    fake, real = seen.pooled(made), seen.pooled(asked.garments)
    return {
        "kernel_distance": kernel_distance(fake, real),
        **{name: round(value, 4) for name, value in manifold_scores(real, fake).items()},
        "round_trip_hit10": round_trip(seen.embedded(made), asked.embeddings, training.embeddings),
        "round_trip_hit10_lite0": round_trip(fake, real, seen.pooled(training.garments)),
    }


def round_trip(made: Tensor, asked: Tensor, others: Tensor) -> float:
    """How often what was asked for is among the ten nearest of a thousand garments to what was made of it.

    Args:
        made: (N, D) features of what was made.
        asked: (N, D) of what was asked for; all are in the gallery.
        others: at least so many that the gallery holds `GALLERY`.
    """
    gallery = torch.cat([asked, others])[:GALLERY]
    middle = gallery.mean(0)
    scores = F.normalize(made - middle, dim=1) @ F.normalize(gallery - middle, dim=1).T
    own = scores[torch.arange(len(made)), torch.arange(len(made))]
    return round(float(((scores > own[:, None]).sum(1) < HIT).float().mean()), 4)


def kernel_distance(fake: Tensor, real: Tensor) -> dict[str, float]:
    """Unbiased squared maximum mean discrepancy under (x.y / D + 1)^3 (Binkowski et al. 2018, arXiv:1801.01401).

    Features are divided by the real ones' spread, so that the number does not hang on their scale. Mean and standard
    deviation over subsets.
    """
    scale = real.std(0).clamp(min=1e-6)
    fake, real = (fake / scale).double(), (real / scale).double()
    rng = np.random.default_rng(0)
    size = min(SUBSET, len(fake), len(real))
    found = []
    for _ in range(SUBSETS):
        x, y = (rows[torch.from_numpy(rng.permutation(len(rows))[:size])] for rows in (fake, real))
        xx, yy, xy = ((a @ b.T / a.shape[1] + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
        within = [(k.sum() - k.diagonal().sum()) / (size * (size - 1)) for k in (xx, yy)]
        found.append(float(within[0] + within[1] - 2 * xy.mean()))
    return {"mean": round(float(np.mean(found)), 4), "spread": round(float(np.std(found)), 4)}


def variance(pictures: Pictures, asked: Asked, seen: Lenses) -> dict[str, float]:
    """How much the noise changes a picture, beside how much what is asked for does (in embeddings)."""
    conditions, draws = VARIED
    found = torch.stack([seen.embedded(imagined(pictures, asked, 100 + k, conditions)) for k in range(draws)], 1)
    of_noise = float(variance_per_condition(found).mean())
    between = float(variance_per_condition(found.mean(1)[None]).mean())
    return {"noise": round(of_noise, 4), "conditions": round(between, 4)}


def copying(made: Tensor, asked: Asked, training: Asked, seen: Lenses) -> dict[str, float]:
    """Cosine to the nearest training picture: of imagined garments, and of unseen real ones as a measure.

    Were the generator copying, its pictures would lie nearer to a training picture than unseen real ones do.
    """
    known = seen.pooled(training.garments)
    middle = known.mean(0)
    known = F.normalize(known - middle, dim=1)
    near = [
        (F.normalize(seen.pooled(garments) - middle, dim=1) @ known.T).max(1).values
        for garments in (made, asked.garments)
    ]
    limit = near[1].quantile(0.99)
    return {
        "imagined_median": round(float(near[0].median()), 4),
        "unseen_real_median": round(float(near[1].median()), 4),
        "nearer_than_99_percent_of_unseen": round(float((near[0] > limit).float().mean()), 4),
    }


def objective(run: Path, asked: Asked, training: Asked, seen: Lenses) -> dict[str, Any]:
    """The collapse monitors of one trained for comparison, at its own side."""
    weights.record("weights", run)
    pictures = weights.load(Pictures, "weights", run)
    small = asked
    if pictures.config.side != asked.garments.shape[-1]:
        size = (pictures.config.side, pictures.config.side)
        small = Asked(F.interpolate(asked.garments, size=size, mode="area"), asked.embeddings, asked.kinds)
    made = imagined(pictures, small, 0)
    scores = measured(made, small, training, seen)
    return scores | {"side": pictures.config.side, "variance": variance(pictures, small, seen)}


def sheet(pictures: Pictures, asked: Asked, training: Asked, seen: Lenses) -> Image.Image:
    """Asked for; imagined, twice; and the training picture that looks most like the first of them."""
    chosen = torch.linspace(0, len(asked.kinds) - 1, 4 * SHEET).long()
    few = Asked(asked.garments[chosen], asked.embeddings[chosen], asked.kinds[chosen])
    first, second = imagined(pictures, few, 0), imagined(pictures, few, 1)
    known, found = seen.pooled(training.garments), seen.pooled(first)
    middle = known.mean(0)
    like = (F.normalize(found - middle, dim=1) @ F.normalize(known - middle, dim=1).T).argmax(1)
    strips = [on_ground(x, torch.ones(3)) for x in (few.garments, first, second, training.garments[like])]
    gap = torch.full((len(chosen), 3, strips[0].shape[-2], 8), 0.85)
    return to_image(to_pixels(tiled(torch.cat([*strips, gap], 3), 4)))
