"""Garments with what is said of them and how they look: what item profiles are learned from.

Rendered garments are described by the parameters that they were made with, phone photos by their label; both are
given the colours that their pixels have, since nobody wrote these down. The sample shop's items have a title and
attributes of their own.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from scipy.cluster.vq import kmeans2
from torch import Tensor

from fitting import weights
from fitting.attributes import Description, colour_named, lab_of, numbers
from fitting.catalogue import FILE, Catalogue
from fitting.garment import CATEGORIES, Category, GarmentNet, embed
from fitting.sample import EMBEDDINGS
from fitting.sample import FOLDER as SAMPLE
from fitting.training.garment_data import KIND_OF_LABEL, is_clean, read_table

log = logging.getLogger(__name__)

SIDE = 256  # longest side at which garments are looked at
SLEEVES = ((0.08, "sleeveless"), (0.25, "cap"), (0.42, "short"), (0.7, "elbow"), (2.0, "long"))
TEXTURES = {"hstripe": "horizontal stripes", "vstripe": "vertical stripes", "block": "colour block"}
LABELS = {"Longsleeve": "long-sleeve top", "Outwear": "jacket", "Pants": "trousers", "Undershirt": "vest"}


@dataclass(frozen=True)
class Described:
    """Garments, described and looked at.

    Attributes:
        names: where each is from, such as `sample/ID`.
        said: what is said of each.
        embeddings: (N, D) by GarmentNet, unit length.
    """

    names: list[str]
    said: list[Description]
    embeddings: Tensor

    def __len__(self) -> int:
        return len(self.names)

    def numbers(self) -> Tensor:
        """(N, WIDTH) what is said, see `fitting.attributes`."""
        return torch.from_numpy(np.stack([numbers(one) for one in self.said]))

    def where(self, kept: NDArray[np.bool_]) -> Described:
        places = np.flatnonzero(kept)
        return Described([self.names[p] for p in places], [self.said[p] for p in places], self.embeddings[places])

    def of(self, *sources: str) -> NDArray[np.bool_]:
        """Which are from these."""
        return np.array([name.split("/")[0] in sources for name in self.names])

    def __add__(self, other: Described) -> Described:
        return Described(
            self.names + other.names, self.said + other.said, torch.cat([self.embeddings, other.embeddings])
        )


def sample_shop(folder: Path = SAMPLE) -> Described:
    """The sample shop's items, in its order."""
    catalogue = Catalogue.load(folder)
    vectors = load_file(folder / EMBEDDINGS)
    items = catalogue.items
    said = [Description.of(item) for item in items]
    return Described([f"sample/{item.id}" for item in items], said, torch.stack([vectors[item.id] for item in items]))


def pictured(data: Path, cache: Path, split: str) -> Described:
    """Rendered garments and phone photos of a split, without those that the sample shop sells.

    Looked at once, in minutes, and kept in `cache`.
    """
    text, vectors = cache / f"{split}.json", cache / f"{split}.safetensors"
    if not (text.exists() and vectors.exists()):
        cache.mkdir(parents=True, exist_ok=True)
        net = weights.load(GarmentNet, "garment")
        rows, found = [], []
        for name, said, picture, mask in _pictures(data, split):
            rows.append({"name": name, **asdict(replace(said, colours=colours(picture, mask)))})
            unit = picture.permute(2, 0, 1).float() / 255
            found.append(embed(net, unit, mask.float() / 255))
            if len(rows) % 500 == 0:
                log.info("%d garments looked at", len(rows))
        save_file({"embeddings": torch.stack(found)}, vectors)
        text.write_text(json.dumps(rows, indent=0) + "\n", encoding="utf-8")
    rows = json.loads(text.read_text(encoding="utf-8"))
    sold = _sold()
    names = [row.pop("name") for row in rows]
    every_said = [
        titled(Description(Category(row.pop("category")), colours=tuple(row.pop("colours")), **row)) for row in rows
    ]
    every = Described(names, every_said, load_file(vectors)["embeddings"])
    return every.where(np.array([name not in sold for name in names]))


