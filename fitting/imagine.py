"""Garments that nobody made: what the recommender would like a shopper to like, drawn instead of looked up.

The recommender's generator draws features of its own shop; undoing their whitening gives embeddings, which the
generator of pictures was told in training. So one generator of pictures serves every shop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from fitting import weights
from fitting.cutout import MARGIN, box_of
from fitting.garment import CATEGORIES, Category, Garment, embed
from fitting.garment_net import GarmentNet
from fitting.images import to_image, to_pixels, to_tensor, to_unit
from fitting.picture_net import Pictures, Sight, on_ground
from fitting.recommend import Taste

LARGE = 512  # side at which an imagined garment is worn: its edge would show steps at its own
NEARBY = 0.5  # how far "more like this" moves noise and wish: radians on the way to others
APART = 0.6  # the same for the wishes of one shopper, which a recommender that is sure of itself makes much alike
ORANGE = (214.0, 92.0, 40.0)
LEAST = 0.02  # share of a picture that must be garment


@dataclass(frozen=True)
class Imagined:
    """One imagined garment.

    Attributes:
        picture: RGB on white, as large as it was made.
        garment: ready to be worn.
        asked: (F,) the generator's own feature of what was asked for, unit length.
        noise: (Z,) it was made from.
    """

    picture: Image.Image
    garment: Garment
    asked: Tensor
    noise: Tensor


class Imagination:
    """Makes pictures of garments from embeddings. Serves many threads."""

    def __init__(self, pictures: Pictures, net: GarmentNet) -> None:
        """
        Args:
            net: embeds what is made, so that it can be recommended from and looked up.
        """
        self.pictures, self.net = pictures.eval(), net
        self._sight = Sight(net.encoder, pictures.config.judge)

    @classmethod
    def load(cls, net: GarmentNet, folder: Path | None = None) -> Imagination:
        """With the shipped weights, or those in another folder.

        Raises:
            WeightsError: they are missing or damaged.
        """
        return cls(weights.load(Pictures, "pictures", folder), net)

    def imagine(self, asked: Tensor, categories: Sequence[Category], seed: int = 0) -> list[Imagined]:
        """A garment for each embedding; those that came out empty are left out.

        Args:
            asked: (N, D), any length.
            categories: N of them.
            seed: the same gives the same pictures.
        """
        random = torch.Generator().manual_seed(seed)
        noise = torch.randn(len(asked), self.pictures.config.noise, generator=random)
        wishes = self.pictures.features(F.normalize(asked, dim=1))
        return self._made(_beside(wishes, APART, random), categories, noise)

    def more_like(self, one: Imagined, count: int, seed: int = 0) -> list[Imagined]:
        """Others, their noise and the wish moved a little: noise alone changes next to nothing that is seen."""
        random = torch.Generator().manual_seed(seed)
        other = torch.randn(count, len(one.noise), generator=random)
        noise = math.cos(NEARBY) * one.noise + math.sin(NEARBY) * other
        wishes = _beside(one.asked.expand(count, -1), NEARBY, random)
        return self._made(wishes, [one.garment.category] * count, noise)

    @torch.inference_mode()
    def doubted(self, one: Imagined) -> Image.Image:
        """The picture, orange where the discriminator believes it least, compared with the rest of the same picture."""
        picture = to_unit(to_tensor(one.picture))[None]
        kind = torch.tensor([CATEGORIES.index(one.garment.category)])
        maps = self.pictures.judge.maps(self._sight(picture), one.asked[None], kind)
        size = picture.shape[-2:]
        belief = torch.stack([F.interpolate(x, size=size, mode="bilinear")[0] for x in maps]).mean(0)
        doubt = (belief.max() - belief) / (belief.max() - belief.min()).clamp(min=1e-6)
        orange = torch.tensor(ORANGE)[:, None, None] / 255
        return to_image(to_pixels(torch.lerp(picture[0], orange.expand_as(picture[0]), 0.75 * doubt.square())))

    @torch.inference_mode()
    def _made(self, asked: Tensor, categories: Sequence[Category], noise: Tensor) -> list[Imagined]:
        kinds = torch.tensor([CATEGORIES.index(category) for category in categories])
        side = self.pictures.config.side
        drawn = self.pictures.generator(noise, asked, kinds, side)
        shown = to_pixels(on_ground(drawn, torch.ones(3)))
        made = []
        for row, category in enumerate(categories):
            garment = wearable(drawn[row], category, self.net)
            if garment is not None:
                made.append(Imagined(to_image(shown[row]), garment, asked[row].clone(), noise[row].clone()))
        return made


def _beside(wishes: Tensor, angle: float, random: torch.Generator) -> Tensor:
    """(N, F) features so many radians from others, each in a direction of its own: where they are whitened, any is one
    in which garments differ."""
    aside = torch.randn(wishes.shape, generator=random)
    aside = F.normalize(aside - (aside * wishes).sum(1, keepdim=True) * wishes, dim=1)
    return math.cos(angle) * wishes + math.sin(angle) * aside


def wearable(drawn: Tensor, category: Category, net: GarmentNet) -> Garment | None:
    """A drawn garment (4, side, side) as the fitting room takes it; None where there is next to nothing of it."""
    large = F.interpolate(drawn[None], size=(LARGE, LARGE), mode="bicubic", align_corners=False)[0].clamp(0, 1)
    mask = ((large[3] - 0.25) / 0.5).clamp(0, 1)
    box = box_of(mask, MARGIN)
    if box is None or (mask > 0.5).float().mean() < LEAST:
        return None
    top, left, bottom, right = box
    cloth, inside = large[:, top:bottom, left:right].clone(), mask[top:bottom, left:right].clone()
    image = (cloth[:3] / cloth[3:].clamp(min=0.05)).clamp(0, 1)
    return Garment(image, inside, category, embed(net, image, inside))


@torch.inference_mode()
def embeddings_of(taste: Taste, features: Tensor, catalogue: Tensor) -> Tensor:
    """Undo a recommender's whitening: the embeddings of garments with these features.

    Features have lost their length; the catalogue's own is put in its place.

    Args:
        features: (N, feature), unit length.
        catalogue: (M, given) embeddings of real items.

    Returns:
        (N, given) of unit length.
    """
    length = ((catalogue - taste.mean) @ taste.whitening).norm(dim=1).median()
    back = torch.linalg.pinv(taste.whitening)
    return F.normalize(taste.mean + length * features @ back, dim=1)
