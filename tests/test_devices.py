"""The same code on a graphics card: nothing assumes where a network's weights lie. The card is pretended."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from far import Cards, Far, far

from fitting.engine import Engine
from fitting.errors import ShopError
from fitting.precision import device_of
from fitting.room import FittingRoom

ASSETS = Path(__file__).parent.parent / "assets"
# There is no card: what would count in half precision there counts as the host does.
pytestmark = pytest.mark.filterwarnings("ignore:.*CUDA is not available")


@pytest.fixture(scope="module")
def here() -> FittingRoom:
    return FittingRoom.load()


@pytest.fixture(scope="module")
def there(here: FittingRoom) -> FittingRoom:
    assert here.engine is not None
    engine = Engine(deepcopy(here.engine.flow_net), deepcopy(here.engine.generator))
    far(engine.flow_net)
    far(engine.generator)
    return FittingRoom(far(deepcopy(here.person_net)), far(deepcopy(here.garment_net)), engine)  # type: ignore[arg-type]


def test_the_pretended_card_notices_what_a_card_would() -> None:
    with Cards():
        one = torch.ones(2).to("cuda")
        assert isinstance(one + one, Far) and (one + 1).device.type == "cuda"
        assert not isinstance(one.cpu(), Far) and one.cpu().device.type == "cpu"
        assert isinstance(torch.zeros(2, device=one.device), Far) and isinstance(torch.zeros_like(one), Far)
        with pytest.raises(RuntimeError, match="mixed"):
            one + torch.ones(2)
        with pytest.raises(RuntimeError, match="mixed"):
            torch.cat([one, torch.ones(2)])
        with pytest.raises(TypeError, match="host first"):
            one.numpy()


@pytest.mark.parametrize("engine", ["gan", "geometric"])
def test_a_try_on_with_networks_on_a_card(here: FittingRoom, there: FittingRoom, engine: str) -> None:
    photo, garment = sorted(ASSETS.glob("people/*.jpg"))[0], sorted(ASSETS.glob("garments/*.jpg"))[0]
    with torch.autocast("cpu", enabled=False):
        expected = here.try_on(photo, garment, engine=engine)
    with Cards():
        worn = there.understand_garment(garment)
        person = there.understand_person(photo)
        assert not any(isinstance(value, Far) for value in (*vars(worn).values(), *vars(person).values()))
        result = there.try_on(person, worn, engine=engine)
        parts = there.explain(person, worn)
    assert parts
    near = np.abs(np.asarray(result.picture, int) - np.asarray(expected.picture, int))
    assert near.mean() < 0.5, "the same picture, but for half precision"


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is a card")
def test_where_it_counts_is_a_setting() -> None:
    assert device_of("auto") == device_of("cpu") == torch.device("cpu")
    with pytest.raises(ShopError, match=r"no cuda:1 on this machine.*set the device to cpu"):
        device_of("cuda:1")


def test_the_card_is_named_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 1)
    assert device_of("auto") == device_of("cuda") == torch.device("cuda")
    assert device_of("cpu") == torch.device("cpu")
    for other in ("mps", "cuda:1"):
        with pytest.raises(ShopError, match=f"no {other}"):
            device_of(other)
