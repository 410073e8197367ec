"""Everything the app says, in a shopper's words and language: `words.NAME` is a sentence of `languages/*.toml`.

To add one, write `NAME = "..."` below [sentences] in `languages/en.toml`, then in every other language's file.
It is said in the language of the event being answered, so read it then: never at import, and never as a choice's value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from fitting.garment import Category
from fitting.ui.languages import current, say, told

if TYPE_CHECKING:
    CATEGORIES: Mapping[Category, str]
    STAGES: Mapping[str, tuple[float, str]]  # stage -> how far along it is, what it says
    SAVING: tuple[float, str]
    GUIDE_GOOD: tuple[str, ...]
    GUIDE_BAD: tuple[str, ...]

AUTO = "auto"  # the value of the choice of a category that leaves it to us
_PROGRESS = {"person": 0.1, "garment": 0.3, "warp": 0.55, "compose": 0.8}


def __getattr__(name: str) -> Any:
    """A sentence by its name (PEP 562), and the tables made of several."""
    if name == "CATEGORIES":
        return {category: say(category.name) for category in Category}
    if name == "STAGES":
        return {stage: (share, say(f"stage_{stage}")) for stage, share in _PROGRESS.items()}
    if name == "SAVING":
        return 0.95, say("stage_saving")
    if name.isupper():
        try:
            return say(name)
        except KeyError:
            pass
    raise AttributeError(f"there is no sentence {name!r} in languages/en.toml")


def worn_choices() -> list[tuple[str, str]]:
    """How a garment can be worn, for the page: (what it is called, `AUTO` or the category's value)."""
    return [(say("AUTOMATIC"), AUTO), *((say(category.name), category.value) for category in Category)]


def category_of(choice: str | None) -> Category | None:
    """The category that was chosen of `worn_choices`; None for automatic, and for anything else."""
    return Category(choice) if choice in [category.value for category in Category] else None


def a(category: Category) -> str:
    """A garment of a category, within a sentence."""
    return say(f"a_{category.value}")


def chosen_person(title: str) -> str:
    return say("chosen_person", title=told(title))


def chosen_item(title: str) -> str:
    return say("chosen_item", title=title)


def in_place_of(title: str, gone: Sequence[str]) -> str:
    """What came off for a garment."""
    return say("in_place_of", title=title, gone=listed(gone))


def wearing(titles: Sequence[str]) -> str:
    """What the visitor wears, for the alternative text of a picture."""
    return say("wearing", titles=listed(titles))


def kept_look(number: int, titles: Sequence[str]) -> str:
    return say("kept_look", number=number, titles=listed(titles))


def listed(titles: Sequence[str]) -> str:
    """Names in a row, with a word before the last."""
    if len(titles) < 2:
        return "".join(titles)
    return say("and", titles=say("comma").join(titles[:-1]), last=titles[-1])


def stage(name: str, title: str, number: int, of: int) -> str:
    """What is being done now; of several garments, with which of them."""
    said = say(f"stage_{name}")
    return said if of == 1 else say("stage_of_several", stage=said, title=title, number=number, of=of)


def chosen_own(category: Category) -> str:
    return say("chosen_own", category=a(category))


def count_between(least: int, most: int) -> str:
    return say("count_between", least=least, most=most)


def no_such_colour(colours: Iterable[str]) -> str:
    return say("no_such_colour", colours=", ".join(colours))


def colour(family: str) -> str:
    return say(f"colour_{family}")


def found(number: int) -> str:
    return say("found", number=number)


def found_more(number: int, shown: int) -> str:
    return say("found_more", number=number, shown=shown)


def prices(least: float | None, most: float | None, currency: str) -> str:
    """A range of prices; None where it has no end."""
    if least is None:
        return say("price_to", most=price(most, currency))
    if most is None:
        return say("price_from", least=price(least, currency))
    return say("price_between", least=price(least, currency), most=price(most, currency))


def too_large(megabytes: int) -> str:
    return say("too_large", megabytes=megabytes)


def from_reviews(number: int) -> str:
    return say("one_review") if number == 1 else say("from_reviews", number=number)


def on_you(title: str) -> str:
    return say("on_you", title=title)


def refused(title: str, instead: str | None) -> str:
    """What a screen reader is told when an item goes from a shelf, and another takes its place."""
    return say("refused", title=title) if instead is None else say("replaced", title=title, instead=instead)


_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$"}
_WHOLE = ("CLP", "HUF", "ISK", "JPY", "KRW", "VND")  # currencies whose prices have no decimals


def price(amount: float | None, currency: str) -> str:
    """A price as it is read; empty where there is none."""
    if amount is None:
        return ""
    number = f"{amount:,.0f}" if currency in _WHOLE else f"{amount:,.2f}"
    if current() == "es":
        own = number.translate(str.maketrans(",.", ".,"))
        return f"{own}\N{NO-BREAK SPACE}{_SYMBOLS.get(currency, currency)}".strip()
    if currency in _SYMBOLS:
        return _SYMBOLS[currency] + number
    return f"{number} {currency}".strip()


def part(name: str) -> str:
    """A part of a result taken apart, by its name in `fitting.explain`."""
    return say(f"part_{name}")


def part_note(name: str) -> str:
    return say(f"part_{name}_note")


def body_part(name: str) -> str:
    """A part of the body or of what is worn, by its name in `fitting.anatomy.Part`."""
    return say(f"body_{name}")


def taken_apart(title: str) -> str:
    return say("taken_apart", title=title)


def falls(reason: str, title: str, drop: float) -> str:
    """What the trial of leaving something out showed."""
    number = f"{drop:.2f}"
    return say("falls", reason=reason, title=title, drop=number.replace(".", ",") if current() == "es" else number)


def imagined_title(number: int) -> str:
    return say("imagined_title", number=number)


def studio_model(model: str, licence: str | None) -> str:
    """Which diffusion model draws, and under which licence, if that is known."""
    if licence is None:
        return say("studio_model_unknown", model=model)
    return say("studio_model", model=model, licence=licence)


def studio_ahead(number: int) -> str:
    return say("studio_ahead", number=number)


def studio_step(done: int, steps: int, seconds: int | None) -> str:
    """Where a studio finish is, and how many seconds are left, if that is known."""
    if seconds is None:
        return say("studio_step", done=done, steps=steps)
    return say("studio_step_left", done=done, steps=steps, seconds=seconds)


def worn_as(category: Category, found: bool) -> str:
    return say("taken_for" if found else "worn_as", category=a(category))


def note(text: str, kind: str = "info") -> str:
    """A line of text as the page shows it. `kind` is info, good or error; errors are read out at once.

    A sentence of the library, such as a note on a photo, is said in the language of the page.
    """
    role = "alert" if kind == "error" else "status"
    return f'<p class="note {kind}" role="{role}">{escape(told(text))}</p>' if text else ""


def notes(texts: Sequence[str]) -> str:
    return "".join(note(text) for text in texts)
