"""Does a generator collapse? Measures of fidelity and diversity on features of real and generated samples."""

from __future__ import annotations

import torch
from torch import Tensor


def manifold_scores(real: Tensor, fake: Tensor, neighbours: int = 5) -> dict[str, float]:
    """Precision, recall, density and coverage by nearest neighbours.

    Precision and recall: Kynkäänniemi et al. 2019 (arXiv:1904.06991). Density and coverage: Naeem et al. 2020
    (arXiv:2002.09797), which an outlier cannot inflate.

    Args:
        real, fake: (N, D) and (M, D) features, each more than `neighbours` long.

    Returns:
        precision, recall and coverage in [0, 1]; density from 0, about 1 where the distributions agree.
    """
    if min(len(real), len(fake)) <= neighbours:
        raise ValueError(f"need more than {neighbours} real and fake samples, got {len(real)} and {len(fake)}")
    real_radius = _radius(real, neighbours)
    fake_radius = _radius(fake, neighbours)
    between = torch.cdist(real, fake)
    in_real = between <= real_radius[:, None]
    in_fake = between <= fake_radius[None]
    return {
        "precision": in_real.any(0).float().mean().item(),
        "recall": in_fake.any(1).float().mean().item(),
        "density": in_real.float().sum(0).mean().item() / neighbours,
        "coverage": (between.min(1).values <= real_radius).float().mean().item(),
    }


def _radius(features: Tensor, neighbours: int) -> Tensor:
    """(N,) distance of each point to its k-th nearest other point."""
    distances = torch.cdist(features, features)
    return distances.kthvalue(neighbours + 1, dim=1).values  # the nearest is the point itself


def variance_per_condition(samples: Tensor) -> Tensor:
    """How much samples of one condition differ: near 0 where the noise is ignored.

    Args:
        samples: (conditions, draws, D), at least two draws.

    Returns:
        (conditions,) mean squared distance of the draws to their mean.
    """
    if samples.ndim != 3 or samples.shape[1] < 2:
        raise ValueError(f"need (conditions, draws >= 2, D), got {tuple(samples.shape)}")
    return (samples - samples.mean(1, keepdim=True)).square().sum(-1).mean(1)