def titled(said: Description) -> Description:
    """With the colours in its title, as shops have them."""
    return replace(said, title=f"{' and '.join(said.colours)} {said.title}".capitalize())


def colours(picture: Tensor, mask: Tensor, least: float = 0.25, apart: float = 22.0) -> tuple[str, ...]:
    """The names of the one or two colours that a garment has, the larger first.

    Args:
        picture: (H, W, 3) uint8.
        mask: (H, W) uint8, the garment in it.
        least: share of the garment that a second colour has.
        apart: distance in CIELAB from which two colours are two.
    """
    pixels = picture[mask > 200].numpy()
    if len(pixels) < 16:
        pixels = picture.flatten(0, 1).numpy()
    pixels = pixels[:: max(1, len(pixels) // 2000)]
    lab = lab_of(pixels)
    if np.linalg.norm(lab.std(0)) < apart / 4:
        return (colour_named(pixels.mean(0)),)
    centres, owner = kmeans2(lab.astype(np.float64), 2, seed=0, minit="++", missing="warn")
    share = np.bincount(owner, minlength=2) / len(owner)
    order = np.argsort(-share)
    if share[order[1]] < least or np.linalg.norm(centres[0] - centres[1]) < apart:
        return (colour_named(pixels.mean(0)),)
    both = [colour_named(np.median(pixels[owner == place], 0)) for place in order]
    return tuple(dict.fromkeys(both))


def _pictures(data: Path, split: str) -> Iterator[tuple[str, Description, Tensor, Tensor]]:
    """Name, description, (H, W, 3) and (H, W) uint8 of every garment whose cut-out can be trusted."""
    for row in read_table(data / "synthetic" / "index.tsv"):
        for place, side in enumerate("AB"):
            if row["split"] == split:
                folder = data / "synthetic" / row["set"]
                meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))["items"][place]
                seen = _open(folder / f"cloth_{side}.jpg", folder / f"cloth_mask_{side}.png")
                yield f"synthetic/{row['set']}/{side}", _rendered(meta), *seen
    for row in read_table(data / "garments_cc0" / "index.tsv"):
        mask = data / "garments_cc0" / "masks" / f"{Path(row['path']).stem}.png"
        if row["split"] != split or row["kids"] == "True" or not mask.exists():
            continue
        picture, inside = _open(data / "garments_cc0" / row["path"], mask)
        if is_clean(inside.numpy()):
            category = CATEGORIES[KIND_OF_LABEL[row["label"]]]
            title = LABELS.get(row["label"], row["label"].lower())
            yield f"cc0/{Path(row['path']).stem}", Description(category, title), picture, inside


def _open(picture: Path, mask: Path) -> tuple[Tensor, Tensor]:
    from PIL import Image

    with Image.open(picture) as image, Image.open(mask) as inside:
        shown = image.convert("RGB")
        shown.thumbnail((SIDE, SIDE))
        grey = inside.convert("L").resize(shown.size)
    return torch.from_numpy(np.array(shown)), torch.from_numpy(np.array(grey))


def _rendered(meta: dict[str, object]) -> Description:
    """What a rendered garment's parameters say."""
    garment: dict[str, object] = meta["garment"]  # type: ignore[assignment]
    neck: Sequence[str] = garment["neck"]  # type: ignore[assignment]
    reach = float(garment["sleeve"])  # type: ignore[arg-type]
    sleeve = next(name for most, name in SLEEVES if reach < most)
    pattern = TEXTURES.get(str(meta["tex"]), str(meta["tex"]))
    cut = "sleeveless" if sleeve == "sleeveless" else f"{sleeve}-sleeve"
    title = " ".join(filter(None, ["" if pattern == "plain" else pattern, f"{neck[0]}-neck", cut, "top"]))
    return Description(Category.UPPER, title, (), pattern, sleeve, neck[0])


def _sold() -> set[str]:
    """Names of the rendered garments that the sample shop sells."""
    items = json.loads((SAMPLE / FILE).read_text(encoding="utf-8"))["items"]
    sources = [item["source"] for item in items if "set" in item.get("source", {})]
    return {f"synthetic/{source['set']}/{source['side']}" for source in sources}
