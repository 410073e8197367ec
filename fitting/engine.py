"""The try-on GAN at work: a scene and a garment in, everything that has to be drawn out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from fitting import weights
from fitting.compiled import prepared
from fitting.conditions import JOINTS, garment_condition, of_scene, small_view
from fitting.fill import push_pull
from fitting.flow_net import FlowNet
from fitting.folding import folded
from fitting.frame import NET
from fitting.garment import PARTS, Garment
from fitting.generator import Drawn, Generator, generator_input
from fitting.planes import halved
from fitting.precision import fetched, home, quick, sent
from fitting.scene import Scene
from fitting.underlay import Underlay
from fitting.warp import warp


@dataclass(frozen=True)
class Drawing:
    """What the networks say of one garment on one person; maps are 256x192.

    Attributes:
        flow: (2, 256, 192), displacement in cells into the garment's view.
        mask: (256, 192) in [0, 1], where the garment is seen: where the flow finds it, and nothing hides it.
        target: (11, 256, 192) probabilities of the target parsing, one map a `Part`.
        change: (3, 256, 192) in [-1, 1], what is added to the person without the old garment.
        alpha: (256, 192) in [0, 1], where the warped garment shows.
        shade: (256, 192) factor of its colours.
        misfit: in [0, 1], how far the target parsing and the garment as laid on disagree.
    """

    flow: Tensor
    mask: Tensor
    target: Tensor
    change: Tensor
    alpha: Tensor
    shade: Tensor
    misfit: float


class Engine:
    """FlowNet and generator, ready to draw. One engine serves many threads."""

    def __init__(self, flow_net: FlowNet, generator: Generator) -> None:
        self.flow_net = folded(flow_net.eval())
        self.generator = folded(generator.eval())

    @classmethod
    def load(cls, folder: Path | None = None, device: str | torch.device = "cpu", runtime: str = "torch") -> Engine:
        """Open the shipped networks, or those in another folder of weights.

        Args:
            runtime: what runs them; see `fitting.compiled`.

        Raises:
            WeightsError: weights are missing or damaged.
        """
        flow_net = weights.load(FlowNet, "tryon/flow", folder)
        engine = cls(flow_net.to(device), weights.load(Generator, "tryon/generator", folder).to(device))
        engine.flow_net = prepared(engine.flow_net, runtime, half=False)  # it would round places to whole pixels
        engine.generator = prepared(engine.generator, runtime)
        return engine

    @torch.inference_mode()
    def draw(self, scene: Scene, under: Underlay, garment: Garment, generate: bool = True) -> Drawing:
        """Lay a garment on, and draw what that leaves to be drawn.

        Args:
            generate: False leaves the generator out: the bare warp, cut by the mask.
        """
        place = home(self.flow_net)
        view = small_view(garment)
        told = sent(of_scene(scene, under), place), sent(garment_condition(view[:, :3], view[:, 3:]), place)
        with quick(place):
            found = self.flow_net(*told)
        outputs = torch.cat([found.mask, found.parts], 1).float()
        big = F.interpolate(outputs, size=NET, mode="bilinear", align_corners=False)
        target = big[:, 1:].softmax(1)
        cloth = warp(sent(spread(view), place), found.flow)
        region = halved(scene.edit_region[None])[None]
        edit = sent(region, place)
        mask = big[:, :1].sigmoid() * cloth[:, 3:]
        if generate:
            before = halved(torch.lerp(scene.person.image, under.image, under.change))[None]
            given = generator_input(sent(before, place), cloth, mask, edit, target, told[0][:, JOINTS])
            with quick(place):
                drawn = self.generator(given)
        else:
            drawn = Drawn(torch.zeros_like(cloth[:, :3]), mask, torch.ones_like(mask))
        maps = [found.flow, mask[:, 0], target, drawn.change, drawn.alpha[:, 0], drawn.shade[:, 0]]
        flow, mask, target, change, alpha, shade = fetched(*(value[0].float() for value in maps))
        misfit = disagreement(mask * region[0, 0], target[PARTS[scene.category]] * region[0, 0])
        return Drawing(flow, mask, target, change, alpha, shade, misfit)


def disagreement(one: Tensor, other: Tensor) -> float:
    """One minus the overlap of two maps in [0, 1] over their union."""
    both = torch.minimum(one, other).sum()
    return float(1 - both / torch.maximum(one, other).sum().clamp(min=1))


def spread(view: Tensor) -> Tensor:
    """A garment's view (1, 4, 256, 192) of colours and mask, its colours continued beyond its edge."""
    return torch.cat([push_pull(view[0, :3], (view[0, 3] > 0.7).float())[None], view[:, 3:]], 1)
