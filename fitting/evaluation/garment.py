"""How good GarmentNet is, on pictures that nothing was trained on.

Four questions: is the cut-out right (against rendered truth laid on street photos, and against a teacher's
masks of phone photos), is the category right, is what is no garment refused, and is a garment found again
when it was turned, moved away, mirrored and lit by another lamp.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from fitting import cutout, images
from fitting.errors import FittingError, GarmentError
from fitting.garment import GarmentNet, Kind, cut_out, embed, glance_at, look_closer, understand_garment
from fitting.person import PersonNet
from fitting.training.garment_data import bare_crops, cc0_rows, patches, read, synthetic_rows
from fitting.training.views import look, tensor, texture

SIZE = (512, 512)  # of composites
TRIES = 3  # backgrounds a rendered product is laid on
GALLERY = 400


@dataclass(frozen=True)
class Case:
    """One picture judged: the score is an IoU, or 1 right and 0 wrong."""

    picture: Tensor  # (3, H, W) in [0, 1]
    score: float
    found: Tensor | None = None  # (H, W) mask
    text: str = ""


def evaluate(data: Path, net: GarmentNet, person_net: PersonNet | None = None) -> dict[str, Any]:
    """All numbers, on held-out pictures.

    Args:
        data: the folder with `garments_cc0`, `synthetic` and `ccp`.
        net: in evaluation mode.
        person_net: also measures garments cut out of street photos.
    """
    began = time.perf_counter()
    rendered, photos = list(composites(data, net)), list(teacher_cases(data, net))
    kinds = list(kind_cases(data, net))
    none = list(none_cases(data, net))
    return {
        "cutout_rendered": _summary(rendered),
        "cutout_photos": _summary(photos),
        "category": {"accuracy": _mean(kinds), **confusion(kinds)},
        "not_a_garment": {
            "recall": _mean(none),
            "pictures": len(none),
            **{name: _mean([c for c in none if c.text.startswith(name)]) for name in ("people", "scene", "made up")},
        },
        "retrieval": retrieval(data, net)[0],
        **({"worn": worn(data, net, person_net)} if person_net else {}),
        "seconds": round(time.perf_counter() - began),
    }


def sheet(data: Path, net: GarmentNet) -> Image.Image:
    """The worst twelve of each: rendered cut-outs, photos' cut-outs, categories, lookalikes mistaken."""
    groups = [list(composites(data, net)), list(teacher_cases(data, net)), list(kind_cases(data, net))]
    groups += [list(none_cases(data, net)), retrieval(data, net)[1]]
    lines = []
    for cases in groups:
        worst = sorted(cases, key=lambda case: case.score)[:12]
        lines.append(np.concatenate([_tile(case) for case in worst], 1) if worst else None)
    wide = max(line.shape[1] for line in lines if line is not None)
    kept = [np.pad(line, ((0, 0), (0, wide - line.shape[1]), (0, 0))) for line in lines if line is not None]
    return Image.fromarray(np.concatenate(kept))


def full_mask(net: GarmentNet, unit: Tensor) -> Tensor:
    """The whole way to a cut-out, at the picture's own size (H, W); empty where none is found."""
    mask = torch.zeros(unit.shape[-2:])
    try:
        found = cut_out(net, unit, glance_at(net, unit)[1])
    except FittingError:
        return mask
    top, left, bottom, right = found.box
    mask[top:bottom, left:right] = cutout.resize(found.mask[None], (bottom - top, right - left))[0]
    return mask


def iou(found: Tensor, truth: Tensor) -> float:
    """Intersection over union of two masks, both cut at a half."""
    found, truth = found > 0.5, truth > 0.5
    return float((found & truth).sum() / (found | truth).sum().clamp(min=1))


def composites(data: Path, net: GarmentNet) -> Iterator[Case]:
    """Rendered products, turned and scaled, on street photos."""
    rng = np.random.default_rng(11)
    splits = json.loads((data / "ccp" / "splits.json").read_text(encoding="utf-8"))
    for row in synthetic_rows(data, "heldout"):
        picture, mask = read(row)
        maps = np.concatenate([np.asarray(picture), np.asarray(mask)[..., None]], 2).transpose(2, 0, 1) / 255
        side = max(maps.shape[1:])
        square = np.zeros((4, side, side), np.float32)
        top, left = (side - maps.shape[1]) // 2, (side - maps.shape[2]) // 2
        square[:, top : top + maps.shape[1], left : left + maps.shape[2]] = maps
        for _ in range(TRIES):
            name = splits["val"][rng.integers(len(splits["val"]))]
            behind = _street_photo(data, name, rng)
            turned = look(tensor(square)[None], turn(rng, 0.26, (0.8, 1.6))[None], SIZE, "zeros")[0]
            truth = turned[3]
            yield _judge(net, turned[:3] * truth + behind * (1 - truth), truth)


