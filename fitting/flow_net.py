"""FlowNet: where on the garment each cell of the person finds its colour, and what will be seen where.

Coarse to fine. At stride 16 the person's cells look for their places on the garment by attention (global, as
sleeves may lie anywhere; Vaswani et al. 2017, arXiv:1706.03762); at strides 8, 4 and 2 the garment's features
are warped by what is known and the places corrected (appearance flow: Han et al. 2019, ClothFlow; Ge et al.
2021, arXiv:2103.04559). Target parsing is predicted with the flow (Lee et al. 2022, HR-VITON, arXiv:2206.14180).
The pyramid is narrow: its cost at 256x192 is what two cores can pay.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitting.anatomy import Part
from fitting.conditions import GARMENT_CHANNELS, SCENE_CHANNELS
from fitting.frame import NET
from fitting.precision import quick
from fitting.warp import warp


@dataclass(frozen=True)
class FlowNetConfig:
    """Widths of the features at strides 2, 4, 8 and 16; layers of attention, and heads in each."""

    widths: tuple[int, int, int, int] = (24, 48, 64, 96)
    layers: int = 5
    heads: int = 4


@dataclass(frozen=True)
class Flows:
    """What FlowNet says of B scenes and garments.

    Attributes:
        flow: (B, 2, 256, 192), displacement x, y in cells into the garment's view, as `warp` wants it.
        mask: (B, 1, 128, 96) logits, where the garment is seen; half that size from a coarse look.
        parts: (B, 11, 128, 96) logits of the target parsing, one channel a `Part`; likewise.
        levels: flows at strides 16, 8, 4 and 2, each in cells of its own size; a coarse look ends at 4.
    """

    flow: Tensor
    mask: Tensor
    parts: Tensor
    levels: tuple[Tensor, ...]


class FlowNet(nn.Module):
    """Scene (B, SCENE_CHANNELS, 256, 192) and garment (B, 4, 256, 192) -> `Flows`."""

    Config = FlowNetConfig

    def __init__(self, config: FlowNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or FlowNetConfig()
        w2, w4, w8, w16 = self.config.widths
        cells = (NET[0] // 16) * (NET[1] // 16)
        self.scene = Pyramid(SCENE_CHANNELS, self.config.widths)
        self.garment = Pyramid(GARMENT_CHANNELS, self.config.widths)
        places = (nn.init.normal_(torch.empty(1, cells, w16), std=0.02) for _ in range(2))
        self.places = nn.ParameterList(nn.Parameter(place) for place in places)
        self.layers = nn.ModuleList(Together(w16, self.config.heads) for _ in range(self.config.layers))
        self.match = nn.ModuleList(nn.Linear(w16, w16) for _ in range(2))
        self.shift = nn.Linear(w16, 2)
        self.refine = nn.ModuleList([Refine(w8, w16, w8), Refine(w4, w8, w4), Refine(w2, w4, 32)])
        self.heads = nn.ModuleList(nn.Conv2d(width, 1 + len(Part), 3, padding=1) for width in (w4, 32))
        nn.init.zeros_(self.shift.weight)
        nn.init.zeros_(self.shift.bias)

    def forward(self, scene: Tensor, garment: Tensor, fine: bool = True) -> Flows:
        """With `fine` off the costly last level is left out, as in the first part of training."""
        people, cloth = self.scene(scene), self.garment(garment)
        with quick(scene.device, enabled=False):  # for maps so small it saves nothing, and it would round the places
            flow, deep = self.coarse(people[3].float(), cloth[3].float())
        flows, hidden = [flow], deep
        for level, refine in zip((2, 1, 0) if fine else (2, 1), self.refine, strict=False):
            flow, hidden = refine(people[level], cloth[level], flow, hidden)
            flows.append(flow)
        out = self.heads[int(fine)](hidden)
        return Flows(_larger(flow, NET), out[:, :1], out[:, 1:], tuple(flows))

    def coarse(self, person: Tensor, cloth: Tensor) -> tuple[Tensor, Tensor]:
        """Flow at stride 16 by attention, and the person's features there, which know the garment."""
        size = person.shape[-2:]
        x, g = (f.flatten(2).transpose(1, 2) + p for f, p in zip((person, cloth), self.places, strict=True))
        for layer in self.layers:
            x, g = layer(x, g)
        alike = self.match[0](x) @ self.match[1](g).transpose(1, 2) / x.shape[-1] ** 0.5
        centres = _centres(size, x).flatten(1).T  # (cells, 2)
        found = alike.softmax(-1) @ centres + self.shift(x)
        flow = (found - centres).transpose(1, 2).unflatten(2, size)
        return flow, x.transpose(1, 2).unflatten(2, size)


