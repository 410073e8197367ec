"""What the data sets say about people, in this project's parts and joints.

A pixel's label is a set of parts it may be, as a bit mask (1 << Part): a teacher that knows only *clothes*
allows upper, dress and lower; no bit means that nothing is known there.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from fitting.person import Joint, Part

Array = NDArray[Any]

CLOTHES = (Part.UPPER, Part.DRESS, Part.LOWER)
BODY_SKIN = (Part.SKIN, Part.ARMS, Part.LEGS)

# BlazePose's point for each COCO joint, in order.
BLAZE_OF_COCO = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)

_CCP_PARTS = {
    Part.HAIR: "hair",
    Part.UPPER: "blazer blouse bodysuit bra cape cardigan coat hoodie intimate jacket jumper shirt sweater "
    "sweatshirt t-shirt tie top vest suit",
    Part.DRESS: "dress romper swimwear",
    Part.LOWER: "jeans leggings panties pants shorts skirt stockings tights",
    Part.FOOTWEAR: "boots clogs flats heels loafers pumps sandals shoes sneakers socks wedges",
    Part.ACCESSORY: "accessories bag bracelet earrings glasses gloves hat necklace purse ring scarf sunglasses "
    "wallet watch",
}
_SYNTHETIC_PARTS = (
    Part.BACKGROUND,
    Part.HAIR,
    Part.FACE,
    Part.ARMS,
    Part.UPPER,
    Part.LOWER,
    Part.SKIN,
    Part.LEGS,
)
# Teacher: background, hair, body skin, face skin, clothes, other.
_TEACHER_SETS = (
    (Part.BACKGROUND,),
    (Part.HAIR,),
    BODY_SKIN,
    (Part.FACE,),
    CLOTHES,
    (Part.FOOTWEAR, Part.ACCESSORY),
)
LUMA_LOWER = ("mp", "msh", "wp", "wsh")


@dataclass(frozen=True)
class LabelledPerson:
    """A photo with what is known of it, at the photo's size.

    Attributes:
        name: source and id.
        image: (H, W, 3) uint8.
        allowed: (H, W) uint16 bit masks of parts; 0 where nothing is known.
        matte: (H, W) uint8, 255 where the person is.
        keypoints: (17, 2) float, pixels.
        known: (17,) bool, the position is labelled.
        visible: (17,) int8, 1 seen, 0 hidden, -1 not labelled.
    """

    name: str
    image: Array
    allowed: Array
    matte: Array
    keypoints: Array
    known: Array
    visible: Array


def bits(*parts: Part) -> int:
    return sum(1 << part for part in parts)


def ccp_people(data: Path, ids: list[str]) -> list[LabelledPerson]:
    """Street photos of Clothing Co-Parsing: hand labels where there are any, the teacher's elsewhere."""
    poses = read_poses(data / "ccp" / "pose.jsonl")
    names = [line.split()[-1] for line in (data / "ccp" / "labels.txt").read_text().splitlines() if line.strip()]
    return [_ccp_person(data / "ccp", id_, poses[id_], names) for id_ in ids if id_ in poses]


def ccp_split(data: Path, split: str) -> list[str]:
    """Ids of a split of the hand-labelled photos (train, val, test), or of the unlabelled ones (`unlabelled`)."""
    splits = json.loads((data / "ccp" / "splits.json").read_text())
    if split in splits:
        return list(splits[split])
    labelled = {id_ for ids in splits.values() for id_ in ids}
    return sorted(path.stem for path in (data / "ccp" / "photos").glob("*.jpg") if path.stem not in labelled)


def _ccp_person(folder: Path, id_: str, pose: Array, names: list[str]) -> LabelledPerson:
    image = read_rgb(folder / "photos" / f"{id_}.jpg")
    teacher = np.array(Image.open(folder / "parsing6" / f"{id_}.png"))
    hand = folder / "labels" / f"{id_}.png"
    points, known, visible = coco_points(pose, image.shape)
    bones = nearest_limb(points, teacher.shape)
    if hand.exists():
        allowed = _hand_parts(np.array(Image.open(hand)), teacher, bones, points, names)
    else:
        allowed = teacher_parts(teacher, bones)
    matte = read_matte(folder / "matte" / f"{id_}.png", image.shape)
    return LabelledPerson(f"ccp-{id_}", image, allowed, matte, points, known, visible)


