"""A drawn person and drawn garments, whose every label is known: no network, no data set."""

from __future__ import annotations

from dataclasses import replace

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from fitting.frame import Frame
from fitting.garment import Category, Garment
from fitting.images import to_tensor, to_unit
from fitting.person import Joint, Part, Person

SKIN, SHIRT, TROUSERS, HAIR, WALL = (214, 164, 138), (40, 90, 160), (60, 60, 66), (50, 34, 22), (222, 222, 216)

# Joints of a person standing with arms a little out, on a 384x512 picture; the person's left is on the right.
JOINTS = {
    Joint.NOSE: (192, 84), Joint.LEFT_EYE: (201, 76), Joint.RIGHT_EYE: (183, 76), Joint.LEFT_EAR: (214, 82),
    Joint.RIGHT_EAR: (170, 82), Joint.LEFT_SHOULDER: (238, 142), Joint.RIGHT_SHOULDER: (146, 142),
    Joint.LEFT_ELBOW: (262, 218), Joint.RIGHT_ELBOW: (122, 218), Joint.LEFT_WRIST: (274, 284),
    Joint.RIGHT_WRIST: (110, 284), Joint.LEFT_HIP: (220, 274), Joint.RIGHT_HIP: (164, 274),
    Joint.LEFT_KNEE: (220, 376), Joint.RIGHT_KNEE: (164, 376), Joint.LEFT_ANKLE: (220, 472),
    Joint.RIGHT_ANKLE: (164, 472),
}  # fmt: skip


def person(long_sleeves: bool = True, size: tuple[int, int] = (384, 512)) -> Person:
    """Somebody in a blue shirt and grey trousers before a pale wall, drawn at `size` (columns, rows)."""
    picture, labels = _draw(long_sleeves, size)
    photo = to_tensor(picture)
    frame = Frame.whole(*photo.shape[-2:])
    parts = torch.from_numpy(_array(labels)).long()
    known = frame.cut(torch.stack([(parts == part).float() for part in Part]), fill=0.0)
    known[0] += (1 - known.sum(0)).clamp(min=0)
    scale = size[0] / 384
    points = torch.tensor([JOINTS[joint] for joint in Joint]).float() * scale
    keypoints = torch.cat([frame.to_grid(points), torch.ones(17, 1)], 1)
    parsing = known.argmax(0)
    return Person(photo, frame, frame.cut(to_unit(photo)), parsing, keypoints, (parsing > 0).float())


def _array(image: Image.Image):  # type: ignore[no-untyped-def]
    import numpy as np

    return np.array(image)


def _draw(long_sleeves: bool, size: tuple[int, int]) -> tuple[Image.Image, Image.Image]:
    scale = size[0] / 384
    picture, labels = Image.new("RGB", size, WALL), Image.new("L", size, 0)
    # A wall with some texture, so that a changed pixel is a seen pixel.
    for row in range(0, size[1], 8):
        ImageDraw.Draw(picture).line([(0, row), (size[0], row)], fill=(214, 215, 210))
    draw, mark = ImageDraw.Draw(picture), ImageDraw.Draw(labels)

    def place(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x * scale, y * scale) for x, y in points]

    def shape(points: list[tuple[float, float]], colour: tuple[int, int, int], part: Part) -> None:
        draw.polygon(place(points), fill=colour)
        mark.polygon(place(points), fill=int(part))

    def disc(x: float, y: float, radius: float, colour: tuple[int, int, int], part: Part) -> None:
        box = [((x - radius) * scale, (y - radius) * scale), ((x + radius) * scale, (y + radius) * scale)]
        draw.ellipse(box, fill=colour)
        mark.ellipse(box, fill=int(part))

    def bone(a: Joint, b: Joint, width: float, colour: tuple[int, int, int], part: Part, until: float = 1.0) -> None:
        (x, y), (u, v) = JOINTS[a], JOINTS[b]
        for step in range(41):
            t = until * step / 40
            disc(x + t * (u - x), y + t * (v - y), width, colour, part)

    disc(192, 76, 34, HAIR, Part.HAIR)
    shape([(178, 100), (206, 100), (210, 136), (174, 136)], SKIN, Part.SKIN)
    disc(192, 86, 26, SKIN, Part.FACE)
    for side in ("LEFT", "RIGHT"):
        hip, knee, ankle = (Joint[f"{side}_{name}"] for name in ("HIP", "KNEE", "ANKLE"))
        bone(hip, knee, 25, TROUSERS, Part.LOWER)
        bone(knee, ankle, 19, TROUSERS, Part.LOWER)
    shape([(144, 250), (240, 250), (246, 300), (138, 300)], TROUSERS, Part.LOWER)
    shape([(136, 132), (176, 120), (192, 134), (208, 120), (248, 132), (240, 282), (144, 282)], SHIRT, Part.UPPER)
    for side in ("LEFT", "RIGHT"):
        shoulder, elbow, wrist = (Joint[f"{side}_{name}"] for name in ("SHOULDER", "ELBOW", "WRIST"))
        bone(elbow, wrist, 11, SKIN, Part.ARMS)
        x, y = JOINTS[wrist]
        disc(x + (4 if side == "LEFT" else -4), y + 12, 12, SKIN, Part.ARMS)
        bone(shoulder, elbow, 15, SKIN, Part.ARMS)
        bone(shoulder, elbow, 17, SHIRT, Part.UPPER, 1.0 if long_sleeves else 0.45)
        if long_sleeves:
            bone(elbow, wrist, 14, SHIRT, Part.UPPER, 0.9)
    return picture, labels


