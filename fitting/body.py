"""The body under the clothes: where shoulders, arms, torso and legs run, from keypoints and silhouette.

The old garment's outline alone would dress everyone in the old garment again, so widths come from human
proportions in units of the shoulders' breadth, corrected by the silhouette within bounds. Index 0 of a pair is
the picture's left. Points are (x, y) on the person's 512x384 grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from fitting.limbs import Limb, Points, limb_mask, limb_of, polygon_mask, reach_within, sample
from fitting.person import Joint, Part, Person

SEEN = 0.3  # visibility under which a keypoint is a guess

# Half widths in shoulder breadths, at shares of the way from shoulder line to hip line.
_TORSO_AT = (0.0, 0.25, 0.45, 0.65, 0.85, 1.0, 1.15)
_TORSO_HALF = (0.56, 0.53, 0.48, 0.43, 0.45, 0.49, 0.5)
_ARM_AT = (0.0, 0.25, 0.5, 0.75, 1.0)
_ARM_HALF = (0.17, 0.155, 0.125, 0.115, 0.08)
_LEG_AT = (0.0, 0.25, 0.48, 0.56, 0.7, 0.85, 1.0)
_LEG_HALF = (0.29, 0.25, 0.18, 0.165, 0.18, 0.135, 0.1)
_HIP_BREADTH = 1.5  # shoulder breadths in terms of the hip joints' distance, when shoulders are out of sight


@dataclass(frozen=True)
class Body:
    """Attributes:
    breadth: distance of the shoulder joints, kept from shrinking when the person turns.
    down: (2,) unit vector from shoulders to hips; `across` from the picture's left to right.
    joints: (17, 2) with guesses where nothing was seen; `seen` (17,) says which were.
    shoulders, hips: (2, 2) joints, picture's left first.
    neck: (2, 2) where the neck meets the shoulders; `throat` half the width of the neck above.
    tips: (2, 2) outer ends of the shoulders, on the skin.
    slopes: (2, N, 2) upper edge of each shoulder, from its tip to the neck.
    armpits: (2, 2) points from which the armpits lie straight down.
    arms, legs: limbs, picture's left first.
    """

    breadth: float
    down: Points
    across: Points
    joints: Points
    seen: NDArray[np.bool_]
    shoulders: Points
    hips: Points
    neck: Points
    throat: float
    tips: Points
    slopes: Points
    armpits: Points
    arms: tuple[Limb, Limb]
    legs: tuple[Limb, Limb]
    torso_half: tuple[Points, Points]

    @property
    def torso(self) -> float:
        """Length from shoulder line to hip line."""
        return float((self.hips.mean(0) - self.shoulders.mean(0)) @ self.down)

    def slope_at(self, share: Points | float, side: int) -> Points:
        """Upper edge of a shoulder at shares of the way from its tip (0) to the neck (1), and a little beyond."""
        share = np.atleast_1d(np.asarray(share, float))
        line = self.slopes[side]
        at = np.linspace(0, 1, len(line))
        inner = np.stack([np.interp(share, at, line[:, axis]) for axis in (0, 1)], -1)
        return inner + np.maximum(share - 1, 0)[:, None] * (line[-1] - line[0])

    def half_at(self, share: Points | float, side: int) -> Points:
        """Half width of the torso at shares of its length (0 shoulders, 1 hips)."""
        return np.asarray(np.interp(share, _TORSO_AT, self.torso_half[side]))

    def axis_at(self, share: Points | float) -> Points:
        """Middle of the torso at shares of its length; past the hips it runs on straight down."""
        share = np.atleast_1d(np.asarray(share, float))[:, None]
        top, low = self.shoulders.mean(0), self.hips.mean(0)
        return top + (low - top) * np.minimum(share, 1.0) + np.maximum(share - 1, 0) * self.torso * np.array([0.0, 1.0])

    def side_at(self, share: Points | float, side: int) -> Points:
        """Edge of the torso at shares of its length."""
        out = (-1.0, 1.0)[side]
        return self.axis_at(share) + out * np.atleast_1d(self.half_at(share, side))[:, None] * self.across


def body_of(person: Person) -> Body:
    """Work out the body of a person from keypoints, parsing and matte."""
    joints, seen = _all_joints(person)
    left, right = _order(joints, seen)
    shoulders = joints[[Joint.LEFT_SHOULDER + left, Joint.LEFT_SHOULDER + right]]
    hips = joints[[Joint.LEFT_HIP + left, Joint.LEFT_HIP + right]]
    spine = hips.mean(0) - shoulders.mean(0)
    torso = max(float(np.linalg.norm(spine)), 8.0)
    breadth = max(float(np.linalg.norm(shoulders[1] - shoulders[0])), 0.5 * torso)
    down = spine / torso
    across = np.array([down[1], -down[0]])
    inside = person.matte.numpy() > 0.5
    parsing = person.parsing.numpy()
    flesh = inside & (parsing != Part.HAIR) & (parsing != Part.FACE)
    bare = (parsing == Part.SKIN) | (parsing == Part.ARMS)
    neck, tips = _shoulder_line(shoulders, breadth, down, across, joints, flesh, bare)
    slopes = np.stack([_slope(tips[side], neck[side], breadth, down, flesh, bare) for side in (0, 1)])
    ears = float(np.linalg.norm(joints[Joint.LEFT_EAR] - joints[Joint.RIGHT_EAR]))
    throat = float(np.clip(0.38 * ears, 0.11 * breadth, 0.155 * breadth))
    armpits = shoulders + np.array([[1.0], [-1.0]]) * 0.02 * breadth * across
    arms, legs = (
        tuple(limb_of(joints, seen, root + k, 2, breadth * np.array(half), at, inside, parsing) for k in (left, right))
        for root, half, at in ((Joint.LEFT_SHOULDER, _ARM_HALF, _ARM_AT), (Joint.LEFT_HIP, _LEG_HALF, _LEG_AT))
    )
    # fmt: off
    body = Body(
        breadth, down, across, joints, seen, shoulders, hips, neck, throat, tips, slopes, armpits,
        (arms[0], arms[1]), (legs[0], legs[1]), (breadth * np.array(_TORSO_HALF),) * 2,
    )
    # fmt: on
    free = inside & ~_arm_cells(body, parsing)
    halves = tuple(_torso_half(body, side, free) for side in (0, 1))
    return Body(**{**body.__dict__, "torso_half": halves})


def _order(joints: Points, seen: NDArray[np.bool_]) -> tuple[int, int]:
    """Which of a left/right pair of joints is on the picture's left: offsets to add to the left joint."""
    pair = (Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER)
    if not seen[list(pair)].all() and seen[[Joint.LEFT_HIP, Joint.RIGHT_HIP]].all():
        pair = (Joint.LEFT_HIP, Joint.RIGHT_HIP)
    facing = joints[pair[0], 0] >= joints[pair[1], 0]
    return (1, 0) if facing else (0, 1)