def _hand_parts(hand: Array, teacher: Array, bones: Array, points: Array, names: list[str]) -> Array:
    """CCP's 59 names as parts; its one *skin* becomes face, torso skin, arms or legs by teacher and pose."""
    table = np.zeros(len(names), np.uint16)
    table[0] = bits(Part.BACKGROUND)
    for part, words in _CCP_PARTS.items():
        for word in words.split():
            table[names.index(word)] = bits(part)
    allowed = table[hand]
    allowed[hand == names.index("belt")] = bits(*CLOTHES)
    skin = hand == names.index("skin")
    allowed[skin] = np.where(teacher == 3, bits(Part.FACE), bones)[skin]
    hips = points[[Joint.LEFT_HIP, Joint.RIGHT_HIP], 1].mean()
    below = np.arange(hand.shape[0])[:, None] > hips
    allowed[(hand == names.index("suit")) & below] = bits(Part.LOWER)
    return allowed


def teacher_parts(teacher: Array, bones: Array) -> Array:
    """The teacher's six classes as bit masks; body skin told apart by the nearest limb."""
    table = np.array([bits(*parts) for parts in _TEACHER_SETS], np.uint16)
    return np.where(teacher == 2, bones, table[teacher]).astype(np.uint16)


def nearest_limb(points: Array, shape: tuple[int, ...]) -> Array:
    """(H, W) uint16: the part that body skin would be at each pixel, by the nearest bone of the pose.

    Worked out at every fourth pixel, which is finer than any bone is sure.
    """
    rows, columns = np.mgrid[0 : shape[0] : 4, 0 : shape[1] : 4] + 2.0
    j = Joint

    def distance(a: Array, b: Array) -> Array:
        along = b - a
        t = ((columns - a[0]) * along[0] + (rows - a[1]) * along[1]) / max(float(along @ along), 1e-6)
        t = np.clip(t, 0, 1)
        return np.hypot(columns - a[0] - t * along[0], rows - a[1] - t * along[1])

    arms, legs = [], []
    for shoulder, elbow, wrist in (
        (j.LEFT_SHOULDER, j.LEFT_ELBOW, j.LEFT_WRIST),
        (j.RIGHT_SHOULDER, j.RIGHT_ELBOW, j.RIGHT_WRIST),
    ):
        upper, lower, hand = points[shoulder], points[elbow], points[wrist]
        # The shoulder's own end belongs to the torso as much as to the arm: start a little down the arm.
        start = upper + 0.2 * (lower - upper)
        arms += [distance(start, lower), distance(lower, hand + 0.4 * (hand - lower))]
    for hip, knee, ankle in (
        (j.LEFT_HIP, j.LEFT_KNEE, j.LEFT_ANKLE),
        (j.RIGHT_HIP, j.RIGHT_KNEE, j.RIGHT_ANKLE),
    ):
        legs += [distance(points[hip], points[knee]), distance(points[knee], points[ankle])]
    shoulders = points[[j.LEFT_SHOULDER, j.RIGHT_SHOULDER]].mean(0)
    hips = points[[j.LEFT_HIP, j.RIGHT_HIP]].mean(0)
    neck = points[j.NOSE]
    torso = [distance(neck, shoulders), distance(shoulders, hips)]
    for shoulder in (j.LEFT_SHOULDER, j.RIGHT_SHOULDER):
        torso.append(distance(shoulders, points[shoulder]))
    nearest = np.stack([np.minimum.reduce(group) for group in (torso, arms, legs)]).argmin(0)
    coarse = np.array([bits(Part.SKIN), bits(Part.ARMS), bits(Part.LEGS)], np.uint16)[nearest]
    return coarse.repeat(4, 0).repeat(4, 1)[: shape[0], : shape[1]]


def luma_people(data: Path, split: str) -> list[LabelledPerson]:
    """Studio photos with the teacher's labels; clothes told apart by the hips and by what changes colour."""
    poses = read_poses(data / "luma" / "pose.jsonl")
    with (data / "luma" / "index.tsv").open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["split"] == split]
    photos = {Path(row["path"]).stem: read_rgb(data / row["path"]) for row in rows}
    people = []
    for row in rows:
        name = Path(row["path"]).stem
        if name not in poses:
            continue
        siblings = [photos[Path(r["path"]).stem] for r in rows if r["product"] == row["product"] and r is not row]
        people.append(_luma_person(data / "luma", name, photos[name], siblings, poses[name]))
    return people


