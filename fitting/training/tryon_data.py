"""Batches for the try-on GAN, each a pure function of its step.

Four sources are mixed (`SHARES`): rendered people in other rendered garments, with exact flow; studio shots in
another colourway; worn garments cut out, deformed, and to be put back; and phone photos of garments laid on real
people by the geometric engine, which have no true picture but a place to start from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from fitting.anatomy import MIRRORED, Part
from fitting.conditions import garment_condition, grey, joint_maps, scene_condition
from fitting.fill import push_pull
from fitting.frame import NET
from fitting.training.garment_data import GarmentTables
from fitting.training.loop import Stage
from fitting.training.tryon_choice import believable, main_piece, pairs, wearers
from fitting.training.tryon_tables import TryOnTables
from fitting.training.tryon_views import Deformation, background, grid_of, lights, recoloured, sampled, view_of_person
from fitting.training.views import Rng, tensor

# Share of a batch: rendered pairs, rendered people as they are, colourways, worn garments put back, laid on.
SHARES = {"rendered": 0.38, "rendered same": 0.04, "colourway": 0.1, "worn": 0.2, "laid": 0.28}
DEEP = 16.0  # cells beyond which a garment's outline is far


@dataclass(frozen=True)
class _Case:
    """One sample before it is seen: rows of the person, of the true picture and of the garment."""

    kind: str
    table: TryOnTables
    person: int
    target: int
    garment: int


@dataclass(frozen=True)
class _Cloth:
    """A garment's picture, where each cell of the person finds its colour on it, and where it is seen."""

    picture: Tensor  # (4, h, w) colour and mask in [0, 1]
    places: Tensor  # (256, 192, 2) shares of the picture's width and height; NaN where there is none
    cover: Tensor  # (256, 192) in [0, 1]


