"""Item profiles: what is read out of a shop's words, what is learned from them, and items without pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from shopping import FakeLooks, write

from fitting import weights
from fitting.attributes import WIDTH, Description, colour_meant, colour_named, numbers
from fitting.errors import GarmentError
from fitting.garment import Category
from fitting.importing import Import, NothingUsableError
from fitting.looks import NO_PICTURE
from fitting.placeholder import placeholder
from fitting.products import named_category
from fitting.profiles import ProfileConfig, Profiles
from fitting.reading import Report, check_products
from fitting.store import Store
from fitting.training.described import Described, colours, titled
from fitting.training.item_profiles import (
    ProfilePlan,
    Source,
    beaten,
    fields_alone,
    fit_plain,
    title_alone,
    train_players,
)
from fitting.training.loop import Plan, Stage

SHAPE = ProfileConfig(embedding=12, noise=4, width=24)
PLAN = ProfilePlan(Plan((Stage(60, 24, (1, 1)),), learning_rate=3e-3, warmup=5, ema=0.9), alone=5)
NAMES = ("white", "navy", "red", "olive", "pink", "charcoal")
CUTS = (("tee", "short"), ("sweater", "long"), ("tank", "sleeveless"))


@pytest.fixture(scope="module")
def described() -> Described:
    """Tops whose embeddings are a linear picture of what is said of them, with a little of what is not."""
    random = np.random.default_rng(0)
    said = [
        Description(Category.UPPER, f"{first} and {second} {cut}", (first, second), "plain", sleeve, "crew")
        for first in NAMES
        for second in NAMES
        for cut, sleeve in CUTS
        if first != second
    ]
    given = np.stack([numbers(one) for one in said])
    embeddings = given @ random.standard_normal((WIDTH, 12)) + 0.2 * random.standard_normal((len(said), 12))
    unit = torch.from_numpy(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).float()
    return Described([f"sample/{place}" for place in range(len(said))], said, unit)


@pytest.fixture(scope="module")
def start(described: Described) -> Profiles:
    return fit_plain(described, SHAPE)


def test_a_title_says_what_the_fields_say() -> None:
    fields = Description(Category.UPPER, "Top", ("navy",), "horizontal stripes", "long", "V")
    title = Description(Category.UPPER, "Navy striped V-neck long-sleeve top")
    one, other = numbers(fields), numbers(title)
    assert one.shape == (WIDTH,) and np.isfinite(one).all()
    assert np.linalg.norm(one - other) < 0.5 * np.linalg.norm(one)
    far = numbers(Description(Category.LOWER, "Pink floral mini skirt"))
    assert np.linalg.norm(one - other) < 0.5 * np.linalg.norm(one - far)


def test_nothing_said_but_the_category_is_zero() -> None:
    found = numbers(Description(Category.DRESS))
    assert found.sum() == 1 and found[2] == 1


@pytest.mark.parametrize(
    ("name", "near"), [("pale lilac", "lavender"), ("dark green", "forest"), ("Silver grey", "ash")]
)
def test_colours_lie_where_they_are_seen(name: str, near: str) -> None:
    meant, other, far = colour_meant(name), colour_meant(near), colour_meant("scarlet")
    assert meant is not None and other is not None and far is not None
    assert np.linalg.norm(meant - other) < 0.5 * np.linalg.norm(meant - far)


def test_an_unknown_name_is_no_colour() -> None:
    assert colour_meant("fancy") is None
    assert colour_named((250, 250, 250)) == "white" and colour_named((30, 38, 72)) == "navy"


def test_two_colours_are_named_where_there_are_two() -> None:
    picture, mask = torch.full((40, 40, 3), 250, dtype=torch.uint8), torch.full((40, 40), 255, dtype=torch.uint8)
    assert colours(picture, mask) == ("white",)
    picture[:16] = torch.tensor([30, 38, 72], dtype=torch.uint8)
    assert colours(picture, mask) == ("white", "navy")
    assert titled(Description(Category.UPPER, "tee", colours(picture, mask))).title == "White and navy tee"


def test_both_alternatives_foretell_what_is_linear(described: Described, start: Profiles) -> None:
    said = described.numbers()
    for served in ("linear", "neighbours"):
        found = start.profile(said, served)
        torch.testing.assert_close(found.norm(dim=1), torch.ones(len(said)), atol=1e-3, rtol=0)
        assert beaten(found, described.embeddings, np.arange(len(said))).mean() > 0.8


def test_the_generator_begins_with_the_linear_guess_and_learns(described: Described, start: Profiles) -> None:
    trained = train_players(described, start, PLAN)
    said, own = described.numbers(), np.arange(len(described))
    assert beaten(trained.profile(said, "generator"), described.embeddings, own).mean() > 0.8
    drawn = trained.draws(said[:4], 8)
    assert drawn.shape == (4, 8, 12) and not torch.allclose(drawn[:, 0], drawn[:, 1])
    torch.testing.assert_close(trained.profile(said[:4], "generator"), trained.profile(said[:4], "generator"))


def test_a_resumed_run_is_the_same(described: Described, start: Profiles, tmp_path: Path) -> None:
    plan = replace(PLAN, plan=replace(PLAN.plan, stages=(Stage(12, 16, (1, 1)),)))
    whole = train_players(described, start, plan)
    train_players(described, start, plan, folder=tmp_path, minutes=0)
    resumed = train_players(described, start, plan, folder=tmp_path, resume=True)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    with pytest.raises(ValueError, match="another plan"):
        train_players(described, start, replace(plan, seeking=0.5), folder=tmp_path, resume=True)


def test_batches_hold_descriptions_told_in_part(described: Described) -> None:
    source = Source(described)
    said, real = source.batch(3, 64)
    assert said.shape == (64, WIDTH) and real.shape == (64, 12)
    assert torch.equal(said, source.batch(3, 64)[0]) and not torch.equal(said, source.batch(4, 64)[0])
    one = described.said[0]
    assert title_alone(one).colours == () and fields_alone(one).title == ""


def test_what_is_loaded_is_what_was_saved(described: Described, start: Profiles, tmp_path: Path) -> None:
    weights.save(start, tmp_path / "profiles")
    weights.record("profiles", tmp_path)
    said = described.numbers()
    for served in ("generator", "linear", "neighbours"):
        assert torch.equal(Profiles.load(tmp_path).profile(said, served), start.profile(said, served))


def test_profiles_of_another_network_are_not_used(start: Profiles, tmp_path: Path) -> None:
    assert Profiles.fitting("first", tmp_path) is None
    made = Profiles(replace(start.config, network="first"))
    weights.save(made, tmp_path / "profiles")
    weights.record("profiles", tmp_path)
    assert Profiles.fitting("first", tmp_path) is not None
    assert Profiles.fitting("second", tmp_path) is None


def test_only_what_can_be_served_may_be_asked_for() -> None:
    with pytest.raises(ValueError, match="served must be one of"):
        ProfileConfig(served="oracle")


class Describing(FakeLooks):
    """Looks that can also describe: by untrained profiles, which are as good as any here."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self._profiles = Profiles(ProfileConfig(served="linear", network="first")).eval()


