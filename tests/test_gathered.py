"""Several threads' calls of a network become one pass, and nobody notices but by the time it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from processes import PATIENCE
from test_compiled import Seen
from torch import Tensor, nn

from fitting import gathered as gathering
from fitting.gathered import Gathered, gathered
from fitting.precision import Manner


class Net(nn.Module):
    """Counts every picture for itself; its first pass lasts until it is let go. Remembers its passes."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(3.0))
        self.passes: list[int] = []
        self.manners: list[Manner] = []
        self.threads: list[str] = []
        self.begun, self.let = threading.Event(), threading.Event()

    def forward(self, image: Tensor, mask: Tensor) -> Seen:
        self.passes.append(len(image))
        self.manners.append(Manner.here(image.device))
        self.threads.append(threading.current_thread().name)
        self.begun.set()
        assert self.let.wait(PATIENCE)
        return self.answer(image, mask)

    def answer(self, image: Tensor, mask: Tensor) -> Seen:
        found = image * self.factor + mask
        return Seen(found, (found[:, :, ::2], found.sin()))


class Crowd:
    """Threads that call a network while it is at its first pass."""

    def __init__(self, net: Gathered) -> None:
        self.net, self.inner = net, net.single
        self.asked: list[Future[Any]] = []

    def __enter__(self) -> Crowd:
        self.pool = ThreadPoolExecutor(12, thread_name_prefix="caller")
        self.first = self.pool.submit(self._call, views(0), nullcontext)
        assert self.inner.begun.wait(PATIENCE)
        return self

    def ask(self, given: tuple[Tensor, Tensor], manner: Callable[[], Any] = nullcontext) -> Future[Any]:
        """What comes of a call, which waits now."""
        self.asked.append(self.pool.submit(self._call, given, manner))
        until(lambda: len(self.net._waiting) == len(self.asked))
        return self.asked[-1]

    def __exit__(self, *_: object) -> None:
        self.inner.let.set()
        self.pool.shutdown()

    def _call(self, given: tuple[Tensor, Tensor], manner: Callable[[], Any]) -> Seen:
        with manner():
            return self.net(*given)


def until(true: Callable[[], bool]) -> None:
    since = time.monotonic()
    while not true():
        assert time.monotonic() - since < PATIENCE
        time.sleep(0.001)


def views(seed: int, width: int = 6, batch: int = 1) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, 8, width, generator=random), torch.rand(batch, 1, 8, width, generator=random)


def same(found: Any, wanted: Any) -> bool:
    pairs = zip((found.one, *found.levels), (wanted.one, *wanted.levels), strict=True)
    return type(found) is Seen and all(torch.equal(one, other) for one, other in pairs)


def test_calls_that_come_during_a_pass_are_the_next_one_and_each_gets_its_own_answer() -> None:
    net = Net()
    with Crowd(Gathered(net, most=4)) as crowd:
        asked = [crowd.ask(views(seed)) for seed in range(1, 7)]
    assert net.passes == [1, 4, 2], "as many as may, and the rest"
    assert all(same(future.result(), net.answer(*views(seed))) for seed, future in enumerate([crowd.first, *asked]))
    assert all(name.startswith("caller") for name in net.threads), "no thread but the callers' own"


def test_a_call_may_be_of_several_pictures() -> None:
    net = Net()
    with Crowd(Gathered(net)) as crowd:
        asked = [crowd.ask(views(seed, batch=2)) for seed in range(1, 4)]
    assert net.passes == [1, 6]
    assert all(same(future.result(), net.answer(*views(1 + k, batch=2))) for k, future in enumerate(asked))


def test_only_what_fits_goes_together() -> None:
    net = Net()
    half, exact = (lambda: torch.autocast("cpu", torch.bfloat16)), torch.inference_mode
    with Crowd(Gathered(net)) as crowd:
        small, large = ([crowd.ask(views(seed, width)) for seed in (1, 2)] for width in (6, 4))
        halves, exacts = ([crowd.ask(views(seed), manner) for seed in (1, 2)] for manner in (half, exact))
        double = crowd.ask(tuple(view.double() for view in views(1)))  # type: ignore[arg-type]
    assert sorted(net.passes) == [1, 1, 2, 2, 2, 2]
    told = [(manner.inference, manner.half) for manner in net.manners if manner != net.manners[0]]
    assert told == [(False, torch.bfloat16), (True, None)], "every pass was made in its callers' own manner"
    for seed in (1, 2):
        assert same(small[seed - 1].result(), net.answer(*views(seed)))
        assert same(large[seed - 1].result(), net.answer(*views(seed, 4)))
        assert exacts[seed - 1].result().one.is_inference() and not halves[seed - 1].result().one.is_inference()
    assert double.result().one.dtype == torch.float64


class Choosy(Net):
    """Fails where a picture is all zeros."""

    def answer(self, image: Tensor, mask: Tensor) -> Seen:
        if not bool(image.flatten(1).any(1).all()):
            raise ValueError("nothing to see")
        return super().answer(image, mask)


