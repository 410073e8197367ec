"""Seconds a stage of a try-on takes, for a 768x1024 photo on two threads.

    python benchmarks/stages.py --json benchmarks/stages.json

A first garment on a new photo, then a second garment on the same photo, in a process that has loaded everything
and dressed somebody else before. Medians over the sample people.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fitting.cores import settle

settle()  # as the app does, before PyTorch is imported
# ruff: noqa: E402

import torch
from PIL import Image

from fitting.compiled import RUNTIMES, runtime_of
from fitting.room import FittingRoom

ASSETS = Path(__file__).resolve().parent.parent / "assets"
SIZE = (768, 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the numbers go")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--runtime", choices=RUNTIMES, default="auto", help="what runs the networks")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    numbers = measure(FittingRoom.load(options.weights, runtime=options.runtime))
    numbers |= {
        "photo": list(SIZE),
        "threads": options.threads,
        "runtime": runtime_of(options.runtime),
        "torch": torch.__version__,
        "machine": platform.machine(),
    }
    options.json.write_text(json.dumps(numbers, indent=2) + "\n")


def measure(room: FittingRoom) -> dict[str, object]:
    """Medians by stage of the first and of a further garment on every sample person."""
    people = [photo_of(path, SIZE) for path in sorted((ASSETS / "people").glob("*.jpg"))]
    garments = [Image.open(path).convert("RGB") for path in sorted((ASSETS / "garments").glob("*.jpg"))]
    room.try_on(people[-1], garments[-1])
    room.forget(people[-1])
    first, further = [], []
    for index, person in enumerate(people):
        first.append(room.try_on(person, garments[2 * index]).seconds)
        further.append(room.try_on(person, garments[2 * index + 1]).seconds)
    return {"first_garment": _medians(first), "further_garment": _medians(further), "people": len(people)}


def photo_of(path: Path, size: tuple[int, int]) -> Image.Image:
    """A sample person on a page of this size (columns, rows), as large as it goes."""
    image = Image.open(path).convert("RGB")
    scale = min(size[0] / image.width, size[1] / image.height)
    large = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    page = Image.new("RGB", size, image.getpixel((1, 1)))
    page.paste(large, ((size[0] - large.width) // 2, (size[1] - large.height) // 2))
    return page


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    stages = {stage: round(statistics.median(run[stage] for run in runs), 3) for stage in runs[0]}
    return stages | {"total": round(statistics.median(sum(run.values()) for run in runs), 3)}


if __name__ == "__main__":
    main()
