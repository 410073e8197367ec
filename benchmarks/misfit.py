"""How large a misfit may be before geometry is the better answer, on people that nothing was trained on.

    python benchmarks/misfit.py --data DIR --json benchmarks/misfit.json

Street photos of Clothing Co-Parsing's validation split: each person in the garment that they wear, cut out and
deformed, once by the GAN and once by geometry, and how far each is from the photo (Lite0, inside the edit region).
`MISFIT` in fitting/room.py is set by `threshold` below; the test split plays no part in it.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fitting.errors import FittingError
from fitting.evaluation import lite0 as distances
from fitting.evaluation import measures
from fitting.evaluation.lite0 import Lite0
from fitting.evaluation.tryon_cases import Case, Plan, worn_by
from fitting.evaluation.tryon_rows import tried_on
from fitting.images import to_unit
from fitting.room import FittingRoom
from fitting.training.labels import ccp_split
from fitting.underlay import undress

SIZE = (256, 192)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True, help="where the numbers go")
    parser.add_argument("--weights", type=Path, default=None)
    options = parser.parse_args()
    room, lite0 = FittingRoom.load(options.weights), Lite0.load()
    found = []
    for plan in plans(options.data, room):
        try:
            found.append(measure(room, lite0, plan.open()))
        except FittingError:
            continue
    rows = np.array(sorted(found))
    groups = [group.mean(0) for group in np.array_split(rows, 5)]
    numbers = {
        "people": len(rows),
        "threshold": threshold(rows),
        "fifths": [dict(zip(("misfit", "gan", "geometric"), map(float, group), strict=True)) for group in groups],
        "misfit_percentiles": {str(p): float(np.percentile(rows[:, 0], p)) for p in (50, 80, 90, 95, 99)},
    }
    options.json.write_text(json.dumps(numbers, indent=2) + "\n")


def plans(data: Path, room: FittingRoom) -> list[Plan]:
    photos = [data / "ccp" / "photos" / f"{id_}.jpg" for id_ in ccp_split(data, "val")]
    return [Plan(photo.stem, partial(worn_by, room, photo.stem, photo, photo, None)) for photo in photos]


@torch.no_grad()
def measure(room: FittingRoom, lite0: Lite0, case: Case) -> tuple[float, float, float]:
    """Misfit, and the distance from the photo of what the GAN and geometry show."""
    assert room.engine is not None and case.truth is not None
    drawing = room.engine.draw(case.scene, undress(case.scene), case.garment)
    region = measures.fit(case.region()[None].float(), SIZE)[0] > 0.5
    pictures = [tried_on(room, engine, case) for engine in ("gan", "geometric")]
    seen = lite0.see([measures.fit(to_unit(picture), SIZE) for picture in (*pictures, case.truth)])
    gan, geometric = (distances.perceptual(features, seen[-1], region) for features in seen[:2])
    return drawing.misfit, gan, geometric


def threshold(rows: np.ndarray) -> float:
    """The misfit above which the cases are nearer to the photo by geometry on average; else the largest one seen.

    Args:
        rows: (N, 3) misfit, distance by the GAN, distance by geometry; sorted by misfit.
    """
    gains = (rows[:, 1] - rows[:, 2])[::-1].cumsum()  # of falling back on the k most doubtful cases
    best = int(gains.argmax())
    if gains[best] <= 0:
        return float(rows[-1, 0])
    return float(rows[len(rows) - 1 - best, 0])


if __name__ == "__main__":
    main()
