"""Moving a garment's pixels, and the geometry that says where to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from dressing import OUTLINES, garment, person

from fitting.body import body_of
from fitting.frame import GRID
from fitting.garment import Category
from fitting.landmarks import top_landmarks
from fitting.landmarks_lower import bottom_landmarks
from fitting.lower_pieces import bottom_pieces
from fitting.mesh import signed_areas
from fitting.person import Joint
from fitting.pieces import top_pieces
from fitting.planes import side_by_side
from fitting.warp import garment_frame, lay, move, warp


def test_no_displacement_is_the_identity() -> None:
    image = torch.rand(2, 3, 37, 29, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(warp(image, torch.zeros(2, 2, 37, 29)), image, atol=1e-5)


def test_no_displacement_at_another_resolution_reads_the_same_places() -> None:
    columns = (torch.arange(64) + 0.5).expand(1, 1, 48, 64) / 64
    small = warp(columns, torch.zeros(1, 2, 24, 32))
    wanted = (torch.arange(32) + 0.5) / 32
    assert torch.allclose(small[0, 0, 10], wanted, atol=1e-5)


def test_displacement_is_in_pixels_of_the_flow_at_any_resolution() -> None:
    image = torch.zeros(1, 1, 80, 60)
    image[:, :, 40:44, 20:24] = 1
    flow = torch.zeros(1, 2, 40, 30)
    flow[:, 0] = 5.0  # of 30: a sixth of the width
    moved = warp(image, flow, (80, 60))
    assert moved[0, 0, 41, 11] == pytest.approx(1.0, abs=1e-4)
    assert moved[0, 0, 41, 21] == pytest.approx(0.0, abs=1e-4)


def test_flow_of_a_small_grid_serves_a_large_picture() -> None:
    generator = torch.Generator().manual_seed(2)
    image = torch.rand(1, 3, 512, 384, generator=generator)
    assert torch.allclose(warp(image, torch.zeros(1, 2, 256, 192), (512, 384)), image, atol=1e-4)


@pytest.mark.parametrize("size", [(96, 72), (24, 18), (48, 36)])
def test_what_is_moved_is_what_a_part_of_the_warp_is(size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(7)
    image, flow = torch.rand(1, 3, 60, 50, generator=generator), torch.randn(1, 2, 48, 36, generator=generator)
    part = slice(size[0] // 5, size[0] // 2), slice(size[1] // 3, size[1])
    moved = move(side_by_side(image[0]), flow[0], size, part)
    assert torch.allclose(moved, warp(image, flow, size)[0, :, part[0], part[1]], atol=1e-4)
    one = move(side_by_side(image[0, :1]), flow[0], size, part)
    assert torch.equal(one, moved[:1])


@pytest.mark.parametrize("kind", OUTLINES)
def test_geometry_is_free_of_folds(kind: str) -> None:
    worn, body = garment(kind), body_of(person())
    if worn.category is Category.LOWER:
        pieces = bottom_pieces(bottom_landmarks(worn.mask.numpy()), body)
    else:
        pieces = top_pieces(top_landmarks(worn.mask.numpy()), body, worn.category is Category.DRESS)
    for _, patches in pieces:
        for patch in patches:
            areas = signed_areas(patch.target)
            areas = areas * np.sign(np.median(areas))
            assert (areas > 0).mean() > 0.995
            assert areas.min() > -0.5  # of a cell


def test_landmarks_of_a_tee() -> None:
    top = top_landmarks(garment("tee").mask.numpy())
    assert all(sleeve is not None for sleeve in top.sleeves)
    assert np.abs(top.armpit - [[78, 150], [222, 150]]).max() < 14
    assert np.abs(top.neck - [[114, 30], [186, 30]]).max() < 12
    assert np.abs(top.hem - [[80, 320], [220, 320]]).max() < 10


def test_a_tank_has_no_sleeves() -> None:
    assert top_landmarks(garment("tank").mask.numpy()).sleeves == (None, None)


def test_landmarks_follow_a_garment_that_lies_askew() -> None:
    from scipy import ndimage

    mask = garment("tee").mask.numpy()
    turned = ndimage.rotate(np.pad(mask, 60), 15, reshape=False, order=1)
    top = top_landmarks(turned)
    assert all(sleeve is not None for sleeve in top.sleeves)
    assert abs(np.degrees(np.arctan2(top.axis[0], top.axis[1])) - 15) < 6


def test_trousers_have_a_crotch_and_skirts_none() -> None:
    trousers, skirt = (bottom_landmarks(garment(kind).mask.numpy()) for kind in ("trousers", "skirt"))
    assert trousers.crotch is not None and np.abs(trousers.crotch - [150, 130]).max() < 12
    assert skirt.crotch is None


def test_an_empty_mask_is_a_callers_mistake() -> None:
    with pytest.raises(ValueError, match="empty"):
        top_landmarks(np.zeros((50, 40), np.float32))


def test_short_sleeves_stay_short_and_long_ones_reach_the_wrist() -> None:
    body = body_of(person())
    for kind, least, most in (("tee", 0.1, 0.6), ("long", 0.8, 1.15)):
        worn = garment(kind)
        laid = lay(body, worn)
        view = garment_frame(worn).cut(laid.mask[None], GRID, fill=0.0)[None]
        for arm in body.arms:
            reached = []
            for layer in laid.layers:
                if layer.piece != "sleeve":
                    continue
                alpha = layer.coverage * warp(view, layer.flow[None])[0, 0]
                for share, (x, y) in zip(np.linspace(0, 1, len(arm.line)), arm.line, strict=True):
                    if alpha[int(y), int(x)] > 0.5:
                        reached.append(share)
            assert least < max(reached) < most


def test_same_input_same_flow() -> None:
    body, worn = body_of(person()), garment("tee")
    for one, other in zip(lay(body, worn).layers, lay(body, worn).layers, strict=True):
        assert torch.equal(one.flow, other.flow)
        assert torch.equal(one.coverage, other.coverage)


def test_legs_below_the_picture_keep_a_legs_length() -> None:
    someone = person()
    known = body_of(someone)
    keypoints = someone.keypoints.clone()
    for joint in (Joint.LEFT_KNEE, Joint.RIGHT_KNEE, Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE):
        keypoints[joint, 1:] = torch.tensor([GRID[0] - 6.0, 0.0])  # as a network guesses what it cannot see
    guessed = body_of(replace(someone, keypoints=keypoints))
    for leg in (Joint.LEFT_HIP, Joint.RIGHT_HIP):
        lengths = [np.linalg.norm(body.joints[leg + 4] - body.joints[leg]) for body in (known, guessed)]
        assert 0.75 * lengths[0] < lengths[1] < 1.6 * lengths[0]
        assert guessed.joints[leg + 2, 1] > guessed.joints[leg, 1] + guessed.breadth
