"""How well people are understood, on photos that were never trained on.

IoUs are pooled over a set: the sum of intersections over the sum of unions. Where a set has hand labels, the
teacher that labelled the rest is measured against them too.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from fitting.anatomy import Joint, Part
from fitting.drawing import beside, painted
from fitting.errors import PhotoError
from fitting.images import to_tensor
from fitting.person import Person, find_person
from fitting.person_net import PersonNet
from fitting.training.labels import (
    BODY_SKIN,
    CLOTHES,
    LabelledPerson,
    bits,
    ccp_people,
    ccp_split,
    luma_people,
    synthetic_people,
)

Array = NDArray[Any]

# Classes as they are compared; the teacher and the hand labels know no finer ones.
HAND_CLASSES = {
    "clothes": CLOTHES,
    "hair": (Part.HAIR,),
    "skin": (Part.FACE, *BODY_SKIN),
    "upper_or_dress": (Part.UPPER, Part.DRESS),
    "lower": (Part.LOWER,),
    "person": tuple(part for part in Part if part is not Part.BACKGROUND),
}
TEACHER_CLASSES = {
    "background": (Part.BACKGROUND,),
    "hair": (Part.HAIR,),
    "body_skin": BODY_SKIN,
    "face": (Part.FACE,),
    "clothes": CLOTHES,
    "other": (Part.FOOTWEAR, Part.ACCESSORY),
}
SYNTHETIC_CLASSES = {
    part.name.lower(): (part,)
    for part in (Part.BACKGROUND, Part.HAIR, Part.FACE, Part.ARMS, Part.UPPER, Part.LOWER, Part.SKIN, Part.LEGS)
}
JOINTS = tuple(joint for joint in Joint if joint.name.split("_")[-1] in ("SHOULDER", "ELBOW", "WRIST", "HIP"))


@dataclass(frozen=True)
class Seen:
    """A photo, what is known of it, and what the network saw, at the photo's size."""

    truth: LabelledPerson
    parsing: Array  # (H, W) of Part
    matte: Array  # (H, W) bool
    keypoints: Array  # (17, 3) pixels and visibility
    person: Person | None


class Overlap:
    """Pooled intersection over union by class."""

    def __init__(self) -> None:
        self.both: dict[str, int] = {}
        self.either: dict[str, int] = {}

    def add(self, name: str, one: Array, other: Array, known: Array | None = None) -> None:
        both, either = one & other, one | other
        if known is not None:
            both, either = both & known, either & known
        self.both[name] = self.both.get(name, 0) + int(both.sum())
        self.either[name] = self.either.get(name, 0) + int(either.sum())

    def table(self) -> dict[str, float]:
        return {name: round(both / max(self.either[name], 1), 4) for name, both in self.both.items()}


def evaluate(data: Path, net: PersonNet) -> dict[str, Any]:
    """Every figure of the model card.

    Args:
        data: the folder with ccp/, luma/ and synthetic/.
        net: in evaluation mode.
    """
    return {
        "ccp": evaluate_ccp(data, look_at(net, ccp_people(data, ccp_split(data, "test")))),
        "luma": evaluate_luma(data, look_at(net, luma_people(data, "heldout"))),
        "synthetic": evaluate_synthetic(look_at(net, synthetic_people(data, "heldout"))),
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
    }


def look_at(net: PersonNet, people: Iterable[LabelledPerson]) -> list[Seen]:
    return [_see(net, truth) for truth in people]


def _see(net: PersonNet, truth: LabelledPerson) -> Seen:
    """Nobody found counts as a photo that is all background, with every joint missed."""
    height, width = truth.image.shape[:2]
    try:
        person = find_person(net, to_tensor(Image.fromarray(truth.image)))
    except PhotoError:
        nothing = np.zeros((height, width), np.int64)
        return Seen(truth, nothing, nothing > 0, np.full((17, 3), -1e6), None)
    parts = torch.nn.functional.one_hot(person.parsing, len(Part)).permute(2, 0, 1).float()
    placed = person.frame.place(torch.cat([parts, person.matte[None]]), height, width)
    placed[0] += placed[: len(Part)].sum(0) < 0.5  # outside the frame
    points = person.frame.to_photo(person.keypoints[:, :2])
    keypoints = torch.cat([points, person.keypoints[:, 2:]], 1).numpy()
    return Seen(truth, placed[: len(Part)].argmax(0).numpy(), placed[len(Part)].numpy() > 0.5, keypoints, person)


