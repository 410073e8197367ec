"""Opens the fitting room: `python app.py`, then http://127.0.0.1:7860. Also what Hugging Face Spaces starts."""

from __future__ import annotations

import logging
import sys

from fitting.ui.serving import assets, launch, prepare


def main() -> None:
    """Build the app with our own networks, people and garments, and serve it."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    prepare()
    from fitting.catalogue import Catalogue
    from fitting.errors import WeightsError
    from fitting.room import FittingRoom
    from fitting.ui.blocks import build_app
    from fitting.ui.shelves import load_people

    try:
        room = FittingRoom.load()
    except WeightsError as error:
        sys.exit(str(error))
    launch(build_app(room, Catalogue.load(assets()), load_people(assets())))


if __name__ == "__main__":
    main()
