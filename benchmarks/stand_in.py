"""A stand-in of the smallest published try-on GAN, to measure our cost against on the same machine.

Written for this benchmark alone from the shape that such systems share, and untrained: MobileNetV2 encoders for
person and garment (Sandler et al. 2018, arXiv:1801.04381), 256-wide feature pyramids (Lin et al. 2017,
arXiv:1612.03144), an appearance flow over five scales with 7x7 correlation and refinement (as in
Ge et al. 2021, arXiv:2103.04559), and a U-Net of inverted residuals. Its size is that of
DM-VTON (2023): 9 to 10 million parameters, 33 to 36 GMAC at 256x192. Filters of a pyramid are
shared between its scales, which costs the same time and keeps the parameters within that range.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE = (256, 192)
WIDE = 256
REACH = 3  # of the correlation: 7x7 places
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
ENDS = (0, 1, 2, 4, 6)  # the last stage at strides 2, 4, 8, 16 and 32
CHANNELS = tuple(STAGES[end][1] for end in ENDS)
UNET = (16, 24, 40, 80, 128)


def conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution and batch norm."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs)
    )


class Inverted(nn.Module):
    """Expand, filter each channel, project."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int = 1) -> None:
        super().__init__()
        hidden = inputs * expansion
        widen = [conv_norm(inputs, hidden, 1), nn.ReLU6(inplace=True)] if expansion > 1 else []
        filters = [conv_norm(hidden, hidden, 3, stride, hidden), nn.ReLU6(inplace=True)]
        self.body = nn.Sequential(*widen, *filters, conv_norm(hidden, outputs, 1))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.residual else self.body(x)


