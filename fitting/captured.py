"""Networks compiled by PyTorch itself: fewer and larger steps, and on a CUDA card all of them told at once.

`torch.compile` fuses a network's layers into kernels; its mode "reduce-overhead" records them on a CUDA card as a graph
that is then started as one. That needs a compiler on the machine (of C++, and on cards Triton), and a minute or so for
each network and each size of its inputs when they first come.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from fitting.around import Around, like, tensors_of
from fitting.precision import Manner

log = logging.getLogger(__name__)


class Captured(Around):
    """A network that `torch.compile` runs, for inputs of fixed sizes; it takes and gives what the network itself does.

    Safe to use from several threads. Where compiling fails, PyTorch runs the network as it is from then on.

    Args:
        net: must not be changed afterwards.
        backend: of `torch.compile`.
    """

    def __init__(self, net: nn.Module, backend: str | Callable[..., Any] = "inductor") -> None:
        super().__init__(net)
        self._backend = backend
        self._made: Callable[..., Any] | None = None
        self._known: set[tuple[Any, ...]] = set()  # kinds of inputs that it was compiled for
        self._fails = False
        self._lock = threading.Lock()

    def forward(self, *inputs: Tensor) -> Any:
        device = inputs[0].device
        if device.type != "cuda":
            return self._run(inputs, device)
        manner = Manner.here(device)

        def work() -> Any:
            with manner.taken_on(device):
                return self._run(inputs, device)

        return _thread().submit(work).result()

    def _run(self, inputs: tuple[Tensor, ...], device: torch.device) -> Any:
        kind = (*((each.shape, each.dtype) for each in inputs), Manner.here(device))
        if kind in self._known:
            return self._compiled(inputs, device)
        with self._lock:  # one compiles, and whoever wants the same waits for it
            try:
                if not self._fails:
                    answer = self._compiled(inputs, device)
                    self._known.add(kind)
                    return answer
            except Exception:  # whatever cannot be compiled must not cost a visitor their try-on
                answer = self.net(*inputs)  # raises where the inputs are to blame
                log.warning(
                    "a %s cannot be compiled here; PyTorch runs it as it is", type(self.net).__name__, exc_info=True
                )
                self._fails = True
                return answer
        return self.net(*inputs)

    def _compiled(self, inputs: tuple[Tensor, ...], device: torch.device) -> Any:
        on_card = device.type == "cuda"
        if self._made is None:
            mode = "reduce-overhead" if on_card else None
            self._made = torch.compile(self.net.forward, dynamic=False, backend=self._backend, mode=mode)
        if not on_card:
            return self._made(*inputs)
        torch.compiler.cudagraph_mark_step_begin()
        found = self._made(*inputs)
        # A graph's next run, whoever asks for it, overwrites what it has answered.
        return like(found, (tensor.clone() for tensor in tensors_of(found)))


@cache
def _thread() -> ThreadPoolExecutor:
    """The one thread that talks to CUDA graphs: every thread would record its own, with memory of its own."""
    return ThreadPoolExecutor(1, "captured")
