"""Everything the app says, in a shopper's words."""

from __future__ import annotations

from collections.abc import Sequence
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
NOTHING_HERE = "There is nothing here."
TOO_OFTEN = "That was a lot within a minute. Please wait a little, then try again."
BUSY = "The fitting room is full at the moment. Please try again in a few minutes."
SIZE_UNKNOWN = "Say how large the file is (Content-Length)."
CALL_TOO_LONG = "This call is too long. Upload pictures first, and name them by the path that you are given."
NO_JSON = "The body of a call is a JSON object."
NO_ADDRESSES = "Pictures cannot be fetched from other addresses. Upload them."
CHOSEN_NOTHING = "No garment chosen yet."

# The look
WEARING = "You are wearing"
TAKE_OFF = "Take off"
UNDO = "Undo"
AFRESH = "Start afresh"
KEEP = "Keep this look"
NOTHING_ON = "You wear nothing from here. Choose a garment, then press “Try it on”."
LOOK_RULE = (
    "A garment takes the place of another of its kind; a dress takes that of a top and trousers, and they that of a "
    "dress. A jacket goes on top."
)
OWN_PIECE = "Your own garment"
KEPT_LOOKS = "Looks you kept"
KEPT_NOTE = "They are deleted with your photo."
KEPT_ONE = "Kept. You find the look below."
KEPT_FULL = "Six looks are kept. Remove one of them to keep another."
KEPT_ALREADY = "This look is kept already."
NOTHING_TO_KEEP = "There is nothing to keep yet. Try something on first."
AGAIN = "Put on again"
REMOVE = "Remove"
INCLUDE = "Compare or share"
SIDE_BY_SIDE = "Side by side"
AS_ONE_PICTURE = "Share as one picture"
COLLAGE = "Looks you chose, side by side"
COLLAGE_READY = "Your picture is ready."
COLLAGE_SAVE = "Download the picture of looks"
CHOOSE_LOOKS = "Choose at least one look first."
ZOOM = "Full screen"
ZOOM_HINT = "Press the picture to see it larger or smaller"
CLOSE = "Close"

# Consent
CONSENT_TITLE = "Before your first try-on"
CONSENT = (
    "Your photo is processed on this server, and deleted when you leave or press “Delete my photo”. I am 18 or older, "
    "and it is a photo of me or one that I may use."
)
CONSENT_GO = "I agree, try it on"
CONSENT_ASKED = "One thing first: please read and confirm below the button."

# The photo
GUIDE = "What makes a good photo"
GUIDE_GOOD = (
    "One person who faces the camera",
    "Head to hips at least; to the feet for trousers and dresses",
    "Arms a little away from the body",
    "Light from the front, clothes that fit closely",
)
GUIDE_BAD = ("Cut off", "Several people", "Too dark", "From behind")
GUIDE_NOT = "Shoes, hats, bags, underwear and swimwear cannot be tried on."
POSE = "Stand so that you fill the outline, then press the round button."
DARK = "The photo is rather dark. Turn towards a window or a lamp, or the colours of the garment will look too bright."
BRIGHT = "Part of the photo is too bright to show anything. Turn away from the glare."
BLURRED = "The photo is blurred. Hold the camera still, or wipe its lens, and take it again."
SMALL = "This is a small photo, so the result will be coarse. A larger one looks better."
HEAD_CUT = "The top of your head is outside the picture. The result is fine, but a whole head looks better."


def chosen_person(title: str) -> str:
    return f"Sample person: {title}"


def chosen_item(title: str) -> str:
    return f"Chosen: {title}"


def in_place_of(title: str, gone: Sequence[str]) -> str:
    """What came off for a garment."""
    return f"{title} takes the place of {listed(gone)}."


def wearing(titles: Sequence[str]) -> str:
    """What the visitor wears, for the alternative text of a picture."""
    return f"You in {listed(titles)}"


def kept_look(number: int, titles: Sequence[str]) -> str:
    return f"Look {number}: {listed(titles)}"


def listed(titles: Sequence[str]) -> str:
    """Names in a row, with a word before the last."""
    return " and ".join(filter(None, (", ".join(titles[:-1]), titles[-1]))) if titles else ""


def stage(name: str, title: str, number: int, of: int) -> str:
    """What is being done now; of several garments, with which of them."""
    said = STAGES[name][1]
    return said if of == 1 else f"{said}: {title} ({number} of {of})"


def chosen_own(category: Category) -> str:
    return f"Chosen: your own picture. It looks like {_SINGULAR[category]}; if not, say what it is below."


def count_between(least: int, most: int) -> str:
    return f"Ask for {least} to {most} items."


def too_large(megabytes: int) -> str:
    return f"This file is larger than {megabytes} MB. Choose a smaller one."


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