def _luma_person(folder: Path, name: str, image: Array, siblings: list[Array], pose: Array) -> LabelledPerson:
    teacher = np.array(Image.open(folder / "parsing6" / f"{name}.png"))
    points, known, visible = coco_points(pose, image.shape)
    allowed = teacher_parts(teacher, nearest_limb(points, teacher.shape))
    clothes = teacher == 4
    hips = points[[Joint.LEFT_HIP, Joint.RIGHT_HIP], 1].mean()
    torso = abs(hips - points[[Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER], 1].mean())
    rows = np.arange(image.shape[0])[:, None]
    allowed[clothes & (rows < hips - 0.15 * torso)] = bits(Part.UPPER)
    allowed[clothes & (rows >= hips - 0.15 * torso)] = bits(Part.UPPER, Part.LOWER)
    allowed[clothes & (rows > hips + 0.35 * torso)] = bits(Part.LOWER)
    product = bits(Part.LOWER if name.startswith(LUMA_LOWER) else Part.UPPER)
    between = clothes & (rows >= hips - 0.15 * torso) & (rows <= hips + 0.35 * torso)
    allowed[between & changed_colour(image, siblings)] = product
    matte = read_matte(folder / "matte" / f"{name}.png", image.shape)
    return LabelledPerson(f"luma-{name}", image, allowed, matte, points, known, visible)


def changed_colour(image: Array, siblings: list[Array]) -> Array:
    """(H, W) bool: where the same shot in another colourway differs, which is on the product only."""
    changed = np.zeros(image.shape[:2], bool)
    for other in siblings:
        if other.shape == image.shape:
            difference = np.abs(image.astype(np.float32) - other.astype(np.float32)).max(-1)
            changed |= ndimage.uniform_filter(difference, 5) > 24
    return changed


def synthetic_people(data: Path, split: str) -> list[LabelledPerson]:
    """Rendered people with exact labels, both garments of each set."""
    with (data / "synthetic" / "index.tsv").open() as file:
        sets = [row["set"] for row in csv.DictReader(file, delimiter="\t") if row["split"] == split]
    return [_synthetic_person(data / "synthetic" / name, side) for name in sets for side in "AB"]


def _synthetic_person(folder: Path, side: str) -> LabelledPerson:
    image = read_rgb(folder / f"person_{side}.jpg")
    parse = np.array(Image.open(folder / f"parse_{side}.png"))
    allowed = np.array([bits(part) for part in _SYNTHETIC_PARTS], np.uint16)[parse]
    item = json.loads((folder / "meta.json").read_text())["items"]["AB".index(side)]
    points = np.array(item["kp"], np.float32)
    height, width = parse.shape
    inside = (points >= 0).all(1) & (points[:, 0] < width) & (points[:, 1] < height)
    matte = (parse > 0).astype(np.uint8) * 255
    visible = np.where(inside, -1, 0).astype(np.int8)
    return LabelledPerson(f"{folder.name}-{side}", image, allowed, matte, points, np.ones(17, bool), visible)


def read_poses(path: Path) -> dict[str, Array]:
    """Id -> (33, 3) BlazePose points: x / width, y / height, visibility."""
    lines = (json.loads(line) for line in path.read_text().splitlines())
    return {line["id"]: np.array(line["keypoints"], np.float32) for line in lines}


def coco_points(pose: Array, shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """BlazePose points -> COCO keypoints in pixels, known, visible."""
    chosen = pose[list(BLAZE_OF_COCO)].astype(np.float32)
    points = chosen[:, :2] * np.array([shape[1], shape[0]], np.float32)
    return points, np.ones(17, bool), (chosen[:, 2] > 0.5).astype(np.int8)


def read_rgb(path: Path) -> Array:
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def read_matte(path: Path, shape: tuple[int, ...]) -> Array:
    """A teacher's soft mask, enlarged to the photo's size."""
    with Image.open(path) as image:
        return np.array(image.convert("L").resize((shape[1], shape[0]), Image.Resampling.BILINEAR))
