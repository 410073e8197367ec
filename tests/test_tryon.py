"""Dressing a drawn person: what may change, what must not, and what the visitor is told."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from dressing import OUTLINES, SHIRT, SKIN, garment, person, without
from processes import PATIENCE
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from fitting import wearers
from fitting.body import Body
from fitting.distance import depth_in, nearest
from fitting.errors import PhotoError
from fitting.fill import blur, grow, push_pull
from fitting.garment import Category
from fitting.images import to_tensor, to_unit
from fitting.person import Joint, Part, Person
from fitting.planes import put_where
from fitting.remembered import key_of
from fitting.room import FittingRoom
from fitting.scene import Scene, dress
from fitting.tryon import Composed, compose
from fitting.underlay import undress
from fitting.warp import lay


def put_on(someone: Person, kind: str) -> Composed:
    worn = garment(kind)
    scene = dress(someone, worn.category)
    return compose(scene, undress(scene), worn, lay(scene.body, worn))


def room() -> FittingRoom:
    from fitting.garment import GarmentNet
    from fitting.person import PersonNet

    return FittingRoom(PersonNet().eval(), GarmentNet().eval())


@pytest.fixture(scope="module")
def someone() -> Person:
    return person()


def near(image: Tensor, colour: tuple[int, int, int], tolerance: float = 0.12) -> Tensor:
    wanted = torch.tensor(colour).float().view(3, 1, 1) / 255
    return (image - wanted).abs().amax(0) < tolerance


@pytest.mark.parametrize("kind", ["tee", "trousers", "dress"])
def test_outside_the_edit_region_the_photo_is_kept_bit_for_bit(kind: str) -> None:
    large = person(size=(1200, 1600))
    result = put_on(large, kind)
    untouched = result.changed == 0
    assert result.picture.shape == large.photo.shape
    assert torch.equal(result.picture[:, untouched], large.photo[:, untouched])
    assert 0.03 < (~untouched).float().mean() < 0.6


def test_a_photo_wider_than_its_frame_keeps_its_size() -> None:
    wide = person(size=(1200, 1600))
    photo = torch.cat([wide.photo, wide.photo.flip(2)], 2)
    result = put_on(Person(photo, wide.frame, wide.image, wide.parsing, wide.keypoints, wide.matte), "tee")
    assert result.picture.shape == photo.shape
    assert torch.equal(result.picture[:, :, 1300:], photo[:, :, 1300:])


@pytest.mark.parametrize("kind", OUTLINES)
def test_face_hair_and_hands_do_not_change(someone: Person, kind: str) -> None:
    result = put_on(someone, kind)
    scene = dress(someone, garment(kind).category)
    kept = scene.protected > 0.5
    assert (kept & (someone.parsing == Part.FACE)).sum() > 500
    assert (kept & (someone.parsing == Part.ARMS)).sum() > 300
    assert torch.equal(result.picture[:, kept], someone.photo[:, kept])


@pytest.mark.parametrize("category", list(Category))
def test_agnostic_shows_nothing_of_the_old_garment(someone: Person, category: Category) -> None:
    scene = dress(someone, category)
    parts = {Category.LOWER: [Part.LOWER], Category.DRESS: [Part.UPPER, Part.LOWER]}.get(category, [Part.UPPER])
    for part in parts:
        old = someone.parsing == part
        assert (scene.agnostic[:, old] == 0.5).all()
        assert (scene.edit_region[old] > 0).all()
    assert (scene.edit_region[scene.protected > 0.5] == 0).all()


def test_the_region_does_not_follow_the_old_sleeves() -> None:
    long, short = (dress(person(sleeves), Category.UPPER).edit_region > 0 for sleeves in (True, False))
    assert ((long & short).sum() / (long | short).sum()) > 0.9


def test_nothing_of_the_old_garment_is_left(someone: Person) -> None:
    for kind in ("tee", "long", "tank", "dress"):
        result = put_on(someone, kind)
        assert near(to_unit(result.picture), SHIRT, 0.1).sum() < 20


def test_a_short_garment_bares_the_forearms(someone: Person) -> None:
    result = to_unit(put_on(someone, "tee").picture)
    for joint in (Joint.LEFT_ELBOW, Joint.RIGHT_ELBOW):
        wrist = joint + 2
        point = 0.5 * someone.keypoints[joint, :2] + 0.5 * someone.keypoints[wrist, :2]
        assert near(result, SKIN, 0.2)[int(point[1]), int(point[0])]


def test_a_long_garment_covers_bare_forearms() -> None:
    bare = person(long_sleeves=False)
    result = put_on(bare, "long")
    for elbow in (Joint.LEFT_ELBOW, Joint.RIGHT_ELBOW):
        point = 0.6 * bare.keypoints[elbow, :2] + 0.4 * bare.keypoints[elbow + 2, :2]
        assert result.warped[3, int(point[1]), int(point[0])] > 0.9


def test_pictures_of_what_was_put_together(someone: Person) -> None:
    result = put_on(someone, "tee")
    picture, edits, laid = result.pictures()
    assert (picture.mode, edits.mode, laid.mode) == ("RGB", "L", "RGBA")
    assert picture.size == edits.size == laid.size == (384, 512)
    assert torch.equal(to_tensor(picture), result.picture)
    assert np.array_equal(np.array(edits), result.edits.numpy())
    assert np.array_equal(np.array(laid), result.laid.permute(1, 2, 0).numpy())


def test_same_input_same_output(someone: Person) -> None:
    assert torch.equal(put_on(someone, "tee").picture, put_on(someone, "tee").picture)


def test_prints_stay_sharp_at_the_photos_resolution() -> None:
    result = put_on(person(size=(1200, 1600)), "tee")
    torso = to_unit(result.picture)[1, 520:800, 560:640]
    assert (torso.diff(dim=0).abs().amax(0)).median() > 0.06


def test_undressing_continues_the_wall(someone: Person) -> None:
    scene = dress(someone, Category.UPPER)
    under = undress(scene)
    wall = scene.old & (under.parsing == Part.BACKGROUND)
    assert wall.any()
    assert (under.image[:, wall].mean(1) - torch.tensor([0.865, 0.865, 0.84])).abs().max() < 0.05


def test_try_on_tells_stages_and_seconds(someone: Person) -> None:
    told: list[str] = []
    result = room().try_on(someone, garment("tee"), progress=told.append)
    assert told == ["person", "garment", "warp", "compose"] == list(result.seconds)
    assert result.picture.size == result.edit_region.size == result.warped.size == (384, 512)
    assert (result.picture.mode, result.edit_region.mode, result.warped.mode) == ("RGB", "L", "RGBA")
    untouched = torch.from_numpy(np.array(result.edit_region)) == 0
    assert torch.equal(to_tensor(result.picture)[:, untouched], someone.photo[:, untouched])


def test_category_is_found_or_given(someone: Person) -> None:
    assert room().try_on(someone, garment("skirt"), "auto").category is Category.LOWER
    assert room().try_on(someone, garment("tank"), "dress").category is Category.DRESS
    with pytest.raises(ValueError, match="hat"):
        room().try_on(someone, garment("tank"), "hat")


def shrunk(someone: Person) -> Person:
    """The same person, the photo half as large."""
    frame = replace(someone.frame, **{name: value // 2 for name, value in vars(someone.frame).items()})
    return replace(someone, photo=someone.photo[:, ::2, ::2].contiguous(), frame=frame)


def test_a_smaller_copy_of_a_person_shares_what_is_prepared(someone: Person) -> None:
    here, small = room(), shrunk(someone)
    alone = here.try_on(small, garment("tee"), engine="geometric")
    here.forget(small)
    scene, under = here.wearers.ready(someone, Category.UPPER)
    here.share(someone, small)
    prepared, same = here.wearers.ready(small, Category.UPPER)
    assert prepared.edit_region is scene.edit_region and same is under and prepared.person is small
    shared = here.try_on(small, garment("tee"), engine="geometric")
    assert shared.picture.size == alone.picture.size and shared.picture.tobytes() == alone.picture.tobytes()
    with pytest.raises(ValueError, match="copy of a person"):
        here.share(someone, replace(small, image=small.image.clone()))
    here.forget(small)
    here.forget(someone)


def test_a_second_garment_of_the_kind_is_quicker_prepared(someone: Person) -> None:
    here = room()
    here.try_on(someone, garment("tee"))
    scene, _ = here.wearers.ready(someone, Category.UPPER)
    assert here.wearers.ready(someone, Category.UPPER)[0] is scene
    here.forget(someone)
    assert here.wearers.ready(someone, Category.UPPER)[0] is not scene


def test_what_will_be_asked_for_is_prepared_meanwhile(someone: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    here, by = room(), []

    def seen(person: Person, category: Category, body: Body | None = None) -> Scene:
        by.append(threading.current_thread().name)
        return dress(person, category, body)

    monkeypatch.setattr(wearers, "dress", seen)
    here.wearers.ready_soon(someone, Category.UPPER)
    join("ready soon")
    first = here.wearers.ready(someone, Category.UPPER)
    assert here.wearers.ready(someone, Category.UPPER)[0] is first[0] and by == ["ready soon"]
    assert here.lookups["scene"].counts == {"hit": 1, "miss": 1}, "who prepares ahead asks for nothing"


def test_whoever_is_forgotten_while_they_are_prepared_stays_so(
    someone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, begun, go_on = room(), threading.Event(), threading.Event()

    def slow(*given: object) -> Scene:
        begun.set()
        assert go_on.wait(PATIENCE)
        raise RuntimeError("and what goes wrong there is nobody's yet")

    monkeypatch.setattr(wearers, "dress", slow)
    here.wearers.ready_soon(someone, Category.UPPER)
    assert begun.wait(PATIENCE)
    here.forget(someone)
    go_on.set()
    join("ready soon")
    assert not here.wearers
    with pytest.raises(RuntimeError, match="nobody's"):
        here.wearers.ready(someone, Category.UPPER)


def test_two_who_meet_somebody_new_at_once_prepare_them_once(someone: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    here, both, prepared = room(), threading.Barrier(2), []

    def met(pixels: Tensor) -> str:
        both.wait(PATIENCE)  # neither has found them in memory
        return key_of(pixels)

    monkeypatch.setattr(wearers, "key_of", met)
    monkeypatch.setattr(wearers, "undress", lambda scene: prepared.append(scene) or undress(scene))
    with ThreadPoolExecutor(2) as painters:
        scenes = list(painters.map(lambda kind: here.wearers.ready(someone, kind)[0], [Category.UPPER] * 2))
    assert len(prepared) == 1 and scenes[0] is scenes[1]


def join(name: str) -> None:
    """Wait for the threads of this name."""
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(PATIENCE)


def test_what_the_photo_lacks_is_told(someone: Person) -> None:
    knees = (Joint.LEFT_KNEE, Joint.RIGHT_KNEE)
    result = room().try_on(without(knees, someone), garment("trousers"))
    assert any("legs are outside the picture" in note for note in result.notes)
    with pytest.raises(PhotoError, match="hips"):
        room().try_on(without((Joint.LEFT_HIP, Joint.RIGHT_HIP), someone), garment("trousers"))


def test_an_arm_that_is_cut_off_is_told_and_dressed(someone: Person) -> None:
    from fitting.person import _notes

    cut = without((Joint.LEFT_ELBOW, Joint.LEFT_WRIST), someone)
    moved = cut.keypoints.clone()
    moved[[Joint.LEFT_ELBOW, Joint.LEFT_WRIST], 0] = 400.0
    cut = Person(cut.photo, cut.frame, cut.image, cut.parsing, moved, cut.matte)
    assert "Your left arm is outside the picture." in _notes(cut)
    assert put_on(cut, "long").changed.any()


def test_nothing_changes_when_nothing_may(someone: Person) -> None:
    worn, scene = garment("tee"), dress(someone, Category.UPPER)
    closed = replace(scene, edit_region=torch.zeros_like(scene.edit_region))
    result = compose(closed, undress(scene), worn, lay(scene.body, worn))
    assert torch.equal(result.picture, someone.photo)
    assert not result.changed.any() and not result.warped.any()


def test_the_picture_does_not_depend_on_the_bands_it_is_made_in(monkeypatch: pytest.MonkeyPatch) -> None:
    large = person(size=(900, 1200))
    once = put_on(large, "long")
    monkeypatch.setattr("fitting.tryon.BAND", 40_000)
    again = put_on(large, "long")
    assert (once.picture.int() - again.picture.int()).abs().max() <= 1
    assert (once.edits.int() - again.edits.int()).abs().max() <= 1
    assert (once.laid.int() - again.laid.int()).abs().max() <= 1


def test_only_where_a_mask_is_true_is_anything_put() -> None:
    random = torch.Generator().manual_seed(4)
    into, new = (torch.randint(0, 256, (3, 20, 30), dtype=torch.uint8, generator=random) for _ in range(2))
    mask, place = torch.rand(10, 12, generator=random) > 0.5, (..., slice(5, 15), slice(9, 21))
    wanted = into.clone()
    wanted[place] = torch.where(mask, new[place], into[place])
    put_where(mask, new[place], into[place])
    assert torch.equal(into, wanted)


def test_a_masks_growth_is_the_maximum_around_each_cell() -> None:
    mask = torch.rand(61, 47, generator=torch.Generator().manual_seed(8)) > 0.98
    for cells in (1, 2, 3, 8, 20):
        wanted = F.max_pool2d(mask.float()[None], 2 * cells + 1, stride=1, padding=cells)[0] > 0.5
        assert torch.equal(grow(mask, cells), wanted)
        assert torch.equal(grow(~mask, -cells), ~wanted)
    assert torch.equal(grow(mask, 0), mask)


def test_nearest_cells_are_found_near_and_far() -> None:
    known = np.zeros((200, 150), bool)
    known[190, 20] = known[30, 140] = True
    scattered = np.random.default_rng(0).random(known.shape) > 0.999
    for cells, box in (
        (known, (slice(177, 198), slice(7, 33))),
        (known, (slice(90, 100), slice(60, 80))),
        (scattered, (slice(0, 200), slice(0, 150))),
    ):
        far, row, column = nearest(cells, box)
        rows, columns = np.ogrid[box]
        assert cells[row, column].all() and np.allclose(far, np.hypot(row - rows, column - columns))
        assert np.allclose(far, ndimage.distance_transform_edt(~cells)[box], rtol=0.05)


def test_depth_is_the_distance_to_the_edge_of_a_mask() -> None:
    mask = np.zeros((60, 50), bool)
    mask[:20, 10:40] = mask[30:45, 5:12] = True
    assert np.allclose(depth_in(mask), ndimage.distance_transform_edt(mask))


def test_push_pull_keeps_what_is_known_and_continues_it() -> None:
    image = torch.rand(3, 40, 30, generator=torch.Generator().manual_seed(3))
    known = torch.zeros(40, 30)
    known[:, :10] = 1
    filled = push_pull(image, known)
    assert torch.allclose(filled[:, :, :10], image[:, :, :10], atol=1e-6)
    assert torch.isfinite(filled).all() and filled.amax() <= 1.0001
    plain = push_pull(torch.full((3, 40, 30), 0.3), known)
    assert torch.allclose(plain, torch.full_like(plain, 0.3), atol=1e-4)


def test_blur_keeps_a_constant() -> None:
    for sigma in (0.8, 5.0, 22.0):
        assert torch.allclose(blur(torch.full((3, 50, 41), 0.4), sigma), torch.full((3, 50, 41), 0.4), atol=1e-5)
