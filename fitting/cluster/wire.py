"""People, garments and try-ons as bytes. The format is safetensors: numbers and JSON, nothing that could be run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from fitting.frame import GRID, Frame
from fitting.garment import Category, Garment
from fitting.images import MAX_PIXELS, to_image, to_pixels, to_tensor, to_unit
from fitting.person import Joint, Part, Person
from fitting.room import TryOn

_ABOUT = "about"  # the tensor that holds the JSON
MAX_BYTES = 4 * MAX_PIXELS + 2**25  # the largest photo, the person's maps and a garment: no request is longer
TALLEST = 2**15  # rows of a frame: that of the longest photo has fewer


@dataclass(frozen=True)
class Message:
    """What is sent, either way.

    Attributes:
        tensors: by name.
        about: whatever JSON can say.
    """

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The message as it travels."""
        said = torch.frombuffer(bytearray(json.dumps(dict(self.about)).encode()), dtype=torch.uint8)
        whole = {name: tensor.cpu().contiguous() for name, tensor in self.tensors.items()}
        return save({**whole, _ABOUT: said})

    @classmethod
    def from_bytes(cls, content: bytes) -> Message:
        """Read a message. Raises ValueError where it is none."""
        try:
            tensors = load(content)
            about = json.loads(tensors.pop(_ABOUT).numpy().tobytes())
        except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError("this is no message of a fitting room") from error
        if not isinstance(about, dict):
            raise ValueError("this is no message of a fitting room")
        return cls(tensors, about)

    def with_part(self, name: str, part: Message) -> Message:
        """This message with another inside, to be had again with `part`."""
        inside = {f"{name}.{key}": tensor for key, tensor in part.tensors.items()}
        return Message({**self.tensors, **inside}, {**self.about, name: dict(part.about)})

    def part(self, name: str) -> Message:
        """A message inside this one. Raises ValueError where there is none."""
        about = self.about.get(name)
        if not isinstance(about, dict):
            raise ValueError(f"the message lacks its {name}")
        start = f"{name}."
        return Message({k.removeprefix(start): t for k, t in self.tensors.items() if k.startswith(start)}, about)

    def tensor(self, name: str, kind: torch.dtype, *shape: int | None) -> Tensor:
        """A tensor of this kind and shape, in which None stands for any length. Raises ValueError if it is not."""
        tensor = self.tensors.get(name)
        fits = tensor is not None and tensor.dtype is kind and tensor.ndim == len(shape)
        if tensor is None or not fits or any(a not in (None, b) for a, b in zip(shape, tensor.shape, strict=True)):
            raise ValueError(f"the message's {name} must be {kind} of {shape}")
        if tensor.numel() == 0 or (kind.is_floating_point and not bool(tensor.isfinite().all())):
            raise ValueError(f"the message's {name} holds nothing, or what is not a number")
        return tensor

    def notes(self) -> tuple[str, ...]:
        """Sentences for the visitor."""
        return tuple(map(str, self.about.get("notes", ())))


def of_pixels(pixels: Tensor) -> Message:
    """A picture, (3, H, W) uint8."""
    return Message({"pixels": pixels})


def pixels_of(message: Message) -> Tensor:
    """What `of_pixels` was given. Raises ValueError."""
    pixels = message.tensor("pixels", torch.uint8, 3, None, None)
    if pixels.shape[1] * pixels.shape[2] > MAX_PIXELS:
        raise ValueError("the picture has too many pixels")
    return pixels


def of_person(person: Person, photo: bool = True) -> Message:
    """A person, with their photo or without it, for whoever has it."""
    frame = person.frame
    tensors = {
        "image": person.image,
        "parsing": person.parsing.to(torch.uint8),
        "keypoints": person.keypoints,
        "matte": person.matte,
    }
    about = {"frame": [frame.left, frame.top, frame.width, frame.height], "notes": list(person.notes)}
    return Message({**tensors, "pixels": person.photo} if photo else tensors, about)