class TryOnBatches:
    """`batches(step, stage)`: named tensors of a batch; see `__call__`."""

    def __init__(self, sources: dict[str, TryOnTables], garments: GarmentTables, seed: int = 0) -> None:
        self.sources, self.garments, self.seed = sources, garments, seed
        self.pairs = {name: pairs(table) for name, table in sources.items() if name != "ccp"}
        self.worn = [(t, row) for n in ("luma", "ccp") for t in (sources[n],) for row in wearers(t)]
        self.laid = [(t, row) for n in ("luma", "ccp") for t in (sources[n],) for row in believable(t, n)]

    def __call__(self, step: int, stage: Stage) -> dict[str, Tensor]:
        """A batch at 256x192, floats in [0, 1] where nothing else is said.

        Returns:
            scene, garment: conditions as of `fitting.conditions`.
            cloth: (B, 4, ...) the garment's colour, continued beyond its edge, and mask, in its 3:4 view.
            depth: (B, 1, ...) cells to the garment's outline, up to `DEEP`; negative outside it.
            under: (B, 3, ...) the person without the old garment; edit: (B, 1, ...).
            photo: (B, 3, ...) the person as photographed.
            target: (B, 3, ...) the true picture; where `paired` (B,) is 0, the photo again.
            places: (B, 2, ...) flow in cells, NaN where unknown; trust: (B,) how far to believe it.
            cover: (B, 1, ...) where the garment is seen.
            parts: (B, ...) int64 true parsing, -1 where unknown.
            fine: () whether the stage trains at full detail.
        """
        rng = np.random.default_rng((self.seed, step))
        names, shares = list(SHARES), np.array(list(SHARES.values()))
        # Whole numbers of each kind on average, the rest by chance.
        kinds = rng.choice(len(names), stage.batch, p=shares / shares.sum())
        samples = [self._sample(self._case(names[kind], rng), rng) for kind in kinds]
        batch = {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}
        told = (batch.pop("parsing"), batch["edit"], batch.pop("category"))
        batch["scene"] = scene_condition(batch.pop("agnostic"), joint_maps(batch.pop("joints")), *told)
        batch["garment"] = garment_condition(batch["cloth"][:, :3], batch["cloth"][:, 3:])
        batch["fine"] = torch.tensor(stage.size == NET)
        return batch

    def _case(self, kind: str, rng: Rng) -> _Case:
        if kind.startswith("rendered"):
            table, pairs = self.sources["synthetic"], self.pairs["synthetic"]
            first, second = pairs[rng.integers(len(pairs))]
            return _Case(kind, table, first if kind == "rendered" else second, second, second)
        if kind == "colourway":
            table, pairs = self.sources["luma"], self.pairs["luma"]
            first, second = pairs[rng.integers(len(pairs))]
            return _Case(kind, table, first, second, second)
        if kind == "worn":
            table, row = self.worn[rng.integers(len(self.worn))]
            return _Case(kind, table, row, row, row)
        table, row = self.laid[rng.integers(len(self.laid))]
        person = int(table.laid_person[row])
        return _Case(kind, table, person, person, row)

    def _sample(self, case: _Case, rng: Rng) -> dict[str, Tensor]:
        t, flip = case.table, bool(rng.random() < 0.5)
        cloth = self._cloth(case, rng)
        view = view_of_person(rng, flip)
        grid = grid_of(view)
        rows = [case.person, case.target]
        colour = [tensor(m) / 255 for m in (t.photo[rows[0]], t.under[rows[0]], t.photo[rows[1]])]
        maps = [tensor(m)[..., None] / 255 for m in (t.edit[rows[0]], t.hidden[rows[0]])]
        stack = torch.cat([*colour, *maps, cloth.cover[..., None]], -1).permute(2, 0, 1)
        seen = sampled(stack, grid, "bilinear")
        photo, under, target, edit, hidden, cover = seen.split([3, 3, 3, 1, 1, 1])
        names = (t.truth[rows[0]], t.bare[rows[0]], t.truth[rows[1]])
        sharp = sampled(torch.cat([cloth.places.permute(2, 0, 1), tensor(np.stack(names))]), grid, "nearest")
        places, labels = sharp[:2], sharp[2:].long()
        picture, flow = self._laid_out(case, cloth.picture, places, cover, flip, rng)
        if case.kind != "laid" and rng.random() < 0.6:
            picture, target = recoloured(rng, picture, target, cover)
        photo, under, target, picture = lights(rng, photo, under, target, picture)
        if case.kind.startswith("rendered") and rng.random() < 0.6:
            behind = background(rng, self.garments.scenes)
            pictures = zip((photo, under, target), labels, strict=True)
            photo, under, target = (torch.lerp(p, behind, _soft(part == 0)) for p, part in pictures)
        return self._told(case, t, view, flip, picture, photo, under, target, edit, hidden, cover, labels, flow)

    def _told(
        self,
        case: _Case,
        t: TryOnTables,
        view: NDArray,
        flip: bool,
        picture: Tensor,
        photo: Tensor,
        under: Tensor,
        target: Tensor,
        edit: Tensor,
        hidden: Tensor,
        cover: Tensor,
        labels: Tensor,
        flow: Tensor,
    ) -> dict[str, Tensor]:
        """Put a sample in the networks' terms."""
        hidden = (hidden > 0.01).float()
        category = torch.tensor(int(t.category[case.person]))
        if case.kind == "laid":
            # Kinds of single garments and categories have the same order.
            category = torch.tensor(int(self.garments.kinds[t.laid_garment[case.garment]]))
        paired = case.kind != "laid"
        parts = labels[2] if paired else torch.full_like(labels[2], -1)
        return {
            "agnostic": grey(photo, hidden),
            "joints": _seen_joints(np.array(t.keypoints[case.person]), view, flip),
            "parsing": labels[1],
            "category": category,
            "cloth": picture,
            "depth": depth_of(picture[3]),
            "under": under,
            "edit": edit,
            "photo": photo,
            "target": target if paired else photo,
            "places": flow,
            "cover": cover,
            "parts": parts,
            "paired": torch.tensor(float(paired)),
            "trust": torch.tensor(1.0 if paired else 0.5),
        }

    def _cloth(self, case: _Case, rng: Rng) -> _Cloth:
        t = case.table
        if case.kind.startswith("rendered"):
            picture = tensor(t.product[case.garment]).permute(2, 0, 1) / 255
            places = tensor(t.places[case.garment])
            return _Cloth(picture, places, tensor(t.truth[case.garment] == Part.UPPER))
        if case.kind == "laid":
            row = int(t.laid_garment[case.garment])
            both = [np.array(self.garments.pictures[row]), np.array(self.garments.masks[row])[..., None]]
            picture = tensor(np.concatenate(both, -1)).permute(2, 0, 1) / 255
            return _Cloth(picture, tensor(t.laid_places[case.garment]), tensor(t.laid_cover[case.garment]) / 255)
        return _worn(np.array(t.photo[case.garment]), np.array(t.worn[case.garment]), rng)

    def _laid_out(
        self, case: _Case, picture: Tensor, places: Tensor, cover: Tensor, flip: bool, rng: Rng
    ) -> tuple[Tensor, Tensor]:
        """The garment deformed and fitted into its view, and the flow that leads into it, in cells."""
        rough = 0.7 if case.kind in ("worn", "colourway") else 0.4
        deformation = Deformation.random(rng, picture[3], flip, rough)
        seen = deformation.picture(picture)
        colour = push_pull(seen[:3], (seen[3] > 0.7).float())
        at = deformation.where(places)  # (2, 256, 192) shares of the view
        y, x = torch.meshgrid(torch.arange(NET[0]) + 0.5, torch.arange(NET[1]) + 0.5, indexing="ij")
        flow = torch.stack([at[0] * NET[1] - x, at[1] * NET[0] - y])
        flow[:, cover[0] < 0.5] = float("nan")
        return torch.cat([colour, seen[3:]]), flow


