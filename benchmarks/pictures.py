"""Compare the objectives of the generator of pictures for mode collapse, each given as many steps of the generator:

    .venv/bin/python benchmarks/pictures.py --data DATA [--steps 1000] [--runs runs]

Short runs at 64 x 64: they tell which objective collapses or falls behind early, not which would win in the end. Each
goes to `RUNS/pictures-NAME` and goes on where it was stopped; `fitting evaluate pictures` then fills in its table.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from fitting.training.pictures import PicturePlan, shortened, train_pictures

NAMES = ("nonsaturating", "hinge", "wgan-gp")
CRITIC = 5  # critic steps to one of the generator's, under wgan-gp


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False)],
    steps: Annotated[int, typer.Option(min=1, help="Of the generator, each.")] = 1000,
    runs: Path = Path("runs"),
    only: Annotated[list[str] | None, typer.Option(help="These objectives alone.")] = None,
) -> None:
    """Train each from the same start, by the same batches."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in only or NAMES:
        turns = CRITIC if name == "wgan-gp" else 1
        plan = replace(PicturePlan(), objective=name, guided=turns * steps // 2)
        config = shortened(plan, turns * steps)
        train_pictures(data, runs / f"pictures-{name}", resume=True, config=config)


if __name__ == "__main__":
    typer.run(main)
