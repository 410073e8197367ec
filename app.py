"""Opens the fitting room: `python app.py`, then http://127.0.0.1:7860. Also what Hugging Face Spaces starts."""

from __future__ import annotations

import sys

from fitting.cores import settle
from fitting.ui.stubs import without_stubs


def main() -> None:
    """Build the app with our own networks and people and the shop's garments, and serve it."""
    settle()
    without_stubs()
    from fitting.ui.serving import assets, launch, prepare
    from fitting.ui.zero import register

    told = prepare()
    register()
    from fitting.cluster.front import recommender_of, room_of
    from fitting.errors import ShopError, WeightsError
    from fitting.room import FittingRoom
    from fitting.settings import load
    from fitting.shop import Shop
    from fitting.ui.adviser import Adviser
    from fitting.ui.blocks import build_app
    from fitting.ui.closing import leave, serve
    from fitting.ui.guard import Limiter
    from fitting.ui.logs import adopt_server, begin, refused
    from fitting.ui.routes import lifespan_of, metrics_of, routes_of, tools_of
    from fitting.ui.shelves import load_people
    from fitting.ui.traffic import Traffic
    from fitting.ui.turns import share_cores
    from fitting.ui.warming import warm
    from fitting.ui.watched import Watched

    try:
        settings = load()
        begin(settings)
        share_cores(settings.at_once)
        room = room_of(settings)
        shop = Shop.usual(settings)
    except (WeightsError, ShopError) as error:
        sys.exit(refused(error))
    with shop:
        people, adviser = load_people(assets()), Adviser(shop, recommender_of(settings))
        adviser.prepare()
        limiter, metrics, traffic = Limiter(settings), metrics_of(settings), Traffic()
        watched: FittingRoom = metrics.watch(room) if metrics else Watched(room)  # type: ignore[assignment]
        tools = tools_of(settings, watched, shop, adviser, limiter)
        page = build_app(watched, shop, people, adviser, settings)
        routes = routes_of(page, shop, metrics, tools, traffic)
        # The pictures of the items, and no other files of the shop, are for everybody's eyes.
        public = [str(shop.pictures)]
        options = {"allowed_paths": public, "prevent_thread_lock": True, "quiet": settings.log == "json"}
        launch(page, settings, limiter, routes, lifespan_of(tools), traffic, **options)
        adopt_server()
        # Not watched, since it is nobody's try-on. Not before either: a process that is told to stop while it starts
        # would be taken apart beneath this thread.
        warm(room, people[0].picture, next(assets().glob("garments/*.jpg")))
        serve(page, traffic, settings.finish_seconds, told)
    leave()


if __name__ == "__main__":
    main()