class Pyramid(nn.Module):
    """Features at strides 2, 4, 8 and 16."""

    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        stages = []
        for index, width in enumerate(widths):
            before = inputs if index == 0 else widths[index - 1]
            stages.append(nn.Sequential(conv(before, width, 2), *([Residual(width)] if index else [])))
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class Together(nn.Module):
    """A layer of attention: person to person, person to garment, garment to garment; pre-normalised."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.person, self.cross, self.garment = (Attention(width, heads) for _ in range(3))
        self.feed = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
            for _ in range(2)
        )

    def forward(self, x: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
        x = x + self.person(x, x)
        g = g + self.garment(g, g)
        x = x + self.cross(x, g)
        return x + self.feed[0](x), g + self.feed[1](g)


class Attention(nn.Module):
    """Multi-head attention of (B, N, D) on (B, M, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.query, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)

    def forward(self, x: Tensor, g: Tensor) -> Tensor:
        def split(t: Tensor) -> Tensor:
            return t.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        key, value = self.key_value(self.norms[1](g)).chunk(2, -1)
        seen = F.scaled_dot_product_attention(split(self.query(self.norms[0](x))), split(key), split(value))
        return self.out(seen.transpose(1, 2).flatten(2))


class Refine(nn.Module):
    """Correct a flow at twice the size, looking at the garment where the flow leads."""

    def __init__(self, width: int, deeper: int, outputs: int) -> None:
        super().__init__()
        self.merge = nn.Sequential(conv(2 * width + deeper + 4, outputs), Residual(outputs))
        self.correct = nn.Conv2d(outputs, 2, 3, padding=1)
        nn.init.zeros_(self.correct.weight)
        nn.init.zeros_(self.correct.bias)  # type: ignore[arg-type]

    def forward(self, person: Tensor, cloth: Tensor, flow: Tensor, deeper: Tensor) -> tuple[Tensor, Tensor]:
        size = person.shape[-2:]
        flow = _larger(flow, size)
        seen = warp(cloth.float(), flow).to(person.dtype)
        share = flow.new_tensor([size[1], size[0]])[:, None, None]
        own = _centres(size, flow) / share
        places = torch.cat([own.expand(len(flow), -1, -1, -1), own + flow / share], 1).to(person.dtype)
        deeper = F.interpolate(deeper, size=size, mode="bilinear", align_corners=False)
        hidden = self.merge(torch.cat([person, seen, deeper.to(person.dtype), places], 1))
        return flow + self.correct(hidden).float(), hidden


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        last = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.body = nn.Sequential(conv(width, width), *last)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def _centres(size: tuple[int, ...] | torch.Size, like: Tensor) -> Tensor:
    """(2, h, w) float: x, y of each cell's centre in cells."""
    y = torch.arange(size[0], device=like.device, dtype=torch.float32) + 0.5
    x = torch.arange(size[1], device=like.device, dtype=torch.float32) + 0.5
    return torch.stack([x[None].expand(size[0], -1), y[:, None].expand(-1, size[1])])


def _larger(flow: Tensor, size: tuple[int, ...] | torch.Size) -> Tensor:
    """A flow at another size of the same shape, its displacements in that size's cells."""
    scale = size[-1] / flow.shape[-1]
    return F.interpolate(flow, size=tuple(size), mode="bilinear", align_corners=False) * scale
