"""Whether it pays to put several visitors' pictures through a network at once, on one thread of this processor.

    OMP_NUM_THREADS=1 python benchmarks/batching.py --json benchmarks/batching.json

The inputs are those of one real try-on, repeated. Every batch size takes its turn in every round, so that whatever
else the machine does meets all of them; a value is the least processor time of the rounds, in milliseconds, divided
by the pictures at once.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stages import ASSETS, SIZE, photo_of

from fitting.precision import last, quick
from fitting.room import FittingRoom

BATCHES = (1, 2, 4, 8)
ROUNDS = 12
Call = tuple[nn.Module, tuple[Tensor, ...], bool]  # a network, its input, and whether it counts in half precision


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the numbers go")
    parser.add_argument("--weights", type=Path, default=None)
    options = parser.parse_args()
    torch.set_num_threads(1)
    load = round(os.getloadavg()[0], 1)
    calls = calls_of_a_try_on(FittingRoom.load(options.weights))
    numbers: dict[str, Any] = {
        "cpu_ms_a_picture": {name: measure(*call) for name, call in calls.items()},
        "rounds": ROUNDS,
        "threads": 1,
        "load_before": load,
        "torch": torch.__version__,
        "machine": platform.machine(),
    }
    options.json.write_text(json.dumps(numbers, indent=2) + "\n")


def calls_of_a_try_on(room: FittingRoom) -> dict[str, Call]:
    """What each network is given in one try-on, by its name and, where it looks several times, the input's size."""
    assert room.engine is not None
    nets = {
        "person": room.person_net,
        "garment": room.garment_net,
        "flow": room.engine.flow_net,
        "generator": room.engine.generator,
    }
    seen: dict[str, Call] = {}

    def remember(name: str) -> Any:
        def hook(net: nn.Module, given: tuple[Tensor, ...]) -> None:
            rows, columns = given[0].shape[-2:]
            seen.setdefault(f"{name}_{rows}x{columns}", (net, tuple(given), torch.is_autocast_enabled("cpu")))

        return hook

    hooks = [net.register_forward_pre_hook(remember(name)) for name, net in nets.items()]
    photo = photo_of(sorted((ASSETS / "people").glob("*.jpg"))[0], SIZE)
    room.try_on(photo, Image.open(sorted((ASSETS / "garments").glob("*.jpg"))[0]).convert("RGB"), engine="gan")
    for hook in hooks:
        hook.remove()
    return seen


@torch.inference_mode()
def measure(net: nn.Module, given: tuple[Tensor, ...], half: bool) -> dict[str, float]:
    """Milliseconds of processor time a call's worth of input, by how many are put through at once."""
    inputs = {count: tuple(last(part.clone().repeat(count, 1, 1, 1)) for part in given) for count in BATCHES}
    best = dict.fromkeys(BATCHES, float("inf"))
    for turn in range(ROUNDS + 1):
        for count, parts in inputs.items():
            since = time.process_time()
            with quick(parts[0].device) if half else nullcontext():
                net(*parts)
            if turn:  # the first round warms up
                best[count] = min(best[count], (time.process_time() - since) / count)
    return {str(count): round(1000 * seconds, 2) for count, seconds in best.items()}


if __name__ == "__main__":
    main()
