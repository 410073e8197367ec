"""Which part of a garment goes where on a body: patches for torso, sleeves and collar.

Every patch pairs four curves of the flat garment with four curves of the body. One scale, from shoulders and
chest, turns garment lengths into body lengths, so a short sleeve stays short and a long hem stays long; widths
follow the garment but never less than the body and never absurdly more.
"""

from __future__ import annotations

import numpy as np

from fitting.body import Body
from fitting.edges import covering, curve_from, hem_curve, joined, limb_edge, rounded, sideways, soften, thickness
from fitting.landmarks import Sleeve, Top
from fitting.mesh import Patch, Points, coons, fold_free, resample, ruled, ruled_fold_free

ROWS, COLUMNS = 24, 17
ARM = 2.1  # shoulder to wrist in shoulder breadths
LONG_SLEEVE = 0.68  # beyond this share of the arm a sleeve was made to reach the wrist
UPPER_ARM = 0.55  # share of the arm above the elbow
# Flat cloth goes around the body: its flat width is so many widths of the torso, and worn it shows less.
# Sleeveless tops stretch.
ROUND, ROUND_TIGHT, WORN = 1.1, 1.06, 0.84
# A neck opening lies closer around the neck than flat.
NECK = 0.75
# Where hems usually end, in torso lengths below the shoulders; odd lengths are drawn towards it.
USUAL_HEM, USUAL_DRESS, PULL = 0.96, 1.9, 0.5
Pieces = list[tuple[str, list[Patch]]]


def top_pieces(top: Top, body: Body, long: bool = False) -> Pieces:
    """Torso with collar, then sleeves: shirts and jackets; `long` for dresses, whose hem is their own affair."""
    scale = _top_scale(top, body)
    on_slope = _shoulder_points(top, body, scale)
    tips = np.stack([body.slope_at(on_slope[side, 1], side)[0] for side in (0, 1)])
    armpits = _armpits(top, body, scale, tips)
    pieces: Pieces = [("torso", _torso(top, body, scale, on_slope, armpits, long))]
    for side in (0, 1):
        sleeve = top.sleeves[side]
        if sleeve is not None:
            pieces.append(("sleeve", [_sleeve(top, sleeve, body, scale, tips[side], armpits[side], side)]))
    return pieces


def _top_scale(top: Top, body: Body) -> float:
    """Body pixels a garment pixel, from the shoulders' and the chest's width."""
    sleeveless = top.sleeves[0] is None
    chest = (body.half_at(0.3, 0) + body.half_at(0.3, 1)) * (ROUND_TIGHT if sleeveless else ROUND)
    by_chest = float(chest) / max(float(np.linalg.norm(top.armpit[1] - top.armpit[0])), 1.0)
    if sleeveless:
        return by_chest
    tips = float(np.linalg.norm(body.tips[1] - body.tips[0]))
    by_shoulder = tips / max(float(np.linalg.norm(top.shoulder[1] - top.shoulder[0])), 1.0)
    return float(np.sqrt(by_chest * np.clip(by_shoulder, 0.75 * by_chest, 1.3 * by_chest)))


def _shoulder_points(top: Top, body: Body, scale: float) -> Points:
    """Where the garment's neck and shoulder corners come to lie on the body's shoulders: (side, corner) shares."""
    across = sideways(top.axis)
    middle = (top.neck.mean(0) + top.shoulder.mean(0)) / 2
    shares = []
    for side, out in ((0, -1.0), (1, 1.0)):
        base = body.neck.mean(0)
        corner, tip = body.neck[side], body.tips[side]
        most, least = (out * (tip - base) @ body.across), (out * (corner - base) @ body.across)
        at_neck = np.clip(
            NECK * out * (top.neck[side] - middle) @ across * scale, 0.92 * least, least + 0.62 * (most - least)
        )
        at_shoulder = (
            most
            if top.sleeves[side] is not None
            else np.clip(
                out * (top.shoulder[side] - middle) @ across * scale, at_neck + 0.1 * (most - least), 0.9 * most
            )
        )
        shares.append([1 - (at - least) / max(most - least, 1e-6) for at in (at_neck, at_shoulder)])
    return np.array(shares)


