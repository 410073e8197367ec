"""Training on several processes at once, on one machine or many: `accelerate launch -m fitting train ...`.

Every process makes the same batch, takes its slice of it, and gradients are averaged before each step: but for batch
norms, which see only their slice, and losses that are means over unequally many pixels, that is the training of one.
The first process writes checkpoints and logs, and goes on with what comes after; the others end with the training.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

log = logging.getLogger(__name__)

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Processes:
    """Those that train a network together.

    Attributes:
        rank: which of them this is, from 0.
        count: how many there are.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def joined(cls) -> Processes:
        """Join those that `accelerate launch` has started; alone where it has not.

        Raises:
            ModuleNotFoundError: several were started, but accelerate is not installed here.
        """
        if int(os.environ.get("WORLD_SIZE", "1")) < 2:
            return cls()
        from accelerate import PartialState

        state = PartialState(cpu=not torch.cuda.is_available())
        return cls(state.process_index, state.num_processes)

    @property
    def first(self) -> bool:
        """Whether this one writes checkpoints and logs."""
        return self.rank == 0

    @contextmanager
    def first_before_others(self) -> Iterator[None]:
        """The first one does this alone, the others after it: what it wrote into a cache is there for them."""
        if self.count > 1 and not self.first:
            dist.barrier()
        yield
        if self.count > 1 and self.first:
            dist.barrier()

    def share_of(self, batch: Batch, together: int = 1) -> Batch:
        """This process's slice of a batch; what has no rows is everybody's.

        Args:
            together: so many rows in a row stay together.

        Raises:
            ValueError: the batch cannot be divided.
        """
        if self.count == 1:
            return batch
        lengths = {len(tensor) for tensor in batch.values() if tensor.ndim}
        if len(lengths) != 1 or next(iter(lengths)) % (self.count * together):
            raise ValueError(f"batches of {sorted(lengths)} rows cannot be divided among {self.count} processes")
        rows = lengths.pop() // self.count
        mine = slice(self.rank * rows, (self.rank + 1) * rows)
        return {name: tensor[mine] if tensor.ndim else tensor for name, tensor in batch.items()}

    def begin_alike(self, net: nn.Module) -> None:
        """Everybody begins with the first one's weights, whatever was drawn."""
        if self.count > 1:
            for tensor in net.state_dict().values():
                dist.broadcast(tensor, 0)

    def average_gradients(self, net: nn.Module) -> None:
        """Everybody has the mean of all gradients, and of the batch norms' statistics."""
        if self.count > 1:
            gradients = [weight.grad for weight in net.parameters() if weight.grad is not None]
            self._average([*gradients, *(kept for kept in net.buffers() if kept.is_floating_point())])

    def mean(self, values: dict[str, float]) -> dict[str, float]:
        """Means over all processes, which must know the same names."""
        if self.count == 1:
            return values
        together = torch.tensor(list(values.values()), dtype=torch.float64)
        dist.all_reduce(together)
        return dict(zip(values, (together / self.count).tolist(), strict=True))

    def agreed(self, flag: bool) -> bool:
        """What the first process says: clocks differ, and whoever stopped alone would leave the others waiting."""
        if self.count == 1:
            return flag
        said = torch.tensor([int(flag)])
        dist.broadcast(said, 0)
        return bool(said.item())

    def leave(self) -> None:
        """The training is over: all processes but the first end here.

        At once, for where Python takes itself apart while a thread of the group still runs, C++ aborts.
        """
        if self.count > 1:
            dist.barrier()
            if not self.first:
                log.info("process %d is done", self.rank)
                logging.shutdown()
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)
            dist.destroy_process_group()

    def _average(self, tensors: Iterable[Tensor]) -> None:
        """In as few messages as there are types."""
        kinds: dict[torch.dtype, list[Tensor]] = {}
        for tensor in tensors:
            kinds.setdefault(tensor.dtype, []).append(tensor)
        for alike in kinds.values():
            flat = _flatten_dense_tensors(alike)
            dist.all_reduce(flat)
            for tensor, mean in zip(alike, _unflatten_dense_tensors(flat / self.count, alike), strict=True):
                tensor.copy_(mean)
