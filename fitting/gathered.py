"""Several visitors' calls of a network as one pass: for graphics cards.

The threads of several visitors call the same network at the same time. A card can take what they ask together, so that
it is told every layer once, and not once for each. On a processor that does not pay: benchmarks/batching.json.

No thread does this but the callers' own. The one that has waited longest leads: it takes what fits to its own call,
makes the pass in its own inference mode and autocast, and hands the answers out; meanwhile the others wait.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from fitting.around import Around, like, tensors_of
from fitting.precision import Manner, mark

log = logging.getLogger(__name__)

MOST = 8  # calls in one pass
WAIT = 0.002  # seconds that a call waits for others, where others are about
ABOUT = 0.25  # seconds for which a thread that has called is taken to be about


@dataclass(eq=False)
class _Call:
    """What a thread asks.

    Attributes:
        kind: calls of one kind may go together.
        alone: it must not.
    """

    inputs: tuple[Tensor, ...]
    kind: tuple[Any, ...]
    alone: bool
    done: bool = field(default=False, init=False)
    answer: Any = field(default=None, init=False)


class Gathered(Around):
    """A network for many threads: what they ask at the same time is one pass, as far as it fits together.

    Calls fit together whose inputs have the same shapes and types on one device, and whose threads count in the same
    `Manner`. A call that nobody else is about to join is not kept waiting. Where a pass of several fails, each of its
    calls is made alone, so that an error reaches those whose own it is.
    """

    def __init__(self, net: nn.Module, most: int = MOST, wait: float = WAIT, alone: nn.Module | None = None) -> None:
        """
        Args:
            net: its inputs and the tensors of its answers have the batch first.
            most: calls in one pass.
            wait: seconds that a call waits for others, where other threads called a moment ago.
            alone: what makes a pass of a single call; without it, the network.
        """
        super().__init__(net)
        self.most, self.wait = most, wait
        self.single = net if alone is None else alone
        self._change = threading.Condition()
        self._waiting: list[_Call] = []
        self._busy = False  # somebody leads
        self._before: torch.Event | None = None  # behind the last pass
        self._last: tuple[int, float] | None = None  # thread that called, and when
        self._company = False

    def forward(self, *inputs: Tensor) -> Any:
        call = _Call(inputs, _kind_of(inputs), alone=len({given.shape[:1] for given in inputs}) != 1)
        try:
            self._join(call)
            while self._must_lead(call):
                self._lead(call)
            return call.answer
        finally:
            with self._change:  # nobody may wait for a thread that has gone
                if call in self._waiting:
                    self._waiting.remove(call)
                self._change.notify_all()

    def _join(self, call: _Call) -> None:
        me, now = threading.get_ident(), time.monotonic()
        with self._change:
            self._company = self._last is not None and self._last[0] != me and now - self._last[1] < ABOUT
            self._last = me, now
            self._waiting.append(call)
            self._change.notify_all()

    def _must_lead(self, call: _Call) -> bool:
        """Waits until the call is answered, or it is its thread's turn to lead."""
        with self._change:
            self._change.wait_for(lambda: call.done or (not self._busy and self._waiting[0] is call))
            self._busy = self._busy or not call.done
            return not call.done

    def _lead(self, call: _Call) -> None:
        """Make a pass of a call and those that fit to it. Raises what the network does where it was alone."""
        taken: list[_Call] = []
        try:
            self._let_come(call)
            with self._change:
                taken = self._fitting(call)
                self._waiting = [each for each in self._waiting if each not in taken]
            for each, answer in zip(taken, self._passed(taken), strict=True):
                each.answer, each.done = answer, True
        except BaseException as error:
            self._part(taken, error)
            if len(taken) < 2 or not isinstance(error, Exception):
                raise
        finally:
            with self._change:
                self._busy = False
                self._change.notify_all()

    def _let_come(self, call: _Call) -> None:
        """Give others the time that the card still needs for the pass before, and a moment where others are about."""
        if self._before is not None:
            self._before.synchronize()
            self._before = None
        with self._change:
            if self._company and not call.alone:
                self._change.wait_for(lambda: len(self._fitting(call)) >= self.most, self.wait)

    def _fitting(self, call: _Call) -> list[_Call]:
        if call.alone:
            return [call]
        return [each for each in self._waiting if each.kind == call.kind and not each.alone][: self.most]

    def _passed(self, taken: list[_Call]) -> list[Any]:
        """The answers to calls."""
        if len(taken) == 1:
            answers = [self.single(*taken[0].inputs)]
        else:
            found = self.net(*(torch.cat(parts) for parts in zip(*(each.inputs for each in taken), strict=True)))
            sizes = [len(each.inputs[0]) for each in taken]
            shares = zip(*(tensor.split(sizes) for tensor in tensors_of(found)), strict=True)
            answers = [like(found, iter(share)) for share in shares]
        self._before = mark(taken[0].inputs[0].device)
        return answers

    def _part(self, taken: list[_Call], error: BaseException) -> None:
        """Calls whose pass has failed are made one by one, before all others."""
        for each in taken:
            each.alone = True
        with self._change:
            self._waiting = [*(each for each in taken if not each.done), *self._waiting]
        if len(taken) > 1 and isinstance(error, torch.OutOfMemoryError):
            self.most = max(1, len(taken) // 2)
            log.warning("memory does not suffice for %d calls at once: no more than %d", len(taken), self.most)


def gathered(net: nn.Module, most: int) -> Gathered:
    """A network for as many callers at once; one that gathers already does so for as many."""
    if not isinstance(net, Gathered):
        return Gathered(net, most)
    net.most = most
    return net


def _kind_of(inputs: tuple[Tensor, ...]) -> tuple[Any, ...]:
    device = inputs[0].device
    return (*((each.shape, each.dtype, each.device) for each in inputs), Manner.here(device))
