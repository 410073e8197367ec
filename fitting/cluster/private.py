"""How Ray is told to keep things to itself: by the environment, before it is imported, wherever it is used."""

from __future__ import annotations

import importlib.util
import logging
import os

from fitting.errors import ShopError

PRIVATE = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",  # requests' bodies do not pass through the object store
    "RAY_automatic_object_spilling_enabled": "0",  # and what is in the object store never goes to a disk
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
    "RAY_AUTH_MODE": "token",  # nobody joins, or runs anything, without Ray's own token
}


def keep_private() -> dict[str, str]:
    """Set what is not set yet; returns the whole environment.

    Raises:
        ShopError: Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise ShopError("This needs Ray. Install it with: pip install 'fitting-room[cluster]'")
    for name, value in PRIVATE.items():
        os.environ.setdefault(name, value)
    return dict(os.environ)


def connect(address: str | None, cpus: int | None = None) -> None:
    """Join a Ray cluster, or start one of this machine alone.

    Args:
        address: HOST:PORT of the head, or "auto" on a node; None starts one.
        cpus: processors of the one that is started; all by default.

    Raises:
        ShopError: Ray is not installed, or there is no such cluster, or it has another token.
    """
    keep_private()
    import ray

    try:
        ray.init(
            address or "local",
            num_cpus=cpus,
            include_dashboard=None if address else False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except ConnectionError:
        raise ShopError(
            f"The Ray cluster at {address} cannot be joined. See that it runs, and that Ray's token "
            "(~/.ray/auth_token, or RAY_AUTH_TOKEN) is the same here."
        ) from None
