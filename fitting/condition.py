"""What is known of a shopper, for a batch of shoppers, and its encoder: what generator and discriminator are told."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitting.events import LOUDNESS, EventKind
from fitting.garment import Category

KINDS = tuple(EventKind)  # an event's kind is stored as its place here
DAY = 86400.0


@dataclass(frozen=True)
class Condition:
    """What is known of B shoppers. Every block may be absent: a newcomer has none.

    Attributes:
        items: (B, L, D) features of the history's items, zero where a history is shorter.
        kinds: (B, L) what was done with them, places in `KINDS`.
        ages: (B, L) days since.
        present: (B, L) bool, false where a history is shorter.
        viewed: (B, D) feature of the item being viewed or worn; zero for none.
        category: (B,) the wanted category, from 1; 0 for any.
        attributes: (B, A) the shopper's attributes; zero for unknown.
    """

    items: Tensor
    kinds: Tensor
    ages: Tensor
    present: Tensor
    viewed: Tensor
    category: Tensor
    attributes: Tensor

    def __len__(self) -> int:
        return len(self.viewed)

    def take(self, rows: Tensor) -> Condition:
        """Some of the shoppers, in this order."""
        return Condition(*(getattr(self, field.name)[rows] for field in fields(self)))

    def repeated(self, times: int) -> Condition:
        """Each shopper so many times in a row."""
        return self.take(torch.arange(len(self), device=self.viewed.device).repeat_interleave(times))

    def dropped(self, share: float, random: torch.Generator) -> Condition:
        """Each block taken away from a random share of the shoppers, so that all kinds of visitor are learned."""
        keep = (torch.rand(4, len(self), generator=random) >= share).to(self.viewed.device)
        return Condition(
            self.items * keep[0, :, None, None],
            self.kinds,
            self.ages,
            self.present & keep[0, :, None],
            self.viewed * keep[1, :, None],
            self.category * keep[2],
            self.attributes * keep[3, :, None],
        )

    def keeping(self, kept: Tensor) -> Condition:
        """The same shoppers as if the rest of their histories, where `kept` (B, L) is false, had never been."""
        present = self.present & kept
        return replace(self, items=self.items * present[..., None], present=present)


@dataclass(frozen=True)
class TasteConfig:
    """Shape of generator and discriminator; stored beside their weights.

    Attributes:
        given: numbers of a garment's embedding, before whitening.
        feature: numbers of an item's feature.
        noise: numbers of z.
        width: of hidden layers.
        token: numbers that stand for an event of the history.
        heads: of the attention over the history.
        categories, attributes: of items, and of shoppers.
        sharpness: of the kernel around each draw, to begin with.
        dropout: of hidden numbers in training.
        blend: weights of the served score's parts (`fitting.ranking.PARTS`), chosen by validation.
    """

    given: int = 128
    feature: int = 64
    noise: int = 64
    width: int = 256
    token: int = 64
    heads: int = 4
    categories: int = len(Category)
    attributes: int = 0
    sharpness: float = 20.0
    dropout: float = 0.2
    blend: tuple[float, float, float, float] = (1.0, 0.0, 0.5, 0.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "blend", tuple(self.blend))  # JSON knows lists alone


class ConditionEncoder(nn.Module):
    """History, item in view, wanted category and attributes -> one vector, and a first guess.

    The history is pooled twice: by attention, whose questions depend on what is in view and wanted, so that of a
    long history that part speaks which matters now; and as a plain weighted sum, which loses nothing linear.
    """

    def __init__(self, config: TasteConfig) -> None:
        super().__init__()
        width, token, self.heads = config.width, config.token, config.heads
        self.item = nn.Linear(config.feature, token)
        self.kind = nn.Embedding(len(KINDS), token)
        self.recency = nn.Linear(3, token)
        self.value = nn.Linear(token, token)
        self.key = nn.Linear(token, token)
        self.category = nn.Embedding(config.categories + 1, width)
        self.context = nn.Linear(config.feature + config.attributes + 2, width)
        self.question = nn.Linear(width, token)
        self.loudness = nn.Linear(len(KINDS) + 3, 1)
        self.sum = nn.Linear(config.feature, config.feature, bias=False)
        self.join = nn.Linear(token + width + config.feature, width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, condition: Condition) -> tuple[Tensor, Tensor]:
        """What is told (B, width), and the sum of the history (B, feature)."""
        return self.attend(condition)[:2]

    def attend(self, condition: Condition) -> tuple[Tensor, Tensor, Tensor]:
        """The same, and how much attention each place of the history gets: (B, L), rows sum to 1 or 0."""
        present = condition.present
        number = present.sum(1, keepdim=True).float()
        seen = condition.viewed.abs().sum(1, keepdim=True).sign()
        about = torch.cat([condition.viewed, condition.attributes, seen, number.log1p() / 4], 1)
        context = F.gelu(self.context(about) + self.category(condition.category))
        recency = _recency(condition.ages)
        token = self.item(condition.items) + self.kind(condition.kinds) + self.recency(recency)
        # The same numbers of all of a shopper's events are dropped: cheaper, and no event can stand in for another.
        token = F.gelu(token) * self.dropout(token.new_ones(len(condition), 1, token.shape[-1]))
        parts = (len(condition), -1, self.heads, token.shape[-1] // self.heads)
        key, value = self.key(token).reshape(parts), self.value(token).reshape(parts)
        question = self.question(context).reshape(len(condition), 1, *parts[2:])
        logits = (key * question).sum(-1) / parts[-1] ** 0.5
        weight = logits.masked_fill(~present[..., None], -1e9).softmax(1) * present[..., None]
        pooled = (weight[..., None] * value).sum(1).flatten(1)
        kinds = F.one_hot(condition.kinds, len(KINDS)).to(recency.dtype)
        # A tanh, for what is disliked speaks against its like.
        loud = self.loudness(torch.cat([kinds, recency], -1)).tanh() * present[..., None]
        total = self.sum((loud * condition.items).sum(1) / number.clamp(min=1).sqrt())
        return self.join(torch.cat([self.dropout(F.gelu(pooled)), total, context], 1)), total, weight.mean(-1)

    @torch.no_grad()
    def begin(self, features: Tensor, links: Any = None) -> None:
        """Begin with a linear model, before anything is learned.

        Args:
            features: (N, feature) of the catalogue.
            links: (N, N) item-to-item weights, dense or sparse, such as EASE's: the sum of the history then begins
                as near to them as products of features can come, in least squares. Without, it begins as a sum of
                what items have beyond the common.
        """
        loud = torch.tensor([min(LOUDNESS[kind], 0.95) for kind in KINDS]).atanh()
        self.loudness.weight.zero_()
        self.loudness.weight[0, : len(KINDS)] = loud
        self.loudness.bias.zero_()
        if links is None:
            middle = features.mean(0)
            self.sum.weight.copy_(torch.eye(len(middle)) - torch.outer(middle, middle))
            return
        inverse = np.linalg.pinv(features.numpy().astype(np.float64))  # (D, N)
        pairs = torch.from_numpy((links.T @ inverse.T).T @ inverse.T).float()  # (D, D)
        self.sum.weight.copy_(pairs.T / (features @ pairs).norm(dim=1).mean().clamp(min=1e-9))


def _recency(ages: Tensor) -> Tensor:
    """(B, L, 3): how long ago, on the scales of a day, a month and a year."""
    return torch.stack([(-ages / days).exp() for days in (1.0, 30.0, 365.0)], -1)
