"""How good try-ons are, row by row: against true pictures where there are any, against real photos where not.

Every row is measured in one and the same region, so that none gains by touching less, on the finished pictures
as a visitor gets them, shrunk by area. Where a row refuses a case, no row is measured on it.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fitting import weights
from fitting.engine import Engine
from fitting.errors import FittingError
from fitting.evaluation import lite0 as distances
from fitting.evaluation import measures
from fitting.evaluation.lite0 import Lite0
from fitting.evaluation.tryon_cases import PAIRS, Case, Plan, all_plans
from fitting.evaluation.tryon_flow import Target, endpoint_error, overlaps, topmost
from fitting.evaluation.tryon_kept import fidelity, unchanged
from fitting.evaluation.tryon_rows import Row, engine_of, rows
from fitting.evaluation.tryon_sheet import Gallery
from fitting.evaluation.tryon_table import FRECHET, Table, merged
from fitting.flow_net import FlowNet
from fitting.generator import Generator
from fitting.images import to_unit
from fitting.in_order import in_order
from fitting.room import FittingRoom
from fitting.scene import dress
from fitting.underlay import undress
from fitting.warp import lay

log = logging.getLogger(__name__)

SMALL, LARGE = (256, 192), (512, 384)  # rows, columns that pictures are shrunk to
PHOTOS = ("luma", "ccp")  # the sets of real photos
COMPARED = (("gan", "geometric"), ("gan", "flow"), ("gan", "no_discriminator"))
Pictures = dict[str, Tensor]  # row -> (3, H, W) uint8


@dataclass(frozen=True)
class Means:
    """What is measured, and with what."""

    room: FittingRoom
    rows: dict[str, Row]
    lite0: Lite0


@dataclass
class Outcome:
    """One case, measured; or why it could not be."""

    name: str
    refusal: str = ""
    case: Case | None = None
    pictures: Pictures = field(default_factory=dict)
    distance: dict[str, float] = field(default_factory=dict)  # row -> perceptual distance inside, at 256x192
    small: Table = field(default_factory=Table)
    large: Table = field(default_factory=Table)


def evaluate(
    data: Path,
    room: FittingRoom,
    ablation: FittingRoom | None = None,
    limit: int | None = None,
    gallery: Gallery | None = None,
    lite0: Lite0 | None = None,
) -> dict[str, Any]:
    """Measure every row on every data set.

    Args:
        data: the folder with synthetic/, luma/, ccp/ and garments_cc0/.
        room: the rows' engines are its engines.
        ablation: a room whose generator was trained without discriminator, for the row of that name.
        limit: at most so many cases of each data set, for a quick look.
        gallery: keeps the pictures of the sheet.
        lite0: the features of the distances; the ImageNet ones by default.

    Returns:
        `{dataset: {row: {region: {metric: {mean, low, high}}}}}` at 256x192, the same under `at_512x384`, and
        what is described in benchmarks/README.md.

    Raises:
        WeightsError: the ImageNet weights are not installed.
    """
    began = time.perf_counter()
    means = Means(room, rows(room, ablation), lite0 or Lite0.load())
    small, large = Table(), Table()
    cases: dict[str, int] = {}
    refused: dict[str, list[dict[str, str]]] = {}
    for dataset, plans in all_plans(data, room, limit).items():
        cases[dataset], refused[dataset] = 0, []
        most = PAIRS if dataset == "unpaired" else len(plans)
        for outcome in in_order(partial(_outcome, means, dataset), plans):
            if outcome.case is None:
                refused[dataset].append({"case": outcome.name, "reason": outcome.refusal})
                continue
            cases[dataset] += 1
            log.info("%s %d of %d: %s", dataset, cases[dataset], most, outcome.case.name)
            small.take(outcome.small)
            large.take(outcome.large)
            if gallery is not None and dataset in PHOTOS:
                gallery.offer(outcome.case, outcome.pictures, outcome.distance)
            if cases[dataset] == most:
                break
    numbers = _numbers(small, large) | {"cases": cases, "refused": refused}
    return numbers | {"seconds": round(time.perf_counter() - began)}


def ablated(room: FittingRoom, folder: Path | None, ablation: Path) -> FittingRoom:
    """The same room, from the same folder of weights, but for a generator from another one."""
    engine = Engine(weights.load(FlowNet, "tryon/flow", folder), weights.load(Generator, "tryon/generator", ablation))
    return FittingRoom(room.person_net, room.garment_net, engine)


@torch.no_grad()
def _outcome(means: Means, dataset: str, plan: Plan) -> Outcome:
    """Every row's picture of a case, and what they are worth."""
    outcome = Outcome(plan.name)
    try:
        case = plan.open()
        outcome.pictures = {name: show(case) for name, show in means.rows.items()}
    except FittingError as error:
        outcome.refusal = str(error)
        return outcome
    outcome.case = case
    outcome.distance = _compare(outcome.small, SMALL, dataset, case, outcome.pictures, means.lite0)
    _compare(outcome.large, LARGE, dataset, case, outcome.pictures, means.lite0)
    if case.target is not None:
        _measure_flow(outcome.small, means.room, dataset, case, case.target)
    if case.truth is None:
        _measure_wearing(outcome.small, means.room, dataset, case, outcome.pictures)
    return outcome


