"""What a batch's draws are held against: the items that a shopper might have chosen instead."""

from __future__ import annotations

import torch
from torch import Tensor

from fitting.recommend import density
from fitting.training.choices import Choices


class Candidates:
    """The items that a batch's choices are held against: all, or in larger catalogues some at random.

    Args:
        features: (N, D) of the catalogue.
        most: candidates at most, besides what the batch chose.
    """

    def __init__(self, features: Tensor, choices: Choices, most: int, random: torch.Generator) -> None:
        if len(features) <= most:
            place, self.features = torch.arange(len(features)), features
        else:
            sampled = torch.randint(len(features), (most,), generator=random)
            wanted = torch.cat([sampled, choices.items]).unique()
            place = torch.full((len(features),), -1)
            place[wanted] = torch.arange(len(wanted))
            self.features = features[wanted]
        self._rows, self._items = choices.rows, place[choices.items]
        known = place[choices.known_items]
        self._known_rows, self._known = choices.known_rows[known >= 0], known[known >= 0]

    def served(self, drawn: Tensor, sharpness: Tensor, random: torch.Generator) -> Tensor:
        """Draws (B, K, D) as the items that they would be served as, one at random by each draw's kernel.

        Real samples are items, of which there are few; a discriminator shown bare draws learns to tell an item from
        a place between items, and nothing of taste. Gradient passes straight through to the draw (Bengio et al.
        2013, arXiv:1308.3432).
        """
        with torch.no_grad():
            chance = sharpness * drawn @ self.features.T
            chance.transpose(1, 2)[self._known_rows, self._known] = -1e9  # as in serving, nothing that they have
            uniform = torch.rand(chance.shape, generator=random).clamp_(1e-9, 1 - 1e-7)
            chance -= (-uniform.log()).log()  # Gumbel's noise: a fair draw
            item = self.features[chance.argmax(2)]
        return drawn + (item - drawn).detach()

    def contrastive(self, drawn: Tensor, sharpness: Tensor, top: int | None = None) -> Tensor:
        """Minus the log likelihood of what was chosen, among candidates that the shopper had not.

        A shopper of many choices counts more, by their square root.

        Args:
            top: look at this many candidates of the highest density alone, and at what was chosen of them. A list
                shows few items; a kernel that must also explain the rarest choices does so at the list's cost.
        """
        logits = density(drawn, self.features, sharpness)
        had = torch.zeros_like(logits, dtype=torch.bool)
        had[self._known_rows, self._known] = True
        logits = logits.masked_fill(had, -1e9)
        reached = torch.ones_like(self._rows, dtype=torch.bool)
        if top is not None and top < logits.shape[1]:
            inside = logits.detach() >= logits.detach().topk(top, 1).values[:, -1:]
            logits = logits.masked_fill(~inside, -1e9)
            reached = inside[self._rows, self._items]
        rows = self._rows[reached]
        likely = logits.log_softmax(1)[rows, self._items[reached]]
        number = torch.bincount(rows, minlength=len(drawn)).clamp(min=1).sqrt()
        return -(likely / number[rows]).sum() / number.sum()


def some_chosen(choices: Choices, count: int, random: torch.Generator) -> Tensor:
    """(B, count) of what each shopper chose, at random, with repetition."""
    number = torch.bincount(choices.rows, minlength=len(choices.chosen))
    first = number.cumsum(0) - number
    place = (torch.rand(len(number), count, generator=random) * number[:, None]).long()
    return choices.items[choices.rows.argsort(stable=True)][first[:, None] + place]
