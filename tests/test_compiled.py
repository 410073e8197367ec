"""A network that OpenVINO runs says what PyTorch's says."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from far import Cards, far
from torch import Tensor, nn
from torch.nn import functional as F

from fitting import compiled
from fitting.captured import Captured
from fitting.compiled import RUNTIMES, Compiled, prepared, runtime_of
from fitting.errors import WeightsError
from fitting.gathered import Gathered
from fitting.precision import has_half


@dataclass(frozen=True)
class Seen:
    one: Tensor
    levels: tuple[Tensor, ...]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, image: Tensor, mask: Tensor) -> Seen:
        found = F.relu6(self.mix(image)) * mask
        return Seen(found, (F.avg_pool2d(found, 2), F.interpolate(found, size=(16, 12), mode="bilinear")))


@pytest.fixture(scope="module")
def net() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Net().eval()


@pytest.fixture(autouse=True)
def exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor that counts in single precision alone."""
    monkeypatch.setattr(compiled, "has_half", lambda: False)


@pytest.fixture(scope="module")
def kept(net: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """A network that was prepared, and its folder."""
    made = Compiled(net, tmp_path_factory.mktemp("prepared"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "has_half", lambda: False)
        made(*views(0))
    return made


def views(seed: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, 8, 6, generator=random), torch.rand(1, 1, 8, 6, generator=random)


def close(one: Any, other: Any) -> None:
    for a, b in zip((one.one, *one.levels), (other.one, *other.levels), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_same_answer_of_the_same_form_in_every_thread(net: nn.Module, kept: Compiled) -> None:
    with ThreadPoolExecutor(4) as pool:
        for seed, found in enumerate(pool.map(lambda seed: kept(*views(seed)), range(12))):
            assert type(found) is Seen
            close(found, net(*views(seed)))
    assert kept.mix is net.mix, "its parts are the network's own"


@torch.no_grad()
def test_it_counts_exactly_whatever_the_caller_does_and_is_prepared_in_silence(
    net: nn.Module, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = Compiled(net, tmp_path)
    with torch.autocast("cpu", torch.bfloat16):
        found = made(*views(0))
    close(found, net(*views(0)))
    assert list(tmp_path.glob("*/model.xml")), "OpenVINO ran it"
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


@torch.no_grad()
def test_what_was_prepared_is_found_again_and_made_anew_if_damaged(
    net: nn.Module, kept: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = kept.folder
    assert folder is not None
    (model,) = folder.glob("*/model.xml")
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "_converted", lambda *_: pytest.fail("it was prepared already"))
        close(Compiled(net, folder)(*views(1)), net(*views(1)))
    model.write_text("no model")
    close(Compiled(net, folder)(*views(2)), net(*views(2)))
    assert model.read_text() != "no model" and len(list(folder.iterdir())) == 1
    other = Net().eval()
    close(Compiled(other, folder)(*views(3)), other(*views(3)))
    assert len(list(folder.iterdir())) == 2, "other weights are another model"
    (elsewhere,) = (path for path in folder.iterdir() if path != model.parent)
    for path in elsewhere.iterdir():
        shutil.copy(path, model.parent / path.name)
    close(Compiled(net, folder)(*views(4)), net(*views(4)))  # what answers wrongly is made anew as well


@torch.no_grad()
def test_what_nobody_has_used_for_long_makes_room(net: nn.Module, tmp_path: Path) -> None:
    Compiled(net, tmp_path)(*views(0))
    (model,) = tmp_path.iterdir()
    left = tmp_path / "left"
    left.mkdir()
    for folder in (model, left):
        os.utime(folder, (0, 0))
    Compiled(net, tmp_path)(*views(0))  # uses the model
    Compiled(Net().eval(), tmp_path)(*views(0))  # makes another
    assert model.is_dir() and not left.exists() and len(list(tmp_path.iterdir())) == 2


@torch.no_grad()
def test_it_counts_in_half_precision_where_the_processor_does(net: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "has_half", has_half)
    found, wanted = Compiled(net)(*views(0)), net(*views(0))
    torch.testing.assert_close(found.one, wanted.one, atol=2e-2, rtol=2e-2)
    assert torch.allclose(found.one, wanted.one, atol=1e-5, rtol=1e-5) is not has_half()


def test_which_runtime_it_is(net: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    assert prepared(net, "torch") is net and isinstance(prepared(net, "openvino"), Compiled)
    assert isinstance(prepared(net, "compile"), Captured) and runtime_of("compile") == "compile"
    with Cards():
        there = far(deepcopy(net))
        for runtime in RUNTIMES[1:]:
            around = prepared(there, runtime)
            assert isinstance(around, Gathered) and around.net is there, "OpenVINO is for processors alone"
            assert isinstance(around.single, Captured) if runtime == "compile" else around.single is there
    with pytest.raises(ValueError, match="runtime must be one of"):
        runtime_of("abacus")
    assert runtime_of("auto") == "openvino"
    monkeypatch.setattr(compiled.importlib.util, "find_spec", lambda _: None)
    assert runtime_of("auto") == "torch"
    with pytest.raises(WeightsError, match="pip install"):
        runtime_of("openvino")
