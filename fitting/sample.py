"""The sample shop: the garments that ship with the app, and simulated shoppers, so that a new shop is not empty.

Nobody did what its events tell; `scripts/sample_shop.py` made them up.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from fitting import store as sql
from fitting.catalogue import FILE, Catalogue
from fitting.errors import ShopError
from fitting.item import Item
from fitting.looks import Looks
from fitting.reading import read_orders
from fitting.spreadsheet import Problem
from fitting.store import Look, Store

FOLDER = Path(__file__).resolve().parents[1] / "assets"
SHOPPERS = "shoppers.csv.gz"
EMBEDDINGS = "embeddings.safetensors"


def sample_version(network: str, folder: Path = FOLDER) -> str:
    """What tells one version of the sample shop from another; empty where it did not ship."""
    digest = hashlib.sha256(network.encode())
    for name in (FILE, EMBEDDINGS, SHOPPERS):
        if not (folder / name).is_file():
            return ""
        digest.update((folder / name).read_bytes())
    return f"sample {digest.hexdigest()[:16]}"


def load_sample(store: Store, looks: Looks, version: str, folder: Path = FOLDER) -> None:
    """Put the sample shop into a store, in place of an older one. Does nothing where it did not ship."""
    if not version:
        return
    catalogue = Catalogue.load(folder)
    shipped = _embeddings(folder / EMBEDDINGS, looks.network)
    found = [_look(item, looks, shipped.get(item.id)) for item in catalogue]
    store.keep_looks(found)
    looks.kept(found)
    rows = [_row(place, item, look) for place, (item, look) in enumerate(zip(catalogue, found, strict=True))]
    done = (row[1] for row in read_orders(folder / SHOPPERS, []) if not isinstance(row, Problem))
    with store.editing() as connection:
        sql.remove_sample(connection)
        sql.put_items(connection, rows)
        sql.add_events(connection, done, simulated=True)
        sql.set_setting(connection, "currency", catalogue.currency)
        sql.set_setting(connection, "sample", version)
        sql.revise(connection)


def _embeddings(path: Path, network: str) -> dict[str, np.ndarray]:
    """Item -> embedding (D,), as shipped; none if another network made them."""
    try:
        with safe_open(path, "numpy") as file:
            if (file.metadata() or {}).get("network") != network:
                return {}
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no mapping
    except (OSError, SafetensorError) as error:
        raise ShopError(f"{path} is damaged: {error}. Fetch the repository's assets/ folder again.") from None


def _look(item: Item, looks: Looks, embedding: np.ndarray | None) -> Look:
    """What an item's picture shows; only its copy is made now where the embedding has shipped."""
    content = item.picture.read_bytes()
    if embedding is None:
        return looks.look(content, item.category)
    key = looks.key(content, item.category)
    looks.copy(content, key)
    return Look(key, looks.network, embedding, item.category, False, (), time.time())


def _row(place: int, item: Item, look: Look) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(item, name) for name in sql.FIELDS if name not in ("look", "picture")}
    return row | {
        "category": item.category.value,
        "look": look.key,
        "picture": item.picture.name,
        "colours": json.dumps(item.colours, ensure_ascii=False),
        "place": place,
        "sample": True,
    }
