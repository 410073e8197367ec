"""Whether it pays to put several visitors' pictures through a network at once.

    OMP_NUM_THREADS=1 python benchmarks/batching.py --json benchmarks/batching.json
    python benchmarks/batching.py --device cuda

The inputs are those of one real try-on, repeated. Every batch size takes its turn in every round, so that whatever
else the machine does meets all of them; a value is the least of the rounds, in milliseconds, divided by the pictures at
once. On the processor that is its time on one thread; on a graphics card it is the time until the answer is there.

With `--visitors`, and always on a card, it also says what `fitting.gathered` makes of it: as many threads as visitors,
each of which asks for the same again and again, by itself and gathered. The values are milliseconds on the clock,
divided by the calls, and pictures in a pass.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stages import ASSETS, SIZE, photo_of

from fitting.around import tensors_of
from fitting.gathered import Gathered
from fitting.precision import device_of, fetched, last, quick
from fitting.room import FittingRoom

BATCHES = (1, 2, 4, 8)
ROUNDS = 12
CALLS = 40  # of each thread
Call = tuple[nn.Module, tuple[Tensor, ...], bool]  # a network, its input, and whether it counts in half precision


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where the numbers go; without it they are only shown")
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--device", default="cpu", help="cuda, mps, xpu")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--visitors", action="store_true", help="several threads at once on a processor, too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    load, device = round(os.getloadavg()[0], 1), device_of(options.device)
    calls = calls_of_a_try_on(FittingRoom.load(options.weights, device))
    unit = "cpu_ms_a_picture" if device.type == "cpu" else "ms_a_picture"
    numbers: dict[str, Any] = {unit: {name: measure(*call, options.rounds) for name, call in calls.items()}}
    if device.type != "cpu" or options.visitors:
        numbers["visitors"] = {name: by_threads(*call) for name, call in calls.items()}
    numbers |= {"rounds": options.rounds, "threads": 1, "load_before": load, "torch": torch.__version__}
    numbers |= {"machine": platform.machine(), "device": str(device)}
    text = json.dumps(numbers, indent=2) + "\n"
    if options.json:
        options.json.write_text(text)
    sys.stdout.write(text)


def calls_of_a_try_on(room: FittingRoom) -> dict[str, Call]:
    """What each network is given in one try-on, by its name and, where it looks several times, the input's size."""
    assert room.engine is not None
    nets = {
        "person": room.person_net,
        "garment": room.garment_net,
        "flow": room.engine.flow_net,
        "generator": room.engine.generator,
    }
    nets = {name: net.net if isinstance(net, Gathered) else net for name, net in nets.items()}
    seen: dict[str, Call] = {}

    def remember(name: str) -> Any:
        def hook(net: nn.Module, given: tuple[Tensor, ...]) -> None:
            rows, columns = given[0].shape[-2:]
            seen.setdefault(
                f"{name}_{rows}x{columns}", (net, tuple(given), torch.is_autocast_enabled(given[0].device.type))
            )

        return hook

    hooks = [net.register_forward_pre_hook(remember(name)) for name, net in nets.items()]
    photo = photo_of(sorted((ASSETS / "people").glob("*.jpg"))[0], SIZE)
    room.try_on(photo, Image.open(sorted((ASSETS / "garments").glob("*.jpg"))[0]).convert("RGB"), engine="gan")
    for hook in hooks:
        hook.remove()
    return seen


@torch.inference_mode()
def measure(net: nn.Module, given: tuple[Tensor, ...], half: bool, rounds: int) -> dict[str, float]:
    """Milliseconds a call's worth of input, by how many are put through at once."""
    inputs = {count: tuple(last(part.clone().repeat(count, 1, 1, 1)) for part in given) for count in BATCHES}
    clock = time.process_time if given[0].device.type == "cpu" else time.perf_counter
    best = dict.fromkeys(BATCHES, float("inf"))
    for turn in range(rounds + 1):
        for count, parts in inputs.items():
            since = clock()
            answered(net, parts, half)
            if turn:  # the first round warms up
                best[count] = min(best[count], (clock() - since) / count)
    return {str(count): round(1000 * seconds, 2) for count, seconds in best.items()}


def by_threads(net: nn.Module, given: tuple[Tensor, ...], half: bool) -> dict[str, dict[str, float]]:
    """What as many threads get, by their number: each for itself, and gathered."""
    return {str(count): asked_by(net, given, half, count) for count in BATCHES}


def asked_by(net: nn.Module, given: tuple[Tensor, ...], half: bool, threads: int) -> dict[str, float]:
    """Milliseconds a call where so many threads ask for the same, and how many calls were in a pass."""
    passes: list[int] = []
    around = Gathered(net)
    found: dict[str, float] = {}
    for name, asked in (("ms_alone", net), ("ms_gathered", around)):
        ready = threading.Barrier(threads + 1, passes.clear)

        def visit(asked: nn.Module = asked, ready: threading.Barrier = ready) -> None:
            with torch.inference_mode():
                answered(asked, given, half)  # warms up
                ready.wait()
                for _ in range(CALLS):
                    answered(asked, given, half)

        hook = net.register_forward_pre_hook(lambda _, parts: passes.append(len(parts[0])))
        with ThreadPoolExecutor(threads) as pool:
            visits = [pool.submit(visit) for _ in range(threads)]
            ready.wait()
            since = time.perf_counter()
            for each in visits:
                each.result()
            found[name] = round(1000 * (time.perf_counter() - since) / (CALLS * threads), 2)
        hook.remove()
    return {**found, "calls_in_a_pass": round(CALLS * threads / len(passes), 2)}


def answered(net: nn.Module, parts: tuple[Tensor, ...], half: bool) -> None:
    """Until an answer is there, as when a try-on goes on with it: a card works on after a call."""
    with quick(parts[0].device) if half else nullcontext():
        found = net(*parts)
    fetched(next(tensors_of(found)))


if __name__ == "__main__":
    main()
