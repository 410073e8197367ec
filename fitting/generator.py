"""Generator and discriminator of the try-on: what the warp alone cannot know is drawn, and judged.

The garment's pixels are moved, not generated: the generator says where they show (alpha), how the light falls on
them (shade), and what must be drawn beside them (bared skin, edges, shadows), as a change of the person without
the old garment. At the photo's resolution `out = under + change`, then `lerp(out, warped * shade, alpha)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitting.anatomy import Joint, Part
from fitting.flow_net import Residual, conv

PICTURES = 3 + 3 + 1 + 1 + 1  # channels that matter to the pixel; target parsing and joints are smooth
INPUTS = PICTURES + len(Part) + len(Joint)


@dataclass(frozen=True)
class GeneratorConfig:
    """Widths of the features at strides 2, 4, 8 and 16."""

    widths: tuple[int, int, int, int] = (32, 64, 96, 128)


@dataclass(frozen=True)
class Drawn:
    """What a generator draws for B people; maps of 256x192.

    Attributes:
        change: (B, 3, ...) in [-1, 1], added to the person without the old garment.
        alpha: (B, 1, ...) in [0, 1], where the warped garment shows.
        shade: (B, 1, ...) factor in [0.4, 1.6] of the garment's colours.
    """

    change: Tensor
    alpha: Tensor
    shade: Tensor

    def over(self, under: Tensor, warped: Tensor, edit: Tensor) -> Tensor:
        """The picture (B, 3, ...): all inputs in [0, 1]; where `edit` is 0 it is `under`."""
        drawn = torch.lerp(under + self.change, warped * self.shade, self.alpha)
        return torch.lerp(under, drawn, edit)


def generator_input(under: Tensor, cloth: Tensor, mask: Tensor, edit: Tensor, parts: Tensor, joints: Tensor) -> Tensor:
    """What the generator is told.

    Args:
        under: (B, 3, 256, 192) in [0, 1], the person without the old garment.
        cloth: (B, 4, ...) in [0, 1], the garment's colours and its own mask, moved by the flow.
        mask: (B, 1, ...) in [0, 1], what of that mask is seen.
        edit: (B, 1, ...) in [0, 1].
        parts: (B, 11, ...) probabilities of the target parsing.
        joints: (B, 17, ...) spots.
    """
    colours, cut = cloth[:, :3], cloth[:, 3:]
    return torch.cat([under * 2 - 1, (colours * 2 - 1) * mask, cut, mask, edit, parts, joints], 1)


class Generator(nn.Module):
    """A light U-Net (Ronneberger et al. 2015, arXiv:1505.04597): (B, INPUTS, 256, 192) -> `Drawn`.

    Its widest maps are those of stride 2: full-size pixels are folded into channels on the way in and unfolded on
    the way out (Shi et al. 2016, arXiv:1609.05158), which costs a third of working at full size. It starts as the
    bare warp: no change, the garment where it is seen, no shade.
    """

    Config = GeneratorConfig

    def __init__(self, config: GeneratorConfig | None = None) -> None:
        super().__init__()
        self.config = config or GeneratorConfig()
        widths = self.config.widths
        self.first = nn.Sequential(conv(4 * PICTURES + INPUTS - PICTURES, widths[0]), Residual(widths[0]))
        self.down = nn.ModuleList(nn.Sequential(conv(a, b, 2), Residual(b)) for a, b in pairwise(widths))
        self.up = nn.ModuleList(conv(a + b, a) for a, b in pairwise(widths))
        self.last = nn.Conv2d(widths[0], 4 * 5, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, told: Tensor) -> Drawn:
        fine = F.pixel_unshuffle(told[:, :PICTURES], 2)
        features = [self.first(torch.cat([fine, F.avg_pool2d(told[:, PICTURES:], 2)], 1))]
        for down in self.down:
            features.append(down(features[-1]))
        x = features[-1]
        for index in range(len(self.up) - 1, -1, -1):
            x = F.interpolate(x, size=features[index].shape[-2:], mode="bilinear", align_corners=False)
            x = self.up[index](torch.cat([features[index], x], 1))
        out = F.pixel_shuffle(self.last(x).float(), 2)
        seen = told[:, 7:8].float().clamp(0.02, 0.98)
        return Drawn(
            change=torch.tanh(out[:, :3]),
            alpha=torch.sigmoid(out[:, 3:4] + torch.logit(seen)),
            shade=1 + 0.6 * torch.tanh(out[:, 4:]),
        )


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Widths of the layers at strides 2, 4, 8 and 16."""

    widths: tuple[int, int, int, int] = (32, 64, 96, 128)


class Discriminator(nn.Module):
    """Judges patches of about 70 cells, told the scene (Isola et al. 2017, arXiv:1611.07004).

    (picture, told) -> (B, 1, 15, 11) logits. It sees the agnostic picture and the edit region, so that it must ask
    whether this person would look like that. Strided convolutions with spectral norm; no batch statistics, which
    would let one sample's verdict depend on another.
    """

    Config = DiscriminatorConfig

    def __init__(self, config: DiscriminatorConfig | None = None) -> None:
        super().__init__()
        self.config = config or DiscriminatorConfig()
        before, layers = 3 + 3 + 1, []
        for width in self.config.widths:
            layers += [nn.Conv2d(before, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
            before = width
        self.body = nn.Sequential(*layers, nn.Conv2d(before, 1, 4, 1, 1))
        for module in self.body:
            if isinstance(module, nn.Conv2d):
                nn.utils.parametrizations.spectral_norm(module)

    def forward(self, picture: Tensor, told: Tensor) -> Tensor:
        """Picture (B, 3, 256, 192) in [0, 1]; told (B, 4, ...): agnostic in [0, 1] and edit region."""
        return self.body(torch.cat([picture * 2 - 1, told[:, :3] * 2 - 1, told[:, 3:]], 1))
