"""Shopper profiles: histories that somebody might have had, from the little that is known of a shopper.

    min_G max_D E[log D(X, y)] + E[log(1 - D(G(z, y), y))]

X is a set of items' features that one shopper chose, y what is known of the shopper (a few items, favourite categories,
attributes such as age band and fit where a shop knows them), z noise. Virtual histories are for training alone (RAGAN
2019, AR-CF 2020: virtual users against sparsity); nobody is ever shown one, and no shopper is made from one person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from fitting.garment import Category


@dataclass(frozen=True)
class ShopperConfig:
    """Shape of both players; stored beside their weights.

    Attributes:
        feature: numbers of an item's feature.
        slots: items of a virtual history.
        noise: numbers of z.
        width: of hidden layers.
        categories: of items.
        attributes: numbers that tell age band, fit and the like; 0 where a shop knows nothing of the kind.
    """

    feature: int = 64
    slots: int = 5
    noise: int = 16
    width: int = 128
    categories: int = len(Category)
    attributes: int = 0


@dataclass(frozen=True)
class Known:
    """What is known of B shoppers. Every block may be zero: of a newcomer all are.

    Attributes:
        told: (B, D) mean feature of the items that they are known to like.
        count: (B, 1) how many these are.
        favourites: (B, categories) shares of categories.
        attributes: (B, A).
    """

    told: Tensor
    count: Tensor
    favourites: Tensor
    attributes: Tensor

    def numbers(self) -> Tensor:
        return torch.cat([self.told, self.count.log1p(), self.favourites, self.attributes], 1)

    def rolled(self) -> Known:
        """Each shopper told as the one before."""
        return Known(*(block.roll(1, 0) for block in vars(self).values()))


class ShopperGenerator(nn.Module):
    """z and what is known -> features of the items of a history, each of unit length."""

    def __init__(self, config: ShopperConfig) -> None:
        super().__init__()
        self.config = config
        given = config.feature + 1 + config.categories + config.attributes
        width = config.width
        self.enter = nn.Linear(given + config.noise, width)
        self.body = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.leave = nn.Linear(width, config.slots * config.feature)
        self.log_sharpness = nn.Parameter(torch.tensor(2.0))  # of the kernel by which features are items

    def forward(self, noise: Tensor, known: Known) -> Tensor:
        """(B, noise) and B shoppers -> (B, slots, feature)."""
        hidden = F.gelu(self.enter(torch.cat([known.numbers(), noise], 1)))
        drawn = self.leave(hidden + self.body(hidden)).reshape(len(noise), self.config.slots, -1)
        return F.normalize(known.told[:, None] + drawn, dim=2)


class ShopperDiscriminator(nn.Module):
    """Scores a set of features, in whatever order, told what is known (Zaheer et al. 2017, arXiv:1703.06114)."""

    def __init__(self, config: ShopperConfig) -> None:
        super().__init__()
        width = config.width
        self.each = nn.Sequential(nn.Linear(config.feature, width), nn.GELU(), nn.Linear(width, width))
        self.all = nn.Sequential(nn.Linear(2 * width, width), nn.GELU())
        self.real = nn.Linear(width, 1)
        self.told = nn.Linear(config.feature + 1 + config.categories + config.attributes, width)

    def forward(self, features: Tensor, known: Known) -> Tensor:
        """(B, slots, feature) and B shoppers -> (B,) logits."""
        each = self.each(features)
        seen = self.all(torch.cat([each.mean(1), each.std(1)], 1))
        return self.real(seen)[:, 0] + (seen * self.told(known.numbers())).sum(1) / seen.shape[1] ** 0.5


class Shoppers(nn.Module):
    """Both players: what is saved and loaded."""

    Config = ShopperConfig

    def __init__(self, config: ShopperConfig | None = None) -> None:
        super().__init__()
        self.config = config or ShopperConfig()
        self.generator = ShopperGenerator(self.config)
        self.discriminator = ShopperDiscriminator(self.config)

    @torch.inference_mode()
    def histories(self, known: Known, features: Tensor, seed: int = 0) -> list[NDArray[np.int64]]:
        """For each shopper the items of a virtual history: different ones, in no order.

        Args:
            features: (N, D) of the catalogue.
        """
        random = torch.Generator().manual_seed(seed)
        noise = torch.randn(len(known.told), self.config.noise, generator=random)
        drawn = self.generator(noise, known)
        items = as_items(drawn, features, self.generator.log_sharpness.exp(), random)
        return [np.unique(row) for row in items.numpy()]


@torch.no_grad()
def as_items(drawn: Tensor, features: Tensor, sharpness: Tensor, random: torch.Generator) -> Tensor:
    """(B, slots) places of items, each drawn by the kernel exp(sharpness * cosine) around a feature."""
    chance = sharpness * drawn @ features.T
    chance -= torch.empty_like(chance).exponential_(generator=random).log()  # Gumbel's noise: a fair draw
    return chance.argmax(2)


def known_of(
    found: list[NDArray[np.int64]], features: Tensor, categories: NDArray[np.int64] | None, config: ShopperConfig
) -> Known:
    """What lists of items tell of shoppers.

    Args:
        categories: (N,) of the items, from 1; None where they have none.
    """
    told = torch.zeros(len(found), config.feature)
    favourites = torch.zeros(len(found), config.categories)
    for row, items in enumerate(found):
        if len(items):
            told[row] = features[torch.from_numpy(items)].mean(0)
            if categories is not None:
                share = np.bincount(categories[items] - 1, minlength=config.categories) / len(items)
                favourites[row] = torch.from_numpy(share)
    count = torch.tensor([[float(len(items))] for items in found])
    return Known(told, count, favourites, torch.zeros(len(found), config.attributes))
