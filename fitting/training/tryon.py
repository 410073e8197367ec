"""Teaching the try-on GAN: FlowNet first, then generator and discriminator on what it lays on."""

from __future__ import annotations

import logging
import shutil
import time
from dataclasses import replace
from pathlib import Path

from fitting import weights
from fitting.flow_net import FlowNet
from fitting.generator import Generator
from fitting.person import PersonNet
from fitting.training import checkpoint
from fitting.training.garment_data import tables as garment_tables
from fitting.training.processes import Processes
from fitting.training.tryon_data import TryOnBatches
from fitting.training.tryon_flow import train_flow
from fitting.training.tryon_game import GamePlan, train_game
from fitting.training.tryon_tables import SOURCES, tables

log = logging.getLogger(__name__)


def train_tryon(
    data: Path,
    folder: Path,
    minutes: float | None = None,
    resume: bool = False,
    discriminator: bool = True,
    start: Path | None = None,
) -> None:
    """Train the networks of the try-on one after the other, and save them to `folder`/weights/tryon.

    Args:
        data: the folder with `synthetic`, `luma`, `ccp` and `garments_cc0`.
        folder: for checkpoints, logs and contact sheets; prepared people go to `cache` beside it.
        minutes: stop, with a checkpoint, after this long.
        resume: go on from the checkpoints in `folder`.
        discriminator: False trains the generator without one, for comparison; FlowNet stays the same.
        start: a folder of weights to go on from, as the shipped ones, with fewer steps; anew by default.
    """
    began = time.monotonic()
    with Processes.joined().first_before_others():
        batches = tryon_batches(data, folder.parent / "cache")

    def left() -> float | None:
        return None if minutes is None else minutes - (time.monotonic() - began) / 60

    known = None if start is None else weights.load(FlowNet, "tryon/flow", start)
    flow_net, done = train_flow(batches, folder / "flow", left(), resume, known)
    home = folder / "weights"
    weights.save(flow_net, home / "tryon" / "flow")
    weights.record("tryon/flow", home)
    if not done:
        log.info("FlowNet is not done yet; go on with --resume")
        return
    plan = GamePlan() if discriminator else replace(GamePlan(), adversarial=0.0)
    able = None if start is None else weights.load(Generator, "tryon/generator", start)
    games = folder / ("game" if discriminator else "alone")
    if not discriminator and resume:
        _share_beginning(folder / "game" / "before", games)
    generator = train_game(batches, flow_net, games, plan, left(), resume, able)
    home = home if discriminator else folder / "weights_alone"
    weights.save(generator, home / "tryon" / "generator")
    weights.record("tryon/generator", home)


def _share_beginning(before: Path, games: Path) -> None:
    """Both games are the same until the discriminator joins: that part need not be played twice."""
    if (before / checkpoint.FILE).exists() and not (games / checkpoint.FILE).exists():
        games.mkdir(parents=True, exist_ok=True)
        shutil.copy(before / checkpoint.FILE, games / checkpoint.NEW)
        (games / checkpoint.NEW).replace(games / checkpoint.FILE)


def tryon_batches(data: Path, cache: Path) -> TryOnBatches:
    """The mixed batches; people are prepared by the shipped PersonNet where they are not yet."""
    net = weights.load(PersonNet, "person")
    sources = {name: tables(data, cache / "tryon", net, name) for name in SOURCES}
    return TryOnBatches(sources, garment_tables(data, cache / "garment"))
