"""The page's languages: nothing missing, nothing left in English, and everybody answered in their own."""

from __future__ import annotations

import ast
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import FakeRoom, FakeShop, shop

from fitting.errors import PhotoError
from fitting.garment import Category
from fitting.ui import languages, words
from fitting.ui.blocks import build_app
from fitting.ui.languages import FIRST, NAMES, PLACEHOLDER, negotiated, pattern_of, read, speaking, told, wanted
from fitting.ui.languages.page import Page
from fitting.ui.serving import assets
from fitting.ui.shelves import load_people, pictures_of
from fitting.ui.telling import spoken

PACKAGE = Path(words.__file__).parents[1]
TABLES = ["sentences", "library", "values", "people"]
OTHERS = [language for language in NAMES if language != FIRST]
PROSE = re.compile(r"[A-Za-z]{2,}(?:[ ,][A-Za-z’'-]+)+")
# Modules that write sentences for visitors, and those that write for whoever runs the shop or a command.
FOR_VISITORS = {"images", "person", "garment", "room", "looks", "recommender"}
FOR_OTHERS = {"reading", "teach", "importing", "importers", "evaluation", "training", "errors"}


def texts(table: dict[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        for place, text in enumerate(value if isinstance(value, list) else [value]):
            yield f"{name} {place}", str(text)


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("table", TABLES)
def test_every_language_says_the_same_things(language: str, table: str) -> None:
    english, own = dict(texts(read(FIRST)[table])), dict(texts(read(language)[table]))
    assert sorted(english) == sorted(own), "missing or left over"
    for name, text in english.items():
        assert own[name].strip() or name == "comma 0"
        assert Counter(PLACEHOLDER.findall(text)) == Counter(PLACEHOLDER.findall(own[name])), name
        assert own[name].count("\n") == text.count("\n"), name
        if PROSE.search(text):
            assert own[name] != text, f"{name} is still in English"


@pytest.mark.parametrize("language", list(NAMES))
def test_punctuation_is_the_language_s_own(language: str) -> None:
    wrong = {"en": r'"|«|：|，', "es": r'"|“|”|：|，|¿[^?]*$', "zh-CN": r'"|«|[一-鿿][,;?!]|[,;?!][一-鿿]'}[language]
    for table in read(language).values():
        for name, text in texts(table):
            assert not re.search(wrong, text), f"{name}: {text}"
            assert "..." not in text and "  " not in text, name


def test_no_file_has_other_tables_or_languages() -> None:
    assert {path.stem for path in languages.FOLDER.glob("*.toml")} == set(NAMES)
    assert all(list(read(language)) == TABLES for language in NAMES)


def test_sample_people_are_described_as_their_list_has_them() -> None:
    assert [person.title for person in load_people(assets())] == list(read(FIRST)["people"].values())
    with speaking("zh-CN"):
        assert pictures_of(load_people(assets()))[0][1].startswith("棕色长发女士")
        assert "女士" in words.chosen_person(load_people(assets())[0].title)


def sources(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def test_every_sentence_is_there_and_said_somewhere() -> None:
    said, beginnings = set(), []  # of names that are put together
    for node in ast.walk(ast.parse((PACKAGE / "advice.py").read_text(encoding="utf-8"))):  # names what the page says
        said |= {node.value} if isinstance(node, ast.Constant) and str(node.value).isupper() else set()
    for path, tree in sources(PACKAGE / "ui"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "words":
                said.add(node.attr)
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say" and path.name == "words.py":
                for leaf in ast.walk(node.args[0]):
                    said |= {leaf.value} if isinstance(leaf, ast.Constant) else set()
                    beginnings += [leaf.values[0].value] if isinstance(leaf, ast.JoinedStr) else []
    missing = [name for name in said if name.isupper() and not hasattr(words, name)]
    assert missing == []
    never = set(read(FIRST)["sentences"]) - said - {category.name for category in Category}
    assert [name for name in never if not name.startswith(tuple(beginnings))] == []


def written(tree: ast.Module) -> Iterator[str]:
    """Sentences in a module's code: whole, and with {} for what an f-string puts in."""
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
            "ValueError",
            "TypeError",
            "WeightsError",
            "ShopError",
        ):
            silent |= {id(leaf) for leaf in ast.walk(node)}
        if isinstance(node, ast.Call) and getattr(getattr(node.func, "value", None), "id", "") in ("log", "gr"):
            silent |= {id(leaf) for leaf in ast.walk(node)}
        if isinstance(node, ast.JoinedStr) and id(node) not in silent:
            silent |= {id(part) for part in node.values}
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.value


def filled(sentence: str) -> list[str]:
    if sentence == "Your {} {} is {}.":
        parts = ("left", "right"), ("arm", "hand"), ("hidden", "outside the picture")
        return ["Your {} {} is {}.".format(*each) for each in itertools.product(*parts)]
    if sentence == "because you {} {}":
        return [
            sentence.format(verb, "Red top") for verb in ("bought", "liked", "tried on", "looked at", "turned down")
        ]
    return [sentence.replace("{}", "photo")]


def test_every_sentence_of_the_library_that_a_visitor_can_meet_is_translated() -> None:
    patterns = {name: pattern_of(text) for name, text in read(FIRST)["library"].items()}
    met = set()
    for module in FOR_VISITORS:
        tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
        for sentence in written(tree):
            if not (re.match(r"[A-Z].* .*\.$", sentence, re.DOTALL) or sentence.startswith("because ")):
                continue
            for one in filled(sentence):
                found = [name for name, pattern in patterns.items() if pattern.fullmatch(one)]
                assert found, f"{module}: {one!r} is in no language's file"
                met.update(found)
                for language in OTHERS:
                    with speaking(language):
                        assert told(one) != one
    assert set(patterns) - met == set(), "the library does not say this any more"


def test_no_other_module_writes_to_visitors() -> None:
    for path, tree in sources(PACKAGE):
        where = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        raised = [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and hasattr(node.func, "id")]
        if {"PhotoError", "GarmentError", "FittingError"} & set(raised):
            assert where in FOR_VISITORS | FOR_OTHERS | {"ui"}, f"is {path.name} read by visitors?"


def test_errors_and_notes_are_told_in_the_language_of_the_visit() -> None:
    error = PhotoError("This photo is larger than 25 MB. Save it as a JPG or make it smaller.")
    with speaking("es"):
        assert spoken(error).startswith("Esta foto ocupa más de 25 MB.")
        assert "Tu mano izquierda no se ve." in words.notes(["Your left hand is hidden."])
        assert told("We cannot see a dress on this person. Choose another category or another picture.").startswith(
            "No vemos un vestido"
        )
        assert told("because you tried on Linen & {odd} tee") == "porque te probaste Linen & {odd} tee"
        assert told("Nobody ever wrote this.") == "Nobody ever wrote this."
    assert spoken(error) == str(error)


def test_no_english_is_written_into_the_page_s_code() -> None:
    for path, tree in sources(PACKAGE / "ui"):
        for text in written(tree):
            texts = re.findall(r">([^<>{}]*)<", text) + re.findall(
                r'(?:aria-label|alt|title|placeholder)="([^"{}]*)"', text
            )
            if re.fullmatch(r"[A-Z][^<>{}=;]* [^<>{}=;]*[.!?]", text):
                texts.append(text)
            assert not any(re.search(r"[A-Za-z]{2,}", text) for text in texts), f"{path.name}: {text}"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("cache")))
        catalogue, people = shop(tmp_path_factory.mktemp("shop"))
        built = build_app(FakeRoom(), FakeShop(catalogue), people)  # type: ignore[arg-type]
    assert isinstance(built, Page)
    return built


def seen(page: Page) -> list[str]:
    """Texts that the page shows or reads out, of every component."""
    found = []
    shown = ("value", "label", "info", "placeholder", "alt_text", "choices", "title")
    for component in page.config["components"]:
        pending = [component["props"].get(name) for name in shown]
        while pending:
            one = pending.pop()
            if isinstance(one, dict):
                pending += [value for key, value in one.items() if key not in ("path", "url", "orig_name", "meta")]
            elif isinstance(one, (list, tuple)):
                pending += one[:1] if len(one) == 2 and all(isinstance(part, str) for part in one) else one
            elif isinstance(one, str):
                found += re.findall(r'(?:aria-label|alt)="([^"]*)"', one)
                found += re.sub(r"<[^>]*>", "\n", re.sub(r"<nav.*?</nav>", "", one)).split("\n")
    return [text.strip() for text in found if PROSE.search(text) and text.strip() != "Fitting Room"]


@pytest.mark.parametrize("language", OTHERS)
def test_the_whole_page_is_in_the_language_that_is_asked_for(page: Page, language: str) -> None:
    english = set(seen(page))
    with speaking(language):
        own = seen(page)
    titles = {"Red top", "Green skirt", "Blue dress", "Brown coat", "Somebody in grey"}
    assert english & set(own) <= titles, "still in English"
    assert len(english) > 20


def test_choices_have_the_same_values_in_every_language(page: Page) -> None:
    def values() -> list[list[str]]:
        chosen = [one["props"]["choices"] for one in page.config["components"] if one["props"].get("choices")]
        return [[value for _, value in choices] for choices in chosen]

    english = values()
    assert english
    for language in OTHERS:
        with speaking(language):
            assert values() == english


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("zh", "zh-CN"),
        ("es-MX, es;q=0.9, en;q=0.8", "es"),
        ("en-GB;q=0.5, es;q=0.7", "es"),
        ("de, fr;q=0.9, EN-us;q=0.1", "en"),
        ("es;q=0, en", "en"),
        ("de", None),
        ("*", None),
        ("", None),
        (";;;q=x,,=", None),
    ],
)
def test_browsers_are_understood(header: str, language: str | None) -> None:
    assert negotiated(header, tuple(NAMES)) == language


def test_the_address_comes_before_the_browser() -> None:
    assert wanted({"lang": "es"}, {"accept-language": "zh-CN"}) == "es"
    assert wanted({"lang": "tlh"}, {"accept-language": "zh-CN"}) == "zh-CN"
    assert wanted(None, None) is None
    assert wanted({"lang": "es"}, {}, offered=("en",)) is None


def test_numbers_and_lists_are_written_as_is_usual() -> None:
    assert words.price(1234.5, "EUR") == "€1,234.50" and words.price(1234.0, "JPY") == "1,234 JPY"
    assert words.listed(["a", "b", "c"]) == "a, b and c" and words.listed([]) == ""
    with speaking("es"):
        assert words.price(1234.5, "EUR") == "1.234,50\N{NO-BREAK SPACE}€" and words.price(None, "EUR") == ""
        assert words.listed(["a", "b", "c"]) == "a, b y c"
    with speaking("zh-CN"):
        assert words.listed(["a", "b", "c"]) == "a、b和c"


def test_there_is_no_sentence_by_a_wrong_name() -> None:
    with pytest.raises(AttributeError, match="NO_SUCH_SENTENCE"):
        words.NO_SUCH_SENTENCE  # noqa: B018
