"""The fitting room for agents: a Model Context Protocol server with the tools try_on, recommend and catalogue.

Needs the extra `mcp`. Gradio could offer the endpoints as tools itself, but would fetch pictures from addresses that
strangers name, keep those that come within a call on disk, and take all agents for one visitor. Here pictures come
within the call and are opened in memory, and nothing is kept.
"""

# Without `from __future__ import annotations`: the tools' schemas are read from the annotations themselves.

import base64
import binascii
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any, Literal, TypeVar

import anyio
import anyio.to_thread
import PIL.Image
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field
from starlette.routing import BaseRoute
from typing_extensions import TypedDict

from fitting import images
from fitting.errors import FittingError, GarmentError, PhotoError
from fitting.events import EventKind
from fitting.garment import Garment
from fitting.provenance import marked
from fitting.recommender import because
from fitting.room import FittingRoom
from fitting.settings import Settings
from fitting.ui import words
from fitting.ui.adviser import Adviser
from fitting.ui.guard import Limiter, client_of
from fitting.ui.look import garment_of
from fitting.ui.offers import Finders, Offers, category_of, count_of, offer, page
from fitting.ui.shelves import ShopFront
from fitting.ui.shopper import Shopper
from fitting.ui.telling import spoken
from fitting.ui.turns import together

Answer = TypeVar("Answer")
Where = Annotated[
    Literal["auto", "upper", "lower", "dress", "outer"],
    Field(
        description="Where it is worn: upper (tops), lower (trousers, skirts), dress, outer (jackets, coats), or auto"
    ),
]
Picture = Annotated[
    str, Field(description="A JPG, PNG or WebP, base64-encoded; a data: URL will do, a web address not")
]
Colour = Annotated[str | None, Field(description="A colour family, such as blue, red, black, beige")]

_ABOUT = (
    "A virtual fitting room. Find a garment with `catalogue`, then show somebody wearing it with `try_on`. "
    "It shows the style, not the exact fit. Only photos of adults who agreed may be used; no photo is kept."
)
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)


class Advice(TypedDict):
    """A recommended item, with the reasons for it."""

    id: str
    title: str
    category: str
    price: float | None
    reasons: list[str]


class Advised(TypedDict):
    """What is recommended, the best first."""

    items: list[Advice]


