"""Which part of trousers or a skirt goes where on a body."""

from __future__ import annotations

import numpy as np

from fitting.body import Body
from fitting.edges import covering, curve_from, hem_curve, joined, limb_edge, sideways, thickness
from fitting.landmarks_lower import Bottom
from fitting.mesh import Patch, Points, coons, fold_free, resample, ruled, ruled_fold_free
from fitting.pieces import COLUMNS, ROWS, Pieces

# Inseam as a share of a garment's length -> share of the leg it covers; cloth stretches in width, not in this.
_LEG_LENGTH = ((0.1, 0.3, 0.42, 0.52, 0.58), (0.12, 0.3, 0.48, 0.75, 1.0))


def bottom_pieces(bottom: Bottom, body: Body) -> Pieces:
    """Two legs, or a skirt."""
    if bottom.crotch is None:
        return [("skirt", [_skirt(bottom, body)])]
    return [("leg", [_leg(bottom, body, side)]) for side in (0, 1)]


def _waist_scale(bottom: Bottom, body: Body) -> float:
    """Body pixels a garment pixel, from the width at the hips."""
    hip = float(body.half_at(0.95, 0) + body.half_at(0.95, 1)) * 1.04
    rise = 0.75 * float((bottom.crotch - bottom.waist.mean(0)) @ bottom.axis) if bottom.crotch is not None else None
    across = sideways(bottom.axis)
    spans = []
    for side, out in ((0, -1.0), (1, 1.0)):
        curve = resample(bottom.outer[side], 64)
        depth = (curve - bottom.waist[side]) @ bottom.axis
        wanted = rise if rise is not None else 0.35 * float(np.linalg.norm(bottom.waist[1] - bottom.waist[0]))
        point = curve[int(np.argmin(np.abs(depth - min(wanted, 0.9 * depth.max()))))]
        spans.append(out * float((point - bottom.waist.mean(0)) @ across))
    return hip / max(sum(spans), 1.0)


def _waist_share(body: Body, rise: float) -> float:
    """Share of the torso at which the waist sits, for a rise in grid pixels above the crotch."""
    crotch = 1 + 0.2 * body.breadth / body.torso
    return crotch - float(np.clip(rise, 0.5 * body.breadth, 0.95 * body.breadth)) / body.torso


def _waist_curve(source: Points, axis: Points, scale: float, left: Points, right: Points, body: Body) -> Points:
    chord = np.linspace(source[0], source[-1], len(source))
    drop = np.clip((source - chord) @ axis * scale, -0.08 * body.breadth, 0.08 * body.breadth)
    return np.linspace(left, right, len(source)) + drop[:, None] * body.down


def _skirt(bottom: Bottom, body: Body) -> Patch:
    scale = _waist_scale(bottom, body)
    share = _waist_share(body, 0.8 * body.breadth)
    sources, targets = [], []
    across = sideways(bottom.axis)
    for side, out in ((0, -1.0), (1, 1.0)):
        curve = resample(bottom.outer[side], ROWS)
        half = out * ((curve - bottom.waist.mean(0)) @ across) * scale
        down = np.maximum.accumulate((curve - curve[0]) @ bottom.axis) * scale + np.linspace(0, 0.5, ROWS)
        at = share + down / body.torso
        bare = body.half_at(np.minimum(at, 1.0), side) * np.interp(at, (1.0, 1.6, 2.6), (1.0, 0.85, 0.7))
        half = np.clip(half, bare * 1.04, bare * np.interp(at, (share, 1.1, 2.0), (1.12, 1.6, 3.2)))
        sources.append(curve)
        targets.append(body.axis_at(at) + out * half[:, None] * body.across)
    top, hem = resample(bottom.top, COLUMNS), resample(bottom.hem, COLUMNS)
    target_top = _waist_curve(top, bottom.axis, scale, targets[0][0], targets[1][0], body)
    target_hem = hem_curve(hem, bottom.axis, scale, targets[0][-1], targets[1][-1], body)
    sources = [joined(curve, top[-side], hem[-side]) for side, curve in enumerate(sources)]
    return Patch(coons(top, hem, *sources), fold_free(target_top, target_hem, *targets))


def _leg(bottom: Bottom, body: Body, side: int) -> Patch:
    assert bottom.crotch is not None
    scale = _waist_scale(bottom, body)
    leg, out = body.legs[side], (-1.0, 1.0)[side]
    rise = float((bottom.crotch - bottom.waist.mean(0)) @ bottom.axis)
    share = _waist_share(body, rise * scale)
    crotch = body.axis_at(1.0)[0] + 0.2 * body.breadth * body.down
    middle = bottom.top[int(np.argmin(np.abs((bottom.top - bottom.waist.mean(0)) @ sideways(bottom.axis))))]
    inseam = float((bottom.inner[side][-1] - bottom.crotch) @ bottom.axis)
    end = float(np.interp(inseam / max(inseam + rise, 1.0), *_LEG_LENGTH))
    outer = resample(bottom.outer[side], 2 * ROWS)
    inner = np.concatenate(
        [
            resample(np.stack([middle, bottom.crotch]), ROWS // 2)[:-1],
            resample(np.concatenate([bottom.crotch[None], bottom.inner[side][1:]]), 2 * ROWS - ROWS // 2 + 1),
        ]
    )
    at = np.linspace(0.1, max(end, 0.16), 2 * ROWS - ROWS // 2 + 1)
    bare = np.interp(at, np.linspace(0, 1, len(leg.half)), leg.half)
    wide = thickness(outer, inner)[ROWS // 2 - 1 :] / 2 * scale
    half = np.clip(wide * 0.95, 1.06 * bare, 1.7 * bare)
    leg_out, leg_in = (limb_edge(leg.line, at, covering(leg, at, half, s), s) for s in (out, -out))
    waist = body.side_at(share, side)[0] + out * 0.03 * body.breadth * body.across
    waist_middle = body.axis_at(share)[0]
    hip_rows = np.linspace(share, 1.05, ROWS // 2)
    hips = body.side_at(hip_rows, side) + out * 0.04 * body.breadth * body.across
    ease = np.clip(np.linspace(0, 1, len(at)) / 0.35, 0, 1)[:, None]
    target_outer = np.concatenate([[waist], hips[1:-1], curve_from(hips[-1], leg_out, ease)])
    target_inner = np.concatenate([np.linspace(waist_middle, crotch, ROWS // 2)[:-1], curve_from(crotch, leg_in, ease)])
    return Patch(ruled(outer, inner, COLUMNS), ruled_fold_free(target_outer, target_inner, COLUMNS))
