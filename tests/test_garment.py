"""Pictures of garments: what the network returns, how masks are mended, and what is refused in plain words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fitting import cutout
from fitting import garment as garments
from fitting import person as people
from fitting.errors import GarmentError, PhotoError
from fitting.frame import Frame
from fitting.garment import (
    CATEGORIES,
    Category,
    GarmentNet,
    GarmentReading,
    Kind,
    embed,
    understand_garment,
)
from fitting.person import Part, Person
from fitting.weights import load, record, save


@pytest.fixture(scope="module")
def net() -> GarmentNet:
    """An untrained network; the same every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return GarmentNet().eval()


class RedNet(GarmentNet):
    """Sees red as garment, and says of every picture what it is told to."""

    def __init__(self, kind: Kind = Kind.UPPER, certainty: float = 9.0) -> None:
        super().__init__()
        self.told = torch.nn.functional.one_hot(torch.tensor([int(kind)]), len(Kind)) * certainty
        self.eval()

    def forward(self, image: Tensor, mask: Tensor | None = None) -> GarmentReading:
        red = (image[:, :1] - image[:, 1:].amax(1, keepdim=True) - 0.5) * 12
        mean = torch.nn.functional.adaptive_avg_pool2d(image, 6).flatten(1)
        embedding = torch.nn.functional.pad(mean, (0, 128 - mean.shape[1]))
        return GarmentReading(red, self.told.float(), torch.nn.functional.normalize(embedding, dim=1))


