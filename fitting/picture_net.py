"""The networks that imagine garments: a small style-based generator of pictures, and the discriminator it learned from.

Noise and what is asked for (a garment's feature and its category) become a style, which scales the channels of every
convolution (Karras et al. 2020, arXiv:1912.04958). Coarse features excite fine ones, as in FastGAN (Liu et al. 2021,
arXiv:2101.04775).

The discriminator sees pictures through the frozen encoder of GarmentNet, mixed by random projections (Sauer et al.
2021, arXiv:2111.01007): it need not learn to see from three thousand pictures. It is told the condition by projection
(Miyato and Koyama 2018, arXiv:1802.05637), and judges patch by patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitting.encoder import CHANNELS, Encoder
from fitting.garment import CATEGORIES
from fitting.images import to_signed

SEEN = (1, 2, 3, 4)  # of the encoder's five features: at strides 4, 8, 16 and 32
DEEP = 3  # blocks with a second convolution: up to side 32
SIDES = (64, 128)  # of pictures; the smaller are learned first


@dataclass(frozen=True)
class PictureConfig:
    """Shape of generator and discriminator; stored beside their weights.

    Attributes:
        given: numbers of a garment's embedding, before whitening.
        feature: numbers of the whitened feature.
        noise: numbers of z.
        style: numbers that every block is told.
        widths: channels at sides 4, 8, 16, 32, 64 and 128.
        judge: channels of the discriminator.
        categories: that can be asked for.
        side: of the pictures to make: the largest that was learned.
    """

    given: int = 128
    feature: int = 64
    noise: int = 64
    style: int = 128
    widths: tuple[int, ...] = (128, 192, 128, 80, 48, 24)
    judge: int = 64
    categories: int = len(CATEGORIES)
    side: int = SIDES[-1]

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))  # JSON knows lists alone


class _Styled(nn.Module):
    """A convolution whose input channels are scaled by the style, and whose output is scaled back to unit spread.

    StyleGAN2's modulation (Karras et al. 2020, arXiv:1912.04958, section 2.2), applied to the channels before and
    after instead of to the weights: the same sum, and one convolution for the whole batch.
    """

    def __init__(self, inputs: int, outputs: int, style: int, larger: bool) -> None:
        """
        Args:
            larger: double the side on the way, by a transposed convolution; its kernel of 4 is a multiple of its
                stride, so that no chequers show.
        """
        super().__init__()
        self.larger = larger
        shape = (inputs, outputs, 4, 4) if larger else (outputs, inputs, 3, 3)
        taps = 4 if larger else 9  # that reach an output
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(shape), std=(inputs * taps) ** -0.5))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.style = nn.Linear(style, inputs)
        nn.init.normal_(self.style.weight, std=0.5 / style**0.5)
        nn.init.ones_(self.style.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        scale = self.style(style).float()  # (B, inputs)
        power = self.weight.float().square().sum((2, 3))
        power = power / 4 if self.larger else power.T  # (inputs, outputs)
        spread = (scale.square() @ power + 1e-6).rsqrt()[:, :, None, None]
        x = x * scale[:, :, None, None].to(x.dtype)
        x = F.conv_transpose2d(x, self.weight, None, 2, 1) if self.larger else F.conv2d(x, self.weight, None, 1, 1)
        return F.leaky_relu(torch.addcmul(self.bias[:, None, None].to(x.dtype), x, spread.to(x.dtype)), 0.2) * 1.4


class _Larger(nn.Module):
    """Twice the side; and, where it costs little, another convolution there."""

    def __init__(self, inputs: int, outputs: int, style: int, deep: bool) -> None:
        super().__init__()
        self.first = _Styled(inputs, outputs, style, True)
        self.second = _Styled(outputs, outputs, style, False) if deep else None

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        x = self.first(x, style)
        return x if self.second is None else self.second(x, style)


class _Excite(nn.Module):
    """Coarse features say how much each channel of finer ones counts (FastGAN's skip-layer excitation)."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(4), nn.Conv2d(coarse, fine, 4), nn.SiLU(), nn.Conv2d(fine, fine, 1), nn.Sigmoid()
        )

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        return fine * self.gate(coarse)


class PictureGenerator(nn.Module):
    """z, a feature and a category -> a garment on nothing."""

    def __init__(self, config: PictureConfig) -> None:
        super().__init__()
        widths, style = config.widths, config.style
        self.noise = config.noise
        self.category = nn.Embedding(config.categories, 32)
        asked = config.noise + config.feature + 32
        self.map = nn.Sequential(nn.Linear(asked, style), nn.SiLU(), nn.Linear(style, style), nn.SiLU())
        self.start = nn.Linear(style, widths[0] * 16)
        sizes = pairwise(widths)
        self.larger = nn.ModuleList(_Larger(a, b, style, place < DEEP) for place, (a, b) in enumerate(sizes))
        self.excite = nn.ModuleList([_Excite(widths[1], widths[4]), _Excite(widths[2], widths[5])])
        self.leave = nn.ModuleList(nn.Conv2d(width, 4, 3, padding=1) for width in widths[4:])
        # The larger picture begins as the smaller one and learns what that lacks (StyleGAN2's skips, section 4.1).
        for weight in self.leave[1].parameters():
            nn.init.zeros_(weight)

    def forward(self, noise: Tensor, feature: Tensor, category: Tensor, side: int = SIDES[-1]) -> Tensor:
        """Imagine B garments; the same noise gives the same picture.

        Args:
            noise: (B, noise) normal.
            feature: (B, feature) of unit length.
            category: (B,) place in `CATEGORIES`.
            side: 64 or 128.

        Returns:
            (B, 4, side, side) in [0, 1]: colours times alpha, and alpha; a colour is never above alpha.
        """
        # Features have unit length, noise has not: scaled alike, neither drowns the other.
        asked = torch.cat([noise, feature * feature.shape[1] ** 0.5, self.category(category)], 1)
        style = self.map(asked)
        x = self.start(style).unflatten(1, (-1, 4, 4))
        x = F.leaky_relu(x.contiguous(memory_format=torch.channels_last), 0.2)
        levels = [x]
        for place, block in enumerate(self.larger[: 4 if side == SIDES[0] else 5]):
            x = block(x, style)
            if place >= 3:
                x = self.excite[place - 3](levels[place - 2], x)
            levels.append(x)
        drawn = self.leave[0](levels[4]).float()
        if side != SIDES[0]:
            finer = self.leave[1](levels[5]).float()
            drawn = F.interpolate(drawn, scale_factor=2, mode="bilinear", align_corners=False) + finer
        drawn = drawn.sigmoid()
        return torch.cat([drawn[:, :3] * drawn[:, 3:], drawn[:, 3:]], 1)


