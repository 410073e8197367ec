"""The benchmarks' own parts: the stand-in has the size that it claims, and counting counts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import scaling
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


def test_a_days_visitors_are_reckoned_in_cores_and_core_hours() -> None:
    assumed = scaling.Assumed(peak=4, used=0.5, price=0.1)
    service = scaling.Service("dress", seconds=8.64)
    assert service.cores(10_000) == pytest.approx(1.0)
    assert service.replicas(10_000, assumed) == 8 + 1, "four times the mean at half a core each, and one to lose"
    assert service.core_hours(10_000, assumed) == pytest.approx(48) == service.core_hours(1, assumed)
    assert service.core_hours(100_000, assumed) == pytest.approx(480)
    measured = {path.stem: json.loads(path.read_text()) for path in scaling.HERE.glob("*.json")}
    text = scaling.tables(assumed, measured)
    assert "| 10,000,000 |" in text and "`--price` | 0.1 |" in text
    fewer = scaling.services(scaling.Assumed(cards=0), measured)
    for more, less in zip(scaling.services(assumed, measured), fewer, strict=True):
        assert more.seconds >= less.seconds > 0