def teacher_cases(data: Path, net: GarmentNet) -> Iterator[Case]:
    """Phone photos against the teacher's masks."""
    for row in cc0_rows(data, "heldout"):
        picture, mask = read(row)
        if mask is not None:
            truth = images.to_unit(torch.from_numpy(np.array(mask)))
            yield _judge(net, images.to_unit(images.to_tensor(picture)), truth)


def kind_cases(data: Path, net: GarmentNet) -> Iterator[Case]:
    """Phone photos against their labels; a garment taken for none counts as wrong."""
    for row in cc0_rows(data, "heldout"):
        unit = images.to_unit(images.to_tensor(read(row)[0]))
        found = _kind_taken(net, unit)
        yield Case(unit, float(found is row.kind), None, f"{row.kind.name} as {found.name}")


def _kind_taken(net: GarmentNet, unit: Tensor) -> Kind:
    """What a picture is taken for: no garment by a glance, which garment by the mean with the closer look."""
    chances, glance = glance_at(net, unit)
    if chances.argmax() < Kind.WORN:
        with suppress(GarmentError):
            chances = (chances + look_closer(net, unit, glance)[1])[: Kind.WORN]
    return Kind(int(chances.argmax()))


def none_cases(data: Path, net: GarmentNet) -> Iterator[Case]:
    """What is no garment by itself: people, streets and floors, made-up textures."""
    rng = np.random.default_rng(12)
    shown: list[tuple[str, Tensor]] = []
    splits = json.loads((data / "ccp" / "splits.json").read_text(encoding="utf-8"))
    for name in splits["test"]:
        photo = Image.open(data / "ccp" / "photos" / f"{name}.jpg").convert("RGB")
        shown.append(("people", images.to_tensor(photo)))
        clothes = np.asarray(Image.open(data / "ccp" / "parsing6" / f"{name}.png")) == 4
        shown += [("scene", _pixels(crop)) for crop in bare_crops(photo, clothes, rng)]
    for row in cc0_rows(data, "heldout"):
        picture, mask = read(row)
        free = patches(np.asarray(picture), np.asarray(mask) < 20)
        shown += [("scene", _pixels(patch)) for patch in free]
    shown += [("made up", images.to_pixels(texture(rng, (256, 256)))) for _ in range(50)]
    for name, pixels in shown:
        unit = images.to_unit(pixels)
        found = Kind(int(glance_at(net, unit)[0].argmax()))
        wanted = (Kind.WORN, Kind.OTHER)
        yield Case(unit, float(found in wanted), None, f"{name} as {found.name}")


def confusion(cases: list[Case]) -> dict[str, Any]:
    """How often each kind was taken for each, and the recall of each."""
    counts: dict[str, dict[str, int]] = {}
    for case in cases:
        truth, found = case.text.lower().split(" as ")
        counts.setdefault(truth, {}).setdefault(found, 0)
        counts[truth][found] += 1
    recall = {truth: round(row.get(truth, 0) / sum(row.values()), 4) for truth, row in counts.items()}
    return {"pictures": len(cases), "recall": recall, "confusion": counts}


def retrieval(data: Path, net: GarmentNet) -> tuple[dict[str, float], list[Case]]:
    """Find each of 400 pictures by a view of it that was turned, scaled, mirrored and lit otherwise."""
    rng = np.random.default_rng(13)
    rows = cc0_rows(data, "heldout")
    chosen = [rows[i] for i in sorted(rng.permutation(len(rows))[:GALLERY])]
    units = [images.to_unit(images.to_tensor(read(row)[0])) for row in chosen]
    queries = [another_view(unit, rng) for unit in units]
    gallery, asked = (torch.stack([_embedding(net, unit) for unit in group]) for group in (units, queries))
    order = (asked @ gallery.T).argsort(1, descending=True)
    rank = (order == torch.arange(len(order))[:, None]).int().argmax(1)
    cases = []
    for index, place in enumerate(rank.tolist()):
        if place:
            pictures = [queries[index], units[int(order[index, 0])], units[index]]
            strip = torch.cat([cutout.letterbox(picture, 160) for picture in pictures], 2)
            cases.append(Case(strip, 1 / (1 + place), None, f"rank {place + 1}"))
    numbers = {"top1": float((rank == 0).float().mean()), "recall5": float((rank < 5).float().mean())}
    return {"pictures": len(chosen), **{name: round(value, 4) for name, value in numbers.items()}}, cases


