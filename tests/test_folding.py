"""A folded network says what the network says."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fitting.folding import folded
from fitting.garment import GarmentNet
from fitting.person import PersonNet


def seasoned(net: nn.Module) -> nn.Module:
    """Batch norms as training leaves them: no two alike."""
    generator = torch.Generator().manual_seed(1)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            spans = {"running_mean": (-0.2, 0.2), "running_var": (0.5, 1.5), "weight": (0.8, 1.2), "bias": (-0.2, 0.2)}
            for name, (low, high) in spans.items():
                values = getattr(module, name)
                values.data.copy_(low + (high - low) * torch.rand(values.shape, generator=generator))
    return net.eval()


@torch.no_grad()
def test_folding_leaves_results_as_they_are() -> None:
    image = torch.rand(1, 3, 128, 96, generator=torch.Generator().manual_seed(2)) * 2 - 1
    for net in (PersonNet(), GarmentNet()):
        before, small = seasoned(net)(image), folded(net)
        assert not any(isinstance(module, nn.BatchNorm2d) for module in small.modules())
        assert any(isinstance(module, nn.BatchNorm2d) for module in net.modules())
        after = small(image)
        told = (before.parts, before.joints) if isinstance(net, PersonNet) else (before.cutout, before.kind)
        again = (after.parts, after.joints) if isinstance(net, PersonNet) else (after.cutout, after.kind)
        for one, other in zip(told, again, strict=True):
            assert torch.allclose(one, other, atol=1e-3 * float(one.abs().max().clamp(min=1)))


def test_a_network_in_training_is_not_folded() -> None:
    with pytest.raises(ValueError, match="evaluation"):
        folded(PersonNet().train())
