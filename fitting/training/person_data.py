"""Batches to train PersonNet: labelled people, seen as visitors' photos might show them.

People are cut out by their matte and put before rooms, floors and plain walls, framed from whole body to waist
up or with the head cut off, tilted, mirrored, lit, blurred and compressed; sometimes another person stands
behind them.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter
from torch import Tensor

from fitting.anatomy import MIRRORED, Joint, Part
from fitting.images import to_signed
from fitting.training.labels import (
    Array,
    LabelledPerson,
    bits,
    ccp_people,
    ccp_split,
    luma_people,
    synthetic_people,
)
from fitting.training.loop import Stage

HEIGHT = 512  # people are kept at most this high


@dataclass(frozen=True)
class Source:
    """People of one kind, how often they are drawn, and how often before another background."""

    people: list[LabelledPerson]
    share: float
    composite: float


def training_sources(data: Path) -> list[Source]:
    """The training splits; nothing held out is among them."""
    return [
        Source(shrunk(ccp_people(data, ccp_split(data, "train"))), 0.44, 0.3),
        Source(shrunk(ccp_people(data, ccp_split(data, "unlabelled"))), 0.12, 0.3),
        Source(shrunk(luma_people(data, "train")), 0.26, 0.5),
        Source(shrunk(synthetic_people(data, "train")), 0.18, 0.6),
    ]


def shrunk(people: list[LabelledPerson]) -> list[LabelledPerson]:
    """The same people at most HEIGHT pixels high."""
    return [_shrink(person) for person in people]


def _shrink(person: LabelledPerson) -> LabelledPerson:
    height, width = person.image.shape[:2]
    if height <= HEIGHT:
        return person
    scale = HEIGHT / height
    size = (round(width * scale), HEIGHT)
    image = np.array(Image.fromarray(person.image).resize(size, Image.Resampling.BILINEAR, reducing_gap=2))
    matte = np.array(Image.fromarray(person.matte).resize(size, Image.Resampling.BILINEAR))
    rows = ((np.arange(size[1]) + 0.5) / scale).astype(int)
    columns = ((np.arange(size[0]) + 0.5) / scale).astype(int)
    allowed = person.allowed[rows][:, columns]
    return replace(person, image=image, matte=matte, allowed=allowed, keypoints=person.keypoints * scale)


def backgrounds(data: Path) -> list[Array]:
    """Rooms, floors and beds without people: training photos of garments, children's left out."""
    with (data / "garments_cc0" / "index.tsv").open() as file:
        rows = [r for r in csv.DictReader(file, delimiter="\t") if r["split"] == "train" and r["kids"] != "True"]
    paths = [data / "garments_cc0" / row["path"] for row in rows[::3]]
    return [np.array(Image.open(path).convert("RGB").resize((192, 256))) for path in paths]


