"""Imagined garments: the networks, what they learn from, and the game's exact resumption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch.nn import functional as F

from fitting import images, weights
from fitting.encoder import Encoder
from fitting.evaluation import pictures as evaluation
from fitting.garment import GarmentNet, Kind
from fitting.picture_net import PictureConfig, Pictures, Sight, on_ground
from fitting.training.augmentation import altered
from fitting.training.garment_data import Row
from fitting.training.loop import Plan, Stage, batches
from fitting.training.pictures import PictureBatches, PictureGame, PicturePlan, neighbours, play, shortened
from fitting.training.pictures_data import SIDE, PictureTables, centred, make_tables

SMALL = PictureConfig(noise=8, style=16, widths=(8, 8, 8, 8, 8, 8), judge=8)
PLAN = PicturePlan(Plan((Stage(4, 4, (64, 64)), Stage(2, 2, (128, 128))), checkpoint_minutes=1e9))


def some(count: int, config: PictureConfig = SMALL) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    noise = torch.randn(count, config.noise, generator=random)
    feature = F.normalize(torch.randn(count, config.feature, generator=random), dim=1)
    return noise, feature, torch.arange(count) % config.categories


def shop(count: int = 24) -> PictureTables:
    """Squares of one colour each: there is something to learn, and nothing to read from disk."""
    rng = np.random.default_rng(3)
    pictures = np.zeros((count, 4, SIDE, SIDE), np.uint8)
    pictures[:, :3, 30:100, 40:90] = rng.integers(0, 255, (count, 3, 1, 1))
    pictures[:, 3, 30:100, 40:90] = 255
    embeddings = rng.standard_normal((count, 128)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return PictureTables(pictures, embeddings, np.arange(count) % 4, np.zeros(count, np.bool_))


@pytest.fixture(autouse=True)
def few_are_monitored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fitting.training.pictures.MONITORED", 32)


def game(config: PicturePlan = PLAN) -> tuple[PictureGame, PictureBatches]:
    torch.manual_seed(0)  # weights begin alike
    pictures, rows = Pictures(SMALL), shop()
    features = pictures.features(torch.from_numpy(rows.embeddings))
    return PictureGame(pictures, Sight(Encoder(), SMALL.judge), config), PictureBatches(rows, features, config)


@pytest.mark.parametrize("side", [64, 128])
def test_a_garment_is_imagined_on_nothing(side: int) -> None:
    net = Pictures(SMALL).eval().generator
    made = net(*some(3), side)
    assert made.shape == (3, 4, side, side)
    assert made.min() >= 0 and made.max() <= 1
    assert (made[:, :3] <= made[:, 3:]).all()  # colours times alpha


def test_the_same_noise_gives_the_same_picture_and_other_noise_another() -> None:
    net = Pictures(SMALL).eval().generator
    noise, feature, category = some(2)
    assert torch.equal(net(noise, feature, category), net(noise, feature, category))
    for other in ((noise + 1, feature, category), (noise, -feature, category), (noise, feature, 3 - category)):
        assert not torch.equal(net(noise, feature, category), net(*other))


def test_a_larger_picture_begins_as_the_smaller_one() -> None:
    generator = Pictures(SMALL).generator.eval()
    small, large = generator(*some(3), 64), generator(*some(3), 128)
    assert torch.allclose(F.avg_pool2d(large, 2), small, atol=0.02)


def test_the_pull_is_strong_at_each_stage_s_beginning_and_fades() -> None:
    plan = PicturePlan(Plan((Stage(100, 4, (64, 64)), Stage(100, 2, (128, 128)))), guide=4.0, guided=50)
    assert plan.guide_at(0) == plan.guide_at(100) == 4.0
    assert plan.guide_at(25) == plan.guide_at(125) < 4.0 and plan.guide_at(99) == plan.guide_at(199) == pytest.approx(
        0.4
    )


def test_the_shipped_shape_is_small() -> None:
    assert sum(weight.numel() for weight in Pictures().generator.parameters()) < 2_500_000


def test_the_discriminator_judges_patches_at_four_sizes_and_minds_the_condition() -> None:
    pictures, sight = Pictures(SMALL).eval(), Sight(Encoder(), SMALL.judge)
    _, feature, category = some(2)
    seen = sight(torch.rand(2, 3, 64, 64))
    maps = pictures.judge.maps(seen, feature, category)
    assert [tuple(one.shape[-2:]) for one in maps] == [(4, 4), (4, 4), (4, 4), (2, 2)]
    assert not torch.allclose(pictures.judge(seen, feature, category), pictures.judge(seen, -feature, category))
    assert not any(weight.requires_grad for weight in sight.parameters())


def test_sight_is_the_same_whenever_it_is_made() -> None:
    encoder = Encoder()
    picture = torch.rand(1, 3, 64, 64)
    for one, other in zip(Sight(encoder, 8)(picture), Sight(encoder, 8)(picture), strict=True):
        assert torch.equal(one, other)


def test_a_garment_on_a_ground() -> None:
    garment = torch.zeros(1, 4, 2, 2)
    garment[0, :, 0, 0] = torch.tensor([0.5, 0.0, 0.0, 1.0])
    laid = on_ground(garment, torch.tensor([0.0, 1.0, 0.0]))
    assert laid[0, :, 0, 0].tolist() == [0.5, 0, 0]
    assert laid[0, :, 1, 1].tolist() == [0, 1, 0]


def test_alterations_let_gradients_through_and_meet_two_batches_alike() -> None:
    garments = torch.rand(6, 4, 32, 32, requires_grad=True)
    one, other = (altered(garments, torch.Generator().manual_seed(5)) for _ in "ab")
    assert torch.equal(one, other) and not torch.equal(one, garments)
    one.sum().backward()
    assert garments.grad is not None and garments.grad.abs().sum() > 0
    assert torch.allclose(altered(garments, torch.Generator().manual_seed(5), share=0.0), garments, atol=1e-6)


def test_nothing_comes_in_with_what_is_moved() -> None:
    moved = altered(torch.ones(8, 4, 32, 32), torch.Generator().manual_seed(2), share=1.0)
    assert ((moved[:, 3] == 0) | (moved[:, 3] == 1)).all()
    assert moved[:, :3][(moved[:, 3:] == 0).expand(-1, 3, -1, -1)].abs().max() == 0


def test_a_cut_out_garment_stands_in_the_middle() -> None:
    unit, alpha = torch.full((3, 60, 90), 0.5), torch.zeros(60, 90)
    alpha[10:50, 5:25] = 1
    square = centred(unit, alpha, (10, 5, 50, 25), 100)
    rows, columns = (np.flatnonzero((square[3] > 0.5).any(axis).numpy()) for axis in (1, 0))
    assert (rows[0], rows[-1]) == (5, 94) and abs(columns[0] + columns[-1] - 99) <= 1
    assert square[:3].max() <= 0.5 + 1e-6 and square[:, 0].abs().max() == 0


def test_tables_hold_what_has_a_mask_that_can_be_believed(tmp_path: Path) -> None:
    picture = Image.new("RGB", (96, 128), "tan")
    ImageDraw.Draw(picture).rectangle((20, 30, 70, 110), fill="navy")
    picture.save(tmp_path / "shirt.png")
    for name, box in (("good", (20, 30, 70, 110)), ("speck", (20, 30, 24, 34))):
        mask = Image.new("L", picture.size)
        ImageDraw.Draw(mask).rectangle(box, fill=255)
        mask.save(tmp_path / f"{name}.png")
    rows = [Row(tmp_path / "shirt.png", tmp_path / f"{name}.png", Kind.UPPER) for name in ("good", "speck")]
    made = make_tables(rows, GarmentNet().eval())
    assert made["pictures"].shape == (1, 4, SIDE, SIDE) and made["kinds"].tolist() == [Kind.UPPER]
    centre = made["pictures"][0, :, SIDE // 2, SIDE // 2]
    assert centre.tolist() == [0, 0, 128, 255]
    assert abs(float(np.linalg.norm(made["embeddings"][0])) - 1) < 1e-5


def test_neighbours_are_of_the_same_kind_and_others() -> None:
    features = F.normalize(torch.randn(20, 6, generator=torch.Generator().manual_seed(0)), dim=1)
    kinds = np.arange(20) % 2
    near = neighbours(features, kinds, 3)
    assert (kinds[near] == kinds[:, None]).all()
    assert not (near == np.arange(20)[:, None]).any()


def test_a_batch_depends_on_its_step_alone() -> None:
    _, make = game()
    stage = PLAN.plan.stages[0]
    one, same, other = make(5, stage), make(5, stage), make(6, stage)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["real"], other["real"])
    assert one["real"].shape == (4, 4, 64, 64)


def test_every_objective_can_be_played() -> None:
    for name, turns in (("nonsaturating", 2), ("hinge", 2), ("wgan-gp", 0)):
        players, make = game(shortened(replace(PLAN, objective=name), 2))
        for step, batch in batches(players.config.plan, 0, make):
            told = players.step(step, {key: value[:2] for key, value in batch.items()})
            assert all(np.isfinite(value) for value in told.values())
        assert players.game.generator_steps == turns  # a critic has five steps to one


def test_a_game_goes_on_as_if_it_had_never_been_stopped(tmp_path: Path) -> None:
    whole, make = game()
    assert play(whole, make, tmp_path / "whole") == 128
    parts, make = game()
    assert play(parts, make, tmp_path / "parts", minutes=0) == 64
    parts, make = game()
    play(parts, make, tmp_path / "parts", resume=True)
    for one, other in zip(whole.game.average.parameters(), parts.game.average.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_is_saved_makes_the_same_pictures(tmp_path: Path) -> None:
    players, make = game()
    play(players, make, tmp_path, minutes=0)
    folder = tmp_path / "shipped"
    weights.save(players.trained(64), folder / "pictures")
    (folder / "manifest.json").write_text("{}")
    weights.record("pictures", folder)
    loaded = weights.load(Pictures, "pictures", folder)
    assert loaded.config.side == 64
    made, wanted = loaded.generator(*some(2), 64), players.game.average(*some(2), 64)
    assert (images.to_pixels(made).int() - images.to_pixels(wanted).int()).abs().max() <= 2  # half precision
    seen = players.sight(torch.rand(2, 3, 64, 64))
    judged, meant = (judge(seen, *some(2)[1:]) for judge in (loaded.judge, players.game.discriminator.eval()))
    assert torch.allclose(judged, meant, atol=0.02)


def test_a_kernel_distance_is_nothing_between_alike_and_grows() -> None:
    random = torch.Generator().manual_seed(0)
    one, same = (torch.randn(150, 8, generator=random) for _ in "ab")
    near = evaluation.kernel_distance(one, same)
    far = evaluation.kernel_distance(one + 1, same)
    assert abs(near["mean"]) < 0.2 and far["mean"] > 1


def test_a_round_trip_finds_what_was_asked_for() -> None:
    random = torch.Generator().manual_seed(0)
    asked, others = torch.randn(40, 16, generator=random), torch.randn(960, 16, generator=random)
    assert evaluation.round_trip(asked + 0.01, asked, others) == 1
    assert evaluation.round_trip(torch.randn(40, 16, generator=random), asked, others) < 0.2


def test_copies_are_found_out() -> None:
    class Flat:
        """Sees the first colours as they are."""

        def pooled(self, garments: torch.Tensor) -> torch.Tensor:
            return garments[:, :, 0].flatten(1)

    rows, zeros = torch.rand(3, 60, 4, 4, 4), torch.zeros(60)
    training, unseen = (evaluation.Asked(garments, zeros, zeros) for garments in rows[:2])
    copied = evaluation.copying(rows[0], unseen, training, Flat())  # type: ignore[arg-type]
    honest = evaluation.copying(rows[2], unseen, training, Flat())  # type: ignore[arg-type]
    assert copied["nearer_than_99_percent_of_unseen"] == 1
    assert honest["nearer_than_99_percent_of_unseen"] < 0.2
