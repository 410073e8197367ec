"""Training and measuring the generators of items, shoppers and reviews, for the command line."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

TRAINED = ("profiles", "reviews", "shoppers")


def train(name: str, data: Path, folder: Path, minutes: float | None, resume: bool) -> None:
    """Train one of `TRAINED`."""
    if name == "profiles":
        from fitting.training.item_profiles import train_profiles

        train_profiles(data, folder, minutes, resume)
    elif name == "reviews":
        from fitting.training.reviews import train_reviews

        train_reviews(data, folder, minutes, resume)
    else:
        from fitting.training.shoppers import train_shoppers

        train_shoppers(data, folder, minutes, resume)


def measure(name: str, data: Path, folder: Path, seeds: int) -> dict[str, Any]:
    """Numbers of one of `TRAINED`.

    Args:
        folder: where it is trained: what was made of the data there is used again.
        seeds: how often what hangs on chance is made.
    """
    logging.getLogger("fitting").setLevel(logging.INFO)
    if name == "profiles":
        from fitting.evaluation import profiles

        return profiles.evaluate(data, folder, seeds)
    if name == "reviews":
        from fitting.evaluation import reviews

        return reviews.evaluate(data, folder)
    from fitting.evaluation import shoppers

    return shoppers.evaluate(data, seeds)
