"""Outfits: what takes whose place, and that each garment is put on from the photo up."""

from __future__ import annotations

import numpy as np
import pytest
from dressing import garment, person

from fitting.anatomy import Part
from fitting.garment import Category, Garment, GarmentNet
from fitting.outfit import STEPS, Dresser, Outfit, try_on_outfit, wearing
from fitting.person import PersonNet
from fitting.room import FittingRoom, TryOn


@pytest.fixture(scope="module")
def room() -> FittingRoom:
    return FittingRoom(PersonNet().eval(), GarmentNet().eval())


TOP, TROUSERS = garment("tee"), garment("trousers")


def test_a_garment_takes_the_place_of_what_cannot_be_worn_with_it() -> None:
    dress, jacket = (
        type(TOP)(TOP.image, TOP.mask, category, TOP.embedding) for category in (Category.DRESS, Category.OUTER)
    )

    def categories(outfit: Outfit) -> list[str]:
        return [worn.category.value for worn in outfit.garments]

    both = Outfit().wear(TOP).wear(TROUSERS)
    assert categories(both) == ["lower", "upper"]  # a top hangs over trousers, whichever was chosen first
    assert categories(both.wear(jacket)) == ["lower", "upper", "outer"]
    assert categories(both.wear(jacket).wear(dress)) == ["dress", "outer"]
    assert categories(both.wear(dress).wear(TROUSERS)) == ["lower"]
    assert categories(both.wear(TOP)) == ["lower", "upper"]
    off = both.wear(jacket).without(Category.OUTER)
    assert all(one is other for one, other in zip(off.garments, both.garments, strict=True))


def test_an_outfit_of_one_is_a_plain_try_on(room: FittingRoom) -> None:
    someone = person()
    plain = room.try_on(someone, TOP)
    outfit = try_on_outfit(room, someone, Outfit().wear(TOP))
    assert outfit.picture.tobytes() == plain.picture.tobytes()


def test_the_order_of_choosing_does_not_matter_and_taking_off_leaves_no_trace(room: FittingRoom) -> None:
    someone = person()
    one = try_on_outfit(room, someone, Outfit().wear(TOP).wear(TROUSERS))
    other = try_on_outfit(room, someone, Outfit().wear(TROUSERS).wear(TOP))
    assert one.picture.tobytes() == other.picture.tobytes()
    without = try_on_outfit(room, someone, Outfit().wear(TOP).wear(TROUSERS).without(Category.LOWER))
    assert without.picture.tobytes() == room.try_on(someone, TOP).picture.tobytes()


def test_both_garments_show_and_the_rest_is_the_photo(room: FittingRoom) -> None:
    someone = person()
    result = try_on_outfit(room, someone, Outfit().wear(TOP).wear(TROUSERS))
    picture, photo = np.asarray(result.picture), someone.photo.permute(1, 2, 0).numpy()
    untouched = np.asarray(result.edit_region) == 0
    assert untouched.any() and np.array_equal(picture[untouched], photo[untouched])
    alone = [np.asarray(room.try_on(someone, worn).warped)[..., 3] > 200 for worn in (TOP, TROUSERS)]
    together = np.asarray(result.warped)[..., 3] > 200
    assert (together & alone[0]).sum() > 0.95 * alone[0].sum()
    assert (together & alone[1]).sum() > 0.7 * alone[1].sum()  # the top hangs over the rest


def test_the_person_of_a_result_wears_the_garment(room: FittingRoom) -> None:
    someone = person()
    result = room.try_on(someone, TROUSERS)
    after = wearing(someone, TROUSERS, result)
    shown = np.asarray(result.warped)[..., 3] > 250
    frame = after.frame
    worn = frame.place((after.parsing == Part.LOWER).float()[None], *someone.photo.shape[-2:])[0].numpy() > 0.5
    assert worn[shown].mean() > 0.97
    same = np.asarray(result.edit_region) == 0
    kept = frame.place((after.parsing == someone.parsing).float()[None], *someone.photo.shape[-2:])[0].numpy() > 0.5
    assert kept[same].mean() > 0.99
    assert after.keypoints is someone.keypoints


def test_a_jacket_leaves_on_what_is_under_it(room: FittingRoom) -> None:
    someone = person()
    jacket = type(TOP)(TOP.image, TOP.mask, Category.OUTER, TOP.embedding)
    over, instead = (room.try_on(someone, jacket, engine="geometric", over=over) for over in (True, False))
    photo = someone.photo.permute(1, 2, 0).numpy().astype(int)
    bare = np.asarray(over.warped)[..., 3] == 0

    def changed(result: TryOn) -> int:  # more than the jacket's shadow does
        return int((np.abs(np.asarray(result.picture)[bare] - photo[bare]).max(1) > 60).sum())

    assert changed(over) < 0.05 * changed(instead)


def test_an_empty_outfit_is_a_mistake(room: FittingRoom) -> None:
    with pytest.raises(ValueError, match="needs a garment"):
        try_on_outfit(room, person(), Outfit())


def test_steps_on_the_way_are_not_kept_in_memory() -> None:
    room, someone = FittingRoom(PersonNet().eval(), GarmentNet().eval()), person()
    try_on_outfit(room, someone, Outfit().wear(TOP).wear(TROUSERS))
    room.forget(someone)
    assert not room.wearers


def test_a_dresser_draws_nothing_twice(room: FittingRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    someone, drawn = person(), []
    tees = [garment("tee") for _ in range(STEPS + 1)]
    try_on = room.try_on

    def counted(photo: object, worn: Garment, **options: object) -> TryOn:
        drawn.append(worn)
        return try_on(photo, worn, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(room, "try_on", counted)
    with Dresser(room, someone) as dresser:
        first = dresser.wear(Outfit().wear(TROUSERS).wear(tees[0]))
        for tee in tees[1:]:
            dresser.wear(Outfit().wear(TROUSERS).wear(tee))
        assert sum(worn is TROUSERS for worn in drawn) == 1 and len(drawn) == 1 + len(tees)
        assert len(room.wearers) <= 2, "the photo, and the one half dressed that is in use"
        again = dresser.wear(Outfit().wear(TROUSERS).wear(tees[0]))
    assert first.picture.tobytes() == again.picture.tobytes()
    room.forget(someone)
    assert not room.wearers
