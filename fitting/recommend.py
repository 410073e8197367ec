"""The conditional GAN that recommends: from noise and what is known of a shopper, the feature of an item to like.

    min_G max_D E[log D(x, y)] + E[log(1 - D(G(z, y), y))]

x is the feature of an item that a shopper did choose, y the condition (`fitting.condition`), z noise. Features are
whitened and of unit length, so that a generated one is looked up among real items by its cosine. The generator's
draws for one shopper stand for a distribution over items: a kernel estimate turns them into scores.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitting.condition import Condition, ConditionEncoder, TasteConfig


class Generator(nn.Module):
    """z and a condition -> a feature of unit length.

    A residual network that begins at what is in view and what the history sums up to, as a transformation of
    features (Huynh et al. 2018, CRAFT) and not as an invention from nothing.
    """

    def __init__(self, config: TasteConfig) -> None:
        super().__init__()
        width = config.width
        self.noise = config.noise
        self.encoder = ConditionEncoder(config)
        self.enter = nn.Linear(width + config.noise, 2 * width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(2 * width),
                nn.Linear(2 * width, 2 * width),
                nn.GELU(),
                nn.Dropout(config.dropout),
                nn.Linear(2 * width, 2 * width),
            )
            for _ in range(2)
        )
        self.norm = nn.LayerNorm(2 * width)
        self.leave = nn.Linear(2 * width, config.feature)
        nn.init.normal_(self.leave.weight, std=0.01 / (2 * width) ** 0.5)  # begin with the first guess
        nn.init.zeros_(self.leave.bias)
        # How narrow a kernel around each draw explains the choices best: learned with the contrastive term.
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(config.sharpness)))

    def forward(self, noise: Tensor, condition: Condition) -> Tensor:
        """(B, noise) and B shoppers -> (B, feature)."""
        return self.draws(condition, noise[:, None])[:, 0]

    def draws(self, condition: Condition, noise: Tensor) -> Tensor:
        """K draws for each of B shoppers, encoded once: noise (B, K, noise) -> (B, K, feature)."""
        told, total = self.encoder(condition)
        start = (condition.viewed + total)[:, None]
        hidden = F.gelu(self.enter(torch.cat([told[:, None].expand(-1, noise.shape[1], -1), noise], 2)))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return F.normalize(start + self.leave(self.norm(hidden)), dim=2)

    @property
    def sharpness(self) -> Tensor:
        return self.log_sharpness.exp()


class Discriminator(nn.Module):
    """Scores a feature, told the condition, by projection (Miyato and Koyama 2018, arXiv:1802.05637)."""

    def __init__(self, config: TasteConfig) -> None:
        super().__init__()
        width = config.width
        self.encoder = ConditionEncoder(config)
        self.body = nn.Sequential(nn.Linear(config.feature, width), nn.GELU(), nn.Linear(width, width), nn.GELU())
        self.real = nn.Linear(width, 1)
        self.project = nn.Linear(width, width)

    def forward(self, feature: Tensor, condition: Condition) -> Tensor:
        """(B, feature) and B shoppers -> (B,) logits."""
        return self.judged(feature, self.told(condition))

    def told(self, condition: Condition) -> Tensor:
        """What B shoppers' items are judged by: (B, width). One's many items are judged by one look at the shopper."""
        told: Tensor = self.project(self.encoder(condition)[0])
        return told / told.shape[1] ** 0.5

    def judged(self, feature: Tensor, told: Tensor) -> Tensor:
        """Features (..., feature), what is told of their shoppers (..., width) -> (...,) logits."""
        seen = self.body(feature)
        return self.real(seen)[..., 0] + (seen * told).sum(-1)

    def scores(self, features: Tensor, condition: Condition) -> Tensor:
        """Every one of (N, feature) for each of B shoppers: (B, N) logits."""
        seen = self.body(features)
        return self.real(seen)[:, 0] + self.told(condition) @ seen.T


class Taste(nn.Module):
    """Both players and the whitening that they were trained with: what is saved and loaded."""

    Config = TasteConfig
    mean: Tensor
    whitening: Tensor

    def __init__(self, config: TasteConfig | None = None) -> None:
        super().__init__()
        self.config = config or TasteConfig()
        self.generator = Generator(self.config)
        self.discriminator = Discriminator(self.config)
        self.register_buffer("mean", torch.zeros(self.config.given))
        self.register_buffer("whitening", torch.zeros(self.config.given, self.config.feature).fill_diagonal_(1))

    def features(self, embeddings: Tensor) -> Tensor:
        """Garments' embeddings (N, given) -> items' features (N, feature), whitened and of unit length."""
        return F.normalize((embeddings - self.mean) @ self.whitening, dim=1)

    def learn_whitening(self, embeddings: Tensor, floor: float = 0.01) -> None:
        """Decorrelate embeddings by their principal components, all given the same spread.

        Args:
            embeddings: (N, given) of a whole catalogue.
            floor: components with less than this share of the greatest spread are not blown up further, else
                few items' noise would be as loud as the catalogue's variety.
        """
        mean = embeddings.mean(0)
        _, spread, components = torch.linalg.svd(embeddings - mean, full_matrices=False)
        kept = min(self.config.feature, len(spread))
        whitening = torch.zeros_like(self.whitening)
        scale = spread[:kept].clamp(min=floor * spread[0].item()) / len(embeddings) ** 0.5
        whitening[:, :kept] = components[:kept].T / scale
        self.mean.copy_(mean)
        self.whitening.copy_(whitening)


def density(drawn: Tensor, features: Tensor, sharpness: Tensor | float) -> Tensor:
    """Log of a kernel estimate, at each item, of the distribution that draws come from.

    The kernel is von Mises and Fisher's, exp(sharpness * cosine), without its constant.

    Args:
        drawn: (B, K, D) draws of B shoppers, unit length.
        features: (N, D) of items, unit length.

    Returns:
        (B, N).
    """
    cosine = torch.einsum("bkd,nd->bkn", drawn, features)
    return torch.logsumexp(sharpness * cosine, 1) - math.log(drawn.shape[1])