def _compare(
    table: Table, size: tuple[int, int], dataset: str, case: Case, pictures: Pictures, lite0: Lite0
) -> dict[str, float]:
    """Every row's picture with the truth, at a size. Returns each row's perceptual distance inside the region."""
    region = measures.fit(case.region()[None].float(), size)[0] > 0.5
    regions = {"inside": region, "whole": torch.ones_like(region)}
    answers = [] if case.truth is None else [case.truth]
    small = [measures.fit(to_unit(picture), size) for picture in (*pictures.values(), *answers)]
    seen = lite0.see(small)
    found: dict[str, float] = {}
    for row, image, features in zip(pictures, small, seen, strict=False):
        table.add_result(dataset, row, distances.region_features(features, region))
        if case.truth is None:
            continue
        for name, where in regions.items():
            for metric in (measures.ssim, measures.l1, measures.psnr):
                table.add((dataset, row, name, metric.__name__), metric(image, small[-1], where))
            apart = distances.perceptual(features, seen[-1], where)
            table.add((dataset, row, name, "lite0_perceptual"), apart)
            if name == "inside":
                found[row] = apart
    if case.truth is not None:
        table.add_photo(dataset, case.answer, distances.region_features(seen[-1], region))
    return found


def _measure_flow(table: Table, room: FittingRoom, dataset: str, case: Case, target: Target) -> None:
    """End-point error and overlap with the true parsing, of rows that tell."""
    scene, frame, engine = dress(case.person, case.garment.category), case.person.frame, engine_of(room)
    error = endpoint_error(topmost(lay(scene.body, case.garment)), frame, target, smooth=False)
    _add_error(table, dataset, "geometric", error, target)
    if engine is None:
        return
    drawn = engine.draw(scene, undress(scene), case.garment)
    error, shares = endpoint_error(drawn.flow, frame, target), overlaps(drawn.target, frame, target)
    for row in ("flow", "gan"):
        _add_error(table, dataset, row, error, target)
        for name, (both, either) in shares.items():
            table.add((dataset, row, "whole", f"iou_{name}"), both, either)


def _add_error(table: Table, dataset: str, row: str, error: float, target: Target) -> None:
    """In pixels of the product picture, which the truth is told in, and of our own crop of it, which is larger."""
    table.add((dataset, row, "inside", "endpoint_error"), error * target.grain)
    table.add((dataset, row, "inside", "endpoint_error_view"), error)


def _measure_wearing(table: Table, room: FittingRoom, dataset: str, case: Case, pictures: Pictures) -> None:
    """What needs no truth: is it the garment that was asked for, and is the rest of the photo left alone."""
    for row, picture in pictures.items():
        table.add((dataset, row, "inside", "garment_fidelity"), fidelity(room, case, picture))
        for name, (same, pixels) in unchanged(case, picture).items():
            table.add((dataset, row, "whole", f"unchanged_{name}"), same, pixels)


def _numbers(small: Table, large: Table) -> dict[str, Any]:
    first, second = (
        merged(
            table.numbers(),
            *(table.frechet(name, [name], [name]) for name in PHOTOS),
            table.frechet("luma+ccp", PHOTOS, PHOTOS),
            table.frechet("unpaired", ["unpaired"], PHOTOS),
        )
        for table in (small, large)
    )
    changes = {f"{row} to {other}": _changes(small, row, other) for row, other in COMPARED}
    return first | {"at_512x384": second, "changes": {name: found for name, found in changes.items() if found}}


def _changes(table: Table, row: str, other: str) -> dict[str, Any]:
    """How far one row's numbers lie from another's on the same cases."""
    found = table.changes(row, other)
    for name, sets in (("luma+ccp", PHOTOS), ("unpaired", ("unpaired",))):
        change = table.frechet_change(sets, PHOTOS, row, other)
        if change is not None:
            found = merged(found, {name: {"inside": {FRECHET: change}}})
    return found
