"""The recommender: what it learns, what it never shows, and that it does the same again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from fitting import weights
from fitting.catalogue import Catalogue
from fitting.cli import app
from fitting.collaborative import Ease, ItemKnn, RandomWalk
from fitting.condition import TasteConfig
from fitting.evaluation.interactions import hold_out
from fitting.events import Event, EventKind
from fitting.garment import Category
from fitting.histories import History, conditions, histories, interactions
from fitting.item import Item
from fitting.monitors import variance_per_condition
from fitting.ranking import diversified, draw
from fitting.reasons import reasons
from fitting.recommend import Taste, density
from fitting.recommender import Recommendation, Recommender, Request, because
from fitting.sample import FOLDER
from fitting.training.candidates import Candidates, some_chosen
from fitting.training.choices import Fold, Sets, Visits, in_view
from fitting.training.loop import Plan, Stage
from fitting.training.recommend import RecommendGame, RecommendPlan, train_taste
from fitting.training.recommend_shop import cut, gains, purchases, read_shop, shop_data, train_shop

DAY = 86400.0
NOW = 400 * DAY
SHAPE = TasteConfig(given=12, feature=8, noise=4, width=32, token=16, heads=2, dropout=0.1)
PLAN = RecommendPlan(
    Plan(stages=(Stage(80, 32, (1, 1)),), learning_rate=5e-3, warmup=10, ema=0.9), adversarial=0.2, drop=0.2
)
KINDS = (Category.UPPER, Category.LOWER)


def board(items: int = 32) -> Catalogue:
    """Tops and trousers by turns; every other pair is black, the rest white, which shows in the embedding."""
    random = np.random.default_rng(0)
    vectors = 0.35 * random.standard_normal((items, 12)).astype(np.float32)
    vectors[:, 0] += [1.0 if black(place) else -1.0 for place in range(items)]
    vectors[:, 1] += [1.0 if place % 2 else -1.0 for place in range(items)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    made = [
        Item(f"item-{place}", f"Item {place}", KINDS[place % 2], Path(f"{place}.jpg"), added=0.0, stock=3)
        for place in range(items)
    ]
    return Catalogue(made, "", vectors)


def black(place: int) -> bool:
    return place // 2 % 2 == 0


def checkered(items: int = 32, shoppers: int = 60) -> list[Event]:
    """Every shopper buys one colour alone."""
    random = np.random.default_rng(1)
    events = []
    for shopper in range(shoppers):
        mine = [place for place in range(items) if black(place) == (shopper % 2 == 0)]
        for day, place in enumerate(random.choice(mine, 6, replace=False)):
            at = (day + 1) * 20 * DAY + shopper
            events.append(Event(f"s{shopper}", f"item-{place}", EventKind.BOUGHT, at))
    return events


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return board()


@pytest.fixture(scope="module")
def taste(catalogue: Catalogue) -> Taste:
    return train_shop(shop_data(catalogue, checkered()), PLAN, shape=SHAPE)


@pytest.fixture()
def recommender(taste: Taste, catalogue: Catalogue) -> Recommender:
    return Recommender(taste, catalogue, checkered())


def ids(found: list[Recommendation]) -> list[str]:
    return [entry.item.id for entry in found]


def place_of(entry: Recommendation) -> int:
    return int(entry.item.id.removeprefix("item-"))


def test_a_checkerboard_is_recommended_back(recommender: Recommender) -> None:
    right = [
        black(place_of(entry)) == (shopper % 2 == 0)
        for shopper in range(20)
        for entry in recommender.recommend(Request(f"s{shopper}", count=5), NOW, explain=False)
    ]
    assert np.mean(right) > 0.95


def test_the_generator_alone_finds_the_colour_of_a_new_shopper(taste: Taste, catalogue: Catalogue) -> None:
    # Nobody else's orders: the linear model has nothing to say.
    one = [Event("new", "item-0", EventKind.BOUGHT, 0.0), Event("new", "item-5", EventKind.LIKED, 1.0)]
    found = Recommender(taste, catalogue, one).recommend(Request("new", count=6), NOW, explain=False)
    other = [Event("new", "item-2", EventKind.BOUGHT, 0.0), Event("new", "item-7", EventKind.LIKED, 1.0)]
    found_other = Recommender(taste, catalogue, other).recommend(Request("new", count=6), NOW, explain=False)
    assert sum(black(place_of(entry)) for entry in found) > sum(black(place_of(entry)) for entry in found_other)


def test_what_was_bought_or_turned_down_is_never_shown(recommender: Recommender) -> None:
    recommender.note(Event("s1", "item-3", EventKind.DISLIKED, NOW))
    mine = {event.item for event in checkered() if event.shopper == "s1"} | {"item-3"}
    shown = ids(recommender.recommend(Request("s1", count=100), NOW, explain=False))
    assert len(shown) == len(set(shown)) == 32 - len(mine)
    assert not mine & set(shown)


def test_only_the_wanted_category_and_what_is_in_stock(taste: Taste, catalogue: Catalogue) -> None:
    sold_out = [replace(item, stock=0) if item.id == "item-4" else item for item in catalogue]
    shop = Recommender(taste, Catalogue(sold_out, "", catalogue.vectors), checkered())
    found = shop.recommend(Request("s1", category=Category.UPPER, count=100), NOW, explain=False)
    assert {entry.item.category for entry in found} == {Category.UPPER}
    assert "item-4" not in ids(found)


def test_the_same_seed_gives_the_same_list_and_a_batch_what_one_gives(recommender: Recommender) -> None:
    asked = [Request(f"s{n}", viewed="item-1" if n % 2 else None, seed=n) for n in range(6)]
    together = [ids(found) for found in recommender.recommend_all(asked, NOW, explain=False)]
    assert together == [ids(recommender.recommend(request, NOW, explain=False)) for request in asked]


def test_what_is_loaded_recommends_what_was_saved(taste: Taste, catalogue: Catalogue, tmp_path: Path) -> None:
    weights.save(taste, tmp_path / "recommender")
    weights.record("recommender", tmp_path)
    loaded = Recommender.load(catalogue, checkered(), tmp_path)
    assert loaded.taste.config == taste.config
    before = Recommender(taste, catalogue, checkered()).recommend(Request("s3"), NOW)
    after = loaded.recommend(Request("s3"), NOW)
    assert [(entry.item.id, entry.score) for entry in before] == [(entry.item.id, entry.score) for entry in after]


def test_a_new_row_is_served_without_training(taste: Taste, catalogue: Catalogue) -> None:
    new = Item("new", "New", Category.UPPER, Path("new.jpg"), added=NOW)
    vectors = np.concatenate([catalogue.vectors, catalogue.vectors[:1]])  # looks like the first, which is black
    shop = Recommender(taste, Catalogue([*catalogue, new], "", vectors), checkered())
    shown = {shopper: ids(shop.recommend(Request(f"s{shopper}", count=8), NOW, explain=False)) for shopper in (0, 1)}
    assert "new" not in shown[1]
    assert "new" in ids(shop.recommend(Request("s0", category=Category.UPPER, count=16), NOW, explain=False))


def test_a_newcomer_is_served(recommender: Recommender) -> None:
    found = recommender.recommend(Request(count=5), NOW)
    assert len(found) == 5
    assert all(entry.reasons == () for entry in found)


def test_the_shelves_hold_the_other_category_and_the_same(recommender: Recommender) -> None:
    shelves = recommender.shelves(Request("s0", viewed="item-1", count=4), NOW, explain=False)
    assert {entry.item.category for entry in shelves.goes_with} == {Category.UPPER}
    assert {entry.item.category for entry in shelves.also_like} == {Category.LOWER}
    assert "item-1" not in ids(shelves.also_like)


def test_nothing_is_shown_with_a_dress_that_is_not_worn_with_one(taste: Taste, catalogue: Catalogue) -> None:
    kinds = (Category.UPPER, Category.LOWER, Category.DRESS, Category.OUTER)
    mixed = [replace(item, category=kinds[place % 4]) for place, item in enumerate(catalogue)]
    shop = Recommender(taste, Catalogue(mixed, "", catalogue.vectors), checkered())
    beside = [
        {entry.item.category for entry in shop.shelves(Request("s0", f"item-{place}", count=20), NOW, False).goes_with}
        for place in range(4)
    ]
    assert Category.DRESS not in beside[0] | beside[1]
    assert beside[2] == {Category.OUTER}
    assert beside[3] == {Category.UPPER, Category.LOWER, Category.DRESS}


def test_an_unknown_item_in_view_is_the_callers_mistake(recommender: Recommender) -> None:
    with pytest.raises(KeyError):
        recommender.recommend(Request(viewed="nothing"), NOW)


def test_search_in_a_large_catalogue_finds_the_same_colour(
    recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = ids(recommender.recommend(Request("s0", count=4), NOW, explain=False))
    monkeypatch.setattr("fitting.recommender.SMALL", 1)
    searched = recommender.recommend(Request("s0", count=4), NOW, explain=False)
    assert ids(searched) == everything


def test_reasons_are_of_the_shoppers_own_history(recommender: Recommender, catalogue: Catalogue) -> None:
    found = recommender.recommend(Request("s0", count=6), NOW)
    own = {event.item for event in checkered() if event.shopper == "s0"}
    given = [reason for entry in found for reason in entry.reasons]
    assert given
    assert {reason.item for reason in given} <= own
    assert all(reason.drop > 0 and 0 <= reason.attention <= 1 for reason in given)
    assert because(given[0], catalogue).startswith("because you bought Item ")


def test_a_reason_must_beat_random_removal() -> None:
    history = History(np.arange(6), np.full(6, 4), np.arange(6.0))
    attention = np.full(6, 1 / 6)

    def one_item_counts(kept: np.ndarray) -> np.ndarray:
        return kept[:, [2]].astype(float)

    (why,) = reasons(one_item_counts, history, attention)
    assert [reason.item for reason in why] == ["2"]

    def all_count_alike(kept: np.ndarray) -> np.ndarray:
        return kept.sum(1, keepdims=True).astype(float)

    assert reasons(all_count_alike, history, attention) == [()]


def test_the_noise_matters_and_so_does_the_condition(taste: Taste, catalogue: Catalogue) -> None:
    features = taste.features(torch.from_numpy(catalogue.vectors))
    found = histories(checkered(), {item.id: place for place, item in enumerate(catalogue)})
    pair = [found["s0"], found["s1"]]
    with torch.inference_mode():
        drawn = draw(taste, conditions(pair, [NOW, NOW], features), 64, 0)
    assert (variance_per_condition(drawn) > 1e-4).all()
    scores = density(drawn, features, taste.generator.sharpness)
    colour = torch.tensor([black(place) for place in range(32)])
    assert scores[0, colour].mean() - scores[0, ~colour].mean() > 0
    assert scores[1, colour].mean() - scores[1, ~colour].mean() < 0


@pytest.mark.parametrize("objective", ["minimax", "hinge", "wgan-gp"])
def test_every_objective_trains_and_a_resumed_run_is_the_same(
    objective: str, catalogue: Catalogue, tmp_path: Path
) -> None:
    features = torch.from_numpy(catalogue.vectors)[:, :8]
    data = shop_data(catalogue, checkered())
    source = Visits(data.found, features / features.norm(dim=1, keepdim=True), data.categories)
    plan = replace(PLAN, objective=objective).with_steps(12)
    whole = train_taste(source, SHAPE, plan)
    train_taste(source, SHAPE, plan, folder=tmp_path, minutes=0)
    resumed = train_taste(source, SHAPE, plan, folder=tmp_path, resume=True)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    with pytest.raises(ValueError, match="another plan"):
        train_taste(source, SHAPE, replace(plan, drop=0.5), folder=tmp_path, resume=True)


def test_looking_at_the_players_does_not_disturb_the_game(catalogue: Catalogue) -> None:
    data = shop_data(catalogue, checkered())
    source = Visits(data.found, torch.eye(32)[:, :8].contiguous(), data.categories)
    watched, alone = (RecommendGame(source, SHAPE, PLAN) for _ in range(2))
    for step in range(3):
        watched.step(step)
        alone.step(step)
        seen = watched.taste().discriminator
    for name, value in alone.game.discriminator.state_dict().items():
        assert torch.equal(value, watched.game.discriminator.state_dict()[name]), name
    norm = torch.linalg.matrix_norm(seen.body[2].weight, 2)
    assert norm < 1.5  # about 1, as spectral norm would have it


def test_a_condition_never_holds_what_was_chosen(catalogue: Catalogue) -> None:
    data = shop_data(catalogue, checkered())
    features = torch.eye(32)
    choices = Visits(data.found, features, data.categories).batch(3, 64)
    assert not (choices.condition.items * features[choices.chosen][:, None]).any()
    matrix = interactions(list(data.found), 32)
    told, hidden = hold_out(matrix, 0.3)
    sets = Sets([Fold(told, hidden, features)], features, lost=0).batch(3, 64)
    held = sets.condition.items.sum(1)
    assert not held[sets.rows, sets.items].any()
    assert held[sets.known_rows, sets.known_items].all()


def test_dropping_blocks_makes_newcomers_of_some(catalogue: Catalogue) -> None:
    features = torch.from_numpy(catalogue.vectors)
    data = shop_data(catalogue, checkered())
    condition = conditions(list(data.found), [NOW] * 60, features, [0] * 60, [1] * 60)
    dropped = condition.dropped(0.5, torch.Generator().manual_seed(0))
    for block in (dropped.present.any(1), dropped.viewed.any(1), dropped.category > 0):
        assert 10 < block.sum() < 50
    assert not dropped.items[~dropped.present].any()


def test_contrastive_term_prefers_draws_at_what_was_chosen(catalogue: Catalogue) -> None:
    features = torch.nn.functional.normalize(torch.randn(32, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    data = shop_data(catalogue, checkered())
    source = Visits(data.found, features, data.categories)
    choices = source.batch(0, 8)
    shelf = Candidates(source.features, choices, 100, torch.Generator().manual_seed(0))
    near, sharpness = source.features[choices.chosen][:, None], torch.tensor(10.0)
    assert shelf.contrastive(near, sharpness) < shelf.contrastive(-near, sharpness)
    assert shelf.contrastive(near, sharpness, top=8) < shelf.contrastive(near, sharpness)  # against fewer
    assert shelf.contrastive(-near, sharpness, top=8) == 0  # nothing of what was chosen is among the first


@pytest.mark.parametrize("most", [100, 5])
def test_draws_are_served_as_items_that_nothing_is_told_of(catalogue: Catalogue, most: int) -> None:
    data = shop_data(catalogue, checkered())
    source = Visits(data.found, torch.eye(32), data.categories)
    choices = source.batch(0, 16)
    random = torch.Generator().manual_seed(0)
    shelf = Candidates(source.features, choices, most, random)
    drawn = torch.randn(16, 3, 32, generator=random, requires_grad=True)
    served = shelf.served(drawn, torch.tensor(5.0), random)
    items = served.argmax(2)
    torch.testing.assert_close(served, source.features[items], atol=1e-5, rtol=0)
    assert not any((items[choices.known_rows] == choices.known_items[:, None]).any(1))
    served.square().sum().backward()
    assert drawn.grad is not None and drawn.grad.any()


def test_some_of_what_was_chosen_belongs_to_the_shopper(catalogue: Catalogue) -> None:
    matrix = interactions(list(shop_data(catalogue, checkered()).found), 32)
    choices = Sets([Fold(*hold_out(matrix, 0.3), torch.eye(32))], torch.eye(32)).batch(0, 16)
    picked = some_chosen(choices, 5, torch.Generator().manual_seed(0))
    for row in range(16):
        assert set(picked[row].tolist()) <= set(choices.items[choices.rows == row].tolist())


def test_training_can_be_watched_from_its_start_and_stopped_there(catalogue: Catalogue) -> None:
    data = shop_data(catalogue, checkered())
    source = Visits(data.found, torch.eye(32)[:, :8].contiguous(), data.categories)
    seen: list[int] = []
    taste = train_taste(source, SHAPE, PLAN, steps=0, watch=lambda step, _: seen.append(step))
    assert seen == [0]
    start = RecommendGame(source, SHAPE, PLAN).taste()
    assert all(torch.equal(value, start.state_dict()[name]) for name, value in taste.state_dict().items())


def test_the_discriminator_may_learn_alone_first(catalogue: Catalogue) -> None:
    data = shop_data(catalogue, checkered())
    source = Visits(data.found, torch.eye(32)[:, :8].contiguous(), data.categories)
    game = RecommendGame(source, SHAPE, replace(PLAN, alone=2))
    before = game.generator.leave.weight.clone()
    reports = [game.step(step) for step in range(3)]
    assert ["contrastive" in report for report in reports] == [False, False, True]
    assert not torch.equal(before, game.generator.leave.weight)


def test_linear_models_find_what_goes_together() -> None:
    events = [
        Event(f"s{n}", f"item-{n % 2 + 2 * k}", EventKind.BOUGHT, k) for n in range(20) for k in range(4) if n % 5 != k
    ]
    found = histories(events, {f"item-{place}": place for place in range(8)})
    matrix = interactions(list(found.values()), 8)
    row = interactions([History(np.array([0, 2]), np.array([4, 4]), np.zeros(2))], 8)
    for model in (Ease(matrix, 1.0), ItemKnn(matrix, 4, 0.0), RandomWalk(matrix, 4)):
        scores = model.scores(row)[0]
        assert min(scores[[4, 6]]) > max(scores[[1, 3, 5, 7]])
        part = model.scores_of(np.array([0, 2]), np.ones(2, np.float32), np.array([1, 4]))
        np.testing.assert_allclose(part, scores[[1, 4]], rtol=1e-5)


def test_diversified_prefers_what_is_unlike_what_is_shown() -> None:
    features = np.array([[1.0, 0], [1, 0], [0, 1]])
    scores = np.array([1.0, 0.95, 0.9])
    assert diversified(scores, features, 2, 0.0).tolist() == [0, 1]
    assert diversified(scores, features, 2, 0.2).tolist() == [0, 2]


def test_purchases_come_with_what_was_before_the_visit() -> None:
    at = np.array([0.0, 5 * DAY, 5 * DAY + 60, 5 * DAY + 90])
    history = History(np.array([1, 2, 3, 3]), np.array([4, 0, 0, 4]), at)
    (case,) = purchases([history], DAY)
    assert case.item == 3
    assert case.past.items.tolist() == [1, 2]
    assert case.start == 5 * DAY
    assert DAY < cut([history], 0.5) < 5 * DAY + 90


@pytest.fixture(scope="module")
def sample_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights for the sample shop, as good as untrained."""
    shape = replace(SHAPE, given=128, feature=16)
    taste = Taste(shape)
    taste.learn_whitening(torch.randn(60, 128, generator=torch.Generator().manual_seed(0)))
    folder = tmp_path_factory.mktemp("weights")
    weights.save(taste, folder / "recommender")
    weights.record("recommender", folder)
    return folder


