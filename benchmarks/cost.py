"""What a try-on costs, beside the smallest published try-on GAN, in one process.

    python benchmarks/cost.py --json benchmarks/cost.json

From a decoded photo (768x1024) and a garment's picture to the finished picture: a first garment (person and garment
understood, scene prepared, garment laid on, picture put together); a further garment on the same person; and a
further garment that was understood before, as one of the catalogue is; and eight garments of the catalogue as the
cards of the shelves show them, on the same person made small, by two painters as in the app. Then the forward of
`stand_in.py` at 256x192, which is all that is charged to it: no decoding, no parsing, no picture at the photo's size;
PyTorch runs it whatever runs ours (with `--runtime compile` the first round takes minutes). Rounds take turns, so that
whatever else the machine does meets all of them; medians of 20 rounds after 3 to warm up.

Peak memory is of a process of its own that has loaded the room and nothing else, for this photo and for one of
12 megapixels.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fitting.cores import settle

settle()  # as the app does, before PyTorch is imported
# ruff: noqa: E402

import stand_in
import torch
from PIL import Image
from stages import SIZE, photo_of

from fitting.compiled import RUNTIMES, runtime_of
from fitting.garment import Garment
from fitting.images import to_tensor
from fitting.outfit import Dresser, Outfit
from fitting.person import Person, understand_person
from fitting.precision import device_of, has_half
from fitting.room import FittingRoom

ASSETS = Path(__file__).resolve().parent.parent / "assets"
WARM_UP, ROUNDS = 3, 20
SHELF = 8  # cards
LARGE = (3000, 4000)  # 12 megapixels
LARGE_ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where the numbers go; without it they are only shown")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--device", default="cpu", help="of both: cuda, mps, xpu")
    parser.add_argument("--runtime", choices=RUNTIMES, default="torch", help="what runs our networks")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--alone", nargs=2, type=int, metavar=("WIDTH", "HEIGHT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    numbers: dict[str, object] = {}
    device = device_of(options.device)
    room = partial(FittingRoom.load, options.weights, device, runtime=options.runtime)
    if options.alone:
        numbers |= alone(room(), (options.alone[0], options.alone[1]))
    else:
        # First, while this process is small: Linux counts its memory as the peak of what it starts.
        numbers["photo_768x1024"] = apart(options, SIZE)
        numbers["photo_12_megapixels"] = apart(options, LARGE)
        numbers |= side_by_side(room(), options.rounds, device)
        numbers |= {"threads": options.threads, "runtime": runtime_of(options.runtime), "torch": torch.__version__}
        numbers |= {"machine": platform.machine(), "device": str(device), "half_precision": has_half()}
    text = json.dumps(numbers, indent=2) + "\n"
    if options.json:
        options.json.write_text(text)
    sys.stdout.write(text)


def side_by_side(room: FittingRoom, rounds: int, device: torch.device) -> dict[str, object]:
    """Seconds of our path and of the stand-in, taking turns, and what the one is of the other."""
    people = [to_tensor(photo_of(path, SIZE)) for path in sorted((ASSETS / "people").glob("*.jpg"))]
    garments = [Image.open(path).convert("RGB") for path in sorted((ASSETS / "garments").glob("*.jpg"))]
    peer, views = _peer(device)
    names = ("first_garment", "further_garment", "known_garment", "shelf_of_eight", "stand_in")
    runs: dict[str, list[float]] = {name: [] for name in names}
    offered = [room.understand_garment(garment) for garment in garments[: WARM_UP + rounds + SHELF]]
    for turn in range(WARM_UP + rounds):
        photo, first, further = people[turn % len(people)], *(garments[(2 * turn + k) % len(garments)] for k in (0, 1))
        known = room.understand_garment(further)
        since = time.perf_counter()
        person = understand_person(room.person_net, photo)
        room.try_on(person, first)
        taken = {"first_garment": time.perf_counter() - since}
        taken["stand_in"] = _seconds(_forward, peer, *views)
        taken["further_garment"] = _seconds(room.try_on, person, further)
        taken["known_garment"] = _seconds(room.try_on, person, known)
        taken["shelf_of_eight"] = _seconds(
            _shelf, room, person, [offered[(turn + k) % len(offered)] for k in range(SHELF)]
        )
        room.forget(person)
        if turn >= WARM_UP:
            for name, seconds in taken.items():
                runs[name].append(seconds)
    medians = {name: statistics.median(times) for name, times in runs.items()}
    return {
        "seconds": {name: _summary(times) for name, times in runs.items()},
        "share_of_stand_in": {
            name: round(median / medians["stand_in"], 3) for name, median in medians.items() if name != "stand_in"
        },
        "stand_in": {
            "parameters": stand_in.parameters(peer),
            "gmac_at_256x192": round(stand_in.macs(peer, *views) / 1e9, 2),
        },
        "rounds": rounds,
    }


def _shelf(room: FittingRoom, person: Person, garments: list[Garment]) -> None:
    """Every garment on the person alone, as small as a card: by as many painters as threads, of one thread each."""
    from fitting.ui.cards import figure  # here, for it brings Gradio, whose memory is not to be counted

    threads = torch.get_num_threads()
    small = figure(person)
    room.share(person, small)

    def paint(share: list[Garment]) -> None:
        with Dresser(room, small) as dresser:
            for garment in share:
                dresser.wear(Outfit().wear(garment))

    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as painters:
        list(painters.map(paint, [garments[place::threads] for place in range(threads)]))
    room.forget(small)
    torch.set_num_threads(threads)


def _peer(device: torch.device) -> tuple[stand_in.StandIn, tuple[torch.Tensor, torch.Tensor]]:
    """The stand-in, and a person and a garment for it; channels last, which is the faster order for it."""
    net = stand_in.StandIn().eval().to(device, memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(0)
    person, garment = (
        torch.rand(1, channels, *stand_in.SIZE, generator=generator).contiguous(memory_format=torch.channels_last)
        for channels in (3, 4)
    )
    return net, (person.to(device), garment.to(device))


@torch.inference_mode()
def _forward(peer: stand_in.StandIn, *views: torch.Tensor) -> None:
    """Until its picture has come, as ours has when `try_on` returns: a card works on after a call."""
    peer(*views).cpu()


def _seconds(work: Callable[..., object], *given: object) -> float:
    since = time.perf_counter()
    work(*given)
    return time.perf_counter() - since


def _summary(times: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles(times, n=4) if len(times) > 1 else times * 3
    return {"median": round(middle, 4), "lower_quartile": round(low, 4), "upper_quartile": round(high, 4)}


def apart(options: argparse.Namespace, size: tuple[int, int]) -> dict[str, float]:
    """`alone` in a process of its own."""
    command = [sys.executable, __file__, "--threads", str(options.threads), "--alone", *map(str, size)]
    command += ["--runtime", options.runtime, "--device", options.device]
    if options.weights:
        command += ["--weights", str(options.weights)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def alone(room: FittingRoom, size: tuple[int, int]) -> dict[str, float]:
    """Seconds and peak memory of a first garment on a photo of this size (columns, rows)."""
    people, garments = sorted((ASSETS / "people").glob("*.jpg")), sorted((ASSETS / "garments").glob("*.jpg"))
    small, worn = to_tensor(photo_of(people[0], SIZE)), [Image.open(path).convert("RGB") for path in garments[:2]]
    loaded = _peak()
    room.try_on(understand_person(room.person_net, small), worn[0])
    photo = to_tensor(photo_of(people[1], size))
    held = _peak()
    times = []
    for turn in range(LARGE_ROUNDS):
        since = time.perf_counter()
        person = understand_person(room.person_net, photo)
        room.try_on(person, worn[turn % 2])
        times.append(time.perf_counter() - since)
        room.forget(person)
    return {
        "seconds": round(statistics.median(times), 3),
        "peak_megabytes": _peak(),
        "peak_megabytes_with_the_photo_open": held,
        "peak_megabytes_loaded": loaded,
    }


def _peak() -> int:
    """The most memory that this process has held so far, in megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 2**20 if sys.platform == "darwin" else peak / 2**10)


if __name__ == "__main__":
    main()