def test_an_error_reaches_the_caller_whose_own_it_is() -> None:
    net = Choosy()
    around = Gathered(net)
    with Crowd(around) as crowd:
        good = [crowd.ask(views(seed)) for seed in (1, 2)]
        bad = crowd.ask((torch.zeros(1, 3, 8, 6), torch.zeros(1, 1, 8, 6)))
        other = crowd.ask(views(3, 4))
    assert net.passes == [1, 3, 1, 1, 1, 1], "one by one, after they have failed together"
    with pytest.raises(ValueError, match="nothing to see"):
        bad.result()
    assert all(same(future.result(), net.answer(*views(seed))) for seed, future in enumerate([crowd.first, *good]))
    assert same(other.result(), net.answer(*views(3, 4))) and same(around(*views(5)), net.answer(*views(5)))


class Narrow(Net):
    """Has no room for more than two pictures at once."""

    def answer(self, image: Tensor, mask: Tensor) -> Seen:
        if len(image) > 2:
            raise torch.OutOfMemoryError("no room")
        return super().answer(image, mask)


def test_where_memory_does_not_suffice_calls_are_made_alone_and_fewer_go_together_from_then_on() -> None:
    net = Narrow()
    around = Gathered(net)
    with Crowd(around) as crowd:
        asked = [crowd.ask(views(seed)) for seed in range(1, 5)]
    assert net.passes == [1, 4, 1, 1, 1, 1]
    assert all(same(future.result(), net.answer(*views(1 + k))) for k, future in enumerate(asked))
    for event in (net.begun, net.let):
        event.clear()
    with Crowd(around) as crowd:
        asked = [crowd.ask(views(seed)) for seed in range(1, 5)]
    assert net.passes[6:] == [1, 2, 2]


class Stopped(Net):
    """Whoever leads its second pass is told to stop."""

    def answer(self, image: Tensor, mask: Tensor) -> Seen:
        if len(self.passes) == 2:
            raise KeyboardInterrupt
        return super().answer(image, mask)


def test_a_leader_that_is_stopped_takes_nobody_along() -> None:
    net = Stopped()
    with Crowd(Gathered(net)) as crowd:
        leads, *others = [crowd.ask(views(seed)) for seed in (1, 2, 3)]
    assert isinstance(leads.exception(), KeyboardInterrupt) and net.passes == [1, 3, 1, 1]
    assert all(same(future.result(), net.answer(*views(2 + k))) for k, future in enumerate(others))


def test_a_caller_alone_does_not_wait_for_others() -> None:
    net = Net()
    net.let.set()
    around, since = Gathered(net, wait=PATIENCE), time.monotonic()
    for seed in range(5):
        assert same(around(*views(seed)), net.answer(*views(seed)))
    assert time.monotonic() - since < PATIENCE / 10 and net.passes == [1] * 5


def test_where_another_was_about_a_call_waits_a_moment_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "ABOUT", PATIENCE)
    net = Net()
    net.let.set()
    around = Gathered(net, most=2, wait=PATIENCE)
    around(*views(0))
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(around, *views(1))
        until(lambda: around._busy)
        assert same(around(*views(2)), net.answer(*views(2)))
    assert net.passes == [1, 2] and same(other.result(), net.answer(*views(1)))
    around = Gathered(net, wait=0.001)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(around, *views(0)).result()
    assert same(around(*views(3)), net.answer(*views(3))), "and not for ever"


class Mark:
    """As long as a card is at work."""

    def __init__(self) -> None:
        self.waited, self.reached = threading.Event(), threading.Event()

    def synchronize(self) -> None:
        self.waited.set()
        assert self.reached.wait(PATIENCE)


def test_while_the_card_is_at_work_calls_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    mark, net = Mark(), Net()
    monkeypatch.setattr(gathering, "mark", lambda device: mark)
    net.let.set()
    around = Gathered(net)
    around(*views(0))
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(around, *views(1))]
        assert mark.waited.wait(PATIENCE) and net.passes == [1]
        asked += [pool.submit(around, *views(seed)) for seed in (2, 3)]
        until(lambda: len(around._waiting) == 3)
        mark.reached.set()
    assert net.passes == [1, 3]
    assert all(same(future.result(), net.answer(*views(1 + k))) for k, future in enumerate(asked))


def test_a_single_call_may_be_made_by_something_else() -> None:
    net, single = Net(), Net()
    net.let.set()
    with Crowd(Gathered(net, alone=single)) as crowd:
        asked = [crowd.ask(views(seed)) for seed in (1, 2)]
    assert (single.passes, net.passes) == ([1], [2])
    assert all(same(future.result(), net.answer(*views(1 + k))) for k, future in enumerate(asked))


def test_a_network_gathers_once() -> None:
    net = Net()
    around = gathered(net, 3)
    assert around.most == 3 and gathered(around, 5) is around and around.most == 5
    assert around.factor is net.factor, "its parts are the network's own"