class PersonBatches:
    """`batches(step, stage)`: a batch as a function of its step alone."""

    def __init__(self, sources: list[Source], rooms: list[Array], seed: int = 0) -> None:
        self.sources, self.rooms, self.seed = sources, rooms, seed
        self.shares = np.array([source.share for source in sources])
        self.shares /= self.shares.sum()

    def __call__(self, step: int, stage: Stage) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.seed, step])
        samples = [self.sample(rng, stage.size) for _ in range(stage.batch)]
        batch = {name: torch.from_numpy(np.stack([s[name] for s in samples])) for name in samples[0]}
        image = to_signed(batch["image"].permute(0, 3, 1, 2).float() / 255)
        batch["image"] = image.contiguous(memory_format=torch.channels_last)
        return batch

    def sample(self, rng: np.random.Generator, size: tuple[int, int]) -> dict[str, Array]:
        """One picture of `size` (rows, columns) with its labels; keypoints in its pixels."""
        source = self.sources[rng.choice(len(self.sources), p=self.shares)]
        person = source.people[rng.integers(len(source.people))]
        composite = rng.random() < source.composite
        turn = view_of(person, rng, size, keep_inside=not composite)
        layers = seen(person, turn, size)
        image: Array = layers["image"].astype(np.float32)
        matte: Array = layers["matte"].astype(np.float32) / 255
        others: Array = np.zeros(size, np.float32)
        if composite or rng.random() < 0.08:
            behind = self.background(rng, size) if composite else image
            if rng.random() < 0.2:
                behind, others = self.bystander(rng, size, behind)
            alpha = matte[..., None]
            image = image * alpha + behind * (1 - alpha)
            others = others * (1 - matte)
        allowed: Array = layers["allowed"].astype(np.int32)
        if composite:
            # Where the matte says background nothing else is left of the photo, whatever its labels say.
            allowed = np.where(matte < 0.1, bits(Part.BACKGROUND), allowed)
        allowed = np.where((others > 0.5) & (layers["inside"] > 0), bits(Part.BACKGROUND), allowed)
        allowed = np.where(layers["inside"] > 0, allowed, bits(Part.BACKGROUND) if composite else 0)
        points = person.keypoints @ turn[:, :2].T + turn[:, 2]
        known, visible = person.known.copy(), person.visible.copy()
        picture = photographed(image, rng)
        if rng.random() < 0.5:
            picture, allowed, matte, others = (a[:, ::-1] for a in (picture, allowed, matte, others))
            points = np.stack([size[1] - points[:, 0], points[:, 1]], 1)[MIRRORED]
            known, visible = known[MIRRORED], visible[MIRRORED]
        return {
            "image": np.ascontiguousarray(picture),
            "allowed": np.ascontiguousarray(allowed, np.int32),
            "matte": np.ascontiguousarray(matte, np.float32),
            "others": np.ascontiguousarray(others, np.float32),
            "points": points.astype(np.float32),
            "known": known,
            "visible": visible,
        }

    def background(self, rng: np.random.Generator, size: tuple[int, int]) -> Array:
        """(*size, 3) float: a room, a plain or graded wall."""
        if rng.random() < 0.3:
            corners = rng.uniform(30, 255, (1, 1, 3)) + rng.normal(0, 14, (2, 2, 3))
            wall = Image.fromarray(np.clip(corners, 0, 255).astype(np.uint8))
            return np.array(wall.resize((size[1], size[0]), Image.Resampling.BILINEAR), np.float32)
        room = self.rooms[rng.integers(len(self.rooms))]
        height, width = room.shape[:2]
        scale = rng.uniform(0.4, 1)
        top, left = rng.uniform(0, 1 - scale, 2) * (height, width)
        box = (left, top, left + scale * width, top + scale * height)
        picture = Image.fromarray(room).resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box)
        if rng.random() < 0.5:
            picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, 3) * size[0] / 256))
        return np.array(picture, np.float32)

    def bystander(self, rng: np.random.Generator, size: tuple[int, int], behind: Array) -> tuple[Array, Array]:
        """Another, smaller person in the background: the picture and where they are."""
        source = self.sources[rng.choice(len(self.sources), p=self.shares)]
        person = source.people[rng.integers(len(source.people))]
        height = person.image.shape[0]
        scale = size[0] / height * rng.uniform(0.3, 0.8)
        x = rng.choice([rng.uniform(-0.1, 0.25), rng.uniform(0.75, 1.1)]) * size[1]
        top = size[0] - scale * height * rng.uniform(0.85, 1.1)
        turn = np.array([[scale, 0, x - scale * person.image.shape[1] / 2], [0, scale, top]])
        layers = seen(person, turn, size)
        alpha = layers["matte"].astype(np.float32)[..., None] / 255 * (layers["inside"][..., None] > 0)
        return layers["image"] * alpha + behind * (1 - alpha), alpha[..., 0]


def view_of(person: LabelledPerson, rng: np.random.Generator, size: tuple[int, int], keep_inside: bool) -> Array:
    """(2, 3) affine map from the person's photo to a picture of `size`: framing and tilt.

    Never looks past an edge of the photo at which the person is cut off.
    """
    height, width = person.matte.shape
    rows = np.flatnonzero((person.matte > 127).any(1))
    top, bottom = (rows.min(), rows.max() + 1) if len(rows) else (0, height)
    # The matte may hold passers-by; the joints are this person's alone.
    reach = person.keypoints[person.visible != 0, 0] if (person.visible != 0).any() else person.keypoints[:, 0]
    left = max(reach.min() - 0.07 * (bottom - top), 0)
    right = min(reach.max() + 0.07 * (bottom - top), width)
    kind = rng.random()
    if kind < 0.45:  # most of the figure
        tall = (bottom - top) * rng.uniform(1.02, 1.6)
        middle = (top + bottom) / 2 + rng.normal(0, 0.06) * tall
    elif kind < 0.9:  # waist up, thighs up
        shoulders = person.keypoints[[Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER], 1].mean()
        torso = max(person.keypoints[[Joint.LEFT_HIP, Joint.RIGHT_HIP], 1].mean() - shoulders, 0.12 * height)
        start = max(shoulders - torso * rng.uniform(0.35, 1.3), top - 0.1 * height)
        end = min(shoulders + torso * rng.uniform(1.0, 2.4), bottom + 0.05 * height)
        tall, middle = max(end - start, 0.2 * height), (start + end) / 2
    else:
        tall = (bottom - top) * rng.uniform(0.5, 1.0)
        middle = rng.uniform(top + tall / 2, bottom - tall / 2)
    tall = max(tall, (right - left) * 0.75 if kind < 0.6 else 0)
    wide = tall * size[1] / size[0]
    centre = (left + right) / 2 + rng.normal(0, 0.08) * wide
    spill = 0.0 if (keep_inside and rng.random() < 0.7) else 0.25
    middle = _kept(middle, tall, height, top <= 1, bottom >= height - 1, spill if keep_inside else 9.0)
    centre = _kept(centre, wide, width, left <= 1, right >= width - 1, spill if keep_inside else 9.0)
    angle = rng.normal(0, 6) * np.pi / 180 if rng.random() < 0.35 else 0.0
    scale = size[0] / tall
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array([size[1] / 2, size[0] / 2]) - turn @ np.array([centre, middle])
    return np.concatenate([turn, shift[:, None]], 1)


