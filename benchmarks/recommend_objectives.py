"""What the adversarial game adds to the recommender, and which objective: on validation data alone.

    python benchmarks/recommend_objectives.py --data DATA --json benchmarks/recommend_objectives.json

Players are trained on a part of a published set's training interactions and looked at every 50 steps; a run's number
is the NDCG at the longest list, on the interactions that were kept back, at the best look. `start` is the generator
before its first step. Every run has as many steps of the generator (`wgan-gp` trains its critic five times for each).
Runs that are in the file already are not made again.
"""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fitting.evaluation.contenders import gain
from fitting.evaluation.interactions import load_splits
from fitting.evaluation.players import PLAN, ground, stop_early
from fitting.gan import OBJECTIVES

SETTINGS = {"factors": 32, "regularization": 30.0, "alpha": 4.0}  # of the factor model that players begin at
GAMES = (("none", 0.0), ("minimax", 0.2), ("hinge", 0.2), ("wgan-gp", 0.2), ("minimax", 0.02), ("hinge", 0.02))


def main() -> None:
    """Run what is missing, and write the table after each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds recommend/")
    parser.add_argument("--json", type=Path, required=True, dest="report")
    parser.add_argument("--set", default="ml100k_cfgan")
    parser.add_argument("--steps", type=int, default=150, help="of the generator")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    report: dict[str, Any] = json.loads(given.report.read_text()) if given.report.exists() else {}
    found = report.setdefault(given.set, {})
    part = next(split for split in load_splits(given.data) if split.name == given.set).to_choose
    known = ground(part.train, SETTINGS)
    for seed in range(given.seeds):
        for objective, weight in GAMES:
            name = objective if objective == "none" else f"{objective} {weight}"
            row = found.setdefault(name, {"runs": {}})
            if str(seed) in row["runs"]:
                continue
            row["runs"][str(seed)] = run(part, known, objective, weight, given.steps, seed)
            summarise(row)
            given.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def run(part: Any, known: Any, objective: str, weight: float, steps: int, seed: int) -> dict[str, Any]:
    """One training: its gains at each look."""
    plan = replace(PLAN, objective="minimax" if objective == "none" else objective, adversarial=weight)
    plan = plan.with_steps(steps * OBJECTIVES[plan.objective].critic_steps)
    _, best, curve = stop_early([known], [part], plan, gain, seed)
    return {"steps": best, "curve": [round(value, 5) for value in curve]}


def summarise(row: dict[str, Any]) -> None:
    """A row's mean over seeds, and their spread."""
    curves = [made["curve"] for made in row["runs"].values()]
    for name, values in (
        ("start", [curve[0] for curve in curves]),
        ("best", [max(curve) for curve in curves]),
        ("last", [curve[-1] for curve in curves]),
    ):
        row[name] = {"mean": round(float(np.mean(values)), 5), "between_seeds": round(float(np.std(values)), 5)}


if __name__ == "__main__":
    main()