class Sight(nn.Module):
    """What the discriminator sees: GarmentNet's features, mixed by fixed random projections.

    It is no part of the discriminator's weights, for its own are GarmentNet's, and the projections follow from a seed.
    """

    def __init__(self, encoder: Encoder, width: int) -> None:
        """
        Args:
            encoder: frozen here; its norms folded or in evaluation mode.
            width: channels after mixing.
        """
        super().__init__()
        self.encoder = encoder.eval().requires_grad_(False)
        random = torch.Generator().manual_seed(0)
        self.across = nn.ModuleList(_random_mix(CHANNELS[level], width, 1, random) for level in SEEN)
        self.down = nn.ModuleList(_random_mix(width, width, 3, random) for _ in SEEN[:-1])
        self.requires_grad_(False)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [0, 1] -> four (B, width, h, w), at strides 4 to 32."""
        features = self.encoder(to_signed(picture).contiguous(memory_format=torch.channels_last))
        x = self.across[-1](features[SEEN[-1]])
        mixed = [x]
        for place in (2, 1, 0):
            finer = self.across[place](features[SEEN[place]])
            x = self.down[place](finer + F.interpolate(x, size=finer.shape[-2:], mode="bilinear"))
            mixed.insert(0, x)
        return mixed


def _random_mix(inputs: int, outputs: int, kernel: int, random: torch.Generator) -> nn.Conv2d:
    mix = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    spread = (1 / (inputs * kernel * kernel)) ** 0.5
    mix.weight.data.copy_(torch.randn(mix.weight.shape, generator=random) * spread)
    return mix


class _Head(nn.Module):
    """Judges one of the features, patch by patch."""

    def __init__(self, width: int, halvings: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(halvings):
            layers += [nn.Conv2d(width, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.real = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        hidden = self.body(x)
        return self.real(hidden) + (hidden * told[:, :, None, None]).mean(1, keepdim=True)


class PictureJudge(nn.Module):
    """The discriminator on top of `Sight`; in training its heads are under spectral norm."""

    def __init__(self, config: PictureConfig) -> None:
        super().__init__()
        width = config.judge
        self.category = nn.Embedding(config.categories, width)
        self.told = nn.ModuleList(nn.Linear(config.feature + width, width) for _ in SEEN)
        self.heads = nn.ModuleList(_Head(width, halvings) for halvings in (2, 1, 0, 0))

    def forward(self, seen: Sequence[Tensor], feature: Tensor, category: Tensor) -> Tensor:
        """(B, P) logits of all patches of all sizes."""
        return torch.cat([logits.flatten(1) for logits in self.maps(seen, feature, category)], 1)

    def maps(self, seen: Sequence[Tensor], feature: Tensor, category: Tensor) -> list[Tensor]:
        """Logits (B, 1, h, w) at each stride."""
        condition = torch.cat([feature * feature.shape[1] ** 0.5, self.category(category)], 1)
        told = [layer(condition) for layer in self.told]
        return [head(x, one).float() for head, x, one in zip(self.heads, seen, told, strict=True)]


class Pictures(nn.Module):
    """Both players and the whitening that they were trained with: what is saved and loaded."""

    Config = PictureConfig
    mean: Tensor
    whitening: Tensor

    def __init__(self, config: PictureConfig | None = None) -> None:
        super().__init__()
        self.config = config or PictureConfig()
        self.generator = PictureGenerator(self.config)
        self.judge = PictureJudge(self.config)
        self.register_buffer("mean", torch.zeros(self.config.given))
        self.register_buffer("whitening", torch.zeros(self.config.given, self.config.feature).fill_diagonal_(1))

    def features(self, embeddings: Tensor) -> Tensor:
        """GarmentNet's embeddings (N, given) -> what generator and discriminator are told (N, feature), unit length."""
        return F.normalize((embeddings - self.mean) @ self.whitening, dim=1)


def on_ground(garment: Tensor, ground: Tensor) -> Tensor:
    """Garments (B, 4, H, W), colours times alpha, laid on plain colours (B, 3) or (3,): (B, 3, H, W)."""
    return garment[:, :3] + ground.reshape(-1, 3, 1, 1) * (1 - garment[:, 3:])
