"""How it works, and garments that are imagined: what the page answers, without a browser."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
import torch
from fakes import wardrobe
from PIL import Image
from visitor import Visitor, unheard, visiting

from fitting.anatomy import Part
from fitting.condition import TasteConfig
from fitting.drawing import PALETTE
from fitting.events import EventKind
from fitting.explain import NAMES
from fitting.garment import Category, GarmentNet
from fitting.imagine import NEARBY, Imagination, embeddings_of
from fitting.picture_net import PictureConfig, Pictures
from fitting.recommend import Taste
from fitting.recommender import Request
from fitting.ui import chart, inside_html, words
from fitting.ui.imagined import COUNT, Imaginings, can_imagine
from fitting.ui.inside import DREAMT, NEAR, SHOWN, Inside
from fitting.ui.languages import NAMES as LANGUAGES
from fitting.ui.languages import speaking


@pytest.fixture
def visitor(tmp_path: Path) -> Visitor:
    return visiting(tmp_path, wardrobe(tmp_path))


def inside_of(visitor: Visitor) -> Inside:
    journey = visitor.journey
    return Inside(journey.room, journey.shop, journey.adviser, journey.visits, journey.turns)


def plotted(update: dict[str, Any]) -> dict[str, Any]:
    return json.loads(update["value"].plot)


def files(visitor: Visitor) -> list[Path]:
    return sorted(visitor.journey.visits.root.rglob("*.*"))


def test_without_a_result_there_is_nothing_to_take_apart(visitor: Visitor) -> None:
    assert words.HOW_NOTHING in inside_of(visitor).take_apart(visitor.request)
    assert words.HOW_NO_EVENTS in inside_of(visitor).explain_taste(visitor.request)[0]


def test_a_result_is_taken_apart_and_each_part_can_be_saved(visitor: Visitor) -> None:
    visitor.dress("upper-1")
    html = inside_of(visitor).take_apart(visitor.request)
    assert re.findall(r'download="(\w+)\.png"', html) == list(NAMES)
    assert all(f'alt="{words.part(name)}"' in html and words.part_note(name) in html for name in NAMES)
    assert html == html.replace("<script", "")
    once = len(files(visitor))
    inside_of(visitor).take_apart(visitor.request)
    assert len(files(visitor)) == once  # those of the time before are gone
    visitor.journey.leave(visitor.request)
    assert not [path for path in files(visitor) if path.parent.parent == visitor.journey.visits.root]


def test_the_plan_has_a_legend_of_the_parts_that_it_shows_in_every_language() -> None:
    plan = Image.fromarray(PALETTE[np.full((40, 30), Part.UPPER)])
    plan.paste(tuple(PALETTE[Part.HAIR].tolist()), (0, 0, 30, 9))
    plan.putpixel((29, 39), tuple(PALETTE[Part.ACCESSORY].tolist()))
    assert inside_html.shown_parts(plan) == [Part.UPPER, Part.HAIR, Part.ACCESSORY]
    for language, names in (("en", "Top Hair Bags"), ("es", "Parte Pelo Bolsos"), ("zh-CN", "上衣 头发 包")):
        with speaking(language):
            html = inside_html.figures("Top", {"target_parsing": ("plan.png", plan), "alpha": ("alpha.png", plan)})
        found = re.findall(r'<li><i style="background: rgb\(([\d, ]+)\)" aria-hidden="true"></i>([^<]+)</li>', html)
        assert [tuple(map(int, rgb.split(", "))) for rgb, _ in found] == [
            tuple(PALETTE[part].tolist()) for part in (Part.UPPER, Part.HAIR, Part.ACCESSORY)
        ]
        assert all(said.startswith(name) for (_, said), name in zip(found, names.split(), strict=True))
    plain = inside_html.figures("Top", {"target_parsing": ("plan.png", Image.new("RGB", (30, 40), (1, 2, 3)))})
    assert "legend" not in plain


def test_where_nothing_was_learned_the_page_says_so(visitor: Visitor) -> None:
    visitor.dress("upper-1")

    class Plain:
        def explain(self, *_: Any) -> None:
            raise ValueError("this room has no GAN to explain")

    inside = Inside(Plain(), *list(vars(inside_of(visitor)).values())[1:])  # type: ignore[arg-type]
    assert words.HOW_NOTHING_LEARNED in inside.take_apart(visitor.request)


def test_what_was_looked_at_is_said_and_charted(visitor: Visitor) -> None:
    visitor.choose("upper-1")
    visitor.dress("upper-2")
    html, update = inside_of(visitor).explain_taste(visitor.request)
    assert "because you looked at" in html and "because you tried on" in html
    plot = plotted(update)
    assert plot["data"][0]["text"] == re.findall(r"<tr><td>([^<]+)</td>", html)
    assert sum(plot["data"][0]["x"]) == pytest.approx(1, abs=1e-4)
    assert plot["config"]["toImageButtonOptions"]["format"] == "png"


def test_the_map_shows_what_is_real_and_what_is_imagined(visitor: Visitor) -> None:
    visitor.dress("upper-2")
    groups = {trace.get("name"): trace for trace in plotted(inside_of(visitor).draw_map(visitor.request))["data"]}
    assert len(groups[words.MAP_ITEMS]["x"]) == len(visitor.journey.catalogue)
    assert len(groups[words.MAP_DREAMT]["x"]) == DREAMT
    near = groups[words.MAP_NEAR]["text"]
    assert len(near) == NEAR + 1 and near[0] == visitor.journey.catalogue.get("upper-2").title


def test_a_knob_changes_one_thing_and_counts_for_nothing(visitor: Visitor) -> None:
    visitor.dress("upper-2")
    before = visitor.done()
    inside = inside_of(visitor)
    shelf = inside.turn(12, 0, words.AUTO, visitor.request)
    assert shelf.count("<li>") == SHOWN and 'download="shelf.png"' in shelf
    dresses = inside.turn(12, 0, Category.DRESS.value, visitor.request)
    titles = re.findall(r"<span>([^<]+)</span>", dresses)
    catalogue = visitor.journey.catalogue
    assert {item.category for item in catalogue if item.title in titles} == {Category.DRESS}
    assert re.sub(r"file=\S+", "", inside.turn(12, 0, words.AUTO, visitor.request)) == re.sub(r"file=\S+", "", shelf)
    assert visitor.done() == before


def test_without_a_recommender_nothing_breaks(tmp_path: Path) -> None:
    def none(_: Any) -> Any:
        raise ValueError("it does not fit")

    visitor = visiting(tmp_path, wardrobe(tmp_path), none)
    inside = inside_of(visitor)
    assert words.NO_ADVICE in inside.turn(3, 0, words.AUTO, visitor.request)
    assert inside.draw_map(visitor.request)["visible"] is False


def test_the_recommender_forgets_a_question(visitor: Visitor) -> None:
    visitor.choose("upper-1")
    recommender = visitor.journey.adviser.recommender()
    assert recommender is not None
    attended = visitor.journey.adviser.ask(visitor.shopper.events, lambda known, name: known.attended(Request(name)))
    assert attended == [("upper-1", EventKind.VIEWED, pytest.approx(1))]
    assert recommender.attended(Request(visitor.shopper.id)) == []
    assert recommender._histories == {}


def test_lines_join_the_first_of_a_group_with_the_others() -> None:
    points = chart.Points("a", [(0, 0), (1, 2), (3, 4)], ["x", "y", "z"], chart.GOLD, lines=True)
    lines, dots = json.loads(chart.scatter([points, chart.Points("b", [], [], chart.PINE)], "map").plot)["data"]
    assert lines["x"] == [0, 1, None, 0, 3, None] and dots["text"] == ["x", "y", "z"]


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_every_part_has_its_words(language: str) -> None:
    with speaking(language):
        assert all(words.part(name) and words.part_note(name) for name in NAMES)


@pytest.fixture(scope="module")
def imagination() -> Imagination:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = PictureConfig(given=8, feature=6, noise=4, style=8, widths=(8,) * 6, judge=8, side=64)
        return Imagination(Pictures(config), GarmentNet().eval())


class Embedded(Imagination):
    """Garments of the shop's own kind of embedding, which is shorter here than GarmentNet's."""

    def _made(self, *wanted: Any) -> Any:
        made = super()._made(*wanted)
        for one in made:
            object.__setattr__(one.garment, "described", one.garment.embedding[:8])
        return made


def imaginings(visitor: Visitor, imagination: Imagination) -> Imaginings:
    journey = visitor.journey
    load = lambda: Embedded(imagination.pictures, imagination.net)  # noqa: E731
    return Imaginings(journey.shop, journey.adviser, journey.visits, journey.turns, visitor.wearing, load)


def test_the_same_seed_imagines_the_same_and_more_is_near(imagination: Imagination) -> None:
    asked = torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
    kinds = [Category.UPPER, Category.DRESS, Category.LOWER]
    one, same, other = (imagination.imagine(asked, kinds, seed) for seed in (1, 1, 2))
    assert [made.garment.category for made in one] == kinds
    assert one[0].picture.tobytes() == same[0].picture.tobytes() != other[0].picture.tobytes()
    garment = one[0].garment
    assert garment.mask.shape == garment.image.shape[1:] and garment.image.max() <= 1
    near = imagination.more_like(one[0], 2, 5)
    assert all(float(made.asked @ one[0].asked) == pytest.approx(math.cos(NEARBY), abs=1e-4) for made in near)
    assert (near[0].noise - one[0].noise).norm() < (other[0].noise - one[0].noise).norm()


def test_whitening_is_undone() -> None:
    random = torch.Generator().manual_seed(0)
    rows = torch.nn.functional.normalize(torch.randn(200, 8, generator=random) + 1, dim=1)
    taste = Taste(TasteConfig(given=8, feature=8))
    taste.learn_whitening(rows)
    back = embeddings_of(taste, taste.features(rows), rows)
    assert (back * rows).sum(1).mean() > 0.95  # features have lost their length: not quite


def test_designs_are_labelled_stand_beside_real_ones_and_go_with_the_visit(
    visitor: Visitor, imagination: Imagination
) -> None:
    visitor.choose("upper-1")
    page = imaginings(visitor, imagination)
    html = page.design(visitor.request)
    assert html.count(words.IMAGINED_LABEL) == html.count(words.IMAGINED_NEAR) == COUNT
    keys = re.findall(r'data-item="([^"]+)"', html)
    assert not any(key in visitor.journey.catalogue for key in keys)
    html = page.more(gr.EventData(None, {"item": keys[1]}), visitor.request)
    assert html.count(words.IMAGINED_LABEL) == COUNT and keys[1] not in html
    assert page.more(gr.EventData(None, {"item": "nothing"}), visitor.request) == gr.skip()
    visitor.journey.leave(visitor.request)
    assert not visitor.journey.visits.of("me").imagined
    assert [path.name for path in files(visitor)] == ["photo.png"]


def test_an_imagined_garment_is_worn_like_any_other(visitor: Visitor, imagination: Imagination) -> None:
    visitor.wardrobe.agreed = True
    visitor.dress("lower-1")
    page = imaginings(visitor, imagination)
    html = page.design(visitor.request)
    key = re.findall(r'data-item="([^"]+)"', html)[0]
    event: Any = SimpleNamespace(item=key)
    assert words.NO_PHOTO in next(page.wear(None, event, visitor.request, unheard))[0]  # type: ignore[arg-type]
    list(page.wear(visitor.photo, event, visitor.request, unheard))  # type: ignore[arg-type]
    assert key in visitor.wardrobe.look.keys
    assert not [done for done in visitor.done() if done[0] == key]  # it is no item, and counts for none


def test_what_the_judge_doubts_is_shown_of_each(visitor: Visitor, imagination: Imagination) -> None:
    page = imaginings(visitor, imagination)
    assert words.DOUBTS_NOTHING in page.doubts(visitor.request)
    page.design(visitor.request)
    assert page.doubts(visitor.request).count("<img") == COUNT
    made = visitor.journey.visits.of("me").imagined[0].made
    doubted = imagination.doubted(made)
    assert doubted.size == made.picture.size and doubted.tobytes() != made.picture.tobytes()


def test_without_weights_the_page_has_no_designs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("fitting.weights.FOLDER", tmp_path)
    assert not can_imagine() and "fitting train pictures" in caplog.text
    (tmp_path / "pictures").mkdir()
    assert can_imagine()


def test_consent_comes_before_an_imagined_garment_too(visitor: Visitor, imagination: Imagination) -> None:
    page = imaginings(visitor, imagination)
    key = re.findall(r'data-item="([^"]+)"', page.design(visitor.request))[0]
    event: Any = SimpleNamespace(item=key)
    shown = next(page.wear(visitor.photo, event, visitor.request, unheard))  # type: ignore[arg-type]
    assert words.CONSENT_ASKED in shown[0] and not visitor.wardrobe.look.pieces