PRODUCTS = """id,title,category,picture,colours
red-top,Red top,upper,red.png,red
gone,Navy tee,,gone.png,navy
none,Linen trousers,lower,,sand
blank,Grey jumper,upper,black.png,grey
vague,Something nice,,,
"""


def test_items_without_pictures_are_imported_by_what_is_said(files: Path, store: Store, tmp_path: Path) -> None:
    looks = Describing(tmp_path / "shop")
    imported = Import(store, looks, write(files / "p.csv", PRODUCTS), workers=2)
    report = imported.run()
    assert (report.new, report.looked, report.pictureless, report.refused) == (4, 1, 3, 1)
    reasons = {problem.name: problem.reason for problem in report.problems["p.csv"]}
    assert reasons["gone"].startswith("imported without a picture: picture 'gone.png' does not exist")
    assert reasons["none"] == "imported without a picture: picture is missing"
    assert reasons["blank"] == "imported without a picture: This picture shows no garment."
    assert reasons["vague"] == "picture is missing"
    items, vectors = store.items(looks.pictures)
    assert [item.described for item in items] == [False, True, True, True]
    assert [item.category for item in items[1:]] == [Category.UPPER, Category.LOWER, Category.UPPER]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    for item in items:
        assert item.picture.is_file()
    look = store.look_of("none")
    assert look is not None and look.described
    with pytest.raises(GarmentError, match="cannot be tried on"):
        looks.garment(look)
    assert "no picture" in NO_PICTURE
    again = imported.run()
    assert (again.unchanged, again.pictureless) == (4, 3)


def test_checking_a_file_tells_which_rows_would_be_without_a_picture(files: Path) -> None:
    path = write(files / "p.csv", PRODUCTS)
    report = Report()
    assert check_products(path, None, report, pictureless=True) == 4  # the networks have not looked at the black one
    assert (report.pictureless, report.refused) == (2, 1)
    report = Report()
    assert check_products(path, None, report) == 2 and report.refused == 3


def test_a_picture_that_comes_later_takes_the_drawing_s_place(files: Path, store: Store, tmp_path: Path) -> None:
    looks = Describing(tmp_path / "shop")
    Import(store, looks, write(files / "p.csv", "id,title,category,picture\na,Green tee,upper,\n")).run()
    report = Import(
        store, looks, write(files / "q.csv", "id,title,category,picture\na,Green tee,upper,green.png\n")
    ).run()
    assert (report.changed, report.pictureless) == (1, 0)
    (item,), _ = store.items(looks.pictures)
    assert not item.described


def test_without_weights_a_row_needs_a_picture(files: Path, store: Store, tmp_path: Path) -> None:
    with pytest.raises(NothingUsableError):
        Import(store, FakeLooks(tmp_path / "shop"), write(files / "p.csv", "id,title,picture\na,Tee,\n")).run()
    with pytest.raises(ValueError, match="nothing to describe"):
        FakeLooks(tmp_path / "shop").describe(Description(Category.UPPER))


@pytest.mark.parametrize(
    ("title", "category"),
    [("Linen trousers", Category.LOWER), ("Denim shirt dress", None), ("Wool coat", Category.OUTER), ("Nice", None)],
)
def test_a_title_names_a_category_or_none(title: str, category: Category | None) -> None:
    assert named_category(title) is category


def test_a_placeholder_is_drawn_for_every_category() -> None:
    drawn = [placeholder(category) for category in Category]
    assert all(isinstance(picture, Image.Image) and picture.size == (480, 640) for picture in drawn)
    assert len({picture.tobytes() for picture in drawn}) == len(Category)
