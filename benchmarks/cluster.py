"""What the services of a cluster cost, each on one thread: processor time, bytes on the way, memory.

    OMP_NUM_THREADS=1 python benchmarks/cluster.py --json benchmarks/cluster.json

A service is what `fitting.cluster.answering` does with a question, from bytes to bytes, in a room that remembers
nobody. Photos are of 768x1024; a `card` is a garment of the shop on the small figure that the page's shelves show.
`front` is what asking for a try-on costs whoever asks: the question written and the answer read. `shelves` are both
shelves with their reasons, of the sample shop, for a visitor who did five things. `embed` is a picture looked at in
bulk, with its files. Rows take turns; a value is the median of processor time over the rounds, so what else the
machine does matters little, but not nothing.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stages import ASSETS, SIZE, photo_of

from fitting.cluster import wire
from fitting.cluster.answering import dressing, looking
from fitting.cluster.deployments import Size, open_dressing, open_looking, open_recommending
from fitting.cluster.recommending import Advice
from fitting.cluster.wire import Message
from fitting.compiled import runtime_of
from fitting.garment import Garment
from fitting.images import to_tensor
from fitting.person import Person
from fitting.room import FittingRoom
from fitting.shop import Shop
from fitting.ui import cards

WARM_UP, ROUNDS = 2, 24
EVENTS = 5
ASKED = {"understand": ("person", "garment"), "dress": ("try-on",), "recommend": ("shelves",)}  # of each service
Work = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where the numbers go; without it they are only shown")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--alone", nargs=2, metavar=("SERVICE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.alone:
        sys.stdout.write(str(alone(options.alone[0], Path(options.alone[1]))))
        return
    runtime, load = runtime_of("auto"), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, Shop.open(Path(folder)) as shop:
        room = FittingRoom.load(remembered=0, runtime=runtime)
        numbers: dict[str, object] = {"peak_megabytes": {name: apart(name, room, shop) for name in ASKED}}
        numbers |= measured(room, shop, options.rounds)
    numbers |= {
        "photo": list(SIZE),
        "items": len(list((ASSETS / "garments").glob("*.jpg"))),
        "rounds": options.rounds,
        "threads": 1,
        "load_before": round(load, 1),
        "runtime": runtime,
        "torch": torch.__version__,
        "machine": platform.machine(),
    }
    text = json.dumps(numbers, indent=2) + "\n"
    if options.json:
        options.json.write_text(text)
    sys.stdout.write(text)


def apart(service: str, room: FittingRoom, shop: Shop) -> int:
    """The most memory that a replica holds, in megabytes: measured in a process of its own, which answers a few."""
    questions = _questions(room, shop)
    with tempfile.TemporaryDirectory() as folder:
        for turn, name in itertools.product(range(3), ASKED[service]):
            (Path(folder) / f"{turn}.{name}").write_bytes(next(questions)[name].to_bytes())
        command = [sys.executable, __file__, "--alone", service, folder]
        told = {**os.environ, "FITTING_SHOP": str(shop.folder)}
        return int(subprocess.run(command, check=True, capture_output=True, text=True, env=told).stdout)


def alone(service: str, folder: Path) -> int:
    """Open a service as a replica does, answer the questions in a folder, and tell the peak of memory."""
    size = Size()
    opened = {"understand": partial(open_looking, size), "dress": partial(open_dressing, size)}
    answers = opened.get(service, open_recommending)()
    for path in sorted(folder.iterdir()):
        answers[path.suffix[1:]](Message.from_bytes(path.read_bytes())).to_bytes()
    # Of this program alone; `resource` would count the memory of whoever started it, too.
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) >> 10  # type: ignore[index]


def measured(room: FittingRoom, shop: Shop, rounds: int) -> dict[str, object]:
    """Milliseconds of processor time of each service's answer, and kilobytes of questions and answers."""
    questions = _questions(room, shop)
    services = {**looking(room), **dressing(room), "card": dressing(room)["try-on"], **Advice(shop).answers()}
    times: dict[str, list[float]] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for turn in range(WARM_UP + rounds):
        asked = next(questions)
        spent: dict[str, float] = {}
        for name in ("person", "garment", "try-on", "card", "shelves"):
            content = asked[name].to_bytes()
            answers: list[bytes] = []
            spent[name] = _seconds(
                lambda name=name, content=content, answers=answers: answers.append(
                    services[name](Message.from_bytes(content)).to_bytes()
                )
            )
            sizes[name] = (len(content), len(answers[0]))
            if name == "try-on":
                parts = asked[name]
                person, garment = wire.person_of(parts.part("person")), wire.garment_of(parts.part("garment"))
                spent["front"] = _seconds(lambda p=person, g=garment, a=answers[0]: _front(p, g, a))
        spent["embed"] = _embed(shop, turn)
        if turn >= WARM_UP:
            for name, seconds in spent.items():
                times.setdefault(name, []).append(seconds)
    return {
        "cpu_ms": {name: round(1000 * statistics.median(values), 2) for name, values in times.items()},
        "kilobytes": {
            name: {"question": round(question / 1000, 1), "answer": round(answer / 1000, 1)}
            for name, (question, answer) in sizes.items()
        },
    }


def _questions(room: FittingRoom, shop: Shop) -> Iterator[dict[str, Message]]:
    """The questions of one visitor after the other, each with another garment."""
    photos = [to_tensor(photo_of(path, SIZE)) for path in sorted((ASSETS / "people").glob("*.jpg"))]
    pictures = [to_tensor(Image.open(path).convert("RGB")) for path in sorted((ASSETS / "garments").glob("*.jpg"))]
    people = [room.understand_person(wire.to_image(photo)) for photo in photos]
    items = shop.catalogue().items
    for turn in itertools.count():
        person, item = people[turn % len(people)], items[7 * turn % len(items)]
        garment, small = shop.garment(item.id), cards.figure(person)
        did = [(items[(turn + 5 * k) % len(items)].id, "tried", 1e9 + k) for k in range(EVENTS)]
        asked = {"shopper": "x", "viewed": item.id, "category": None, "count": 6, "seed": 0}
        yield {
            "person": wire.of_pixels(photos[turn % len(photos)]),
            "garment": wire.of_pixels(pictures[3 * turn % len(pictures)]),
            "try-on": _worn(person, garment),
            "card": _worn(small, garment),
            "shelves": Message(about={"asked": asked, "did": did, "now": 1e9 + 60, "explain": True}),
        }


def _worn(person: Person, garment: Garment) -> Message:
    return Message().with_part("person", wire.of_person(person)).with_part("garment", wire.of_garment(garment))


def _front(person: Person, garment: Garment, answer: bytes) -> None:
    _worn(person, garment).to_bytes()
    wire.try_on_of(Message.from_bytes(answer), person.photo)


def _embed(shop: Shop, turn: int) -> float:
    paths = sorted((ASSETS / "garments").glob("*.jpg"))
    content = paths[turn % len(paths)].read_bytes()
    return _seconds(lambda: shop.looks.look(content))


def _seconds(work: Work) -> float:
    since = time.process_time()
    work()
    return time.process_time() - since


if __name__ == "__main__":
    main()
