"""Fit notes: what is learned from, both ways of learning, what may be shown, and summaries that invent nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from shopping import PRODUCTS, write

from fitting import weights
from fitting.errors import ShopError
from fitting.evaluation.reviews import Judge, compared, nll
from fitting.evaluation.text_metrics import Copied, References, bleu, self_bleu
from fitting.garment import Category
from fitting.importing import Import
from fitting.note_net import END, LONGEST, UNKNOWN, About, NoteConfig, NoteDiscriminator, NoteGenerator, likelihood
from fitting.notes import NoteWriter, Review, sentence, showable, suits, summary
from fitting.store import Store
from fitting.training.loop import Plan, Stage
from fitting.training.reviews import NoteGame, NotePlan, NoteSource, train_adversarial, train_likelihood
from fitting.training.reviews_data import Note, band, read_notes, sentences, tensors, vocabulary

GOOD = ("the fit is lovely .", "very soft and comfortable fabric .", "true to size and flattering !")
BAD = ("the fit is awful .", "very thin and scratchy fabric .", "runs small and boxy .")
SHAPE = NoteConfig(token=12, width=24, about=8, filters=6, dropout=0.0)
PLAN = NotePlan(
    likelihood=Plan((Stage(150, 16, (1, 1)),), learning_rate=2e-2, warmup=5, ema=0.9),
    adversarial=Plan((Stage(6, 8, (1, 1)),), learning_rate=1e-3, warmup=2, ema=0.9),
    alone=2,
)


@pytest.fixture(scope="module")
def notes() -> list[Note]:
    said = [(text, 5) for text in GOOD] + [(text, 1) for text in BAD]
    return [Note(tuple(text.split()), 1, rating, 1 + (rating > 3), 2) for text, rating in said] * 12


@pytest.fixture(scope="module")
def shape(notes: list[Note]) -> NoteConfig:
    return replace(SHAPE, words=vocabulary(notes))


@pytest.fixture(scope="module")
def writer(notes: list[Note], shape: NoteConfig, tmp_path_factory: pytest.TempPathFactory) -> NoteWriter:
    source = NoteSource(*tensors(notes, shape.words))
    return NoteWriter(train_likelihood(source, shape, PLAN, tmp_path_factory.mktemp("run")))


def test_sentences_about_people_are_left_out() -> None:
    text = "The fit is lovely. I am 5'4 and it fits! My husband loves the color. It runs small\nBought in 2016 it fits."
    assert list(sentences(text)) == [("the", "fit", "is", "lovely", ".")]
    assert len(list(sentences(text, personal=True))) > 2
    assert [band(age) for age in (18, 30, 45, 80)] == [1, 2, 3, 5]


def test_words_that_are_rare_are_unknown(notes: list[Note], shape: NoteConfig) -> None:
    assert shape.words[:2] == ("", "?") and "fit" in shape.words
    written, about = tensors([*notes[:1], Note(("the", "rare", "fit"), 0, 3, 1, 1)], shape.words)
    assert written.shape == (2, LONGEST) and written[1, 1] == UNKNOWN and written[1, 3] == END
    assert about.rating.tolist() == [5, 3]


def test_what_is_learned_is_written_by_its_stars(writer: NoteWriter) -> None:
    good, bad = (" ".join(writer.write(1, rating, 40, 0, 0.5)).lower() for rating in (5, 1))
    assert good.count("lovely") + good.count("soft") + good.count("flattering") > 20
    assert good.count("awful") + good.count("scratchy") < 3 < bad.count("awful") + bad.count("scratchy")


def test_an_example_is_the_same_again_and_may_be_shown(writer: NoteWriter) -> None:
    one = writer.example("red-top", Category.UPPER)
    assert one == writer.example("red-top", Category.UPPER)
    assert showable(one)


def test_learning_goes_on_as_a_game(notes: list[Note], shape: NoteConfig, writer: NoteWriter, tmp_path: Path) -> None:
    source = NoteSource(*tensors(notes, shape.words))
    whole = train_adversarial(source, writer.notes, PLAN, tmp_path / "whole")
    train_adversarial(source, writer.notes, PLAN, tmp_path / "parts", minutes=0)
    resumed = train_adversarial(source, writer.notes, PLAN, tmp_path / "parts", resume=True)
    before = writer.notes.state_dict()
    assert any(not torch.equal(value, before[name]) for name, value in whole.state_dict().items())
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert NoteGame(source, writer.notes, PLAN).heat(0) == 1.0


def test_drawn_notes_are_words_that_pass_gradient_and_end(shape: NoteConfig) -> None:
    generator, discriminator = NoteGenerator(shape), NoteDiscriminator(shape)
    about = About(*(torch.ones(5, dtype=torch.long) for _ in range(4)))
    drawn = generator.roll(about, torch.Generator().manual_seed(0), 1.0, 9)
    assert drawn.shape == (5, 9, len(shape.words))
    torch.testing.assert_close(drawn.sum(2), torch.ones(5, 9))
    words = drawn.argmax(2)
    ended = (words == END).cumsum(1) > 0
    assert (words[ended] == END).all()
    discriminator(drawn, about).sum().backward()
    assert generator.narrow.weight.grad is not None and generator.narrow.weight.grad.any()


def test_blanks_cost_nothing_and_the_end_does() -> None:
    words = torch.tensor([[2, 3, END, END]])
    logits = torch.zeros(1, 5, 4)
    loss = likelihood(logits, words)
    torch.testing.assert_close(loss, np.log(4) * torch.tensor([[1.0, 1, 1, 0, 0]]))


def test_what_is_loaded_writes_what_was_saved(writer: NoteWriter, tmp_path: Path) -> None:
    weights.save(writer.notes, tmp_path / "reviews")
    weights.record("reviews", tmp_path)
    assert NoteWriter.load(tmp_path).write(1, 5, 3, 7) == writer.write(1, 5, 3, 7)


@pytest.mark.parametrize(
    ("note", "shown"),
    [
        ("Runs small in the shoulders.", True),
        ("Soft.", False),
        ("I love the fit of this.", False),
        ("My daughter has the same fit.", False),
        ("True to size at 5'4 and lovely.", False),
        ("Soft soft soft soft and lovely.", False),
        ("Very " + "lovely and " * 14 + "soft.", False),
    ],
)
def test_only_what_claims_no_person_is_shown(note: str, shown: bool) -> None:
    assert showable(note) is shown


@pytest.mark.parametrize(
    ("note", "fits"),
    [
        ("Runs small in the shoulders.", True),
        ("This dress is soft and comfortable.", False),
        ("The skirt is soft.", False),
        ("This top is very soft and very thin.", True),
        ("The color is very soft and very soft.", False),
    ],
)
def test_a_note_of_a_top_names_no_other_garment(note: str, fits: bool) -> None:
    assert suits(note, Category.UPPER) is fits


def test_words_become_a_sentence() -> None:
    assert sentence(["runs", "small", ",", "but", "soft", "!"]) == "Runs small, but soft!"
    assert sentence(["true", "to", "size", ".", "."]) == "True to size."
    assert sentence([]) == ""


def test_a_summary_is_of_the_reviews_own_sentences() -> None:
    reviews = [
        Review(5, "The sleeves are long. It was a gift for my aunt."),
        Review(4, "Lovely cloth, but the sleeves are too long for me."),
        Review(2, "Sleeves far too long! The colour is dull."),
        Review(5, "Beautiful colour and cloth."),
    ]
    found = summary(reviews)
    text = " ".join(review.text for review in reviews)
    assert 1 <= len(found) <= 3 and all(said in text for said in found)
    assert "leeves" in found[0] and "aunt" not in " ".join(found)
    assert summary([]) == []


def test_without_reviews_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ShopError, match="holds the reviews"):
        read_notes(tmp_path, "train")


def test_bleu_is_one_for_a_copy_and_low_for_nonsense() -> None:
    references = References([text.split() for text in GOOD])
    found = bleu([GOOD[0].split(), ["zebra"] * 5], references)
    assert found[0] == pytest.approx(1) and found[1] < 0.1
    texts = [text.split() for text in (GOOD[0], GOOD[0], "nobody knows what this may be")]
    alike = self_bleu(texts)
    assert alike[0] == pytest.approx(1) and alike[2] < 0.3


def test_what_is_copied_is_measured() -> None:
    copied = Copied([text.split() for text in GOOD])
    assert copied.longest(["the", "fit", "is", "lovely", "and", "soft"]) == 4
    assert copied.whole(GOOD[0].split()) and not copied.whole(["lovely"])
    assert copied.longest(["zebra"]) == 0


def test_the_judge_knows_praise(notes: list[Note], writer: NoteWriter) -> None:
    judge = Judge(notes)
    texts = [text.split() for text in (*GOOD, *BAD)]
    assert judge.right(texts, [True] * 3 + [False] * 3)["mean"] == 1
    assert judge.right(texts, [False] * 3 + [True] * 3)["mean"] == 0
    assert nll(writer.notes, notes[:6])["mean"] < 1


def test_curves_are_compared_where_both_are() -> None:
    def row(alike: float, like: float) -> dict[str, dict[str, float]]:
        return {"self_bleu": {"mean": alike}, "bleu": {"mean": like}}

    found = compared(
        {"one": {"nll": {}, "1": row(0.2, 0.4), "2": row(0.6, 0.8)}, "two": {"1": row(0.4, 0.5), "2": row(0.8, 0.9)}}
    )
    assert (found["from"], found["to"]) == (0.4, 0.6)
    assert found["one"] > found["two"]


REVIEWS = """sku,stars,review
red-top,5,Lovely and soft.
red-top,"4,5",Runs small.
trousers,,Too long.
gone,3,Nice.
red-top,7,Bad stars.
red-top,5,
"""


def test_reviews_are_imported_once(files: Path, store: Store, importer: Callable[..., Import]) -> None:
    importer(write(files / "p.csv", PRODUCTS)).run()
    path = write(files / "r.csv", REVIEWS)
    report = importer(None, reviews=path).run()
    assert (report.reviews, report.refused) == (3, 3)
    reasons = [problem.reason for problem in report.problems["r.csv"]]
    assert reasons[0] == "the shop has no such item" and "stars from 1 to 5" in " ".join(reasons)
    assert "text is missing" in reasons
    assert store.reviews("red-top") == [Review(5, "Runs small."), Review(5, "Lovely and soft.")]
    assert store.reviews("trousers") == [Review(None, "Too long.")] and store.reviews("green-top") == []
    assert importer(None, reviews=path).run().reviews == 0