def _all_joints(person: Person) -> tuple[Points, NDArray[np.bool_]]:
    """Joints with anatomical guesses for those that were not seen."""
    keypoints = person.keypoints.double().numpy()
    joints, seen = keypoints[:, :2].copy(), keypoints[:, 2] >= SEEN
    bottom = float(person.frame.to_grid(torch.tensor([[0.0, person.photo.shape[-2]]]))[0, 1])  # the photo's lower edge
    hips = joints[[Joint.LEFT_HIP, Joint.RIGHT_HIP]]
    if not seen[[Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER]].any() and seen[[Joint.LEFT_HIP, Joint.RIGHT_HIP]].all():
        # Waist-down photos: put the shoulders where they would be above the hips.
        wide = max(float(np.linalg.norm(hips[0] - hips[1])), 8.0) * _HIP_BREADTH
        up = np.array([0.0, -1.45 * wide])
        apart = np.array([np.sign(hips[0, 0] - hips[1, 0]) * wide / 2, 0.0])
        joints[Joint.LEFT_SHOULDER] = hips.mean(0) + up + apart
        joints[Joint.RIGHT_SHOULDER] = hips.mean(0) + up - apart
    shoulders = joints[[Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER]]
    breadth = max(float(np.linalg.norm(shoulders[0] - shoulders[1])), 8.0)
    for side in (0, 1):
        out = np.sign(shoulders[side, 0] - shoulders[1 - side, 0]) or 1.0
        for joint, root, step in (
            (Joint.LEFT_HIP, Joint.LEFT_SHOULDER, (-0.2 * out, 1.5)),
            (Joint.LEFT_ELBOW, Joint.LEFT_SHOULDER, (0.15 * out, 0.85)),
        ):
            if not seen[joint + side] and not _near(joints[joint + side], joints[root + side], 2.2 * breadth):
                joints[joint + side] = joints[root + side] + breadth * np.array(step)
        wrist, elbow, shoulder = (j + side for j in (Joint.LEFT_WRIST, Joint.LEFT_ELBOW, Joint.LEFT_SHOULDER))
        if not seen[wrist] and not _near(joints[wrist], joints[elbow], 2.0 * breadth):
            joints[wrist] = joints[elbow] + 0.85 * (joints[elbow] - joints[shoulder])
        thigh = 1.25 * breadth
        for joint, root, length in (
            (Joint.LEFT_KNEE, Joint.LEFT_HIP, thigh),
            (Joint.LEFT_ANKLE, Joint.LEFT_KNEE, 0.95 * thigh),
        ):
            if not seen[joint + side]:
                joints[joint + side] = _below(joints[root + side], joints[joint + side], length, bottom)
    return joints, seen