def garment(kind: str = "tee") -> Garment:
    """A drawn garment on white: tee, long (sleeves), tank, trousers, skirt, dress."""
    outline = OUTLINES[kind]
    image, mask = Image.new("RGB", (300, 360), "white"), Image.new("L", (300, 360), 0)
    ImageDraw.Draw(image).polygon(outline, fill=(200, 60, 50))
    for row in range(0, 360, 24):
        ImageDraw.Draw(image).line([(0, row), (300, row)], fill=(240, 200, 60), width=6)
    ImageDraw.Draw(mask).polygon(outline, fill=255)
    cut = to_unit(to_tensor(mask))[0]
    colours = to_unit(to_tensor(image)) * cut + (1 - cut)
    return Garment(colours, cut, CATEGORIES[kind], torch.nn.functional.normalize(torch.ones(128), dim=0))


_TORSO_LEFT = [(78, 150), (80, 320)]
_TORSO_RIGHT = [(220, 320), (222, 150)]
_NECK = [(186, 30), (168, 46), (150, 50), (132, 46), (114, 30)]
OUTLINES = {
    "tee": [(84, 44), (16, 118), (52, 148), *_TORSO_LEFT, *_TORSO_RIGHT, (248, 148), (284, 118), (216, 44), *_NECK],
    "long": [(84, 44), (4, 250), (36, 262), *_TORSO_LEFT, *_TORSO_RIGHT, (264, 262), (296, 250), (216, 44), *_NECK],
    "tank": [(96, 34), (98, 90), *_TORSO_LEFT, *_TORSO_RIGHT, (202, 90), (204, 34), *_NECK],
    "trousers": [(90, 20), (70, 350), (130, 350), (144, 130), (156, 130), (170, 350), (230, 350), (210, 20)],
    "skirt": [(100, 20), (50, 300), (250, 300), (200, 20)],
    "dress": [(110, 20), (112, 60), (104, 90), (110, 150), (60, 340), (240, 340), (190, 150), (196, 90), (188, 60),
              (190, 20), (170, 20), (160, 44), (140, 44), (130, 20)],
}  # fmt: skip
CATEGORIES = {
    "tee": Category.UPPER, "long": Category.UPPER, "tank": Category.UPPER, "trousers": Category.LOWER,
    "skirt": Category.LOWER, "dress": Category.DRESS,
}  # fmt: skip


def without(joints: tuple[Joint, ...], someone: Person) -> Person:
    """The same person with joints that were not seen."""
    keypoints: Tensor = someone.keypoints.clone()
    for joint in joints:
        keypoints[joint, 2] = 0.0
    return replace(someone, keypoints=keypoints)