def another_view(unit: Tensor, rng: np.random.Generator) -> Tensor:
    """Turned by up to 45 degrees, 0.6 to 1 times the size, mirrored half the time, channels times 0.8 to 1.2."""
    angle = rng.uniform(-np.pi / 4, np.pi / 4)
    place = turn(rng, 0.0, (1.0, 1 / 0.6))
    spin = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    flip = np.diag([-1.0 if rng.random() < 0.5 else 1.0, 1.0, 1.0])
    side = max(unit.shape[-2:])
    square = cutout.letterbox(unit, side)
    seen = look(square[None], (spin @ flip @ place)[None], (side, side))[0]
    return (seen * tensor(rng.uniform(0.8, 1.2, (3, 1, 1)))).clamp(0, 1)


def turn(rng: np.random.Generator, most: float, zoom: tuple[float, float]) -> NDArray:
    """A rotation of up to `most` radians, a scale of the window and a small shift, as a homography (3, 3)."""
    angle, scale = rng.uniform(-most, most), rng.uniform(*zoom)
    x, y = rng.uniform(-0.15, 0.15, 2)
    cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
    return np.array([[cosine, -sine, x], [sine, cosine, y], [0, 0, 1]])


def worn(data: Path, net: GarmentNet, person_net: PersonNet) -> dict[str, float]:
    """Street photos: how many are taken for somebody wearing clothes, and give a garment."""
    splits = json.loads((data / "ccp" / "splits.json").read_text(encoding="utf-8"))
    taken = 0
    for name in splits["test"]:
        picture = images.to_tensor(Image.open(data / "ccp" / "photos" / f"{name}.jpg"))
        try:
            taken += understand_garment(net, picture, None, person_net).worn
        except FittingError:
            continue
    return {"pictures": len(splits["test"]), "garment_found": round(taken / len(splits["test"]), 4)}


def _embedding(net: GarmentNet, unit: Tensor) -> Tensor:
    try:
        found = cut_out(net, unit, glance_at(net, unit)[1])
    except FittingError:
        return embed(net, unit, torch.ones(unit.shape[-2:]))
    return embed(net, found.image, found.mask)


def _street_photo(data: Path, name: str, rng: np.random.Generator) -> Tensor:
    """A square piece of a photo, at `SIZE`."""
    photo = Image.open(data / "ccp" / "photos" / f"{name}.jpg").convert("RGB")
    side = int(rng.uniform(0.6, 1.0) * min(photo.size))
    left, top = (int(rng.integers(0, whole - side + 1)) for whole in photo.size)
    piece = photo.crop((left, top, left + side, top + side)).resize(SIZE, Image.Resampling.BICUBIC)
    return images.to_unit(images.to_tensor(piece))


def _judge(net: GarmentNet, unit: Tensor, truth: Tensor) -> Case:
    unit = images.to_unit(images.to_pixels(unit))
    found = full_mask(net, unit)
    score = iou(found, truth)
    return Case(unit, score, found, f"{score:.3f}")


def _pixels(array: NDArray) -> Tensor:
    return torch.from_numpy(array.copy()).permute(2, 0, 1)


def _mean(cases: list[Case]) -> float:
    return round(float(np.mean([case.score for case in cases])), 4)


def _summary(cases: list[Case]) -> dict[str, float]:
    scores = np.array([case.score for case in cases])
    low, middle = (round(float(np.percentile(scores, share)), 4) for share in (10, 50))
    return {"iou": _mean(cases), "iou_median": middle, "iou_tenth_percentile": low, "pictures": len(cases)}


def _tile(case: Case, side: int = 160) -> NDArray[np.uint8]:
    """A picture, what was cut out of it on magenta, and its text: (176, 480, 3)."""
    if case.found is None:
        picture = case.picture if case.picture.shape[-1] == 3 * side else cutout.letterbox(case.picture, side)
    else:
        magenta = tensor([1.0, 0.0, 1.0])[:, None, None]
        cut = case.picture * case.found + magenta * (1 - case.found)
        picture = torch.cat([cutout.letterbox(x, side) for x in (case.picture, cut)], 2)
    canvas = Image.new("RGB", (picture.shape[-1] + 4, side + 16))
    canvas.paste(images.to_image(images.to_pixels(picture)), (0, 0))
    ImageDraw.Draw(canvas).text((2, side + 2), case.text, fill="white")
    return np.asarray(canvas)
