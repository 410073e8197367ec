"""Several visitors' photos through PersonNet at once: for replicas with a graphics card.

On a processor it does not pay: benchmarks/batching.json. There a replica looks at one photo after the other.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import torch
from ray import serve
from torch import Tensor, nn

from fitting.person_net import PersonMaps

WAIT = 0.005  # seconds that a photo waits for others


class Together(nn.Module):
    """A PersonNet for many threads: what they ask at the same time is one pass through the network.

    As `PersonNet`, but the views of one call stay together, and every call has equally large ones.
    """

    def __init__(self, net: nn.Module, most: int) -> None:
        """
        Args:
            most: calls in one pass.
        """
        super().__init__()
        self.net = net
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="together", daemon=True).start()
        self._gathered = serve.batch(max_batch_size=most, batch_wait_timeout_s=WAIT)(self._passed)

    def forward(self, views: Tensor) -> PersonMaps:
        """(B, 3, H, W) -> its maps."""
        waiting: Coroutine[Any, Any, PersonMaps] = self._gathered(views)
        return asyncio.run_coroutine_threadsafe(waiting, self._loop).result()

    async def _passed(self, calls: list[Tensor]) -> list[PersonMaps]:
        return await asyncio.to_thread(self._run, calls)

    @torch.inference_mode()
    def _run(self, calls: list[Tensor]) -> list[PersonMaps]:
        maps = vars(self.net(torch.cat(calls)))
        parts = {name: tensor.split([len(views) for views in calls]) for name, tensor in maps.items()}
        return [PersonMaps(**{name: split[place] for name, split in parts.items()}) for place in range(len(calls))]