def person_of(message: Message, photo: Tensor | None = None) -> Person:
    """What `of_person` was given; the photo, where it did not travel along. Raises ValueError."""
    frame = message.about.get("frame")
    if not isinstance(frame, list) or len(frame) != 4 or not all(type(side) is int for side in frame):
        raise ValueError("the message's frame must be four whole numbers")
    left, top, width, height = frame
    if min(width, height) < 1 or height > TALLEST or abs(4 * width - 3 * height) > 8:
        raise ValueError("the message's frame must be 3:4, and no larger than a photo's")
    parsing = message.tensor("parsing", torch.uint8, *GRID).long()
    if int(parsing.max()) >= len(Part):
        raise ValueError("the message's parsing names parts that nobody has")
    return Person(
        pixels_of(message) if photo is None else photo,
        Frame(left, top, width, height),
        message.tensor("image", torch.float32, 3, *GRID),
        parsing,
        message.tensor("keypoints", torch.float32, len(Joint), 3),
        message.tensor("matte", torch.float32, *GRID),
        message.notes(),
    )


def of_garment(garment: Garment) -> Message:
    """A garment. One that was kept in 8 bits, as a shop's are, travels in 8 bits."""
    tensors = {"image": _short(garment.image), "mask": _short(garment.mask), "embedding": garment.embedding}
    about = {"category": garment.category.value, "worn": garment.worn, "notes": list(garment.notes)}
    return Message(tensors, about)


def garment_of(message: Message) -> Garment:
    """What `of_garment` was given. Raises ValueError."""
    image, mask = _long(message, "image", 3, None, None), _long(message, "mask", None, None)
    if image.shape[1:] != mask.shape or mask.numel() > MAX_PIXELS:
        raise ValueError("the message's garment and its mask must be of one size, and not too large")
    embedding = message.tensor("embedding", torch.float32, None)
    category, worn = Category(message.about.get("category")), bool(message.about.get("worn"))
    return Garment(image, mask, category, embedding, worn, message.notes())


def of_try_on(result: TryOn) -> Message:
    """A try-on. Outside the box around what changed it is the photo, which whoever asked has."""
    boxes = [box for box in (result.edit_region.getbbox(), result.warped.getchannel("A").getbbox()) if box]
    left, top = (min((box[side] for box in boxes), default=0) for side in (0, 1))
    right, bottom = (max((box[side] for box in boxes), default=1) for side in (2, 3))
    tensors = {
        "picture": to_tensor(result.picture.crop((left, top, right, bottom))),
        "edit_region": _grey(result.edit_region.crop((left, top, right, bottom))),
        "garment": to_tensor(result.warped.convert("RGB").crop((left, top, right, bottom))),
        "alpha": _grey(result.warped.getchannel("A").crop((left, top, right, bottom))),
    }
    about = {
        "corner": [left, top],
        "category": result.category.value,
        "notes": list(result.notes),
        "seconds": result.seconds,
    }
    return Message(tensors, about)


def try_on_of(message: Message, photo: Tensor) -> TryOn:
    """What `of_try_on` was given, on the photo (3, H, W) uint8 that it was made on. Raises ValueError."""
    picture = to_image(photo)
    corner = message.about.get("corner")
    if not isinstance(corner, list) or len(corner) != 2 or not all(type(at) is int and at >= 0 for at in corner):
        raise ValueError("the message's corner must be two whole numbers")
    changed = message.tensor("picture", torch.uint8, 3, None, None)
    size = changed.shape[1:]
    if corner[0] + size[1] > picture.width or corner[1] + size[0] > picture.height:
        raise ValueError("the message's try-on is larger than the photo")
    warped = to_image(message.tensor("garment", torch.uint8, 3, *size))
    warped.putalpha(to_image(message.tensor("alpha", torch.uint8, *size)))
    region, laid = Image.new("L", picture.size), Image.new("RGBA", picture.size)
    place = (corner[0], corner[1])
    picture.paste(to_image(changed), place)
    region.paste(to_image(message.tensor("edit_region", torch.uint8, *size)), place)
    laid.paste(warped, place)
    seconds = {str(stage): float(spent) for stage, spent in dict(message.about.get("seconds") or {}).items()}
    return TryOn(picture, region, laid, Category(message.about.get("category")), message.notes(), seconds)


def _grey(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image))


def _short(unit: Tensor) -> Tensor:
    """Values in [0, 1] in 8 bits, where that loses nothing."""
    pixels = to_pixels(unit)
    return pixels if torch.equal(to_unit(pixels), unit) else unit


def _long(message: Message, name: str, *shape: int | None) -> Tensor:
    tensor = message.tensors.get(name)
    if tensor is not None and tensor.dtype is torch.uint8:
        return to_unit(message.tensor(name, torch.uint8, *shape))
    return message.tensor(name, torch.float32, *shape)
