"""Splits are read as published, and rankings are scored by the book."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from fitting.evaluation import recommender
from fitting.evaluation.contenders import blend, choose, choose_weights, gain, make_ease, popularity
from fitting.evaluation.interactions import Split, hold_out, load_splits
from fitting.evaluation.players import PLAN, ground, stop_early, turned
from fitting.evaluation.ranking_metrics import metrics, score_split, top
from fitting.evaluation.recommender import evaluate_into, measure


def matrix(rows: list[list[int]]) -> sparse.csr_array:
    return sparse.csr_array(np.array(rows, np.float32))


ALS = {"factors": 4, "regularization": 1.0, "alpha": 4.0}


def two_tastes(users: int = 60, items: int = 20, seed: int = 0) -> sparse.csr_array:
    """Users like even or odd items, and some of them by chance another."""
    random = np.random.default_rng(seed)
    likes = random.random((users, items)) < np.where((np.arange(users)[:, None] + np.arange(items)) % 2, 0.5, 0.05)
    return sparse.csr_array(likes.astype(np.float32))


def test_metrics_by_hand() -> None:
    scores = np.array([[0.9, 0.8, 0.7, 0.6, 0.5]], np.float32)
    wanted = matrix([[0, 1, 0, 0, 1]])
    found = metrics(top(scores, 3), scores, wanted, (1, 3))
    assert found["P@1"][0] == 0
    assert found["MRR@1"][0] == 0
    assert found["P@3"][0] == pytest.approx(1 / 3)
    assert found["R@3"][0] == pytest.approx(1 / 2)
    assert found["MRR@3"][0] == found["MRR"][0] == pytest.approx(1 / 2)
    gain, ideal = 1 / np.log2(3), 1 + 1 / np.log2(3)  # two are wanted: the ideal list holds two
    assert found["NDCG@3"][0] == pytest.approx(gain / ideal)


def test_ties_are_no_merit() -> None:
    scores = np.zeros((1, 11), np.float32)
    found = metrics(top(scores, 3), scores, matrix([[0] * 10 + [1]]), (3,))
    assert found["MRR"][0] == pytest.approx(1 / 6)
    assert found["P@3"][0] == 0


def test_what_was_trained_on_is_never_ranked() -> None:
    train, test = matrix([[1, 0, 0, 0], [0, 1, 0, 0]]), matrix([[0, 0, 1, 0], [0, 0, 0, 0]])
    split = Split("small", train, test, (1, 2))
    values, lists = score_split(split, popularity(matrix([[3, 2, 1, 0], [3, 2, 1, 0]])))
    assert lists.tolist() == [[1, 2]]  # the second user has nothing to find
    assert values["P@2"].tolist() == [0.5]


def test_splits_are_read(tmp_path: Path) -> None:
    def write(name: str, text: str) -> None:
        path = tmp_path / "recommend" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()))

    write("ml100k_cfgan/train.tsv.gz", "0 0 1.0\n1 1 5.0\n1 2 2.0\n")
    write("ml100k_cfgan/test.tsv.gz", "0 2 3.0\n")
    write("ml100k_irgan/train.tsv.gz", "0\t0\t5\n0\t1\t3\n1\t1\t4\n")
    write("ml100k_irgan/test.tsv.gz", "1\t0\t4\n0\t1\t2\n")
    write("ml1m/train.lists.gz", "0 2 1\n1 0\n")
    write("ml1m/test.lists.gz", "0 0\n1 2\n")
    found = {split.name: split for split in load_splits(tmp_path)}
    assert list(found) == ["ml100k_cfgan", "ml100k_irgan", "ml1m"]
    assert found["ml100k_cfgan"].train.toarray().tolist() == [[1, 0, 0], [0, 1, 1]]
    assert found["ml100k_irgan"].train.toarray().tolist() == [[1, 0], [0, 1]]  # only ratings of 4 and 5
    assert found["ml100k_irgan"].test.toarray().tolist() == [[0, 0], [1, 0]]
    assert found["ml1m"].train.toarray().tolist() == [[0, 1, 1], [1, 0, 0]]


def test_hyper_parameters_see_nothing_of_the_test_set() -> None:
    kept, held = hold_out(two_tastes(), 0.3)
    part = Split("small", kept, held).to_choose
    assert (part.train + part.test != kept).nnz == 0
    assert part.train.multiply(part.test).nnz == 0
    published = Split("small", kept, held, chosen=two_tastes(seed=3))
    assert published.to_choose.train is kept
    assert published.to_choose.test is published.chosen


def test_choosing_and_blending_do_not_lose_to_one_model() -> None:
    kept, held = hold_out(two_tastes(), 0.3)
    split = Split("small", kept, held, (3, 5))
    chosen = choose(split, make_ease, {"penalty": (1.0, 1e6)})
    part = split.to_choose
    scorers = [popularity(part.train), make_ease(part.train, chosen["penalty"])]
    weights = choose_weights([part], [scorers], 1)
    alone, both = (measure(part, [scorer])["NDCG@5"] for scorer in (scorers[1], blend(scorers, weights)))
    assert both["mean"] >= alone["mean"]
    assert alone["low"] <= alone["mean"] <= alone["high"]


def test_features_without_pictures_are_of_unit_length_and_hold_taste() -> None:
    pytest.importorskip("implicit", reason="implicit is in the train extra")
    known = ground(two_tastes(), ALS)
    assert known.features.shape == (20, 5)
    for features in (known.features.numpy(), *(fold.features.numpy() for fold in known.folds)):
        np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-5)
    likeness = known.features[:, :-1].numpy() @ known.features[:, :-1].numpy().T
    same = np.add.outer(np.arange(20), np.arange(20)) % 2 == 0
    np.fill_diagonal(likeness, np.nan)
    assert np.nanmean(likeness[same]) > np.nanmean(likeness[~same])


def test_folds_hide_each_interaction_once_and_share_a_space() -> None:
    pytest.importorskip("implicit", reason="implicit is in the train extra")
    whole = two_tastes()
    known = ground(whole, ALS)
    assert (sum(fold.hidden for fold in known.folds) != whole).nnz == 0
    for fold in known.folds:
        assert fold.told.multiply(fold.hidden).nnz == 0
        assert (fold.features * known.features).sum(1).mean() > 0.7  # two tastes, and two dimensions of chance
    random = np.random.default_rng(0)
    vectors, turn = random.normal(size=(20, 4)), np.linalg.qr(random.normal(size=(4, 4)))[0]
    np.testing.assert_allclose(turned(3 * vectors @ turn, vectors), vectors, atol=1e-9)


def test_players_learn_from_folds_and_stop_where_it_served_best() -> None:
    pytest.importorskip("implicit", reason="implicit is in the train extra")
    part = Split("small", *hold_out(two_tastes(), 0.3), (3, 5))
    known = ground(part.train, ALS)
    plan = replace(PLAN, adversarial=0.2, alone=2).with_steps(50)
    players, steps, curve = stop_early([known], [part], plan, gain)
    assert len(curve) == 2 and steps in (0, 50)
    assert gain(part, players[0].generator) == pytest.approx(max(curve))
    assert np.isfinite(players[0].discriminator(np.arange(3))).all()


def test_a_stopped_evaluation_keeps_the_sets_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    splits = [Split(name, *hold_out(two_tastes(), 0.3)) for name in ("one", "two")]
    report = tmp_path / "numbers.json"
    report.write_text('{"earlier": 1}')

    def measured(split: Split, seeds: int) -> dict[str, int]:
        if split.name == "two":
            raise KeyboardInterrupt
        return {"seeds": seeds}

    monkeypatch.setattr(recommender, "load_splits", lambda data: splits)
    monkeypatch.setattr(recommender, "evaluate_split", measured)
    with pytest.raises(KeyboardInterrupt):
        evaluate_into(report, tmp_path, seeds=3)
    assert json.loads(report.read_text()) == {"earlier": 1, "one": {"seeds": 3}}