def evaluate_ccp(data: Path, seen: list[Seen]) -> dict[str, Any]:
    ours, teacher = Overlap(), Overlap()
    for one in seen:
        known, labels = one.truth.allowed > 0, teacher_labels(data / "ccp", one)
        for name, parts in HAND_CLASSES.items():
            inside = bits(*parts)
            truth = known & ((one.truth.allowed & ~np.uint16(inside)) == 0)
            sure = known & (truth | ((one.truth.allowed & inside) == 0))
            ours.add(name, np.isin(one.parsing, parts), truth, sure)
            if name not in ("upper_or_dress", "lower"):
                teacher.add(name, _teacher_mask(labels, parts), truth, sure)
    return {
        "photos": len(seen),
        "not_found": sum(one.person is None for one in seen),
        "parsing_against_hand_labels": {"ours": ours.table(), "teacher": teacher.table()},
        "keypoints_within_a_tenth_of_torso": keypoint_table(seen),
        "matte_against_teacher": matte_table(seen),
    }


def evaluate_luma(data: Path, seen: list[Seen]) -> dict[str, Any]:
    """Photos in which the teacher saw no pose (close-ups of legs) count for the parsing alone."""
    ours = Overlap()
    for one in seen:
        labels = teacher_labels(data / "luma", one)
        for name, parts in TEACHER_CLASSES.items():
            ours.add(name, np.isin(one.parsing, parts), _teacher_mask(labels, parts))
    table = ours.table()
    return {
        "photos": len(seen),
        "photos_without_pose": _without_pose(data, seen),
        "not_found": sum(one.person is None for one in seen),
        "parsing_against_teacher": table | {"mean": round(float(np.mean(list(table.values()))), 4)},
        "keypoints_within_a_tenth_of_torso": keypoint_table(seen),
        "matte_against_teacher": matte_table(seen),
    }


def evaluate_synthetic(seen: list[Seen]) -> dict[str, Any]:
    ours = Overlap()
    for one in seen:
        for name, parts in SYNTHETIC_CLASSES.items():
            ours.add(name, np.isin(one.parsing, parts), one.truth.allowed == bits(*parts))
    table = ours.table()
    return {
        "photos": len(seen),
        "not_found": sum(one.person is None for one in seen),
        "parsing_against_truth": table | {"mean": round(float(np.mean(list(table.values()))), 4)},
        "keypoints_within_a_tenth_of_torso": keypoint_table(seen),
        "matte_against_truth": matte_table(seen),
    }


def teacher_labels(folder: Path, one: Seen) -> Array:
    name = one.truth.name.split("-", 1)[1]
    return np.array(Image.open(folder / "parsing6" / f"{name}.png"))


def _teacher_mask(labels: Array, parts: tuple[Part, ...]) -> Array:
    """The teacher's classes that lie wholly within these parts."""
    classes = [i for i, own in enumerate(TEACHER_CLASSES.values()) if set(own) <= set(parts)]
    return np.isin(labels, classes)


def matte_table(seen: list[Seen]) -> float:
    overlap = Overlap()
    for one in seen:
        overlap.add("person", one.matte, one.truth.matte > 127)
    return overlap.table()["person"]


def keypoint_table(seen: list[Seen]) -> dict[str, float]:
    """Share of visible joints within a tenth of the torso's length of the labels', by kind and in all."""
    hits: dict[str, list[bool]] = {}
    for one in seen:
        points = one.truth.keypoints
        shoulders = points[[Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER]].mean(0)
        torso = np.hypot(*(points[[Joint.LEFT_HIP, Joint.RIGHT_HIP]].mean(0) - shoulders))
        height, width = one.truth.image.shape[:2]
        for joint in JOINTS:
            x, y = points[joint]
            if one.truth.visible[joint] == 0 or not (0 <= x < width and 0 <= y < height):
                continue
            hit = bool(np.hypot(*(one.keypoints[joint, :2] - points[joint])) <= 0.1 * torso)
            for name in (joint.name.split("_")[-1].lower() + "s", "all"):
                hits.setdefault(name, []).append(hit)
    return {name: round(float(np.mean(values)), 4) for name, values in hits.items()}


def _without_pose(data: Path, seen: list[Seen]) -> int:
    with (data / "luma" / "index.tsv").open() as file:
        heldout = sum(row["split"] == "heldout" for row in csv.DictReader(file, delimiter="\t"))
    return heldout - len(seen)


def sheet(data: Path, net: PersonNet, count: int = 12) -> Image.Image:
    """The photos whose clothes are told worst: photo, ours, the labels."""
    people = ccp_people(data, ccp_split(data, "test")) + luma_people(data, "heldout")
    seen = sorted(look_at(net, people), key=clothes_overlap)[:count]
    rows = []
    for one in seen:
        # Where several parts are allowed the first stands for them.
        codes = (one.truth.allowed[..., None] >> np.arange(len(Part))) & 1
        pictures = [one.truth.image, painted(one.parsing, one.keypoints), painted(codes.argmax(-1))]
        rows.append(beside(pictures, height=300))
    return beside(rows, height=300, across=3)


def clothes_overlap(one: Seen) -> float:
    overlap = Overlap()
    overlap.add("clothes", np.isin(one.parsing, CLOTHES), (one.truth.allowed & bits(*CLOTHES)) > 0)
    return overlap.table()["clothes"]
