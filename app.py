"""Opens the fitting room: `python app.py`, then http://127.0.0.1:7860. Also what Hugging Face Spaces starts."""

from __future__ import annotations

import logging
import sys

from fitting.ui.serving import assets, launch, prepare
from fitting.ui.zero import register


def main() -> None:
    """Build the app with our own networks and people and the shop's garments, and serve it."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    prepare()
    register()
    from fitting.errors import ShopError, WeightsError
    from fitting.room import FittingRoom
    from fitting.settings import load
    from fitting.shop import Shop
    from fitting.ui.adviser import Adviser
    from fitting.ui.blocks import build_app
    from fitting.ui.guard import Limiter
    from fitting.ui.routes import lifespan_of, metrics_of, routes_of, tools_of
    from fitting.ui.shelves import load_people

    try:
        settings = load()
        room = FittingRoom.load()
        shop = Shop.usual(settings)
    except (WeightsError, ShopError) as error:
        sys.exit(str(error))
    with shop:
        adviser = Adviser(shop)
        adviser.prepare()
        limiter, metrics = Limiter(settings), metrics_of(settings)
        room = metrics.watch(room) if metrics else room
        tools = tools_of(settings, room, shop, adviser, limiter)
        page = build_app(room, shop, load_people(assets()), adviser, settings)
        routes = routes_of(page, shop, metrics, tools)
        # The pictures of the items, and no other files of the shop, are for everybody's eyes.
        launch(page, settings, limiter, routes, lifespan_of(tools), allowed_paths=[str(shop.pictures)])


if __name__ == "__main__":
    main()
