"""The services as Ray Serve deployments: each scales by itself, tells whether it is well, and keeps nothing.

With what `fitting.cluster.private` says in the environment of Ray's nodes, a request's body goes straight from Serve's
HAProxy to one replica, and the answer back. Without, Serve's own proxy hands bodies through Ray's object store, where
photos would lie in the node's shared memory for some time after the answer (measured: docs/scaling.md).
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.serve import Application
from ray.serve.schema import LoggingConfig
from starlette.requests import Request
from starlette.responses import Response

from fitting.cluster.answering import Answers, answered, dressing, looking
from fitting.cluster.calling import MARK
from fitting.cluster.wire import MAX_BYTES, Message
from fitting.cores import settle
from fitting.frame import NET
from fitting.settings import load


class Size(BaseModel):
    """How large a service is.

    Attributes:
        least, most: replicas; in between, as many as there is work for.
        cpus, gpus: of each replica; networks use as many threads as it has processors.
        at_once: requests that a replica works on at once.
        waiting: requests that may wait at each replica; more are told to come back. -1 for any number.
        runtime: what runs the networks, as of `FittingRoom.load`.
        together: photos that go through PersonNet at once; 1 leaves it to the device (see `fitting.gathered`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    least: int = Field(default=1, ge=1)
    most: int = Field(default=8, ge=1)
    cpus: float = Field(default=1, gt=0)
    gpus: float = Field(default=0, ge=0)
    at_once: int = Field(default=1, ge=1)
    waiting: int = Field(default=20, ge=-1)
    runtime: str = "auto"
    together: int = Field(default=1, ge=1)


class Service:
    """One replica. Answers `POST .../QUESTION` with a message, and marks its answers as its own."""

    def __init__(self, opened: Callable[[], Answers], token: str = "", threads: int = 1) -> None:
        """
        Args:
            opened: loads what is needed and gives the answers; "ready" must raise where something is wrong.
            token: that is asked for; empty for none.
            threads: that the networks use.
        """
        settle()
        torch.set_num_threads(threads)
        self._answers = opened()
        self._token = token

    async def __call__(self, request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if self._token and not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return _response(401)
        stated = request.headers.get("content-length", "")
        if not stated.isdecimal() or int(stated) > MAX_BYTES:
            return _response(413)
        content = await request.body()
        question = request.url.path.rstrip("/").rpartition("/")[2]
        status, answer = await asyncio.to_thread(answered, self._answers, question, content)
        return _response(status, answer)

    def check_health(self) -> None:
        """Asked by Serve every few seconds; a replica that raises is replaced."""
        self._answers["ready"](Message())


def _response(status: int, content: bytes = b"") -> Response:
    return Response(content, status, {MARK: "1", "cache-control": "no-store"}, "application/octet-stream")


def service(opened: Callable[[], Answers], size: Size, token: str = "") -> Application:
    """A service for `ray.serve.run`, which see."""
    scaling: dict[str, Any] = {
        "min_replicas": size.least,
        "max_replicas": size.most,
        "target_ongoing_requests": size.at_once,
        "upscale_delay_s": 5,
        "downscale_delay_s": 120,
    }
    deployed = serve.deployment(
        name="Service",
        max_ongoing_requests=size.at_once,
        max_queued_requests=size.waiting,
        health_check_period_s=10,
        health_check_timeout_s=30,
        graceful_shutdown_timeout_s=30,
        ray_actor_options={"num_cpus": size.cpus, "num_gpus": size.gpus},
        logging_config=LoggingConfig(enable_access_log=False),
        **({"autoscaling_config": scaling} if size.most > size.least else {"num_replicas": size.least}),
    )
    return deployed(Service).bind(opened, token, max(1, round(size.cpus)))


def understand(given: Any) -> Application:
    """Builder of the service that understands people and garments, for Serve's own files and commands, too.

    Args:
        given: a `Size`, or a dictionary that makes one. The token is that of the settings.
    """
    size = Size.model_validate(given)
    return service(partial(open_looking, size), size, _token())


def dress(given: Any) -> Application:
    """Builder of the service that dresses people; see `understand`."""
    size = Size.model_validate(given)
    return service(partial(open_dressing, size), size, _token())


def recommend(given: Any) -> Application:
    """Builder of the service that recommends, from the shop that the replicas' settings name; see `understand`."""
    size = Size.model_validate(given)
    return service(open_recommending, size, _token())


BUILDERS: dict[str, Callable[[Any], Application]] = {"understand": understand, "dress": dress, "recommend": recommend}


def open_looking(size: Size) -> Answers:
    """A room that understands, and remembers nobody."""
    room = _room(size)
    if size.together > 1:
        from fitting.gathered import gathered

        room.person_net = gathered(room.person_net, size.together)
    return {**looking(room), "ready": partial(_well, room.person_net)}


def open_dressing(size: Size) -> Answers:
    """A room that dresses, and remembers nobody."""
    room = _room(size)
    return {**dressing(room), "ready": partial(_well, room.person_net)}


def open_recommending() -> Answers:
    """The shop's recommender."""
    from fitting.cluster.recommending import Advice
    from fitting.shop import Shop

    return Advice(Shop.usual()).answers()


def _room(size: Size) -> Any:
    from fitting.room import FittingRoom

    return FittingRoom.load(device="cuda" if size.gpus else "cpu", remembered=0, runtime=size.runtime)


@torch.inference_mode()
def _well(net: torch.nn.Module, message: Message) -> Message:
    """A look at an empty picture. Raises RuntimeError where no numbers come of it."""
    weight = next(net.parameters())
    maps = net(torch.zeros(2, 3, *NET, dtype=weight.dtype, device=weight.device))
    if not bool(maps.matte.isfinite().all()):
        raise RuntimeError("the network sees no numbers")
    return Message()


def _token() -> str:
    return load().room_token.get_secret_value()
