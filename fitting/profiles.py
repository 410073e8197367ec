"""Item profiles: how a garment that nobody has a picture of would look to GarmentNet, from what is said of it.

    min_G max_D E[log D(x, y)] + E[log(1 - D(G(z, y), y))]

x is the embedding of a garment's picture, y what the shop says of it (`fitting.attributes`), z noise: what is said
leaves much open, and different z are different garments that it fits. The item is then recommended and found like all
others (GAR, Chen et al. 2022: a generator of cold items' embeddings from content). Two plain alternatives are kept
beside the generator, and `served` says which of the three was best at its job when that was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitting import weights
from fitting.attributes import WIDTH, Description, numbers
from fitting.item import Item

SERVED = ("generator", "linear", "neighbours")


@dataclass(frozen=True)
class ProfileConfig:
    """Shape of both players, and what is served; stored beside their weights.

    Attributes:
        given: numbers of a description.
        embedding: numbers of a garment's embedding.
        noise: numbers of z.
        width: of hidden layers.
        dropout: of hidden numbers in training.
        draws: whose mean is an item's profile.
        known: described garments kept for the nearest neighbours.
        neighbours: how many of them count.
        near: how quickly they count less with distance.
        served: one of `SERVED`.
        network: whose embeddings these are (`fitting.looks.network_name`).
    """

    given: int = WIDTH
    embedding: int = 128
    noise: int = 16
    width: int = 160
    dropout: float = 0.2
    draws: int = 16
    known: int = 0
    neighbours: int = 10
    near: float = 8.0
    served: str = "generator"
    network: str = ""

    def __post_init__(self) -> None:
        if self.served not in SERVED:
            raise ValueError(f"served must be one of {', '.join(SERVED)}, not {self.served!r}")


class Generator(nn.Module):
    """z and a description -> an embedding of unit length: a linear guess, and what a residual network adds to it."""

    def __init__(self, config: ProfileConfig) -> None:
        super().__init__()
        width = config.width
        self.noise = config.noise
        self.guess = nn.Linear(config.given, config.embedding)
        self.enter = nn.Linear(config.given + config.noise, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Dropout(config.dropout),
                          nn.Linear(width, width))
            for _ in range(2)
        )  # fmt: skip
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, config.embedding)
        nn.init.normal_(self.leave.weight, std=0.01 / width**0.5)  # begin with the guess
        nn.init.zeros_(self.leave.bias)
        self.log_sharpness = nn.Parameter(torch.tensor(3.0))  # of the contrastive term's kernel

    def forward(self, noise: Tensor, said: Tensor) -> Tensor:
        """(..., noise) and (..., given) -> (..., embedding)."""
        hidden = F.gelu(self.enter(torch.cat([said, noise], -1)))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return F.normalize(self.guess(said) + self.leave(self.norm(hidden)), dim=-1)


class Discriminator(nn.Module):
    """Scores an embedding, told the description, by projection (Miyato and Koyama 2018, arXiv:1802.05637)."""

    def __init__(self, config: ProfileConfig) -> None:
        super().__init__()
        width = config.width
        self.body = nn.Sequential(nn.Linear(config.embedding, width), nn.GELU(), nn.Linear(width, width), nn.GELU())
        self.real = nn.Linear(width, 1)
        self.told = nn.Sequential(nn.Linear(config.given, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, embedding: Tensor, said: Tensor) -> Tensor:
        """(B, embedding) and (B, given) -> (B,) logits."""
        seen = self.body(embedding)
        return self.real(seen)[:, 0] + (seen * self.told(said)).sum(-1) / seen.shape[1] ** 0.5


class Linear(nn.Module):
    """The plain alternative that knows nothing of noise: ridge regression of the embedding on the description."""

    def __init__(self, config: ProfileConfig) -> None:
        super().__init__()
        self.map = nn.Linear(config.given, config.embedding)

    def forward(self, said: Tensor) -> Tensor:
        """(B, given) -> (B, embedding)."""
        return F.normalize(self.map(said), dim=-1)

    @torch.no_grad()
    def fit(self, said: Tensor, embeddings: Tensor, weight: Tensor, penalty: float) -> Linear:
        """In closed form.

        Args:
            weight: (N,) how much each garment counts.
            penalty: on the squared coefficients, in garments of mean weight.
        """
        share = (weight / weight.sum()).double()[:, None]
        x, y = said.double(), embeddings.double()
        middle, mean = (share * x).sum(0), (share * y).sum(0)
        x, y = x - middle, y - mean
        gram = (x * share).T @ x + penalty / len(said) * torch.eye(x.shape[1], dtype=x.dtype)
        found = torch.linalg.solve(gram, (x * share).T @ y)
        self.map.weight.copy_(found.T)
        self.map.bias.copy_(mean - middle @ found)
        return self


class Neighbours(nn.Module):
    """The other plain alternative: the mean embedding of the garments that the same is said of."""

    said: Tensor
    embeddings: Tensor

    def __init__(self, config: ProfileConfig) -> None:
        super().__init__()
        self.count, self.near = config.neighbours, config.near
        self.register_buffer("said", torch.zeros(config.known, config.given))
        self.register_buffer("embeddings", torch.zeros(config.known, config.embedding))

    def forward(self, said: Tensor) -> Tensor:
        """(B, given) -> (B, embedding)."""
        apart, place = torch.cdist(said, self.said).topk(min(self.count, len(self.said)), largest=False)
        share = (-self.near * (apart - apart[:, :1])).softmax(1)
        return F.normalize((share[..., None] * self.embeddings[place]).sum(1), dim=1)


class Profiles(nn.Module):
    """Both players and both alternatives: what is saved and loaded."""

    Config = ProfileConfig

    def __init__(self, config: ProfileConfig | None = None) -> None:
        super().__init__()
        self.config = config or ProfileConfig()
        self.generator = Generator(self.config)
        self.discriminator = Discriminator(self.config)
        self.linear = Linear(self.config)
        self.neighbours = Neighbours(self.config)

    @classmethod
    def load(cls, folder: Path | None = None) -> Profiles:
        """The shipped ones, or those in another folder of weights.

        Raises:
            WeightsError: they are missing or damaged.
        """
        return weights.load(cls, "profiles", folder)

    @classmethod
    def fitting(cls, network: str, folder: Path | None = None) -> Profiles | None:
        """Those whose profiles can stand beside a network's embeddings; None where there are none.

        Raises:
            WeightsError: they are damaged.
        """
        if not ((folder or weights.FOLDER) / "profiles" / "config.json").is_file():
            return None
        profiles = cls.load(folder)
        return profiles if profiles.config.network == network else None

    @torch.inference_mode()
    def draws(self, said: Tensor, count: int, seed: int = 0) -> Tensor:
        """Garments that descriptions (B, given) fit: (B, count, embedding)."""
        random = torch.Generator().manual_seed(seed)
        noise = torch.randn(len(said), count, self.config.noise, generator=random)
        return self.generator(noise, said[:, None].expand(-1, count, -1))

    @torch.inference_mode()
    def profile(self, said: Tensor, served: str | None = None) -> Tensor:
        """The embedding that stands for items without pictures.

        Args:
            said: (B, given) numbers of their descriptions.
            served: one of `SERVED`; by default what is served.

        Returns:
            (B, embedding), unit length.
        """
        served = served or self.config.served
        if served == "generator":
            return F.normalize(self.draws(said, self.config.draws).mean(1), dim=1)
        plain: Any = self.linear if served == "linear" else self.neighbours
        return plain(said)

    def of_items(self, items: list[Item]) -> Tensor:
        """(N, embedding) of items, from what the catalogue says of them."""
        return self.of([Description.of(item) for item in items])

    def of(self, said: list[Description]) -> Tensor:
        """(N, embedding) of descriptions."""
        return self.profile(torch.stack([torch.from_numpy(numbers(one)) for one in said]))
