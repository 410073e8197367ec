"""Makes what the sample shop needs beside its garments: their embeddings, and simulated shoppers.

    python scripts/sample_shop.py            # both, into assets/
    python scripts/sample_shop.py --check    # says whether what is there is what this script makes

Nobody did what the events tell: they come from a model of taste with a fixed seed (`simulated_shoppers.py`).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from simulated_shoppers import simulate

from fitting import images
from fitting.catalogue import Catalogue
from fitting.garment import understand_garment
from fitting.looks import load_networks, network_name
from fitting.sample import EMBEDDINGS
from fitting.sample import SHOPPERS as SHOPPERS_FILE

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the files differ")
    options = parser.parse_args()
    catalogue = Catalogue.load(ASSETS)
    events, embeddings = events_file(catalogue), embed(catalogue)
    if options.check:
        check(events, embeddings)
        return
    # Without a time in its header, the file is the same every time.
    (ASSETS / SHOPPERS_FILE).write_bytes(gzip.compress(events.encode(), 9, mtime=0))
    save_file(embeddings, ASSETS / EMBEDDINGS, {"network": network_name()})


def check(events: str, embeddings: dict[str, np.ndarray]) -> None:
    """Leave with a sentence if the files in assets/ are not what was made now."""
    if gzip.decompress((ASSETS / SHOPPERS_FILE).read_bytes()).decode() != events:
        sys.exit(f"assets/{SHOPPERS_FILE} is not what this script makes")
    shipped = load_file(ASSETS / EMBEDDINGS)
    # Processors round differently.
    if shipped.keys() != embeddings.keys() or any(shipped[name] @ found < 0.999 for name, found in embeddings.items()):
        sys.exit(f"assets/{EMBEDDINGS} is not what this script makes")


def events_file(catalogue: Catalogue) -> str:
    """Everybody's events in order of time, as a CSV file."""
    events = sorted(simulate(catalogue), key=lambda event: (event.at, event.shopper))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["shopper", "item", "kind", "at"])
    writer.writerows([event.shopper, event.item, event.kind.value, int(event.at)] for event in events)
    return text.getvalue()


def embed(catalogue: Catalogue) -> dict[str, np.ndarray]:
    """Each item's embedding (128,) by the shipped network."""
    torch.set_num_threads(1)
    garment_net, person_net = load_networks()
    found = {}
    for item in catalogue:
        pixels = images.to_tensor(images.decode(item.picture))
        found[item.id] = understand_garment(garment_net, pixels, item.category, person_net).embedding.numpy()
    return found


if __name__ == "__main__":
    main()