def _below(root: Points, guess: Points, length: float, bottom: float) -> Points:
    """Where the next joint of a leg is when it was not seen: as guessed, if a leg could end there.

    What lies outside the picture is guessed to be at its lower edge, which would make legs short: such a guess
    tells the direction alone.
    """
    reach = guess - root
    far = float(np.linalg.norm(reach))
    if guess[1] < 0.97 * bottom and reach[1] > 0 and 0.6 * length < far < 1.6 * length:
        return guess
    straight = reach[1] > abs(reach[0])
    return np.asarray(root + length * (reach / far if straight else np.array([0.0, 1.0])))


def _near(point: Points, other: Points, distance: float) -> bool:
    return bool(np.linalg.norm(point - other) < distance)


def _shoulder_line(
    shoulders: Points,
    breadth: float,
    down: Points,
    across: Points,
    joints: Points,
    inside: NDArray[np.bool_],
    bare: NDArray[np.bool_],
) -> tuple[Points, Points]:
    """Neck corners and shoulder tips: proportions, lowered to the silhouette where that lies below."""
    middle = shoulders.mean(0)
    ears = joints[[Joint.LEFT_EAR, Joint.RIGHT_EAR, Joint.NOSE]].mean(0)
    lean = float(np.clip((ears - middle) @ across, -0.2 * breadth, 0.2 * breadth)) * 0.25
    base = middle + lean * across - 0.25 * breadth * down
    neck, tips = [], []
    for side, out in ((0, -1.0), (1, 1.0)):
        corner = base + out * 0.21 * breadth * across
        tip = shoulders[side] + out * 0.13 * breadth * across - 0.02 * breadth * down
        neck.append(_settle(corner, down, inside, 0.08 * breadth, 0.12 * breadth))
        # Skin shows exactly where a shoulder ends; cloth may stand off it.
        rise = 0.14 if sample(bare, tip + 0.03 * breadth * down) else 0.05
        tips.append(_settle(tip, down, inside, rise * breadth, 0.1 * breadth))
    return np.stack(neck), np.stack(tips)


def _settle(point: Points, down: Points, inside: NDArray[np.bool_], rise: float, fall: float) -> Points:
    """Move a point up or down to the silhouette's edge, within bounds."""
    if sample(inside, point):
        steps = np.arange(0.0, rise, 1.0)[:, None]
        outside = ~sample(inside, point - (steps + 1) * down)
        # No edge near: hair, a hood or a raised arm.
        return point - steps[int(outside.argmax())] * down if outside.any() else point
    steps = np.arange(0.0, fall, 1.0)[:, None]
    within = sample(inside, point + steps * down)
    return point + steps[int(within.argmax())] * down if within.any() else point


def _torso_half(body: Body, side: int, free: NDArray[np.bool_]) -> Points:
    """Half widths at `_TORSO_AT`: proportions, corrected by the silhouette where an arm does not hide it."""
    share = np.array(_TORSO_AT)
    guess = body.breadth * np.array(_TORSO_HALF)
    start, out = body.axis_at(share), (-1.0, 1.0)[side] * body.across
    reach = reach_within(start, np.broadcast_to(out, start.shape), guess * 1.6, free)
    return np.where(share < 0.3, guess, np.clip(reach, 0.85 * guess, 1.3 * guess))


def _arm_cells(body: Body, parsing: NDArray[np.int64]) -> NDArray[np.bool_]:
    cells = parsing == Part.ARMS
    for arm in body.arms:
        cells |= limb_mask(arm, 0.25, 1.0, 1.0)
    return cells


def _slope(
    tip: Points, corner: Points, breadth: float, down: Points, inside: NDArray[np.bool_], bare: NDArray[np.bool_]
) -> Points:
    """The shoulder's upper edge, tip to neck: rounded over the joint, then ever steeper; on the skin if it shows."""
    share = np.linspace(0, 1, 13)
    line = np.linspace(tip, corner, 13) - (np.sin(2 * np.pi * share) * 0.028 * breadth)[:, None] * down
    moved = line.copy()
    for index in range(1, 12):
        rise = 0.14 if sample(bare, line[index] + 0.03 * breadth * down) else 0.04
        moved[index] = _settle(line[index], down, inside, rise * breadth, 0.06 * breadth)
    for _ in range(3):
        moved[1:-1] = (moved[:-2] + 2 * moved[1:-1] + moved[2:]) / 4
    return moved


def outline_mask(body: Body, start: float, end: float, grow: float, lift: float = 0.0) -> NDArray[np.bool_]:
    """(512, 384) bool: torso between two shares of its length, widened; from 0 on with the shoulders.

    `lift` raises the shoulder line, in shoulder breadths.
    """
    share = np.linspace(start, end, 24)
    sides = [body.axis_at(share) + (body.side_at(share, side) - body.axis_at(share)) * grow for side in (0, 1)]
    corners = [sides[0][::-1], sides[1]]
    if start <= 0.0:
        up = lift * body.breadth * body.down
        slopes = [body.slopes[side] - up for side in (0, 1)]
        corners = [sides[0][:0:-1], slopes[0], slopes[1][::-1], sides[1][1:]]
    return polygon_mask(np.concatenate(corners))
