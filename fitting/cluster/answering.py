"""What the services do with a message, whoever carries it: a room's questions and a recommender's.

Nothing is kept beyond the answer, and nothing of a message is ever logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from PIL import Image
from torch import Tensor

from fitting.cluster import wire
from fitting.cluster.calling import KINDS
from fitting.cluster.wire import Message
from fitting.errors import FittingError
from fitting.garment import Category
from fitting.images import to_image, to_tensor
from fitting.person import Person
from fitting.room import FittingRoom

log = logging.getLogger(__name__)

Answers = Mapping[str, Callable[[Message], Message]]  # by question


def answered(answers: Answers, question: str, content: bytes) -> tuple[int, bytes]:
    """An HTTP status and an answer to a question, whatever happens."""
    answer = answers.get(question)
    if answer is None:
        return 404, _said("", "there is no such question").to_bytes()
    try:
        return 200, answer(Message.from_bytes(content)).to_bytes()
    except FittingError as error:
        kind = next(name for name, known in KINDS.items() if isinstance(error, known))
        return 422, _said(kind, str(error)).to_bytes()
    except (ValueError, KeyError) as error:
        return 400, _said("", str(error)).to_bytes()
    except Exception as error:
        # Not the error's text, which may quote what it was about.
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        place = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where else "?"
        log.error("%s broke: %s at %s", question, type(error).__name__, place)
        return 500, b""


def looking(room: FittingRoom) -> Answers:
    """Questions to whoever understands pictures."""
    return {"ready": _nothing, "person": lambda m: _person(room, m), "garment": lambda m: _garment(room, m)}


def dressing(room: FittingRoom) -> Answers:
    """Questions to whoever dresses people."""
    return {"ready": _nothing, "try-on": lambda m: _try_on(room, m), "explain": lambda m: _explain(room, m)}


def _nothing(message: Message) -> Message:
    return Message()


def _said(kind: str, sentence: str) -> Message:
    return Message(about={"kind": kind, "said": sentence})


def _person(room: FittingRoom, message: Message) -> Message:
    return wire.of_person(room.understand_person(_picture(message)), photo=False)


def _garment(room: FittingRoom, message: Message) -> Message:
    category = message.about.get("category")
    return wire.of_garment(room.understand_garment(_picture(message), None if category is None else Category(category)))


def _try_on(room: FittingRoom, message: Message) -> Message:
    garment = wire.garment_of(message.part("garment"))
    engine, over = str(message.about.get("engine", "auto")), bool(message.about.get("over"))
    return wire.of_try_on(room.try_on(_whom(message), garment, engine=engine, over=over))


def _explain(room: FittingRoom, message: Message) -> Message:
    pictures = room.explain(_whom(message), wire.garment_of(message.part("garment")))
    found = Message(about={"names": list(pictures)})
    for name, picture in pictures.items():
        found = found.with_part(name, wire.of_pixels(_pixels(picture)))
    return found


def _whom(message: Message) -> Person:
    return wire.person_of(message.part("person"))


def _picture(message: Message) -> Image.Image:
    return to_image(wire.pixels_of(message))


def _pixels(picture: Image.Image) -> Tensor:
    return to_tensor(picture)
