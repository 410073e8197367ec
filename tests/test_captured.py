"""A network that PyTorch compiles says what it says as it is; on a card its answers are nobody else's."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from far import Cards, Far, far
from test_gathered import Seen, same, views
from torch import Tensor, nn

from fitting.captured import Captured
from fitting.precision import Manner


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(3.0))

    def forward(self, image: Tensor, mask: Tensor) -> Seen:
        found = image * self.factor + mask
        return Seen(found, (found[:, :, ::2], found.abs()))


def told(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What the module itself logged."""
    return [record for record in caplog.records if record.name == "fitting.captured"]


@pytest.fixture
def net() -> Net:
    return Net().eval()


@torch.no_grad()
def test_a_compiled_network_gives_the_same_in_every_thread(net: Net, caplog: pytest.LogCaptureFixture) -> None:
    made = Captured(net, backend="eager")  # all but the machine's compiler
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: made(*views(seed, 4 + seed % 2)), range(8)))
    assert all(same(answer, net(*views(seed, 4 + seed % 2))) for seed, answer in enumerate(found))
    assert not told(caplog) and made.factor is net.factor


def test_it_counts_as_its_caller_does(net: Net) -> None:
    made = Captured(net, backend="eager")
    with torch.inference_mode():
        assert made(*views(0)).one.is_inference()
    assert made(*views(0)).one.requires_grad


@torch.no_grad()
def test_where_compiling_fails_the_network_runs_as_it_is(net: Net, caplog: pytest.LogCaptureFixture) -> None:
    tried: list[int] = []

    def without_compiler(*_: Any, **__: Any) -> Any:
        tried.append(1)
        raise RuntimeError("no compiler")

    made = Captured(net, backend=without_compiler)
    with pytest.raises(RuntimeError, match="must match the size"):
        made(torch.ones(1, 3, 8, 6), torch.ones(1, 1, 7, 6))
    assert not told(caplog), "what is no network's fault is not told as one's"
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: made(*views(seed, 4 + seed % 2)), range(8)))
    assert all(same(answer, net(*views(seed, 4 + seed % 2))) for seed, answer in enumerate(found))
    (record,) = told(caplog)
    assert record.levelno == logging.WARNING and "Net cannot be compiled here" in record.message and len(tried) == 1


class Graph:
    """As a CUDA graph it answers every call in the same memory. Remembers who called, and in which manner."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.memory: Seen | None = None
        self.callers: set[int] = set()
        self.manners: list[Manner] = []

    def __call__(self, *inputs: Tensor) -> Seen:
        self.callers.add(threading.get_ident())
        self.manners.append(Manner.here(torch.device("cuda")))
        found = self.run(*inputs)
        if self.memory is None:
            self.memory = found
        else:
            for mine, new in zip((self.memory.one, *self.memory.levels), (found.one, *found.levels), strict=True):
                mine.copy_(new)
        return self.memory


@pytest.mark.filterwarnings("ignore:.*CUDA is not available")
def test_on_a_card_graphs_have_one_thread_and_answers_are_their_callers_own(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs: list[Graph] = []
    modes: list[str] = []

    def compiled(run: Any, *, mode: str, **_: Any) -> Graph:
        modes.append(mode)
        graphs.append(Graph(run))
        return graphs[-1]

    monkeypatch.setattr(torch, "compile", compiled)
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: None)
    made = Captured(far(net))

    def visit(seed: int) -> Seen:
        with Cards(), torch.inference_mode():
            return made(*(view.to("cuda") for view in views(seed)))

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(visit, range(8)))
    with Cards():
        assert all(isinstance(answer.one, Far) for answer in found)
        near = [Seen(answer.one.cpu(), tuple(level.cpu() for level in answer.levels)) for answer in found]
    plain = Net().eval()
    with torch.inference_mode():
        assert all(same(answer, plain(*views(seed))) for seed, answer in enumerate(near))
    (graph,) = graphs
    assert modes == ["reduce-overhead"] and len(graph.callers) == 1 and all(it.inference for it in graph.manners)