def shirt(height: int = 300, width: int = 240) -> Tensor:
    """A red block on grey, as pixels."""
    picture = torch.full((3, height, width), 200, dtype=torch.uint8)
    red = torch.tensor([220, 20, 30], dtype=torch.uint8)[:, None, None]
    picture[:, height // 5 : height * 4 // 5, width // 4 : width * 3 // 4] = red
    return picture


def test_reading_has_the_pictures_size_and_unit_embeddings(net: GarmentNet) -> None:
    with torch.no_grad():
        reading = net(torch.zeros(2, 3, 64, 96))
    assert reading.cutout.shape == (2, 1, 64, 96)
    assert reading.kind.shape == (2, len(Kind))
    assert torch.allclose(reading.embedding.norm(dim=1), torch.ones(2), atol=1e-5)


def test_network_is_small(net: GarmentNet) -> None:
    assert sum(p.numel() for p in net.parameters()) < 4_000_000


def test_embedding_ignores_what_the_mask_leaves_out(net: GarmentNet) -> None:
    generator = torch.Generator().manual_seed(1)
    image, mask = torch.rand(3, 80, 80, generator=generator), torch.zeros(80, 80)
    mask[20:60, 20:60] = 1
    other = image * mask + torch.rand(3, 80, 80, generator=generator) * (1 - mask)
    assert torch.allclose(embed(net, image, mask), embed(net, other, mask), atol=1e-5)


def test_weights_survive_saving(net: GarmentNet, tmp_path: Path) -> None:
    save(net, tmp_path / "garment")
    record("garment", tmp_path)
    loaded = load(GarmentNet, "garment", tmp_path)
    with torch.no_grad():
        image = torch.zeros(1, 3, 64, 64)
        assert torch.allclose(loaded(image).kind, net(image).kind, atol=2e-2)


def test_garment_is_cropped_with_its_mask() -> None:
    found = understand_garment(RedNet(), shirt())
    height, width = found.mask.shape
    assert found.image.shape == (3, height, width)
    assert 180 <= height <= 215 and 120 <= width <= 150
    assert found.mask[height // 2, width // 2] > 0.95 and found.mask[1, 1] < 0.05
    area = float(found.mask.sum())
    assert area == pytest.approx(180 * 120, rel=0.03)
    assert found.category is Category.UPPER and not found.worn and not found.notes
    assert found.embedding.shape == (128,)


def test_a_garment_is_described_once_and_not_before_somebody_asks() -> None:
    net, asked = RedNet(), []
    net.register_forward_pre_hook(lambda module, given: asked.append(len(given) == 2))  # told the mask as well
    found = understand_garment(net, shirt())
    assert asked and not any(asked)
    again = replace(found, category=Category.DRESS)
    assert torch.equal(found.embedding, again.embedding) and found.embedding is again.embedding
    assert asked.count(True) == 1


def test_large_pictures_come_out_at_no_more_than_1024() -> None:
    found = understand_garment(RedNet(), shirt(2400, 1800))
    assert max(found.image.shape) <= 1024
    assert found.image.shape[1:] == found.mask.shape


@pytest.mark.parametrize("index", range(4))
def test_every_kind_has_its_category(index: int) -> None:
    assert understand_garment(RedNet(Kind(index)), shirt()).category is CATEGORIES[index]


def test_a_named_category_wins() -> None:
    found = understand_garment(RedNet(Kind.UPPER), shirt(), Category.DRESS)
    assert found.category is Category.DRESS and not found.notes


def test_where_it_is_likely_worn_is_told_after_the_first_look() -> None:
    net, looks, told = RedNet(Kind.LOWER), [], []
    net.register_forward_pre_hook(lambda module, given: looks.append(len(given)))
    understand_garment(net, shirt(), likely=lambda category: told.append((category, len(looks))))
    understand_garment(net, shirt(), Category.DRESS, likely=lambda category: told.append((category, 0)))
    assert told == [(Category.LOWER, 1), (Category.DRESS, 0)]


def test_a_guess_is_admitted() -> None:
    found = understand_garment(RedNet(Kind.DRESS, 0.5), shirt())
    assert found.notes == ("We took this for a dress; change it if that is wrong.",)


def test_understanding_twice_gives_the_same() -> None:
    net = RedNet()
    first, second = understand_garment(net, shirt()), understand_garment(net, shirt())
    assert torch.equal(first.mask, second.mask) and torch.equal(first.embedding, second.embedding)


@pytest.mark.parametrize(
    ("picture", "kind", "says"),
    [
        (torch.full((3, 300, 300), 128, dtype=torch.uint8), Kind.UPPER, "blank"),
        (shirt(30, 300), Kind.UPPER, "too small"),
        (shirt(), Kind.OTHER, "No garment"),
        (shirt(), Kind.WORN, "garment alone"),
    ],
)
def test_refusals_say_what_to_do(picture: Tensor, kind: Kind, says: str) -> None:
    with pytest.raises(GarmentError, match=says) as caught:
        understand_garment(RedNet(kind), picture)
    assert "Choose" in str(caught.value)


def test_a_garment_far_away_is_refused() -> None:
    picture = torch.full((3, 800, 800), 200, dtype=torch.uint8)
    picture[:, 400:450, 400:450] = torch.tensor([220, 20, 30], dtype=torch.uint8)[:, None, None]
    with pytest.raises(GarmentError, match="too small"):
        understand_garment(RedNet(), picture)


def test_nothing_cut_out_is_refused() -> None:
    picture = shirt().flip(0)  # blue
    with pytest.raises(GarmentError, match="No garment"):
        understand_garment(RedNet(), picture)


def test_other_tensors_are_the_callers_mistake(net: GarmentNet) -> None:
    with pytest.raises(ValueError, match="uint8"):
        understand_garment(net, torch.zeros(3, 300, 300))


def wearer(photo: Tensor, upper: Part) -> Person:
    """Somebody whose upper garment is the middle of the photo and whose trousers are below."""
    frame = Frame.whole(*photo.shape[-2:])
    parsing = torch.zeros(512, 384, dtype=torch.int64)
    parsing[100:300, 100:280] = int(upper)
    parsing[300:420, 120:260] = int(Part.LOWER)
    return Person(photo, frame, torch.zeros(3, 512, 384), parsing, torch.zeros(17, 3), torch.zeros(512, 384))


@pytest.mark.parametrize(
    ("upper", "wanted", "category"),
    [
        (Part.UPPER, None, Category.UPPER),
        (Part.DRESS, None, Category.DRESS),
        (Part.UPPER, Category.LOWER, Category.LOWER),
        (Part.UPPER, Category.OUTER, Category.OUTER),
    ],
)
def test_worn_garments_are_cut_from_the_person(
    monkeypatch: pytest.MonkeyPatch, upper: Part, wanted: Category | None, category: Category
) -> None:
    monkeypatch.setattr(people, "understand_person", lambda net, photo: wearer(photo, upper))
    found = understand_garment(RedNet(Kind.WORN), shirt(512, 384), wanted, people.PersonNet())
    assert found.worn and found.category is category
    assert garments.NAMES[category] in found.notes[0]
    area = 120 * 140 if category is Category.LOWER else 200 * 180
    assert float(found.mask.sum()) == pytest.approx(area, rel=0.12)


def test_a_person_who_wears_no_such_thing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "understand_person", lambda net, photo: wearer(photo, Part.UPPER))
    with pytest.raises(GarmentError, match="a dress"):
        understand_garment(RedNet(Kind.WORN), shirt(512, 384), Category.DRESS, people.PersonNet())


def test_an_unreadable_person_is_a_garment_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(net: people.PersonNet, photo: Tensor) -> Person:
        raise PhotoError("No person was found.")

    monkeypatch.setattr(people, "understand_person", refuse)
    with pytest.raises(GarmentError, match="garment alone"):
        understand_garment(RedNet(Kind.WORN), shirt(), None, people.PersonNet())


def test_only_the_main_piece_is_kept_and_pinholes_are_closed() -> None:
    mask = torch.zeros(100, 100)
    mask[20:80, 20:70] = 1
    mask[40:42, 40:42] = 0  # a pinhole
    mask[50:70, 35:50] = 0  # a hole
    mask[5:9, 90:94] = 1  # a speck
    cleaned = cutout.main_pieces(mask)
    assert cleaned[5:9, 90:94].max() == 0
    assert cleaned[40:42, 40:42].min() > 0.5
    assert cleaned[55, 40] == 0
    assert cutout.box_of(cleaned) == (20, 20, 80, 70)


def test_a_coarse_mask_snaps_to_the_pictures_edge() -> None:
    image = torch.full((3, 256, 256), 0.85)
    yes = torch.zeros(256, 256)
    yes[61:195, 53:203] = 1
    image = image * (1 - yes) + torch.tensor([0.7, 0.1, 0.2])[:, None, None] * yes
    coarse = torch.zeros(64, 64)
    coarse[15:49, 13:51] = 1  # a pixel off everywhere
    refined = cutout.follow_edges(coarse, image)
    enlarged = cutout.resize(coarse[None], (256, 256))[0]

    def wrong(mask: Tensor) -> int:
        return int(((mask > 0.5) != (yes > 0.5)).sum())

    assert wrong(refined) < 0.35 * wrong(enlarged)
    assert refined.min() >= 0 and refined.max() <= 1


@pytest.mark.parametrize("size", [(100, 60), (60, 100), (77, 77)])
def test_letterbox_and_back(size: tuple[int, int]) -> None:
    picture = torch.linspace(0, 1, size[0] * size[1]).reshape(1, *size)
    square = cutout.letterbox(picture, 64)
    assert square.shape == (1, 64, 64)
    back = cutout.out_of_letterbox(square[0], *size)
    assert max(back.shape) == 64
    assert torch.allclose(cutout.resize(back[None], size), picture, atol=0.05)


def test_frozen_garment_can_be_recategorised() -> None:
    found = understand_garment(RedNet(), shirt())
    assert replace(found, category=Category.OUTER).category is Category.OUTER
