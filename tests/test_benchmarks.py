"""The benchmarks' own parts: the stand-in has the size that it claims, and counting counts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import stages
from stand_in import SIZE, Correlation, StandIn, macs, moved, parameters


def test_the_stand_in_is_as_large_as_the_smallest_published_network() -> None:
    with torch.device("meta"):
        net = StandIn().eval()
        views = torch.zeros(1, 3, *SIZE), torch.zeros(1, 4, *SIZE)
    assert 9e6 < parameters(net) < 10e6
    assert 33e9 < macs(net, *views) < 36e9
    assert net(*views).shape == (1, 3, *SIZE)


def test_correlation_agrees_with_products_of_shifted_maps() -> None:
    generator = torch.Generator().manual_seed(1)
    one, other = (torch.rand(2, 8, 10, 9, generator=generator) for _ in range(2))
    wide = F.pad(other, (3, 3, 3, 3))
    wanted = [(one * wide[:, :, y : y + 10, x : x + 9]).mean(1) for y in range(7) for x in range(7)]
    assert torch.allclose(Correlation()(one, other), torch.stack(wanted, 1), atol=1e-6)


def test_no_flow_moves_nothing() -> None:
    image = torch.rand(1, 3, 12, 9, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(moved(image, torch.zeros(1, 2, 12, 9)), image, atol=1e-5)


def test_multiplications_are_counted() -> None:
    net = nn.Sequential(nn.Conv2d(4, 6, 3, padding=1, groups=2), nn.Flatten(), nn.Linear(6 * 5 * 5, 7))
    assert macs(net, torch.zeros(2, 4, 5, 5)) == 2 * (6 * 25 * 2 * 9 + 7 * 150)


@pytest.mark.parametrize("size", [(768, 1024), (600, 500)])
def test_sample_people_are_shown_on_a_page_of_the_size_asked_for(size: tuple[int, int]) -> None:
    path = next(iter(sorted((stages.ASSETS / "people").glob("*.jpg"))))
    assert stages.photo_of(path, size).size == size