def _seen_joints(keypoints: NDArray, view: NDArray, flip: bool) -> Tensor:
    """Keypoints on the grid, seen through a view of the person."""
    square = np.concatenate([keypoints[:, :2] / (192, 256) - 1, np.ones((17, 1))], 1)
    moved = square @ np.linalg.inv(view).T
    found = np.concatenate([(moved[:, :2] + 1) * (192, 256), keypoints[:, 2:]], 1)
    return tensor(found[MIRRORED] if flip else found)


def depth_of(mask: Tensor) -> Tensor:
    """(H, W) -> (1, H, W) signed distance from the outline in cells, positive inside."""
    inside = mask.numpy() > 0.5
    depth = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
    return tensor(depth - 0.5 * np.sign(depth)).clamp(-DEEP, DEEP)[None]


def _soft(mask: Tensor) -> Tensor:
    """(H, W) bool -> (1, H, W) in [0, 1], its edge one cell soft."""
    return F.avg_pool2d(mask.float()[None], 3, 1, 1)


def _worn(photo: NDArray, worn: NDArray, rng: Rng) -> _Cloth:
    """A garment cut from somebody who wears it.

    What hid parts of it (hands, hair) is painted over, and so are random spots, so that neither holes nor their
    filling tell where hands were.
    """
    mask = main_piece(worn > 127)
    whole = ndimage.binary_fill_holes(ndimage.binary_closing(mask, iterations=3))
    known = ndimage.binary_erosion(mask, iterations=1).astype(np.float32)
    rows, columns = np.mgrid[0 : NET[0], 0 : NET[1]]
    for _ in range(rng.integers(0, 4)):
        at = np.argwhere(mask)[rng.integers(mask.sum())]
        spot = rng.uniform(3, 14, 2)
        known[((rows - at[0]) / spot[0]) ** 2 + ((columns - at[1]) / spot[1]) ** 2 < 1] = 0
    colour = push_pull(tensor(photo).permute(2, 0, 1) / 255, tensor(known))
    y, x = np.mgrid[0 : NET[0], 0 : NET[1]]
    places = np.stack([(x + 0.5) / NET[1], (y + 0.5) / NET[0]], -1).astype(np.float32)
    places[~mask] = np.nan
    return _Cloth(torch.cat([colour, tensor(whole)[None]]), tensor(places), tensor(worn * mask) / 255)
