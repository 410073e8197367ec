"""What a studio finish costs and what it buys, for a list of diffusion models; for people with a graphics card.

    python benchmarks/studio.py --pairs PAIRS --json benchmarks/studio.json MODEL [MODEL ...]

PAIRS holds a folder for each case, with three pictures: `person`, `garment`, and `target`, the same person in the
same pose in that garment. Models are names on the Hugging Face Hub or local folders. For each: seconds to load, for
a finish and for one step, peak memory of the card, and the Lite0 perceptual distance to the target within the edit
region, of the GAN's picture and of the finish, on pictures that fit 512x384. A model that cannot be had has its
reason in the table instead of numbers. The distance may not be compared with a published LPIPS.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fitting.errors import FittingError, GarmentError, PhotoError
from fitting.evaluation.lite0 import Lite0, perceptual
from fitting.evaluation.measures import fit
from fitting.garment import Garment
from fitting.images import decode, to_tensor, to_unit
from fitting.room import FittingRoom, TryOn
from fitting.studio import Memory, Outcome, Quantise, Settings, Studio
from fitting.studio_memory import best_device

SIZE = (512, 384)
COLUMNS = ("model", "load s", "finish s", "step s", "peak GB", "finished", "GAN", "finish")


@dataclass(frozen=True)
class Case:
    """A person dressed by the GAN, and what the picture should be."""

    tryon: TryOn
    garment: Garment
    target: Image.Image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--pairs", type=Path, required=True, help="folders of person, garment and target")
    parser.add_argument("--json", type=Path, required=True, help="where the numbers go")
    parser.add_argument("--device", help="cuda, mps or xpu; the machine's card by default")
    parser.add_argument("--memory", default="auto", choices=[kind.value for kind in Memory])
    parser.add_argument("--quantise", default="none", choices=[kind.value for kind in Quantise])
    parser.add_argument("--ip-adapter", action="store_true", help="for Stable Diffusion 1.5 and XL")
    parser.add_argument("--strength", type=float, default=Settings.strength)
    parser.add_argument("--steps", type=int, default=Settings.steps)
    parser.add_argument("--weights", type=Path, default=None)
    options = parser.parse_args()
    settings = Settings(strength=options.strength, steps=options.steps)
    try:
        device = options.device or best_device()
        cases = dressed(FittingRoom.load(options.weights), options.pairs)
    except FittingError as error:
        sys.exit(str(error))
    how = {"memory": options.memory, "quantise": options.quantise, "adapter": options.ip_adapter}
    rows = [measure(model, cases, settings, device, **how) for model in options.models]
    machine = {"device": device, "card": _card(device), "torch": torch.__version__}
    numbers = {"cases": len(cases), "strength": settings.strength, "steps": settings.steps, **how, **machine}
    options.json.write_text(json.dumps({**numbers, "models": rows}, indent=2) + "\n")
    sys.stdout.write(table(rows))


def dressed(room: FittingRoom, pairs: Path) -> list[Case]:
    """The cases of a folder; those that the GAN cannot do are left out.

    Raises:
        FittingError: there is none.
    """
    cases = []
    for folder in sorted(path for path in pairs.iterdir() if path.is_dir()):
        files = {path.stem: path for path in folder.iterdir()}
        try:
            photo, picture = decode(files["person"], PhotoError), decode(files["garment"], GarmentError)
            garment = room.understand_garment(picture)
            target = decode(files["target"], PhotoError).resize(photo.size, Image.Resampling.LANCZOS)
            cases.append(Case(room.try_on(photo, garment), garment, target))
        except (FittingError, KeyError) as error:
            sys.stderr.write(f"{folder.name} is left out: {error}\n")
    if not cases:
        raise FittingError("There is no case: give folders that hold the pictures person, garment and target.")
    return cases


def measure(model: str, cases: list[Case], settings: Settings, device: str, **how: Any) -> dict[str, Any]:
    """One model's row, or the reason why there is none."""
    name = Path(model).name if Path(model).is_dir() else model
    gc.collect()  # the model before
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    try:
        studio = Studio.load(model, device, **how)
    except FittingError as error:
        return {"model": name, "refused": str(error)}
    loaded = time.perf_counter() - began
    try:
        runs = [(case, studio.finish(case.tryon, case.garment, settings)) for case in cases]
    except FittingError as error:
        return {"model": name, "refused": str(error)}
    done = [(case, finished) for case, finished in runs if finished.outcome is Outcome.DONE]
    row: dict[str, Any] = {
        "model": name,
        "pipeline": type(studio.pipeline).__name__,
        "placed": studio.memory.value,
        "load_seconds": round(loaded, 2),
        "finish_seconds": _median([finished.tryon.seconds["studio"] for _, finished in done]),
        "step_seconds": _median([f.seconds_per_step for _, f in done if f.seconds_per_step is not None], 3),
        "peak_bytes": torch.cuda.max_memory_allocated() if device.startswith("cuda") else None,
        "outcomes": {kind.value: sum(f.outcome is kind for _, f in runs) for kind in Outcome},
    }
    lite0 = Lite0.load()
    apart = [(distance(lite0, c.tryon, c, c.target), distance(lite0, f.tryon, c, c.target)) for c, f in done]
    for index, column in enumerate(("gan_distance", "studio_distance")):
        row[column] = round(statistics.fmean(pair[index] for pair in apart), 5) if apart else None
    return row


def distance(lite0: Lite0, tryon: TryOn, case: Case, target: Image.Image) -> float:
    """Lite0 perceptual distance of a picture to the target, within the edit region."""
    region = fit(_unit(case.tryon.edit_region), SIZE)[0] > 0
    got, wanted = lite0.see([fit(_unit(picture), SIZE) for picture in (tryon.picture, target)])
    return perceptual(got, wanted, region)


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as Markdown."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for row in rows:
        if "refused" in row:
            lines.append(f"| {row['model']} | {row['refused']} |" + " |" * (len(COLUMNS) - 2))
            continue
        peak = None if row["peak_bytes"] is None else round(row["peak_bytes"] / 2**30, 1)
        finished = f"{row['outcomes'][Outcome.DONE.value]}/{sum(row['outcomes'].values())}"
        values = [row["load_seconds"], row["finish_seconds"], row["step_seconds"], peak, finished]
        values += [row["gan_distance"], row["studio_distance"]]
        lines.append("| " + " | ".join([row["model"], *("-" if v is None else str(v) for v in values)]) + " |")
    return "\n".join(lines) + "\n"


def _unit(image: Image.Image) -> Tensor:
    return to_unit(to_tensor(image))


def _median(values: list[float], digits: int = 2) -> float | None:
    return round(statistics.median(values), digits) if values else None


def _card(device: str) -> str | None:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else None


if __name__ == "__main__":
    main()
