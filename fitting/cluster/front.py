"""What an app works with: the room and recommender of its own process, or those of a cluster, as the settings say."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fitting.catalogue import Catalogue
from fitting.precision import device_of
from fitting.recommender import Recommender
from fitting.room import FittingRoom
from fitting.settings import Settings


def room_of(settings: Settings) -> FittingRoom:
    """The room that the settings name.

    Raises:
        ShopError: nothing answers at `room_at`, or it does not take the token; or the device is not there.
        WeightsError: there is no `room_at`, and weights are missing or damaged.
    """
    if settings.room_at is None:
        return FittingRoom.load(device=device_of(settings.device), runtime=settings.runtime)
    from fitting.cluster.calling import Line
    from fitting.cluster.remote_room import RemoteRoom

    room = RemoteRoom(Line(settings.room_at, settings.room_token.get_secret_value()))
    room.line.check()
    return room


def recommender_of(settings: Settings) -> Callable[[Catalogue], Recommender] | None:
    """Makes recommenders that ask the cluster; None where there is no cluster, or it does not recommend."""
    if settings.room_at is None:
        return None
    from fitting.cluster.calling import Line
    from fitting.cluster.recommending import RemoteRecommender

    line = Line(settings.room_at, settings.room_token.get_secret_value())
    return partial(RemoteRecommender, line) if line.offers("recommend") else None