def _armpits(top: Top, body: Body, scale: float, tips: Points) -> Points:
    found = []
    for side, out in ((0, -1.0), (1, 1.0)):
        depth = float((top.armpit[side] - top.shoulder[side]) @ top.axis) * scale
        if top.sleeves[side] is None:
            low = float(np.clip(depth, 0.36 * body.breadth, 0.66 * body.breadth))
            point = tips[side] + low * body.down
            share = float((point - body.shoulders.mean(0)) @ body.down) / body.torso
            found.append(body.side_at(share, side)[0] - out * 0.02 * body.breadth * body.across)
        else:
            low = float(np.clip(depth - 0.1 * body.breadth, 0.28 * body.breadth, 0.42 * body.breadth))
            found.append(body.armpits[side] + low * body.down)
    return np.stack(found)


def _torso(top: Top, body: Body, scale: float, on_slope: Points, armpits: Points, long: bool) -> list[Patch]:
    third = COLUMNS // 4
    middle = COLUMNS - 2 * third

    def shoulder_row(left: Points, right: Points, corners: Points) -> Points:
        chord = resample(corners, middle)
        return np.concatenate([resample(left, third + 1)[:-1], chord, resample(right[::-1], third + 1)[1:]])

    source_top = shoulder_row(top.shoulders[0], top.shoulders[1], top.neck)
    slopes = [body.slope_at(np.linspace(on_slope[s, 1], on_slope[s, 0], 16), s) for s in (0, 1)]
    neck, tips = np.stack([slope[-1] for slope in slopes]), np.stack([slope[0] for slope in slopes])
    target_top = shoulder_row(slopes[0], slopes[1], neck)
    source_chest, target_chest = resample(top.armpit, COLUMNS), resample(armpits, COLUMNS)
    holes = [resample(top.armholes[s], ROWS // 2) for s in (0, 1)]
    targets = [_armhole(holes[s], tips[s], armpits[s]) for s in (0, 1)]
    upper = Patch(coons(source_top, source_chest, *holes), fold_free(target_top, target_chest, *targets))
    sides = [_side(top, body, scale, armpits[s], s, long) for s in (0, 1)]
    source_hem = resample(top.bottom, COLUMNS)
    target_hem = hem_curve(source_hem, top.axis, scale, sides[0][-1], sides[1][-1], body)
    lower = Patch(
        coons(
            source_chest,
            source_hem,
            *(resample(joined(top.sides[s], top.armpit[s], top.hem[s]), ROWS) for s in (0, 1)),
        ),
        fold_free(target_chest, target_hem, *sides),
    )
    return [_collar(top, body, scale, source_top, target_top, third), upper, lower]


def _armhole(source: Points, tip: Points, armpit: Points) -> Points:
    """The garment's own armhole curve between the body's corners: moved, turned and scaled."""
    chord, wanted = source[-1] - source[0], armpit - tip
    factor = complex(*wanted) / complex(*chord) if np.linalg.norm(chord) > 1e-6 else 1.0
    moved = [complex(*(point - source[0])) * factor for point in source]
    return np.array([[value.real, value.imag] for value in moved]) + tip


def _collar(top: Top, body: Body, scale: float, source: Points, target: Points, third: int) -> Patch:
    """What stands above the neck corners, up the neck."""
    rise = max(top.collar * scale, 0.04 * body.breadth)
    # What rises further than any collar is a hood: it hangs behind the neck, only its foot shows.
    rise = rise if rise < 0.34 * body.breadth else 0.12 * body.breadth
    low, low_target = source[third:-third], target[third:-third]
    high = low - top.axis * rise / scale
    high_target = low_target - body.down * rise
    rows = 6
    return Patch(np.linspace(high, low, rows), np.linspace(high_target, low_target, rows))


def _side(top: Top, body: Body, scale: float, armpit: Points, side: int, long: bool) -> Points:
    """The side seam on the body, armpit to hem: the garment's width, held near the body's."""
    curve = resample(joined(top.sides[side], top.armpit[side], top.hem[side]), ROWS)
    across, out = sideways(top.axis), (-1.0, 1.0)[side]
    middle = top.armpit.mean(0)
    half = out * ((curve - middle) @ across) * scale
    start = float((armpit - body.shoulders.mean(0)) @ body.down) / body.torso
    length = max(float((curve[-1] - curve[0]) @ top.axis) * scale, 0.3 * body.torso)
    hem = start + length / body.torso
    usual = USUAL_DRESS if long else USUAL_HEM
    hem = max(usual**PULL * hem ** (1 - PULL), 1.4 if long else 0.0)
    length = (hem - start) * body.torso
    share = start + np.linspace(0, 1, ROWS) * length / body.torso
    bare = body.half_at(share, side)
    loose = np.interp(share, (0.5, 1.0, 1.2, 1.8), (1.22, 1.16, 1.45, 2.6) if long else (1.22, 1.16, 1.16, 1.25))
    half = soften(np.clip(half * WORN, bare * 1.04, bare * loose))
    edge = body.axis_at(share) + out * half[:, None] * body.across
    settle = np.clip(np.linspace(0, 1, ROWS) / 0.25, 0, 1)[:, None]
    settle = settle * settle * (3 - 2 * settle)
    straight = armpit + (edge[-1] - edge[0]) * np.linspace(0, 1, ROWS)[:, None]
    return straight * (1 - settle) + edge * settle


def _sleeve(top: Top, sleeve: Sleeve, body: Body, scale: float, tip: Points, armpit: Points, side: int) -> Patch:
    arm = body.arms[side]
    outer = resample(joined(sleeve.top, top.shoulder[side], sleeve.top[-1]), ROWS)
    inner = resample(joined(sleeve.bottom, top.armpit[side], sleeve.bottom[-1]), ROWS)
    length = float(np.linalg.norm(np.diff(outer, axis=0), axis=1).sum()) * scale
    at_armpit = int(np.argmin(np.linalg.norm(arm.line - armpit, axis=1))) / (len(arm.line) - 1)
    end = max(arm_share(length / body.breadth), min(at_armpit + 0.1, 0.6))
    normal = (-1.0, 1.0)[side]
    shares = np.linspace(0, 1, ROWS)
    wide = thickness(outer, inner) / 2 * scale
    at = np.linspace(0.08, end, ROWS)
    bare = np.interp(at, np.linspace(0, 1, len(arm.half)), arm.half)
    half = np.clip(wide * WORN, 1.12 * bare, 1.32 * bare)
    out_edge = limb_edge(arm.line, at, covering(arm, at, half, normal), normal)
    # The inner edge starts at the armpit, well down the arm.
    below = np.linspace(min(at_armpit, end - 0.06), end, ROWS)
    in_edge = limb_edge(arm.line, below, covering(arm, below, half, -normal), -normal)
    ease = np.clip(shares / min(0.3 / max(end, 0.1), 1.0), 0, 1)[:, None]
    target_outer = curve_from(tip, out_edge, np.minimum(ease * 3, 1))
    late = np.clip(shares * (end - below[0]) / 0.25, 0, 1)[:, None]
    target_inner = curve_from(armpit, in_edge, late)
    target_outer, target_inner = rounded(target_outer), rounded(target_inner)
    return Patch(ruled(outer, inner, COLUMNS), ruled_fold_free(target_outer, target_inner, COLUMNS))


def arm_share(length: float) -> float:
    """Sleeve length in shoulder breadths -> share of the arm's line (0.5 at the elbow, 1 at the wrist)."""
    share = length / ARM
    if share > LONG_SLEEVE:
        return 1.0
    share = max(share, 0.14)
    return share / UPPER_ARM * 0.5 if share < UPPER_ARM else 0.5 + (share - UPPER_ARM) / (1 - UPPER_ARM) * 0.5
