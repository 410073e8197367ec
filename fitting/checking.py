"""Looking a shop over: does everything that it needs work?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fitting import images
from fitting.errors import GarmentError
from fitting.shop import Shop


def check(shop: Shop) -> Iterator[str]:
    """Sentences about what is wrong with a shop; none if all is well."""
    catalogue = shop.catalogue()
    for item in catalogue:
        try:
            images.decode(item.picture, GarmentError)
        except FileNotFoundError:
            yield f"{item.id}: the copy of its picture is gone. Import the products again."
        except GarmentError as error:
            yield f"{item.id}: {error} Import the products again."
    if len(catalogue):
        lengths = np.linalg.norm(catalogue.vectors, axis=1)
        for item, length in zip(catalogue, lengths, strict=True):
            if not np.isclose(length, 1, atol=1e-3):
                yield f"{item.id}: its embedding is damaged. Import the products again."
    others = sum(count for network, count in shop.store.networks().items() if network != shop.looks.network)
    if others:
        yield f"{others} embeddings come from another GarmentNet than the one here. Import the products again."
    counts = shop.store.event_counts()
    known = len(shop.store.events())
    if known < counts["events"]:
        yield f"{counts['events'] - known} of {counts['events']} events are of items that the shop does not have."
