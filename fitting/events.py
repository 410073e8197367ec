"""What shoppers do with items: the only thing that a recommender learns about people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class EventKind(str, Enum):
    """What was done. All but `DISLIKED` speak for the item, `BOUGHT` loudest."""

    VIEWED = "viewed"
    TRIED = "tried"
    LIKED = "liked"
    DISLIKED = "disliked"
    BOUGHT = "bought"


# How much each speaks for the item, to a linear model.
LOUDNESS = {
    EventKind.VIEWED: 0.1,
    EventKind.TRIED: 0.3,
    EventKind.LIKED: 0.7,
    EventKind.DISLIKED: 0.0,
    EventKind.BOUGHT: 1.0,
}


@dataclass(frozen=True)
class Event:
    """Something that a shopper did with an item.

    Attributes:
        shopper, item: ids.
        at: seconds since the epoch.
    """

    shopper: str
    item: str
    kind: EventKind
    at: float