def test_the_command_recommends_from_the_sample_shop(sample_weights: Path, tmp_path: Path) -> None:
    options = ["recommend", "--shop", str(tmp_path / "shop"), "--weights", str(sample_weights), "-n", "3"]
    written = tmp_path / "found.json"
    result = CliRunner().invoke(app, [*options, "--shopper", "simulated-0494", "--json", str(written)])
    assert result.exit_code == 0, result.output
    found = json.loads(written.read_text())
    assert len(found["items"]) == 3
    assert found["shopper"] == "simulated-0494"
    assert all(entry["id"] in result.output for entry in found["items"])
    wrong = CliRunner().invoke(app, [*options, "--viewed", "nothing"])
    assert wrong.exit_code == 2
    assert "the shop has no item 'nothing'" in " ".join(wrong.output.replace("│", " ").split())


def test_training_needs_a_shop(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", "recommender", "--data", str(tmp_path), "--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert "holds no shop" in result.output


def test_the_sample_shop_is_read_as_it_ships() -> None:
    catalogue, events = read_shop(FOLDER)
    assert catalogue.vectors.shape == (len(catalogue), 128)
    assert {event.item for event in events} <= {item.id for item in catalogue}
    data = shop_data(catalogue, events)
    later = purchases(data.found, cut(data.found, 0.1))
    assert later
    assert all(case.item not in case.past.items for case in later)


@torch.inference_mode()
def test_what_ships_draws_more_than_one_thing_and_minds_whom_it_is_told_of() -> None:
    taste = weights.load(Taste, "recommender").eval()
    data = shop_data(*read_shop(FOLDER))
    cases = [case for case in purchases(data.found, cut(data.found, 0.05)) if len(case.past)][:40]
    features = taste.features(data.embeddings)
    past, at = [case.past for case in cases], [case.at for case in cases]
    told = conditions(past, at, features, [in_view(*both) for both in zip(past, at, strict=True)])
    drawn = draw(taste, told, 128, 0)
    nearest = (drawn @ features.T).argmax(2)
    assert np.mean([len(row.unique()) for row in nearest]) > 3, "the noise matters"
    assert len(nearest.unique()) > 30, "and so does the shopper"


def test_equal_scores_do_not_count_as_found() -> None:
    (case,) = purchases([History(np.array([1, 40]), np.array([4, 4]), np.array([0.0, 5 * DAY]))], DAY)
    hit, gain = gains(np.zeros((1, 72)), [case])
    assert hit.tolist() == [0.0]
    assert gain.tolist() == [0.0]
