"""Asking a service of the cluster over HTTP: what a lost replica did not answer is asked once more.

HTTP, and not Ray's own handles, because a handle makes whoever holds it a member of the Ray cluster: pickles would go
both ways, the front would need Ray and its exact version, and every argument would lie in an object store. Over HTTP
the front needs nothing that Gradio does not bring, and any load balancer may stand between.
"""

from __future__ import annotations

import logging
import time

import httpx

from fitting.cluster.wire import Message
from fitting.errors import AwayError, FittingError, GarmentError, PhotoError, ShopError
from fitting.room import AWAY

log = logging.getLogger(__name__)

KINDS: dict[str, type[FittingError]] = {"photo": PhotoError, "garment": GarmentError, "refused": FittingError}
MARK = "x-fitting-room"  # a header of our answers: one without it comes from whatever stands in front of a replica
PAUSE = 0.2  # seconds before something is asked again
TIMES = httpx.Timeout(60.0, connect=5.0)  # a picture of 25 megapixels takes seconds


class Line:
    """A connection to the services at an address. Safe to use from several threads."""

    def __init__(self, address: str, token: str = "", transport: httpx.BaseTransport | None = None) -> None:
        """
        Args:
            address: `http://HOST:PORT` or `https://...`, with a path where the services have a prefix.
            token: that the services ask for.
            transport: other than the network, for tests.
        """
        self.address = address.rstrip("/")
        self.asked_again = 0  # how often something was lost and asked once more
        headers = {"authorization": f"Bearer {token}"} if token else {}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        # Proxies of the environment are for addresses outside; nothing of a visitor's is sent to them.
        self._client = httpx.Client(headers=headers, timeout=TIMES, limits=limits, transport=transport, trust_env=False)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def ask(self, service: str, question: Message) -> Message:
        """Put a question to a service, which may be repeated: nothing that a service does leaves a trace.

        Raises:
            FittingError: what the service would have a visitor told, or `AwayError`: nothing answers.
            ValueError: the question was wrong.
            RuntimeError: the service broke.
        """
        content = question.to_bytes()
        answer = self._once(service, content)
        if answer is None:
            self.asked_again += 1
            time.sleep(PAUSE)
            answer = self._once(service, content)
        if answer is None:
            raise AwayError(AWAY)
        return _understood(service, answer)

    def check(self) -> None:
        """See whether the services answer, and take the token.

        Raises:
            ShopError: they do not.
        """
        for service in ("understand", "dress"):
            try:
                self.ask(f"{service}/ready", Message())
            except (FittingError, ValueError, RuntimeError) as error:
                raise ShopError(f"The fitting room at {self.address} cannot be used: {error}") from None

    def offers(self, service: str) -> bool:
        """Whether there is such a service, and it is ready."""
        try:
            self.ask(f"{service}/ready", Message())
        except (FittingError, ValueError, RuntimeError):
            return False
        return True

    def _once(self, service: str, content: bytes) -> httpx.Response | None:
        """The answer; None where whoever was to give it is gone."""
        try:
            answer = self._client.post(f"{self.address}/{service}", content=content)
        except httpx.TimeoutException:
            log.warning("%s did not answer in time", service)
            raise AwayError(AWAY) from None  # to wait as long again would help nobody
        except httpx.TransportError as error:
            log.warning("%s was lost: %s", service, type(error).__name__)
            return None
        if MARK in answer.headers:
            return answer
        log.warning("%s was not answered by a fitting room: status %d", service, answer.status_code)
        if answer.status_code in (429, 503):  # too many are waiting already
            raise AwayError(AWAY)
        return None


def _understood(service: str, answer: httpx.Response) -> Message:
    if answer.status_code >= 500:
        raise RuntimeError(f"{service} broke; its log says why")
    if answer.status_code == 401:
        raise ValueError("it does not take the token")
    message = Message.from_bytes(answer.content)
    if answer.status_code == 200:
        return message
    said = str(message.about.get("said", ""))
    raise KINDS.get(str(message.about.get("kind")), ValueError)(said)