class Tools:
    """The tools of one app, and the server that offers them at /mcp."""

    def __init__(
        self, room: FittingRoom, shop: ShopFront, adviser: Adviser, settings: Settings, limiter: Limiter
    ) -> None:
        self.room, self.shop, self.adviser = room, shop, adviser
        self.settings, self.limiter = settings, limiter
        self.finders = Finders(shop)
        self._turn = anyio.CapacityLimiter(together(settings.at_once))
        self.server = MCPServer(settings.name, instructions=_ABOUT, log_level="WARNING")
        self.server.tool(title="Try a garment on", annotations=_READS, structured_output=False)(self.try_on)
        self.server.tool(title="Recommend garments", annotations=_READS)(self.recommend)
        self.server.tool(title="Search the catalogue", annotations=_READS)(self.catalogue)

    def routes(self) -> list[BaseRoute]:
        """The route /mcp. Sessions hold nothing, so there are none."""
        local = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1") in ("127.0.0.1", "localhost")
        app = self.server.streamable_http_app(
            stateless_http=True,
            json_response=True,
            max_request_body_size=3 * (self.settings.upload_mb << 20),  # two pictures, a third longer in base64
            # On this machine alone, no page elsewhere may call it by a name that leads here (DNS rebinding).
            host="127.0.0.1" if local and not self.settings.proxies else "",
        )
        return list(app.routes)

    def running(self) -> AbstractAsyncContextManager[None]:
        """What serves the route; for the app's life. Call `routes` before."""
        return self.server.session_manager.run()

    async def try_on(
        self,
        photo: Picture,
        context: Context[Any, Any],
        item: Annotated[str | None, Field(description="Id of a garment, from `catalogue` or `recommend`")] = None,
        garment: Annotated[str | None, Field(description="Instead of item: a picture of a garment, as photo")] = None,
        category: Where = "auto",
    ) -> list[Any]:
        """Show the person in a photo wearing a garment of the catalogue, or one in a picture.

        The photo shows one adult from the front, hips or more in view. Answers with the picture at the photo's own
        size, and with notes on how it came out. Face, hair, hands and background stay as they are.
        """
        self._count(context)

        def dress() -> list[Any]:
            worn_as = category_of(category)
            person = images.decode(_content(photo, PhotoError), PhotoError)
            if item is None and garment is None:
                raise GarmentError(words.NO_GARMENT)
            worn: PIL.Image.Image | Garment
            if item is not None:
                worn = garment_of(self.shop, item)
            else:
                worn = images.decode(_content(garment or "", GarmentError), GarmentError)
            try:
                result = self.room.try_on(person, worn, worn_as)
            finally:
                self.room.forget(person)
            said = "\n".join((words.worn_as(result.category, False), *result.notes, words.HONESTY))
            return [Image(data=marked(result.picture, "JPEG"), format="jpeg"), said]

        return await self._in_turn(dress)

    async def recommend(
        self,
        viewed: Annotated[str | None, Field(description="Id of the garment that is being looked at")] = None,
        liked: Annotated[list[str] | None, Field(description="Ids of garments that the shopper likes")] = None,
        category: Where = "auto",
        count: Annotated[int, Field(description="How many", ge=1, le=50)] = 8,
    ) -> Advised:
        """Garments that a shopper may like, the best first, each with reasons in words.

        With `viewed` alone: what goes with that garment. With `liked`: what fits the shopper's taste.
        """

        def advise() -> Advised:
            shopper, catalogue = Shopper(), self.shop.catalogue()
            for item in liked or ():
                if item not in catalogue:
                    raise GarmentError(words.NO_SUCH_ITEM)
                shopper.did(item, EventKind.LIKED)
            found = self.adviser.recommend(shopper, viewed, category_of(category), count_of(count, 1, 50))
            if found is None:
                raise GarmentError(words.NO_ADVICE)
            entries, known = found
            items = [(offer(entry.item), [because(reason, known) for reason in entry.reasons]) for entry in entries]
            return Advised(
                items=[
                    Advice(
                        id=one["id"], title=one["title"], category=one["category"], price=one["price"], reasons=reasons
                    )
                    for one, reasons in items
                ]
            )

        return await _in_words(lambda: anyio.to_thread.run_sync(advise))

    async def catalogue(
        self,
        search: Annotated[str, Field(description="Words such as 'striped shirt'; typos do no harm")] = "",
        category: Where = "auto",
        colour: Colour = None,
        limit: Annotated[int, Field(description="Items at most", ge=1, le=100)] = 24,
        offset: Annotated[int, Field(description="Items to pass over, for the next page", ge=0)] = 0,
    ) -> Offers:
        """Garments that can be tried on: all of them, or those that fit a search, the best first.

        Pass an item's `id` to `try_on`. Prices are in `currency`.
        """

        def find() -> Offers:
            return page(self.finders, search, category_of(category), colour, limit, offset)

        return await _in_words(lambda: anyio.to_thread.run_sync(find))

    def _count(self, context: Context[Any, Any]) -> None:
        request = context.request_context.request
        peer = request.client.host if request is not None and request.client else ""
        forwarded = request.headers.get("x-forwarded-for", "") if request is not None else ""
        if not self.limiter.allows("try", client_of(peer, forwarded, self.settings.proxies)):
            raise ToolError(words.TOO_OFTEN)

    async def _in_turn(self, dress: Callable[[], Answer]) -> Answer:
        """As many at a time as there are cores, and not too many in line."""
        if self._turn.statistics().tasks_waiting >= self.settings.queue:
            raise ToolError(words.BUSY)
        return await _in_words(lambda: anyio.to_thread.run_sync(dress, limiter=self._turn))


async def _in_words(answer: Callable[[], Any]) -> Any:
    """Whatever goes wrong is said in words that are meant for whoever called."""
    try:
        return await answer()
    except Exception as error:
        raise ToolError(spoken(error)) from None


def _content(text: str, error: type[FittingError]) -> bytes:
    """The bytes of a picture that came as text. Raises the error where it is none."""
    encoded = text.partition(";base64,")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise error(words.NO_ADDRESSES) from None
