"""Everything the app says, in a shopper's words."""

from __future__ import annotations

from html import escape

from fitting.garment import Category

TAGLINE = "See yourself in a garment before you buy it."
HONESTY = "It shows the style, not the exact fit."
AGE = "For adults, with a photo of your own or one you may use. Garments and people in the samples are computer-made."
PRIVACY = (
    "Your photo is processed on this server, used for nothing else, and deleted when you press "
    "“Delete my photo” or close this page."
)

PHOTO = "Your photo"
PHOTO_HINT = "Drop a photo here\n- or -\nClick to choose one"
PHOTO_ADVICE = "One person, facing the camera, hips or more in view, in good light."
PHOTO_ALT = "The photo that garments are tried on"
PEOPLE = "Or try it on one of these people"
GARMENT = "The garment"
CATALOGUE = "Catalogue"
OWN_GARMENT = "My own picture"
OWN_HINT = "Drop a picture of the garment here\n- or -\nClick to choose one"
OWN_ADVICE = "The whole garment on a plain background works best; a picture of somebody wearing it works too."
OWN_ALT = "Your picture of the garment"
SHOW = "Show"
EVERYTHING = "Everything"
WORN = "Worn as"
AUTOMATIC = "Automatic"
RESULT = "On you"
RESULT_EMPTY = "Choose a photo and a garment, then press “Try it on”. Your picture appears here."
GO = "Try it on"
COMPARE = "Before and after"
PLAIN = "Result only"
COMPARE_HINT = "Compare before and after: drag, or use the arrow keys"
BEFORE = "Before"
AFTER = "After"
BEFORE_ALT = "Before: the photo as it was"
AFTER_ALT = "After: the person in the photo, wearing the garment"
DOWNLOAD = "Download picture"
FORGET = "Delete my photo"
FORGOTTEN = (
    "Your photo, your pictures and everything made from them are deleted, and so is what you looked at and liked."
)

CATEGORIES = {
    Category.UPPER: "Top",
    Category.LOWER: "Trousers or skirt",
    Category.DRESS: "Dress",
    Category.OUTER: "Jacket or coat",
}
_SINGULAR = {
    Category.UPPER: "a top",
    Category.LOWER: "trousers or a skirt",
    Category.DRESS: "a dress",
    Category.OUTER: "a jacket or coat",
}
STAGES = {  # stage -> how far along it is, what it says
    "person": (0.1, "Finding you in the photo"),
    "garment": (0.3, "Cutting out the garment"),
    "warp": (0.55, "Laying it on"),
    "compose": (0.8, "Finishing the picture"),
}
SAVING = (0.95, "Developing the picture")

GOES_WITH = "Goes with this"
ALSO_LIKE = "You may also like"
SHELVES = "More to try on"
WEAR = "Wear it"
LIKE = "Like"
REFUSE = "Not for me"
SHELVES_NOTE = "Chosen by what you look at, try on and like during this visit. None of it is kept when you leave."
NO_ADVICE = "There are no recommendations in this shop."

NO_PHOTO = "Choose a photo first: upload one, take one, or pick one of the people."
NO_GARMENT = "Choose a garment first, from the catalogue or from a picture of your own."
SORRY = "Sorry"
NO_SUCH_ITEM = "The catalogue has no such garment. Choose another one."
NO_SUCH_CATEGORY = "Say where the garment is worn: auto, upper, lower, dress or outer."
GONE = "This picture is no longer here. Choose it again."
BROKEN = "Something went wrong on our side, not yours. Please try again, or try another picture."
PHOTO_FINE = "This photo works."
CHOSEN_NOTHING = "No garment chosen yet."


def chosen_person(title: str) -> str:
    return f"Sample person: {title}"


def chosen_item(title: str) -> str:
    return f"Chosen: {title}"


def chosen_own(category: Category) -> str:
    return f"Chosen: your own picture. It looks like {_SINGULAR[category]}; if not, say what it is below."


def count_between(least: int, most: int) -> str:
    return f"Ask for {least} to {most} items."


def on_you(title: str) -> str:
    return f"{title}, on you"


def refused(title: str, instead: str | None) -> str:
    """What a screen reader is told when an item goes from a shelf, and another takes its place."""
    return f"{title} is gone." if instead is None else f"{title} is gone. In its place: {instead}."


_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$"}
_WHOLE = ("CLP", "HUF", "ISK", "JPY", "KRW", "VND")  # currencies whose prices have no decimals


def price(amount: float | None, currency: str) -> str:
    """A price as it is read; empty where there is none."""
    if amount is None:
        return ""
    number = f"{amount:,.0f}" if currency in _WHOLE else f"{amount:,.2f}"
    if currency in _SYMBOLS:
        return _SYMBOLS[currency] + number
    return f"{number} {currency}".strip()


def worn_as(category: Category, found: bool) -> str:
    if found:
        return f"We took it for {_SINGULAR[category]}. If that is wrong, say what it is under “Worn as”."
    return f"Worn as {_SINGULAR[category]}."


def note(text: str, kind: str = "info") -> str:
    """A line of text as the page shows it. `kind` is info, good or error; errors are read out at once."""
    role = "alert" if kind == "error" else "status"
    return f'<p class="note {kind}" role="{role}">{escape(text)}</p>' if text else ""


def notes(texts: list[str]) -> str:
    return "".join(note(text) for text in texts)
