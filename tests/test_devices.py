"""The same code on a graphics card: nothing assumes where a network's weights lie. The card is pretended."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from far import CARD, Cards, Far, far

from fitting.compiled import prepared
from fitting.engine import Engine
from fitting.errors import ShopError
from fitting.gathered import Gathered
from fitting.precision import Manner, device_of, fetched, mark, sent
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


def test_only_to_cuda_it_goes_through_pinned_memory_and_comes_back_with_one_wait() -> None:
    strided = torch.arange(6.0).view(1, 2, 3).expand(2, 2, 3).transpose(1, 2)
    with Cards() as cards:
        assert sent(strided, torch.device("cpu")) is strided
        assert sent(strided, torch.device("meta")).is_meta and cards.pinned == cards.told == 0
        there = sent(strided, CARD)
        assert isinstance(there, Far) and cards.pinned == cards.told == 1
        assert sent(there, CARD).device == CARD and cards.pinned == 1, "what is there already stays"
        one, two = fetched(there, there + 1)
        assert cards.told == 3 and not isinstance(one, Far)
    assert torch.equal(one, strided) and torch.equal(two, strided + 1)
    assert fetched(one)[0] is one and mark(torch.device("cpu")) is None


def test_a_manner_is_taken_on_in_another_thread() -> None:
    here = torch.device("cpu")
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        manner = Manner.here(here)

    def elsewhere() -> tuple[Manner, Manner]:
        before = Manner.here(here)
        with manner.taken_on(here):
            return before, Manner.here(here)

    with ThreadPoolExecutor(1) as pool:
        before, after = pool.submit(elsewhere).result()
    assert after == manner and before == Manner.here(here) == Manner(False, True, None)
    assert (after.inference, after.half) == (True, torch.bfloat16)


def test_several_visitors_on_a_card_are_looked_at_together(here: FittingRoom) -> None:
    person_net = far(deepcopy(here.person_net))
    with Cards():
        around = prepared(person_net, "torch")
        assert isinstance(around, Gathered) and prepared(here.person_net, "torch") is here.person_net
    photos = sorted(ASSETS.glob("people/*.jpg"))[:4]
    passes: list[int] = []

    def begin(_: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        passes.append(len(given[0]))
        while len(passes) == 1 and len(around._waiting) < len(photos) - 1:  # the first is at work until all have come
            time.sleep(0.001)

    person_net.register_forward_pre_hook(begin)
    room = FittingRoom(around, here.garment_net)  # type: ignore[arg-type]

    def look(photo: Path) -> tuple[torch.Tensor, int]:
        with Cards() as cards:
            return room.understand_person(photo).keypoints, cards.pinned

    with ThreadPoolExecutor(len(photos)) as pool:
        found = list(pool.map(look, photos))
    assert passes[:2] == [2, 2 * (len(photos) - 1)], "a view and its mirror image of each"
    for photo, (keypoints, looks) in zip(photos, found, strict=True):
        torch.testing.assert_close(keypoints, here.understand_person(photo).keypoints, atol=0.05, rtol=0)
        assert looks >= 1
    assert sum(passes) == 2 * sum(looks for _, looks in found)