class Pyramid(nn.Module):
    """(B, 3, 256, 192) -> features 256 wide at strides 2, 4, 8, 16, 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, 32, 3, 2), nn.ReLU6(inplace=True))
        self.stages = nn.ModuleList()
        before = 32
        for expansion, channels, repeats, stride in STAGES:
            blocks = [Inverted(before, channels, expansion, stride)]
            blocks += [Inverted(channels, channels, expansion) for _ in range(repeats - 1)]
            self.stages.append(nn.Sequential(*blocks))
            before = channels
        self.lateral = nn.ModuleList(nn.Conv2d(channels, WIDE, 1) for channels in CHANNELS)
        self.smooth = nn.Conv2d(WIDE, WIDE, 3, padding=1)

    def forward(self, image: Tensor) -> list[Tensor]:
        x, found = self.stem(image), []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in ENDS:
                found.append(self.lateral[len(found)](x))
        for level in (3, 2, 1, 0):
            found[level] = found[level] + F.interpolate(found[level + 1], scale_factor=2.0)
        return [self.smooth(features) for features in found]


def flow_head(inputs: int) -> nn.Sequential:
    """Features -> a flow (B, 2, ...)."""
    widths = (inputs, 128, 64, 32)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.LeakyReLU(0.1, inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 2, 3, padding=1))


class Correlation(nn.Module):
    """Agreement of each cell of one map with the 7x7 cells around it in another: (B, 49, h, w).

    Every row of the one is multiplied with a row of the other as matrices and the near diagonals are kept: on a
    CPU several times as fast as 49 products of shifted maps.
    """

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        batch, channels, rows, columns = one.shape
        wide = columns + 2 * REACH
        left = one.permute(0, 2, 3, 1).reshape(batch * rows, columns, channels)
        padded = F.pad(other, (REACH,) * 4).permute(0, 2, 1, 3)
        found = []
        for down in range(2 * REACH + 1):
            right = padded[:, down : down + rows].reshape(batch * rows, channels, wide)
            products = torch.bmm(left, right)
            near = products.as_strided((batch * rows, columns, 2 * REACH + 1), (columns * wide, wide + 1, 1))
            found.append(near.reshape(batch, rows, columns, 2 * REACH + 1))
        return torch.cat(found, -1).permute(0, 3, 1, 2) / channels


def moved(values: Tensor, flow: Tensor) -> Tensor:
    """Apply a flow in cells."""
    rows, columns = flow.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(rows, device=flow.device), torch.arange(columns, device=flow.device), indexing="ij"
    )
    grid = torch.stack(
        [(x + flow[:, 0]) * (2 / max(columns - 1, 1)) - 1, (y + flow[:, 1]) * (2 / max(rows - 1, 1)) - 1], -1
    )
    return F.grid_sample(values, grid, padding_mode="border", align_corners=True)


class FlowNet(nn.Module):
    """Features of person and garment -> a flow at stride 2, coarse to fine."""

    def __init__(self) -> None:
        super().__init__()
        self.correlation = Correlation()
        self.coarse = nn.ModuleList(flow_head((2 * REACH + 1) ** 2) for _ in CHANNELS)
        self.fine = nn.ModuleList(flow_head(2 * WIDE) for _ in CHANNELS)

    def forward(self, person: list[Tensor], garment: list[Tensor]) -> Tensor:
        flow = person[-1].new_zeros(len(person[-1]), 2, *person[-1].shape[-2:])
        for level in (4, 3, 2, 1, 0):
            if level < 4:
                flow = 2 * F.interpolate(flow, scale_factor=2.0, mode="bilinear", align_corners=False)
            there = moved(garment[level], flow)
            flow = flow + self.coarse[level](F.leaky_relu(self.correlation(person[level], there), 0.1))
            there = moved(garment[level], flow)
            flow = flow + self.fine[level](torch.cat([there, person[level]], 1))
        return flow


class MobileUNet(nn.Module):
    """(B, 7, 256, 192): garment as moved, its mask, person -> colours and how much of them (B, 4, 256, 192)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_norm(7, UNET[0], 3), nn.ReLU6(inplace=True))
        pairs = list(pairwise(UNET))
        self.down = nn.ModuleList(nn.Sequential(Inverted(a, b, 4, 2), Inverted(b, b, 4)) for a, b in pairs)
        self.up = nn.ModuleList(Inverted(a + b, a, 2) for a, b in pairs)
        self.last = nn.Conv2d(UNET[0], 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        features = [self.stem(x)]
        for down in self.down:
            features.append(down(features[-1]))
        x = features[-1]
        for level in range(len(self.up) - 1, -1, -1):
            wider = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = self.up[level](torch.cat([features[level], wider], 1))
        return self.last(x)


class StandIn(nn.Module):
    """Person (B, 3, 256, 192) and garment (B, 4, 256, 192), colour and mask -> picture (B, 3, 256, 192)."""

    def __init__(self) -> None:
        super().__init__()
        self.person, self.garment = Pyramid(), Pyramid()
        self.flow, self.generator = FlowNet(), MobileUNet()

    def forward(self, person: Tensor, garment: Tensor) -> Tensor:
        flow = self.flow(self.person(person), self.garment(garment[:, :3]))
        flow = 2 * F.interpolate(flow, size=person.shape[-2:], mode="bilinear", align_corners=False)
        laid = moved(garment, flow)
        drawn = self.generator(torch.cat([laid, person], 1))
        share = drawn[:, 3:].sigmoid() * laid[:, 3:]
        return torch.lerp(drawn[:, :3].tanh(), laid[:, :3], share)


def macs(net: nn.Module, *inputs: Tensor) -> int:
    """Multiplications and additions of pairs in convolutions, linear layers and correlations of one forward."""
    total = 0

    def count(module: nn.Module, given: tuple[Tensor, ...], result: Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d):
            total += result.numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            total += result.numel() * module.in_features
        elif isinstance(module, Correlation):
            total += result.numel() * given[0].shape[1]

    hooks = [module.register_forward_hook(count) for module in net.modules()]
    try:
        with torch.no_grad():
            net(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return total


def parameters(net: nn.Module) -> int:
    """How many numbers a network has learnt."""
    return sum(weight.numel() for weight in net.parameters())