def _kept(middle: float, length: float, limit: float, cut_low: bool, cut_high: bool, spill: float) -> float:
    """Move a window's middle so that it passes no edge where the person is cut, others by at most `spill`."""
    low = length / 2 - (0 if cut_low else spill * limit)
    high = limit - length / 2 + (0 if cut_high else spill * limit)
    if low > high:
        return limit - length / 2 if cut_high and not cut_low else (low + high) / 2
    return float(np.clip(middle, low, high))


def seen(person: LabelledPerson, turn: Array, size: tuple[int, int]) -> dict[str, Array]:
    """The person's layers through an affine map; outside the photo its edge is repeated and `inside` is 0."""
    back = np.linalg.inv(np.concatenate([turn, [[0, 0, 1]]]))[:2]
    shrink = max(1, int(np.hypot(back[0, 0], back[1, 0]) + 0.25))
    layers: dict[str, Array] = {}
    sampling = Image.Resampling
    # Reducing first keeps bilinear sampling from skipping pixels; labels are sampled where they are.
    small = Image.fromarray(person.image).reduce(shrink) if shrink > 1 else Image.fromarray(person.image)
    soft = Image.fromarray(person.matte).reduce(shrink) if shrink > 1 else Image.fromarray(person.matte)
    frame = (size[1], size[0])
    pad = max(small.size) // 3
    edged = Image.fromarray(np.pad(np.array(small), ((pad, pad), (pad, pad), (0, 0)), mode="edge"))
    inner = back / shrink
    outer = inner + np.array([[0, 0, pad], [0, 0, pad]])
    layers["image"] = np.array(
        edged.transform(frame, Image.Transform.AFFINE, outer.ravel().tolist(), sampling.BILINEAR)
    )
    layers["matte"] = np.array(soft.transform(frame, Image.Transform.AFFINE, inner.ravel().tolist(), sampling.BILINEAR))
    masks = Image.fromarray(person.allowed.astype(np.int32), mode="I")
    layers["allowed"] = np.array(
        masks.transform(frame, Image.Transform.AFFINE, back.ravel().tolist(), sampling.NEAREST)
    )
    whole = Image.new("L", (person.image.shape[1], person.image.shape[0]), 255)
    layers["inside"] = np.array(whole.transform(frame, Image.Transform.AFFINE, back.ravel().tolist(), sampling.NEAREST))
    return layers


def photographed(image: Array, rng: np.random.Generator) -> Array:
    """Light, colour cast, grey, blur, noise, low resolution and JPEG, each now and then: uint8 in and out."""
    picture = image
    if rng.random() < 0.5:
        picture = 255 * (np.clip(picture, 0, 255) / 255) ** rng.uniform(0.6, 1.7)
    if rng.random() < 0.5:
        picture = picture * rng.uniform(0.82, 1.18, 3)
    if rng.random() < 0.3:
        rows, columns = picture.shape[:2]
        ramp = (
            np.linspace(-1, 1, columns)[None, :, None]
            if rng.random() < 0.5
            else np.linspace(-1, 1, rows)[:, None, None]
        )
        picture = picture * (1 + rng.uniform(-0.4, 0.4) * ramp)
    photo = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    if rng.random() < 0.4:
        photo = ImageEnhance.Contrast(photo).enhance(rng.uniform(0.6, 1.5))
    if rng.random() < 0.4:
        photo = ImageEnhance.Color(photo).enhance(rng.choice([0.0, rng.uniform(0.3, 1.6)], p=[0.1, 0.9]))
    if rng.random() < 0.25:
        photo = photo.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.6) * photo.height / 256))
    if rng.random() < 0.2:
        small = photo.resize((photo.width // 2, photo.height // 2), Image.Resampling.BILINEAR)
        photo = small.resize(photo.size, Image.Resampling.BILINEAR)
    array = np.array(photo)
    if rng.random() < 0.25:
        noise = rng.normal(0, rng.uniform(2, 14), array.shape)
        array = np.clip(array + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        file = io.BytesIO()
        Image.fromarray(array).save(file, "JPEG", quality=int(rng.integers(25, 90)))
        array = np.array(Image.open(file))
    return array
